"""Find which mount a folder is in, and the folder whose trash folder receives a file.

Files are renamed and linked within one mount only. Two mounts of one file system (bind mounts,
volumes of a container) have the same device number; a rename from one to the other fails.
"""

import os
import stat
from collections.abc import Sequence

Mount = tuple[int, int]
"""Device number of a folder's file system, and number of its mount; 0 where that is not known."""

_NUMBER = b"mnt_id:"


def mount_of(folder: int) -> Mount:
    """Return the mount of an open folder.

    Examples
    --------
    >>> root = os.open("/", os.O_RDONLY)
    >>> mount_of(root) == mount_of(root)
    True
    >>> os.close(root)
    """
    device = os.fstat(folder).st_dev
    try:
        facts = os.open(f"/proc/self/fdinfo/{folder}", os.O_RDONLY)
    except FileNotFoundError:  # not Linux
        return device, 0
    try:
        lines = os.read(facts, 4096).splitlines()
    finally:
        os.close(facts)
    found = [int(line[len(_NUMBER) :]) for line in lines if line.startswith(_NUMBER)]
    return device, found[0] if found else 0


def root_of(path: bytes, roots: Sequence[bytes]) -> bytes:
    """Choose the folder whose trash folder receives a file, in the file's own mount.

    This is the outermost ingested folder from which the file is reached without following links. If
    something is mounted below that folder, it is the mount point. For a file outside all ingested
    folders it is the file's own folder.

    Parameters
    ----------
    roots
        The outermost first.
    """
    folder = os.path.dirname(path)  # noqa: PTH120 (bytes, which a Path is not of)
    around = [root for root in roots if (folder + b"/").startswith(root.rstrip(b"/") + b"/")]
    for root in around:
        steps = [root]
        for name in folder[len(root) :].strip(b"/").split(b"/"):
            if name:
                steps.append(steps[-1].rstrip(b"/") + b"/" + name)
        try:
            facts = [os.lstat(step) for step in steps[1:]]
            if any(stat.S_ISLNK(each.st_mode) for each in facts):
                continue
            mounts = [_mount_at(step) for step in steps]
        except OSError:
            continue
        # First folder from which on all lie in the mount of the file.
        first = len(mounts)
        while first and mounts[first - 1] == mounts[-1]:
            first -= 1
        return steps[first]
    # A link added since this check is found, and refused, when the path is opened from this root.
    return around[0] if around else folder


def _mount_at(folder: bytes) -> Mount:
    # As a path only: this user need not be able to list it.
    descriptor = os.open(folder, getattr(os, "O_PATH", os.O_RDONLY))
    try:
        return mount_of(descriptor)
    finally:
        os.close(descriptor)
