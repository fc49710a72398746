"""Move open files: never over another file, undone if the file was swapped, synced to the disk."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from imgurer_kernel.common.atomic_files import NOT_SUPPORTED
from imgurer_kernel.errors import ActRefused
from imgurer_kernel.review.disk import (
    CHUNK,
    HeldFile,
    Place,
    place_of,
    refusal,
    shown,
    split,
    without_links,
)


def rename(file: HeldFile, target: Place, path: bytes) -> None:
    """Move an open file to a free place on the same file system.

    Raises
    ------
    ActRefused
        If the place is taken, the file is no longer at its name, or the system refuses.
    """
    try:
        if target.facts() is not None:
            raise FileExistsError(errno.EEXIST, "something is there already")
        if not file.is_there():
            raise swapped(path)
        source = file.place
        os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)
        if not target.holds(file.facts.st_dev, file.facts.st_ino):
            # Another file was put at this name at the last moment, and was moved: move it back.
            restore(target, source, path)
            raise swapped(path)
        sync(source, target)
    except OSError as error:
        raise refusal(error, path) from error


def restore(place: Place, goal: Place, path: bytes) -> None:
    """Move a file back to a free place.

    Raises
    ------
    ActRefused
        If the place is taken, or the system refuses.
    """
    try:
        try:
            # `link` fails if the name is taken; a rename would replace what is there.
            os.link(
                place.name, goal.name, src_dir_fd=place.folder, dst_dir_fd=goal.folder,
                follow_symlinks=False,
            )  # fmt: skip
        except (NotImplementedError, OSError) as error:
            if isinstance(error, FileExistsError | FileNotFoundError):
                raise
            if goal.facts() is not None:
                raise FileExistsError(errno.EEXIST, "something is there already") from error
            os.rename(place.name, goal.name, src_dir_fd=place.folder, dst_dir_fd=goal.folder)
        else:
            try:
                os.unlink(place.name, dir_fd=place.folder)
            except OSError:
                # Otherwise it would have two names, and could be neither restored nor left.
                os.unlink(goal.name, dir_fd=goal.folder)
                raise
        sync(place, goal)
    except OSError as error:
        raise refusal(error, path) from error


def replace(place: Place, goal: Place, path: bytes) -> None:
    """Move a file over the one at another place.

    Raises
    ------
    ActRefused
        If the system refuses.
    """
    try:
        os.rename(place.name, goal.name, src_dir_fd=place.folder, dst_dir_fd=goal.folder)
        sync(place, goal)
    except OSError as error:
        raise refusal(error, path) from error


def copy(file: HeldFile, target: Place, path: bytes, digest: str) -> None:
    """Copy an open file to a free place on another file system, and compare the copy.

    The copy gets its name once it is complete; time and permissions are those of the original.

    Raises
    ------
    ActRefused
        If the place is taken, the copied bytes differ, or the system refuses.
    """
    try:
        with _part_of(target, path, 0o600) as (part, descriptor):
            at = 0
            while piece := os.pread(file.descriptor, CHUNK, at):
                at += os.write(descriptor, piece)
            os.fchmod(descriptor, stat.S_IMODE(file.facts.st_mode))
            os.utime(descriptor, ns=(file.facts.st_atime_ns, file.facts.st_mtime_ns))
            copied = HeldFile(part, descriptor, os.fstat(descriptor), path)
            if copied.digest() != digest:
                message = f"the copy of {shown(path)} has other bytes; check that disk"
                raise ActRefused(message)
    except OSError as error:
        with suppress(OSError):
            remove_part(target)
        raise refusal(error, path) from error


def transfer(
    file: HeldFile,
    target: Place,
    path: bytes,
    digest: str,
    copied: Callable[[], None] = lambda: None,
) -> bool:
    """Copy an open file to another file system as `copy` does, and delete it.

    Parameters
    ----------
    copied
        Called in between.

    Returns
    -------
    bool
        Whether the file was still at its name; what is there otherwise is left alone.

    Raises
    ------
    ActRefused
        If it cannot be copied or deleted; there is no copy then.
    """
    copy(file, target, path, digest)
    copied()
    try:
        return remove(file.place, file.path, file.facts.st_dev, file.facts.st_ino)
    except ActRefused:
        facts = target.facts()
        if facts is not None:
            with suppress(ActRefused):
                remove(target, path, facts.st_dev, facts.st_ino)
        raise


def write(target: Place, path: bytes, content: bytes) -> None:
    """Write a new file at a free place; it gets its name once complete.

    Raises
    ------
    ActRefused
        If the place is taken, or the system refuses.
    """
    try:
        with _part_of(target, path, 0o666) as (_, descriptor):
            at = 0
            while at < len(content):
                at += os.write(descriptor, content[at:])
    except OSError as error:
        with suppress(OSError):
            remove_part(target)
        raise refusal(error, path) from error


@contextmanager
def _part_of(target: Place, path: bytes, mode: int) -> Iterator[tuple[Place, int]]:
    """Open a temporary file beside a place; it is renamed to that once synced to the disk."""
    part = Place(target.folder, _part_name(target.name))
    if target.facts() is not None:
        raise FileExistsError(errno.EEXIST, "something is there already")
    remove_part(target)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    descriptor = os.open(part.name, flags, mode, dir_fd=part.folder)
    try:
        yield part, descriptor
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    restore(part, target, path)


def link(file: HeldFile, goal: Place, path: bytes) -> None:
    """Make a hard link to a file at a free place.

    Raises
    ------
    ActRefused
        If the file is no longer at its name, or the system refuses.
    """
    source = file.place
    try:
        os.link(
            source.name, goal.name, src_dir_fd=source.folder, dst_dir_fd=goal.folder,
            follow_symlinks=False,
        )  # fmt: skip
        if not goal.holds(file.facts.st_dev, file.facts.st_ino):
            os.unlink(goal.name, dir_fd=goal.folder)
            raise swapped(path)
        sync(goal)
    except OSError as error:
        if error.errno in NOT_SUPPORTED | {errno.EPERM}:
            raise without_links(path) from error
        raise refusal(error, path) from error


def remove_part(target: Place) -> None:
    """Delete the temporary file left by a crash."""
    with suppress(FileNotFoundError):
        os.unlink(_part_name(target.name), dir_fd=target.folder)


def remove(place: Place, path: bytes, device: int | None, inode: int | None) -> bool:
    """Delete the file of this device and inode, if it is there; return whether it was.

    Raises
    ------
    ActRefused
        If the system refuses.
    """
    if not place.holds(device, inode):
        return False
    try:
        os.unlink(place.name, dir_fd=place.folder)
        sync(place)
    except OSError as error:
        raise refusal(error, path) from error
    return True


def prune(root: bytes, path: bytes) -> None:
    """Remove the folders above a path that are empty, up to the root, which stays."""
    names = split(root, path)[:-1]
    while names:
        try:
            with place_of(root, names) as place:
                os.rmdir(place.name, dir_fd=place.folder)
        except (OSError, ActRefused):
            return
        names.pop()


def sync(*places: Place) -> None:
    """Sync the entries of folders to the disk, if the file system supports it."""
    for folder in {place.folder for place in places}:
        with suppress(OSError):
            os.fsync(folder)


def swapped(path: bytes) -> ActRefused:
    """Make the error for a name that now refers to another file."""
    return ActRefused(
        f"{shown(path)} was replaced a moment ago; it is left alone, scan the folder again"
    )


def _part_name(name: bytes) -> bytes:
    return b".imgurer-" + hashlib.sha256(name).hexdigest()[:24].encode() + b".part"
