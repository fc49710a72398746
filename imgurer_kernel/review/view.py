"""The columns of files that the rules and expressions of keeper policies may use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.review.few_colours import with_few_colours
from imgurer_kernel.review.generations import made_with_loss, saved_again
from imgurer_kernel.review.keeper import copy_names, in_copy_folders
from imgurer_kernel.review.measure import CAMERA_FORMATS, HEAVY_QUALITY, true_pixels
from imgurer_kernel.review.writing import marked

VIEW: Mapping[str, str] = {
    "cluster_id": "number of the cluster",
    "file_id": "number of the file",
    "image_id": "number of the picture; exact copies share it",
    "path": "absolute path; missing for an upload",
    "place": "path, or name where there is none",
    "folder": "path of the folder",
    "filename": "name",
    "user": "whose it is",
    "state": "present, missing or changed",
    "kept": "upload, copy, link or reference",
    "label": "what became of the picture: identical, resized, ...; in a policy as medoid_label",
    "medoid_label": "label against the medoid, with which all others were compared",
    "score": "agreement with the medoid",
    "width": "pixels",
    "height": "pixels",
    "bytes": "size of the file",
    "format": "JPEG, PNG, HEIF, ...",
    "frames": "frames or pages",
    "taken_at": "the camera's time",
    "camera": "maker and model",
    "latitude": "degrees",
    "longitude": "degrees",
    "modified_at": "time of the file, missing for an upload",
    "taken_in": "when it was ingested",
    "is_reference": "in a reference folder",
    "beside": "number of sidecars, raw files and videos beside it that belong to it",
    "is_link": "a symbolic link to a file",
    "is_linked": "a symbolic link of the cluster leads to it",
    "disk_file": "number of the file on disk, the same for all of its names; -1 if unknown",
    "has_copy_name": "named as programs name copies",
    "in_copy_folder": "in a folder for copies, such as Backup or Downloads",
    "damaged": "parts of the picture are missing",
    "is_gray": "without colour, where others of the cluster have it",
    "shown_pixels": "pixels without a frame, at the true resolution",
    "is_thumbnail": "less than a fifth of the pixels of the most detailed one",
    "is_upscale": "enlarged: clearly more pixels than detail",
    "has_few_colours": "reduced to few colours, as GIF has them, where others have many",
    "is_heavy": "heavily recompressed",
    "is_framed": "with a frame around the picture",
    "is_marked": "something is written on it",
    "is_resaved": "saved again at a higher quality from another file of the cluster",
    "is_made_with_loss": "a JPEG of which the cluster has the picture without loss",
    "camera_facts": "how much of time, camera and place is known: 0 to 3",
    "is_camera_format": "as cameras write it",
    "attached": "kinds of contents in the file besides the picture: video, further pictures, depth",
    "written": "captions, titles, keywords, names of faces, places and ratings in it",
    "metadata": "number of facts that it carries",
    "quality": "of the compression, 0 to 100, 100 without loss; the worst if there were two",
    "saved_quality": "of the last compression alone",
}
"""The columns and their meanings. A value that was not measured counts as good."""

_OF_CLUSTERS = {
    *("cluster_id", "file_id", "image_id", "path", "filename", "user", "state", "label", "score"),
    *("width", "height", "bytes", "is_reference"),
}
_ADDED = [
    *(name for name in VIEW if name not in _OF_CLUSTERS),
    *("keeper_id", "keeper_rule", "keeper_reason", "is_other_name"),
    *("verdict", "decided_by", "new_since_decision", "disputed"),
]
# Share of the most detailed file's pixels below which a file is a thumbnail.
_THUMBNAIL, _TINY = 0.2, 0.05
# Files within 2 % of the most pixels count as equal: a row or column more proves nothing. What lies
# within plain margins is known to one of 64 pixels at each end, 6 % of the area of a chart or page.
_AS_MANY, _AS_MANY_FRAMED = 0.98, 0.94
# Heavy compression counts only if another file of the cluster is clearly better, by this quality.
_HEAVY_GAP = 20.0
# Share of the area inside a frame: uniform margins of a percent or two do not count as a frame.
_FRAMED = 0.97


def file_view(
    clusters: pd.DataFrame,
    files: pd.DataFrame,
    images: pd.DataFrame,
    measured: Mapping[str, OriginalFacts],
) -> pd.DataFrame:
    """Add the columns of `VIEW` to clusters by file.

    Parameters
    ----------
    clusters
        One row per file, as from `Workbench.clusters`.
    files
        file_id, kept, modified_at, taken_in, is_link, disk_file, beside.
    images
        Rows of the catalog: image_id, format, frames, taken_at, camera, latitude, longitude, and
        damaged and is_gray if known.
    measured
        Measures of originals, by digest; may be incomplete.
    """
    extra = [name for name in ("damaged", "is_gray", "within_frame") if name in images]
    facts = ["image_id", "format", "frames", "taken_at", "camera", "latitude", "longitude"]
    # The input may be a view already: recompute its columns from present knowledge. No keeper is
    # chosen yet, so labels must be those against the medoid, which the measures need.
    if "medoid_label" in clusters:
        clusters = clusters.assign(label=clusters["medoid_label"])
    view = clusters.drop(columns=[*_ADDED, *extra], errors="ignore").reset_index(drop=True)
    of_files = ["file_id", "kept", "modified_at", "taken_in", "is_link", "disk_file", "beside"]
    found = (
        _found(files[of_files], "file_id", view),
        _found(images[[*facts, *extra]], "image_id", view),
    )
    view = pd.concat([view, *found], axis=1)
    # Arrays from here on: most clusters are of few files, for which each step of pandas takes more
    # time than all of the arithmetic.
    known = _known(view, measured)
    groups = np.unique(view["cluster_id"].to_numpy(), return_inverse=True)[1]
    pixels = view["width"].to_numpy(np.float64) * view["height"].to_numpy(np.float64)
    frame = known["within_frame"]
    if "within_frame" in view:
        frame = view["within_frame"].fillna(1.0).to_numpy(np.float64)
    # An enlargement has no more detail than its source.
    true = true_pixels(view, measured)
    shown = np.minimum(true, pixels) * frame
    most = _most(shown, groups)
    # What is written into a margin counts as content, and is not kept.
    is_marked = marked(view, measured)
    unmarked = _most(np.where(is_marked, np.nan, shown), groups)
    unmarked = np.where(np.isnan(unmarked), most, unmarked)
    as_many = shown >= unmarked * np.where(frame < _FRAMED, _AS_MANY_FRAMED, _AS_MANY)
    # A screenshot enlarges what it shows, and is compared with nothing in its frame: beside it a
    # camera's file is no thumbnail, unless it is tiny.
    is_camera = view["camera"].notna().to_numpy(bool)
    unframed = _most(np.where(is_camera | (frame >= _FRAMED), shown, np.nan), groups)
    most_beside = np.where(~is_camera | (shown < _TINY * most), most, unframed)
    gray = known["is_gray"]
    if "is_gray" in view:
        is_known = view["is_gray"].notna().to_numpy(bool)
        gray = np.where(is_known, view["is_gray"].to_numpy(object), gray).astype(bool)
    best = _most(known["quality"], groups)
    heavy = (known["quality"] < HEAVY_QUALITY) & (best - known["quality"] > _HEAVY_GAP)
    damaged = np.zeros(len(view))
    if "damaged" in view:
        damaged = view["damaged"].fillna(0).to_numpy(np.float64)
    name = view["path"].where(view["path"].notna(), view["filename"])
    folders = _folders(name)
    # For a cluster that is all gray is_gray is the same for all, and has no effect.
    judged = view.assign(damaged=damaged, is_gray=gray)
    columns = {
        "medoid_label": view["label"].array,
        "place": name.array,
        "folder": pd.array(folders, dtype="str"),
        "has_copy_name": copy_names([str(each) for each in view["filename"].tolist()]),
        "is_linked": _linked(view),
        "in_copy_folder": in_copy_folders(folders),
        "shown_pixels": np.round(np.where(as_many, np.maximum(shown, unmarked), shown)).astype(
            np.int64
        ),
        "is_thumbnail": shown < _THUMBNAIL * most_beside,
        "is_upscale": true < pixels,
        "has_few_colours": with_few_colours(judged, measured),
        "is_heavy": heavy,
        "is_framed": frame < _FRAMED,
        "is_marked": is_marked,
        "is_resaved": saved_again(judged, measured),
        "is_made_with_loss": made_with_loss(judged, measured),
        "camera_facts": view["taken_at"].notna().to_numpy(np.int64)
        + is_camera
        + view["latitude"].notna().to_numpy(np.int64),
        "is_camera_format": view["format"].isin(CAMERA_FORMATS).to_numpy(bool) | is_camera,
    }
    for each in ("attached", "written", "metadata", "quality", "saved_quality"):
        columns[each] = known[each]
    # All at once: `DataFrame.assign` takes as long for each of them.
    return pd.concat([judged, pd.DataFrame(columns, view.index)], axis=1)


def _found(facts: pd.DataFrame, key: str, view: pd.DataFrame) -> pd.DataFrame:
    """Return the facts of each row of a view, by a key; missing where there are none."""
    rows = pd.Index(facts[key]).get_indexer(pd.Index(view[key]))
    facts = facts.drop(columns=key)
    # `reindex`, which has missing values, takes twice as long.
    found = (
        facts.take(rows) if rows.min(initial=0) >= 0 else facts.reset_index(drop=True).reindex(rows)
    )
    return found.set_axis(view.index)


def _most(values: Float64s, groups: Int64s) -> Float64s:
    """Return for each value the largest of its group, of those that are known."""
    best = np.full(int(groups.max(initial=-1)) + 1, np.nan)
    np.fmax.at(best, groups, values)
    most: Float64s = best[groups]
    return most


def _linked(view: pd.DataFrame) -> BoolMask:
    """Mark the files to which symbolic links of the view lead, bool (n,)."""
    is_link = view["is_link"].to_numpy(bool)
    on_disk = view["disk_file"].to_numpy()
    return ~is_link & np.isin(on_disk, on_disk[is_link])


def _known(
    view: pd.DataFrame, measured: Mapping[str, OriginalFacts]
) -> dict[str, npt.NDArray[Any]]:
    """Collect the measures of each file; missing ones get the best possible value."""
    # Fill only the measured rows: in a large store most files were not measured.
    known = [measured.get(digest) for digest in view["digest"].tolist()] if measured else []
    rows = [row for row, facts in enumerate(known) if facts is not None]
    found, nothing = [facts for facts in known if facts is not None], OriginalFacts()

    def column(name: str, kind: type) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = np.full(len(view), getattr(nothing, name), kind)
        values[rows] = np.array([getattr(facts, name) for facts in found], kind)
        return values

    return {
        "is_gray": column("is_gray", bool),
        "quality": column("worst_quality", float),
        "saved_quality": column("quality", float),
        "attached": column("attached", np.int64),
        "written": column("written", np.int64),
        "metadata": column("metadata", np.int64),
        "within_frame": column("within_frame", float),
    }


def _folders(places: "pd.Series[str]") -> list[str]:
    """Return the path of the folder of each file; files of one folder share one text object."""
    folders: dict[str, str] = {}
    found = (str(place).rpartition("/")[0] for place in places.tolist())
    return [folders.setdefault(folder, folder) for folder in found]
