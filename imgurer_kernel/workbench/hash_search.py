"""Searching and clustering by the plain dHash, upright, without a look at the pictures."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import Int64s, UInt64s
from imgurer_kernel.index.lookup import pairs
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters
from imgurer_kernel.matching.clusters.star_cover import (
    MILLIONTHS,
    star_clusters,
    star_cover_lazily,
)
from imgurer_kernel.workbench.live_index import LiveIndex
from imgurer_kernel.workbench.query import Query

_MOST_PAIRS = 10_000_000  # 24 bytes each, and as much again while stars are made
_STRENGTHS = np.rint((1 - np.arange(129) / 128) * MILLIONTHS).astype(np.int64)


def plain_search(asked: Query, index: LiveIndex, radius: int) -> pd.DataFrame:
    """Informative images within a radius: image_id, distance, orientation, score, verdict."""
    image_ids, distances = np.empty(0, np.int64), np.empty(0, np.uint8)
    if asked.fingerprint.informative:
        image_ids, distances = index.search(asked.fingerprint.dhash, radius)
    return pd.DataFrame(
        {
            "image_id": image_ids,
            "distance": distances.astype(np.int64),
            "orientation": "upright",
            "score": np.nan,
            "verdict": "unverified",
        }
    )


def with_twins(found: pd.DataFrame, twins: Collection[int]) -> pd.DataFrame:
    """The same, with images that have the very bytes or pixels of the query marked or put in."""
    if not twins:
        return found
    exact = {"distance": 0, "orientation": "upright", "score": 1.0, "verdict": "exact"}
    rows = pd.DataFrame([{"image_id": twin, **exact} for twin in sorted(twins)])
    others = found[~found["image_id"].isin(twins)]
    return rows if others.empty else pd.concat([rows, others], ignore_index=True)


def plain_clusters(index: LiveIndex, radius: int, progress: Progress) -> LabelledClusters:
    """Star clusters over all pairs of informative images within a radius.

    Where there are more pairs than memory should hold, the same stars are found by searching for
    the neighbours of one image after the other; their diameters are bounds then.
    """
    hashes = index.hashes()
    chosen = np.flatnonzero(hashes.informative)
    ids, words = hashes.image_ids[chosen], hashes.plain[chosen]
    edges, count = [np.empty((3, 0), np.int64)], 0
    for chunk in pairs(words, radius, progress=progress):
        edges.append(np.stack(chunk))
        count += len(chunk[0])
        if count > _MOST_PAIRS:
            edges.clear()
            found = _dense_stars(ids, words, radius, index, progress)
            break
    else:
        first, second, distance = np.concatenate(edges, axis=1)
        found = star_clusters(ids[first], ids[second], distance)
    labels = np.full(len(found.members), "near by dHash", object)
    labels[found.starts] = "medoid"
    return LabelledClusters(
        clusters=found,
        labels=labels,
        within_frame=np.ones(len(labels)),
        plan=f"plain dHash within {radius} bits, not verified",
        uninformative=len(hashes) - len(chosen),
    )


def _dense_stars(
    ids: Int64s, words: UInt64s, radius: int, index: LiveIndex, progress: Progress
) -> ClusterTable:
    """Make clusters of all pairs, of which only one image's are in memory at a time."""
    n = len(ids)
    degree, total = np.zeros(n, np.int64), np.zeros(n)

    def count(_stage: str, done: int, total: int) -> None:
        progress("counting neighbours", done, total)

    for first, second, distance in pairs(words, radius, progress=count):
        for end in (first, second):
            degree += np.bincount(end, minlength=n)
            total += np.bincount(end, _STRENGTHS[distance], minlength=n)

    asked = 0

    def around(node: int) -> tuple[Int64s, Int64s]:
        nonlocal asked
        asked += 1
        progress("grouping", min(asked, n), n)
        row, column = words[node].tolist()
        near, distance = index.search((row, column), radius)
        others = np.minimum(np.searchsorted(ids, near), n - 1)
        kept = (ids[others] == near) & (others != node)  # some may have come meanwhile
        return others[kept], _STRENGTHS[distance[kept]]

    centre = star_cover_lazily(degree, total, around)
    bits = np.bitwise_count(words ^ words[centre]).sum(axis=1).astype(np.int64)
    order = np.lexsort((np.arange(n), bits, np.arange(n) != centre, centre))
    medoids, sizes = np.unique(centre, return_counts=True)
    bits, last = bits[order], np.cumsum(sizes) - 1
    everybody = ClusterTable(
        sizes=sizes,
        diameters=bits[last] + bits[np.maximum(last - 1, 0)],
        members=ids[order],
        distances=bits,
        scores=1 - bits / 128,
        edges=np.full(n, -1),
    )
    ranked = np.lexsort((medoids, -sizes))
    return everybody.take(ranked[sizes[ranked] > 1])
