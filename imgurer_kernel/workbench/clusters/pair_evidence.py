"""The evidence of clusters as a frame: a row for each member with its medoid."""

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask, Float64s, UInt8s
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION, invert
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.matching.relation import detail_words

_MAP = [f"map_{name}" for name in "abcdef"]


def pair_evidence(clusters: pd.DataFrame, pairs: Pairs | None) -> pd.DataFrame:
    """Make a row for each image of a cluster but the medoid, in the order of `clusters`.

    Parameters
    ----------
    clusters
        As from `Workbench.clusters`, by file or by image.
    pairs
        The pairs that a search has compared, by image ids; None if they are not known.

    Returns
    -------
    DataFrame
        cluster_id, image_id (the medoid), other_id, filename, other_filename, label, distance,
        score; and where the two were compared orientation, correlation, overlap (share of the other
        picture that lies in the medoid), map_a to map_f (from the other picture to the medoid, as
        `imgurer_kernel.matching.affine` has maps) and detail. Images of equal pixels are not
        compared.
    """
    members = clusters.drop_duplicates(["cluster_id", "image_id"])
    medoids = members[members["is_medoid"].astype(bool)].set_index("cluster_id")
    others = members[~members["is_medoid"].astype(bool)]
    # A frame that the caller has filtered may lack a medoid.
    others = others[others["cluster_id"].isin(medoids.index)].reset_index(drop=True)
    medoid = medoids.loc[others["cluster_id"]]
    frame = pd.DataFrame(
        {
            "cluster_id": others["cluster_id"],
            "image_id": medoid["image_id"].to_numpy(np.int64),
            "other_id": others["image_id"].to_numpy(np.int64),
            "filename": medoid["filename"].to_numpy(),
            "other_filename": others["filename"],
            # In a review queue `label` is relative to the keeper.
            "label": others.get("medoid_label", others["label"]),
            "distance": others["distance_to_medoid"],
            "score": others["score"],
        }
    )
    if pairs is None or not len(pairs):
        return frame
    return frame.join(_measures_of(frame, pairs))


def _measures_of(frame: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Collect the measures of each pair of the frame; missing where there are none."""
    # Which image comes first depends on how a pair was found.
    low, high = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
    wanted_ids = np.union1d(frame["image_id"], frame["other_id"])
    rows = np.flatnonzero(np.isin(high, wanted_ids) & (pairs.measures[:, 0] != 0))
    ends = {"low": low[rows], "high": high[rows], "row": rows}
    wanted = pd.DataFrame(
        {
            "low": frame[["image_id", "other_id"]].min(axis=1),
            "high": frame[["image_id", "other_id"]].max(axis=1),
            "place": np.arange(len(frame)),
        }
    )
    known = pd.DataFrame(ends).drop_duplicates(["low", "high"])
    found = wanted.merge(known, on=["low", "high"]).sort_values("place")
    part = pairs.take(found["row"].to_numpy(np.int64))
    places = found["place"].to_numpy(np.int64)
    # Maps must lead from the other image to the medoid.
    turned: BoolMask = part.first == frame["image_id"].to_numpy(np.int64)[places]
    maps: Float64s = part.maps.copy()
    if turned.any():
        maps[turned] = invert(maps[turned])
    overlap = part.measures[:, 2].astype(np.float64)
    # The map scales the area of the common part.
    area = np.abs(part.maps[:, 0] * part.maps[:, 4] - part.maps[:, 1] * part.maps[:, 3])
    orientation = np.where(turned, INVERSE_ORIENTATION[part.orientation], part.orientation)
    measured = pd.DataFrame(
        {
            "orientation": pd.Series([ORIENTATIONS[k] for k in orientation.tolist()], dtype="str"),
            "correlation": part.measures[:, 0].astype(np.float64),
            "overlap": np.where(turned, np.minimum(1.0, overlap * area), overlap),
            "detail": pd.Series(_words(part.details), dtype="str"),
        }
    )
    measured[_MAP] = maps
    return measured.set_axis(places).reindex(frame.index)


def _words(details: UInt8s) -> list[str]:
    """Describe details in words, each distinct value once."""
    kinds, which = np.unique(details, axis=0, return_inverse=True)
    words = [detail_words(kind) for kind in kinds]
    return [words[k] for k in which.reshape(-1).tolist()]
