"""Clusters as a whole: totals, one row for each, order and filters. Frames in, frames out."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

ORDERS = {
    "size": "Most pictures first",
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
        Pictures that are not the one to keep of their cluster.
    bytes
        Bytes that would be free without them.
    largest
        Pictures in the largest cluster.
    """

    clusters: int
    copies: int
    bytes: int
    largest: int


@dataclass(frozen=True, slots=True, eq=False)
class ClusterView:
    """All clusters of a store, as they were when they were searched.

    Attributes
    ----------
    members
        Rows of `Workbench.clusters` joined with `Workbench.images`.
    summary
        One row for each cluster: cluster_id, size, freed, best (name of the copy to keep),
        farthest (bits from the medoid), labels, names (of all members, casefolded lines).
    own
        cluster_ids in which the visitor holds a picture.
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
            copies=int(sizes.sum()) - len(sizes),
            bytes=int(self.summary["freed"].sum()),
            largest=int(sizes.max()) if len(sizes) else 0,
        )


def summarize_clusters(members: pd.DataFrame) -> pd.DataFrame:
    """Summarize the clusters frame: one row each, with the columns of `ClusterView.summary`."""
    kept = members["is_keeper"].astype(bool)
    freed = members["bytes"].where(~kept, 0)  # the copy to keep frees nothing
    groups = members.assign(freed=freed).groupby("cluster_id", sort=True)
    return pd.DataFrame(
        {
            "size": groups.size(),
            "freed": groups["freed"].sum(),
            "best": members[kept].set_index("cluster_id")["filename"],
            "farthest": groups["distance_to_medoid"].max(),
            "labels": groups["label"].agg(_distinct),
            "names": groups["filename"].agg(_joined),
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
        Part of a file name of any member.
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
