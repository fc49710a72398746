"""Decide whether pairs whose hashes are near are the same picture.

A pair is compared in each of its matches until it is the same in one; matches that agree are
judged. The caller chooses the pairs to compare: a search for clusters needs few
(`imgurer_kernel.matching.clusters.solver`), a query all.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.hashes.frame_hash import frames_differ
from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.candidates import Candidates, ranks_in_groups
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import judge, statuses
from imgurer_kernel.matching.pair_table import (
    DIFFERENT,
    NOT_LOOKED_AT,
    PART_OF,
    SAME,
    SAME_COVER,
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

MAX_CLOSE_LOOKS = 16
"""Most pairs of one picture that are judged though they do not agree as copies do: those that agree
best. Few photographs have two such pairs; of objects on a plain ground every two are one, and each
takes 2 ms: 8,000 pairs of 152 objects, none of which was the same below an agreement of 0.9."""

# By relation: a match that is the same ranks above one that is related.
_RANK = np.full(len(Relation), 2)
_RANK[[UNTESTED, DIFFERENT, SAME]] = 0, 1, 3

Judge = Callable[..., Float64s]
"""Judges pairs (first, second, maps, measures), as `imgurer_kernel.matching.judgement.judge` does;
negatives likewise."""


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
        As for `PairVerifier`.

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
        partial(judge, images),
        frames,
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
        Judges pairs that agree. None skips this: all pairs that agree are the same then.
    frames
        uint64 (n, 4): keys of all frames of the images; None where all are stills.

    Attributes
    ----------
    pairs
        The table; `append` replaces it by a longer one. A pair that `MAX_CLOSE_LOOKS` leaves out is
        `DIFFERENT`, with `NOT_LOOKED_AT` among its details.
    """

    def __init__(
        self,
        candidates: Candidates,
        pairs: Pairs,
        boxes: Callable[[Int64s], PreparedPictures],
        measure: Measure,
        judge: Judge | None = None,
        frames: UInt64s | None = None,
    ) -> None:
        self.pairs = pairs
        self._candidates = candidates
        self._match, self._matches = _matches_of_pairs(candidates, pairs)
        self._doubtful = _least_agreements(candidates, self._match, self._matches)
        self._boxes = boxes
        self._measure = measure
        self._judge = judge
        self._frames = frames if frames is not None and frames.any() else None
        # Doubtful pairs judged for each image, and pairs whose present map was judged.
        n = 1 + max(int(column.max(initial=-1)) for column in (pairs.first, pairs.second))
        self._judged_counts = np.zeros(n, np.int64)
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
        n = 1 + max(int(column.max(initial=-1)) for column in (pairs.first, pairs.second))
        self._judged_counts = np.pad(self._judged_counts, (0, max(0, n - len(self._judged_counts))))

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
        bool (k,): which pairs are the same from these starts.
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
        status[agreeing], found[agreeing] = self._judged(
            rows[agreeing], maps[agreeing], measures[agreeing], negative[agreeing]
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
        same: BoolMask = status == SAME
        return same

    def _judge_doubtful(self, rows: Int64s) -> None:
        """Judge pairs none of whose matches agrees well enough, at the match that agrees best."""
        pairs = self.pairs
        doubtful = pairs.measures[rows, 1] >= self._doubtful[rows]
        rows = rows[doubtful & (pairs.status[rows] == DIFFERENT) & ~self._is_judged[rows]]
        rows = rows[~are_same(pairs.measures[rows])]
        if not len(rows):
            return
        chosen = self._choose_doubtful(rows)
        pairs.details[rows[~chosen], 0] = NOT_LOOKED_AT
        rows = rows[chosen]
        where = pairs.maps[rows], pairs.measures[rows], pairs.negative[rows]
        pairs.status[rows], pairs.details[rows] = self._judged(rows, *where)
        self._is_judged[rows] = True

    def _choose_doubtful(self, rows: Int64s) -> BoolMask:
        """Choose the pairs to judge: the most promising ones of each image, bool (k,).

        The limit holds for each image, so that none is left out because of other images.
        """
        first, second = self.pairs.first[rows], self.pairs.second[rows]
        agreement = self.pairs.measures[rows, 1]
        chosen = np.zeros(len(rows), np.bool_)
        image = np.concatenate((first, second))
        pair = np.tile(np.arange(len(rows)), 2)
        # Ties by the other image: the order of the table must not matter.
        order = np.lexsort((np.concatenate((second, first)), -agreement[pair], image))
        image, pair = image[order], pair[order]
        rank = ranks_in_groups(group_starts(image)) + self._judged_counts[image]
        own = rank < MAX_CLOSE_LOOKS
        chosen[pair[own]] = True
        self._judged_counts += np.bincount(image[own], minlength=len(self._judged_counts))
        return chosen

    def _judged(
        self, rows: Int64s, maps: Float64s, measures: Float32s, negative: BoolMask
    ) -> tuple[UInt8s, UInt8s]:
        """Judge pairs at their maps; return relations and details."""
        ends = self.pairs.first[rows], self.pairs.second[rows]
        if self._judge is None or not len(rows):
            status = np.where(are_same(measures), SAME, DIFFERENT).astype(np.uint8)
            details = np.zeros((len(rows), DETAILS), np.uint8)
        else:
            inverted = (negative,) if negative.any() else ()
            status, details = statuses(self._judge(*ends, maps, measures, *inverted))
        if self._frames is not None:
            others = frames_differ(self._frames[ends[0]], self._frames[ends[1]])
            status = np.where(others & (status == SAME), SAME_COVER, status).astype(np.uint8)
        return status, details


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
