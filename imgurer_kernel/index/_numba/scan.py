"""Compare every hash with one query, or with a block of queries at a time."""

# The signature given to `compiled` is the type; such a function takes arrays and numbers only.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN202, ANN001, C901, PLR0913, PLR0917

import numpy as np
from numba import njit

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.index._numba.popcount import hamming, popcount

# Hashes that are counted in one vectorized sweep before any of them is tested one by one. Of 128 to
# 512 this was the fastest, in trees as well as in scans.
_SWEEP = 256

# Up to this radius a sweep reads row hashes only, half of the memory: few are near by these alone.
# For 1 million photo-like hashes a scan takes half the time within 12 bits, two thirds within 14,
# but twice the time within 16, where most sweeps contain a near row hash.
_ROWS_FIRST = 14

# Queries and hashes of which all pairs are compared at a time: both stay in the L1 cache.
_QUERIES = 256
_HASHES = 256


@njit
def scan_range(row, column, query_row, query_column, radius, start, end, found, near, distance):
    """Append near hashes of start..end to the results; if these are full, only count.

    `found` is the number of earlier results; `radius` is uint64. Returns the new number.
    """
    rows_first = radius <= _ROWS_FIRST
    for first in range(start, end, _SWEEP):
        # Views indexed from 0 are vectorized: three times as fast as an index from `first`, of
        # which the compiler does not know that it is not negative.
        rows = row[first : min(first + _SWEEP, end)]
        columns = column[first : min(first + _SWEEP, end)]
        hits = np.uint64(0)
        if rows_first:
            for i in range(rows.size):
                hits += np.uint64(popcount(rows[i] ^ query_row) <= radius)
        else:
            for i in range(rows.size):
                hits += np.uint64(hamming(rows[i], columns[i], query_row, query_column) <= radius)
        if hits == 0:
            continue
        for i in range(rows.size):
            bits = popcount(rows[i] ^ query_row)
            if bits > radius:
                continue
            bits += popcount(columns[i] ^ query_column)
            if bits <= radius:
                if found < near.size:
                    near[found] = first + i
                    distance[found] = bits
                found += 1
    return found


@compiled("int64(uint64[::1], uint64[::1], uint64, uint64, int64, int64[::1], uint8[::1])")
def scan_one(row, column, query_row, query_column, radius, near, distance):
    """Find all hashes within a radius of one.

    Returns their number; positions and distances are written as far as there is space.
    """
    return scan_range(
        row, column, query_row, query_column, np.uint64(radius), 0, row.size, 0, near, distance
    )


@compiled(
    "int64(uint64[::1], uint64[::1], uint64[::1], uint64[::1], int64, boolean, int64, "
    "int64[::1], uint32[::1], uint32[::1], uint8[::1])"
)
def scan_many(
    row, column, query_row, query_column, radius, within, end,
    state, query_out, hash_out, distance_out,
):  # fmt: skip
    """Find pairs of queries and hashes within a radius, until the results are full.

    Processes queries up to `end`, four at a time, which is a fifth faster than one. Starts and
    continues from `state`: block of queries, block of hashes, query; it is done when it returns
    with ``state[0] == end``. The result arrays have space for 1,024 results or more. With `within`
    the queries are the hashes themselves and each pair is found once.
    """
    count, limit = 0, np.uint64(radius)
    block, first, query = state[0], state[1], state[2]
    while block < end:
        stop = min(block + _QUERIES, end)
        if within:
            first = max(first, block // _HASHES * _HASHES)
        while first < row.size:
            rows, columns = row[first : first + _HASHES], column[first : first + _HASHES]
            query = max(query, block)
            while query < stop:
                if count + 4 * _HASHES > query_out.size:
                    state[0], state[1], state[2] = block, first, query
                    return count
                last = min(query + 4, stop)
                q1, q2, q3 = min(query + 1, last - 1), min(query + 2, last - 1), last - 1
                row0, row1, row2, row3 = (
                    query_row[query], query_row[q1], query_row[q2], query_row[q3],
                )  # fmt: skip
                column0, column1, column2, column3 = (
                    query_column[query], query_column[q1], query_column[q2], query_column[q3],
                )  # fmt: skip
                hits = np.uint64(0)
                for i in range(rows.size):
                    nearest = hamming(rows[i], columns[i], row0, column0)
                    nearest = min(nearest, hamming(rows[i], columns[i], row1, column1))
                    nearest = min(nearest, hamming(rows[i], columns[i], row2, column2))
                    nearest = min(nearest, hamming(rows[i], columns[i], row3, column3))
                    hits += np.uint64(nearest <= limit)
                if hits != 0:
                    for q in range(query, last):
                        for i in range(rows.size):
                            bits = popcount(rows[i] ^ query_row[q])
                            if bits > limit or (within and first + i <= q):
                                continue
                            bits += popcount(columns[i] ^ query_column[q])
                            if bits <= limit:
                                query_out[count] = q
                                hash_out[count] = first + i
                                distance_out[count] = bits
                                count += 1
                query += 4
            first += _HASHES
            query = 0
        block += _QUERIES
        first = 0
    state[0], state[1], state[2] = end, 0, 0
    return count
