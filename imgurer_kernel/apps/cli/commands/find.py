"""The command that needs no store: find duplicates in folders, in place."""

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
    rejected = int(frame.attrs["rejected"])
    if call.arguments.csv:
        call.out.write_text(to_csv(frame))
    elif call.out.json:
        call.out.write_table(frame)
    elif not call.arguments.html:
        write_clusters(call, frame)
    if rejected:
        write_error(f"{count(rejected, 'file')} could not be read as pictures")
    return EXIT_PROBLEMS if rejected else EXIT_DONE
