"""Disks such as memory cards: they ignore case, have no hard links, and sync no folders."""

import errno
import os
import stat
from pathlib import Path


def ignore_case(monkeypatch, folder):
    """Have names below a folder be found whatever their case, as by macOS and on memory cards.

    For what is found by name only; files are opened by the names that their folders list.
    """
    start = os.fspath(folder)

    def listed(path):
        text = os.fsdecode(path)
        if not text.startswith(start + os.sep):
            return path
        found = Path(start)
        for name in Path(text).relative_to(start).parts:
            try:
                names = [each.name for each in found.iterdir()]
            except OSError:
                names = []
            same = [each for each in names if each.casefold() == name.casefold()]
            found /= same[0] if same else name
        return os.fsencode(found) if isinstance(path, bytes) else str(found)

    for function in ("stat", "lstat"):
        real = getattr(os, function)

        def looked_up(path, *arguments, real=real, **options):
            if isinstance(path, int) or options.get("dir_fd") is not None:
                return real(path, *arguments, **options)
            return real(listed(path), *arguments, **options)

        monkeypatch.setattr(os, function, looked_up)


def forbid_links(monkeypatch, number=errno.EPERM):
    """Have no file be given a second name."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


def forbid_syncing_folders(monkeypatch, number=errno.EINVAL):
    """Have no folder be synced."""
    real = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
