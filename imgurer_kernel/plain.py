"""Searching and clustering by the plain dHash, upright, without a look at the pictures."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from imgurer_kernel.clusters import stars
from imgurer_kernel.index import pairs
from imgurer_kernel.live import LiveIndex
from imgurer_kernel.query import Query
from imgurer_kernel.results import Grouped


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


def plain_clusters(index: LiveIndex, radius: int) -> Grouped:
    """Star clusters over all pairs of informative images within a radius."""
    hashes = index.hashes()
    chosen = np.flatnonzero(hashes.informative)
    edges = [np.empty((3, 0), np.int64)]
    edges += [np.stack(chunk) for chunk in pairs(hashes.plain[chosen], radius)]
    first, second, distance = np.concatenate(edges, axis=1)
    found = stars(hashes.image_ids[chosen][first], hashes.image_ids[chosen][second], distance)
    return Grouped(
        clusters=found,
        labels=[["medoid", *["near by dHash"] * (cluster.size - 1)] for cluster in found],
        content=np.ones(sum(cluster.size for cluster in found)),
        plan=f"plain dHash within {radius} bits, not verified",
        uninformative=len(hashes) - len(chosen),
    )
