"""The frames of a report: columns, types and meanings, in one place."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

UTC_TIME = "datetime64[us, UTC]"
CAMERA_TIME = "datetime64[us]"
"""Time of a camera's clock, which has no zone."""

_WHERE = {
    "files": ("int64", "files that took part in the search"),
    "in_clusters": ("int64", "those of them that are in clusters"),
    "extra_copies": (
        "int64",
        "those that could be removed: neither kept, nor in a reference folder, nor links",
    ),
    "frees_disk": ("int64", "bytes on disk that are free once all extra copies are gone"),
    "frees_store": ("int64", "bytes in the store that are free then"),
}

COLUMNS: Mapping[str, Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "summary": {
            "figure": ("str", "what is counted"),
            "value": ("int64", "how many"),
            "unit": ("category", "files, pictures, clusters, pairs or bytes"),
        },
        "clusters": {
            "cluster_id": ("int64", "number of the cluster; the one with most files is 0"),
            "files": ("int64", "number of files"),
            "images": ("int64", "number of pictures: exact copies share one"),
            "folders": ("int64", "number of folders that they are in"),
            "users": ("int64", "number of users who have one"),
            "kinds": ("str", "what became of the copies, by frequency: resized, re-encoded, ..."),
            "medoid_id": ("int64", "image_id of the picture that the others were compared with"),
            "medoid": ("str", "its file name"),
            "keeper_id": ("Int64", "file_id of the file that is kept"),
            "keeper": ("str", "its file name"),
            "keeper_path": ("str", "its path; missing for an upload"),
            "keeper_reason": ("str", "why it is kept"),
            "largest_distance": ("int64", "bits of 128 between the medoid and the farthest member"),
            "diameter": ("int64", "bits that no two members exceed"),
            "weakest_link": ("str", "file name of the member that agrees least with the medoid"),
            "weakest_score": ("float64", "its agreement with the medoid, up to 1"),
            "oldest": (UTC_TIME, "modification time of the oldest file"),
            "newest": (UTC_TIME, "modification time of the newest file"),
            "taken_at": (CAMERA_TIME, "the earliest time that a camera has noted"),
            "verdict": ("category", "what was decided; missing if undecided"),
            "frees_disk": ("int64", "bytes on disk that are free once the extra copies are gone"),
            "frees_store": ("int64", "bytes in the store that are free then"),
        },
        "files": {
            "cluster_id": ("int64", "number of the cluster"),
            "file_id": ("Int64", "number of the file; missing in clusters by image"),
            "image_id": ("int64", "number of the picture"),
            "path": ("str", "absolute path; missing for an upload"),
            "folder": ("str", "path of its folder; missing for an upload"),
            "filename": ("str", "file name"),
            "user": ("category", "whose it is"),
            "state": ("category", "present, missing or changed"),
            "kept": ("category", "upload, copy, link or reference"),
            "label": ("category", "what became of the picture: medoid, identical, resized, ..."),
            "is_medoid": ("bool", "whether the others were compared with it"),
            "is_keeper": ("bool", "whether it is kept"),
            "is_reference": ("bool", "whether it is in a reference folder, and stays"),
            "is_other_name": ("bool", "whether it is a link or another name of a file that stays"),
            "link_of": ("str", "path of the file that it is another name of; missing for most"),
            "keeper_id": ("Int64", "file_id of the file that is kept"),
            "keeper_rule": ("category", "the rule that decided"),
            "keeper_reason": ("str", "why it is kept, or what speaks against it"),
            "distance_to_medoid": ("int64", "bits of 128"),
            "score": ("float64", "agreement with the medoid, up to 1"),
            "width": ("int64", "pixels"),
            "height": ("int64", "pixels"),
            "bytes": ("int64", "size of the file"),
            "format": ("category", "JPEG, PNG, HEIF, ..."),
            "camera": ("str", "maker and model"),
            "taken_at": (CAMERA_TIME, "the camera's time"),
            "modified_at": (UTC_TIME, "time of the file; missing for an upload"),
            "taken_in": (UTC_TIME, "when it was ingested"),
            "verdict": ("category", "what was decided about the cluster; missing if undecided"),
            "decided_by": ("str", "who decided"),
            "frees_disk": ("int64", "bytes on disk that are free once all extra copies are gone"),
            "frees_store": ("int64", "bytes in the store that are free then"),
            "digest": ("str", "SHA-256 of the bytes, 64 hex digits"),
        },
        "pairs": {
            "cluster_id": ("int64", "number of the cluster"),
            "image_id": ("int64", "the medoid"),
            "other_id": ("int64", "the picture that was compared with it"),
            "filename": ("str", "file name of the medoid"),
            "other_filename": ("str", "file name of the other picture"),
            "label": ("category", "label of the other picture"),
            "detail": ("str", "what else was done to it, such as: gray, covered at the left"),
            "distance": ("int64", "bits of 128 between the hashes that were near"),
            "score": ("float64", "agreement of the aligned pictures; the same from 0.79"),
            "orientation": ("category", "orientation of the other picture on the medoid"),
            "correlation": ("float64", "of all gradients together; missing if not compared"),
            "overlap": ("float64", "share of the other picture that lies in the medoid"),
            **{
                f"map_{name}": ("float64", "of the map from the other picture to the medoid, -1..1")
                for name in "abcdef"
            },
        },
        "related": {
            "image_id": ("int64", "a picture"),
            "other_id": ("int64", "one that is related to it and no duplicate"),
            "relation": ("category", "another take, colour variant, part of, ..."),
            "distance": ("int64", "bits of 128 between the hashes that were near"),
            "orientation": ("category", "orientation of the first picture on the second"),
            "score": ("float64", "agreement of the aligned pictures"),
            "filename": ("str", "file name of the first"),
            "other_filename": ("str", "file name of the second"),
        },
        "skipped": {
            "why": ("category", "rejected, missing, changed, too flat or outdated"),
            "place": ("str", "path, or name where there is none"),
            "reason": ("str", "the same in a sentence"),
            "file_id": ("Int64", "number of the file, if it has one"),
            "image_id": ("Int64", "number of the picture, if it has one"),
        },
        "by_folder": {"folder": ("str", "path; missing for uploads"), **_WHERE},
        "by_user": {"user": ("str", "who"), **_WHERE},
        "by_month": {
            "month": (UTC_TIME, "its first moment"),
            "taken": ("int64", "clusters whose picture a camera took then"),
            "copied": ("int64", "extra copies with a modification time of then"),
            "taken_in": ("int64", "extra copies ingested then"),
        },
        "formats": {"format": ("str", "JPEG, PNG, HEIF, ..."), **_WHERE},
        "sizes": {
            "size": ("int64", "files of a cluster"),
            "clusters": ("int64", "how many clusters have as many"),
            "extra_copies": ("int64", "files of them that could be removed, links apart"),
            "frees_disk": _WHERE["frees_disk"],
            "frees_store": _WHERE["frees_store"],
        },
    }
)
"""For each frame of a report its columns in order: type and meaning."""


def tidy(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame the columns and types of `COLUMNS`, and an index from 0.

    Columns that `frame` lacks are missing values; categories are in alphabetical order.

    Examples
    --------
    >>> tidy("sizes", pd.DataFrame({"size": [2], "clusters": [7]})).to_dict("records")
    [{'size': 2, 'clusters': 7, 'extra_copies': 0, 'frees_disk': 0, 'frees_store': 0}]
    """
    columns = {}
    for column, (dtype, _) in COLUMNS[name].items():
        given = frame[column] if column in frame else pd.Series(None, frame.index, object)
        columns[column] = _typed(given.reset_index(drop=True), dtype)
    return pd.DataFrame(columns)


def _typed(values: "pd.Series[Any]", dtype: str) -> Any:  # noqa: ANN401  a Series of this type
    if dtype == "category":
        texts = values.astype("str")
        # An undecided row is an empty text elsewhere, and a missing value here.
        texts = texts.where(texts != "")
        return texts.astype(pd.CategoricalDtype(sorted(texts.dropna().unique())))
    if dtype == UTC_TIME:
        return pd.to_datetime(values, utc=True).dt.as_unit("us")
    if dtype == CAMERA_TIME:
        return pd.to_datetime(values).dt.as_unit("us")
    if dtype in {"int64", "bool"}:
        known = values.notna()
        values = values if known.all() else values.where(known, 0).infer_objects()
    return values.astype(dtype)  # type: ignore[call-overload]
