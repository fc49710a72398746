"""The frames that searches and clusters are handed out in."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters

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
    "diameter",
    "score",
    "label",
    "width",
    "height",
    "bytes",
]
MEMBER_FACTS = ["image_id", "digest", "filename", "width", "height", "bytes"]
"""Columns of the catalog's images that `cluster_frame` needs."""


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


def cluster_frame(
    grouped: LabelledClusters,
    images: pd.DataFrame,
    keepers: Callable[[pd.DataFrame], BoolMask],
) -> pd.DataFrame:
    """Clusters, one row for each member: largest cluster first, in it the medoid, then by distance.

    Parameters
    ----------
    grouped
        The clusters in the order in which they are numbered, from 0.
    images
        The catalog's rows of all members: `MEMBER_FACTS` at least.
    keepers
        The policy: says for each row whether it is the one of its cluster that is kept.
    """
    clusters = grouped.clusters
    members = pd.DataFrame(
        {
            "cluster_id": clusters.numbers,
            "image_id": clusters.members,
            "distance_to_medoid": clusters.distances,
            "diameter": np.repeat(clusters.diameters, clusters.sizes),
            "score": clusters.scores,
            "label": grouped.labels,
            "within_frame": grouped.within_frame,
        }
    ).astype({"label": "str"})
    frame = members.merge(images[MEMBER_FACTS], on="image_id", how="left", validate="1:1")
    frame["is_medoid"] = ~frame["cluster_id"].duplicated()
    frame["is_keeper"] = keepers(frame)
    return frame[CLUSTERS]
