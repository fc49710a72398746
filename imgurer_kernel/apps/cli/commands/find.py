"""The command that needs no store: find duplicates in folders, in place."""

from collections.abc import Mapping
from pathlib import Path

from imgurer_kernel.apps.cli.command import (
    EXIT_DONE,
    EXIT_PROBLEMS,
    Call,
    argument,
    command,
    either_or,
)
from imgurer_kernel.apps.cli.commands.clusters import report_file, totals, write_clusters
from imgurer_kernel.apps.cli.file_filters import FILTERS, read_filters
from imgurer_kernel.apps.cli.output import write_error
from imgurer_kernel.common.text import count
from imgurer_kernel.report.writers import to_csv

_SHOWN = 20
"""Files that could not be read and are named, unless a program reads the answer."""


@command(
    "find",
    argument("folders", nargs="+", metavar="FOLDER", help="what to look through"),
    *FILTERS,
    either_or(
        argument("--csv", action="store_true", help="answer in CSV"),
        argument("--html", type=report_file, metavar="OUT.html", help="write a page with pictures"),
    ),
)
def find(call: Call) -> int:
    """Find duplicates in folders, without a store; nothing is copied or changed."""
    # Brings the workbench along, which `imgurer --help` has no need of.
    from imgurer_kernel.workbench.find import find_in, open_cache

    with open_cache() as wb:
        frame = find_in(
            wb,
            *call.arguments.folders,
            **read_filters(call),
            progress=call.out.progress,
        )
        if call.arguments.html:
            path = wb.report(
                frame,
                folders=call.arguments.folders,
                **read_filters(call),
                progress=call.out.progress,
            ).save(call.arguments.html)
            call.out.write_line(f"{path}: {totals(frame)}")
        rejected = dict(wb.rejections)
    if call.arguments.csv:
        call.out.write_text(to_csv(frame))
    elif call.out.json:
        call.out.write_table(frame)
    elif not call.arguments.html:
        write_clusters(call, frame)
    _write_rejected(rejected, len(rejected) if call.out.json else _SHOWN)
    return EXIT_PROBLEMS if rejected else EXIT_DONE


def _write_rejected(rejected: Mapping[str, str], shown: int) -> None:
    """Write to standard error how many files and folders could not be read, which, and why."""
    folders = sum(Path(place).is_dir() for place in rejected)
    for number, one in ((len(rejected) - folders, "file"), (folders, "folder")):
        what = " as pictures" if one == "file" and number > 1 else " as a picture"
        what = "" if one == "folder" else what
        if number:
            write_error(f"{count(number, one)} could not be read{what}")
    for place, reason in sorted(rejected.items())[:shown]:
        write_error(f"  {place}: {reason}")
    if len(rejected) > shown:
        write_error(f"  ... and {len(rejected) - shown:,} more; --json and --html list all")
