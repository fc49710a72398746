"""Find the spots of few pictures among those of all, without sorting all.

A renewal has a few new pictures and a large store: to sort the spots of all into the tables of a
search (`imgurer_kernel.index`) would take longer than all else. Here the tables are made of the
few, and the store's spots are gone through once, where they lie.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt32s, UInt64s
from imgurer_kernel.matching.spots import MAX_SPOTS, Spots, mirrored

# Numbers of chunks that are considered.
_CHUNKS = (5, 6, 8)

# Seconds of one core, measured among 710,000 spots on a busy machine: go to the next stored hash;
# look whether a table has anything; compare one entry; make one entry; and what a stored hash takes
# to be sorted the other way.
_NEXT, _ASK, _COMPARE, _ENTER, _SORTED = 40e-9, 8e-9, 40e-9, 40e-9, 300e-9
# Chance of a bit to differ between spots of two pictures, so that chunks are as often near as
# those of 11,000 pictures are: within a fifth of what was counted, for 5 and 6 chunks.
_DIFFERS = 0.42
_MOST_ENTRIES = 20_000_000
_MOST_BITS = 23  # binary logarithm: 1 MB for each chunk, to stay in the cache

# Pictures that one job goes through, and matches that it has room for at first.
_BLOCK = 2048
_ROOM = 1 << 16


@dataclass(frozen=True, slots=True)
class Cut:
    """How 128 bits are cut into chunks.

    Attributes
    ----------
    widths, radii
        Bits of each chunk, and in how many of them it may differ: the sum of all (radius + 1) is
        more than the radius of the search, so that one chunk at least differs in no more.
    """

    widths: tuple[int, ...]
    radii: tuple[int, ...]

    @classmethod
    def of(cls, count: int, radius: int) -> "Cut":
        """Cut evenly into so many chunks.

        Examples
        --------
        >>> Cut.of(5, 12)
        Cut(widths=(26, 26, 26, 25, 25), radii=(2, 2, 2, 1, 1))
        """
        width, wider = divmod(128, count)
        least, more = divmod(radius + 1, count)
        return cls(
            tuple(width + (k < wider) for k in range(count)),
            tuple(least - 1 + (k < more) for k in range(count)),
        )

    def entries(self) -> list[int]:
        """How many values each chunk of a query has an entry under."""
        return [
            sum(comb(width, bits) for bits in range(radius + 1))
            for width, radius in zip(self.widths, self.radii, strict=True)
        ]

    def seconds(self, stored: int, queries: int) -> float:
        """Estimate the time to look so many stored hashes up among so many queries."""
        made = queries * sum(self.entries())
        if made > _MOST_ENTRIES:
            return np.inf
        near = sum(
            comb(width, bits) * _DIFFERS**bits * (1 - _DIFFERS) ** (width - bits)
            for width, radius in zip(self.widths, self.radii, strict=True)
            for bits in range(radius + 1)
        )
        each = _NEXT + len(self.widths) * _ASK + queries * near * _COMPARE
        return stored * each + made * _ENTER


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Queries by the values of their chunks; see `imgurer_kernel.matching._numba.spot_scan`."""

    few: "FewSpots"
    radius: int
    lookup: UInt64s
    chunks: Int64s
    there: UInt64s
    starts: UInt32s
    value_of: UInt32s
    query_of: UInt32s
    queries: UInt64s

    def matches(self, report: Callable[[], None] | None = None) -> UInt64s:
        """Find all matches, ascending, as `imgurer_kernel.matching._numba.votes.vote` reads them.

        Parameters
        ----------
        report
            Called while threads are waited for; may raise to stop.
        """
        from imgurer_kernel.matching._numba.spot_scan import near

        few = self.few

        def work(begin: int) -> UInt64s:
            end = min(begin + _BLOCK, len(few.number))
            out = np.empty(_ROOM, np.uint64)
            while True:
                count = near(
                    few.hashes, few.count, few.number, few.fresh, begin, end,
                    self.lookup, self.chunks, self.there, self.starts, self.value_of,
                    self.query_of, self.queries, few.owner, self.radius, out,
                )  # fmt: skip
                if count <= len(out):
                    return out[:count].copy()
                out = np.empty(count, np.uint64)

        parts = in_order(work, range(0, len(few.number), _BLOCK), report)
        found = np.concatenate([np.empty(0, np.uint64), *parts])
        found.sort()
        return found


@dataclass(frozen=True, slots=True, eq=False)
class FewSpots:
    """The spots of fresh pictures as queries, and all spots to look them up among.

    Attributes
    ----------
    hashes, count
        uint64 (n, 64, 2), uint8 (n,): the stored spots, as they lie.
    number
        int64 (n,): the pictures' numbers; -1 takes no part.
    fresh
        bool (n,): by number.
    asked
        uint64 (q, 2): the hashes of the fresh pictures' spots.
    owner
        int64 (q,): number of the picture, times 64, plus number of the spot.
    """

    hashes: UInt64s
    count: UInt8s
    number: Int64s
    fresh: BoolMask
    asked: UInt64s
    owner: Int64s

    @classmethod
    def of(cls, spots: Spots, place: Int64s, searched: Int64s, fresh: BoolMask) -> "FewSpots":
        """Take the spots of fresh pictures; arguments as `find_spot_candidates` has them."""
        number = np.full(len(spots), -1)
        number[place[searched]] = searched
        pictures = np.flatnonzero(fresh)
        rows = place[pictures]
        which, spot = np.nonzero(np.arange(MAX_SPOTS) < spots.count[rows, None])
        asked = spots.hashes[rows[which], spot]
        hashes = np.ascontiguousarray(spots.hashes, np.uint64)
        owner = pictures[which] * MAX_SPOTS + spot
        return cls(hashes, spots.count, number, fresh, asked, owner)

    def tables(self, radius: int, mirror: bool) -> Tables | None:
        """Make tables of the queries, mirrored or not; None where another search is faster."""
        stored, queries = len(self.number) * MAX_SPOTS, len(self.asked)
        cuts = [Cut.of(count, radius) for count in _CHUNKS]
        costs = [cut.seconds(stored, queries) for cut in cuts]
        if min(costs) > stored * _SORTED:
            return None
        return self._cut(cuts[int(np.argmin(costs))], radius, mirror=mirror)

    def _cut(self, cut: Cut, radius: int, *, mirror: bool) -> Tables:
        from imgurer_kernel.matching._numba.spot_scan import fill, move_all

        lookup = _moves(len(cut.widths))
        queries = np.array(mirrored(self.asked) if mirror else self.asked, np.uint64, order="C")
        move_all(queries, lookup)
        chunks, there, starts = [], [np.empty(0, np.uint64)], [np.empty(0, np.uint32)]
        values, numbers = [np.empty(0, np.uint32)], [np.empty(0, np.uint32)]
        entries = offset = 0
        for width, within, count in zip(cut.widths, cut.radii, cut.entries(), strict=True):
            # About as many buckets as entries, and eight bits for each.
            buckets = max(8, (len(queries) * count).bit_length())
            bits = min(buckets + 3, _MOST_BITS)
            chunks.append(
                (offset, width, within, bits, buckets, sum(map(len, there)), sum(map(len, starts)))
            )
            is_there = np.zeros(1 << (bits - 6), np.uint64)
            begins = np.zeros((1 << buckets) + 2, np.uint32)
            value_of, query_of = np.empty((2, len(queries) * count), np.uint32)
            masks = _masks(width, within)
            table = is_there, begins, value_of, query_of
            fill(queries, offset, width, masks, bits, buckets, *table)
            there.append(is_there)
            starts.append(begins + np.uint32(entries))
            values.append(value_of)
            numbers.append(query_of)
            entries, offset = entries + len(value_of), offset + width
        return Tables(
            self,
            radius,
            lookup,
            np.array(chunks, np.int64),
            np.concatenate(there),
            np.concatenate(starts),
            np.concatenate(values),
            np.concatenate(numbers),
            queries,
        )


def _moves(count: int) -> UInt64s:
    """Where the bits of each byte of a hash go, uint64 (16, 256, 2), cut into so many chunks.

    Bits that stand side by side depend on each other, and those of one direction are mostly the
    same: each chunk has bits from everywhere, of both words. Chunks of one word each would be near
    by chance twenty times as often.
    """
    bits = np.arange(128)
    order = np.lexsort((bits, (bits + bits // 64) % count))
    # Chunks differ in width by one at most; where the borders lie makes no difference.
    to = np.empty(128, np.int64)
    to[order] = bits
    lookup = np.zeros((16, 256, 2), np.uint64)
    for bit in range(128):
        byte, within = divmod(bit, 8)
        has = (np.arange(256) >> within) & 1 == 1
        word, place = divmod(int(to[bit]), 64)
        lookup[byte, has, word] |= np.uint64(1 << place)
    return lookup


def _masks(width: int, radius: int) -> UInt32s:
    """All differences that a chunk may have, uint32."""
    differing = (
        sum(1 << bit for bit in bits)
        for count in range(radius + 1)
        for bits in combinations(range(width), count)
    )
    return np.array(sorted(differing), np.uint32)
