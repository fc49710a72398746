"""Determine which file systems have stable inode numbers."""

import os
from functools import cache
from pathlib import Path

# These file systems generate inode numbers when they are mounted, or when a file is looked up.
_WITHOUT = {"vfat", "msdos", "exfat", "cifs", "smb3", "9p", "iso9660"}


def has_stable_inodes(device: int | None) -> bool:
    """Return whether a different inode number means another file; True for unknown types."""
    return device is None or _type_of(device).partition(".")[0] not in {*_WITHOUT, "fuse"}


@cache
def _type_of(device: int) -> str:
    """Read the type of a mounted file system on Linux; empty if unknown."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
