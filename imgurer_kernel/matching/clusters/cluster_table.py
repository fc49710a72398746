"""The table of clusters: columns of all members, cluster after cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """A medoid and the images that have an edge to it.

    Attributes
    ----------
    members
        int64 (k,), k >= 2: the medoid, then the others by (distance, id).
    distances
        int64 (k,): bits between each member and the medoid; 0 for the medoid itself.
    scores
        float64 (k,): score of each member's edge to the medoid; 1 for the medoid itself.
    edges
        int64 (k,): rows of those edges in the table of pairs that the clusters were made of; -1 for
        the medoid itself.
    diameter
        Upper bound of the distance between two members in bits: the largest edge where every two
        members have one, else the sum of the two longest edges to the medoid (triangle inequality).
    """

    members: Int64s
    distances: Int64s
    scores: Float64s
    edges: Int64s
    diameter: int

    @property
    def medoid(self) -> int:
        """The image at the center."""
        return int(self.members[0])

    @property
    def size(self) -> int:
        """Number of members, the medoid included."""
        return len(self.members)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterTable(Sequence[Cluster]):
    """Clusters in columns, m members in all; a store may have a hundred thousand clusters.

    Attributes
    ----------
    sizes, diameters
        int64 (n,): number of members and diameter in bits of each cluster.
    members, distances, scores, edges
        (m,), the columns of all clusters, one after the other; see `Cluster`.

    Examples
    --------
    >>> few = ClusterTable(sizes=np.array([2, 3]), diameters=np.array([4, 5]),
    ...                members=np.array([7, 9, 1, 2, 3]), distances=np.array([0, 4, 0, 2, 3]),
    ...                scores=np.ones(5), edges=np.array([-1, 0, -1, 1, 2]))
    >>> len(few), few[1].members.tolist(), few.take(np.array([1])).diameters.tolist()
    (2, [1, 2, 3], [5])
    """

    sizes: Int64s
    diameters: Int64s
    members: Int64s
    distances: Int64s
    scores: Float64s
    edges: Int64s

    @classmethod
    def none(cls) -> Self:
        """Return no clusters."""
        empty = np.empty(0, np.int64)
        return cls(
            sizes=empty, diameters=empty, members=empty, distances=empty, scores=np.empty(0),
            edges=empty,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, key: int) -> Cluster: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: int | slice) -> Cluster | Self:
        if isinstance(key, slice):
            return self.take(np.arange(len(self))[key])
        begin = int(self.starts[key])
        part = slice(begin, begin + int(self.sizes[key]))
        return Cluster(
            self.members[part], self.distances[part], self.scores[part], self.edges[part],
            int(self.diameters[key]),
        )  # fmt: skip

    def __iter__(self) -> Iterator[Cluster]:
        return map(self.__getitem__, range(len(self)))

    @property
    def starts(self) -> Int64s:
        """Where each cluster begins in the columns of members: its medoid, int64 (n,)."""
        starts: Int64s = np.cumsum(self.sizes) - self.sizes
        return starts

    @property
    def medoids(self) -> Int64s:
        """The medoid of each cluster, int64 (n,)."""
        return self.members[self.starts]

    @property
    def numbers(self) -> Int64s:
        """Which cluster each member belongs to, from 0, int64 (m,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def member_edges(self) -> Int64s:
        """The edges of all members but the medoids, in their order, int64 (m - n,)."""
        return np.delete(self.edges, self.starts)

    def share(self, first: Int64s, second: Int64s) -> BoolMask:
        """Mark the pairs of images that are members of one cluster, bool (k,).

        Examples
        --------
        >>> few = ClusterTable(sizes=np.array([2]), diameters=np.array([4]),
        ...                members=np.array([7, 3]), distances=np.array([0, 4]),
        ...                scores=np.ones(2), edges=np.array([-1, 0]))
        >>> few.share(np.array([3, 3]), np.array([7, 8])).tolist()
        [True, False]
        """
        if not len(self.members):
            return np.zeros(len(first), np.bool_)
        order = np.argsort(self.members)
        members, number = self.members[order], self.numbers[order]
        numbers_of_ends = []
        for image in (first, second):
            place = np.minimum(np.searchsorted(members, image), len(members) - 1)
            numbers_of_ends.append(np.where(members[place] == image, number[place], -1))
        shared: BoolMask = (numbers_of_ends[0] == numbers_of_ends[1]) & (numbers_of_ends[0] >= 0)
        return shared

    def rows(self, chosen: Int64s) -> Int64s:
        """Return where the members of some clusters are in the columns, cluster after cluster."""
        sizes = self.sizes[chosen]
        shift = self.starts[chosen] - (np.cumsum(sizes) - sizes)
        # A range of rows for each cluster, without a loop over a hundred thousand of them.
        rows: Int64s = np.arange(int(sizes.sum())) + np.repeat(shift, sizes)
        return rows

    def take(self, chosen: Int64s) -> Self:
        """Return some of the clusters, in the order in which they are chosen."""
        rows = self.rows(chosen)
        return type(self)(
            sizes=self.sizes[chosen],
            diameters=self.diameters[chosen],
            members=self.members[rows],
            distances=self.distances[rows],
            scores=self.scores[rows],
            edges=self.edges[rows],
        )

    def joined(self, other: "ClusterTable") -> Self:
        """Return these clusters, then others."""
        return type(self)(
            sizes=np.concatenate((self.sizes, other.sizes)),
            diameters=np.concatenate((self.diameters, other.diameters)),
            members=np.concatenate((self.members, other.members)),
            distances=np.concatenate((self.distances, other.distances)),
            scores=np.concatenate((self.scores, other.scores)),
            edges=np.concatenate((self.edges, other.edges)),
        )


@dataclass(frozen=True, slots=True)
class LabelledClusters:
    """Clusters with a label for each member, and how they were found.

    Attributes
    ----------
    clusters
        The clusters in their order, with their diameters in bits.
    labels
        object (m,): ``"medoid"``, or what was done to each member, see
        `imgurer_kernel.matching.labels.PairLabel`.
    within_frame
        float64 (m,): share of each member's picture within its frame, 1 without one.
    plan
        How the search was made, in words.
    uninformative
        Number of images that took no part, being flat.
    """

    clusters: ClusterTable
    labels: NDArray[np.object_]
    within_frame: Float64s
    plan: str
    uninformative: int

    def among(self, image_ids: Int64s) -> Self:
        """Return the clusters reduced to images that still exist, int64 (n,) in any order.

        A cluster that has lost its medoid, or all members but the medoid, is left out: whether its
        other members match another medoid is not known.
        """
        exists = np.isin(self.clusters.members, image_ids)
        if exists.all():
            return self
        numbers, starts = self.clusters.numbers, self.clusters.starts
        left = np.bincount(numbers[exists], minlength=len(self.clusters))
        whole = exists[starts] & (left > 1)
        rows = exists & whole[numbers]
        clusters = self.clusters
        return replace(
            self,
            clusters=ClusterTable(
                sizes=left[whole],
                diameters=clusters.diameters[whole],
                members=clusters.members[rows],
                distances=clusters.distances[rows],
                scores=clusters.scores[rows],
                edges=clusters.edges[rows],
            ),
            labels=self.labels[rows],
            within_frame=self.within_frame[rows],
        )
