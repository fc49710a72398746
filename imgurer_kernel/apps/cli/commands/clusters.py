"""Commands about duplicates in the whole store: list the clusters, write them to a file."""

import argparse

import pandas as pd

from imgurer_kernel.apps.cli.command import EXIT_DONE, Call, argument, command, either_or
from imgurer_kernel.apps.cli.commands.pictures import NO_VERIFY, RADIUS
from imgurer_kernel.common.text import count, human_bytes
from imgurer_kernel.report.clusters import SUFFIXES, cluster_table, export, summary
from imgurer_kernel.workbench.workbench import Workbench

_THOROUGH = argument(
    "--thorough", action="store_true", help="search as far as is of any use, however long"
)


def _report_file(text: str) -> str:
    if not text.lower().endswith(SUFFIXES):
        message = f"{text!r} must end in .csv, .json or .html"
        raise argparse.ArgumentTypeError(message)
    return text


@command("clusters", RADIUS, either_or(NO_VERIFY, _THOROUGH))
def clusters(call: Call) -> int:
    """List clusters of duplicates."""
    with call.workbench() as wb:
        frame = _find_clusters(call, wb)
    if call.out.json:
        call.out.write_table(frame)
        return EXIT_DONE
    table = cluster_table(frame).reset_index()
    table["frees"] = [human_bytes(int(extra)) for extra in table["frees"]]
    call.out.write_table(table)
    call.out.write_line(f"found by {frame.attrs['plan']}")
    call.out.write_line(_totals(frame))
    return EXIT_DONE


@command(
    "report",
    argument(
        "--out", type=_report_file, required=True, metavar="FILE", help=".csv, .json or .html"
    ),
    RADIUS,
    either_or(NO_VERIFY, _THOROUGH),
)
def report(call: Call) -> int:
    """Write the clusters to a file."""
    with call.workbench() as wb:
        frame = _find_clusters(call, wb)
        path = export(frame, call.arguments.out, thumbnail=wb.thumbnail)
    if call.out.json:
        figures = {str(name).replace(" ", "_"): value for name, value in summary(frame).items()}
        call.out.write_table(pd.DataFrame([{"written": str(path), **figures}]))
    call.out.write_line(f"{path}: {_totals(frame)}")
    return EXIT_DONE


def _find_clusters(call: Call, wb: Workbench) -> pd.DataFrame:
    return wb.clusters(
        radius=call.arguments.radius,
        verify=not call.arguments.no_verify,
        thorough=call.arguments.thorough,
        progress=call.out.progress,
    )


def _totals(frame: pd.DataFrame) -> str:
    figures = summary(frame)
    return (
        f"{count(figures['clusters'], 'cluster')}, "
        f"{count(figures['extra copies'], 'extra copy', 'extra copies')}, "
        f"{human_bytes(figures['bytes to be freed'])} could be freed"
    )
