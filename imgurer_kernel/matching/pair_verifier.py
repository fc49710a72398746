"""Decide whether pairs whose hashes are near are the same picture.

A pair is compared in each of its matches until it is the same in one; matches that agree are
judged. The caller chooses the pairs to compare: a search for clusters needs few
(`imgurer_kernel.matching.clusters.solver`), a query all.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import judge
from imgurer_kernel.matching.limited_judge import LimitedJudge
from imgurer_kernel.matching.original_judgement import judge_originals
from imgurer_kernel.matching.pair_table import (
    DIFFERENT,
    NOT_LOOKED_AT,
    PART_OF,
    SAME,
    UNTESTED,
    Pairs,
    pair_starts,
)
from imgurer_kernel.matching.regions import SPOT, WHOLE
from imgurer_kernel.matching.relation import DETAILS, DOUBTFUL, LARGE, LIKELY, Relation
from imgurer_kernel.matching.verify import PreparedPictures, are_same, start_maps

Measure = Callable[..., Comparison]
"""Compares pairs (first, second) from start maps; a fourth argument, bool (k,), is passed where
there are negatives: pairs whose first picture is inverted."""

# By relation: a match that is the same ranks above one that is related.
_RANK = np.full(len(Relation), 2)
_RANK[[UNTESTED, DIFFERENT, SAME]] = 0, 1, 3


def verify_candidates(
    candidates: Candidates,
    images: ImageCache,
    progress: Callable[[int], None] | None = None,
    frames: UInt64s | None = None,
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
    frames
        uint64 (n, 4): keys of all frames of the images; None where all are stills.

    Returns
    -------
    One row for each pair, in the order of the candidates, none of them `UNTESTED`.
    """

    def measure(
        first: Int64s, second: Int64s, starts: Float64s, negative: BoolMask | None = None
    ) -> Comparison:
        return images.compare(first, second, starts, progress, negative)

    verifier = PairVerifier(
        candidates,
        Pairs.of(candidates),
        images.read_boxes,
        measure,
        LimitedJudge(partial(judge, images), partial(judge_originals, images), frames),
    )
    verifier.verify(np.arange(len(verifier.pairs)))
    return verifier.pairs


class PairVerifier:
    """Compares pairs of images and stores the results in a table of pairs.

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
    judge
        Judges pairs that agree, or nearly so.

    Attributes
    ----------
    pairs
        The table; `append` replaces it by a longer one. A pair that `judge` leaves out has
        `NOT_LOOKED_AT` among its details.
    """

    def __init__(
        self,
        candidates: Candidates,
        pairs: Pairs,
        boxes: Callable[[Int64s], PreparedPictures],
        measure: Measure,
        judge: LimitedJudge,
    ) -> None:
        self.pairs = pairs
        self._candidates = candidates
        self._match, self._matches = _matches_of_pairs(candidates, pairs)
        self._doubtful = _least_agreements(candidates, self._match, self._matches)
        self._boxes = boxes
        self._measure = measure
        self._judge = judge
        # Pairs whose present map was judged, or left out.
        self._is_judged = np.zeros(len(pairs), np.bool_)

    def verify(self, rows: Int64s) -> None:
        """Compare pairs in each of their matches until one holds.

        Parameters
        ----------
        rows
            int64 (k,): rows of `pairs`. Their status becomes a relation other than `UNTESTED`;
            measures, map, orientation and distance are those of the match that is the same, or
            else of the one that agreed best.
        """
        left = rows
        # All first matches together, then the second ones of the pairs left: large batches are
        # fast.
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
        self._judge_doubtful(rows)

    def verify_from(
        self,
        rows: Int64s,
        starts: Float64s,
        orientation: Int64s,
        distance: Int64s,
        negative: BoolMask | None = None,
    ) -> None:
        """Compare pairs that are the same as a third picture, aligned by way of that.

        Pairs that are large parts of each other count as the same then, see
        `imgurer_kernel.matching.relation.LARGE_PART`.

        Parameters
        ----------
        rows
            int64 (k,): rows of `pairs`. `UNTESTED` ones get the result; `DIFFERENT` ones get it
            where it is better; others do not change.
        starts
            float64 (k, 6).
        orientation, distance
            int64 (k,): values for the table where these starts are taken.
        negative
            bool (k,): whose first pictures are inverted; None for none.
        """
        inverted = np.zeros(len(rows), np.bool_) if negative is None else negative
        # Pairs that are the same need no other start, and a shared layout is found from any start.
        status = self.pairs.status[rows]
        for before in (UNTESTED, DIFFERENT):
            k = np.flatnonzero(status == before)
            first_time = before == UNTESTED
            candidate = orientation[k], distance[k], inverted[k]
            self._compare(rows[k], starts[k], *candidate, first_time)
            self._judge_doubtful(rows[k])
        status, details = self.pairs.status[rows], self.pairs.details[rows, 0]
        large = rows[(status == PART_OF) & (details & LARGE > 0)]
        self.pairs.status[large] = SAME
        self.pairs.details[large, 0] &= ~np.uint8(LARGE)

    def append(self, pairs: Pairs) -> None:
        """Put pairs without a match at the end of the table; only `verify_from` compares them."""
        none = np.zeros(len(pairs), np.int64)
        self.pairs = self.pairs.joined(pairs)
        self._match = np.concatenate((self._match, none))
        self._matches = np.concatenate((self._matches, none))
        self._doubtful = np.concatenate((self._doubtful, np.full(len(pairs), DOUBTFUL)))
        self._is_judged = np.concatenate((self._is_judged, none > 0))

    def _starts(self, match: Candidates) -> Float64s:
        """Return the start maps of matches: from their regions, or voted by spots."""
        pictures = self._boxes(np.concatenate((match.first, match.second)))
        spots = match.region == SPOT
        region, other = (np.where(spots, WHOLE, c) for c in (match.region, match.other_region))
        mapping = match.orientation, region, other
        starts = start_maps(pictures, match.first, pictures, match.second, mapping)
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
        """Compare pairs from start maps and keep results that are better than the known ones.

        Returns
        -------
        bool (k,): which pairs are the same from these starts, or left out: other starts would not
        change that.
        """
        pairs = self.pairs
        ends = pairs.first[rows], pairs.second[rows]
        inverted = (negative,) if negative.any() else ()
        compared = self._measure(*ends, starts, *inverted)
        measures, maps = compared.measures, compared.maps
        agrees = are_same(measures)
        status = np.where(agrees, SAME, DIFFERENT).astype(np.uint8)
        found = np.zeros((len(rows), DETAILS), np.uint8)
        # Judged immediately: where this map shows other colours or content, the next may not, as
        # with a flag that was turned.
        agreeing = np.flatnonzero(agrees)
        if len(agreeing):
            status[agreeing], found[agreeing] = self._judge.judge(
                ends[0][agreeing],
                ends[1][agreeing],
                maps[agreeing],
                measures[agreeing],
                negative[agreeing],
                agreeing=True,
            )
        rank, before = _RANK[status], _RANK[pairs.status[rows]]
        # The first comparison always counts: agreement may be negative, and the table has zeros.
        better = measures[:, 1] > pairs.measures[rows, 1]
        better = (rank > before) | ((rank == before) & better) | first_time
        kept = rows[better]
        pairs.measures[kept], pairs.maps[kept] = measures[better], maps[better]
        pairs.orientation[kept], pairs.distance[kept] = orientation[better], distance[better]
        pairs.negative[kept] = negative[better]
        pairs.status[kept], pairs.details[kept] = status[better], found[better]
        self._is_judged[kept] = agrees[better]
        done: BoolMask = (status == SAME) | (found[:, 0] == NOT_LOOKED_AT)
        return done

    def _judge_doubtful(self, rows: Int64s) -> None:
        """Judge pairs none of whose matches agrees well enough, at the match that agrees best."""
        pairs = self.pairs
        doubtful = pairs.measures[rows, 1] >= self._doubtful[rows]
        rows = rows[doubtful & (pairs.status[rows] == DIFFERENT) & ~self._is_judged[rows]]
        rows = rows[~are_same(pairs.measures[rows])]
        if not len(rows):
            return
        ends = pairs.first[rows], pairs.second[rows]
        pairs.status[rows], details = self._judge.judge(
            *ends, pairs.maps[rows], pairs.measures[rows], pairs.negative[rows], agreeing=False
        )
        pairs.details[rows] = details
        self._is_judged[rows] = details[:, 0] != NOT_LOOKED_AT


def _least_agreements(candidates: Candidates, match: Int64s, matches: Int64s) -> Float64s:
    """Return the agreement from which each pair is judged, by the kinds of its matches."""
    before = np.concatenate(([0], np.cumsum(candidates.region == SPOT)))
    return np.where(before[match + matches] > before[match], LIKELY, DOUBTFUL)


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
