"""What an earlier answer is good for, once images have come and gone.

Clusters depend on nothing outside of their connected component of candidate pairs. A component in
which nothing has come, gone or changed keeps its clusters and pairs; the others are settled anew.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.candidates import FRIENDS, Candidates
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.clusters.incremental import ClusterResult
from imgurer_kernel.matching.pair_table import Pairs, starts_of_pairs
from imgurer_kernel.matching.regions import WINDOWS
from imgurer_kernel.matching.result_cache import ResultCache, picture_words


@dataclass(frozen=True, slots=True, eq=False)
class ReusableState:
    """What an earlier answer knows, in today's positions 0..n-1.

    Attributes
    ----------
    fresh
        bool (n,): images that it does not know, or of whose friends it may not know all.
    stirred
        bool (n,): images that are fresh, or were near one that is gone or has changed.
    turned, windows
        uint64 (n, 8, 2) and (n, 10, 2): hashes of the images that it knows.
    content
        int64 (n, 4): boxes of what lies within their borders; zeros are unknown.
    within_frame
        float64 (n,): share of the picture within its frame; 1 where that is not known.
    rows
        The ways in which these images are near.
    clusters, pairs
        Its clusters, by image ids, and the pairs that their edges are rows of. A pair with an
        image that is gone has -1 for it.
    compared, layouts
        What looking at pairs has given.
    """

    fresh: BoolMask
    stirred: BoolMask
    turned: UInt64s
    windows: UInt64s
    content: Int64s
    within_frame: Float64s
    rows: Candidates
    clusters: ClusterTable
    pairs: Pairs
    compared: ResultCache
    layouts: ResultCache

    @classmethod
    def nothing(cls, n: int) -> Self:
        """There is no earlier answer."""
        return cls(
            fresh=np.ones(n, bool),
            stirred=np.ones(n, bool),
            turned=np.zeros((n, len(ORIENTATIONS), 2), np.uint64),
            windows=np.zeros((n, len(WINDOWS), 2), np.uint64),
            content=np.zeros((n, 4), np.int64),
            within_frame=np.ones(n),
            rows=Candidates.none(),
            clusters=ClusterTable.none(),
            pairs=Pairs.of(Candidates.none()),
            compared=ResultCache(9),
            layouts=ResultCache(1),
        )

    @classmethod
    def over(cls, known: ClusterResult, image_ids: Int64s, hashes: UInt64s) -> Self:
        """What an answer knows of images.

        Parameters
        ----------
        image_ids, hashes
            int64 (n,), uint64 (n, 4): the images, and what `Seen.hashes` knows them by.
        """
        seen = known.seen
        place = seen.places_in(image_ids, hashes)
        there = place >= 0
        # Mostly nothing is gone, and then nothing needs to be picked out.
        old: Int64s | slice = slice(None) if there.all() else np.flatnonzero(there)
        now = place[old]
        carried = cls.nothing(len(image_ids))
        carried.fresh[now] = carried.stirred[now] = False
        carried.turned[now] = seen.turned[old]
        carried.content[now] = seen.content[old]
        carried.within_frame[now] = seen.within_frame[old]
        if seen.windows is not None:
            carried.windows[now] = seen.windows[old]

        first, second = (
            np.searchsorted(seen.image_ids, end) for end in (known.rows.first, known.rows.second)
        )
        nearest = starts_of_pairs(known.rows)
        for end, other in ((first, second), (second, first)):
            bereft = np.unique(end[there[end] & ~there[other]])
            carried.stirred[place[bereft]] = True
            # One with so many friends may have others that were not kept: now there is room.
            friends = np.bincount(end[nearest], minlength=len(place))
            carried.fresh[place[bereft[friends[bereft] >= FRIENDS]]] = True
        rows = replace(known.rows, first=place[first], second=place[second])
        pairs = known.pairs
        gone = picture_words(seen.image_ids, seen.hashes)[~there]
        return replace(
            carried,
            rows=rows if there.all() else rows.take(there[first] & there[second]),
            clusters=known.clusters,
            pairs=replace(
                pairs,
                first=place[np.searchsorted(seen.image_ids, pairs.first)],
                second=place[np.searchsorted(seen.image_ids, pairs.second)],
            ),
            compared=known.compared.without(gone),
            layouts=known.layouts.without(gone),
        )

    def kept(self, anew: BoolMask) -> tuple[ClusterTable, Pairs]:
        """The clusters, by image ids, and the pairs of images that are not settled anew."""
        quiet = ~np.append(anew, True)  # one that is gone, at -1, is not quiet
        keep = quiet[self.pairs.first] & quiet[self.pairs.second]
        first_spokes = self.clusters.edges[self.clusters.starts + 1]
        clusters = self.clusters.take(np.flatnonzero(keep[first_spokes]))
        row = np.append(np.cumsum(keep) - 1, -1)  # a medoid's edge is -1, and stays so
        return replace(clusters, edges=row[clusters.edges]), self.pairs.take(keep)
