"""Make and store tables of spots, and look a few spots up in them, in machine code.

Multi-index hashing of what is stored: the bits of each hash are moved (`spot_scan.move`) and cut
into chunks. For each chunk there is a table of all spots in the order of its value, in which a
query looks at each value within the chunk's radius of its own. An entry has the 64 bits that follow
its chunk beside the number of its spot, so that hardly any hash needs to be fetched from elsewhere.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"
# ruff: noqa: PLR0913, PLR0917

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Int64s, UInt32s, UInt64s
from imgurer_kernel.index._numba.popcount import popcount
from imgurer_kernel.matching._numba.spot_scan import chunk_of, in_earlier_chunk, move

_STORED = "Array(uint64, 3, 'C', readonly=True)"
_STARTS = "Array(uint32, 1, 'C', readonly=True)"
_NAMES = "Array(uint32, 1, 'C', readonly=True)"
_SPOTS, _RESTS = "Array(uint32, 2, 'C', readonly=True)", "Array(uint64, 2, 'C', readonly=True)"


# Entries whose hashes are read together: 24 KB.
_TOGETHER = 1024


@compiled("uint64(uint64, uint64, int64)")
def rest_of(low: int, high: int, begin: int) -> int:
    """Extract 64 bits of a moved hash from bit `begin`, 1..128, on, wrapping around at its end."""
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
        uint64 (m, 2), moved, and uint32 (m,): the hashes of the spots, and their numbers.
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
    f"int64({_STORED}, int64[::1], boolean[::1], uint64, uint64, int64, uint64[:, :, ::1], "
    f"int64[:, ::1], {_NAMES}, int64, int64[::1], int64, uint64[:, ::1], uint64[::1], int64)"
)
def compare(
    hashes: UInt64s,
    number: Int64s,
    fresh: BoolMask,
    low: int,
    high: int,
    owner: int,
    lookup: UInt64s,
    chunks: Int64s,
    spots: UInt32s,
    c: int,
    near: Int64s,
    radius: int,
    words: UInt64s,
    out: UInt64s,
    total: int,
) -> int:
    """Compare a query with spots whose entries are near; return the number of matches by now.

    Parameters
    ----------
    hashes, number, fresh, lookup, chunks, radius, out
        As in `look_up`.
    low, high, owner
        The query.
    spots, c
        The table of one chunk, and which.
    near
        int64 (k,): entries; overwritten.
    words
        uint64 (k, 2): working memory.
    total
        Matches that were written before.
    """
    query, limit, count = owner >> 6, np.uint64(radius), 0
    for k in range(len(near)):
        name = np.int64(spots[near[k]])
        stored = number[name >> 6]
        near[count] = name
        count += stored >= 0 and query != stored and not (query > stored and fresh[stored])
    # Hashes are scattered in memory: reads in a loop of their own do not wait for each other.
    for k in range(count):
        picture, spot = near[k] >> 6, near[k] & 63
        words[k, 0], words[k, 1] = hashes[picture, spot, 0], hashes[picture, spot, 1]
    for k in range(count):
        move(words[k, 0], words[k, 1], lookup, words[k])
        one, other = low ^ words[k, 0], high ^ words[k, 1]
        bits = popcount(one) + popcount(other)
        if bits > limit or in_earlier_chunk(one, other, chunks, c):
            continue
        if total < len(out):
            first, second = query, number[near[k] >> 6]
            query_spot, stored_spot = owner & 63, near[k] & 63
            if first > second:
                first, second, query_spot, stored_spot = second, first, stored_spot, query_spot
            match = np.uint64(first) << np.uint64(44)
            match |= np.uint64(second) << np.uint64(24)
            match |= np.uint64(query_spot) << np.uint64(18)
            out[total] = match | (np.uint64(stored_spot) << np.uint64(12)) | np.uint64(bits)
        total += 1
    return total


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
        The tables, uint32 (k,), uint32 (c, m) and uint64 (c, m), see `arrange`; the number of an
        entry is the row of its picture, times 64, plus the number of the spot.
    """
    total, limit, widest = 0, np.uint64(radius), 0
    for c in range(len(chunks)):
        widest = max(widest, chunks[c, 4] - chunks[c, 3])
    first, last = np.empty(widest, np.int64), np.empty(widest, np.int64)
    near, words = np.empty(_TOGETHER, np.int64), np.empty((_TOGETHER, 2), np.uint64)
    for q in range(begin, end):
        low, high = queries[q, 0], queries[q, 1]
        for c in range(len(chunks)):
            offset, width, bucket = chunks[c, 0], chunks[c, 1], chunks[c, 5]
            value, rest = chunk_of(low, high, offset, width), rest_of(low, high, offset + width)
            probes = masks[chunks[c, 3] : chunks[c, 4]]
            # Buckets are scattered in memory, too.
            for k in range(len(probes)):
                at = bucket + np.int64(value ^ np.uint64(probes[k]))
                first[k], last[k] = starts[at], starts[at + 1]
            count = 0
            for k in range(len(probes)):
                left = limit - popcount(np.uint64(probes[k]))
                for e in range(first[k], last[k]):
                    near[count] = e
                    count += popcount(rests[c, e] ^ rest) <= left
                    if count == _TOGETHER:
                        total = compare(
                            hashes,
                            number,
                            fresh,
                            low,
                            high,
                            owner[q],
                            lookup,
                            chunks,
                            spots[c],
                            c,
                            near,
                            radius,
                            words,
                            out,
                            total,
                        )
                        count = 0
            total = compare(
                hashes,
                number,
                fresh,
                low,
                high,
                owner[q],
                lookup,
                chunks,
                spots[c],
                c,
                near[:count],
                radius,
                words,
                out,
                total,
            )
    return total
