"""From edges between images to star clusters: every member has an edge to the cluster's medoid.

Connected components chain strangers: frame 1 of a panning clip is near frame 2, frame 2 near
frame 3, and frames 1 and 72 end in one cluster. In a star nobody belongs by hearsay. The cover is
greedy, after Aslam, Pelekhov and Rus, "The Star Clustering Algorithm for Static and Dynamic
Information Organization", Journal of Graph Algorithms and Applications 8(1), 2004.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import ArrayLike

from imgurer_kernel.common.types import Float64s, Int64s
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable

# Scores are summed as whole millionths: float sums would depend on the order of the edges.
MILLIONTHS = 1_000_000

# Stars that are made until somebody is told.
_PULSE = 2048

# So many edges are worth loading machine code for.
_WORTH_COMPILING = 20_000


def stars(
    first: ArrayLike, second: ArrayLike, distance: ArrayLike, score: ArrayLike | None = None
) -> ClusterTable:
    """Clusters of two or more images, the largest first, then by the medoid's id.

    Again and again the image with the most neighbours that are still free becomes a medoid and
    takes them; equals are decided by the larger sum of scores, then by the smaller id. Neither the
    order of the edges nor their direction matters; of several edges between the same two images
    the one with the best score counts (then the shortest); an edge to oneself is ignored.

    Parameters
    ----------
    first, second
        Image ids of the two ends, int64 (e,).
    distance
        Hamming distance of each edge, 0..128 (e,).
    score
        How sure each edge is, 0..1 (e,); without it the share of equal bits, 1 - distance / 128.

    Examples
    --------
    Image 2 lies between 1 and 3, and 4 is near 3 only, so that 4 does not belong to 2:

    >>> [cluster] = stars([1, 2, 3], [2, 3, 4], [5, 6, 7])
    >>> cluster.medoid, cluster.members.tolist(), cluster.diameter, cluster.weakest
    (2, [2, 1, 3], 11, 3)
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

    centre = cover(len(ids), low, high, scores)

    # An edge from a member to its own centre is a spoke of that star.
    outward, inward = centre[high] == low, centre[low] == high
    spokes = np.flatnonzero(outward | inward)
    hub = np.where(outward[spokes], low[spokes], high[spokes])
    rim = np.where(outward[spokes], high[spokes], low[spokes])
    hubs, counts = np.unique(hub, return_counts=True)

    # Every medoid is a member of its own star, by no edge, and the first.
    none = np.zeros(len(hubs), np.int64)
    hub, rim = np.concatenate((hubs, hub)), np.concatenate((hubs, rim))
    to_medoid = np.concatenate((none, distances[spokes]))
    order = np.lexsort((rim, to_medoid, rim != hub, hub))
    members, to_medoid = ids[rim[order]], to_medoid[order]
    scores = np.concatenate((none + 1.0, scores[spokes]))[order]
    edges = np.concatenate((none - 1, chosen[spokes]))[order]

    sizes = counts + 1
    stops = np.cumsum(sizes)
    edges_inside, largest = _inside(centre, low, high, distances)
    complete = edges_inside[hubs] == sizes * counts // 2
    two_longest = to_medoid[stops - 1] + to_medoid[stops - 2]
    found = ClusterTable(
        sizes=sizes,
        diameters=np.where(complete, largest[hubs], two_longest),
        members=members,
        distances=to_medoid,
        scores=scores,
        edges=edges,
    )
    return found.take(np.lexsort((hubs, -counts)))


def cover(
    n: int,
    first: Int64s,
    second: Int64s,
    score: Float64s,
    pulse: Callable[[], None] | None = None,
) -> Int64s:
    """The centre that each of images 0..n-1 belongs to, as `stars` has it; a lone one is its own.

    Parameters
    ----------
    first, second
        The two ends of each edge, (e,); every two images have one edge at most.
    score
        How sure each edge is, (e,).
    pulse
        Called now and then; may raise to stop.

    Examples
    --------
    >>> cover(4, np.array([0, 1]), np.array([1, 2]), np.array([0.9, 0.9])).tolist()
    [1, 1, 1, 3]
    """
    strength = np.rint(score * MILLIONTHS).astype(np.int64)
    graph = _Graph.of(n, first, second, strength)
    make = _cover if len(first) < _WORTH_COMPILING else _cover_compiled
    return make(graph, pulse or go_on)


def _best_of_each_pair(low: Int64s, high: Int64s, distances: Int64s, scores: Float64s) -> Int64s:
    """Indices of one edge for each two images that have any, sorted by the two."""
    order: Int64s = np.lexsort((distances, -scores, high, low))
    order = order[low[order] != high[order]]
    low, high = low[order], high[order]
    new = np.ones(len(order), bool)
    new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return order[new]


def cover_lazily(
    degree: Int64s, total: Float64s, around: Callable[[int], tuple[Int64s, Int64s]]
) -> Int64s:
    """The same cover, of a graph that is too large to be kept: asked for a node's edges again.

    Parameters
    ----------
    degree, total
        Of each node the number of its edges and the sum of their strengths, (n,).
    around
        Gives a node's neighbours, and the strength of the edge to each, as whole numbers.
    """
    n = len(degree)
    centre = np.arange(n)
    free = degree > 0
    ranks = zip((-degree).tolist(), (-total).tolist(), range(n), strict=True)
    heap = [rank for rank in ranks if rank[0]]
    heapify(heap)
    while heap:
        count, sum_, node = heappop(heap)
        if not free[node]:
            continue
        others, strength = around(node)
        still = free[others]
        rank = -int(still.sum()), -float(strength[still].sum())
        if rank != (count, sum_):
            if rank[0]:
                heappush(heap, (*rank, node))
            continue
        centre[others[still]] = node
        free[others[still]] = free[node] = False
    return centre


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    """Adjacency of nodes 0..n-1: neighbours of node v are ``neighbour[start[v]:start[v + 1]]``."""

    start: Int64s
    neighbour: Int64s
    strength: Int64s

    @classmethod
    def of(cls, n: int, low: Int64s, high: Int64s, strength: Int64s) -> "_Graph":
        tail, head = np.concatenate((low, high)), np.concatenate((high, low))
        order = np.lexsort((head, tail))
        start = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(tail, minlength=n), out=start[1:])
        return cls(start, head[order], np.concatenate((strength, strength))[order])

    def ranks(self) -> tuple[Int64s, Int64s]:
        """Of each node the number of its neighbours, and the sum of their strengths."""
        totals = np.concatenate(([0], np.cumsum(self.strength)))
        return np.diff(self.start), totals[self.start[1:]] - totals[self.start[:-1]]


def _cover(graph: _Graph, pulse: Callable[[], None]) -> Int64s:
    """The centre that each node belongs to; a node that nobody wants is its own."""
    degree, total = (column.tolist() for column in graph.ranks())
    n = len(degree)
    # A slice of one of these costs a fifth of that of an array, and yields plain numbers.
    neighbour, strength = graph.neighbour.data, graph.strength.data
    start: list[int] = graph.start.tolist()
    centre = list(range(n))
    free = [count > 0 for count in degree]
    heap = [(-degree[node], -total[node], node) for node in range(n) if free[node]]
    heapify(heap)
    covered = 0
    # A node's rank only falls while others are taken, so it is looked at again when it is on top.
    while heap:
        count, sum_, node = heappop(heap)
        if not free[node]:
            continue
        if (count, sum_) != (-degree[node], -total[node]):
            if degree[node]:
                heappush(heap, (-degree[node], -total[node], node))
            continue
        covered += 1
        if covered % _PULSE == 0:
            pulse()
        taken = [other for other in neighbour[start[node] : start[node + 1]] if free[other]]
        taken.append(node)
        for other in taken:
            centre[other], free[other] = node, False
        for other in taken:
            part = slice(start[other], start[other + 1])
            for near, weight in zip(neighbour[part], strength[part], strict=True):
                degree[near] -= 1
                total[near] -= weight
    return np.array(centre, np.int64)


def _cover_compiled(graph: _Graph, pulse: Callable[[], None]) -> Int64s:
    """The same, in machine code."""
    from imgurer_kernel.matching._numba import cover as kernel  # compiles: only for large graphs

    degree, total = graph.ranks()
    heap = np.flatnonzero(degree)
    rank = degree.copy(), total.copy()
    centre = np.where(degree > 0, -1, np.arange(len(degree)))
    kernel.heapify(heap, *rank)
    left = len(heap)
    edges = graph.start, graph.neighbour, graph.strength
    while left:
        left = kernel.take_stars(*edges, degree, total, heap, left, *rank, centre, _PULSE)
        pulse()
    return np.where(centre < 0, np.arange(len(centre)), centre)


def go_on() -> None:
    """Nobody is told, nothing is stopped."""


def _inside(centre: Int64s, low: Int64s, high: Int64s, distances: Int64s) -> tuple[Int64s, Int64s]:
    """For each centre: how many edges join two images of its star, and the longest of them."""
    inside = centre[low] == centre[high]
    largest = np.zeros(len(centre), np.int64)
    np.maximum.at(largest, centre[low[inside]], distances[inside])
    return np.bincount(centre[low[inside]], minlength=len(centre)), largest
