"""Flat pictures: a dHash says nothing of them, so what has equal pixels is the same, nothing else.

Equal are the upright pictures at full size, pixel by pixel; what is transparent in one must be so
in the other. Whether the file is a PNG or a BMP, has a palette or metadata, does not matter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from imgurer_kernel.clusters import Cluster
from imgurer_kernel.results import Grouped


def cluster_of(members: Sequence[int]) -> Cluster:
    """Two or more images that are all the same, around the first of them.

    Examples
    --------
    >>> cluster_of([4, 2, 9]).medoid, cluster_of([4, 2, 9]).diameter
    (4, 0)
    """
    size = len(members)
    return Cluster(
        members=np.array(members, np.int64),
        distances=np.zeros(size, np.int64),
        scores=np.ones(size),
        edges=np.full(size, -1, np.int64),
        diameter=0,
    )


def with_identical(grouped: Grouped, groups: Iterable[Sequence[int]]) -> Grouped:
    """The same, with a cluster for each group of flat images that have equal pixels.

    Parameters
    ----------
    grouped
        Clusters of other images.
    groups
        Image ids; no image is in two of them.
    """
    same = [cluster_of(group) for group in groups]
    clusters = [*grouped.clusters, *same]
    labels = [*grouped.labels, *(["medoid"] + ["exact"] * (it.size - 1) for it in same)]
    ends = np.cumsum([cluster.size for cluster in grouped.clusters], dtype=np.int64)
    within = np.split(grouped.within_frame, ends)[: len(ends)]
    within.extend(np.ones(cluster.size) for cluster in same)
    order = sorted(range(len(clusters)), key=lambda k: -clusters[k].size)
    return replace(
        grouped,
        clusters=[clusters[k] for k in order],
        labels=[labels[k] for k in order],
        within_frame=np.concatenate([np.empty(0), *(within[k] for k in order)]),
    )
