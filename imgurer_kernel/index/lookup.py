"""Bulk search: every near pair between two sets of hashes, or within one, exactly.

There may be more pairs than fit into memory, so `matches` and `pairs` yield them in chunks;
`neighbors` concatenates the chunks for callers who know that they fit. Equal hashes are grouped
first. `imgurer_kernel.index.engine` chooses the engine; all give the same result. For single
queries against the same hashes a `BKTree` is faster.
"""

from collections.abc import Iterator

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.index import bulk
from imgurer_kernel.index.engine import EnginePlan, plan_bulk, worth_grouping, worth_loading
from imgurer_kernel.index.hash_arrays import (
    Groups,
    NearPairs,
    as_hashes,
    as_radius,
    group_each,
    group_equal,
    scan,
    scan_many,
)

# Most pairs in one chunk, 17 bytes each.
_CHUNK = 1 << 20


def matches(
    hashes: object, queries: object, radius: int, *, progress: Progress | None = None
) -> Iterator[NearPairs]:
    """Yield all pairs of a query and a hash within a Hamming radius, in chunks.

    To stop early, close or abandon the iterator: nothing continues in the background.

    Parameters
    ----------
    hashes, queries
        (n, 2) and (q, 2) uint64, row hash first; less than 2**32 of each.
    radius
        0..128 bits.
    progress
        Called repeatedly by the thread that iterates; may raise to stop.

    Yields
    ------
    query_index, hash_index, distance
        (k,) int64, int64 and uint8, at most a million. Each pair is in one chunk; the order is
        the same in each run, but arbitrary.

    Raises
    ------
    InvalidRadius
        If the radius is not a whole number from 0 to 128.
    QueryError
        If an array is not of uint64 and shape (n, 2).
    """
    hashes, queries = as_hashes(hashes), as_hashes(queries, "queries")
    return _matches(hashes, queries, as_radius(radius), progress)


def prepare(pairs: int) -> None:
    """Load compiled functions before searches that compare this many pairs in all, if that pays.

    Otherwise each of many small searches would use numpy, which takes several times as long.
    """
    if worth_loading(pairs):
        bulk.compile_all()


def _matches(
    hashes: UInt64s, queries: UInt64s, radius: int, progress: Progress | None
) -> Iterator[NearPairs]:
    if not len(hashes) or not len(queries):
        return
    group = group_equal if worth_grouping(len(hashes), len(queries)) else group_each
    hash_groups = group(hashes[:, 0], hashes[:, 1])
    query_groups = group(queries[:, 0], queries[:, 1])
    for i, j, distance in _near_groups(hash_groups, query_groups, radius, progress):
        yield from _member_pairs(query_groups, hash_groups, i, j, distance)


def neighbors(
    hashes: object, queries: object, radius: int, *, progress: Progress | None = None
) -> NearPairs:
    """Find all pairs of a query and a hash within a Hamming radius.

    Parameters, errors and the arrays are those of `matches`, in one chunk, ordered by query,
    distance and hash index.

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0b111, 0], [0, 1]], dtype=np.uint64)
    >>> query, position, distance = neighbors(hashes, hashes[:1], radius=1)
    >>> query.tolist(), position.tolist(), distance.tolist()
    ([0, 0], [0, 2], [0, 1])
    """
    parts = list(matches(hashes, queries, radius, progress=progress))
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)
    query, position, distance = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((position, distance, query))
    return query[order], position[order], distance[order]


def pairs(hashes: object, radius: int, *, progress: Progress | None = None) -> Iterator[NearPairs]:
    """Yield all pairs of hashes within a Hamming radius of each other, in chunks.

    Parameters and errors as in `matches`.

    Yields
    ------
    i, j, distance
        (k,) int64, int64 and uint8, at most a million, with i < j. Each pair is in one chunk; the
        order is the same in each run, but arbitrary.

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0b111, 0], [0, 1]], dtype=np.uint64)
    >>> [(i.tolist(), j.tolist()) for i, j, distance in pairs(hashes, radius=1)]
    [([0], [2])]
    """
    hashes = as_hashes(hashes)
    return _pairs(hashes, as_radius(radius), progress)


def _pairs(hashes: UInt64s, radius: int, progress: Progress | None) -> Iterator[NearPairs]:
    group = group_equal if worth_grouping(len(hashes), None) else group_each
    groups = group(hashes[:, 0], hashes[:, 1])
    yield from _equal_pairs(groups)
    if len(groups) < 2:
        return
    for i, j, distance in _near_groups(groups, None, radius, progress):
        for first, second, bits in _member_pairs(groups, groups, i, j, distance):
            yield np.minimum(first, second), np.maximum(first, second), bits


def components(hashes: object, radius: int, *, progress: Progress | None = None) -> Int64s:
    """Label connected components of the graph of pairs within a Hamming radius (single linkage).

    It does not enumerate all pairs: dense regions are searched by flooding, and a hash that was
    reached once is not compared again.

    Parameters and errors as in `matches`.

    Returns
    -------
    labels
        int64 (n,): 0, 1, 2 ... in the order in which the components first occur.

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0b111, 0], [0, 1], [0b111, 1]], dtype=np.uint64)
    >>> components(hashes, radius=1)
    array([0, 1, 0, 1])
    """
    hashes, radius = as_hashes(hashes), as_radius(radius)
    groups = group_equal(hashes[:, 0], hashes[:, 1])
    plan = plan_bulk(_words(groups), None, radius) if len(groups) > 1 else None
    if plan is None or plan.engine == "scan":
        return _number_by_first(_components_by_scan(groups, radius), groups)
    from imgurer_kernel.index._numba.components import number

    parent = bulk.union_find(groups, radius, plan.chunking, progress)
    labels = np.empty(len(hashes), np.int64)
    number(parent, groups.starts, groups.members, labels)
    return labels


def _words(groups: Groups) -> UInt64s:
    """Put the words of the groups side by side, (g, 2)."""
    return np.column_stack((groups.row, groups.column))


def _near_groups(
    hashes: Groups, queries: Groups | None, radius: int, progress: Progress | None
) -> Iterator[NearPairs]:
    """Find the groups that are near each other, by the planned engine."""
    words = None if queries is None else _words(queries)
    plan = plan_bulk(_words(hashes), words, radius)
    if plan.engine == "scan":
        others = _words(hashes) if words is None else words
        yield from scan_many(hashes.row, hashes.column, others, radius, later=words is None)
        return
    for i, j, distance in _compiled(plan, hashes, queries, radius, progress):
        yield i.astype(np.int64), j.astype(np.int64), distance


def _compiled(
    plan: EnginePlan,
    hashes: Groups,
    queries: Groups | None,
    radius: int,
    progress: Progress | None,
) -> Iterator[bulk.PairChunk]:
    if plan.chunking is None:
        return bulk.scan(hashes, queries, radius, progress)
    return bulk.join(hashes, queries, radius, plan.chunking, progress)


def _member_pairs(
    one: Groups, other: Groups, i: Int64s, j: Int64s, distance: UInt8s
) -> Iterator[NearPairs]:
    """Yield all pairs of a member of group i and one of group j, in chunks."""
    if len(one) == len(one.members) and len(other) == len(other.members):
        for start in range(0, len(i), _CHUNK):
            part = slice(start, start + _CHUNK)
            yield one.members[i[part]], other.members[j[part]], distance[part]
        return
    width = other.sizes[j]
    for choice, within in _count_up(one.sizes[i] * width):
        row, column = np.divmod(within, width[choice])
        first = one.members[one.starts[i[choice]] + row]
        yield first, other.members[other.starts[j[choice]] + column], distance[choice]


def _equal_pairs(groups: Groups) -> Iterator[NearPairs]:
    """Yield all pairs of equal hashes, in chunks."""
    if len(groups) == len(groups.members):
        return
    # Each member is paired with each later one of its group.
    ends = np.repeat(groups.starts[1:], groups.sizes)
    for place, beyond in _count_up(ends - np.arange(len(ends)) - 1):
        i, j = groups.members[place], groups.members[place + 1 + beyond]
        yield i, j, np.zeros(len(i), np.uint8)


def _count_up(counts: Int64s) -> Iterator[tuple[Int64s, Int64s]]:
    """Yield each k repeated ``counts[k]`` times, with 0, 1, 2 ... beside it, in chunks."""
    ends = np.cumsum(counts)
    for start in range(0, int(ends[-1]) if len(ends) else 0, _CHUNK):
        flat = np.arange(start, min(start + _CHUNK, int(ends[-1])))
        number = np.searchsorted(ends, flat, side="right")
        yield number, flat - (ends - counts)[number]


def _components_by_scan(groups: Groups, radius: int) -> Int64s:
    """Find the component of each group by numpy; each group is reached only once."""
    left = np.arange(len(groups))
    row, column = groups.row, groups.column
    label = np.empty(len(groups), np.int64)
    while len(left):
        reached, seed = [int(left[0])], left[0]
        left, row, column = left[1:], row[1:], column[1:]
        while reached:
            at = reached.pop()
            label[at] = seed
            near, _ = scan(row, column, (int(groups.row[at]), int(groups.column[at])), radius)
            if len(near):
                reached += left[near].tolist()
                left = np.delete(left, near)
                row, column = np.delete(row, near), np.delete(column, near)
    return label


def _number_by_first(label: Int64s, groups: Groups) -> Int64s:
    """Number the labels of all members in the order in which they first occur."""
    labels = np.empty(len(groups.members), np.int64)
    labels[groups.members] = np.repeat(label, groups.sizes)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
