"""Show a report in a notebook: figures, two plots, the first clusters."""

import base64
import html
from typing import TYPE_CHECKING

from imgurer_kernel.common.text import count, freed_text, human_bytes, pixels
from imgurer_kernel.report.html import plain
from imgurer_kernel.report.page_data import figures
from imgurer_kernel.report.page_pictures import PagePictures

if TYPE_CHECKING:
    from imgurer_kernel.report.report import Report

CLUSTERS = 4
"""Most clusters shown with pictures."""

PICTURES = 6
"""Most pictures of each cluster."""

_TILE = (
    "display:inline-block;width:130px;margin:0 10px 8px 0;vertical-align:top;font-size:12px;"
    "overflow-wrap:anywhere"
)
# Equal heights, so that the names of a row align.
_PICTURE = "display:flex;align-items:center;justify-content:center;height:130px;margin-bottom:4px"

_PLOT = "max-width:48%;vertical-align:top"


def report_html(report: "Report") -> str:
    """Make the HTML of a cell's output, with at most 24 pictures in it."""
    numbers = "".join(
        f"<span style='display:inline-block;margin:0 20px 8px 0'><b style='font-size:20px'>"
        f"{html.escape(plain(number))}</b><br>{html.escape(plain(words))}</span>"
        for words, number in figures(report).items()
    )
    parts = [f"<div>{numbers}</div>"]
    parts += [f"<p>{html.escape(plain(each))}</p>" for each in report.card.for_cost]
    if len(report.clusters):
        parts += [_plots(report), _clusters(report)]
    else:
        parts.append("<p>No duplicates were found.</p>")
    return f"<div>{''.join(parts)}</div>"


def _plots(report: "Report") -> str:
    from imgurer_kernel.report.figures import plot_cluster_sizes, plot_freed, plot_kinds

    frees = report.by_folder["frees_disk"] + report.by_folder["frees_store"]
    # A single folder would be a single bar, which shows nothing.
    second = (
        (plot_freed(report.by_folder), "Bytes to free by folder")
        if (frees > 0).sum() > 1
        else (plot_kinds(report.files), "Kinds of copies")
    )
    shown = []
    sizes = plot_cluster_sizes(report.sizes), "Clusters by their number of files"
    for figure, words in (sizes, second):
        jpeg = base64.b64encode(figure.jpeg(80)).decode("ascii")
        shown.append(f"<img alt='{words}' style='{_PLOT}' src='data:image/jpeg;base64,{jpeg}'>")
    return f"<div>{''.join(shown)}</div>"


def _clusters(report: "Report") -> str:
    pictures = PagePictures(report.thumbnail)
    parts = []
    for row in report.clusters.head(CLUSTERS).to_dict("records"):
        members = report.files[report.files["cluster_id"] == row["cluster_id"]]
        # The keeper first, whatever its position.
        first = members.sort_values("is_keeper", ascending=False, kind="stable").head(PICTURES)
        jpegs = pictures.read(first["image_id"].drop_duplicates().to_numpy("int64"))
        tiles = [_tile(file, jpegs.get(file["image_id"], "")) for file in first.to_dict("records")]
        more = len(members) - len(first)
        words = f"{count(len(members), 'file')}, could free " + freed_text(
            row["frees_disk"], row["frees_store"]
        )
        if more:
            words += f"; {more:,} more are not shown"
        parts.append(f"<p><b>{words}</b></p><div>{''.join(tiles)}</div>")
    left = len(report.clusters) - CLUSTERS
    if left > 0:
        parts.append(f"<p>{count(left, 'more cluster')} in <code>report.clusters</code>.</p>")
    return "".join(parts)


def _tile(file: dict[str, object], jpeg: str) -> str:
    name = html.escape(plain(file["filename"]), quote=True)
    image = (
        f"<span style='{_PICTURE}'><img alt='{name}' style='max-width:130px;max-height:130px' "
        f"src='data:image/jpeg;base64,{jpeg}'></span>"
        if jpeg
        else ""
    )
    kept = "<b>kept</b>" if file["is_keeper"] else html.escape(plain(file["label"]))
    size = human_bytes(int(str(file["bytes"])))
    return (
        f"<span style='{_TILE}'>{image}<bdi>{name}</bdi><br>"
        f"{pixels(int(str(file['width'])), int(str(file['height'])))}, {size}<br>{kept}</span>"
    )
