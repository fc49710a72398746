"""The command that needs no store: find duplicates in folders, in place."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

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
from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.text import count, join_words
from imgurer_kernel.report.writers import to_csv
from imgurer_kernel.store.ingest.rejected_files import by_kind, kinds_text, left_out_text

_SHOWN = 20
"""Most unreadable files that are listed by name, unless the output is for a program."""


def _csv_file(text: str) -> str:
    if text and not text.lower().endswith(".csv"):
        message = f"{text!r} must end in .csv; folders come before --csv"
        raise argparse.ArgumentTypeError(message)
    return text


@command(
    "find",
    argument("folders", nargs="+", metavar="FOLDER", help="folder to search"),
    *FILTERS,
    either_or(
        argument(
            "--csv",
            nargs="?",
            const="",
            type=_csv_file,
            metavar="OUT.csv",
            help="answer in CSV, or write it to a file",
        ),
        argument("--html", type=report_file, metavar="OUT.html", help="write a page with pictures"),
    ),
)
def find(call: Call) -> int:
    """Find duplicates in folders, without a store; nothing is copied or changed."""
    # Imported here: `imgurer --help` does not need the workbench.
    from imgurer_kernel.workbench.find import find_in, open_cache

    given = call.arguments
    with open_cache() as wb:
        frame = find_in(
            wb,
            *given.folders,
            **read_filters(call),
            progress=call.out.progress,
        )
        if given.html:
            report = wb.report(
                frame,
                folders=given.folders,
                **read_filters(call),
                progress=call.out.progress,
            )
            # The ids are those of the cache: no store could apply a plan with them.
            files = report.files.assign(file_id=-1, keeper_id=-1)
            path = replace(report, files=files).save(given.html)
            call.out.write_line(f"{path}: {totals(frame)}")
        rejected = dict(wb.rejections)
    pictures = frame.attrs["files"] - frame.attrs["rejected"]
    if given.csv:
        path = Path(given.csv).expanduser()
        with atomic_write(path) as file:
            # Excel reads CSV as UTF-8 only with a byte order mark.
            file.write(f"\ufeff{to_csv(frame)}".encode("utf-8", "backslashreplace"))
        call.out.write_line(f"{path}: {totals(frame)}")
    elif given.csv is not None:
        call.out.write_text(to_csv(frame))
    elif not given.html and pictures:
        write_clusters(call, frame)
    if call.out.json and given.csv != "":
        call.out.write_tables({"files": frame, "skipped": _skipped(rejected)})
    if not pictures and not by_kind(rejected)[0]:
        # Also with CSV, where the user would see only a heading.
        filtered = " that the options let through" if given.exclude or given.min_size else ""
        write_error(f"there are no pictures{filtered} in {join_words(map(str, given.folders))}")
    if left_out := left_out_text(frame.attrs):
        write_error(left_out)
    _write_rejected(rejected, len(rejected) if call.out.json else _SHOWN)
    return EXIT_PROBLEMS if rejected else EXIT_DONE


def _skipped(rejected: Mapping[str, str]) -> pd.DataFrame:
    """Make the rows of unreadable files, as in a report."""
    rows = [{"why": "rejected", "place": place, "reason": why} for place, why in rejected.items()]
    return pd.DataFrame(rows, columns=["why", "place", "reason"])


def _write_rejected(rejected: Mapping[str, str], shown: int) -> None:
    """Write to standard error which files and folders could not be read, and why."""
    failures, others = by_kind(rejected)
    folders = sum(Path(place).is_dir() for place in failures)
    for number, one in ((len(failures) - folders, "file"), (folders, "folder")):
        what = " as pictures" if one == "file" and number > 1 else " as a picture"
        what = "" if one == "folder" else what
        if number:
            write_error(f"{count(number, one)} could not be read{what}")
    for place, reason in [*failures.items()][:shown]:
        write_error(f"  {place}: {reason}")
    if len(failures) > shown:
        write_error(f"  ... and {len(failures) - shown:,} more; --json and --html list all")
    if others:
        write_error(kinds_text(others))
