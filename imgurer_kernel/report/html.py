"""Clusters as one page of HTML that needs nothing else: no script, no font, no other address.

The page is ``templates/report.html.j2``, in which jinja2 escapes whatever it is given.
"""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd

from imgurer_kernel.common.text import count, elide_path, freed_text, human_bytes
from imgurer_kernel.errors import StorageError

if TYPE_CHECKING:
    from jinja2 import Template

Thumbnail = Callable[[int], bytes]
"""From an image_id to a JPEG."""

Row = Mapping[str, Any]

COLUMNS = (
    "image_id", "filename", "label", "width", "height", "bytes", "is_medoid", "is_keeper",
    "distance_to_medoid", "frees_disk", "frees_store",
)  # fmt: skip
FILE_COLUMNS = ("path", "state", "is_reference")
"""Columns that a frame by image does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTile:
    """One member of a cluster as the page shows it.

    Attributes
    ----------
    filename, label, width, height
        As in the frame of clusters.
    path, folder
        Where it is, whole and shortened in the middle; empty for what came without a path.
    state
        A word if the file is not where it was, or is of a reference folder.
    size
        Bytes of its file, for people.
    kept, medoid
        Whether it would be kept, and whether the others are compared with it.
    difference
        What a person would see beside the medoid.
    distance
        Bits from the medoid.
    jpeg
        Its thumbnail in base64, or nothing.
    missing
        Whether the store has lost the thumbnail.
    """

    filename: str
    path: str
    folder: str
    state: str
    label: str
    width: int
    height: int
    size: str
    kept: bool
    medoid: bool
    difference: str
    distance: int
    jpeg: str
    missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCluster:
    """One cluster as the page shows it; `tiles` can be gone through once."""

    title: str
    frees: str
    tiles: Iterator[ReportTile]


def page(
    clusters: pd.DataFrame,
    figures: Mapping[str, str],
    thumbnail: Thumbnail | None,
    limit: int | None,
) -> Iterator[str]:
    """The page in parts, so that a large one never has to be in memory as a whole.

    Parameters
    ----------
    clusters
        As from `Workbench.clusters`, with frees_disk and frees_store; shown in their order.
    figures
        What stands at the top: words and numbers.
    thumbnail
        Asked for each picture when its turn comes; without it the page shows none. One that is
        missing in the store is left out.
    limit
        Most clusters to show.
    """
    groups = clusters.groupby("cluster_id", sort=False)
    return _template().generate(
        figures=figures,
        clusters=(_cluster(members, thumbnail) for _, members in islice(groups, limit)),
        total=groups.ngroups,
        limit=limit,
    )


@cache
def _template() -> "Template":
    # Imported when a page is written: starting the dashboard takes longer with it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("imgurer_kernel.report"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    return environment.get_template("report.html.j2")


def plain(text: object) -> str:
    r"""A text on one line, without characters that change how its surroundings are shown.

    Examples
    --------
    >>> plain("holiday\u202egpj.exe") == "holiday\ufffdgpj.exe"
    True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def _cluster(members: pd.DataFrame, thumbnail: Thumbnail | None) -> ReportCluster:
    columns = [*COLUMNS, *(name for name in FILE_COLUMNS if name in members)]
    rows = [
        dict(zip(columns, values, strict=True))
        for values in zip(*(members[name].tolist() for name in columns), strict=True)
    ]
    # A frame that somebody has filtered may have lost it.
    medoid = next((row for row in rows if row["is_medoid"]), rows[0])
    freed = (sum(row[name] for row in rows) for name in ("frees_disk", "frees_store"))
    return ReportCluster(
        title=count(len(rows), "file"),
        frees=freed_text(*freed),
        tiles=(_tile(row, medoid, thumbnail) for row in rows),
    )


def _tile(row: Row, medoid: Row, thumbnail: Thumbnail | None) -> ReportTile:
    jpeg, missing = "", False
    if thumbnail is not None:
        try:
            jpeg = base64.b64encode(thumbnail(row["image_id"])).decode("ascii")
        except StorageError:
            missing = True
    path = row.get("path")
    # An upload has none: NaN, or nothing in a frame by image.
    path = path if isinstance(path, str) else ""
    return ReportTile(
        filename=row["filename"],
        path=path,
        folder=elide_path(os.path.dirname(path)),  # noqa: PTH120  a text of any system
        state=_state(row),
        label=row["label"],
        width=row["width"],
        height=row["height"],
        size=human_bytes(row["bytes"]),
        kept=row["is_keeper"],
        medoid=row is medoid,
        difference=", ".join(_differences(row, medoid)) or "looks the same",
        distance=row["distance_to_medoid"],
        jpeg=jpeg,
        missing=missing,
    )


def _state(row: Row) -> str:
    words = [row["state"]] if row.get("state", "present") != "present" else []
    if row.get("is_reference", False):
        words.append("in a reference folder")
    return ", ".join(words)


def _differences(row: Row, medoid: Row) -> list[str]:
    """What a person would see when both lie side by side."""
    if row["label"] == "identical":
        return ["identical"]
    found = []
    pixels, other = row["width"] * row["height"], medoid["width"] * medoid["height"]
    if pixels != other:
        found.append("smaller" if pixels < other else "larger")
    elif row["bytes"] != medoid["bytes"]:
        found.append("fewer bytes" if row["bytes"] < medoid["bytes"] else "more bytes")
    if row["label"] not in {"medoid", "near by dHash"}:
        found.append(str(row["label"]))
    return found
