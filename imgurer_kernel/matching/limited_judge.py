"""Judge the most promising pairs of each image: among look-alikes every two agree.

To judge a pair takes 10 ms, and its originals 30 ms more: among 1,000 forms, screens or frames of a
film that would be hours. A copy agrees better than they do, so each image has a few of those that
agree best judged, and the others are left out.
"""

from collections.abc import Callable

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.hashes.frame_hash import frames_differ
from imgurer_kernel.matching.candidates import ranks_in_groups
from imgurer_kernel.matching.judgement import (
    COMPARED,
    LIKENESS,
    NOT_ASKED,
    ORIGINALS,
    RELATION,
    statuses,
)
from imgurer_kernel.matching.pair_table import (
    DIFFERENT,
    NOT_LOOKED_AT,
    PART_OF,
    SAME,
    SAME_COVER,
    SAME_LAYOUT,
)
from imgurer_kernel.matching.relation import DETAILS

MAX_CLOSE_LOOKS = 16
"""Pairs of one image that are judged and rejected. Few photographs have two such pairs; of objects
on a plain ground, forms and screens every two are one. Of 8,000 pairs of 152 objects none was the
same below an agreement of 0.9."""

MAX_ORIGINALS = 6
"""Pairs of one image whose originals are compared and rejected. With 16 the same copies were found
among 40 forms and 40 lists of letters, in 1.5 times the time."""

Judge = Callable[..., Float64s]
"""Judges pairs (first, second, maps, measures) as `imgurer_kernel.matching.judgement.judge` does; a
fifth argument, bool (k,), is passed where there are negatives: pairs whose first picture is
inverted."""

JudgeOriginals = Callable[[Int64s, Int64s, Float64s, Float64s], Float64s]
"""Judges pairs (first, second, maps, judgements) by their originals, as
`imgurer_kernel.matching.original_judgement.judge_originals`."""


class PairLimit:
    """Chooses the pairs of each image that are most alike, and counts those that were rejected.

    The limit holds for each image, so that no pair is left out because of other images; a pair that
    one of its two images wants is chosen.

    Parameters
    ----------
    most
        Rejected pairs of an image.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # Rejected pairs, once for each of their ends.
        self._image = self._other = np.empty(0, np.int64)
        self._likeness = np.empty(0)

    def choose(self, first: Int64s, second: Int64s, likeness: Float64s) -> BoolMask:
        """Mark the pairs to judge, bool (k,); likeness float64 (k,) of `first` and `second`.

        A pair that was rejected before and is asked again, at another map, counts once.
        """
        image, other, again = self._entries(first, second)
        pair = np.tile(np.arange(len(first)), 2)
        image = np.concatenate((image, self._image[~again]))
        other = np.concatenate((other, self._other[~again]))
        alike = np.concatenate((likeness[pair], self._likeness[~again]))
        # Ties by the other image: the order of the pairs must not matter.
        order = np.lexsort((other, -alike, image))
        rank = np.empty(len(order), np.int64)
        rank[order] = ranks_in_groups(group_starts(image[order]))
        chosen = np.zeros(len(first), np.bool_)
        chosen[pair[rank[: len(pair)] < self._most]] = True
        return chosen

    def reject(self, first: Int64s, second: Int64s, likeness: Float64s) -> None:
        """Count rejected pairs."""
        image, other, again = self._entries(first, second)
        self._image = np.concatenate((image, self._image[~again]))
        self._other = np.concatenate((other, self._other[~again]))
        self._likeness = np.concatenate((likeness, likeness, self._likeness[~again]))

    def _entries(self, first: Int64s, second: Int64s) -> tuple[Int64s, Int64s, BoolMask]:
        """List both ends of pairs, the others of these, and the known entries among them."""
        image, other = np.concatenate((first, second)), np.concatenate((second, first))
        n = 1 + max(int(part.max(initial=0)) for part in (image, self._image, self._other))
        return image, other, np.isin(self._image * n + self._other, image * n + other)

    def judge(
        self,
        first: Int64s,
        second: Int64s,
        likeness: Float64s,
        judge: Callable[[Int64s], BoolMask],
    ) -> Int64s:
        """Judge pairs, the most promising ones first, and return the rows that are left out.

        Parameters
        ----------
        first, second, likeness
            int64 (k,), float64 (k,).
        judge
            Called with rows, int64 (m,); returns which of them are rejected, bool (m,).
        """
        left = np.arange(len(first))
        # Again, since only rejected pairs count: without the others there is room for more.
        while len(left):
            chosen = self.choose(first[left], second[left], likeness[left])
            rows, left = left[chosen], left[~chosen]
            if not len(rows):
                break
            rejected = rows[judge(rows)]
            self.reject(first[rejected], second[rejected], likeness[rejected])
        return left


class LimitedJudge:
    """Judges aligned pairs within the limits of their images.

    Parameters
    ----------
    judge
        Judges pairs by their thumbnails.
    judge_originals
        Judges those that ask for it by their originals. None skips this.
    frames
        uint64 (n, 4): keys of all frames of the images; None where all are stills.
    """

    def __init__(
        self,
        judge: Judge,
        judge_originals: JudgeOriginals | None = None,
        frames: UInt64s | None = None,
    ) -> None:
        self._judge = judge
        self._judge_originals = judge_originals
        self._frames = frames if frames is not None and frames.any() else None
        # Pairs that agree as copies do are likelier than others, and have a limit of their own.
        self._agreeing, self._doubtful = PairLimit(MAX_CLOSE_LOOKS), PairLimit(MAX_CLOSE_LOOKS)
        self._originals = PairLimit(MAX_ORIGINALS)

    def judge(
        self,
        first: Int64s,
        second: Int64s,
        maps: Float64s,
        measures: Float32s,
        negative: BoolMask,
        *,
        agreeing: bool,
    ) -> tuple[UInt8s, UInt8s]:
        """Judge pairs that all agree as copies do, or all less.

        Parameters
        ----------
        first, second
            int64 (k,): positions of images.
        maps, measures
            float64 (k, 6), float32 (k, 3).
        negative
            bool (k,): whose first picture is inverted.
        agreeing
            Whether they agree as copies do.

        Returns
        -------
        Relations, uint8 (k,), and details, uint8 (k, 4). Pairs that are left out are `DIFFERENT`,
        or `SAME_LAYOUT` if only their originals are, with `NOT_LOOKED_AT` as first detail.
        """
        status = np.zeros(len(first), np.uint8)
        found = np.zeros((len(first), DETAILS), np.uint8)

        def judge(rows: Int64s) -> BoolMask:
            inverted = (negative[rows],) if negative.any() else ()
            ends = first[rows], second[rows]
            judged = self._judge(*ends, maps[rows], measures[rows], *inverted)
            status[rows], found[rows] = self._with_originals(*ends, maps[rows], judged)
            if self._frames is not None:
                others = frames_differ(self._frames[ends[0]], self._frames[ends[1]])
                status[rows[others & (status[rows] == SAME)]] = SAME_COVER
            return ~np.isin(status[rows], (SAME, PART_OF, SAME_COVER))

        limit = self._agreeing if agreeing else self._doubtful
        left = limit.judge(first, second, measures[:, 1].astype(np.float64), judge)
        status[left], found[left, 0] = DIFFERENT, NOT_LOOKED_AT
        return status, found

    def _with_originals(
        self, first: Int64s, second: Int64s, maps: Float64s, judged: Float64s
    ) -> tuple[UInt8s, UInt8s]:
        """Compare the originals of the pairs that ask for it; return relations and details."""
        asked = np.flatnonzero(judged[:, ORIGINALS] != NOT_ASKED)
        if self._judge_originals is None or not len(asked):
            return statuses(judged)
        first, second, maps, judged = first[asked], second[asked], maps[asked], judged.copy()
        compare = self._judge_originals

        def judge(rows: Int64s) -> BoolMask:
            final = compare(first[rows], second[rows], maps[rows], judged[asked[rows]])
            judged[asked[rows]] = final
            rejected: BoolMask = (final[:, ORIGINALS] == COMPARED) & ~np.isin(
                final[:, RELATION], (SAME, PART_OF)
            )
            return rejected

        left = asked[self._originals.judge(first, second, judged[asked, LIKENESS], judge)]
        # Of many pages of one layout those that are most alike were compared: these are others.
        judged[left, RELATION], judged[left, RELATION + 1] = SAME_LAYOUT, NOT_LOOKED_AT
        return statuses(judged)
