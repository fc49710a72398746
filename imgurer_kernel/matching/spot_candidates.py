"""Second source of candidate pairs: pictures that share spots in one geometry.

Hashes of spots are searched as those of pictures are, and exactly. The matches of two pictures
vote: each implies a similarity transform, and those that agree on one are counted. Two of them make
a candidate, and alignment begins with the map that fits them best. This does not decide anything:
some unrelated pairs are candidates too.

Pictures are searched upright, and mirrored within fewer bits. Both searches use the stored hashes:
those of a mirrored picture are the same bits in another order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from imgurer_kernel.common.arrays import distinct, group_starts
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.index import bulk
from imgurer_kernel.index.engine import plan_bulk
from imgurer_kernel.index.hash_arrays import Groups, NearPairs, group_each, scan_many
from imgurer_kernel.index.lookup import pairs, prepare
from imgurer_kernel.matching.affine import nearest_orientation
from imgurer_kernel.matching.candidates import Candidates, concatenate, keep_nearest
from imgurer_kernel.matching.regions import SPOT
from imgurer_kernel.matching.spot_lookup import find_lookups, matches, renumbered
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import MAX_SPOTS, Spots, half_sizes, mirrored

MOST_PICTURES = 1 << 20
"""Most pictures of a search: a picture's number takes 20 bits of a match."""

# Pairs of pictures whose matches vote in one job.
_BLOCK = 1 << 16
# Comparisons that numpy makes in the time in which a compiled scan starts.
_FEW = 2_000_000


def mirrored_radius(radius: int) -> int:
    """Return the radius for mirrored spots: smaller, since few copies are mirrored."""
    return max(radius - 4, 0)


def find_spot_candidates(
    spots: Spots | SpotSegments,
    turned: UInt64s,
    searched: Int64s,
    radius: int,
    votes: int,
    *,
    place: Int64s | None = None,
    fresh: BoolMask | None = None,
    progress: Progress | None = None,
) -> Candidates:
    """Find pairs of pictures that share spots.

    Parameters
    ----------
    spots
        Of n pictures.
    turned
        uint64 (n, 8, 2): hashes of the pictures in all orientations, for the distances of pairs.
        Pictures are identified by positions in this array.
    searched
        int64 (k,), ascending: the pictures that take part, less than 2**20.
    radius
        Bits between two spots, 0..128.
    votes
        Least number of spots that agree, 2 or more.
    place
        int64 (n,): which row of `spots` each picture has; default its own number.
    fresh
        bool (n,): only pairs with at least one of these; default all. Few of them are looked up
        without sorting the spots of all.
    progress
        Called with the amount done and the total; may raise to stop.

    Returns
    -------
    One row for each pair of which one of the two is among the `MAX_SPOT_NEIGHBORS` that share the
    most with the other, sorted.
    """
    n = len(turned)
    spots = SpotSegments.of(spots, place)
    chosen = np.zeros(n, bool)
    chosen[searched] = True if fresh is None else fresh[searched]
    if len(searched) < 2 or not chosen.any():
        return Candidates.none()
    reaches = _reaches(radius)
    lookups = find_lookups(spots, searched, chosen, reaches) if n <= MOST_PICTURES else None
    numbers = np.arange(n)
    if lookups is None:
        # Many queries: pictures are renumbered.
        numbers = searched
        found = _Search(spots.at(searched), votes, progress)
        parts = [
            found.candidates(chosen[searched], reach, mirror=mirror) for reach, mirror in reaches
        ]
    else:
        found = _Search(spots, votes, progress)
        parts = [
            found.agreed(several, mirror=mirror)
            for several, (_, mirror) in zip(matches(lookups, found.report), reaches, strict=True)
        ]
    rows = concatenate(parts)
    if not len(rows):
        return rows
    rows = replace(rows, first=numbers[rows.first], second=numbers[rows.second])
    bits = np.bitwise_count(turned[rows.first, rows.orientation] ^ turned[rows.second, 0])
    return keep_nearest(replace(rows, distance=bits.sum(axis=1).astype(np.int64)))


def _reaches(radius: int) -> tuple[tuple[int, bool], ...]:
    """Return the radii within which spots are searched, upright and mirrored."""
    return (radius, False), (mirrored_radius(radius), True)


@dataclass(frozen=True, slots=True, eq=False)
class SpotTable:
    """The spots of n pictures, concatenated, for one query after the other.

    Attributes
    ----------
    spots
        Of the pictures.
    groups
        All m of them.
    picture, spot
        (m,): which picture each belongs to, and which of its spots it is.
    """

    spots: Spots
    groups: Groups
    picture: Int64s
    spot: Int64s

    @classmethod
    def of(cls, spots: Spots) -> "SpotTable":
        """Concatenate spots, 48 bytes each."""
        picture, spot = np.nonzero(np.arange(MAX_SPOTS) < spots.count[:, None])
        return cls(spots, group_each(*spots.hashes[picture, spot].T), picture, spot)


def find_query_spots(
    one: Spots, turned: UInt64s, table: SpotTable, whole: UInt64s, radius: int, votes: int
) -> Candidates:
    """Find the pictures that share spots with one.

    Parameters
    ----------
    one
        One row.
    turned
        uint64 (8, 2): hashes of that picture in all orientations.
    table, whole
        Of n pictures, uint64 (n, 2) being their upright hashes.
    radius, votes
        As in `find_spot_candidates`.

    Returns
    -------
    Rows whose first picture is number 0; the others are numbered from 1.
    """
    query_hashes = one.hashes[0, : one.count[0]]
    parts = [Candidates.none()]
    for mirror in (False, True):
        reach = mirrored_radius(radius) if mirror else radius
        queries = group_each(*(mirrored(query_hashes) if mirror else query_hashes).T)
        query, hit, bits = _scan(table.groups, queries, reach)
        picture = table.picture[hit]
        # Only the pictures with enough matches vote, as numbers 1, 2, ...
        count = np.bincount(picture, minlength=len(table.spots))
        matched, kept = np.flatnonzero(count >= votes), np.flatnonzero(count[picture] >= votes)
        found = (1 + np.searchsorted(matched, picture[kept])) << 24
        found |= (query[kept] << 18) | (table.spot[hit[kept]] << 12) | bits[kept]
        both = Spots.empty(1 + len(matched))
        both.put(np.array([0]), one)
        both.put(np.arange(1, 1 + len(matched)), table.spots.take(matched))
        rows = _Search(SpotSegments.of(both), votes, None).agreed(
            np.sort(found).astype(np.uint64), mirror=mirror
        )
        parts.append(replace(rows, second=matched[rows.second - 1] + 1))
    rows = concatenate(parts)
    far = np.bitwise_count(turned[rows.orientation] ^ whole[rows.second - 1])
    return replace(rows, distance=far.sum(axis=1).astype(np.int64))


def _scan(stored: Groups, queries: Groups, radius: int) -> tuple[Int64s, Int64s, Int64s]:
    """Find the position of the query, of the hash, and the bits between them, (k,) each.

    By a plain scan: building tables of all spots would take longer than one query.
    """
    found = [np.empty((3, 0), np.int64)]
    if len(stored) * len(queries) <= _FEW:
        words = np.column_stack((queries.row, queries.column))
        chunks = scan_many(stored.row, stored.column, words, radius)
        found += [np.stack(chunk).astype(np.int64) for chunk in chunks]
    else:
        near = bulk.scan(stored, queries, radius)
        found += [np.stack(chunk).astype(np.int64) for chunk in near]
    query, hit, bits = np.concatenate(found, axis=1)
    return query, hit, bits


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A search among the spots of pictures 0..n-1."""

    spots: SpotSegments
    votes: int
    progress: Progress | None

    def candidates(self, fresh: BoolMask, radius: int, *, mirror: bool) -> Candidates:
        """Return rows of all pairs with a fresh picture; their distances are not filled in yet."""
        owner, hashes = self.spots.side_by_side()
        parts: list[UInt64s] = [np.empty(0, np.uint64)]
        self.report()
        near = self._matches(hashes, fresh, radius, mirror)
        del hashes  # 80 MB for 100,000 pictures, while the search takes most
        for query, hit, bits in near:
            one, other = owner[query] >> 6, owner[hit] >> 6
            # Between two fresh pictures each match is found twice; matches within a picture are
            # dropped.
            kept = np.flatnonzero((one < other) | ((one > other) & ~fresh[other]))
            swap = one[kept] > other[kept]
            first, second = (
                np.where(swap, hit[kept], query[kept]),
                np.where(swap, query[kept], hit[kept]),
            )
            ends = owner[first].astype(np.uint64), owner[second].astype(np.uint64)
            match: UInt64s = (ends[0] >> np.uint64(6) << np.uint64(44)) | (
                ends[1] >> np.uint64(6) << np.uint64(24)
            )
            match |= (ends[0] & np.uint64(63)) << np.uint64(18)
            match |= (ends[1] & np.uint64(63)) << np.uint64(12)
            parts.append(match | bits[kept].astype(np.uint64))
        found = np.concatenate(parts)
        found.sort()
        return self.agreed(found, mirror=mirror)

    def _matches(
        self, hashes: UInt64s, fresh: BoolMask, radius: int, mirror: bool
    ) -> Iterator[NearPairs]:
        """Yield the matches of spots of fresh pictures, mirrored or not, with all spots.

        It makes no difference which of two spots is mirrored: the distance is the same.
        """
        if fresh.all() and not mirror:
            yield from pairs(hashes, radius, progress=self.progress)
            return
        fresh_spots = np.flatnonzero(np.repeat(fresh, self.spots.count))
        queries = mirrored(hashes[fresh_spots]) if mirror else hashes[fresh_spots]
        # Not grouped by equal hashes: sorting millions of spots takes longer than searching them,
        # and few are equal.
        stored, new = group_each(*hashes.T), group_each(*queries.T)
        words = np.ascontiguousarray(queries)
        prepare(len(stored) * len(new))
        plan = plan_bulk(np.ascontiguousarray(hashes), words, radius)
        del hashes, queries
        if plan.engine == "scan":
            for query, hit, bits in scan_many(stored.row, stored.column, words, radius):
                yield fresh_spots[query], hit, bits
            return
        del words
        if plan.chunking is None:
            found = bulk.scan(stored, new, radius, self.progress)
        else:
            found = bulk.join(stored, new, radius, plan.chunking, self.progress)
        for numbers, hits, bits in found:
            yield fresh_spots[numbers], hits.astype(np.int64), bits

    def agreed(self, found: UInt64s, *, mirror: bool) -> Candidates:
        """Return rows of the pairs of pictures whose matches agree; `found` is sorted."""
        from imgurer_kernel.matching._numba.votes import vote

        pair = found >> np.uint64(24)
        starts = np.append(np.flatnonzero(group_starts(pair)), len(found)).astype(np.int64)
        enough = np.flatnonzero(np.diff(starts) >= self.votes)
        # Only pictures that vote: the memory of the others is never touched.
        ends = pair[starts[enough]]
        first = (ends >> np.uint64(20)).astype(np.int64)
        second = (ends & np.uint64(MOST_PICTURES - 1)).astype(np.int64)
        numbers = distinct(first, second)
        own = self.spots.take(numbers)
        points = np.ascontiguousarray(own.points)
        # Their rows in `points`: the points of all pictures would take 1 KB each.
        place = np.zeros(len(self.spots), np.uint64)
        place[numbers] = np.arange(len(numbers), dtype=np.uint64)

        def work(part: Int64s) -> tuple[Int64s, Float64s]:
            rows = np.concatenate([found[starts[k] : starts[k + 1]] for k in part])
            rows = renumbered(rows, place)
            edges = np.concatenate(([0], np.cumsum(starts[part + 1] - starts[part])))
            votes, maps = np.zeros(len(part), np.int64), np.zeros((len(part), 6))
            vote(rows, edges, points, points, mirror, votes, maps)
            return votes, maps

        parts = [enough[k : k + _BLOCK] for k in range(0, len(enough), _BLOCK)]
        done = list(in_order(work, parts, self.report))
        if not done:
            return Candidates.none()
        votes, maps = (np.concatenate(column) for column in zip(*done, strict=True))
        agreed = votes >= self.votes
        first, second = first[agreed], second[agreed]
        own_half_sizes = half_sizes(own)
        start = centered(
            maps[agreed],
            own_half_sizes[np.searchsorted(numbers, first)],
            own_half_sizes[np.searchsorted(numbers, second)],
        )
        return Candidates(
            first=first,
            second=second,
            distance=np.zeros(len(first), np.int64),
            orientation=nearest_orientation(start),
            region=np.full(len(first), SPOT),
            other_region=np.minimum(votes[agreed], SPOT),
            start=start,
        )

    def report(self) -> None:
        """Report progress; may raise to stop the search."""
        if self.progress is not None:
            self.progress("searching", 0, 0)


def centered(maps: Float64s, first: Float64s, second: Float64s) -> Float64s:
    """Write maps between longer sides as those between pictures of -1..1, float64 (n, 6).

    Parameters
    ----------
    maps
        float64 (n, 6): between points counted from the upper left corner, in longer sides.
    first, second
        float64 (n, 2): half of the width and height of the pictures, in longer sides.

    Examples
    --------
    Pictures of 200 by 100, the one a part of the other from its middle on to the right:

    >>> half = np.array([[0.5, 0.25]])
    >>> centered(np.array([[2.0, 0, -1, 0, 2, 0]]), half, half).tolist()
    [[2.0, 0.0, -1.0, 0.0, 2.0, 1.0]]
    """
    linear, shift = maps.reshape(-1, 2, 3)[:, :, :2], maps.reshape(-1, 2, 3)[:, :, 2]
    scaled = linear * first[:, None, :] / second[:, :, None]
    moved = (shift + (linear * first[:, None, :]).sum(axis=2)) / second - 1
    return np.concatenate((scaled, moved[:, :, None]), axis=2).reshape(-1, 6) + 0.0
