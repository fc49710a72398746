"""Look at every hash: for one query, or for a block of queries at a time."""

# The signature given to `compiled` is the type; a kernel takes all it works on as arguments.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN201, PLR0913, PLR0917

import numpy as np
from numba import njit

from imgurer_kernel.kernels.compiling import compiled
from imgurer_kernel.kernels.popcount import hamming

# Hashes that are counted in one vectorised sweep before any of them is looked at again.
_SWEEP = 512


@njit
def scan_range(row, column, query_row, query_column, radius, start, end, found, near, distance):
    """Append hashes start..end that are near to the results; count on where these are full."""
    for first in range(start, end, _SWEEP):
        # Views that are indexed from 0 vectorise: three times as fast as an index from `first`,
        # which might be negative as far as the compiler knows.
        rows = row[first : min(first + _SWEEP, end)]
        columns = column[first : min(first + _SWEEP, end)]
        hits = np.uint64(0)
        for i in range(rows.size):
            hits += np.uint64(hamming(rows[i], columns[i], query_row, query_column) <= radius)
        if hits == 0:
            continue
        for i in range(rows.size):
            bits = hamming(rows[i], columns[i], query_row, query_column)
            if bits <= radius:
                if found < near.size:
                    near[found] = first + i
                    distance[found] = bits
                found += 1
    return found


@compiled("int64(uint64[::1], uint64[::1], uint64, uint64, int64, int64[::1], uint8[::1])")
def scan_one(row, column, query_row, query_column, radius, near, distance):
    """Find all hashes within a radius of one.

    Returns how many there are; positions and distances are written as far as there is room.
    """
    return scan_range(
        row, column, query_row, query_column, np.uint64(radius), 0, row.size, 0, near, distance
    )
