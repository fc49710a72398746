"""Write files atomically: a crash leaves the old file or the new one, never a part.

A file is written under a scratch name on the same disk, flushed, and then renamed to its final
name, which file systems do atomically.
"""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.errors import StorageDenied, StorageError, StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
NOT_SUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors by which a file system says that it has no such operation."""
_IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def storage_error(error: OSError, path: Path) -> StorageError:
    """Map an `OSError` to an error of this package, with a remedy.

    `path` is named if the error has no path.

    Examples
    --------
    >>> storage_error(OSError(errno.ENOSPC, "No space left on device"), Path("store/tmp"))
    StorageFull('store/tmp: No space left on device; make space on that disk, then try again')
    """
    # A move or a link has two names; the second one is in the store, which the user can fix.
    reason = f"{error.filename2 or error.filename or path}: {error.strerror or error}"
    if error.errno in _FULL:
        return StorageFull(f"{reason}; make space on that disk, then try again")
    if error.errno in _DENIED:
        return StorageDenied(f"{reason}; make the store's folder writable for this user")
    if error.errno in _IN_THE_WAY:
        return StorageDenied(f"{reason}; move away what stands where the store needs its own")
    if error.errno == errno.ENOENT:
        return StorageDenied(f"{reason}; bring the store's folder back, or choose another root")
    return StorageError(f"{reason}; check the disk and the connection to it")


@contextmanager
def mapped_os_errors(path: Path) -> Iterator[None]:
    """Map the system's errors inside the block to this package's, as `storage_error` does."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


@contextmanager
def atomic_write(target: Path) -> Iterator[BinaryIO]:
    """Open a file outside the store that gets its name only if the block ends without an error.

    Raises
    ------
    StorageDenied, StorageFull
        If it cannot be written.
    """
    path = target.parent / f".{target.name[:40]}-{uuid.uuid4().hex}"
    try:
        with path.open("xb") as file:
            yield file
        path.replace(target)
    except OSError as error:
        kind = StorageFull if error.errno in _FULL else StorageDenied
        message = f"{target} cannot be written: {error.strerror or error}; choose another place"
        raise kind(message) from error
    finally:
        with suppress(OSError):
            path.unlink()


def scratch_path(folder: Path) -> Path:
    """Return a path in a folder that no other process uses; the folder is created if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / _unique_name()


@contextmanager
def scratch_file(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a new file for writing, for `publish` to move; it is removed if it was not moved."""
    path = folder / _unique_name()
    try:
        try:
            file = path.open("xb")
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        with file:
            yield path, file
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def publish(file: BinaryIO, path: Path, target: Path, *, durable: bool = True) -> None:
    """Move a written file to its final name; if durable, synced so that it survives a power cut."""
    file.flush()
    if durable:
        # Before the move: otherwise a power cut may leave the new name on an empty file.
        os.fsync(file.fileno())
    move(path, target, durable=durable)


def move(path: Path, target: Path, *, durable: bool = True) -> None:
    """Replace `target` by `path`; the folders above it are made.

    From one disk to another the file is copied first, under another name beside the target.
    """
    folder = target.parent
    try:
        _replace(path, target)
    except FileNotFoundError:  # seldom: most folders of a store exist soon
        make_folders(folder, durable=durable)
        _replace(path, target)
    if durable:
        sync_folder(folder)


def _replace(path: Path, target: Path) -> None:
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copied = target.with_name(f".{_unique_name()}")
        try:
            with path.open("rb") as source, copied.open("xb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            shutil.copystat(path, copied)
            copied.replace(target)
        finally:
            copied.unlink(missing_ok=True)
        path.unlink()


def make_folders(folder: Path, *, durable: bool = True) -> None:
    """Make a folder and those above it that are missing."""
    try:
        folder.mkdir()
    except FileNotFoundError:
        make_folders(folder.parent, durable=durable)
        folder.mkdir(exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    if durable:
        sync_folder(folder.parent)


def _unique_name() -> str:
    return f"{os.getpid()}-{uuid.uuid4().hex}"


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to the disk, on systems and file systems that support it."""
    if os.name == "nt":  # Windows cannot open a folder, and NTFS has a journal
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NOT_SUPPORTED:
            raise
    finally:
        os.close(descriptor)
