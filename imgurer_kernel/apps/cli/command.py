"""Declare commands: a name, its arguments, and the function that runs it.

A new command is one function in a module of `commands`::

    @command("similar", argument("image", metavar="IMAGE"), argument("--limit", type=number))
    def similar(call: Call) -> int:
        \"\"\"Find pictures similar to one.\"\"\"

The first line of its docstring is its help; its return value is the exit status. `parser` builds
the grammar from these declarations, and adds ``--root`` and ``--json`` to every command.
"""

import argparse
import getpass
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from imgurer_kernel.apps.cli.output import Terminal, write_error
from imgurer_kernel.common.event_log import close_log, open_log
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.place import is_store
from imgurer_kernel.workbench.workbench import Workbench

EXIT_DONE, EXIT_PROBLEMS, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
# 128 + SIGPIPE: what a shell reports for a command whose reader, such as `head`, has exited.
EXIT_READER_GONE = 141


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a command.

    Attributes
    ----------
    arguments
        The values of the command's arguments, by name.
    settings
        Settings of the store named by the options.
    out
        The terminal to write the answer to.
    """

    arguments: argparse.Namespace
    settings: Settings
    out: Terminal

    def workbench(self) -> Workbench:
        """Open the store of this call, which must exist."""
        return Workbench(self.settings, create=False)

    @contextmanager
    def workbench_made(self) -> Iterator[Workbench]:
        """Open the store of this call, or make and announce it; for commands with `CREATE_HERE`."""
        new = not is_store(self.settings.root)
        try:
            with Workbench(
                self.settings, create="anyway" if self.arguments.create_here else True
            ) as wb:
                yield wb
        finally:
            # Announce it at the end: a command that fails early has made no store.
            if new and is_store(self.settings.root):
                write_error(f"there was no store in {self.settings.root}; a new one was made")


@contextmanager
def noted(opened: AbstractContextManager[Workbench]) -> Iterator[Workbench]:
    """Log a command with the user of this machine."""
    with opened as wb:
        try:
            by = getpass.getuser()
        except (KeyError, OSError):  # a user in a container may have no name
            by = ""
        open_log(wb.settings.root, process="command", by=by)
        try:
            yield wb
        finally:
            close_log()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, with the parameters of `argparse.ArgumentParser.add_argument`."""

    flags: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EitherOr:
    """Options that exclude each other: at most one may be given."""

    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its arguments; a name of two words belongs to the group of the first."""

    name: str
    arguments: tuple[Argument | EitherOr, ...]
    run: Callable[[Call], int]

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return str(self.run.__doc__).partition("\n")[0]


COMMANDS: list[Command] = []
"""All commands, in the order of the help."""

GROUPS: dict[str, str] = {}
"""Help of each group of commands, by its name."""


def argument(*flags: str, **options: Any) -> Argument:  # noqa: ANN401 - argparse's own
    """Declare an argument: a name, or an option such as ``--limit``."""
    return Argument(flags, options)


def either_or(*arguments: Argument) -> EitherOr:
    """Declare options that exclude each other: at most one may be given."""
    return EitherOr(arguments)


def command(
    name: str, *arguments: Argument | EitherOr
) -> Callable[[Callable[[Call], int]], Callable[[Call], int]]:
    """Register the decorated function as a command."""

    def register(run: Callable[[Call], int]) -> Callable[[Call], int]:
        COMMANDS.append(Command(name, arguments, run))
        return run

    return register


CREATE_HERE = argument(
    "--create-here", action="store_true", help="make a new store even among files of your own"
)


# Types of arguments -------------------------------------------------------------------------


def bits(text: str) -> int:
    """Read a radius, 0 to 128."""
    return _whole_number(text, 0, 128)


def port(text: str) -> int:
    """Read a port, 0 for any free one."""
    return _whole_number(text, 0, 65_535)


def number(text: str) -> int:
    """Read a count, 1 or more."""
    return _whole_number(text, 1, sys.maxsize)


def seed(text: str) -> int:
    """Read a seed, 0 or more."""
    return _whole_number(text, 0, sys.maxsize)


def percent(text: str) -> float:
    """Read a share, such as 5 or 0.5%, over 0 and at most 100."""
    digits = text.removesuffix("%").strip()
    if not digits.replace(".", "", 1).isdecimal() or not 0 < float(digits) <= 100:
        message = f"{text!r} is not a percentage over 0 and up to 100"
        raise argparse.ArgumentTypeError(message)
    return float(digits)


def size(text: str) -> int:
    """Read a number of bytes, such as 5000, 50k, 2M or 1G (in steps of 1,000)."""
    number, unit = text[:-1], text[-1:].lower()
    factor = {"k": 10**3, "m": 10**6, "g": 10**9}.get(unit)
    return _whole_number(text if factor is None else number, 0, sys.maxsize) * (factor or 1)


def _whole_number(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        message = f"{text!r} is not a whole number from {low} to {high}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
