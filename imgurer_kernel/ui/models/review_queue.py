"""A queue of clusters to decide, a row for each: filters and order. Frames in, frames out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.report.freed import IN_PLACE

KINDS: Mapping[str, str] = {
    "identical": "Identical",
    "re-encoded": "Re-encoded",
    "resized": "Resized",
    "cropped": "Cropped",
    "bordered": "Bordered",
    "edited": "Edited",
    "turned": "Turned or mirrored",
}
"""What became of copies, and how that is called on the screen."""

KIND_OF = {"exact": "re-encoded", "rotated": "turned", "flipped": "turned"}

ORDERS: Mapping[str, str] = {
    "bytes": "Most bytes to free first",
    "size": "Most files first",
    "near": "Most alike first",
    "far": "Most different first",
    "newest": "Newest pictures first",
    "oldest": "Oldest pictures first",
}
_SORT = {
    "bytes": ("frees", False),
    "size": ("files", False),
    "near": ("least_score", False),
    "far": ("least_score", True),
    "newest": ("taken_at", False),
    "oldest": ("taken_at", True),
}

SHOWN: Mapping[str, str] = {
    "open": "Undecided",
    "later": "Put off",
    "decided": "Decided",
    "disputed": "Disputed",
    "all": "All",
}
"""Which clusters are shown, by what was decided of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """What is shown of a queue.

    Attributes
    ----------
    show
        A key of `SHOWN`.
    kinds
        Keys of `KINDS`: only clusters whose copies are all of these; none for any.
    folder
        Only clusters with a file below it.
    user, camera
        Only clusters with a file of that user, or of that camera.
    text
        Part of a name or path of any file; upper and lower case are the same.
    since, until
        Years in which the pictures were taken, 0 for any.
    least_bytes
        Only clusters that free so many.
    """

    show: str = "open"
    kinds: frozenset[str] = frozenset()
    folder: str = ""
    user: str = ""
    camera: str = ""
    text: str = ""
    since: int = 0
    until: int = 0
    least_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ReviewQueue:
    """Clusters as they were when they were read.

    Attributes
    ----------
    files
        Rows of `imgurer_kernel.workbench.workbench.Workbench.queue`, a row for each file.
    clusters
        A row for each cluster, by cluster_id: files, goes (files that would be removed), frees
        (bytes), kinds (a frozenset), least_score, taken_at, verdict, disputed, gained, text
        (casefolded names and paths), folders, users, cameras (frozensets).
    images
        How many pictures the store holds.
    plan
        How clusters were found, in words.
    """

    files: pd.DataFrame
    clusters: pd.DataFrame
    images: int = 0
    plan: str = ""
    rows_of: Mapping[int, Int64s] = field(default_factory=dict)

    @classmethod
    def of(cls, files: pd.DataFrame, images: int, plan: str) -> "ReviewQueue":
        """Summarize the files of a queue."""
        files = with_freed(files.reset_index(drop=True))
        found = files.groupby("cluster_id").indices
        rows = {int(str(key)): np.asarray(value, np.int64) for key, value in found.items()}
        return cls(files, summarize(files), images, plan, rows)

    def members(self, cluster_id: int) -> pd.DataFrame:
        """The files of a cluster, the one to keep first."""
        rows = self.files.iloc[self.rows_of[cluster_id]]
        keeps = (rows["file_id"] == rows["keeper_id"]).to_numpy(bool)
        return rows.iloc[np.argsort(~keeps, kind="stable")]

    def replaced(self, files: pd.DataFrame) -> "ReviewQueue":
        """The same queue with other rows for the clusters of these files."""
        keys = files["cluster_id"].unique()
        kept = self.files[~self.files["cluster_id"].isin(keys)]
        everything = pd.concat([kept, files[self.files.columns]], ignore_index=True)
        everything = everything.sort_values("cluster_id", kind="stable")
        return ReviewQueue.of(everything, self.images, self.plan)


def goes(files: pd.DataFrame) -> "pd.Series[bool]":
    """Which files would be removed: present, neither kept nor in a reference folder."""
    return (
        (files["file_id"] != files["keeper_id"])
        & ~files["is_reference"].astype(bool)
        & (files["state"] == "present")
    )


def with_freed(files: pd.DataFrame) -> pd.DataFrame:
    """The same files with the bytes that are free once all that `goes` is gone.

    `Workbench.clusters` has counted them for the keepers of the usual policy. A name of an inode
    that has others frees nothing, which is seen by what was counted then.
    """
    if files.empty:
        return files
    leaves = goes(files).to_numpy(bool)
    size = files["bytes"].to_numpy(np.int64)
    in_place = files["kept"].isin(IN_PLACE).to_numpy(bool)
    counted = files["frees_disk"].to_numpy(np.int64) > 0
    is_link = in_place & ~counted & ~files["is_keeper"].to_numpy(bool)
    image_stays = pd.Series(~leaves).groupby(files["image_id"]).transform("any").to_numpy(bool)
    from_store = leaves & ~in_place & ~image_stays
    # The store has the bytes of an image once, however many files it is.
    first = ~pd.Series(np.where(from_store, files["image_id"], -1 - files.index)).duplicated()
    return files.assign(
        frees_disk=np.where(leaves & in_place & ~is_link, size, 0),
        frees_store=np.where(from_store & first.to_numpy(bool), size, 0),
    )


def summarize(files: pd.DataFrame) -> pd.DataFrame:
    """Make a row for each cluster, with the columns of `ReviewQueue.clusters`."""
    leaves = goes(files)
    freed = files["frees_disk"] + files["frees_store"]
    names = files["filename"].where(files["path"].isna(), files["path"]).astype("str")
    kind = files["label"].replace(KIND_OF)
    marked = files.assign(
        leaves=leaves,
        freed=freed,
        line=names.str.casefold(),
        kind=kind.where(kind.isin(list(KINDS)), "") if len(files) else kind,
    )
    groups = marked.groupby("cluster_id", sort=True)
    frame = pd.DataFrame(
        {
            "files": groups.size(),
            "goes": groups["leaves"].sum().astype("int64"),
            "frees": groups["freed"].sum().astype("int64"),
            "least_score": groups["score"].min(),
            "taken_at": groups["taken_at"].min(),
            "verdict": groups["verdict"].first(),
            "disputed": groups["disputed"].any(),
            "gained": groups["new_since_decision"].any(),
        }
    )
    for column, name in (
        ("kind", "kinds"),
        ("folder", "folders"),
        ("user", "users"),
        ("camera", "cameras"),
    ):
        frame[name] = _sets(marked, column)
    frame["text"] = groups["line"].agg("\n".join) if len(files) else pd.Series(dtype="str")
    return frame


def _sets(files: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """The distinct values of each cluster, without empty ones."""
    known = files[["cluster_id", column]].dropna().drop_duplicates()
    known = known[known[column].astype("str") != ""]
    found: dict[int, list[object]] = {}
    for cluster_id, value in zip(known["cluster_id"].tolist(), known[column].tolist(), strict=True):
        found.setdefault(cluster_id, []).append(value)
    ids = files["cluster_id"].drop_duplicates().sort_values()
    sets = [frozenset(found.get(each, ())) for each in ids.tolist()]
    return pd.Series(sets, index=pd.Index(ids, name="cluster_id"), dtype=object)


def select(clusters: pd.DataFrame, wanted: QueueFilter, order: str) -> list[int]:
    """The clusters that pass a filter, in an order; ties are broken by cluster_id.

    Parameters
    ----------
    clusters
        As in `ReviewQueue.clusters`.
    order
        A key of `ORDERS`.
    """
    left = clusters[passes(clusters, wanted)]
    column, ascending = _SORT[order]
    ordered = left.sort_values(column, ascending=ascending, kind="stable", na_position="last")
    return [int(each) for each in ordered.index]


def passes(clusters: pd.DataFrame, wanted: QueueFilter) -> "pd.Series[bool]":
    """Which clusters pass a filter."""
    verdict, disputed = clusters["verdict"].astype("str"), clusters["disputed"].astype(bool)
    shown = {
        "open": (verdict == "") | disputed,
        "later": verdict == "later",
        "decided": verdict.isin(["same", "different"]),
        "disputed": disputed,
    }
    mask = np.ones(len(clusters), np.bool_)
    if wanted.show in shown:
        mask &= shown[wanted.show].to_numpy(bool)
    for name, test in _TESTS.items():
        value = getattr(wanted, name)
        if value:  # only what is asked for: a set for each cluster is slow to search
            mask &= np.asarray(test(clusters, value), np.bool_)
    return pd.Series(mask, clusters.index)


def _are_all_of(clusters: pd.DataFrame, kinds: frozenset[str]) -> object:
    return [bool(found) and found <= kinds for found in clusters["kinds"]]


def _has_file_below(clusters: pd.DataFrame, folder: str) -> object:
    start = folder.rstrip("/") + "/"
    return [any(f"{each}/".startswith(start) for each in found) for found in clusters["folders"]]


_TESTS: Mapping[str, Callable[[pd.DataFrame, Any], object]] = {
    "kinds": _are_all_of,
    "folder": _has_file_below,
    "user": lambda clusters, user: [user in found for found in clusters["users"]],
    "camera": lambda clusters, camera: [camera in found for found in clusters["cameras"]],
    "text": lambda clusters, text: clusters["text"].str.contains(text.casefold(), regex=False),
    "since": lambda clusters, year: clusters["taken_at"].dt.year >= year,
    "until": lambda clusters, year: clusters["taken_at"].dt.year <= year,
    "least_bytes": lambda clusters, size: clusters["frees"] >= size,
}


def kind_counts(clusters: pd.DataFrame, wanted: QueueFilter) -> dict[str, int]:
    """How many clusters have copies of each kind, of those that pass the rest of a filter."""
    kinds = clusters.loc[passes(clusters, replace(wanted, kinds=frozenset())), "kinds"]
    return {name: int(sum(name in each for each in kinds)) for name in KINDS}
