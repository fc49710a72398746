"""Notify a server immediately that sessions have ended, whichever process has ended them.

Accounts are disabled, and passwords set, in the process of an admin's page or by a command, which
change the catalog. A file beside it, of which only the time counts, shows that it must be read.
"""

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["SessionEnds", "announce"]

_NAME = "sessions.changed"


def announce(root: Path) -> None:
    """Signal that sessions of a store may have ended; do nothing if the file cannot be written."""
    path = root / _NAME
    with suppress(OSError):
        path.touch(mode=0o600)
        # One more than before: two calls within one tick of the clock give two different times.
        os.utime(path, ns=(0, _moment(path) + 1))


class SessionEnds:
    """Detects whether sessions of a store may have ended since the last call.

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
        """Check the time of the file; cheap enough for twice a second."""
        before, self._seen = self._seen, _moment(self._path)
        return self._seen != before


def _moment(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
