"""Paths that people give, which may be anything; times of files; where modules are found."""

import os
import sys
from pathlib import Path

from imgurer_kernel.errors import ImgurerError, SourceError

__all__ = ["given_path", "modified_ns", "module_folders"]

# The first and the last whole year that int64 holds, as the catalog and pandas count, to whom its
# ends mean none and never.
_EARLIEST, _LATEST = -9_214_560_000 * 10**9, 9_214_646_400 * 10**9


def given_path(
    given: object, what: str = "the path", kind: type[ImgurerError] = SourceError
) -> Path:
    r"""Return a path that somebody has given, its ``~`` resolved; whether it exists is not asked.

    Parameters
    ----------
    what
        What it is called in the message.
    kind
        What is raised.

    Raises
    ------
    SourceError
        If no file can have that name: no text, a zero byte, half of a surrogate pair, the home of
        nobody; or if it is relative to a working folder that was removed; or `kind`.

    Examples
    --------
    >>> given_path("pictures").name
    'pictures'
    >>> given_path("a\0.csv", "the table")
    Traceback (most recent call last):
    imgurer_kernel.errors.SourceError: the table is 'a\x00.csv', which no file can be called: a zero
    byte; give another path
    """
    try:
        path = Path(given).expanduser()  # type: ignore[arg-type] # whatever it is
        # Nothing says so before the path is used, and then each use in its own way.
        if b"\0" in os.fsencode(path):
            raise ValueError("a zero byte")  # noqa: EM101, TRY301
    except (TypeError, ValueError, RuntimeError) as error:
        message = f"{what} is {given!r}, which no file can be called: {error}; give another path"
        raise kind(message) from error
    if not path.is_absolute() and not _working_folder():
        message = (
            f"{what} is {given!r}, but the working folder was removed; give a path from the root"
        )
        raise kind(message)
    return path


def modified_ns(facts: os.stat_result) -> int:
    """Return when a file was modified, nanoseconds since 1970, in the years 1678 to 2261.

    Of times beyond, which broken clocks and archives leave, the nearest.
    """
    return min(max(facts.st_mtime_ns, _EARLIEST), _LATEST)


def module_folders() -> list[str]:
    """Return where this process finds its modules, for a process that it starts elsewhere."""
    here = _working_folder()
    return [folder or here for folder in sys.path if folder or here]


def _working_folder() -> str:
    """Return the folder that the process works in; empty if somebody has removed it."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""
