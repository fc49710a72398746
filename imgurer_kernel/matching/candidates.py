"""The table of candidate pairs: matches between two images, and which of them are kept.

Found by hashes (`imgurer_kernel.matching.hash_candidates`) or by spots
(`imgurer_kernel.matching.spot_candidates`); compared by `imgurer_kernel.matching.pair_verifier`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION, invert
from imgurer_kernel.matching.regions import SPOT

# Matches of one pair that are kept: where the nearest does not hold the next ones are tried.
_MAX_MATCHES = 4

MAX_NEIGHBORS = 64
"""A pair is kept if it is among so many nearest ones of its first image with later images, or of
its second with earlier ones. A film of 20,000 frames would otherwise have more pairs than fit into
memory; the search for clusters follows neighbors of neighbors and need not know them all."""

MAX_SPOT_NEIGHBORS = 16
"""The same for pairs that share spots, by the most votes. Fewer, since in a folder of forms or
screens every two share the spots of the parts that are printed on all of them."""

# Columns of `Candidates` that are always there.
_NUMBERS = ("first", "second", "distance", "orientation", "region", "other_region")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Matches between the hashes of images: one row each, sorted by (first, second, distance, ...).

    Attributes
    ----------
    first, second
        int64 (k,): positions of the two images, first < second.
    distance
        int64 (k,): Hamming distance, 0..128.
    orientation
        int64 (k,): 0..7, how the first picture is oriented to look like the second.
    region, other_region
        int64 (k,): which region of the first and of the second picture were near. For a match by
        spots: `SPOT`, and the number of spots that agree on its map, 1..63.
    negative
        bool (k,): whether one is near the other's negative; None if no row is.
    start
        float64 (k, 6): the map that a match by spots begins with, as
        `imgurer_kernel.matching.affine` stores maps; NaN where it follows from the regions, None if
        it does in all rows.
    """

    first: Int64s
    second: Int64s
    distance: Int64s
    orientation: Int64s
    region: Int64s
    other_region: Int64s
    negative: BoolMask | None = None
    start: Float64s | None = None

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def none(cls) -> "Candidates":
        """Return no rows."""
        none = np.empty(0, np.int64)
        return cls(none, none, none, none, none, none)

    @property
    def are_negative(self) -> BoolMask:
        """Mark the matches with a negative, bool (k,)."""
        return np.zeros(len(self), np.bool_) if self.negative is None else self.negative

    def take(self, rows: Int64s | BoolMask | slice) -> "Candidates":
        """Return some of the rows."""
        return Candidates(
            **{name: getattr(self, name)[rows] for name in _NUMBERS},
            negative=None if self.negative is None else self.negative[rows],
            start=None if self.start is None else self.start[rows],
        )

    def joined(self, other: "Candidates") -> "Candidates":
        """Return these rows, then others."""
        return concatenate((self, other))

    def reversed(self, rows: BoolMask) -> "Candidates":
        """Return the same matches, from the second image to the first where `rows`, bool (k,)."""
        start = None if self.start is None else self.start.copy()
        if start is not None:
            by_spots = rows & (self.region == SPOT)
            start[by_spots] = invert(start[by_spots])
        spots = self.region == SPOT  # their other_region is a number of votes
        turn = rows & ~spots
        return replace(
            self,
            first=np.where(rows, self.second, self.first),
            second=np.where(rows, self.first, self.second),
            orientation=np.where(rows, INVERSE_ORIENTATION[self.orientation], self.orientation),
            region=np.where(turn, self.other_region, self.region),
            other_region=np.where(turn, self.region, self.other_region),
            start=start,
        )

    def at(self, first: Int64s, second: Int64s) -> "Candidates":
        """Return the same matches between other images, int64 (k,) each."""
        return replace(self, first=first, second=second)

    def with_ids(self, ids: Int64s) -> "Candidates":
        """Replace image k by ``ids[k]``; order and direction are kept."""
        return replace(self, first=ids[self.first], second=ids[self.second])


def concatenate(parts: Iterable[Candidates]) -> Candidates:
    """Concatenate the rows of one or more tables."""
    parts = list(parts)
    negative = start = None
    if any(part.negative is not None for part in parts):
        negative = np.concatenate([part.are_negative for part in parts])
    if any(part.start is not None for part in parts):
        none = np.full(6, np.nan)
        start = np.concatenate(
            [np.tile(none, (len(p), 1)) if p.start is None else p.start for p in parts]
        )
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _NUMBERS
    }
    return Candidates(**columns, negative=negative, start=start)


def sort_matches(rows: Candidates) -> Candidates:
    """Put the matches of each pair together, the nearest first, as `keep_nearest` has them."""
    by_spots = rows.region == SPOT
    match = rows.are_negative, rows.orientation, rows.other_region, rows.region, rows.distance
    return rows.take(np.lexsort((*match, by_spots, rows.second, rows.first)))


def keep_nearest(rows: Candidates) -> Candidates:
    """Sort rows and keep the nearest matches of each pair and the pairs of `MAX_NEIGHBORS`.

    Each match is kept once. Rows of parts of the images may be reduced first and joined then: the
    result is the same. Of the matches of a pair by spots the one with the most votes is kept,
    behind those by hashes, and of each image those with the `MAX_SPOT_NEIGHBORS` that share the
    most.
    """
    by_spots = rows.region == SPOT
    if not by_spots.any():
        return _keep_matches(rows, rows.distance, _MAX_MATCHES, MAX_NEIGHBORS)
    hashed, spots = rows.take(~by_spots), rows.take(by_spots)
    hashed = _keep_matches(hashed, hashed.distance, _MAX_MATCHES, MAX_NEIGHBORS)
    spots = _keep_matches(spots, SPOT - spots.other_region, 1, MAX_SPOT_NEIGHBORS)
    both = concatenate((hashed, spots))
    # A stable sort: the match by spots stays behind the others of its pair.
    return both.take(np.lexsort((both.second, both.first)))


def add_nearest(known: Candidates, new: Candidates) -> Candidates:
    """Return what `keep_nearest` keeps of known and new rows, sorting only rows near new ones.

    Parameters
    ----------
    known, new
        Rows that `keep_nearest` has kept, sorted as it does; rows of images that are gone may be
        missing from `known`.
    """
    if not len(known) or not len(new):
        return known if len(known) else new
    n = int(max(known.second.max(), new.second.max())) + 1
    changed, near = np.zeros((2, n), np.bool_)
    changed[new.first] = changed[new.second] = True
    either = changed[known.first] | changed[known.second]
    # Whether a pair stays depends on all other pairs of its two images, and on nothing else.
    near[known.first[either]] = near[known.second[either]] = True
    near |= changed
    updated = keep_nearest(known.take(near[known.first] | near[known.second]).joined(new))
    updated = updated.take(changed[updated.first] | changed[updated.second])
    kept = np.flatnonzero(~either)
    place = np.searchsorted(
        known.first[kept] * n + known.second[kept], updated.first * n + updated.second
    )
    return _inserted(known, kept, updated, place + np.arange(len(updated)))


def _inserted(known: Candidates, kept: Int64s, new: Candidates, place: Int64s) -> Candidates:
    """Return the rows `kept` of `known` with new rows between, which get the rows `place`."""
    is_new = np.zeros(len(kept) + len(new), np.bool_)
    is_new[place] = True
    source = np.zeros(len(is_new), np.int64)
    source[~is_new] = kept

    # Each column is copied once: joining all and taking some of the rows would do so twice.
    def merged(column: np.ndarray, inserted: np.ndarray) -> np.ndarray:
        rows = column[source]
        rows[place] = inserted
        return rows

    negative = start = None
    if known.negative is not None or new.negative is not None:
        negative = merged(known.are_negative, new.are_negative)
    if known.start is not None or new.start is not None:
        nothing = np.full(6, np.nan)
        starts = (
            np.broadcast_to(nothing, (len(it), 6)) if it.start is None else it.start
            for it in (known, new)
        )
        start = merged(*starts)
    columns = {name: merged(getattr(known, name), getattr(new, name)) for name in _NUMBERS}
    return Candidates(**columns, negative=negative, start=start)


def _keep_matches(rows: Candidates, rank: Int64s, matches: int, neighbors: int) -> Candidates:
    """Sort rows and keep few matches of each pair and few pairs of each image, by rank 0..128."""
    if not len(rows):
        return rows
    pair = rows.first * (int(rows.second.max()) + 1) + rows.second
    # One number for each match, sorted by rank first: regions are below 64, orientations 8.
    match = (rank * 128 + rows.distance) * 64 + rows.region
    match = (match * 64 + rows.other_region) * 16 + rows.orientation * 2 + rows.are_negative
    order = np.lexsort((match, pair))
    pair, match = pair[order], match[order]
    once = np.flatnonzero(group_starts(pair, match))
    kept = ranks_in_groups(group_starts(pair[once])) < matches
    order = order[once[kept]]
    return _keep_neighbors(rows.take(order), rank[order], neighbors)


def _keep_neighbors(rows: Candidates, rank: Int64s, neighbors: int) -> Candidates:
    """Keep pairs that are near for one of their images; the rows of a pair stay together."""
    begin = np.flatnonzero(group_starts(rows.first, rows.second))
    first, second, rank = (column[begin] for column in (rows.first, rows.second, rank))
    # Where no first image has too many, every pair is near for its first image.
    if len(begin) <= neighbors or np.bincount(first).max() <= neighbors:
        return rows
    near = np.zeros(len(begin), bool)
    for one, other in ((first, second), (second, first)):
        dense = np.bincount(one)[one] > neighbors
        near |= ~dense
        crowded = np.flatnonzero(dense)
        order = crowded[np.lexsort((other[crowded], rank[crowded], one[crowded]))]
        near[order] |= ranks_in_groups(group_starts(one[order])) < neighbors
    return rows.take(np.repeat(near, np.diff(begin, append=len(rows))))


def ranks_in_groups(starts: BoolMask) -> Int64s:
    """Number the rows of each group from 0, int64 (k,); `starts` marks where groups begin.

    Examples
    --------
    >>> ranks_in_groups(np.array([True, False, True, False, False])).tolist()
    [0, 1, 0, 1, 2]
    """
    rows = np.arange(len(starts))
    ranks: Int64s = rows - np.flatnonzero(starts)[np.cumsum(starts) - 1]
    return ranks
