"""A folder of a local file system: names are paths below it, drafts are files in ``tmp``.

An area such as ``blobs`` may be a symbolic link to a folder on another disk, for example because
the first one was full: its drafts are then in a folder ``.tmp`` in it, since a rename cannot cross
disks.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.common.atomic_files import (
    make_folders,
    mapped_os_errors,
    move,
    publish,
    scratch_file,
    scratch_path,
    storage_error,
)
from imgurer_kernel.errors import BlobMissing

DRAFTS, DRAFTS_ELSEWHERE = "tmp", ".tmp"
AREAS = ("blobs", "references", "links", "thumbs")
_LEVEL = 2  # characters of the folders between an area and a digest (`nesting`)


class PosixBackend:
    """Files below one folder; see `imgurer_kernel.store.blobs.backends.base.Backend`.

    Parameters
    ----------
    root
        Folders below it are made when something is first stored.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._drafts = root / DRAFTS

    def location(self, name: str) -> str:
        """Return the path as text."""
        return str(self._root / name)

    def exists(self, name: str) -> bool:
        """Return whether there is a file."""
        return (self._root / name).is_file()

    def open(self, name: str) -> BinaryIO:
        """Open the file."""
        # Text instead of a Path: a check opens three files for each picture, and would make paths
        # for a quarter of its time.
        path = f"{self._root}/{name}"
        try:
            return open(path, "rb")  # noqa: PTH123
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            message = f"there is no file {path}"
            raise BlobMissing(message) from error
        except OSError as error:
            if error.errno != errno.ELOOP:  # a symbolic link to itself
                raise storage_error(error, Path(path)) from error
            message = f"there is no file {path}, but a symbolic link that leads to itself"
            raise BlobMissing(message) from error

    def path(self, name: str) -> Path:
        """Return the file itself."""
        return self._root / name

    @contextmanager
    def create(self, area: str) -> Iterator["FileDraft"]:
        """Begin a file."""
        drafts = self._drafts_of(area)
        with mapped_os_errors(drafts), scratch_file(drafts) as (path, file):
            yield FileDraft(self._root, path, file)

    @contextmanager
    def link(self, source: Path, area: str) -> Iterator["LinkDraft | None"]:
        """Begin a hard link; None if the file system cannot make one, as between two disks."""
        drafts = self._drafts_of(area)
        with mapped_os_errors(drafts):
            path = scratch_path(drafts)
            try:
                os.link(os.path.realpath(source), path)
            except OSError:
                # The caller then makes a copy: its errors distinguish the source from the store.
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
        """Yield all files below a folder, in the order of their paths."""
        return self._names(folder, frozenset())

    def _names(self, folder: str, entered: frozenset[str]) -> Iterator[str]:
        for entry, kind in self._entries(folder):
            if entry == DRAFTS_ELSEWHERE:
                continue
            name = f"{folder}/{entry}"
            if kind == "folder":
                yield from self._names(name, entered)
            elif kind == "linked folder":
                # Links may lead around in circles, as many ways as there are links.
                leads_to = os.path.realpath(f"{self._root}/{name}")
                if leads_to not in entered:
                    yield from self._names(name, entered | {leads_to})
            else:
                yield name

    def age(self, name: str) -> float:
        """Return the seconds since the file's entry was last changed."""
        path = self._root / name
        # The ctime, not the mtime: a hard link shares its mtime with a file outside the store, and
        # moving into the trash does not change it.
        with mapped_os_errors(path):
            try:
                return time.time() - path.lstat().st_ctime
            except FileNotFoundError:
                return 0.0

    def strays(self, area: str, expected: Callable[[str], bool]) -> Iterator[str]:
        """Yield entries that are neither files of expected names nor folders above these."""
        for entry, kind in self._entries(area):
            name = f"{area}/{entry}"
            if entry == DRAFTS_ELSEWHERE:
                continue
            if kind == "folder" and len(entry) == _LEVEL:
                yield from self.strays(name, expected)
            elif kind != "file" or not expected(name):
                yield name

    def _entries(self, folder: str) -> list[tuple[str, str]]:
        """Return the names in a folder, ascending, and the kind of each: see `_kind`.

        Empty if there is no such folder: nothing is stored yet, or it is a stray file.
        """
        path = f"{self._root}/{folder}"
        try:
            with os.scandir(path) as found:
                return sorted((entry.name, _kind(entry)) for entry in found)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise storage_error(error, Path(path)) from error

    def set_aside(self, name: str, area: str) -> str:
        """Move a file or folder into another folder, with a number if its name is taken."""
        goal = self._root / area / name
        number = 0
        while os.path.lexists(goal):
            number += 1
            goal = self._root / area / f"{name}.{number}"
        with mapped_os_errors(goal):
            make_folders(goal.parent)
            try:
                (self._root / name).rename(goal)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.move(self._root / name, goal)  # copies between disks, folders, too
        return str(goal)

    def discard_drafts(self, seconds: float) -> int:
        """Unlink drafts that were not written to for some seconds."""
        folders = [DRAFTS, *(f"{area}/{DRAFTS_ELSEWHERE}" for area in AREAS)]
        names = [name for folder in folders for name in self.names(folder)]
        left = [name for name in names if self.age(name) >= seconds]
        for name in left:
            self.remove(name)
        return len(left)

    def _drafts_of(self, area: str) -> Path:
        """Return the folder of drafts on the disk of an area, so that publishing is a rename."""
        path = self._root / area
        if not path.is_symlink() and not os.path.ismount(path):
            return self._drafts
        return path / DRAFTS_ELSEWHERE


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
    """A hard link to a file outside the store."""

    root: Path
    path: Path

    def open(self) -> BinaryIO:
        """Open the shared file."""
        return self.path.open("rb")

    def publish(self, name: str, *, durable: bool = True) -> None:
        """Move the link to its final path."""
        move(self.path, self.root / name, durable=durable)


def _kind(entry: "os.DirEntry[str]") -> str:
    """Return "file", "folder", "linked folder" (a symbolic link to one), or "" for all else."""
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    try:
        if entry.is_file():
            return "file"
        return "linked folder" if entry.is_dir() else ""
    except OSError as error:
        # Where nobody may look there may be a file, which is not moved away as a stray one.
        if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
            raise
        return ""
