"""The command ``imgurer``: the workbench from a shell, for people and for scripts.

Exit status: 0 done, 1 something was rejected or found wrong, 2 wrong usage, 130 interrupted.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.report import cluster_table, export, summary
from imgurer_kernel.settings import Settings
from imgurer_kernel.workbench import Workbench

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

DONE, FOUND_WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the command: what was asked, and where the answer goes."""

    asked: argparse.Namespace
    settings: Settings

    def workbench(self) -> Workbench:
        """The store that was named."""
        return Workbench(self.settings)

    @property
    def progress(self) -> bool:
        """Whether to draw a bar on standard error."""
        return not self.asked.json and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """A line for people; nothing where a program reads."""
        if not self.asked.json:
            _write(text)

    def table(self, frame: pd.DataFrame) -> None:
        """A frame: as a table, or as JSON records with missing values as null."""
        if self.asked.json:
            records = json.loads(frame.to_json(orient="records", date_format="iso"))
            _write(json.dumps(records, ensure_ascii=False, indent=1))
        elif len(frame):
            _write(frame.to_string(index=False, max_colwidth=60, na_rep=""))


def _write(text: str) -> None:
    # File names may hold what a terminal's encoding lacks.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def ingest(call: Call) -> int:
    """Take pictures in."""
    with call.workbench() as wb:
        frame = wb.ingest(call.asked.paths, user=call.asked.user, progress=call.progress)
    rejected = frame[frame["status"] == "rejected"]
    if call.asked.json:
        call.table(frame)
    else:
        _say_rejected(call, rejected)
        counts = frame["status"].value_counts()
        call.say(
            ", ".join(
                f"{counts.get(status, 0):,} {words}"
                for status, words in (
                    ("added", "added"),
                    ("duplicate", "already here"),
                    ("rejected", "rejected"),
                )
            )
        )
    return FOUND_WRONG if len(rejected) else DONE


def _say_rejected(call: Call, rejected: pd.DataFrame) -> None:
    for source, reason in zip(rejected["source"], rejected["reason"], strict=True):
        call.say(f"rejected {source!r}: {reason}")


def similar(call: Call) -> int:
    """Find what is like a picture."""
    query: str | int = call.asked.image
    if call.asked.image.isdecimal() and not Path(call.asked.image).exists():
        query = int(call.asked.image)
    with call.workbench() as wb:
        frame = wb.similar(query, radius=call.asked.radius, limit=call.asked.limit)
    call.table(frame)
    if frame.empty:
        call.say("nothing like it is in the store")
    return DONE


def clusters(call: Call) -> int:
    """List clusters of duplicates."""
    with call.workbench() as wb:
        frame = wb.clusters(radius=call.asked.radius)
    if call.asked.json:
        call.table(frame)
        return DONE
    call.table(cluster_table(frame))
    figures = summary(frame)
    call.say(
        f"{figures['clusters']:,} clusters, {figures['extra copies']:,} extra copies, "
        f"{figures['bytes to be freed']:,} bytes could be freed"
    )
    return DONE


def report(call: Call) -> int:
    """Write the clusters to a file."""
    with call.workbench() as wb:
        frame = wb.clusters(radius=call.asked.radius)
        path = export(frame, call.asked.out, thumbnail=wb.thumbnail)
    call.table(pd.DataFrame({"written": [str(path)], "clusters": [frame["cluster_id"].nunique()]}))
    return DONE


def users_list(call: Call) -> int:
    """List accounts."""
    with call.workbench() as wb:
        call.table(wb.users())
    return DONE


def users_add(call: Call) -> int:
    """Make an account."""
    with call.workbench() as wb:
        account = wb.accounts.create(call.asked.name, _password(call), role=call.asked.role)
    call.say(f"{account.name} can log in now, as {account.role}")
    return DONE


def users_passwd(call: Call) -> int:
    """Change a password."""
    with call.workbench() as wb:
        wb.accounts.get(call.asked.name)
        wb.accounts.set_password(call.asked.name, _password(call))
    call.say(f"the password of {call.asked.name} is changed, and old sessions have ended")
    return DONE


def users_disable(call: Call) -> int:
    """Lock an account."""
    with call.workbench() as wb:
        wb.accounts.disable(call.asked.name)
    call.say(f"{call.asked.name} cannot log in any more; all pictures stay")
    return DONE


def users_enable(call: Call) -> int:
    """Unlock an account."""
    with call.workbench() as wb:
        wb.accounts.enable(call.asked.name)
    call.say(f"{call.asked.name} can log in again")
    return DONE


def _password(call: Call) -> str:
    """A password from standard input or, typed twice, from the terminal; never an argument."""
    if call.asked.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        message = "the two passwords differ; nothing was changed"
        raise ImgurerError(message)
    return first


def check(call: Call) -> int:
    """Compare originals, thumbnails and catalog."""
    with call.workbench() as wb:
        frame = wb.check(repair=call.asked.repair, progress=call.progress)
        checked = wb.statistics().images
    call.table(frame)
    wrong = int((~frame["repaired"]).sum())
    call.say(f"{checked:,} originals checked, {len(frame):,} findings, {wrong:,} not repaired")
    return FOUND_WRONG if wrong else DONE


def rebuild_index(call: Call) -> int:
    """Build the search index anew."""
    with call.workbench() as wb:
        call.table(pd.DataFrame({"images": [wb.rebuild_index()]}))
    return DONE


def export_command(call: Call) -> int:
    """Write originals and holdings to a tar file."""
    from imgurer_kernel.archive import export_store

    with call.workbench() as wb:
        count = export_store(wb, Path(call.asked.out), progress=call.progress)
    call.table(pd.DataFrame({"written": [call.asked.out], "originals": [count]}))
    return DONE


def import_command(call: Call) -> int:
    """Take in what export wrote."""
    from imgurer_kernel.archive import import_store

    with call.workbench() as wb:
        frame = import_store(wb, Path(call.asked.archive), progress=call.progress)
    rejected = frame[frame["status"] == "rejected"]
    if call.asked.json:
        call.table(frame)
    _say_rejected(call, rejected)
    call.say(f"{len(frame) - len(rejected):,} holdings taken in, {len(rejected):,} rejected")
    return FOUND_WRONG if len(rejected) else DONE


def serve(call: Call) -> int:
    """Serve the dashboard."""
    from imgurer_kernel.server import serve as serve_dashboard

    if call.asked.samples:
        _take_samples_in(call)
    serve_dashboard(
        call.settings,
        host=call.asked.host,
        port=call.asked.port,
        login=call.asked.login,
        open_browser=not call.asked.no_browser,
    )
    return DONE


def _take_samples_in(call: Call) -> None:
    """Draw the sample pictures and put them into a store that is empty."""
    from imgurer_kernel.samples import make_samples

    with call.workbench() as wb:
        if wb.statistics().images:
            return
        call.say("The store is empty: drawing sample pictures for a start")
        truth = make_samples(call.asked.samples)
        frame = wb.ingest(truth["path"].tolist(), progress=call.progress)
        call.say(f"{(frame['status'] == 'added').sum()} sample pictures are in the store")


def parser() -> argparse.ArgumentParser:
    """The grammar of the command."""
    # The common options stand before or after the command; only a given one is set.
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--root", metavar="FOLDER", help="the store (default data/store)")
    common.add_argument("--json", action="store_true", help="answer in JSON")
    top = argparse.ArgumentParser(prog="imgurer", description=__doc__, parents=[common])
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[Call], int], group: "Commands" = commands
    ) -> argparse.ArgumentParser:
        words = str(run.__doc__).partition("\n")[0]
        made = group.add_parser(name, help=words, description=words, parents=[common])
        made.set_defaults(run=run)
        return made

    one = command("ingest", ingest)
    one.add_argument("paths", nargs="+", metavar="PATH", help="file, folder or glob")
    one.add_argument("--user", help="who brings them (default: the local user)")
    one = command("similar", similar)
    one.add_argument("image", metavar="IMAGE", help="a file, or the id of an image")
    one.add_argument("--radius", type=int, metavar="BITS")
    one.add_argument("--limit", type=int, metavar="N")
    one = command("clusters", clusters)
    one.add_argument("--radius", type=int, metavar="BITS")
    one = command("report", report)
    one.add_argument("--out", required=True, metavar="FILE", help=".csv, .json or .html")
    one.add_argument("--radius", type=int, metavar="BITS")
    one = command("check", check)
    one.add_argument("--repair", action="store_true", help="mend what can be mended")
    command("rebuild-index", rebuild_index)
    one = command("export", export_command)
    one.add_argument("--out", required=True, metavar="FILE.tar")
    one = command("import", import_command)
    one.add_argument("archive", metavar="FILE.tar")
    one = command("serve", serve)
    one.add_argument("--host", default="127.0.0.1")
    one.add_argument("--port", type=int, default=8866)
    one.add_argument("--login", action="store_true", help="ask for a name and a password")
    one.add_argument("--no-browser", action="store_true", help="do not open a browser")
    one.add_argument("--samples", metavar="FOLDER", help="fill an empty store with samples")

    users = commands.add_parser("users", help="Accounts.").add_subparsers(
        required=True, metavar="COMMAND"
    )
    command("list", users_list, users)
    one = command("add", users_add, users)
    one.add_argument("name")
    one.add_argument("--role", choices=["admin", "member"], default="member")
    one.add_argument("--password-stdin", action="store_true")
    one = command("passwd", users_passwd, users)
    one.add_argument("name")
    one.add_argument("--password-stdin", action="store_true")
    command("disable", users_disable, users).add_argument("name")
    command("enable", users_enable, users).add_argument("name")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    asked = parser().parse_args(argv)
    asked.json = getattr(asked, "json", False)
    try:
        settings = Settings.from_env()
        if hasattr(asked, "root"):
            settings = replace(settings, root=asked.root)
        status: int = asked.run(Call(asked, settings))
    except ImgurerError as error:
        sys.stderr.write(f"imgurer: {error}\n")
        return FOUND_WRONG
    except KeyboardInterrupt:
        sys.stderr.write("imgurer: interrupted; what was done is kept\n")
        return INTERRUPTED
    except BrokenPipeError:
        return FOUND_WRONG
    return status
