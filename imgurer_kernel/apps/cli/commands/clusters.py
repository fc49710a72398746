"""Commands about duplicates in a store: list the clusters, report on them."""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.apps.cli.command import EXIT_DONE, Call, argument, command, either_or, number
from imgurer_kernel.apps.cli.commands.pictures import NO_VERIFY, RADIUS
from imgurer_kernel.apps.cli.file_filters import FILTERS, read_filters, require_known_folders
from imgurer_kernel.common.text import count, freed_text
from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.clusters import cluster_table, places, summary
from imgurer_kernel.report.columns import COLUMNS
from imgurer_kernel.report.report import SUFFIXES
from imgurer_kernel.workbench.workbench import Workbench

_FOLDERS = argument(
    "folders",
    nargs="*",
    metavar="FOLDER",
    help="only files that were ingested from below one of these (default: all files)",
)
_THOROUGH = argument(
    "--thorough", action="store_true", help="search as far as is useful, however long it takes"
)


def report_file(text: str) -> str:
    """Read the name of a file that `Report.save` can write."""
    if not text.lower().endswith(SUFFIXES):
        message = f"{text!r} must end in .csv, .parquet, .json, .xlsx or .html"
        raise argparse.ArgumentTypeError(message)
    return text


@command("clusters", _FOLDERS, *FILTERS, RADIUS, either_or(NO_VERIFY, _THOROUGH))
def clusters(call: Call) -> int:
    """List clusters of duplicates."""
    with call.workbench() as wb:
        frame = _find_clusters(call, wb)
        if len(frame) and not call.out.json:
            # The labels of the review: each file against its keeper.
            chosen = wb.queue(frame, reference=call.arguments.reference, measure=False)
            labels = chosen.set_index("file_id")["label"]
            frame = frame.assign(label=frame["file_id"].map(labels))
    if call.out.json:
        call.out.write_table(frame)
        return EXIT_DONE
    write_clusters(call, frame)
    return EXIT_DONE


@command(
    "report",
    _FOLDERS,
    *FILTERS,
    argument(
        "--out",
        type=report_file,
        required=True,
        metavar="FILE",
        help=".html, .xlsx or .json; .csv and .parquet have one table",
    ),
    argument(
        "--table",
        choices=tuple(COLUMNS),
        default="files",
        help="which table .csv and .parquet have (default: files)",
    ),
    argument(
        "--explain",
        type=number,
        default=0,
        metavar="N",
        help="put figures of the N pairs that are least alike into an .html: half a second each",
    ),
    argument(
        "--measure",
        action="store_true",
        help="measure all originals to choose the best ones: 100 ms each, once",
    ),
    RADIUS,
    either_or(NO_VERIFY, _THOROUGH),
)
def report(call: Call) -> int:
    """Write a report on the clusters to a file."""
    given = call.arguments
    if given.explain and not given.out.lower().endswith((".html", ".htm")):
        message = (
            f"--explain puts figures into a page, and {given.out} is not one; name an .html file"
        )
        raise QueryError(message)
    with call.workbench() as wb:
        require_known_folders(wb, (*given.folders, *given.reference))
        made = wb.report(
            **_asked_for(call), measure=given.measure or None, progress=call.out.progress
        )
        path = made.save(
            given.out, frame=given.table, explain=given.explain, progress=call.out.progress
        )
    frame = made.files
    if call.out.json:
        figures = {str(name).replace(" ", "_"): value for name, value in summary(frame).items()}
        call.out.write_table(pd.DataFrame([{"written": str(path), **figures}]))
    call.out.write_line(f"{path}: {totals(frame)}")
    return EXIT_DONE


def _find_clusters(call: Call, wb: Workbench) -> pd.DataFrame:
    require_known_folders(wb, (*call.arguments.folders, *call.arguments.reference))
    # Without folders a reference is no filter: all files take part.
    return wb.clusters(**_asked_for(call), measure=None, progress=call.out.progress)


def _asked_for(call: Call) -> dict[str, Any]:
    """Read the options into arguments of `Workbench.clusters` and `Workbench.report`."""
    return {
        "folders": call.arguments.folders or None,
        **read_filters(call),
        "radius": call.arguments.radius,
        "verify": not call.arguments.no_verify,
        "thorough": call.arguments.thorough,
    }


def write_clusters(call: Call, frame: pd.DataFrame) -> None:
    """Print clusters as text: each with its files under it, the kept one first; then the totals."""
    table = cluster_table(frame)
    freed = zip(table["frees_disk"].tolist(), table["frees_store"].tolist(), strict=True)
    heads = [
        f"{count(files, 'file')}, could free {freed_text(on_disk, in_store)}"
        for files, (on_disk, in_store) in zip(table["files"].tolist(), freed, strict=True)
    ]
    shown = -1
    removed = ~frame["is_keeper"].astype(bool)
    order = np.lexsort((np.arange(len(frame)), removed, frame["cluster_id"]))
    frame = frame.iloc[order]
    # One pass over all rows: there may be a hundred thousand clusters, numbered in their order.
    link_of = frame["link_of"].fillna("")
    for cluster_id, mark, place, of in zip(
        frame["cluster_id"], _marks(frame), places(frame), link_of, strict=True
    ):
        if cluster_id != shown:
            call.out.write_line(heads[cluster_id])
            shown = cluster_id
        call.out.write_line(f"  {mark:<10}  {place}" + f"  of {of}" * bool(of))
    call.out.write_line(f"looked for {frame.attrs['searched']}")
    if frame.attrs.get("stale_files"):
        stale = count(frame.attrs["stale_files"], "file")
        call.out.write_line(f"left out: {stale} changed or gone since the last scan")
    call.out.write_line(totals(frame))


def _marks(frame: pd.DataFrame) -> list[str]:
    """Choose a word for each row: the role of the file in its cluster."""
    marks = frame["label"].astype("str").mask(frame["link_of"].notna(), "link")
    marks = marks.mask(frame["is_reference"].astype(bool), "reference")
    return marks.mask(frame["is_keeper"].astype(bool), "keep").tolist()


def totals(frame: pd.DataFrame) -> str:
    """Summarize clusters in a sentence: how many, extra copies, bytes that removing them frees."""
    figures = summary(frame)
    links = figures["links"]
    also = f" and {count(links, 'link')}, which {'frees' if links == 1 else 'free'} nothing"
    return (
        f"{count(figures['clusters'], 'cluster')}, "
        f"{count(figures['extra copies'], 'extra copy', 'extra copies')}{also * bool(links)}, "
        f"{freed_text(figures['bytes freed on disk'], figures['bytes freed in the store'])} "
        "could be freed"
    )
