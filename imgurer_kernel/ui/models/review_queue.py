"""A queue of clusters to decide, a row for each, with filters and orders (frames only)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.report.freed import IN_PLACE

KINDS: Mapping[str, str] = {
    "identical": "Identical",
    "same pixels": "Same pixels",
    "re-encoded": "Re-encoded",
    "resized": "Resized",
    "cropped": "Cropped",
    "bordered": "Bordered",
    "edited": "Edited",
    "turned": "Turned or mirrored",
}
"""What became of copies, and how that is called on the screen."""

KIND_OF = {"rotated": "turned", "flipped": "turned"}

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
    """The filter of a queue.

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


@dataclass(frozen=True, eq=False)
class ReviewQueue:
    """Clusters as they were read, with changed rows of some of them.

    Attributes
    ----------
    read
        Rows of `imgurer_kernel.workbench.workbench.Workbench.queue`, a row for each file, with
        is_link: another name of an inode that has a name besides it.
    clusters
        A row for each cluster, by cluster_id: files, goes (files that would be removed), frees
        (bytes), kinds (a frozenset), least_score, taken_at, verdict, disputed, gained, text
        (casefolded names and paths), folders, users, cameras (frozensets).
    images
        How many pictures the store holds.
    plan
        How clusters were found, in words.
    rows_of
        Where the files of each cluster are in `read`.
    choices
        What there is to choose from in filters: sorted folders, users, cameras and years.
    changed
        The files of clusters that have other rows than those that were read.
    """

    read: pd.DataFrame
    clusters: pd.DataFrame
    images: int = 0
    plan: str = ""
    rows_of: Mapping[int, Int64s] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    changed: Mapping[int, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(cls, files: pd.DataFrame, images: int, plan: str) -> "ReviewQueue":
        """Summarize the files of a queue."""
        files = with_freed(files.reset_index(drop=True))
        # Positions, once: a comparison of the whole column for each cluster on a page would be as
        # long as the queue each time.
        found = files.groupby("cluster_id").indices
        rows = {int(str(key)): np.asarray(value, np.int64) for key, value in found.items()}
        clusters = summarize(files)
        return cls(files, clusters, images, plan, rows, _choices(clusters))

    @cached_property
    def files(self) -> pd.DataFrame:
        """Return the present rows of all files, by cluster_id."""
        if not self.changed:
            return self.read
        rest = self.read[~self.read["cluster_id"].isin(list(self.changed))]
        everything = pd.concat([rest, *self.changed.values()])
        return everything.sort_values("cluster_id", kind="stable", ignore_index=True)

    def rows(self, cluster_id: int) -> pd.DataFrame:
        """Return the present rows of a cluster; the same frame object while nothing changes."""
        if cluster_id in self.changed:
            return self.changed[cluster_id]
        return self.read.iloc[self.rows_of[cluster_id]]

    def members(self, cluster_id: int) -> pd.DataFrame:
        """Return the files of a cluster, the keeper first."""
        rows = self.rows(cluster_id)
        keeps = (rows["file_id"] == rows["keeper_id"]).to_numpy(bool)
        return rows.iloc[np.argsort(~keeps, kind="stable")]

    def members_of(self, cluster_ids: Iterable[int]) -> pd.DataFrame:
        """Return the files of several clusters, in this order."""
        parts = [self.members(each) for each in cluster_ids]
        return pd.concat(parts, ignore_index=True) if parts else self.read.head(0)

    def clusters_of(self, file_ids: Iterable[int], image_ids: Iterable[int] = ()) -> list[int]:
        """Return the clusters of some files, or images, in the order of the queue."""
        found = self.read["file_id"].isin(list(file_ids))
        found = found | self.read["image_id"].isin(list(image_ids))
        return [int(each) for each in self.read["cluster_id"][found].unique()]

    def replaced(self, files: pd.DataFrame) -> "ReviewQueue":
        """Return the queue with other rows for the clusters of these files.

        It takes as long as these clusters are large, however many others there are.
        """
        parts = files.groupby("cluster_id", sort=False)
        links = self.read.loc[
            np.concatenate([self.rows_of[int(str(key))] for key, _ in parts]),
            ["file_id", "is_link"],
        ].set_index("file_id")["is_link"]
        files = with_freed(files.assign(is_link=files["file_id"].map(links)))
        files = files[self.read.columns]
        found = {int(str(key)): rows for key, rows in files.groupby("cluster_id", sort=False)}
        fresh = summarize(files)
        rest = self.clusters.drop(index=list(fresh.index))
        return replace(
            self,
            clusters=pd.concat([rest, fresh]).sort_index(),
            changed={**self.changed, **found},
        )


def goes(files: pd.DataFrame) -> "pd.Series[bool]":
    """Mark files that would be removed: present, neither kept nor in a reference folder."""
    return (
        (files["file_id"] != files["keeper_id"])
        & ~files["is_reference"].astype(bool)
        & (files["state"] == "present")
    )


def with_freed(files: pd.DataFrame) -> pd.DataFrame:
    """Add the bytes that are freed once all files that `goes` marks are removed.

    `Workbench.clusters` has counted them for the keepers of the usual policy. A name of an inode
    that has others frees nothing, which is seen by what was counted then.
    """
    if files.empty:
        return files.assign(is_link=False)
    leaves = goes(files).to_numpy(bool)
    size = files["bytes"].to_numpy(np.int64)
    in_place = files["kept"].isin(IN_PLACE).to_numpy(bool)
    if "is_link" not in files:
        counted = files["frees_disk"].to_numpy(np.int64) > 0
        files = files.assign(is_link=in_place & ~counted & ~files["is_keeper"].to_numpy(bool))
    is_link = files["is_link"].to_numpy(bool)
    images = files["image_id"].to_numpy(np.int64)
    image_stays = pd.Series(~leaves).groupby(images).transform("any").to_numpy(bool)
    from_store = leaves & ~in_place & ~image_stays
    # The store has the bytes of an image once, however many files it is.
    first = ~pd.Series(
        np.where(from_store, files["image_id"], -1 - np.arange(size.size))
    ).duplicated()
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
        line=names.str.casefold(),  # once, and not for every text that is searched for
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
    frame["text"] = _joined(marked)
    return frame


def _joined(files: pd.DataFrame) -> "pd.Series[str]":
    """Join the lines of each cluster; pandas would make a series for each, which took longest."""
    found: dict[int, list[str]] = {}
    for each, line in zip(files["cluster_id"].tolist(), files["line"].tolist(), strict=True):
        found.setdefault(each, []).append(line)
    return pd.Series({each: "\n".join(found[each]) for each in sorted(found)}, dtype="str")


def _sets(files: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """Collect the distinct values of each cluster, without empty ones."""
    known = files[["cluster_id", column]].dropna().drop_duplicates()
    known = known[known[column].astype("str") != ""]
    found: dict[int, list[object]] = {}
    for cluster_id, value in zip(known["cluster_id"].tolist(), known[column].tolist(), strict=True):
        found.setdefault(cluster_id, []).append(value)
    ids = files["cluster_id"].drop_duplicates().sort_values()
    sets = [frozenset(found.get(each, ())) for each in ids.tolist()]
    return pd.Series(sets, index=pd.Index(ids, name="cluster_id"), dtype=object)


def _choices(clusters: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {
        name: tuple(sorted({str(each) for one in clusters[name] for each in one}))
        for name in ("folders", "users", "cameras")
    }
    years = clusters["taken_at"].dt.year.dropna() if len(clusters) else ()
    return {**found, "years": tuple(sorted({int(year) for year in years}))}


def select(clusters: pd.DataFrame, wanted: QueueFilter, order: str) -> list[int]:
    """Select the clusters that pass a filter, in an order; ties are broken by cluster_id.

    Parameters
    ----------
    clusters
        As in `ReviewQueue.clusters`.
    order
        A key of `ORDERS`.
    """
    left = clusters[passes(clusters, wanted)]
    column, ascending = _SORT[order]
    # Stable, and the frame is in the order of cluster_id: that decides ties.
    ordered = left.sort_values(column, ascending=ascending, kind="stable", na_position="last")
    return [int(each) for each in ordered.index]


def passes(clusters: pd.DataFrame, wanted: QueueFilter) -> "pd.Series[bool]":
    """Tell which clusters pass a filter."""
    verdict, disputed = clusters["verdict"].astype("str"), clusters["disputed"].astype(bool)
    shown = {
        # A dispute asks for a decision again, whatever was decided before.
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
    # The slash keeps /a/bc out of what is below /a/b.
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
    """Count the clusters with copies of each kind, of those that pass the rest of a filter."""
    kinds = clusters.loc[passes(clusters, replace(wanted, kinds=frozenset())), "kinds"]
    return {name: int(sum(name in each for each in kinds)) for name in KINDS}
