"""Spots in buckets that are kept: make them, and look few spots up in them, in machine code.

Multi-index hashing of what is stored: the bits of each hash are moved (`spot_scan.move`) and cut
into chunks. For each chunk there is a table of all spots in the order of its value, in which a
query looks at each value within the chunk's radius of its own. An entry has the 64 bits that follow
its chunk beside the number of its spot, so that hardly any hash needs to be fetched from elsewhere.
"""

# What numba makes of a function is not what mypy reads in it.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"
# ruff: noqa: C901, PLR0913, PLR0917

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Int64s, UInt32s, UInt64s
from imgurer_kernel.index._numba.popcount import popcount
from imgurer_kernel.matching._numba.spot_scan import chunk_of, in_earlier_chunk, move

_STORED = "Array(uint64, 3, 'C', readonly=True)"
_STARTS = "Array(uint32, 1, 'C', readonly=True)"
_SPOTS, _RESTS = "Array(uint32, 2, 'C', readonly=True)", "Array(uint64, 2, 'C', readonly=True)"


@compiled("uint64(uint64, uint64, int64)")
def rest_of(low: int, high: int, begin: int) -> int:
    """Cut the 64 bits from `begin`, 1..128, on out of a moved hash, going on at its beginning."""
    shift = begin & 63
    one, other = (low, high) if begin < 64 or begin == 128 else (high, low)
    if shift == 0:
        return one
    return (one >> np.uint64(shift)) | (other << np.uint64(64 - shift))


@compiled("void(uint64[:, ::1], uint32[::1], int64, int64, uint32[:], uint32[:], uint64[:])")
def arrange(
    hashes: UInt64s,
    numbers: UInt32s,
    offset: int,
    width: int,
    starts: UInt32s,
    spots: UInt32s,
    rests: UInt64s,
) -> None:
    """Make the table of one chunk.

    Parameters
    ----------
    hashes, numbers
        uint64 (m, 2), moved, and uint32 (m,): the spots, and how they are called.
    offset, width
        The chunk.
    starts
        uint32 (2**width + 2,): zeros before; bucket v is ``starts[v]:starts[v + 1]`` after.
    spots, rests
        uint32 (m,), uint64 (m,): the entries.
    """
    for k in range(len(hashes)):
        starts[chunk_of(hashes[k, 0], hashes[k, 1], offset, width) + np.uint64(2)] += np.uint32(1)
    for value in range(2, len(starts)):
        starts[value] += starts[value - 1]
    for k in range(len(hashes)):
        low, high = hashes[k, 0], hashes[k, 1]
        value = chunk_of(low, high, offset, width) + np.uint64(1)
        to = starts[value]
        starts[value] = to + np.uint32(1)
        spots[to] = numbers[k]
        rests[to] = rest_of(low, high, offset + width)


@compiled(
    f"int64({_STORED}, int64[::1], boolean[::1], uint64[:, ::1], int64[::1], int64, int64, "
    f"uint64[:, :, ::1], int64[:, ::1], uint32[::1], {_STARTS}, {_SPOTS}, {_RESTS}, int64, "
    "uint64[::1])"
)
def look_up(
    hashes: UInt64s,
    number: Int64s,
    fresh: BoolMask,
    queries: UInt64s,
    owner: Int64s,
    begin: int,
    end: int,
    lookup: UInt64s,
    chunks: Int64s,
    masks: UInt32s,
    starts: UInt32s,
    spots: UInt32s,
    rests: UInt64s,
    radius: int,
    out: UInt64s,
) -> int:
    """Write the matches of queries with stored spots; return how many there are.

    Parameters
    ----------
    hashes, number, fresh, lookup, radius, out
        As in `imgurer_kernel.matching._numba.spot_scan.near`.
    queries, owner
        uint64 (q, 2), moved, and int64 (q,): number of the picture, times 64, plus number of the
        spot; those from `begin` to `end` are looked up.
    chunks
        int64 (c, 6): offset, width and radius; where its masks begin and end; where its buckets
        begin in `starts`.
    masks
        uint32: differences within the radius of each chunk.
    starts, spots, rests
        The tables, uint32 (k,), uint32 (c, m) and uint64 (c, m), see `arrange`; a spot is called
        row of its picture, times 64, plus its number.
    """
    total, limit = 0, np.uint64(radius)
    words = np.empty(2, np.uint64)
    for q in range(begin, end):
        low, high, asked = queries[q, 0], queries[q, 1], owner[q] >> 6
        for c in range(len(chunks)):
            offset, width, first_bucket = chunks[c, 0], chunks[c, 1], chunks[c, 5]
            value, rest = chunk_of(low, high, offset, width), rest_of(low, high, offset + width)
            for k in range(chunks[c, 3], chunks[c, 4]):
                bucket = first_bucket + np.int64(value ^ np.uint64(masks[k]))
                for e in range(starts[bucket], starts[bucket + 1]):
                    if popcount(rests[c, e] ^ rest) > limit:
                        continue
                    picture, spot = np.int64(spots[c, e] >> 6), np.int64(spots[c, e] & 63)
                    here = number[picture]
                    if here < 0 or asked == here or (asked > here and fresh[here]):
                        continue
                    move(hashes[picture, spot, 0], hashes[picture, spot, 1], lookup, words)
                    one, other = low ^ words[0], high ^ words[1]
                    bits = popcount(one) + popcount(other)
                    if bits > limit:
                        continue
                    if in_earlier_chunk(one, other, chunks, c):
                        continue
                    if total < len(out):
                        first, second, mine, its = asked, here, owner[q] & 63, spot
                        if asked > here:
                            first, second, mine, its = here, asked, its, mine
                        match = np.uint64(first) << np.uint64(44)
                        match |= np.uint64(second) << np.uint64(24)
                        match |= np.uint64(mine) << np.uint64(18)
                        out[total] = match | (np.uint64(its) << np.uint64(12)) | np.uint64(bits)
                    total += 1
    return total
