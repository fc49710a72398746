"""Write the output of commands: text and tables for people, JSON for programs, errors as lines."""

import getpass
import json
import os
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from imgurer_kernel.errors import InvalidPassword, StorageDenied
from imgurer_kernel.report.writers import to_json

MAX_WIDTH = 60
"""Maximum width of a text in a table, in columns of the screen."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Standard output, for people or for programs.

    Attributes
    ----------
    json
        Write JSON for programs, and no text for people.
    """

    json: bool

    @property
    def progress(self) -> bool:
        """Whether to draw a bar, which goes to standard error."""
        return not self.json and sys.stderr.isatty()

    def write_line(self, text: str) -> None:
        """Write a line for people."""
        if not self.json:
            _write(printable(text))

    def write_text(self, text: str) -> None:
        """Write a text unchanged, such as CSV."""
        _write(text.rstrip("\r\n"))

    def write_table(self, frame: pd.DataFrame, columns: Mapping[str, str] | None = None) -> None:
        """Write a frame: for programs all of it, for people the given columns with their headings.

        An empty frame is an empty list for programs and no output for people.
        """
        if self.json:
            _write_json(to_json(frame))
        elif len(frame):
            headings = columns or {str(name): str(name).replace("_", " ") for name in frame}
            _write(format_table(frame[list(headings)].rename(columns=dict(headings))))

    def write_tables(self, frames: Mapping[str, pd.DataFrame]) -> None:
        """Write frames as one JSON object, for programs."""
        if self.json:
            parts = [f"{json.dumps(name)}: {to_json(frame)}" for name, frame in frames.items()]
            _write_json("{\n" + ",\n".join(parts) + "\n}")


def format_table(frame: pd.DataFrame) -> str:
    """Format a frame for a terminal: numbers aligned right, texts left.

    Examples
    --------
    >>> print(format_table(pd.DataFrame({"name": ["a.jpg", "bc.jpg"], "bits": [12, 3]})))
    name    bits
    a.jpg     12
    bc.jpg     3
    """
    columns = []
    for name in frame:
        numbers = pd.api.types.is_numeric_dtype(frame[name]) and frame[name].dtype != bool
        cells = [str(name), *(_cell(value) for value in frame[name].tolist())]
        width = max(_width(cell) for cell in cells)
        columns.append([_pad(cell, width, right=numbers) for cell in cells])
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    text = printable(str(value))
    if len(text) <= MAX_WIDTH:
        return text
    # Cut the middle: both ends of a path say most.
    return f"{text[: MAX_WIDTH // 2 - 2]}...{text[-MAX_WIDTH // 2 + 1 :]}"


def _width(text: str) -> int:
    """Return the columns that a text takes: two per East Asian character, no combining marks."""
    wide = sum(unicodedata.east_asian_width(c) in {"W", "F"} for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def printable(text: str) -> str:
    r"""Escape characters that could control a terminal or break the line, as file names may.

    Examples
    --------
    >>> printable("a\x1b[31m\nb.jpg")
    'a\\x1b[31m\\nb.jpg'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _write_json(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # JSON's own escapes keep the JSON valid, those of `backslashreplace` would not.
        text = json.dumps(json.loads(text), indent=1)
    _write(text)


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # a subclass of OSError; `main` ends quietly
        raise
    except OSError as error:
        discard_output()
        message = f"the answer cannot be written: {error.strerror}"
        raise StorageDenied(message) from error


def discard_output() -> None:
    """Send what is left to be written to standard output to the null device.

    Python flushes it again at exit, which would fail again: with words and a status of its own.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_closed_streams() -> None:
    """Open the null device for standard streams that are closed.

    Otherwise the next opened file, such as the catalog, gets the descriptor of a closed stream, and
    a library that writes to the stream writes into that file.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor
            os.set_inheritable(number, True)  # otherwise it is closed again in kernels
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def write_error(text: str) -> None:
    """Write one line to standard error."""
    encoding = sys.stderr.encoding or "utf-8"
    line = printable(f"imgurer: {text}").encode(encoding, "backslashreplace").decode(encoding)
    sys.stderr.write(line + "\n")


def read_password(*, from_stdin: bool) -> str:
    """Read a password: the first line of standard input, or typed twice without echo.

    Raises
    ------
    InvalidPassword
        If none was given, or the two entries differ.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        first, second = getpass.getpass("Password: "), getpass.getpass("Again: ")
    except EOFError as error:
        message = "no password was typed; a script can give it with --password-stdin"
        raise InvalidPassword(message) from error
    if first != second:
        message = "the two passwords differ; nothing was changed"
        raise InvalidPassword(message)
    return first
