"""Open files that are about to move folder by folder, so that no path can be swapped meanwhile.

Between checking a path and acting on it, another process may replace a folder by a link, or the
file by another one. So each folder below the root is opened from its parent, without following
links; the file is opened, read and compared through that descriptor; and the rename is made in the
open folder, with a check before and after. If the rename moved another file than the one read, that
file is moved back.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from imgurer_kernel.errors import ActRefused, FileInaccessible
from imgurer_kernel.store.catalog.journal import JournalEntry

FileStat = os.stat_result

CHUNK = 1 << 20
"""Bytes read at a time."""
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_SHOWS_WHAT_IS_THERE = {errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EEXIST}
_CAN = {os.open, os.stat, os.rename, os.mkdir, os.link} <= os.supports_dir_fd


@dataclass(frozen=True, slots=True)
class Place:
    """A name in an open folder."""

    folder: int
    name: bytes

    def facts(self) -> os.stat_result | None:
        """Return the stat result of the entry, without following links; None if there is none."""
        try:
            return os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def holds(self, device: int | None, inode: int | None) -> bool:
        """Return whether the entry is the file of this device and inode."""
        facts = self.facts()
        return facts is not None and (facts.st_dev, facts.st_ino) == (device, inode)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """An open regular file, its place and its path."""

    place: Place
    descriptor: int
    facts: os.stat_result
    path: bytes

    def is_there(self) -> bool:
        """Return whether its name still refers to this file."""
        return self.place.holds(self.facts.st_dev, self.facts.st_ino)

    def is_unchanged(self) -> bool:
        """Return whether it is still there and was not modified since it was opened."""
        facts = os.fstat(self.descriptor)
        before = self.facts
        same = (facts.st_size, facts.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        return same and self.is_there()

    def digest(self) -> str:
        """Return the SHA-256 of its bytes, 64 hex digits.

        Raises
        ------
        FileInaccessible
            If the disk fails to read them.
        """
        hashed = hashlib.sha256()
        at = 0
        try:
            while piece := os.pread(self.descriptor, CHUNK, at):
                hashed.update(piece)
                at += len(piece)
        except OSError as error:
            raise refusal(error, self.path) from error
        return hashed.hexdigest()


def split(root: bytes, path: bytes) -> list[bytes]:
    """Split the path below a folder into names.

    Raises
    ------
    ActRefused
        If the path is not below the folder, or contains a step out of it.

    Examples
    --------
    >>> split(b"/a", b"/a/b/c.jpg")
    [b'b', b'c.jpg']
    """
    start = root.rstrip(b"/") + b"/"
    names = path[len(start) :].split(b"/") if path.startswith(start) else []
    if not names or any(name in {b"", b".", b".."} for name in names):
        message = f"{shown(path)} is not below {shown(root)}; nothing outside is touched"
        raise ActRefused(message)
    return names


def shown(path: bytes) -> str:
    r"""Convert a path to text; bytes that are not UTF-8 are escaped.

    Examples
    --------
    >>> shown(b"/a/\xff.jpg")
    '/a/\\xff.jpg'
    """
    return path.decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class ActPaths:
    """Source and target of a file, each with its root folder."""

    source: bytes
    source_root: bytes
    target: bytes
    target_root: bytes


def paths_of(entry: JournalEntry) -> ActPaths:
    """Return the paths of an act that moves a file.

    Raises
    ------
    ActRefused
        If the act moves no file.
    """
    source, target = entry.source_key, entry.target_key
    if source is None or target is None or not entry.source_root or not entry.target_root:
        message = f"entry {entry.entry_id} moved no file"
        raise ActRefused(message)
    return ActPaths(source, entry.source_root, target, entry.target_root)


@contextmanager
def place_of(root: bytes, names: Sequence[bytes], *, make: bool = False) -> Iterator[Place]:
    """Open the parent folder of a file, step by step from the root, following no link below it.

    Parameters
    ----------
    make
        Make the folders that are missing.

    Raises
    ------
    ActRefused
        If a folder is missing, is not a folder, or may not be opened or made; the message names it.
    """
    with innermost(root, names[:-1], make=make) as opened:
        if opened.missing:
            at = b"/".join((opened.path, opened.missing[0]))
            raise refused(errno.ENOENT, at)
        yield Place(opened.folder, names[-1])


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """An open folder, its path, and the missing folder names below it."""

    folder: int
    path: bytes
    missing: tuple[bytes, ...]


@contextmanager
def innermost(root: bytes, names: Sequence[bytes], *, make: bool = False) -> Iterator[OpenFolder]:
    """Open the innermost existing folder, step by step from the root, following no link.

    Parameters
    ----------
    names
        The folders below the root.
    make
        Make the missing ones.

    Raises
    ------
    ActRefused
        As for `place_of`.
    """
    if not _CAN:
        message = "this system cannot hold folders open while a file moves; use a plan's script"
        raise ActRefused(message)
    with ExitStack() as stack:
        at = inner = root
        missing: tuple[bytes, ...] = ()
        try:
            folder = _held(stack, os.open(root, _FOLDER))
            for depth, name in enumerate(names):
                inner = at + b"/" + name
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o777, dir_fd=folder)
                try:
                    folder = _held(stack, os.open(name, _FOLDER | _NO_LINK, dir_fd=folder))
                except FileNotFoundError:
                    missing = tuple(names[depth:])
                    break
                at = inner
        except OSError as error:
            raise refusal(error, inner) from error
        except ValueError as error:  # a zero byte
            message = f"{shown(inner)!r} is not a path: {error}; name another folder"
            raise ActRefused(message) from error
        yield OpenFolder(folder, at, missing)


@contextmanager
def held(place: Place, path: bytes) -> Iterator[HeldFile]:
    """Open the regular file at a place.

    Raises
    ------
    ActRefused
        If there is none, it is a link or not a regular file, or it may not be read (then
        `FileInaccessible`).
    """
    try:
        # Without blocking: opening a pipe would wait for a writer forever.
        descriptor = os.open(
            place.name, os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0), dir_fd=place.folder
        )
    except OSError as error:
        raise refusal(error, path) from error
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            message = f"{shown(path)} is not a regular file; it is left alone"
            raise ActRefused(message)
        yield HeldFile(place, descriptor, facts, path)
    finally:
        os.close(descriptor)


def refused(code: int, path: bytes) -> ActRefused:
    """Make the `ActRefused` for an errno; see `refusal`."""
    return refusal(OSError(code, os.strerror(code)), path)


def refusal(error: OSError, path: bytes) -> ActRefused:
    """Turn an `OSError` into an `ActRefused` with a remedy.

    It is a `FileInaccessible` unless the error shows what is at the path: nothing, or something
    that is not followed.
    """
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        remedy = "make the folder writable for this user"
    elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
        remedy = "make space on that disk"
    elif error.errno in {errno.ELOOP, errno.ENOTDIR}:
        remedy = "a link stands there, or no folder; it is not followed"
    elif error.errno == errno.ENOENT:
        remedy = "it was moved or deleted meanwhile: scan the folder again"
    elif error.errno == errno.EEXIST:
        remedy = "move away what is there"
    elif error.errno == errno.EXDEV:
        remedy = "it is on another file system; name a folder to move files to"
    elif error.errno == errno.EIO:
        remedy = "the disk failed; check it and its cable, and copy what can still be read"
    elif error.errno in {errno.EMFILE, errno.ENFILE}:
        remedy = "too many files are open; try again"
    else:
        remedy = "nothing was changed"
    kind = ActRefused if error.errno in _SHOWS_WHAT_IS_THERE else FileInaccessible
    return kind(f"{shown(path)}: {error.strerror or error}; {remedy}")


def without_links(path: bytes) -> ActRefused:
    """Make the `ActRefused` for a hard link on a file system that has none."""
    return ActRefused(f"{shown(path)}: this disk has no hard links; use the trash instead")


def _held(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor
