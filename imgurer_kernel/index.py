"""Bulk search: every near pair between two sets of hashes, or within one, exactly.

The number of pairs may be far larger than the memory, so that `matches` and `pairs` yield them in
chunks; `neighbors` puts the chunks together for those who know that they fit.
"""

from collections.abc import Iterator

import numpy as np

from imgurer_kernel.hashes import (
    Distances,
    Indices,
    Words,
    as_hashes,
    as_radius,
    group,
    scan_many,
)

Chunk = tuple[Indices, Indices, Distances]

# Most pairs in one chunk, 17 bytes each.
_CHUNK = 1 << 20


def matches(hashes: object, queries: object, radius: int) -> Iterator[Chunk]:
    """Yield all pairs of a query and a hash within a Hamming radius, in chunks.

    Parameters
    ----------
    hashes, queries
        (n, 2) and (q, 2) uint64, row hash first.
    radius
        0..128 bits.

    Yields
    ------
    query_index, hash_index, distance
        (k,) int64, int64 and uint8; each pair is in one chunk.

    Raises
    ------
    InvalidRadius
        If the radius is no whole number from 0 to 128.
    QueryError
        If an array is not of uint64 and shape (n, 2).
    """
    hashes, queries = as_hashes(hashes), as_hashes(queries, "queries")
    return _matches(hashes, queries, as_radius(radius))


def _matches(hashes: Words, queries: Words, radius: int) -> Iterator[Chunk]:
    row, column = (np.ascontiguousarray(hashes[:, k]) for k in (0, 1))
    yield from scan_many(row, column, queries, radius)


def neighbors(hashes: object, queries: object, radius: int) -> Chunk:
    """All pairs of a query and a hash within a Hamming radius.

    Parameters, errors and the arrays are those of `matches`, in one chunk, ordered by query,
    distance and hash index.

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0b111, 0], [0, 1]], dtype=np.uint64)
    >>> query, position, distance = neighbors(hashes, hashes[:1], radius=1)
    >>> query.tolist(), position.tolist(), distance.tolist()
    ([0, 0], [0, 2], [0, 1])
    """
    query, position, distance = _joined(matches(hashes, queries, radius))
    order = np.lexsort((position, distance, query))
    return query[order], position[order], distance[order]


def pairs(hashes: object, radius: int) -> Iterator[Chunk]:
    """Yield all pairs of hashes within a Hamming radius of each other, in chunks.

    Parameters
    ----------
    hashes
        (n, 2) uint64, row hash first.
    radius
        0..128 bits.

    Yields
    ------
    i, j, distance
        (k,) int64, int64 and uint8, with i < j; each pair is in one chunk.

    Raises
    ------
    InvalidRadius, QueryError
        As `matches` does.

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0b111, 0], [0, 1]], dtype=np.uint64)
    >>> [(i.tolist(), j.tolist()) for i, j, distance in pairs(hashes, radius=1)]
    [([0], [2])]
    """
    hashes = as_hashes(hashes)
    return _pairs(hashes, as_radius(radius))


def _pairs(hashes: Words, radius: int) -> Iterator[Chunk]:
    row, column = (np.ascontiguousarray(hashes[:, k]) for k in (0, 1))
    yield from scan_many(row, column, hashes, radius, later=True)


def components(hashes: object, radius: int) -> Indices:
    """Connected components of the graph of pairs within a Hamming radius (single linkage).

    Parameters, errors: as `pairs` has them.

    Returns
    -------
    labels
        (n,) int64: 0, 1, 2 ... in the order in which the components first occur.

    Examples
    --------
    >>> hashes = np.array([[0, 0], [0b111, 0], [0, 1], [0b111, 1]], dtype=np.uint64)
    >>> components(hashes, radius=1)
    array([0, 1, 0, 1])
    """
    hashes, radius = as_hashes(hashes), as_radius(radius)
    groups = group(hashes[:, 0], hashes[:, 1])
    root = np.arange(len(groups))
    for i, j, _ in _pairs(np.column_stack((groups.row, groups.column)), radius):
        root = _hooked(root, i, j)
    labels = np.empty(len(hashes), np.int64)
    labels[groups.members] = np.repeat(root, groups.sizes)
    return _in_order(labels)


def _hooked(root: Indices, i: Indices, j: Indices) -> Indices:
    """Unite the trees of each pair; every element points at its root, the smallest."""
    while True:
        one, other = root[i], root[j]
        apart = one != other
        if not apart.any():
            return root
        i, j, one, other = i[apart], j[apart], one[apart], other[apart]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while (root[root] != root).any():
            root = root[root]


def _in_order(labels: Indices) -> Indices:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _joined(chunks: Iterator[Chunk]) -> Chunk:
    parts = list(chunks)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)
    query, position, distance = (np.concatenate(part) for part in zip(*parts, strict=True))
    return query, position, distance
