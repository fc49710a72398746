"""Choose which of several takes of one scene a copy is joined with.

A small or captioned copy may agree with several takes: motion is lost at its size, or looks like
another edit. It joins the take that it agrees with best. Takes are recognized by the cameras'
clocks, or by pairs that were compared.
"""

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Int64s
from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.matching.candidates import ranks_in_groups
from imgurer_kernel.matching.pair_table import ANOTHER_TAKE, UNTESTED, Pairs
from imgurer_kernel.matching.takes import same_view, times_differ

# Nearest pairs of an image within its star that are compared to find takes in it.
_NEAREST = 16
# Of 54 copies of a striped garment 43 of 1,431 pairs are called takes, each with some 45 common
# copies and fewer than eight of one side only; two takes with five copies each have more of these.
_MANY, _TIMES = 8, 4


def without_other_takes(pairs: Pairs, proven: Int64s, times: Int64s | None) -> Int64s:
    """Drop pairs that would join a copy with a take that it does not agree with best.

    Parameters
    ----------
    pairs
        All pairs of images 0..n-1.
    proven
        int64 (k,), ascending: rows of those that are the same.
    times
        int64 (n,): when the images were taken, in seconds; 0 if unknown. None if all are unknown.

    Returns
    -------
    int64, ascending: the rows that are left.
    """
    if times is not None and len(proven):
        proven = _drop_other_times(pairs, proven, times)
    takes = _comparable_takes(pairs, np.flatnonzero(pairs.status == ANOTHER_TAKE))
    while len(takes) and len(proven):
        # The two images of a dropped pair are takes themselves: repeat with these.
        takes = _conflicting_pairs(pairs, proven, takes)
        is_dropped = np.zeros(len(pairs), np.bool_)
        is_dropped[takes] = True
        proven = proven[~is_dropped[proven]]
        takes = _comparable_takes(pairs, takes)
    return proven


def untested_among_takes(pairs: Pairs, medoid: Int64s) -> Int64s:
    """Choose untested pairs within stars, of images that have other takes, ascending.

    Other pairs within a star change no cluster. Few pairs of each image are chosen, since a scene
    may have thousands of frames.

    Parameters
    ----------
    pairs
        All pairs of images 0..n-1.
    medoid
        int64 (n,): the medoid of the star of each.
    """
    takes = _comparable_takes(pairs, np.flatnonzero(pairs.status == ANOTHER_TAKE))
    has_takes = np.zeros(len(medoid), np.bool_)
    has_takes[pairs.first[takes]] = has_takes[pairs.second[takes]] = True
    within = medoid[pairs.first] == medoid[pairs.second]
    rows = np.flatnonzero(within & has_takes[pairs.first] & has_takes[pairs.second])
    if not len(rows):
        return rows
    near = np.zeros(len(rows), np.bool_)
    for end in (pairs.first[rows], pairs.second[rows]):
        order = np.lexsort((rows, pairs.distance[rows], end))
        near[order] |= ranks_in_groups(group_starts(end[order])) < _NEAREST
    chosen: Int64s = rows[near & (pairs.status[rows] == UNTESTED)]
    return chosen


def _comparable_takes(pairs: Pairs, rows: Int64s) -> Int64s:
    """Keep the rows of takes that agree as copies do, and show the scene from one place.

    Stickers on two copies may look like motion, but reduce the agreement more.
    """
    agreement, overlap = pairs.measures[rows, 1], pairs.measures[rows, 2]
    comparable: Int64s = rows[(agreement >= AGREEMENT) & same_view(pairs.maps[rows], overlap)]
    return comparable


def _drop_other_times(pairs: Pairs, proven: Int64s, times: Int64s) -> Int64s:
    """Drop pairs of an image of unknown time with takes of another time than its best pair has."""
    first, second = (times[end[proven]] for end in (pairs.first, pairs.second))
    one_known = np.flatnonzero((first == 0) != (second == 0))
    rows = proven[one_known]
    untimed = np.where(first[one_known] == 0, pairs.first[rows], pairs.second[rows])
    time = np.maximum(first[one_known], second[one_known])
    likeness = pairs.measures[rows, :2].sum(axis=1)
    order = np.lexsort((rows, -likeness, untimed))
    _, first_of_each = np.unique(untimed[order], return_index=True)
    best = np.zeros(len(times), np.int64)
    best[untimed[order[first_of_each]]] = time[order[first_of_each]]
    return np.delete(proven, one_known[times_differ(time, best[untimed])])


def _conflicting_pairs(pairs: Pairs, proven: Int64s, takes: Int64s) -> Int64s:
    """List the weaker of two proven pairs of an image with two takes, if the takes agree better.

    If they agree less, they may be two edits of that image. Of 6,500 pairs of edits of
    photographs 3 are dropped, and 17 if takes count that agree less by 0.02.
    """
    n = 1 + int(max(pairs.first.max(), pairs.second.max()))
    # Only pairs of images that are takes matter: mostly few of all.
    is_take = np.zeros(n, np.bool_)
    is_take[pairs.first[takes]] = is_take[pairs.second[takes]] = True
    proven = proven[is_take[pairs.first[proven]] | is_take[pairs.second[proven]]]
    if not len(proven):
        return proven
    same = _Neighbors(pairs, proven, n)
    takes = takes[~_outvoted(pairs, takes, same, _Neighbors(pairs, takes, n))]
    take, row_with_one, row_with_other = same.common(pairs.first[takes], pairs.second[takes], same)
    take = takes[take]
    # Break ties by the images: the order of rows depends on the order of comparisons.
    agreement, other_agreement = (
        pairs.measures[rows, 1] for rows in (row_with_one, row_with_other)
    )
    number, other_number = (
        pairs.first[rows] * n + pairs.second[rows] for rows in (row_with_one, row_with_other)
    )
    is_weaker = agreement < other_agreement
    is_weaker |= (agreement == other_agreement) & (number > other_number)
    weaker = np.where(is_weaker, row_with_one, row_with_other)
    return np.unique(weaker[pairs.measures[take, 1] >= pairs.measures[weaker, 1]])


def _outvoted(pairs: Pairs, takes: Int64s, same: "_Neighbors", taken: "_Neighbors") -> BoolMask:
    """Mark takes of which many images are the same as both, and few as only one, bool (k,).

    Two copies of one picture, of which one is blurred and one turned, may be called takes: then
    nearly all other copies are the same as both. Of two takes each has copies that are not.
    """
    one, other = pairs.first[takes], pairs.second[takes]
    same_as_both = np.bincount(same.common(one, other, same)[0], minlength=len(takes))
    only_one = np.bincount(same.common(one, other, taken)[0], minlength=len(takes))
    only_one += np.bincount(same.common(other, one, taken)[0], minlength=len(takes))
    outvoted: BoolMask = (same_as_both >= _MANY) & (same_as_both > _TIMES * only_one)
    return outvoted


class _Neighbors:
    """Edges between images 0..n-1, to look up neighbors.

    Parameters
    ----------
    pairs, rows
        All pairs, and the rows of those that are edges.
    n
        Number of images.
    """

    def __init__(self, pairs: Pairs, rows: Int64s, n: int) -> None:
        ends = np.concatenate((pairs.first[rows], pairs.second[rows]))
        others = np.concatenate((pairs.second[rows], pairs.first[rows]))
        key = ends * n + others
        order = np.argsort(key)
        self._n, self.key, self._others = n, key[order], others[order]
        self.row = np.concatenate((rows, rows))[order]
        self._degree = np.bincount(ends, minlength=n)
        self._start = np.cumsum(self._degree) - self._degree

    def common(
        self, one: Int64s, other: Int64s, graph: "_Neighbors"
    ) -> tuple[Int64s, Int64s, Int64s]:
        """List neighbors of `one` here that are neighbors of `other` in a graph.

        Returns
        -------
        int64 (m,) each: which of the k pairs of images, the row of the edge here and of the other.
        """
        count = self._degree[one]
        pair = np.repeat(np.arange(len(one)), count)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
        place += self._start[one[pair]]
        wanted = other[pair] * self._n + self._others[place]
        found = np.minimum(np.searchsorted(graph.key, wanted), len(graph.key) - 1)
        both = graph.key[found] == wanted
        return pair[both], self.row[place[both]], graph.row[found[both]]
