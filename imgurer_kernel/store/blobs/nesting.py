"""Where a digest lies: two levels of folders, so that none holds more than a few thousand."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from imgurer_kernel.common.atomic_files import storing
from imgurer_kernel.errors import InvalidDigest

_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_digest(digest: str) -> str:
    """Let pass what is a digest; everything that becomes a path goes through here.

    Raises
    ------
    InvalidDigest
        If it is not 64 lower-case hex digits.

    Examples
    --------
    >>> check_digest("../../etc/passwd")
    Traceback (most recent call last):
    imgurer_kernel.errors.InvalidDigest: '../../etc/passwd' is no digest; a digest is a SHA-256 as
    64 lower-case hex digits
    """
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        message = f"{digest!r} is no digest; a digest is a SHA-256 as 64 lower-case hex digits"
        raise InvalidDigest(message)
    return digest


def bucketed(area: Path, digest: str) -> Path:
    """The path of a digest in an area, such as ``blobs/ab/cd/abcd...``.

    Raises
    ------
    InvalidDigest
        As `check_digest`.
    """
    check_digest(digest)
    return area / digest[:2] / digest[2:4] / digest


def listed(area: Path) -> Iterator[str]:
    """The digests in an area in ascending order; files that do not belong are passed over."""
    for first in _entries(area):
        for second in _entries(first):
            for path in _entries(second):
                if _DIGEST.fullmatch(path.name) and bucketed(area, path.name) == path:
                    yield path.name


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():  # nothing stored yet, or a stray file
        return []
    with storing(folder):
        return sorted(folder.iterdir())


def delete_old(folders: list[Path], older_than: float) -> int:
    """Delete files whose entry was last changed longer ago than that."""
    deleted = 0
    for folder in folders:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            # The time of the entry, not of the content: a hard link shares the content's time
            # with a file that is not ours, and moving into the trash does not touch it.
            with storing(path):
                if time.time() - path.stat().st_ctime >= older_than:
                    path.unlink(missing_ok=True)
                    deleted += 1
    return deleted
