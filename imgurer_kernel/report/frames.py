"""The frames that searches and clusters are handed out in."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from imgurer_kernel.matching.clusters.cluster_table import ClusterTable

SIMILAR = [
    "image_id",
    "distance",
    "orientation",
    "score",
    "verdict",
    "digest",
    "filename",
    "width",
    "height",
]
CLUSTERS = [
    "cluster_id",
    "image_id",
    "digest",
    "filename",
    "is_medoid",
    "is_keeper",
    "distance_to_medoid",
    "score",
    "label",
    "width",
    "height",
    "bytes",
]
MEMBER_FACTS = ["image_id", "digest", "filename", "width", "height", "bytes"]
"""Columns of the catalog's images that `cluster_frame` needs."""


def keeper(members: pd.DataFrame) -> int:
    """The image_id that the standard policy keeps: most pixels, then most bytes, then the oldest.

    Pixels of a frame around the picture do not count: `within_frame` is the share of the area that
    surely lies within it, 0..1.

    Examples
    --------
    >>> keeper(pd.DataFrame({"image_id": [1, 2, 3], "width": [640, 800, 900],
    ...                      "height": [480, 600, 700],
    ...                      "within_frame": [1, 1, 0.7], "bytes": [9000, 8000, 9500]}))
    2
    """
    return int(members["image_id"].iloc[_by_policy(members)[0]])


def _by_policy(members: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Rows in the order in which the standard policy would keep them."""
    pixels = members["width"].to_numpy(np.int64) * members["height"].to_numpy(np.int64)
    shown = pixels * members["within_frame"].to_numpy(np.float64)
    return np.lexsort((members["image_id"], -members["bytes"].to_numpy(np.int64), -shown))


@dataclass(frozen=True, slots=True)
class Grouped:
    """Clusters with a word for each member, and how they were found, in words.

    Attributes
    ----------
    labels
        object (m,): a word for each member.
    within_frame
        float64 (m,): share of each member's picture within its frame, 1 without one.
    uninformative
        Number of images that took no part, being flat.
    """

    clusters: ClusterTable
    labels: npt.NDArray[np.object_]
    within_frame: npt.NDArray[np.float64]
    plan: str
    uninformative: int


def similar_frame(found: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Results of a search, by (distance, image_id).

    Parameters
    ----------
    found
        Columns image_id, distance, orientation, score, verdict.
    images
        The catalog's rows of these images.
    """
    facts = images[["image_id", "digest", "filename", "width", "height"]]
    frame = found.merge(facts, on="image_id")
    return frame.sort_values(["distance", "image_id"], ignore_index=True)[SIMILAR]


def cluster_frame(grouped: Grouped, images: pd.DataFrame) -> pd.DataFrame:
    """Clusters, one row for each member: largest cluster first, in it the medoid, then by distance.

    Parameters
    ----------
    grouped
        The clusters in the order in which they are numbered, from 0.
    images
        The catalog's rows of all members: `MEMBER_FACTS` at least.
    """
    clusters = grouped.clusters
    members = pd.DataFrame(
        {
            "cluster_id": clusters.numbers,
            "image_id": clusters.members,
            "distance_to_medoid": clusters.distances,
            "score": clusters.scores,
            "label": grouped.labels,
            "within_frame": grouped.within_frame,
        }
    ).astype({"label": "str"})
    frame = members.merge(images[MEMBER_FACTS], on="image_id", how="left", validate="1:1")
    frame["is_medoid"] = ~frame["cluster_id"].duplicated()
    order = _by_policy(frame)
    _, first = np.unique(frame["cluster_id"].to_numpy(np.int64)[order], return_index=True)
    frame["is_keeper"] = np.isin(np.arange(len(frame)), order[first])
    return frame[CLUSTERS]
