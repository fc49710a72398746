"""The frames that searches and clusters are handed out in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from imgurer_kernel.clusters import Cluster

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
        For each cluster a word for each member, in the order of its members.
    within_frame
        float64 (members of all clusters,): share of each picture within its frame, 1 without one.
    uninformative
        Number of images that took no part, being flat.
    """

    clusters: list[Cluster]
    labels: list[list[str]]
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
        The catalog's rows of all members.
    """
    clusters = grouped.clusters
    sizes = [cluster.size for cluster in clusters]
    members = pd.DataFrame(
        {
            "cluster_id": np.repeat(np.arange(len(clusters)), sizes),
            "image_id": _joined([cluster.members for cluster in clusters], np.int64),
            "distance_to_medoid": _joined([cluster.distances for cluster in clusters], np.int64),
            "score": _joined([cluster.scores for cluster in clusters], np.float64),
            "label": [label for words in grouped.labels for label in words],
            "within_frame": grouped.within_frame,
        }
    ).astype({"label": "str"})
    rows = images[["image_id", "digest", "filename", "width", "height", "bytes"]]
    frame = members.merge(rows, on="image_id", how="left", validate="1:1")
    frame["is_medoid"] = ~frame["cluster_id"].duplicated()
    order = _by_policy(frame)
    _, first = np.unique(frame["cluster_id"].to_numpy(np.int64)[order], return_index=True)
    frame["is_keeper"] = np.isin(np.arange(len(frame)), order[first])
    return frame[CLUSTERS]


def _joined(parts: Sequence[npt.NDArray[np.generic]], dtype: type) -> npt.NDArray[np.generic]:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype)
