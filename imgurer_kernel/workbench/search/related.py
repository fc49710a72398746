"""Build frames of related pictures that are not duplicates: takes, colours, parts, layouts."""

import numpy as np
import pandas as pd

from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.matching.relation import RELATED, Relation
from imgurer_kernel.report.frames import SIMILAR

RELATED_COLUMNS = ["relation" if name == "verdict" else name for name in SIMILAR]
"""Columns of the answer of `related_to`."""

_WORDS = frozenset(relation.word for relation in RELATED)


def related_to(similar: pd.DataFrame) -> pd.DataFrame:
    """Select the related rows of `similar`, with the verdict as `relation`.

    Examples
    --------
    >>> near = pd.DataFrame({"image_id": [3, 4], "verdict": ["resized", "another take"]})
    >>> related_to(near).to_dict("records")
    [{'image_id': 4, 'relation': 'another take'}]
    """
    rows = similar[similar["verdict"].isin(_WORDS)]
    return rows.rename(columns={"verdict": "relation"}).reset_index(drop=True)


def related_pairs(pairs: Pairs, facts: pd.DataFrame) -> pd.DataFrame:
    """Build a frame of related pairs of existing images, by (image_id, other_id).

    Parameters
    ----------
    pairs
        Pairs by image ids.
    facts
        image_id and filename of the images.
    """
    names = dict(zip(facts["image_id"].tolist(), facts["filename"].tolist(), strict=True))
    turned = np.where(
        pairs.first < pairs.second, pairs.orientation, INVERSE_ORIENTATION[pairs.orientation]
    )
    low, high = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
    frame = pd.DataFrame(
        {
            "image_id": low,
            "other_id": high,
            "relation": pd.Series([Relation(k).word for k in pairs.status.tolist()], dtype="str"),
            "distance": pairs.distance.astype(np.int64),
            "orientation": pd.Series([ORIENTATIONS[k] for k in turned], dtype="str"),
            "score": pairs.measures[:, 1].astype(np.float64),
            "filename": pd.Series([names.get(k) for k in low.tolist()], dtype="str"),
            "other_filename": pd.Series([names.get(k) for k in high.tolist()], dtype="str"),
        }
    )
    exist = frame["image_id"].isin(names) & frame["other_id"].isin(names)
    return frame[exist].sort_values(["image_id", "other_id"], ignore_index=True)
