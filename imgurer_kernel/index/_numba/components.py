"""Connected components by union-find over the tables of multi-index hashing.

A bucket in which most hashes are near each other has a quadratic number of pairs. Large buckets are
therefore flooded: hashes near a query are united with it, removed from the bucket, and only used as
queries from then on, so that the work is linear there.
"""

# The signature given to `compiled` is the type; such a function takes arrays and numbers only.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, C901, PLR0913, PLR0917

import numpy as np
from numba import njit

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.index._numba.popcount import hamming, popcount

# Hashes that are counted in one vectorized sweep before any of them is tested one by one.
_SWEEP = 256

# Two buckets are compared pair by pair if none has more hashes than this, otherwise by `_absorb`.
_DENSE = 256


@njit
def _root(parent, i):
    """Find the root of a tree, with path halving."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = np.int64(parent[i])
    return i


@njit
def _unite(parent, i, j):
    """Unite two trees; the smaller root becomes the common one, so that order does not matter."""
    i, j = _root(parent, i), _root(parent, j)
    if i < j:
        parent[j] = i
    elif j < i:
        parent[i] = j


@njit
def _copy(row, column, members, start, end, row_copy, column_copy, members_copy):
    """Copy a bucket, since `_absorb` changes its order."""
    for i in range(end - start):
        row_copy[i] = row[start + i]
        column_copy[i] = column[start + i]
        members_copy[i] = members[start + i]


@njit
def _absorb(query_row, query_column, name, limit, row, column, members, left, parent):
    """Unite a query with the near ones of the first `left` hashes, and move these to the end.

    Returns the number of hashes left.
    """
    i = 0
    while i < left:
        stop = min(i + _SWEEP, left)
        rows, columns = row[i:stop], column[i:stop]
        hits = np.uint64(0)
        for k in range(rows.size):
            hits += np.uint64(hamming(rows[k], columns[k], query_row, query_column) <= limit)
        if hits == 0:
            i = stop
            continue
        while i < min(stop, left):
            if hamming(row[i], column[i], query_row, query_column) > limit:
                i += 1
                continue
            _unite(parent, name, np.int64(members[i]))
            left -= 1
            row[i], row[left] = row[left], row[i]
            column[i], column[left] = column[left], column[i]
            members[i], members[left] = members[left], members[i]
    return left


@njit
def _flood(row, column, members, size, limit, parent):
    """Find the components of one bucket.

    Hashes 0..left are not reached yet, those from `left` to `done` are reached and are not yet
    queried, and those from `done` on were queried.
    """
    left = done = size
    while left > 0:
        if done == left:
            left -= 1  # all reached hashes were queried: begin a new component
        done -= 1
        name = np.int64(members[done])
        left = _absorb(row[done], column[done], name, limit, row, column, members, left, parent)


@njit
def _flood_two(row, column, members, size, row2, column2, members2, size2, limit, parent):
    """Find the components of the pairs across two buckets; see `_flood`."""
    left = done = size
    left2 = done2 = size2
    while True:
        if done > left:
            done -= 1
            name = np.int64(members[done])
            left2 = _absorb(
                row[done], column[done], name, limit, row2, column2, members2, left2, parent
            )
        elif done2 > left2:
            done2 -= 1
            name = np.int64(members2[done2])
            left = _absorb(
                row2[done2], column2[done2], name, limit, row, column, members, left, parent
            )
        elif left > 0 and left2 > 0:
            left -= 1
        else:
            return


@compiled(
    "void(uint64[::1], uint64[::1], uint32[::1], uint32[::1], uint32[::1], int64, int64, int64, "
    "int64, uint64[:, ::1], uint32[:, ::1], uint32[::1])"
)
def connect(
    row, column, members, starts, masks, radius, step, begin, end, words, names, parent
):  # fmt: skip
    """Unite all pairs within a radius whose chunks differ by one of the masks.

    Processes the buckets from `begin` to `end`, `step` of them at a time, so that the hashes they
    are compared with stay in the cache. `words` (4, b) and `names` (2, b) have space for two of the
    largest buckets. The root of i in `parent` is the smallest hash that i is united with.
    """
    limit = np.uint64(radius)
    for block in range(begin, end, step):
        for t in range(masks.size):
            mask = np.int64(masks[t])
            for v in range(block, min(block + step, end)):
                u = v ^ mask
                first, last = np.int64(starts[v]), np.int64(starts[v + 1])
                low, high = np.int64(starts[u]), np.int64(starts[u + 1])
                if first == last or low == high or u < v:  # each pair (u, v) once
                    continue
                if max(last - first, high - low) > _DENSE:
                    _copy(row, column, members, first, last, words[0], words[1], names[0])
                    if u == v:
                        _flood(words[0], words[1], names[0], last - first, limit, parent)
                        continue
                    _copy(row, column, members, low, high, words[2], words[3], names[1])
                    _flood_two(
                        words[0], words[1], names[0], last - first,
                        words[2], words[3], names[1], high - low, limit, parent,
                    )  # fmt: skip
                    continue
                for x in range(first, last):
                    a, b = row[x], column[x]
                    begin_y = x + 1 if mask == 0 else low
                    rows, columns = row[begin_y:high], column[begin_y:high]
                    if rows.size >= 16:
                        hits = np.uint64(0)
                        for i in range(rows.size):
                            hits += np.uint64(hamming(rows[i], columns[i], a, b) <= limit)
                        if hits == 0:
                            continue
                    for i in range(rows.size):
                        bits = popcount(rows[i] ^ a)
                        if bits <= limit and bits + popcount(columns[i] ^ b) <= limit:
                            _unite(
                                parent, np.int64(members[x]), np.int64(members[begin_y + i])
                            )  # fmt: skip


@compiled("void(uint32[::1], uint32[::1])")
def merge(parent, other):
    """Merge another forest into one."""
    for i in range(parent.size):
        _unite(parent, i, np.int64(other[i]))


@compiled("int64(uint32[::1], int64[::1], int64[::1], int64[::1])")
def number(parent, starts, members, labels):
    """Label the members of the groups by component, in the order in which these first occur.

    Group k has ``members[starts[k]:starts[k + 1]]``. Returns the number of components.
    """
    for k in range(parent.size):
        for i in range(starts[k], starts[k + 1]):
            labels[members[i]] = _root(parent, k)
    name = np.full(parent.size, -1, np.int64)
    count = 0
    for i in range(labels.size):
        if name[labels[i]] < 0:
            name[labels[i]] = count
            count += 1
        labels[i] = name[labels[i]]
    return count
