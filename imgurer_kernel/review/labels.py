"""Label each file of a cluster against the kept one; the search labels against the medoid.

A search compares the pictures of a cluster with its medoid only. Where that is kept, or is one of
the two, its labels say it; other pairs have to be compared.
"""

from collections.abc import Mapping
from typing import get_args

import numpy as np
import pandas as pd

from imgurer_kernel.matching.labels import Label
from imgurer_kernel.matching.relation import NO_DUPLICATE
from imgurer_kernel.store.catalog.pair_labels import DigestPair

KEPT = "kept"
"""Label of the file that is kept."""

INDIRECT = "indirect"
"""Label of a picture that is a copy of the medoid, as the one that is kept is, and not of that."""

NEAR = "near by dHash"
"""Label of a picture that was found by its hash alone."""

OF_FILES = (
    *("identical", KEPT, INDIRECT, "medoid", NEAR),
    *(label for label in get_args(Label) if label not in {"exact", *NO_DUPLICATE}),
)
"""All labels of files in clusters."""

# Of equal pixels all are the same to each other; of hashes alone nothing is known of any two.
_ALIKE = ("same pixels", NEAR)


def against_keepers(
    chosen: pd.DataFrame, known: Mapping[DigestPair, str]
) -> tuple[pd.DataFrame, set[DigestPair]]:
    """Label clusters against the kept file, and list the pairs still to compare.

    Parameters
    ----------
    chosen
        By file: cluster_id, file_id, image_id, digest, is_medoid, keeper_id, and label against the
        medoid, which medoid_label is where there is that column.
    known
        What pairs that were compared are to each other.

    Returns
    -------
    DataFrame
        The rows with label and medoid_label. The label is `KEPT`; ``"identical"``: the same bytes;
        `INDIRECT`; or a word of `imgurer_kernel.matching.labels.Label`. Where the pair is not
        known it is what the picture is to the medoid.
    set of pairs
        Those that are not known.
    """
    if "medoid_label" not in chosen:
        chosen = chosen.assign(medoid_label=chosen["label"])
    if chosen.empty:
        return chosen, set()
    cluster, image = chosen["cluster_id"], chosen["image_id"]
    own = _of_images(chosen)
    is_keeper = (chosen["file_id"] == chosen["keeper_id"]).to_numpy(bool)
    kept = chosen[is_keeper].assign(own=own[is_keeper]).set_index("cluster_id")
    medoid = chosen[chosen["is_medoid"].astype(bool)].drop_duplicates("cluster_id")
    kept_image = cluster.map(kept["image_id"])
    kept_own = cluster.map(kept["own"])
    medoid_image = cluster.map(medoid.set_index("cluster_id")["image_id"])
    label = own.astype(object).to_numpy(copy=True)
    is_medoid = (image == medoid_image).to_numpy(bool)
    label[is_medoid] = kept_own.fillna(own).to_numpy(object)[is_medoid]
    same = (image == kept_image).to_numpy(bool)
    label[same] = "identical"
    label[is_keeper] = KEPT
    between = kept_image.notna() & (kept_image != medoid_image) & ~own.isin(_ALIKE)
    rows = np.flatnonzero(between.to_numpy(bool) & ~is_medoid & ~same)
    missing = set()
    others = cluster.map(kept["digest"]).to_numpy(object)[rows]
    for row, one, other in zip(rows, chosen["digest"].to_numpy(object)[rows], others, strict=True):
        pair = (min(one, other), max(one, other))
        if pair in known:
            label[row] = known[pair]
        else:
            missing.add(pair)
    return chosen.assign(label=pd.Series(label, chosen.index, "str")), missing


def _of_images(chosen: pd.DataFrame) -> "pd.Series[str]":
    """Return the label of each file's picture against the medoid, not of the file."""
    further = (chosen["medoid_label"] == "identical").to_numpy(bool)
    keys = ["cluster_id", "image_id"]
    first = chosen.loc[~further, [*keys, "medoid_label"]].drop_duplicates(keys)
    own = chosen[keys].merge(first, on=keys, how="left")["medoid_label"]
    return pd.Series(own.fillna("identical").to_numpy(object), chosen.index, "str")
