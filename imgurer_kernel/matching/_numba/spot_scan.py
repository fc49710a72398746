"""Look many stored spots up among a few new ones, in machine code.

Multi-index hashing in reverse: tables are made of the new spots, and the stored ones are read
once, in the order of their file. The 128 bits are moved and cut into chunks; a query
stands in the table of a chunk under every value within the chunk's radius of its own, so that a
stored hash looks at one place for each chunk. A bit for each value says whether anything is there.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"
# ruff: noqa: C901, PLR0913, PLR0917

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt32s, UInt64s
from imgurer_kernel.index._numba.popcount import popcount

_STORED = "Array(uint64, 3, 'C', readonly=True)"
_COUNT = "Array(uint8, 1, 'C', readonly=True)"


_SPREAD = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: multiplied by it, values are spread


@compiled("void(uint64, uint64, uint64[:, :, ::1], uint64[::1])")
def move(row: int, column: int, lookup: UInt64s, out: UInt64s) -> None:
    """Permute the bits of a hash; ``lookup[k, byte]`` has those of its byte k, as two words."""
    low, high = np.uint64(0), np.uint64(0)
    for k in range(8):
        byte = (row >> np.uint64(8 * k)) & np.uint64(255)
        low |= lookup[k, byte, 0]
        high |= lookup[k, byte, 1]
        byte = (column >> np.uint64(8 * k)) & np.uint64(255)
        low |= lookup[8 + k, byte, 0]
        high |= lookup[8 + k, byte, 1]
    out[0], out[1] = low, high


@compiled("void(uint64[:, ::1], uint64[:, :, ::1])")
def move_all(hashes: UInt64s, lookup: UInt64s) -> None:
    """Permute the bits of all hashes, uint64 (q, 2), in place."""
    for k in range(len(hashes)):
        move(hashes[k, 0], hashes[k, 1], lookup, hashes[k])


@compiled("uint64(uint64, uint64, int64, int64)")
def chunk_of(low: int, high: int, offset: int, width: int) -> int:
    """Extract a chunk, which may span both words, from a moved hash."""
    if offset >= 64:
        value = high >> np.uint64(offset - 64)
    elif offset + width <= 64:
        value = low >> np.uint64(offset)
    else:
        value = (low >> np.uint64(offset)) | (high << np.uint64(64 - offset))
    return value & ((np.uint64(1) << np.uint64(width)) - np.uint64(1))


@compiled("boolean(uint64, uint64, int64[:, ::1], int64)")
def in_earlier_chunk(low: int, high: int, chunks: Int64s, c: int) -> bool:
    """Return whether a chunk before `c` also finds a pair with these differing bits."""
    for d in range(c):
        differ = popcount(chunk_of(low, high, chunks[d, 0], chunks[d, 1]))
        if np.int64(differ) <= chunks[d, 2]:
            return True
    return False


@compiled(
    "void(uint64[:, ::1], int64, int64, uint32[::1], int64, int64, uint64[::1], uint32[::1], "
    "uint32[:], uint32[:])"
)
def fill(
    queries: UInt64s,
    offset: int,
    width: int,
    masks: UInt32s,
    bits: int,
    buckets: int,
    there: UInt64s,
    starts: UInt32s,
    value_of: UInt32s,
    query_of: UInt32s,
) -> None:
    """Make the table of one chunk.

    Parameters
    ----------
    queries
        uint64 (q, 2): their hashes, moved.
    offset, width
        The chunk.
    masks
        uint32 (m,): differences within its radius.
    bits, buckets
        Binary logarithms of the number of bits in `there` and of buckets.
    there
        uint64: bits by spread value, zeros before.
    starts
        uint32 (2**buckets + 2,): zeros before; bucket b is ``starts[b]:starts[b + 1]`` after.
    value_of, query_of
        uint32 (q * m,): the entries.
    """
    to_bit, to_bucket = np.uint64(64 - bits), np.uint64(64 - buckets)
    for q in range(len(queries)):
        value = chunk_of(queries[q, 0], queries[q, 1], offset, width)
        for k in range(len(masks)):
            spread = (value ^ np.uint64(masks[k])) * np.uint64(_SPREAD)
            bit = spread >> to_bit
            there[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
            starts[(spread >> to_bucket) + np.uint64(2)] += np.uint32(1)
    for b in range(2, len(starts)):
        starts[b] += starts[b - 1]
    for q in range(len(queries)):
        value = chunk_of(queries[q, 0], queries[q, 1], offset, width)
        for k in range(len(masks)):
            v = value ^ np.uint64(masks[k])
            bucket = ((v * np.uint64(_SPREAD)) >> to_bucket) + np.uint64(1)
            to = starts[bucket]
            starts[bucket] = to + np.uint32(1)
            value_of[to] = v
            query_of[to] = q


@compiled(
    f"int64({_STORED}, {_COUNT}, int64[::1], boolean[::1], int64, int64, uint64[:, :, ::1], "
    "int64[:, ::1], uint64[::1], uint32[::1], uint32[::1], uint32[::1], "
    "uint64[:, ::1], int64[::1], int64, uint64[::1])"
)
def near(
    hashes: UInt64s,
    count: UInt8s,
    number: Int64s,
    fresh: BoolMask,
    begin: int,
    end: int,
    lookup: UInt64s,
    chunks: Int64s,
    there: UInt64s,
    starts: UInt32s,
    value_of: UInt32s,
    query_of: UInt32s,
    queries: UInt64s,
    owner: Int64s,
    radius: int,
    out: UInt64s,
) -> int:
    """Write the matches of stored spots with queries; return how many there are.

    Parameters
    ----------
    hashes, count
        uint64 (n, 64, 2), uint8 (n,): the stored spots of pictures, of which rows `begin` to `end`
        are looked at.
    number
        int64 (n,): the numbers of the pictures, below 2**20; -1 to skip a picture.
    fresh
        bool, by number: pictures whose spots are queries. Of two such pictures, only the match from
        the one with the lower number is written.
    lookup
        uint64 (16, 256, 2): see `move`.
    chunks
        int64 (m, 7): offset, width and radius; binary logarithms of the number of bits and of
        buckets; where its bits begin in `there`, in words; where its buckets begin in `starts`.
        Entries are numbered through all tables.
    there, starts, value_of, query_of
        The tables of all chunks, one after the other, see `fill`.
    queries
        uint64 (q, 2): their hashes, moved.
    owner
        int64 (q,): number of the picture, times 64, plus number of the spot.
    radius
        Largest distance, in bits.
    out
        uint64: matches as `imgurer_kernel.matching._numba.votes.vote` reads them, up to its length.
    """
    total, limit = 0, np.uint64(radius)
    words = np.empty(2, np.uint64)
    for picture in range(begin, end):
        stored = number[picture]
        if stored < 0:
            continue
        for spot in range(count[picture]):
            move(hashes[picture, spot, 0], hashes[picture, spot, 1], lookup, words)
            low, high = words[0], words[1]
            for c in range(len(chunks)):
                v = chunk_of(low, high, chunks[c, 0], chunks[c, 1])
                spread = v * np.uint64(_SPREAD)
                bit = spread >> np.uint64(64 - chunks[c, 3])
                word = there[chunks[c, 5] + np.int64(bit >> np.uint64(6))]
                if not (word >> (bit & np.uint64(63))) & np.uint64(1):
                    continue
                bucket = chunks[c, 6] + np.int64(spread >> np.uint64(64 - chunks[c, 4]))
                for e in range(starts[bucket], starts[bucket + 1]):
                    if value_of[e] != v:
                        continue
                    q = query_of[e]
                    one, other = low ^ queries[q, 0], high ^ queries[q, 1]
                    bits = popcount(one) + popcount(other)
                    if bits > limit:
                        continue
                    query = owner[q] >> 6
                    if query == stored or (query > stored and fresh[stored]):
                        continue
                    if in_earlier_chunk(one, other, chunks, c):
                        continue
                    if total < len(out):
                        first, second = query, stored
                        query_spot, stored_spot = owner[q] & 63, np.int64(spot)
                        if query > stored:
                            first, second, query_spot, stored_spot = (
                                stored,
                                query,
                                stored_spot,
                                query_spot,
                            )
                        match = np.uint64(first) << np.uint64(44)
                        match |= np.uint64(second) << np.uint64(24)
                        match |= np.uint64(query_spot) << np.uint64(18)
                        out[total] = (
                            match | (np.uint64(stored_spot) << np.uint64(12)) | np.uint64(bits)
                        )
                    total += 1
    return total
