"""Decide whether pairs whose hashes are near are the same picture.

A pair is compared in each of the matches that its hashes have until it holds in one; one that holds
is then tested for a shared layout. Which pairs to compare is for the caller to say: a search for
clusters needs few (`imgurer_kernel.matching.clusters.solver`), a query all.
"""

from collections.abc import Callable

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.pair_table import (
    DIFFERENT,
    SAME,
    SAME_LAYOUT,
    UNTESTED,
    Pairs,
    pair_starts,
)
from imgurer_kernel.matching.regions import SPOT, WHOLE
from imgurer_kernel.matching.verify import PreparedPictures, are_same, start_maps

Measure = Callable[..., Comparison]
"""Compares pairs (first, second) from start maps; a fourth argument, bool (k,), where there are
negatives: whose first pictures are inverted."""

SameLayout = Callable[..., BoolMask]
"""Tells which pairs (first, second, maps) only share their layout; negatives likewise."""


def verify_candidates(
    candidates: Candidates,
    images: ImageCache,
    progress: Callable[[int], None] | None = None,
) -> Pairs:
    """Verify every pair of the candidates, without a search for clusters.

    Parameters
    ----------
    candidates
        Matches between images at positions of `images`, those of a pair together, the nearest
        first.
    images
        Their pictures.
    progress
        Called with the number of pairs that were compared since its last call; may raise to stop.

    Returns
    -------
    One row for each pair, in the order of the candidates; its status is `SAME`, `DIFFERENT` or
    `SAME_LAYOUT`.
    """

    def measure(
        first: Int64s, second: Int64s, starts: Float64s, negative: BoolMask | None = None
    ) -> Comparison:
        return images.compare(first, second, starts, progress, negative)

    verifier = PairVerifier(
        candidates, Pairs.of(candidates), images.read_boxes, measure, images.share_layout
    )
    verifier.verify(np.arange(len(verifier.pairs)))
    return verifier.pairs


class PairVerifier:
    """Compares pairs of images and writes down in a table what came out.

    Parameters
    ----------
    candidates
        The matches between images, those of a pair together, the nearest first.
    pairs
        The table that is written to.
    boxes
        Gives pictures, of which only the content boxes are used; called with the positions that
        are needed next.
    measure
        Compares pairs.
    same_layout
        None to do without that test: screens and documents of one layout count as the same then.

    Attributes
    ----------
    pairs
        The table; `append` puts a longer one in its place.
    """

    def __init__(
        self,
        candidates: Candidates,
        pairs: Pairs,
        boxes: Callable[[Int64s], PreparedPictures],
        measure: Measure,
        same_layout: SameLayout | None = None,
    ) -> None:
        self.pairs = pairs
        self._candidates = candidates
        self._match, self._matches = _matches_of_pairs(candidates, pairs)
        self._boxes = boxes
        self._measure = measure
        self._same_layout = same_layout

    def verify(self, rows: Int64s) -> None:
        """Compare pairs in each of their matches until one holds.

        Parameters
        ----------
        rows
            int64 (k,): rows of `pairs`. Their status becomes `SAME`, `DIFFERENT` or `SAME_LAYOUT`;
            measures, map, orientation and distance are those of the match that agreed best.
        """
        pairs, left = self.pairs, rows
        # All first matches together, then the second ones of what is left: large batches are fast.
        for attempt in range(int(self._matches.max(initial=0))):
            left = left[self._matches[left] > attempt]
            if not len(left):
                break
            match = self._candidates.take(self._match[left] + attempt)
            good = self._compare(
                left,
                self._starts(match),
                match.orientation,
                match.distance,
                match.are_negative,
                attempt == 0,
            )
            left = left[~good]
        # By the best of all attempts, which is what the table holds.
        pairs.status[rows] = np.where(are_same(pairs.measures[rows]), SAME, DIFFERENT)
        self._mark_layouts(rows)

    def verify_from(
        self,
        rows: Int64s,
        starts: Float64s,
        orientation: Int64s,
        distance: Int64s,
        negative: BoolMask | None = None,
    ) -> None:
        """Compare pairs that are not known to be the same from other start maps.

        Parameters
        ----------
        rows
            int64 (k,): rows of `pairs`. `UNTESTED` ones take what comes out; `DIFFERENT` ones take
            it where it is better; others are left alone.
        starts
            float64 (k, 6).
        orientation, distance
            int64 (k,): what the table says of these starts, where they are taken.
        negative
            bool (k,): whose first pictures are inverted; None for none.
        """
        inverted = np.zeros(len(rows), np.bool_) if negative is None else negative
        # What is the same needs no other start, and a shared layout is shared from any.
        status = self.pairs.status[rows]
        for before in (UNTESTED, DIFFERENT):
            k = np.flatnonzero(status == before)
            first_time = before == UNTESTED
            how = orientation[k], distance[k], inverted[k]
            good = self._compare(rows[k], starts[k], *how, first_time)
            self.pairs.status[rows[k]] = np.where(good, SAME, DIFFERENT)
        self._mark_layouts(rows[(status == UNTESTED) | (status == DIFFERENT)])

    def append(self, pairs: Pairs) -> None:
        """Put pairs without a match at the end of the table; only `verify_from` compares them."""
        none = np.zeros(len(pairs), np.int64)
        self.pairs = self.pairs.joined(pairs)
        self._match = np.concatenate((self._match, none))
        self._matches = np.concatenate((self._matches, none))

    def _starts(self, match: Candidates) -> Float64s:
        """The maps that matches begin with: of their regions, or those that spots have voted."""
        pictures = self._boxes(np.concatenate((match.first, match.second)))
        spots = match.region == SPOT
        region, other = (np.where(spots, WHOLE, c) for c in (match.region, match.other_region))
        how = match.orientation, region, other
        starts = start_maps(pictures, match.first, pictures, match.second, how)
        if match.start is not None:
            starts[spots] = match.start[spots]
        return starts

    def _compare(
        self,
        rows: Int64s,
        starts: Float64s,
        orientation: Int64s,
        distance: Int64s,
        negative: BoolMask,
        first_time: bool,
    ) -> BoolMask:
        """Compare pairs from start maps and keep what is better than what was known.

        Returns
        -------
        bool (k,): which pairs hold from these starts, before the test for layouts.
        """
        pairs = self.pairs
        ends = pairs.first[rows], pairs.second[rows]
        inverted = (negative,) if negative.any() else ()
        compared = self._measure(*ends, starts, *inverted)
        measures, maps = compared.measures, compared.maps
        # The first comparison always counts: agreement may be negative, and the table has zeros.
        better = (measures[:, 1] > pairs.measures[rows, 1]) | first_time
        rows = rows[better]
        pairs.measures[rows], pairs.maps[rows] = measures[better], maps[better]
        pairs.orientation[rows], pairs.distance[rows] = orientation[better], distance[better]
        pairs.negative[rows] = negative[better]
        return are_same(measures)

    def _mark_layouts(self, rows: Int64s) -> None:
        """Take back the verdict on pairs that only share their layout."""
        pairs = self.pairs
        # The test reads thumbnails: only what would count as the same is worth it.
        rows = rows[pairs.status[rows] == SAME]
        if self._same_layout is not None and len(rows):
            negative = pairs.negative[rows]
            inverted = (negative,) if negative.any() else ()
            ends = pairs.first[rows], pairs.second[rows]
            only = self._same_layout(*ends, pairs.maps[rows], *inverted)
            pairs.status[rows[only]] = SAME_LAYOUT


def _matches_of_pairs(candidates: Candidates, pairs: Pairs) -> tuple[Int64s, Int64s]:
    """Find where the matches of each pair begin among the candidates, and how many there are."""
    start = np.flatnonzero(pair_starts(candidates))
    count = np.diff(start, append=len(candidates))
    n = 1 + max(int(column.max(initial=0)) for column in (candidates.second, pairs.second))
    key = candidates.first[start] * n + candidates.second[start]
    wanted = pairs.first * n + pairs.second
    order = np.argsort(key)
    # Pairs that are no candidates, or a table without any, have no matches.
    if not len(order):
        return np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.int64)
    place = order[np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)]
    return start[place], np.where(key[place] == wanted, count[place], 0)
