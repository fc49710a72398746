"""The command ``imgurer``: build the grammar, run one command, map errors to exit statuses."""

import argparse
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from imgurer_kernel.apps.cli.command import (
    EXIT_INTERRUPTED,
    EXIT_PROBLEMS,
    EXIT_READER_GONE,
    EXIT_USAGE,
    Argument,
    Call,
    EitherOr,
)
from imgurer_kernel.apps.cli.commands import COMMANDS, GROUPS
from imgurer_kernel.apps.cli.commands.compiling import compile_all
from imgurer_kernel.apps.cli.output import (
    Terminal,
    discard_output,
    open_closed_streams,
    write_error,
)
from imgurer_kernel.common import compile_notice
from imgurer_kernel.errors import ImgurerError, SettingsError, UnsafeListen
from imgurer_kernel.settings import Settings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

_DESCRIPTION = """Find duplicate images, decide which copies to keep, and remove the others.

Exit status: 0 done, 1 something was rejected or found wrong, 2 wrong usage, 130 interrupted.
"""


@cache
def build_parser() -> argparse.ArgumentParser:
    """Build the grammar of all commands, once in a process: it takes as long as a small answer."""
    # The common options may precede or follow the command. SUPPRESS sets an option only if it is
    # given: otherwise the default of the second position would overwrite the value of the first.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--root", metavar="FOLDER", help="the store (default data/store)")
    common.add_argument("--json", action="store_true", help="answer in JSON")
    top = argparse.ArgumentParser(
        prog="imgurer", description=_DESCRIPTION, parents=[common], allow_abbrev=False
    )
    parents: dict[str, Subparsers] = {"": top.add_subparsers(required=True, metavar="COMMAND")}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group not in parents:
            made = _add_parser(parents[""], group, GROUPS[group], common)
            parents[group] = made.add_subparsers(required=True, metavar="COMMAND")
        made = _add_parser(parents[group], name, command.help, common)
        made.set_defaults(run=command.run, parser=made)
        _add_arguments(made, command.arguments)
    return top


def _add_parser(
    parent: "Subparsers", name: str, text: str, common: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    return parent.add_parser(
        name, help=text, description=text, parents=[common], allow_abbrev=False
    )


def _add_arguments(
    parser: argparse.ArgumentParser, arguments: Iterable[Argument | EitherOr]
) -> None:
    for each in arguments:
        if isinstance(each, EitherOr):
            group = parser.add_mutually_exclusive_group()
            for one in each.arguments:
                group.add_argument(*one.flags, **one.options)
        else:
            parser.add_argument(*each.flags, **each.options)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    open_closed_streams()
    arguments, unknown = build_parser().parse_known_args(argv)
    if unknown:  # with the usage of the command, and not of all of them
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if arguments.run is not compile_all:
        compile_notice.notify_once(write_error)
    try:
        given = {"root": arguments.root} if hasattr(arguments, "root") else {}
        settings = Settings.from_env(**given)
        call = Call(arguments, settings, Terminal(json=hasattr(arguments, "json")))
        status: int = arguments.run(call)
    except (SettingsError, UnsafeListen) as error:
        write_error(str(error))
        return EXIT_USAGE
    except ImgurerError as error:
        write_error(str(error))
        return EXIT_PROBLEMS
    except KeyboardInterrupt as stop:
        write_error(str(stop) or "interrupted; what was done is kept")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return EXIT_READER_GONE
    return status
