"""Find the pairs of a part and a cluster that were not compared themselves.

A collage is compared with the medoid of a cluster and with some of its members. A picture that
shares a part with the medoid shares it with all members, which are the same picture; so does one
that shares parts with two members.
"""

from dataclasses import replace

import numpy as np

from imgurer_kernel.common.types import Float64s, Int64s
from imgurer_kernel.matching.affine import compose, invert, nearest_orientation
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult
from imgurer_kernel.matching.pair_table import PART_OF, Pairs
from imgurer_kernel.matching.relation import DETAILS, RELATED

_MEMBERS = 2  # least members that share parts if the medoid does not: one may be a collage itself


def parts_of_clusters(result: ClusterResult, only: Int64s | None = None) -> Pairs:
    """Return pairs that are `PART_OF` each other by way of a cluster, and not known as related.

    Parameters
    ----------
    result
        The result of a search.
    only
        int64 (k,): pairs among these images alone.

    Returns
    -------
    By image ids; their measures are those of the least certain of two or three steps.
    """
    clusters, pairs = result.clusters, result.pairs
    order = np.argsort(clusters.members)
    members, edges = clusters.members[order], clusters.edges[order]
    cluster = clusters.numbers[order]
    rows = np.flatnonzero(pairs.status == PART_OF)
    if only is not None:
        rows = rows[np.isin(pairs.first[rows], only) | np.isin(pairs.second[rows], only)]
    if not len(rows) or not len(members):
        return pairs.take(rows[:0])
    # Each pair from both of its ends: a picture, and the member that it shares a part with.
    picture = np.concatenate((pairs.first[rows], pairs.second[rows]))
    member = np.concatenate((pairs.second[rows], pairs.first[rows]))
    row = np.tile(rows, 2)
    place = np.minimum(np.searchsorted(members, member), len(members) - 1)
    own = np.minimum(np.searchsorted(members, picture), len(members) - 1)
    own_cluster = np.where(members[own] == picture, cluster[own], -1)
    good = (members[place] == member) & (own_cluster != cluster[place])
    if only is not None:
        good &= np.isin(picture, only)
    picture, row, place = picture[good], row[good], place[good]
    by_medoid = edges[place] < 0
    agreement = pairs.measures[row, 1]
    sort = np.lexsort((row, -agreement, ~by_medoid, cluster[place], picture))
    picture, row, place, by_medoid = picture[sort], row[sort], place[sort], by_medoid[sort]
    key = picture * len(clusters) + cluster[place]
    _, start, count = np.unique(key, return_index=True, return_counts=True)
    start = start[by_medoid[start] | (count >= _MEMBERS)]
    found = _pairs_with_members(
        clusters, pairs, picture[start], row[start], members[place[start]], only
    )
    images = result.images
    first, second = (np.searchsorted(images.image_ids, end) for end in (found.first, found.second))
    bits = np.bitwise_count(images.turned[first, found.orientation] ^ images.turned[second, 0])
    return replace(found, distance=bits.sum(axis=1).astype(np.int64))


def _pairs_with_members(
    clusters: ClusterTable,
    pairs: Pairs,
    picture: Int64s,
    row: Int64s,
    member: Int64s,
    only: Int64s | None,
) -> Pairs:
    """Map pictures to all members of clusters in which they share a part with one member."""
    order = np.argsort(clusters.members)
    number = clusters.numbers[order][np.searchsorted(clusters.members[order], member)]
    sizes = clusters.sizes[number]
    step = np.repeat(np.arange(len(picture)), sizes)
    within = np.arange(len(step)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    target = clusters.starts[number][step] + within
    wanted = clusters.members[target] != member[step]
    if only is not None:
        wanted &= np.isin(clusters.members[target], only)
    step, target = step[wanted], target[wanted]
    other = clusters.members[target]
    # From the picture to the member it was compared with, then to the medoid, then to the target.
    maps = _maps_from(pairs, row[step], picture[step])
    measures = pairs.measures[row[step]].copy()
    source = order[np.searchsorted(clusters.members[order], member[step])]
    for edges, inward in ((clusters.edges[source], True), (clusters.edges[target], False)):
        not_medoid = np.flatnonzero(edges >= 0)
        edge = edges[not_medoid]
        start = (member[step] if inward else other)[not_medoid]
        step_map = _maps_from(pairs, edge, start)
        maps[not_medoid] = compose(maps[not_medoid], step_map if inward else invert(step_map))
        less = pairs.measures[edge, 1] < measures[not_medoid, 1]
        measures[not_medoid[less]] = pairs.measures[edge[less]]
    swap = picture[step] > other
    maps[swap] = invert(maps[swap])
    found = Pairs(
        np.minimum(picture[step], other),
        np.maximum(picture[step], other),
        np.zeros(len(step), np.int64),
        nearest_orientation(maps),
        np.full(len(step), PART_OF, np.uint8),
        measures,
        maps,
        np.zeros(len(step), np.bool_),
        np.zeros((len(step), DETAILS), np.uint8),
    )
    return found.take(_unrelated_so_far(found, pairs))


def _maps_from(pairs: Pairs, rows: Int64s, image: Int64s) -> Float64s:
    """Return the maps of pairs from one of their images to the other, float64 (k, 6)."""
    maps = pairs.maps[rows].copy()
    backward = pairs.first[rows] != image
    maps[backward] = invert(maps[backward])
    return maps


def _unrelated_so_far(found: Pairs, pairs: Pairs) -> Int64s:
    """Return the first row of each pair that is not known to be related."""
    known = pairs.take(np.isin(pairs.status, RELATED))
    n = 1 + max(int(each.max(initial=0)) for each in (found.second, known.first, known.second))
    keys = found.first * n + found.second
    ends = np.minimum(known.first, known.second), np.maximum(known.first, known.second)
    first: Int64s = np.unique(keys, return_index=True)[1].astype(np.int64)
    return first[~np.isin(keys[first], ends[0] * n + ends[1])]
