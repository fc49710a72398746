"""Search and cluster by the upright dHash alone, without comparing pictures."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.index.lookup import pairs
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.matching.clusters.star_cover import (
    MILLIONTHS,
    star_clusters,
    star_cover_lazily,
)
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes
from imgurer_kernel.workbench.pictures.query import Query

UprightSearch: TypeAlias = Callable[[tuple[int, int], int], tuple[Int64s, UInt8s]]
"""Function from dHash and radius to informative images within it, (image_ids, distances)."""

_MAX_PAIRS = 10_000_000  # 24 bytes each, and as much again while stars are computed
# The strength of an edge falls from 1 at 0 bits to 0 at 128, in whole millionths.
_STRENGTHS = np.rint((1 - np.arange(129) / 128) * MILLIONTHS).astype(np.int64)


def search_by_hash(query: Query, search: UprightSearch, radius: int) -> pd.DataFrame:
    """Find informative images within a radius: image_id, distance, orientation, score, verdict."""
    image_ids, distances = np.empty(0, np.int64), np.empty(0, np.uint8)
    if query.fingerprint.informative:
        image_ids, distances = search(query.fingerprint.dhash, radius)
    return pd.DataFrame(
        {
            "image_id": image_ids,
            "distance": distances.astype(np.int64),
            "orientation": "upright",
            "score": np.nan,
            "verdict": "unverified",
        }
    )


def with_exact(found: pd.DataFrame, exact: Mapping[int, str]) -> pd.DataFrame:
    """Mark or add the images with the bytes or pixels of the query."""
    if not exact:
        return found
    nearest = {"distance": 0, "orientation": "upright", "score": 1.0}
    rows = pd.DataFrame([{"image_id": k, **nearest, "verdict": exact[k]} for k in sorted(exact)])
    others = found[~found["image_id"].isin(exact)]
    return rows if others.empty else pd.concat([rows, others], ignore_index=True)


def cluster_by_hash(
    hashes: CatalogHashes, search: UprightSearch, radius: int, progress: Progress
) -> LabelledClusters:
    """Find star clusters over all pairs of informative images within a radius.

    If there are more pairs than fit in memory, the same stars are found by searching for the
    neighbors of one image at a time; their diameters are then upper bounds.
    """
    chosen = np.flatnonzero(hashes.informative)
    ids, words = hashes.image_ids[chosen], hashes.plain[chosen]
    edges, count = [np.empty((3, 0), np.int64)], 0
    for chunk in pairs(words, radius, progress=progress):
        edges.append(np.stack(chunk))
        count += len(chunk[0])
        if count > _MAX_PAIRS:
            edges.clear()
            clusters = _dense_stars(ids, words, radius, search, progress)
            break
    else:
        first, second, distance = np.concatenate(edges, axis=1)
        clusters = star_clusters(ids[first], ids[second], distance)
    labels = np.full(len(clusters.members), "near by dHash", object)
    labels[clusters.starts] = "medoid"
    return LabelledClusters(
        clusters=clusters,
        labels=labels,
        within_frame=np.ones(len(labels)),
        plan=f"plain dHash within {radius} bits, not verified",
        uninformative=len(hashes) - len(chosen),
    )


def _dense_stars(
    ids: Int64s, words: UInt64s, radius: int, search: UprightSearch, progress: Progress
) -> ClusterTable:
    """Find the same stars as `star_clusters` of all pairs, with one image's pairs in memory."""
    n = len(ids)
    degree, total = np.zeros(n, np.int64), np.zeros(n)

    def count(_stage: str, done: int, total: int) -> None:
        progress("counting neighbors", done, total)

    for first, second, distance in pairs(words, radius, progress=count):
        for end in (first, second):
            degree += np.bincount(end, minlength=n)
            total += np.bincount(end, _STRENGTHS[distance], minlength=n)

    searched = 0

    def neighbors_of(node: int) -> tuple[Int64s, Int64s]:
        nonlocal searched
        searched += 1
        progress("grouping", min(searched, n), n)
        row, column = words[node].tolist()
        near, distance = search((row, column), radius)
        # The index may be later than the hashes: leave out images added since.
        others = np.minimum(np.searchsorted(ids, near), n - 1)
        kept = (ids[others] == near) & (others != node)
        return others[kept], _STRENGTHS[distance[kept]]

    medoid = star_cover_lazily(degree, total, neighbors_of)
    bits = np.bitwise_count(words ^ words[medoid]).sum(axis=1).astype(np.int64)
    # Sort by cluster, the medoid first, and then by distance and id.
    order = np.lexsort((np.arange(n), bits, np.arange(n) != medoid, medoid))
    medoids, sizes = np.unique(medoid, return_counts=True)
    bits, last = bits[order], np.cumsum(sizes) - 1
    # Upper bound: the sum of the two largest distances from the medoid.
    table = ClusterTable(
        sizes=sizes,
        diameters=bits[last] + bits[np.maximum(last - 1, 0)],
        members=ids[order],
        distances=bits,
        scores=1 - bits / 128,
        edges=np.full(n, -1),
    )
    ranked = np.lexsort((medoids, -sizes))
    return table.take(ranked[sizes[ranked] > 1])
