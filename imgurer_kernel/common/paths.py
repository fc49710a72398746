"""Check paths given by users; times of files; folders of modules."""

import os
import sys
from pathlib import Path

from imgurer_kernel.errors import ImgurerError, SourceError

__all__ = ["given_path", "modified_ns", "module_folders"]

# The first and the last whole year in nanoseconds as int64. The catalog and pandas use that, and
# give the ends of int64 special meanings.
_EARLIEST, _LATEST = -9_214_560_000 * 10**9, 9_214_646_400 * 10**9


def given_path(
    given: object, what: str = "the path", kind: type[ImgurerError] = SourceError
) -> Path:
    r"""Return a path given by a user, with ``~`` resolved; it need not exist.

    Parameters
    ----------
    what
        Its name in the message.
    kind
        The class of the error.

    Raises
    ------
    SourceError
        Or `kind`: if no file can have that name (no text, an empty one, a zero byte, half of a
        surrogate pair, the home of an unknown user), or if it is relative and the working folder
        was removed.

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
        # For Path it is the working folder; a script whose variable is empty did not mean that.
        if isinstance(given, str) and not given:
            raise ValueError("it is empty")  # noqa: EM101, TRY301
        path = Path(given).expanduser()  # type: ignore[arg-type] # of any type
        # A zero byte is refused only when the path is used, with various errors.
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

    Times beyond, as from broken clocks and archives, are set to the nearest of these.
    """
    return min(max(facts.st_mtime_ns, _EARLIEST), _LATEST)


def module_folders() -> list[str]:
    """Return the module search path with absolute folders, for a process in another folder."""
    working_folder = _working_folder()
    return [folder or working_folder for folder in sys.path if folder or working_folder]


def _working_folder() -> str:
    """Return the working folder of the process; empty if it was removed."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""
