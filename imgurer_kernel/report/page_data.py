"""The data of a report's page: frames as columns of numbers and texts, in JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.text import human_bytes

if TYPE_CHECKING:
    from imgurer_kernel.report.report import Report


@dataclass(frozen=True, slots=True)
class FileBeside:
    """What lies beside files and belongs to them, such as a sidecar, a raw file or a video.

    Attributes
    ----------
    name
        Its name, in the folder of these files.
    is_sidecar
        It goes along when all of its files go; all else is left.
    file_ids
        The files of the report that it belongs to.
    has_others
        It belongs to other files, too.
    """

    name: str
    is_sidecar: bool
    file_ids: tuple[int, ...]
    has_others: bool


_WORDS = ("folder", "user", "state", "label", "format", "camera", "keeper_reason", "verdict")
_NUMBERS = ("file_id", "image_id", "keeper_id", "width", "height", "bytes", "distance_to_medoid")
_MAP = [f"map_{name}" for name in "abcdef"]
KEPT, MEDOID, REFERENCE, OTHER_NAME = 1, 2, 4, 8
"""Bits of the flags of a file."""

PART = 200
"""Pictures in one chunk of the page, some half a megabyte."""

LEFT_OUT, LOST = -1, -2
"""Codes of pictures that are not in the page."""


def page_data(report: "Report", clusters: int) -> dict[str, Any]:
    """Collect everything but the pictures, in JSON types.

    Texts that many files share (folders, reasons, users) are stored once, in `words`, and
    referenced by index; -1 for none. Times are seconds since 1970, missing ones null.

    Parameters
    ----------
    clusters
        Number of clusters.
    """
    files = shown_files(report, clusters)
    table = report.clusters.head(clusters)
    words: dict[str, list[str]] = {}
    columns: dict[str, list[Any]] = {}
    for name in _WORDS:
        columns[name], words[name] = _coded(files[name])
    for name in _NUMBERS:
        columns[name] = files[name].astype("Int64").fillna(-1).astype("int64").tolist()
    flags = (
        files["is_keeper"].astype(int) * KEPT
        + files["is_medoid"].astype(int) * MEDOID
        + files["is_reference"].astype(int) * REFERENCE
        + files["is_other_name"].astype(int) * OTHER_NAME
    )
    frees = (files["frees_disk"] + files["frees_store"]).tolist()
    columns |= {
        "filename": files["filename"].fillna("").tolist(),
        "uploaded": files["path"].isna().astype(int).tolist(),
        "flags": flags.tolist(),
        "frees": frees,
        "score": files["score"].round(4).tolist(),
        "taken_at": _seconds(files["taken_at"]),
        "modified_at": _seconds(files["modified_at"]),
    }
    places = files["cluster_id"].to_numpy(np.int64)
    starts = np.flatnonzero(np.r_[True, places[1:] != places[:-1]]) if len(places) else places
    return {
        "files": columns,
        "words": words,
        "clusters": {
            "id": table["cluster_id"].tolist(),
            "start": [*starts.tolist(), len(files)],
            "kinds": table["kinds"].fillna("").tolist(),
            "weakest": table["weakest_score"].round(4).tolist(),
        },
        "pairs": _pairs(report, files),
        "beside": _beside(report.beside, files),
        "total": len(report.clusters),
        "bits": 128,
    }


def shown_files(report: "Report", clusters: int) -> pd.DataFrame:
    """Return the files of the first clusters."""
    if clusters >= len(report.clusters):
        return report.files
    wanted = report.clusters["cluster_id"].head(clusters)
    return report.files[report.files["cluster_id"].isin(wanted)].reset_index(drop=True)


def figures(report: "Report") -> dict[str, str]:
    """Format the figures at the top of a page."""
    value = report.summary.set_index("figure")["value"]
    shown = {
        "clusters": f"{value['clusters']:,}",
        "extra copies": f"{value['extra copies']:,}",
        "links, which free nothing": f"{value['links']:,}",
        "could be freed on disk": human_bytes(int(value["bytes freed on disk"])),
        "could be freed in the store": human_bytes(int(value["bytes freed in the store"])),
        "in the largest cluster": f"{value['largest cluster']:,}",
        "took no part": f"{value['skipped']:,}",
    }
    if "files" in value:
        shown = {"files were compared": f"{value['files']:,}", **shown}
    if not value["bytes freed in the store"]:  # the usual case: no originals in the store
        del shown["could be freed in the store"]
    if not value["links"]:
        del shown["links, which free nothing"]
    if not value["skipped"]:
        del shown["took no part"]
    return shown


def as_script(value: object) -> str:
    r"""Encode a value as JSON that is safe in a <script> element.

    Examples
    --------
    >>> as_script(["</script><!--"])
    '["\\u003c/script>\\u003c!--"]'
    """
    # ASCII only: a name may have half of a surrogate pair, which UTF-8 cannot encode.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def picture_numbers(image_ids: "pd.Series[int]", jpegs: Mapping[int, str]) -> list[int]:
    """Number the picture of each file among those in the page, in the order of the files.

    Parameters
    ----------
    image_ids
        Images of the files.
    jpegs
        Pictures by image_id; empty text for a lost one.

    Examples
    --------
    >>> picture_numbers(pd.Series([7, 7, 8, 9, 6]), {7: "a", 8: "", 6: "b"})
    [0, 0, -2, -1, 1]
    """
    numbers: dict[int, int] = {}
    next_number = 0
    for image_id in image_ids.unique().tolist():
        jpeg = jpegs.get(image_id)
        numbers[image_id] = LEFT_OUT if jpeg is None else LOST if not jpeg else next_number
        next_number += bool(jpeg)
    return [numbers[image_id] for image_id in image_ids.tolist()]


def _beside(beside: Sequence[FileBeside], files: pd.DataFrame) -> dict[str, list[Any]]:
    """Collect what lies beside the files: names, 1 for what goes along with its files, rows."""
    row_of = {file_id: row for row, file_id in enumerate(files["file_id"].tolist())}
    shown = [each for each in beside if not row_of.keys().isdisjoint(each.file_ids)]
    rows = [[row_of[it] for it in each.file_ids if it in row_of] for each in shown]
    goes_along = [
        int(each.is_sidecar and not each.has_others and len(known) == len(each.file_ids))
        for each, known in zip(shown, rows, strict=True)
    ]
    return {
        "name": [each.name for each in shown],
        "sidecar": [int(each.is_sidecar) for each in shown],
        "along": goes_along,
        "rows": rows,
    }


def _coded(column: "pd.Series[Any]") -> tuple[list[int], list[str]]:
    codes, values = pd.factorize(column.astype("str"))
    return codes.tolist(), values.tolist()


def _seconds(times: "pd.Series[Any]") -> list[int | None]:
    known = times.notna()
    zone = times.dt.tz_localize(None) if isinstance(times.dtype, pd.DatetimeTZDtype) else times
    seconds = zone.where(known, pd.Timestamp(0)).astype("datetime64[s]").astype("int64").tolist()
    return [
        value if is_known else None for value, is_known in zip(seconds, known.tolist(), strict=True)
    ]


def _pairs(report: "Report", files: pd.DataFrame) -> dict[str, Any]:
    """Collect the evidence of files: their rows, and columns of measures."""
    pairs = report.pairs[["cluster_id", "other_id", "detail", "correlation", "overlap", *_MAP]]
    keys = files[["cluster_id", "image_id"]].assign(row=np.arange(len(files)))
    found = keys.merge(
        pairs, left_on=["cluster_id", "image_id"], right_on=["cluster_id", "other_id"]
    )
    # Pairs with equal pixels were not compared, and need no map.
    found = found[found["map_a"].notna()].sort_values("row")
    rows = found["row"].to_numpy(np.int64)
    detail, details = _coded(found["detail"].fillna(""))
    numbers = found[_MAP].round(4).to_numpy(np.float64)
    return {
        "row": rows.tolist(),
        "detail": detail,
        "details": details,
        "correlation": found["correlation"].round(3).fillna(0).tolist(),
        "overlap": found["overlap"].round(3).fillna(0).tolist(),
        "map": numbers.tolist(),
    }
