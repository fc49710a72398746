"""The command ``imgurer``: the workbench from a shell, for people and for scripts.

Exit status: 0 done, 1 something was rejected or found wrong, 2 wrong usage, 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgurer_kernel.apps.cli import commands
from imgurer_kernel.apps.cli.output import Terminal, complain
from imgurer_kernel.errors import ImgurerError, SettingsError
from imgurer_kernel.report.clusters import SUFFIXES
from imgurer_kernel.settings import Settings

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

USAGE, INTERRUPTED = 2, 130
# As a shell reports any command whose reader went away, such as `head`.
READER_GONE = 141


def _bits(text: str) -> int:
    return _between(text, 0, 128)


def _port(text: str) -> int:
    return _between(text, 0, 65_535)


def _number(text: str) -> int:
    return _between(text, 1, sys.maxsize)


def _seed(text: str) -> int:
    return _between(text, 0, sys.maxsize)


def _between(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        message = f"{text!r} is no whole number from {low} to {high}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _report_file(text: str) -> str:
    if not text.lower().endswith(SUFFIXES):
        message = f"{text!r} must end in .csv, .json or .html"
        raise argparse.ArgumentTypeError(message)
    return text


def parser() -> argparse.ArgumentParser:
    """The grammar of the command."""
    # The common options stand before or after the command; only a given one is set.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--root", metavar="FOLDER", help="the store (default data/store)")
    common.add_argument("--json", action="store_true", help="answer in JSON")
    top = argparse.ArgumentParser(
        prog="imgurer", description=__doc__, parents=[common], allow_abbrev=False
    )
    group = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str,
        run: Callable[[commands.Call], int],
        under: "Commands" = group,
        *parents: argparse.ArgumentParser,
    ) -> argparse.ArgumentParser:
        words = str(run.__doc__).partition("\n")[0]
        made = under.add_parser(
            name, help=words, description=words, parents=[common, *parents], allow_abbrev=False
        )
        made.set_defaults(run=run)
        return made

    one = command("ingest", commands.ingest)
    one.add_argument("paths", nargs="+", metavar="PATH", help="file, folder or glob")
    one.add_argument("--user", help="who brings them (default: the local user)")
    one = command("similar", commands.similar)
    one.add_argument("image", metavar="IMAGE", help="a file, or the id of an image")
    _add_reach(one)
    one.add_argument("--limit", type=_number, metavar="N", help="most images to list")
    one = command("explain", commands.explain)
    one.add_argument("one", metavar="IMAGE", help="a file, or the id of an image")
    one.add_argument("other", metavar="IMAGE")
    one.add_argument("--out", metavar="FILE.png", help="write the figure too")
    one = command("calibrate", commands.calibrate)
    one.add_argument("--sample", type=_number, default=200, metavar="N", help="pictures to copy")
    one.add_argument("--seed", type=_seed, default=0, metavar="N", help="another draw of them")
    one = command("clusters", commands.clusters)
    _add_reach(one, thorough=True)
    one = command("report", commands.report)
    one.add_argument(
        "--out", type=_report_file, required=True, metavar="FILE", help=".csv, .json or .html"
    )
    _add_reach(one, thorough=True)
    _add_users(group, command, common)
    one = command("check", commands.check)
    one.add_argument("--repair", action="store_true", help="mend what can be mended")
    command("rebuild-index", commands.rebuild_index)
    one = command("export", commands.export_store)
    one.add_argument("--out", required=True, metavar="FILE.tar")
    one = command("import", commands.import_store)
    one.add_argument("archive", metavar="FILE.tar")
    one = command("serve", commands.serve)
    one.add_argument("--host", default="127.0.0.1", help="where to listen (default: here only)")
    one.add_argument("--port", type=_port, default=8866, help="0 for any free one (default 8866)")
    one.add_argument("--login", action="store_true", help="ask for a name and a password")
    one.add_argument("--no-browser", action="store_true", help="do not open a browser")
    one.add_argument("--samples", metavar="FOLDER", help="fill an empty store with samples")
    return top


def _add_reach(one: argparse.ArgumentParser, *, thorough: bool = False) -> None:
    """Add the options about how far a search reaches, and what it believes."""
    one.add_argument("--radius", type=_bits, metavar="BITS", help="0 to 128")
    either = one.add_mutually_exclusive_group()
    either.add_argument(
        "--no-verify",
        action="store_true",
        help="believe the hashes, without a look at the pictures",
    )
    if thorough:
        either.add_argument(
            "--thorough", action="store_true", help="search as far as is of any use, however long"
        )


def _add_users(
    top: "Commands",
    command: Callable[..., argparse.ArgumentParser],
    common: argparse.ArgumentParser,
) -> None:
    """Add the commands about accounts."""
    group = top.add_parser(
        "users", help="Accounts.", description="Accounts.", parents=[common], allow_abbrev=False
    ).add_subparsers(required=True, metavar="COMMAND")
    command("list", commands.users_list, group)
    stdin = argparse.ArgumentParser(add_help=False)
    stdin.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    one = command("add", commands.users_add, group, stdin)
    one.add_argument("name", metavar="NAME")
    one.add_argument("--role", choices=["admin", "member"], default="member")
    one = command("passwd", commands.users_passwd, group, stdin)
    one.add_argument("name", metavar="NAME")
    command("disable", commands.users_disable, group).add_argument("name", metavar="NAME")
    command("enable", commands.users_enable, group).add_argument("name", metavar="NAME")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    asked = parser().parse_args(argv)
    try:
        settings = Settings.from_env()
        if hasattr(asked, "root"):
            settings = replace(settings, root=asked.root)
        status: int = asked.run(
            commands.Call(asked, settings, Terminal(json=hasattr(asked, "json")))
        )
    except SettingsError as error:
        complain(str(error))
        return USAGE
    except ImgurerError as error:
        complain(str(error))
        return commands.FOUND_WRONG
    except KeyboardInterrupt:
        complain("interrupted; what was done is kept")
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it flushes standard output at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return status
