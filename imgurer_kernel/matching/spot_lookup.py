"""Find the spots of few pictures among those of all, without sorting all.

A repeated search has few new pictures and a large store: sorting the spots of all into the tables
of a search (`imgurer_kernel.index`) would take longer than everything else. Where the store's spots
have buckets (`imgurer_kernel.matching.spot_buckets`), the few are looked up in these. Otherwise
tables are made of the few, and the store's spots are scanned once, in place.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt32s, UInt64s
from imgurer_kernel.matching.spot_buckets import CHUNKS, SpotBuckets, chunk_table
from imgurer_kernel.matching.spot_cut import Cut, bit_moves, differences
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import MAX_SPOTS, mirrored

# Numbers of chunks that are considered.
_CHUNKS = (5, 6, 8)

# Seconds of one core, measured among 710,000 spots on a busy machine: advance to the next stored
# hash; check whether a table has an entry; compare one entry; make one entry; and, in a search of
# all, sort one stored hash.
_NEXT, _ASK, _COMPARE, _ENTER, _SORTED = 40e-9, 8e-9, 40e-9, 40e-9, 300e-9
# The same among five million in buckets: open a bucket, and read one entry in it.
_PROBE, _GLANCE = 60e-9, 3e-9
_MOST_ENTRIES = 20_000_000
_MOST_BITS = 23  # binary logarithm: 1 MB for each chunk, to stay in the cache

# Pictures, or queries in buckets, of one job, and matches that it has room for at first.
_BLOCK, _FEW_QUERIES = 2048, 512
_ROOM = 1 << 16


class Lookup(Protocol):
    """A way to find the matches of queries among some of the stored spots."""

    @property
    def jobs(self) -> Iterable[Callable[[UInt64s], int]]:
        """Parts of the work: each writes its matches, as far as there is room, and counts them."""


def matches(
    reaches: Sequence[Sequence[Lookup]], report: Callable[[], None] | None = None
) -> list[UInt64s]:
    """Find all matches, as `imgurer_kernel.matching._numba.votes.vote` reads them.

    Parameters
    ----------
    reaches
        Lookups whose matches belong together.
    report
        Called while waiting for threads; may raise to stop.

    Returns
    -------
    uint64 (k,), ascending, for each of the `reaches`.
    """

    def work(job: Callable[[UInt64s], int]) -> UInt64s:
        out = np.empty(_ROOM, np.uint64)
        while True:
            count = job(out)
            if count <= len(out):
                return out[:count].copy()
            out = np.empty(count, np.uint64)

    jobs = [[job for lookup in lookups for job in lookup.jobs] for lookups in reaches]
    # All at once: a core that has nothing left to do in one reach goes on with the next.
    done = in_order(work, chain.from_iterable(jobs), report)
    found = []
    for some in jobs:
        of_one_reach = np.concatenate([np.empty(0, np.uint64), *islice(done, len(some))])
        of_one_reach.sort()
        found.append(of_one_reach)
    return found


def renumbered(found: UInt64s, place: UInt64s) -> UInt64s:
    """Renumber the pictures of matches: k becomes ``place[k]``; order is kept.

    Examples
    --------
    >>> match = np.array([5 << 44 | 7 << 24 | 9], np.uint64)
    >>> renumbered(match, np.arange(8, dtype=np.uint64) - np.uint64(4)) == [1 << 44 | 3 << 24 | 9]
    array([ True])
    """
    picture = np.uint64((1 << 20) - 1)
    renamed: UInt64s = found & np.uint64((1 << 24) - 1)
    for shift in (np.uint64(44), np.uint64(24)):
        renamed |= place[(found >> shift) & picture] << shift
    return renamed


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """The spots of fresh pictures.

    Attributes
    ----------
    fresh
        bool (n,): by number of the picture.
    asked
        uint64 (q, 2): the hashes of their spots.
    owner
        int64 (q,): number of the picture, times 64, plus number of the spot.
    """

    fresh: BoolMask
    asked: UInt64s
    owner: Int64s

    @classmethod
    def of(cls, spots: SpotSegments, fresh: BoolMask) -> "Queries":
        """Take the spots of fresh pictures."""
        pictures = np.flatnonzero(fresh)
        own = spots.take(pictures)
        which, spot = np.nonzero(np.arange(MAX_SPOTS) < own.count[:, None])
        return cls(fresh, own.hashes[which, spot], pictures[which] * MAX_SPOTS + spot)

    def moved(self, chunks: int, *, mirror: bool) -> UInt64s:
        """Return the hashes, mirrored or not, with their bits permuted for a number of chunks."""
        from imgurer_kernel.matching._numba.spot_scan import move_all

        hashes = np.array(mirrored(self.asked) if mirror else self.asked, np.uint64, order="C")
        move_all(hashes, bit_moves(chunks))
        return hashes


@dataclass(frozen=True, slots=True, eq=False)
class StoredSpots:
    """One segment of the spots that queries are looked up among.

    Attributes
    ----------
    hashes, count
        uint64 (n, 64, 2), uint8 (n,): the spots, as stored.
    number
        int64 (n,): the pictures' numbers; -1 takes no part.
    buckets
        Buckets of these spots; None if they have none.
    """

    hashes: UInt64s
    count: UInt8s
    number: Int64s
    buckets: SpotBuckets | None = None

    @classmethod
    def of(cls, spots: SpotSegments, searched: Int64s) -> "list[StoredSpots]":
        """Take the segments, of which the given pictures take part."""
        parts = zip(spots.parts, spots.numbers(searched), strict=True)
        buckets = spots.buckets or (None,) * len(spots.parts)
        return [
            cls(np.ascontiguousarray(part.hashes, np.uint64), part.count, number, its)
            for (part, number), its in zip(parts, buckets, strict=True)
        ]

    def plan(self, queries: int, radius: int) -> tuple[float, Cut, bool]:
        """Choose how to look up a number of queries: expected seconds, cut, whether by buckets."""
        stored = len(self.number) * MAX_SPOTS
        plans = [(_seconds(cut, stored, queries), cut, False) for cut in _cuts(radius)]
        if self.buckets is not None:
            cut = Cut.of(CHUNKS, radius)
            each = sum(cut.entries()) * _PROBE + stored * cut.chance() * _GLANCE
            plans.append((queries * each, cut, True))
        return min(plans, key=lambda plan: plan[0])

    def lookup(self, queries: Queries, radius: int, *, mirror: bool) -> Lookup:
        """Prepare to look queries up, mirrored or not, in the way that is the fastest."""
        _, cut, by_buckets = self.plan(len(queries.asked), radius)
        if by_buckets and self.buckets is not None:
            moved = queries.moved(CHUNKS, mirror=mirror)
            return InBuckets(self, self.buckets, queries, moved, *chunk_table(cut), radius)
        return Tables.of(self, queries, cut, radius, mirror=mirror)


def find_lookups(
    spots: SpotSegments, searched: Int64s, fresh: BoolMask, reaches: Sequence[tuple[int, bool]]
) -> list[list[Lookup]] | None:
    """Prepare to look the spots of fresh pictures up among those of all.

    Parameters
    ----------
    spots
        Of pictures 0..n-1.
    searched, fresh
        int64 (k,), ascending, and bool (n,): those that take part, and those of them that are new.
    reaches
        Bits within which spots are searched, and whether mirrored.

    Returns
    -------
    A list for each reach; None where it is faster to sort the spots of all.
    """
    count, stored = int(spots.count[fresh].sum()), StoredSpots.of(spots, searched)
    total = sum(len(part.number) for part in stored) * MAX_SPOTS
    for radius, _ in reaches:
        if sum(part.plan(count, radius)[0] for part in stored) > total * _SORTED:
            return None
    queries = Queries.of(spots, fresh)
    # In threads: making tables is machine code for the most part.
    wanted = [(part, *reach) for reach in reaches for part in stored]
    made = in_order(lambda one: one[0].lookup(queries, one[1], mirror=one[2]), wanted)
    return [list(islice(made, len(stored))) for _ in reaches]


def _cuts(radius: int) -> list[Cut]:
    return [Cut.of(count, radius) for count in _CHUNKS]


def _seconds(cut: Cut, stored: int, queries: int) -> float:
    """Estimate the time to look up a number of stored hashes in tables of a number of queries."""
    made = queries * sum(cut.entries())
    if made > _MOST_ENTRIES:
        return np.inf
    each = _NEXT + len(cut.widths) * _ASK + queries * cut.chance() * _COMPARE
    return stored * each + made * _ENTER


@dataclass(frozen=True, slots=True, eq=False)
class InBuckets:
    """Queries with permuted bits, to be looked up in buckets of stored spots."""

    stored: StoredSpots
    buckets: SpotBuckets
    queries: Queries
    moved: UInt64s
    chunks: Int64s
    masks: UInt32s
    radius: int

    @property
    def jobs(self) -> Iterable[Callable[[UInt64s], int]]:
        """Parts of the work; see `Lookup`."""
        from imgurer_kernel.matching._numba.spot_buckets import look_up

        stored, queries, buckets = self.stored, self.queries, self.buckets
        lookup = bit_moves(CHUNKS)

        def job(begin: int) -> Callable[[UInt64s], int]:
            end = min(begin + _FEW_QUERIES, len(self.moved))
            return lambda out: look_up(
                stored.hashes, stored.number, queries.fresh, self.moved, queries.owner, begin, end,
                lookup, self.chunks, self.masks, buckets.starts, buckets.spots,
                buckets.rests, self.radius, out,
            )  # fmt: skip

        return map(job, range(0, len(self.moved), _FEW_QUERIES))


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Queries by the values of their chunks; see `imgurer_kernel.matching._numba.spot_scan`."""

    stored: StoredSpots
    few: Queries
    radius: int
    lookup: UInt64s
    chunks: Int64s
    there: UInt64s
    starts: UInt32s
    value_of: UInt32s
    query_of: UInt32s
    queries: UInt64s

    @property
    def jobs(self) -> Iterable[Callable[[UInt64s], int]]:
        """Parts of the work; see `Lookup`."""
        from imgurer_kernel.matching._numba.spot_scan import near

        few, stored = self.few, self.stored

        def job(begin: int) -> Callable[[UInt64s], int]:
            end = min(begin + _BLOCK, len(stored.number))
            return lambda out: near(
                stored.hashes, stored.count, stored.number, few.fresh, begin, end,
                self.lookup, self.chunks, self.there, self.starts, self.value_of,
                self.query_of, self.queries, few.owner, self.radius, out,
            )  # fmt: skip

        return map(job, range(0, len(stored.number), _BLOCK))

    @classmethod
    def of(
        cls, stored: StoredSpots, few: Queries, cut: Cut, radius: int, *, mirror: bool
    ) -> "Tables":
        """Make tables of queries, mirrored or not."""
        from imgurer_kernel.matching._numba.spot_scan import fill

        queries = few.moved(len(cut.widths), mirror=mirror)
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
            masks = differences(width, within)
            table = is_there, begins, value_of, query_of
            fill(queries, offset, width, masks, bits, buckets, *table)
            there.append(is_there)
            starts.append(begins + np.uint32(entries))
            values.append(value_of)
            numbers.append(query_of)
            entries, offset = entries + len(value_of), offset + width
        return cls(
            stored,
            few,
            radius,
            bit_moves(len(cut.widths)),
            np.array(chunks, np.int64),
            np.concatenate(there),
            np.concatenate(starts),
            np.concatenate(values),
            np.concatenate(numbers),
            queries,
        )
