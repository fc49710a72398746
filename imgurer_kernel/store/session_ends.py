"""Tells a server at once that sessions have ended, whichever process has ended them.

Accounts are disabled, and passwords set, in the process of an admin's page or by a command. The
catalog says so to who asks it; a file beside it, of which only the time counts, says when to ask.
"""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["SessionEnds", "announce"]

_NAME = "sessions.changed"


def announce(root: Path) -> None:
    """Say that sessions of a store may have ended; where that cannot be written, do nothing."""
    path = root / _NAME
    with suppress(OSError):
        path.touch(mode=0o600)
        # Two within one tick of the file system's clock are two all the same.
        os.utime(path, ns=(0, _moment(path) + 1))


class SessionEnds:
    """Whether sessions of a store may have ended since it was asked last.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     ends = SessionEnds(Path(folder))
    ...     before = ends.are_new()
    ...     announce(Path(folder))
    ...     before, ends.are_new(), ends.are_new()
    (False, True, False)
    """

    def __init__(self, root: Path) -> None:
        self._path = root / _NAME
        self._seen = _moment(self._path)

    def are_new(self) -> bool:
        """Look at the file: cheap enough for twice a second."""
        before, self._seen = self._seen, _moment(self._path)
        return self._seen != before


def _moment(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
