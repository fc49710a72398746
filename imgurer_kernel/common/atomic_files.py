"""Writing files so that a crash leaves the old one or the new one, and never half of one."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.errors import StorageDenied, StorageError, StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def storage_error(error: OSError, path: Path) -> StorageError:
    """What the system refused, in the words of this package, with a remedy.

    `path` is named where the system names none.

    Examples
    --------
    >>> storage_error(OSError(errno.ENOSPC, "No space left on device"), Path("store/tmp"))
    StorageFull('store/tmp: No space left on device; make space on that disk, then try again')
    """
    # Of a move or a link the second name is the store's.
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
def storing(path: Path) -> Iterator[None]:
    """Turn the system's errors inside the block into this package's, as `storage_error`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path) from error


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file outside the store, that appears under its name only when the block has ended well.

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
    """A path in a folder, which is made if need be, that no other process will come up with."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / _unique_name()


@contextmanager
def scratch_file(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file, open for writing, for `publish` to move; removed if it was not moved."""
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
    """Move a written file to its final name; if durable, so that a power cut undoes nothing."""
    file.flush()
    if durable:
        os.fsync(file.fileno())
    move(path, target, durable=durable)


def move(path: Path, target: Path, *, durable: bool = True) -> None:
    """Replace `target` by `path` on the same file system; makes the folders above it."""
    folder = target.parent
    try:
        path.replace(target)
    except FileNotFoundError:
        make_folders(folder, durable=durable)
        path.replace(target)
    if durable:
        sync_folder(folder)


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
    """Write a folder's entries to the disk, where the system lets one do so."""
    if os.name == "nt":  # a folder cannot be opened there, and NTFS keeps a journal of its own
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
