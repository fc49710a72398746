"""A folder of a local file system: names are paths below it, drafts are files in ``tmp``."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.common.atomic_files import (
    mapped_os_errors,
    move,
    publish,
    scratch_file,
    scratch_path,
)
from imgurer_kernel.errors import BlobMissing


class PosixBackend:
    """Files below one folder; see `imgurer_kernel.store.blobs.backends.base.Backend`.

    Parameters
    ----------
    root
        Folders below it are made when something is first stored.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        # On the same file system as all names, so that publishing is a rename.
        self._drafts = root / "tmp"

    def location(self, name: str) -> str:
        """The path as text."""
        return str(self._root / name)

    def exists(self, name: str) -> bool:
        """Whether there is a file."""
        return (self._root / name).is_file()

    def open(self, name: str) -> BinaryIO:
        """Open the file."""
        path = self._root / name
        with mapped_os_errors(path):
            try:
                return path.open("rb")
            except (FileNotFoundError, NotADirectoryError) as error:
                message = f"there is no file {path}"
                raise BlobMissing(message) from error

    def path(self, name: str) -> Path:
        """The file itself."""
        return self._root / name

    @contextmanager
    def create(self) -> Iterator["FileDraft"]:
        """Begin a file."""
        with mapped_os_errors(self._drafts), scratch_file(self._drafts) as (path, file):
            yield FileDraft(self._root, path, file)

    @contextmanager
    def link(self, source: Path) -> Iterator["LinkDraft | None"]:
        """Begin a hard link, which the file system may not have to offer, as between two disks."""
        with mapped_os_errors(self._drafts):
            path = scratch_path(self._drafts)
            try:
                os.link(os.path.realpath(source), path)
            except OSError:
                # Whatever the reason is, a copy works or tells the source from the store.
                yield None
                return
            try:
                yield LinkDraft(self._root, path)
            finally:
                path.unlink(missing_ok=True)

    def move(self, name: str, new_name: str) -> bool:
        """Rename the file."""
        path = self._root / name
        if not path.exists():
            return False
        with mapped_os_errors(path):
            move(path, self._root / new_name)
        return True

    def remove(self, name: str) -> None:
        """Unlink the file."""
        path = self._root / name
        with mapped_os_errors(path):
            path.unlink(missing_ok=True)

    def names(self, folder: str) -> Iterator[str]:
        """All files below a folder, in the order of their paths."""
        path = self._root / folder
        with mapped_os_errors(path):
            if not path.is_dir():  # nothing stored yet, or a stray file
                return
            with os.scandir(path) as found:
                entries = sorted((entry.name, entry.is_dir()) for entry in found)
        for entry, is_folder in entries:
            name = f"{folder}/{entry}"
            if is_folder:
                yield from self.names(name)
            else:
                yield name

    def age(self, name: str) -> float:
        """Seconds since the file's entry was last changed."""
        path = self._root / name
        # The time of the entry, not of the content: a hard link shares the content's time
        # with a file that is not ours, and moving into the trash does not touch it.
        with mapped_os_errors(path):
            try:
                return time.time() - path.stat().st_ctime
            except FileNotFoundError:
                return 0.0

    def discard_drafts(self, seconds: float) -> int:
        """Unlink files in ``tmp`` that nobody has written to for so long."""
        left = [name for name in self.names(self._drafts.name) if self.age(name) >= seconds]
        for name in left:
            self.remove(name)
        return len(left)


@dataclass(frozen=True, slots=True)
class FileDraft:
    """A file that is being written."""

    root: Path
    path: Path
    file: BinaryIO

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        self.file.write(data)

    def publish(self, name: str, *, durable: bool = True) -> None:
        """Move the file to its final path, synced to the disk first if it is to be durable."""
        publish(self.file, self.path, self.root / name, durable=durable)


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """A hard link to a file that is not ours."""

    root: Path
    path: Path

    def open(self) -> BinaryIO:
        """Open the file that is shared."""
        return self.path.open("rb")

    def publish(self, name: str, *, durable: bool = True) -> None:
        """Move the link to its final path."""
        move(self.path, self.root / name, durable=durable)
