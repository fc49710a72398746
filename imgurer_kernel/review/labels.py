"""Label each file of a cluster against its keeper; the search labels against the medoid.

A search compares the pictures of a cluster with its medoid only. If the keeper is the medoid, or
one of the two pictures is, these labels are used; other pairs have to be compared.
"""

from collections.abc import Mapping
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Int64s
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
    # Arrays: for the few files of most clusters, each step of pandas takes longer than all of this.
    cluster = np.unique(chosen["cluster_id"].to_numpy(), return_inverse=True)[1]
    image, digest = chosen["image_id"].to_numpy(), chosen["digest"].to_numpy(object)
    own = of_images(chosen, "medoid_label")
    is_keeper = (chosen["file_id"] == chosen["keeper_id"]).to_numpy(bool)
    kept = _row_of_cluster(cluster, is_keeper)
    medoid = _row_of_cluster(cluster, chosen["is_medoid"].to_numpy(bool))
    has_kept, has_medoid = kept >= 0, medoid >= 0
    label = own.copy()
    is_medoid = has_medoid & (image == image[medoid])
    label[is_medoid] = np.where(has_kept, own[kept], own)[is_medoid]
    same = has_kept & (image == image[kept])
    label[same] = "identical"
    label[is_keeper] = KEPT
    is_copy_of_medoid_only = has_kept & ~(has_medoid & (image[kept] == image[medoid]))
    is_copy_of_medoid_only &= ~np.isin(own.astype(str), _ALIKE)
    rows = np.flatnonzero(is_copy_of_medoid_only & ~is_medoid & ~same)
    missing = set()
    for row, one, other in zip(rows.tolist(), digest[rows], digest[kept[rows]], strict=True):
        pair = (min(one, other), max(one, other))
        if pair in known:
            label[row] = known[pair]
        else:
            missing.add(pair)
    return chosen.assign(label=pd.Series(label, chosen.index, "str")), missing


def _row_of_cluster(clusters: Int64s, chosen: BoolMask) -> Int64s:
    """Return for each row the first chosen row of its cluster, int64 (n,); -1 if there is none."""
    rows = np.flatnonzero(chosen)[::-1]  # of several assignments, the last one stays
    found = np.full(int(clusters.max()) + 1, -1, np.int64)
    found[clusters[rows]] = rows
    row_of: Int64s = found[clusters]
    return row_of


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
