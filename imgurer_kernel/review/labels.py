"""Label each file of a cluster against its keeper; the search labels against the medoid.

A search compares the pictures of a cluster with its medoid only. If the keeper is the medoid, or
one of the two pictures is, these labels are used; other pairs have to be compared.
"""

from collections.abc import Mapping
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imgurer_kernel.matching.labels import Label
from imgurer_kernel.matching.relation import NO_DUPLICATE
from imgurer_kernel.store.catalog.pair_labels import DigestPair

KEPT = "kept"
"""Label of the keeper."""

INDIRECT = "indirect"
"""Label of a copy of the medoid that is not a copy of the keeper, which is one, too."""

NEAR = "near by dHash"
"""Label of a picture found by its hash alone."""

OF_FILES = (
    *("identical", KEPT, INDIRECT, "medoid", NEAR),
    *(label for label in get_args(Label) if label not in {"exact", *NO_DUPLICATE}),
)
"""All labels of files in clusters."""

# "same pixels" is transitive; pictures found by hash alone have no known relation to each other.
_ALIKE = ("same pixels", NEAR)


def against_keepers(
    chosen: pd.DataFrame, known: Mapping[DigestPair, str]
) -> tuple[pd.DataFrame, set[DigestPair]]:
    """Label clusters against the keeper, and list the pairs still to compare.

    Parameters
    ----------
    chosen
        One row per file: cluster_id, file_id, image_id, digest, is_medoid, keeper_id, and the label
        against the medoid, in medoid_label if that column exists.
    known
        Labels of pairs that were compared.

    Returns
    -------
    DataFrame
        The rows with label and medoid_label. The label is `KEPT`; ``"identical"`` for the same
        bytes; `INDIRECT`; or a word of `imgurer_kernel.matching.labels.Label`. For an unknown pair
        it is the label against the medoid.
    set of pairs
        Pairs that are not known.
    """
    if "medoid_label" not in chosen:
        chosen = chosen.assign(medoid_label=chosen["label"])
    if chosen.empty:
        return chosen, set()
    cluster, image = chosen["cluster_id"], chosen["image_id"]
    own = pd.Series(of_images(chosen, "medoid_label"), chosen.index, "str")
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


def of_images(files: pd.DataFrame, column: str = "label") -> NDArray[np.object_]:
    """Return the label of each file's image against the medoid, objects (n,).

    That is the label of its first file in the cluster that is not ``"identical"``, if there is one.

    Parameters
    ----------
    files
        cluster_id, image_id, and the labels in `column`.
    """
    labels = files[column]
    own = np.flatnonzero((labels.notna() & (labels != "identical")).to_numpy(bool))
    clusters, images = (pd.factorize(files[each])[0] for each in ("cluster_id", "image_id"))
    # A merge of frames takes five times as long for the few rows of most pages.
    pairs = pd.factorize(clusters.astype(np.int64) * len(files) + images)[0]
    found = np.full(len(files), "identical", object)
    first = own[::-1]  # of several assignments, the last one stays
    found[pairs[first]] = labels.to_numpy(object)[first]
    answer: NDArray[np.object_] = found[pairs]
    return answer
