"""Clusters as a whole: totals, one row for each, order and filters. Frames in, frames out."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from imgurer_kernel.report.clusters import extra_copies

ORDERS = {
    "size": "Most files first",
    "bytes": "Most bytes to free first",
    "near": "Closest first",
    "far": "Most different first",
}
_ORDER_COLUMNS = {
    "size": (["size", "cluster_id"], [False, True]),
    "bytes": (["freed", "cluster_id"], [False, True]),
    "near": (["farthest", "size", "cluster_id"], [True, False, True]),
    "far": (["farthest", "size", "cluster_id"], [False, False, True]),
}


@dataclass(frozen=True, slots=True)
class ClusterTotals:
    """What removing the duplicates would gain.

    Attributes
    ----------
    clusters
        Number of clusters.
    copies
        Files that are neither the one to keep of their cluster nor in a reference folder.
    on_disk, in_store
        Bytes that would be free without them, where they were found and in the store.
    largest
        Files in the largest cluster.
    """

    clusters: int
    copies: int
    on_disk: int
    in_store: int
    largest: int

    @property
    def bytes(self) -> int:
        """Bytes that would be free, wherever they are."""
        return self.on_disk + self.in_store


@dataclass(frozen=True, slots=True, eq=False)
class ClusterView:
    """All clusters of a store, as they were when they were searched.

    Attributes
    ----------
    members
        Rows of `Workbench.clusters` joined with `Workbench.images`.
    summary
        One row for each cluster: cluster_id, size, copies (files that could be removed), freed,
        freed_disk and freed_store (bytes; freed is their sum), best (name of the copy to keep),
        best_path (missing for an upload), farthest (bits from the medoid), labels, names (names
        and paths of all members, casefolded lines).
    own
        cluster_ids in which the visitor has a file.
    images
        How many pictures the store holds.
    plan
        How they were compared, in words.
    flat
        How many are flat: they match by equal pixels only.
    """

    members: pd.DataFrame
    summary: pd.DataFrame
    own: frozenset[int]
    images: int
    plan: str = ""
    flat: int = 0

    @property
    def totals(self) -> ClusterTotals:
        """The four numbers above the list."""
        sizes = self.summary["size"]
        return ClusterTotals(
            clusters=len(sizes),
            copies=int(self.summary["copies"].sum()),
            on_disk=int(self.summary["freed_disk"].sum()),
            in_store=int(self.summary["freed_store"].sum()),
            largest=int(sizes.max()) if len(sizes) else 0,
        )


def summarize_clusters(members: pd.DataFrame) -> pd.DataFrame:
    """Summarize the clusters frame: one row each, with the columns of `ClusterView.summary`."""
    best = members[members["is_keeper"].astype(bool)].set_index("cluster_id")
    lines = members["filename"].where(members["path"].isna(), members["path"])
    groups = members.assign(copy=extra_copies(members), line=lines).groupby("cluster_id", sort=True)
    freed_disk, freed_store = groups["frees_disk"].sum(), groups["frees_store"].sum()
    return pd.DataFrame(
        {
            "size": groups.size(),
            "copies": groups["copy"].sum(),
            "freed": freed_disk + freed_store,
            "freed_disk": freed_disk,
            "freed_store": freed_store,
            "best": best["filename"],
            "best_path": best["path"],
            "farthest": groups["distance_to_medoid"].max(),
            "labels": groups["label"].agg(_distinct),
            "names": groups["line"].agg(_joined),
        }
    ).reset_index()


def _distinct(labels: "pd.Series[str]") -> Any:  # noqa: ANN401 - pandas knows no tuples as values
    return tuple(sorted(set(labels)))


def _joined(names: "pd.Series[str]") -> str:
    # One text for each cluster: a filter by name is then one vectorized search.
    return "\n".join(names).casefold()


def filter_and_sort(
    summary: pd.DataFrame, order: str, name: str = "", own: frozenset[int] | None = None
) -> pd.DataFrame:
    """Select the clusters that pass the filters, and sort them.

    Parameters
    ----------
    order
        A key of `ORDERS`; ties are broken by cluster_id.
    name
        Part of a file name or path of any member.
    own
        cluster_ids to choose from; None for all.
    """
    selected = summary
    if name:
        selected = selected[selected["names"].str.contains(name.casefold(), regex=False)]
    if own is not None:
        selected = selected[selected["cluster_id"].isin(own)]
    columns, ascending = _ORDER_COLUMNS[order]
    return selected.sort_values(columns, ascending=ascending, ignore_index=True)
