"""Cluster flat pictures: their dHash means nothing, so only equal pixels make duplicates.

The upright pictures are compared at full size, pixel by pixel, including transparency. Format,
palette and metadata of the files do not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from imgurer_kernel.matching.clusters.cluster_table import ClusterTable, LabelledClusters


def identical_clusters(groups: Iterable[Sequence[int]]) -> ClusterTable:
    """Make a cluster of each group of two or more images that are all the same, around its first.

    Examples
    --------
    >>> [cluster] = identical_clusters([[4, 2, 9]])
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


def add_identical(grouped: LabelledClusters, groups: Iterable[Sequence[int]]) -> LabelledClusters:
    """Add a cluster for each group of flat images that have equal pixels, the largest first.

    Parameters
    ----------
    grouped
        Clusters of other images.
    groups
        Image ids; no image is in more than one of them.
    """
    same = identical_clusters(groups)
    labels = np.full(len(same.members), "same pixels", object)
    labels[same.starts] = "medoid"
    clusters = grouped.clusters.joined(same)
    # Stable: clusters of equal size stay in the order that they had.
    order = np.argsort(-clusters.sizes, kind="stable")
    rows = clusters.rows(order)
    return replace(
        grouped,
        clusters=clusters.take(order),
        labels=np.concatenate((grouped.labels, labels))[rows],
        within_frame=np.concatenate((grouped.within_frame, np.ones(len(labels))))[rows],
    )
