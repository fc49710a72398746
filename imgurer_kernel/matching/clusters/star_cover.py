"""Star clusters from edges between images: every member has an edge to the cluster's medoid.

Connected components chain different pictures: frame 1 of a panning clip is near frame 2, frame 2
near frame 3, and frames 1 and 72 end in one cluster. In a star two images belong together only by
an edge of each to the medoid. The cover is greedy, after Aslam, Pelekhov and Rus, "The Star
Clustering Algorithm for Static and Dynamic Information Organization", Journal of Graph Algorithms
and Applications 8(1), 2004.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import ArrayLike

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import Float64s, Int64s
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable

# Scores are summed as whole millionths: float sums would depend on the order of the edges.
MILLIONTHS = 1_000_000

# Stars that are made between two calls of the progress function.
_PROGRESS_STEP = 2048

# Least edges for which loading the machine code pays off, and for which calling it does once it is
# loaded.
_COMPILE_FROM = 20_000
_LOADED_FROM = 1_000
_KERNEL = "imgurer_kernel.matching._numba.cover"


def star_clusters(
    first: ArrayLike, second: ArrayLike, distance: ArrayLike, score: ArrayLike | None = None
) -> ClusterTable:
    """Return clusters of two or more images, the largest first, then by the medoid's id.

    Repeatedly the image with the most free neighbors becomes a medoid, and they its members; ties
    are broken by the larger sum of scores, then by the smaller id. Neither the order of the edges
    nor their direction matters; of several edges between the same two images the one with the best
    score counts (then the shortest); an edge from an image to itself is ignored.

    Parameters
    ----------
    first, second
        Image ids of the two ends, int64 (e,).
    distance
        Hamming distance of each edge, 0..128 (e,).
    score
        Certainty of each edge, 0..1 (e,); without it the share of equal bits, 1 - distance / 128.

    Examples
    --------
    Image 2 lies between 1 and 3, and 4 is near 3 only, so that 4 does not belong to 2:

    >>> [cluster] = star_clusters([1, 2, 3], [2, 3, 4], [5, 6, 7])
    >>> cluster.medoid, cluster.members.tolist(), cluster.diameter
    (2, [2, 1, 3], 11)
    """
    distances = np.asarray(distance, np.int64).reshape(-1)
    scores = 1 - distances / 128 if score is None else np.asarray(score, np.float64).reshape(-1)
    ids, ends = np.unique(
        np.stack((np.asarray(first, np.int64), np.asarray(second, np.int64))).reshape(2, -1),
        return_inverse=True,
    )
    low, high = np.sort(ends.reshape(2, -1), axis=0)
    chosen = _best_of_each_pair(low, high, distances, scores)
    low, high = low[chosen], high[chosen]
    distances, scores = distances[chosen], scores[chosen]

    medoid_of = star_cover(len(ids), low, high, scores)

    # Only an edge between a member and its own medoid belongs to a cluster.
    outward, inward = medoid_of[high] == low, medoid_of[low] == high
    edges = np.flatnonzero(outward | inward)
    medoid = np.where(outward[edges], low[edges], high[edges])
    member = np.where(outward[edges], high[edges], low[edges])
    medoids, counts = np.unique(medoid, return_counts=True)

    # Every medoid is the first member of its own cluster, without an edge.
    none = np.zeros(len(medoids), np.int64)
    medoid, member = np.concatenate((medoids, medoid)), np.concatenate((medoids, member))
    to_medoid = np.concatenate((none, distances[edges]))
    order = np.lexsort((member, to_medoid, member != medoid, medoid))
    members, to_medoid = ids[member[order]], to_medoid[order]
    member_scores = np.concatenate((none + 1.0, scores[edges]))[order]
    member_edges = np.concatenate((none - 1, chosen[edges]))[order]

    sizes = counts + 1
    stops = np.cumsum(sizes)
    edges_inside, longest = _edges_inside(medoid_of, low, high, distances)
    complete = edges_inside[medoids] == sizes * counts // 2
    # Members are sorted by distance: the two longest edges to a medoid are its last two.
    two_longest = to_medoid[stops - 1] + to_medoid[stops - 2]
    clusters = ClusterTable(
        sizes=sizes,
        diameters=np.where(complete, longest[medoids], two_longest),
        members=members,
        distances=to_medoid,
        scores=member_scores,
        edges=member_edges,
    )
    return clusters.take(np.lexsort((medoids, -counts)))


def star_cover(
    n: int,
    first: Int64s,
    second: Int64s,
    score: Float64s,
    progress: Callable[[], None] | None = None,
) -> Int64s:
    """Return the medoid of each of images 0..n-1, int64 (n,); one without neighbors is its own.

    Medoids are chosen as `star_clusters` says.

    Parameters
    ----------
    first, second
        The two ends of each edge, (e,); every two images have one edge at most.
    score
        Certainty of each edge, (e,).
    progress
        Called now and then; may raise to stop.

    Examples
    --------
    >>> star_cover(4, np.array([0, 1]), np.array([1, 2]), np.array([0.9, 0.9])).tolist()
    [1, 1, 1, 3]
    """
    strength = np.rint(score * MILLIONTHS).astype(np.int64)
    graph = _Graph.of(n, first, second, strength)
    loaded = len(first) >= _LOADED_FROM and _KERNEL in sys.modules
    cover = _cover_compiled if loaded or len(first) >= _COMPILE_FROM else _cover
    return cover(graph, progress or no_progress)


def star_cover_lazily(
    degree: Int64s, total: Float64s, neighbors_of: Callable[[int], tuple[Int64s, Int64s]]
) -> Int64s:
    """Return the same cover of a graph that is too large for memory, int64 (n,).

    Parameters
    ----------
    degree, total
        Of each node the number of its edges and the sum of their strengths, (n,).
    neighbors_of
        Gives a node's neighbors, and the strength of the edge to each, as whole numbers; it is
        called again for a node whose rank has changed.
    """
    n = len(degree)
    medoid_of = np.arange(n)
    free = degree > 0
    ranks = zip((-degree).tolist(), (-total).tolist(), range(n), strict=True)
    heap = [rank for rank in ranks if rank[0]]
    heapify(heap)
    while heap:
        count, sum_, node = heappop(heap)
        if not free[node]:
            continue
        others, strength = neighbors_of(node)
        still_free = free[others]
        rank = -int(still_free.sum()), -float(strength[still_free].sum())
        if rank != (count, sum_):
            if rank[0]:
                heappush(heap, (*rank, node))
            continue
        members = others[still_free]
        medoid_of[members] = node
        free[members] = free[node] = False
    return medoid_of


def no_progress() -> None:
    """Report nothing and stop nothing."""


def _best_of_each_pair(low: Int64s, high: Int64s, distances: Int64s, scores: Float64s) -> Int64s:
    """Choose one edge for each two images that have any, as indices sorted by the two images."""
    order: Int64s = np.lexsort((distances, -scores, high, low))
    order = order[low[order] != high[order]]
    low, high = low[order], high[order]
    return order[group_starts(low, high)]


def _edges_inside(
    medoid_of: Int64s, low: Int64s, high: Int64s, distances: Int64s
) -> tuple[Int64s, Int64s]:
    """Count the edges within the cluster of each medoid, and find the longest of them."""
    inside = medoid_of[low] == medoid_of[high]
    longest = np.zeros(len(medoid_of), np.int64)
    np.maximum.at(longest, medoid_of[low[inside]], distances[inside])
    return np.bincount(medoid_of[low[inside]], minlength=len(medoid_of)), longest


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    """Adjacency of nodes 0..n-1: neighbors of node v are ``neighbor[start[v]:start[v + 1]]``."""

    start: Int64s
    neighbor: Int64s
    strength: Int64s

    @classmethod
    def of(cls, n: int, low: Int64s, high: Int64s, strength: Int64s) -> "_Graph":
        tail, head = np.concatenate((low, high)), np.concatenate((high, low))
        # Sorted by one number, in half of the time that sorting by two takes.
        order = np.argsort(tail * n + head, kind="stable")
        start = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(tail, minlength=n), out=start[1:])
        return cls(start, head[order], np.concatenate((strength, strength))[order])

    def ranks(self) -> tuple[Int64s, Int64s]:
        """Return of each node the number of its neighbors, and the sum of their strengths."""
        totals = np.concatenate(([0], np.cumsum(self.strength)))
        return np.diff(self.start), totals[self.start[1:]] - totals[self.start[:-1]]


def _cover(graph: _Graph, progress: Callable[[], None]) -> Int64s:
    """Cover a small graph: machine code would take longer to load than this to run."""
    degree, total = (column.tolist() for column in graph.ranks())
    n = len(degree)
    # A slice of a buffer costs a fifth of one of an array, and yields plain numbers.
    neighbor, strength = graph.neighbor.data, graph.strength.data
    start: list[int] = graph.start.tolist()
    medoid_of = list(range(n))
    free = [count > 0 for count in degree]
    heap = [(-degree[node], -total[node], node) for node in range(n) if free[node]]
    heapify(heap)
    stars = 0
    # Ranks only fall while nodes are taken, so checking a node when it is on top is enough.
    while heap:
        count, sum_, node = heappop(heap)
        if not free[node]:
            continue
        if (count, sum_) != (-degree[node], -total[node]):
            if degree[node]:
                heappush(heap, (-degree[node], -total[node], node))
            continue
        stars += 1
        if stars % _PROGRESS_STEP == 0:
            progress()
        taken = [other for other in neighbor[start[node] : start[node + 1]] if free[other]]
        taken.append(node)
        for other in taken:
            medoid_of[other], free[other] = node, False
        for other in taken:
            part = slice(start[other], start[other + 1])
            for near, weight in zip(neighbor[part], strength[part], strict=True):
                degree[near] -= 1
                total[near] -= weight
    return np.array(medoid_of, np.int64)


def _cover_compiled(graph: _Graph, progress: Callable[[], None]) -> Int64s:
    """Cover a large graph in machine code, some stars at a time so that it can be stopped."""
    from imgurer_kernel.matching._numba import cover as kernel  # compiles: only for large graphs

    degree, total = graph.ranks()
    heap = np.flatnonzero(degree)
    rank = degree.copy(), total.copy()
    medoid_of = np.where(degree > 0, -1, np.arange(len(degree)))
    kernel.heapify(heap, *rank)
    left = len(heap)
    edges = graph.start, graph.neighbor, graph.strength
    while left:
        left = kernel.take_stars(
            *edges, degree, total, heap, left, *rank, medoid_of, _PROGRESS_STEP
        )
        progress()
    return np.where(medoid_of < 0, np.arange(len(medoid_of)), medoid_of)
