"""Inner loops of multi-index hashing: permuted bits, tables by chunk, joins and components.

A chunk has `width` of the 128 bits from bit `offset` on, after the bits are permuted. A table has
the hashes in the order of their chunk: those with chunk value v are ``starts[v]`` to
``starts[v + 1]``.
"""

# The signature given to `compiled` is the type; such a function takes arrays and numbers only.
# mypy: disable-error-code="no-untyped-def, untyped-decorator"
# ruff: noqa: ANN001, ANN202, C901, PLR0912, PLR0913, PLR0917

import numpy as np
from numba import njit

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.index._numba.popcount import hamming, popcount

# Hashes that are compared at a time, and the least number for which a vectorized sweep comes first.
_BLOCK = 256
_SWEEP = 16


@compiled("void(uint64[::1], uint64[::1], uint64[:, :, ::1], uint64[::1], uint64[::1])")
def permute(row, column, lookup, row_out, column_out):
    """Permute the bits of each hash; ``lookup[k, byte]`` has the permuted bits of byte k."""
    for i in range(row.size):
        low, high = np.uint64(0), np.uint64(0)
        for k in range(8):
            byte = (row[i] >> np.uint64(8 * k)) & np.uint64(255)
            low |= lookup[k, byte, 0]
            high |= lookup[k, byte, 1]
            byte = (column[i] >> np.uint64(8 * k)) & np.uint64(255)
            low |= lookup[8 + k, byte, 0]
            high |= lookup[8 + k, byte, 1]
        row_out[i] = low
        column_out[i] = high


@njit
def _chunk(row, column, offset, width):
    """Extract a chunk, which may span both words, from a hash."""
    if offset >= 64:
        value = column >> np.uint64(offset - 64)
    elif offset + width <= 64:
        value = row >> np.uint64(offset)
    else:
        value = (row >> np.uint64(offset)) | (column << np.uint64(64 - offset))
    return value & ((np.uint64(1) << np.uint64(width)) - np.uint64(1))


@compiled(
    "void(uint64[::1], uint64[::1], int64, int64, uint32[::1], uint32[::1], uint64[::1], "
    "uint64[::1])"
)
def table(row, column, offset, width, starts, members, row_out, column_out):
    """Sort by a chunk (counting sort); `starts` has 2**width + 2 entries, the last unused."""
    for v in range(starts.size):
        starts[v] = 0
    for i in range(row.size):
        starts[_chunk(row[i], column[i], offset, width) + np.uint64(2)] += np.uint32(1)
    for v in range(2, starts.size):
        starts[v] += starts[v - 1]
    for i in range(row.size):
        value = _chunk(row[i], column[i], offset, width) + np.uint64(1)
        to = starts[value]
        starts[value] = to + np.uint32(1)
        members[to] = i
        row_out[to] = row[i]
        column_out[to] = column[i]


@njit
def _found_before(row, column, chunk, offsets, widths, radii):
    """Return whether the table of an earlier chunk also finds a pair with these differing bits."""
    for k in range(chunk):
        bits = popcount(_chunk(row, column, offsets[k], widths[k]))
        if np.int64(bits) <= radii[k]:
            return True
    return False


@compiled(
    "int64(uint64[::1], uint64[::1], uint32[::1], uint32[::1], "
    "uint64[::1], uint64[::1], uint32[::1], uint32[::1], "
    "uint32[::1], int64, int64[::1], int64[::1], int64[::1], int64, boolean, int64, int64, "
    "int64[::1], uint32[::1], uint32[::1], uint8[::1])"
)
def join(
    row, column, members, starts,
    query_row, query_column, query_members, query_starts,
    masks, chunk, offsets, widths, radii, radius, within, step, end,
    state, query_out, hash_out, distance_out,
):  # fmt: skip
    """Find pairs within a radius whose chunks differ by one of the masks, until results are full.

    Processes query buckets up to `end`, `step` of them at a time, so that the hashes they are
    compared with stay in the cache. Starts and continues from `state`: block, mask, bucket, query,
    hash; it is done when it returns with ``state[0] == end``. The result arrays have space for 256
    results or more. With `within` the queries are the hashes themselves; each pair is found once.
    """
    count, limit = 0, np.uint64(radius)
    block, t, v, x, y = state[0], state[1], state[2], state[3], state[4]
    while block < end:
        while t < masks.size:
            mask = np.int64(masks[t])
            v = max(v, block)
            while v < min(block + step, end):
                u = v ^ mask
                first, last = np.int64(query_starts[v]), np.int64(query_starts[v + 1])
                low, high = np.int64(starts[u]), np.int64(starts[u + 1])
                if first == last or low == high or (within and u < v):
                    v += 1
                    continue
                x = max(x, first)
                while x < last:
                    a, b = query_row[x], query_column[x]
                    y = max(y, x + 1 if within and mask == 0 else low)
                    while y < high:
                        if count + _BLOCK > query_out.size:
                            state[0], state[1], state[2], state[3], state[4] = block, t, v, x, y
                            return count
                        rows, columns = row[y : y + _BLOCK], column[y : y + _BLOCK]
                        size = min(_BLOCK, high - y)
                        if size >= _SWEEP:
                            hits = np.uint64(0)
                            for i in range(size):
                                hits += np.uint64(hamming(rows[i], columns[i], a, b) <= limit)
                            if hits == 0:
                                y += size
                                continue
                        for i in range(size):
                            bits = popcount(rows[i] ^ a)
                            if bits > limit:
                                continue
                            bits += popcount(columns[i] ^ b)
                            if bits > limit or _found_before(
                                rows[i] ^ a, columns[i] ^ b, chunk, offsets, widths, radii
                            ):
                                continue
                            query_out[count] = query_members[x]
                            hash_out[count] = members[y + i]
                            distance_out[count] = bits
                            count += 1
                        y += size
                    x += 1
                    y = 0
                v += 1
                x = 0
            t += 1
            v = 0
        block += step
        t = 0
    state[0], state[1], state[2], state[3], state[4] = end, 0, 0, 0, 0
    return count
