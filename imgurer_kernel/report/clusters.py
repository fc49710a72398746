"""Tables of clusters: a summary, and a row for each cluster."""

import pandas as pd

NO_COPY = ("medoid", "kept")
"""Labels of the medoid and the keeper, which are not kinds of copies."""


def freed_bytes(clusters: pd.DataFrame) -> pd.DataFrame:
    """Compute the bytes that removing each row would free: frees_disk and frees_store.

    A frame by image has no such columns: all rows but the keepers count as in the store.

    Examples
    --------
    >>> freed_bytes(pd.DataFrame({"bytes": [9, 5], "is_keeper": [True, False]}))
       frees_disk  frees_store
    0           0            0
    1           0            5
    """
    columns = ["frees_disk", "frees_store"]
    if set(columns) <= set(clusters):
        return clusters[columns].astype("int64")
    kept = clusters["is_keeper"].astype(bool)
    return pd.DataFrame({"frees_disk": 0, "frees_store": clusters["bytes"].mask(kept, 0)})


def extra_copies(clusters: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the rows that could be removed and are files of their own.

    These are neither kept, nor in a reference folder, nor `links`.
    """
    return ~(_stays(clusters) | _is_link(clusters))


def links(clusters: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the links among the rows that are neither kept nor in a reference folder."""
    return ~_stays(clusters) & _is_link(clusters)


def _stays(clusters: pd.DataFrame) -> "pd.Series[bool]":
    kept = clusters["is_keeper"].astype(bool)
    return kept | clusters["is_reference"].astype(bool) if "is_reference" in clusters else kept


def _is_link(clusters: pd.DataFrame) -> "pd.Series[bool]":
    # A frame by image has no links; one that was read from CSV may have empty texts.
    if "link_of" not in clusters:
        return pd.Series(data=False, index=clusters.index)
    return clusters["link_of"].notna() & (clusters["link_of"] != "")


def places(clusters: pd.DataFrame) -> "pd.Series[str]":
    """Return the path of each row, or its file name if it has none.

    Examples
    --------
    >>> frame = pd.DataFrame({"path": ["/a/x.jpg", None], "filename": ["x.jpg", "y.jpg"]})
    >>> places(frame).tolist()
    ['/a/x.jpg', 'y.jpg']
    """
    names = clusters["filename"]
    if "path" not in clusters:
        return names
    return clusters["path"].where(clusters["path"].notna(), names).rename("path")


def summary(clusters: pd.DataFrame) -> pd.Series:
    """Summarize a frame of clusters, by file or by image, in seven figures.

    Examples
    --------
    >>> frame = pd.DataFrame({"cluster_id": [0, 0, 0, 1, 1], "is_reference": False,
    ...                       "is_keeper": [True, False, False, True, False],
    ...                       "frees_disk": [0, 5, 0, 0, 7], "frees_store": [0, 0, 4, 0, 0]})
    >>> summary(frame)
    clusters                     2
    files in clusters            5
    extra copies                 3
    links                        0
    bytes freed on disk         12
    bytes freed in the store     4
    largest cluster              3
    dtype: int64
    """
    sizes = clusters.groupby("cluster_id").size()
    frees = freed_bytes(clusters)
    return pd.Series(
        {
            "clusters": len(sizes),
            "files in clusters": len(clusters),
            "extra copies": int(extra_copies(clusters).sum()),
            "links": int(links(clusters).sum()),
            "bytes freed on disk": int(frees["frees_disk"].sum()),
            "bytes freed in the store": int(frees["frees_store"].sum()),
            "largest cluster": int(sizes.max()) if len(sizes) else 0,
        }
    )


def cluster_table(clusters: pd.DataFrame) -> pd.DataFrame:
    """Make a frame with a row for each cluster.

    Returns
    -------
    DataFrame
        Indexed by cluster_id: files, medoid and keeper (file names), keeper_path (missing for an
        upload), largest_distance, diameter (bits that no two members exceed), weakest_link (file
        name of the member with the lowest score) and its score weakest_score, frees_disk and
        frees_store (bytes).
    """
    groups = clusters.groupby("cluster_id")
    others = clusters[~clusters["is_medoid"].astype(bool)]
    # Ties: the farthest, then the newest, so that the order of the rows does not matter.
    loosest = others.sort_values(
        ["score", "distance_to_medoid", "image_id"], ascending=[True, False, False]
    )
    keepers = clusters[clusters["is_keeper"].astype(bool)].set_index("cluster_id")
    medoids = clusters[clusters["is_medoid"].astype(bool)].set_index("cluster_id")
    frees = freed_bytes(clusters).groupby(clusters["cluster_id"]).sum()
    return pd.DataFrame(
        {
            "files": groups.size(),
            "medoid": medoids["filename"],
            "keeper": keepers["filename"],
            "keeper_path": keepers.get("path"),
            "largest_distance": groups["distance_to_medoid"].max(),
            "diameter": groups["diameter"].first(),
            "weakest_link": loosest.groupby("cluster_id")["filename"].first(),
            "weakest_score": groups["score"].min(),
            "frees_disk": frees["frees_disk"],
            "frees_store": frees["frees_store"],
        }
    )
