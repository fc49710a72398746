"""A queue of clusters to decide, a row for each, with filters and orders (frames only)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.ui.models.review_summary import (
    KINDS,
    ClusterTexts,
    choices_of,
    summarize,
    with_freed,
)

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
"""Choices of which clusters are shown, by their decisions."""

NOTHING: Mapping[str, str] = {
    "open": "Nothing is left to decide here.",
    "later": "Nothing is put off.",
    "decided": (
        "No cluster that is still one is decided. What was removed, or decided to be different, is "
        "a cluster no more: Undo reverses the last step, `imgurer review journal` lists all."
    ),
    "disputed": "No decisions contradict each other.",
    "all": "Nothing is left here.",
}
"""Texts where no cluster is shown and nothing else is filtered."""
TOO_FEW = (
    "There are no pictures here yet. Add some in Upload to see their duplicates.",
    "There is only one picture here. Add some in Upload to see their duplicates.",
)
"""Texts for so many pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """The filter of a queue.

    Attributes
    ----------
    show
        A key of `SHOWN`.
    kinds
        Keys of `KINDS`: only clusters whose copies are all of these; empty for any.
    folder
        Only clusters with a file below it.
    user, camera
        Only clusters with a file of that user, or of that camera.
    text
        Part of a name or path of any file, ignoring case.
    since, until
        Years in which the pictures were taken, 0 for any.
    least_bytes
        Only clusters that free at least this many bytes.
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
    """Clusters as read, with the changed rows of some of them.

    Attributes
    ----------
    read
        Rows of `imgurer_kernel.workbench.workbench.Workbench.queue`, a row for each file, with
        is_hard_link: another hard link of a file listed before.
    clusters
        A row for each cluster, by cluster_id: files, goes (files that would be removed), frees
        (bytes), kinds (a frozenset), least_score, taken_at, verdict, disputed, gained, folders,
        users, cameras (frozensets).
    images
        Number of pictures in the store.
    plan
        How clusters were searched for, in words.
    rows_of
        Positions of the files of each cluster in `read`.
    choices
        Values to choose from in filters: sorted folders, users, cameras and years.
    changed
        Of clusters whose rows differ from those read: the frame that has them, and their positions.
    texts
        Search texts of the clusters as read.
    """

    read: pd.DataFrame
    clusters: pd.DataFrame
    images: int = 0
    plan: str = ""
    rows_of: Mapping[int, Int64s] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    changed: Mapping[int, tuple[pd.DataFrame, Int64s]] = field(default_factory=dict)
    texts: ClusterTexts | None = None

    @classmethod
    def of(cls, files: pd.DataFrame, images: int, plan: str) -> "ReviewQueue":
        """Summarize the files of a queue."""
        files = with_freed(files.reset_index(drop=True))
        # Computed once: comparing the whole column for each cluster of a page would take time in
        # proportion to the queue.
        rows = _positions(files)
        clusters = summarize(files)
        texts = ClusterTexts(files)
        return cls(files, clusters, images, plan, rows, choices_of(clusters), texts=texts)

    @cached_property
    def files(self) -> pd.DataFrame:
        """Return the present rows of all files, by cluster_id."""
        if not self.changed:
            return self.read
        everything = self._rows_of(self.rows_of)
        return everything.sort_values("cluster_id", kind="stable", ignore_index=True)

    def searched(self, wanted: QueueFilter) -> pd.DataFrame:
        """Return `clusters` with all columns that a filter needs, including text if it has one."""
        if not wanted.text or self.texts is None:
            return self.clusters
        lines = self.texts.lines.reindex(self.clusters.index)
        if self.changed:
            fresh = ClusterTexts(self._rows_of(self.changed)).lines
            lines[fresh.index] = fresh
        return self.clusters.assign(text=lines)

    def rows(self, cluster_id: int) -> pd.DataFrame:
        """Return the present rows of a cluster."""
        return self._rows_of([cluster_id])

    def source(self, cluster_id: int) -> pd.DataFrame:
        """Return the frame that has the rows of a cluster; another one once they change."""
        return self.changed[cluster_id][0] if cluster_id in self.changed else self.read

    def members(self, cluster_id: int) -> pd.DataFrame:
        """Return the files of a cluster, the keeper first."""
        rows = self.rows(cluster_id)
        keeps = (rows["file_id"] == rows["keeper_id"]).to_numpy(bool)
        return rows.iloc[np.argsort(~keeps, kind="stable")]

    def members_of(self, cluster_ids: Iterable[int]) -> pd.DataFrame:
        """Return the files of several clusters, in this order."""
        ids = list(cluster_ids)
        files = self._rows_of(ids)
        place = files["cluster_id"].map({each: place for place, each in enumerate(ids)})
        keeps = files["file_id"] == files["keeper_id"]
        return files.iloc[np.lexsort((~keeps, place))].reset_index(drop=True)

    def _rows_of(self, cluster_ids: Iterable[int]) -> pd.DataFrame:
        # Not cluster by cluster: to take the rows of one needs a millisecond or two.
        taken = {id(self.read): (self.read, [np.empty(0, np.int64)])}
        for each in cluster_ids:
            frame, rows = self.changed.get(each) or (self.read, self.rows_of[each])
            taken.setdefault(id(frame), (frame, []))[1].append(rows)
        parts = [frame.iloc[np.concatenate(rows)] for frame, rows in taken.values()]
        return pd.concat(parts) if len(parts) > 1 else parts[0]

    def clusters_of(self, file_ids: Iterable[int], image_ids: Iterable[int] = ()) -> list[int]:
        """Return the clusters of some files or images, in the order of the queue."""
        found = self.read["file_id"].isin(list(file_ids))
        found = found | self.read["image_id"].isin(list(image_ids))
        return [int(each) for each in self.read["cluster_id"][found].unique()]

    def replaced(self, files: pd.DataFrame) -> "ReviewQueue":
        """Return the queue with new rows for the clusters of these files.

        Takes time in proportion to these clusters only.
        """
        parts = files.groupby("cluster_id", sort=False)
        links = self.read.loc[
            np.concatenate([self.rows_of[int(str(key))] for key, _ in parts]),
            ["file_id", "is_hard_link"],
        ].set_index("file_id")["is_hard_link"]
        files = with_freed(files.assign(is_hard_link=files["file_id"].map(links)))
        files = files[self.read.columns].reset_index(drop=True)
        found = _positions(files)
        fresh = summarize(files)
        rest = self.clusters.drop(index=list(fresh.index))
        return replace(
            self,
            clusters=pd.concat([rest, fresh]).sort_index(),
            changed={**self.changed, **{key: (files, rows) for key, rows in found.items()}},
        )


def _positions(files: pd.DataFrame) -> dict[int, Int64s]:
    """Return the positions of the files of each cluster."""
    found = files.groupby("cluster_id").indices
    return {int(str(key)): np.asarray(value, np.int64) for key, value in found.items()}


def select(clusters: pd.DataFrame, wanted: QueueFilter, order: str) -> list[int]:
    """Select the clusters that pass a filter, in an order; ties are broken by cluster_id.

    Parameters
    ----------
    clusters
        As from `ReviewQueue.searched`.
    order
        A key of `ORDERS`.
    """
    left = clusters[passes(clusters, wanted)]
    column, ascending = _SORT[order]
    # Stable, and the frame is in the order of cluster_id, which breaks ties.
    ordered = left.sort_values(column, ascending=ascending, kind="stable", na_position="last")
    return [int(each) for each in ordered.index]


def passes(clusters: pd.DataFrame, wanted: QueueFilter) -> "pd.Series[bool]":
    """Return which clusters pass a filter."""
    verdict, disputed = clusters["verdict"].astype("str"), clusters["disputed"].astype(bool)
    shown = {
        # A disputed cluster is open again.
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
        if value:  # only filters that are set: searching a set per cluster is slow
            mask &= np.asarray(test(clusters, value), np.bool_)
    return pd.Series(mask, clusters.index)


def _are_all_of(clusters: pd.DataFrame, kinds: frozenset[str]) -> object:
    return [bool(found) and found <= kinds for found in clusters["kinds"]]


def _has_file_below(clusters: pd.DataFrame, folder: str) -> object:
    # The slash excludes /a/bc from what is below /a/b.
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
    """Count the clusters that a filter shows with each kind in addition to its own.

    Only kinds that copies in the clusters that pass the rest of the filter have.
    """
    kinds = clusters.loc[passes(clusters, replace(wanted, kinds=frozenset())), "kinds"]
    return {
        name: sum(bool(each) and each <= wanted.kinds | {name} for each in kinds)
        for name in KINDS
        if any(name in each for each in kinds)
    }
