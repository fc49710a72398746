"""Decide which of two takes a copy of one of them is joined with.

A copy that is smaller, or written on, may agree with several takes of one scene: what moved is lost
in it, or taken for another edit. It joins the one that it is most like. Which pictures are takes is
known by the cameras' clocks, or from pairs that were compared.
"""

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.matching.candidates import ranks_in_groups
from imgurer_kernel.matching.pair_table import ANOTHER_TAKE, UNTESTED, Pairs
from imgurer_kernel.matching.takes import same_view, times_differ

# Nearest pairs of an image within its star that are compared to find takes in it.
_NEAREST = 16


def without_other_takes(pairs: Pairs, proven: Int64s, times: Int64s | None) -> Int64s:
    """Drop pairs that would join a copy with other takes than the one it is most like.

    Parameters
    ----------
    pairs
        All pairs of images 0..n-1.
    proven
        int64 (k,), ascending: rows of those that are the same.
    times
        int64 (n,): when the images were taken, in seconds; 0 where it is not known. None for
        nowhere.

    Returns
    -------
    int64, ascending: the rows that are left.
    """
    if times is not None and len(proven):
        proven = _without_other_times(pairs, proven, times)
    takes = _sure(pairs, np.flatnonzero(pairs.status == ANOTHER_TAKE))
    while len(takes) and len(proven):
        # What is no copy of a take is another take of its copies, too.
        takes = _between_takes(pairs, proven, takes)
        proven = np.setdiff1d(proven, takes)
        takes = _sure(pairs, takes)
    return proven


def untested_among_takes(pairs: Pairs, medoid: Int64s) -> Int64s:
    """Choose untested pairs within stars, of images of which there are other takes, ascending.

    Other pairs within a star change no cluster. Few of each image are chosen: a scene may have
    thousands of frames.

    Parameters
    ----------
    pairs
        All pairs of images 0..n-1.
    medoid
        int64 (n,): the medoid of the star of each.
    """
    takes = _sure(pairs, np.flatnonzero(pairs.status == ANOTHER_TAKE))
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


def _sure(pairs: Pairs, rows: Int64s) -> Int64s:
    """Keep the rows of other takes that agree as copies do, seen from one place.

    Stickers on two copies may look like something that has moved, but take more of the agreement.
    """
    agreement, overlap = pairs.measures[rows, 1], pairs.measures[rows, 2]
    sure: Int64s = rows[(agreement >= AGREEMENT) & same_view(pairs.maps[rows], overlap)]
    return sure


def _without_other_times(pairs: Pairs, proven: Int64s, times: Int64s) -> Int64s:
    """Drop pairs of an image without a time with takes of another time than of its best pair."""
    first, second = (times[end[proven]] for end in (pairs.first, pairs.second))
    half = np.flatnonzero((first == 0) != (second == 0))
    rows = proven[half]
    without = np.where(first[half] == 0, pairs.first[rows], pairs.second[rows])
    time = np.maximum(first[half], second[half])
    likeness = pairs.measures[rows, :2].sum(axis=1)
    order = np.lexsort((rows, -likeness, without))
    _, start = np.unique(without[order], return_index=True)
    best = np.zeros(len(times), np.int64)
    best[without[order[start]]] = time[order[start]]
    return np.delete(proven, half[times_differ(time, best[without])])


def _between_takes(pairs: Pairs, proven: Int64s, takes: Int64s) -> Int64s:
    """List the weaker of two proven pairs of one image with two takes, if these agree better.

    Where they agree less, each may be a copy of that image with another edit. Of 6,500 pairs of
    edits of photographs 3 are dropped, and 17 if takes count that agree less by 0.02.
    """
    agreement = pairs.measures[:, 1].astype(np.float64)
    n = 1 + int(max(pairs.first.max(), pairs.second.max()))
    ends = np.concatenate((pairs.first[proven], pairs.second[proven]))
    others = np.concatenate((pairs.second[proven], pairs.first[proven]))
    key = ends * n + others
    order = np.argsort(key)
    key, others, row = key[order], others[order], np.concatenate((proven, proven))[order]
    degree = np.bincount(ends, minlength=n)
    start = np.cumsum(degree) - degree
    one, other = pairs.first[takes], pairs.second[takes]
    swap = degree[one] > degree[other]
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    some = degree[one] > 0
    one, other, takes = one[some], other[some], takes[some]
    # All neighbors of the one, those of each take together.
    take = np.repeat(np.arange(len(takes)), degree[one])
    place = np.arange(len(take)) - np.repeat(np.cumsum(degree[one]) - degree[one], degree[one])
    place += start[one[take]]
    wanted = other[take] * n + others[place]
    found = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    both = key[found] == wanted
    mine, theirs, take = row[place[both]], row[found[both]], takes[take[both]]
    # Equal ones by the images themselves: rows depend on what was compared first.
    number = pairs.first * n + pairs.second
    less = agreement[mine] < agreement[theirs]
    less |= (agreement[mine] == agreement[theirs]) & (number[mine] > number[theirs])
    weaker = np.where(less, mine, theirs)
    return np.unique(weaker[agreement[take] >= agreement[weaker]])
