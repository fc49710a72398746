"""Flat pictures: a dHash says nothing of them, so what has equal pixels is the same, nothing else.

Equal are the upright pictures at full size, pixel by pixel; what is transparent in one must be so
in the other. Whether the file is a PNG or a BMP, has a palette or metadata, does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters


def clusters_of(groups: Iterable[Sequence[int]]) -> ClusterTable:
    """Clusters of two or more images that are all the same, each around its first.

    Examples
    --------
    >>> [cluster] = clusters_of([[4, 2, 9]])
    >>> cluster.medoid, cluster.size, cluster.diameter
    (4, 3, 0)
    """
    groups = list(groups)
    members = np.fromiter(chain.from_iterable(groups), np.int64)
    return ClusterTable(
        sizes=np.array([len(group) for group in groups], np.int64),
        diameters=np.zeros(len(groups), np.int64),
        members=members,
        distances=np.zeros(len(members), np.int64),
        scores=np.ones(len(members)),
        edges=np.full(len(members), -1, np.int64),
    )


def with_identical(grouped: LabelledClusters, groups: Iterable[Sequence[int]]) -> LabelledClusters:
    """The same, with a cluster for each group of flat images that have equal pixels.

    Parameters
    ----------
    grouped
        Clusters of other images.
    groups
        Image ids; no image is in two of them.
    """
    same = clusters_of(groups)
    words = np.full(len(same.members), "exact", object)
    words[same.starts] = "medoid"
    clusters = grouped.clusters.joined(same)
    order = np.argsort(-clusters.sizes, kind="stable")
    rows = clusters.rows(order)
    return replace(
        grouped,
        clusters=clusters.take(order),
        labels=np.concatenate((grouped.labels, words))[rows],
        within_frame=np.concatenate((grouped.within_frame, np.ones(len(words))))[rows],
    )
