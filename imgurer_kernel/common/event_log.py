"""Log events as lines of JSON in the store's folder: logins, accounts, uploads, errors.

One line is one event: control characters and everything beyond ASCII are escaped, so that no name
can forge another line. Passwords, tokens and cookies are never logged. The server rotates the file
when it is large; its kernels and commands only append.

A visitor can make a page's process fail at each message. So such a process logs few errors, or
those lines would push all others out of the rotated files.
"""

import json
import logging
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler, WatchedFileHandler
from pathlib import Path

FOLDER = "log"
FILE = "events.jsonl"
MOST_BYTES = 2 << 20
"""Size at which the file is rotated, some 15,000 events."""

BACKUPS = 5
"""Number of rotated files that are kept."""

_LONGEST = 500
"""Most characters of one value, since clients may send texts of any length."""

_BURST, _SECONDS_EACH = 20, 10.0
"""Errors that a page's process logs at once, and seconds until it logs one more."""

_events = logging.getLogger("imgurer.events")
_errors = logging.getLogger("imgurer_kernel")


def note(event: str, **facts: str | float | None) -> None:
    """Log one event, if `open_log` has been called in this process.

    Parameters
    ----------
    event
        Its kind, in one or two words with a hyphen, such as ``login-failed``.
    facts
        Details such as ``user``, ``address``, ``name``. Never a secret.
    """
    if _events.handlers:
        _events.info(event, extra={"facts": facts})


def path_of(root: Path) -> Path:
    """Return the path of a store's log.

    >>> path_of(Path("store")).as_posix()
    'store/log/events.jsonl'
    """
    return root / FOLDER / FILE


def open_log(
    root: Path,
    *,
    process: str,
    by: str = "",
    turns: bool = False,
    libraries: Iterable[logging.Logger] = (),
) -> bool:
    """Begin to log events of this process; a log that is open already is closed.

    Errors and warnings of this package are logged, too. They are written to standard error as well,
    except in a page's process, which also logs errors of all other packages.

    Parameters
    ----------
    process
        Kind of this process: ``server``, ``page`` or ``command``.
    by
        Name of the user for whom it runs.
    turns
        Whether this is the one process that rotates the file.
    libraries
        Loggers of other packages that write to standard error: they write to the log instead.

    Returns
    -------
    bool
        False if the store's folder cannot be written: then nothing is logged, and nothing raised.
    """
    close_log()
    path = path_of(root)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        # Created here, since handlers would make it readable to all users.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        handler: logging.Handler = (
            _RotatedFile(path, maxBytes=MOST_BYTES, backupCount=BACKUPS, encoding="ascii")
            if turns
            else _SharedFile(path, encoding="ascii")
        )
    except OSError:
        return False
    handler.setFormatter(JsonLines(process, by))
    handler.setLevel(logging.INFO)
    _events.setLevel(logging.INFO)
    _events.propagate = False
    # With any handler Python no longer writes to standard error, where an operator looks first.
    if process != "page" and logging.lastResort and not _errors.hasHandlers():
        _errors.addHandler(logging.lastResort)
    loggers = {_events, _errors}
    if process == "page":
        handler.addFilter(_is_unusual)
        handler.addFilter(_FewErrors())
        loggers = {_events, logging.getLogger()}
    for library in libraries:
        library.handlers.clear()
        if not library.propagate:
            loggers.add(library)
    for logger in loggers:
        logger.addHandler(handler)
    _opened.extend(loggers)
    return True


_opened: list[logging.Logger] = []


def close_log() -> None:
    """Stop logging events of this process."""
    if logging.lastResort:
        _errors.removeHandler(logging.lastResort)
    for handler in list(_events.handlers):
        for logger in _opened:
            logger.removeHandler(handler)
        with suppress(OSError):  # on a full disk, closing flushes and fails again
            handler.close()
    _opened.clear()


class JsonLines(logging.Formatter):
    """Formats an event, or an error of this package, as one line of JSON.

    Parameters
    ----------
    process, by
        As `open_log` takes them.

    Examples
    --------
    >>> record = logging.makeLogRecord({"msg": "login", "created": 0})
    >>> record.facts = {"user": "ben"}
    >>> JsonLines("server").format(record)[8:37]
    '1970-01-01T00:00:00.000+00:00'
    """

    def __init__(self, process: str, by: str = "") -> None:
        super().__init__()
        self._process = process
        self._by = by

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {"at": at, "event": record.getMessage(), "process": self._process}
        facts = getattr(record, "facts", None)
        if facts is None and not _is_ours(record):
            line |= {"event": "library-error", "message": _cut(record.getMessage())}
            line |= {"logger": record.name}
            if record.exc_info and record.exc_info[0]:
                kind, error, _ = record.exc_info
                line["error"] = _cut(f"{kind.__name__}: {error}")
        elif facts is None:
            message, more = record.getMessage(), ""
            if record.exc_info:
                more = self.formatException(record.exc_info)
            elif len(message) > _LONGEST:  # a kernel's traceback comes as text
                message, _, more = message.partition("\n")
            line |= {"event": record.levelname.lower(), "message": _cut(message)}
            if more:
                line["traceback"] = more[-4000:]  # the error is at its end
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out
        if self._by:
            line["by"] = self._by
        line |= {name: _cut(value) for name, value in (facts or {}).items() if value is not None}
        return json.dumps(line)


def _cut(value: object) -> object:
    return value[:_LONGEST] if isinstance(value, str) else value


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in {"imgurer", "imgurer_kernel"}


def _is_unusual(record: logging.LogRecord) -> bool:
    """Return False for what happens whenever a page is opened, and harms nothing.

    A page asks a new kernel for the widgets of an earlier page, of which it has none.
    """
    text = "No such comm target registered: jupyter.widget.control"
    return record.name != "ipykernel.comm" or record.getMessage() != text


class _FewErrors(logging.Filter):
    """Lets some errors through, and all events; the next error says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._left, self._at, self._left_out = float(_BURST), time.monotonic(), 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record."""
        if hasattr(record, "facts"):
            return True
        if record.levelno < logging.ERROR and not _is_ours(record):
            return False  # such as that a page's widget is closed already
        now = time.monotonic()
        self._left = min(_BURST, self._left + (now - self._at) / _SECONDS_EACH)
        self._at = now
        if self._left < 1:
            self._left_out += 1
            return False
        self._left -= 1
        record.left_out, self._left_out = self._left_out, 0
        return True


class _RotatedFile(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's
        """Ignore the error: a full disk must stop the log only, not the program."""


class _SharedFile(WatchedFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's
        """Ignore the error, as `_RotatedFile` does."""
