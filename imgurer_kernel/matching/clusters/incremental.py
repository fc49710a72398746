"""The result of a search for clusters, and the part of it that the next search reuses.

Clusters depend on nothing outside of their connected component of candidate pairs. A component
without new, removed or changed images keeps its clusters and pairs; the others are solved again.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from imgurer_kernel.common.arrays import distinct, places_of
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt64s
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS
from imgurer_kernel.matching.candidates import MAX_NEIGHBORS, MAX_SPOT_NEIGHBORS, Candidates
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.judgement import JUDGEMENT_WIDTH
from imgurer_kernel.matching.pair_table import Pairs, pair_starts
from imgurer_kernel.matching.regions import SPOT, WINDOWS
from imgurer_kernel.matching.result_cache import (
    COMPARISON_WIDTH,
    ResultCache,
    image_keys,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageState:
    """Arrays about the images that took part in a search, n rows each, by image id.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    hashes
        uint64 (n, 4): of the picture and of its content. An image with other hashes counts as a new
        one.
    turned
        uint64 (n, 8, 2): hashes of the picture in all orientations.
    windows
        uint64 (n, 24, 2): hashes of its windows, if the search used windows.
    content
        int64 (n, 4): box of what lies within its borders, in 1/64 of the sides; zeros where the
        picture was not read.
    within_frame
        float64 (n,): share of the picture within its frame; 1 where there is none.
    represented
        bool (n,): others with the same hashes were searched for in its place, see
        `imgurer_kernel.matching.representatives.represented`.
    """

    image_ids: Int64s
    hashes: UInt64s
    turned: UInt64s
    windows: UInt64s | None
    content: Int64s
    within_frame: Float64s
    represented: BoolMask

    def keys(self, rows: Int64s | BoolMask) -> UInt64s:
        """Return the keys of some of the images and their hashes, uint64 (k,)."""
        return image_keys(self.image_ids[rows], self.hashes[rows])

    def boxes(self, image_ids: Int64s) -> Int64s:
        """Return the content boxes of images that took part, int64 (k, 4)."""
        return self.content[places_of(image_ids, self.image_ids)]

    def shares(self, image_ids: Int64s) -> Float64s:
        """Return the share of images that took part within their frames, float64 (k,), 0..1."""
        return self.within_frame[places_of(image_ids, self.image_ids)]

    def positions_among(self, image_ids: Int64s, hashes: UInt64s) -> Int64s:
        """Find these images among others, int64 (n,); -1 for one that is gone or changed.

        Parameters
        ----------
        image_ids, hashes
            int64 (m,) in any order, uint64 (m, 4): the others.
        """
        if not len(image_ids):
            return np.full(len(self.image_ids), -1)
        order = np.argsort(image_ids)
        place = np.searchsorted(image_ids[order], self.image_ids)
        place = order[np.minimum(place, len(order) - 1)]
        same = (image_ids[place] == self.image_ids) & (hashes[place] == self.hashes).all(axis=1)
        return np.where(same, place, -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterResult:
    """Clusters of duplicates, with all results about the candidate pairs.

    Attributes
    ----------
    clusters
        The largest first; members are image ids, edges are rows of `pairs`.
    pairs
        All candidate pairs, by image ids; pairs inside a proven star stay untested.
    scope
        How the search was made.
    uninformative
        Number of images that took no part, being too flat.
    candidates
        The matches between images, by image ids.
    images
        Hashes and measures of the images that took part.
    comparisons, judgements, original_judgements
        Cached results of comparing pairs, for the next search.
    """

    clusters: ClusterTable
    pairs: Pairs
    scope: SearchScope
    uninformative: int
    candidates: Candidates
    images: ImageState
    comparisons: ResultCache
    judgements: ResultCache
    original_judgements: ResultCache


@dataclass(frozen=True, slots=True, eq=False)
class ReusableState:
    """The reusable part of an earlier result, by the present positions 0..n-1.

    Attributes
    ----------
    fresh
        bool (n,): images that it does not have, or of which it may lack some neighbors.
    dirty
        bool (n,): fresh images, and neighbors of an image that is gone, has changed or is
        represented by others now.
    turned, windows
        uint64 (n, 8, 2) and (n, 24, 2): hashes of the images that it has; windows by `rows`.
    rows
        int64 (n,): the row of `windows` that each image has. They stay in the order of image ids,
        in which a result has them: for 100,000 images they take 38 MB.
    content
        int64 (n, 4): boxes of what lies within their borders; zeros are unknown.
    within_frame
        float64 (n,): share of the picture within its frame; 1 where it is not known.
    candidates
        The matches between these images.
    clusters, pairs
        Its clusters, by image ids, and the pairs that their edges are rows of. A pair with an
        image that is gone has -1 for it.
    comparisons, judgements, original_judgements
        Cached results of comparing pairs.
    """

    fresh: BoolMask
    dirty: BoolMask
    turned: UInt64s
    windows: UInt64s
    rows: Int64s
    content: Int64s
    within_frame: Float64s
    candidates: Candidates
    clusters: ClusterTable
    pairs: Pairs
    comparisons: ResultCache
    judgements: ResultCache
    original_judgements: ResultCache

    @classmethod
    def empty(cls, rows: Int64s) -> Self:
        """Return a state in which nothing is known of n images, of these rows, int64 (n,)."""
        n = len(rows)
        return cls(
            fresh=np.ones(n, bool),
            dirty=np.ones(n, bool),
            turned=np.zeros((n, len(ORIENTATIONS), 2), np.uint64),
            windows=np.zeros((n, len(WINDOWS), 2), np.uint64),
            rows=rows,
            content=np.zeros((n, 4), np.int64),
            within_frame=np.ones(n),
            candidates=Candidates.none(),
            clusters=ClusterTable.none(),
            pairs=Pairs.of(Candidates.none()),
            comparisons=ResultCache(COMPARISON_WIDTH),
            judgements=ResultCache(JUDGEMENT_WIDTH),
            original_judgements=ResultCache(JUDGEMENT_WIDTH),
        )

    @classmethod
    def from_result(
        cls,
        result: ClusterResult,
        image_ids: Int64s,
        hashes: UInt64s,
        represented: BoolMask,
        rows: Int64s,
    ) -> Self:
        """Collect what can be reused of a result.

        Parameters
        ----------
        image_ids, hashes
            int64 (n,), uint64 (n, 4): the images, and their `ImageState.hashes`.
        represented
            bool (n,): whether each is represented by others.
        rows
            int64 (n,): the row of `windows` that each shall have.
        """
        images = result.images
        place = images.positions_among(image_ids, hashes)
        present = place >= 0
        # Usually no image is gone, and no rows need to be selected.
        old: Int64s | slice = slice(None) if present.all() else np.flatnonzero(present)
        now = place[old]
        state = cls.empty(rows)
        state.fresh[now] = state.dirty[now] = False
        state.turned[now] = images.turned[old]
        state.content[now] = images.content[old]
        state.within_frame[now] = images.within_frame[old]
        if images.windows is not None:
            state.windows[rows[now]] = images.windows[old]

        # As in a first search: a represented image has matches with its representatives only, which
        # every search makes again; one that is no longer represented was never searched for.
        hidden = np.append(represented, False)[place]
        state.dirty[place[present & (hidden != images.represented)]] = True
        state.fresh[place[present & images.represented & ~hidden]] = True
        lost = ~present | (hidden & ~images.represented)
        stays = present & ~hidden

        known = result.candidates
        first, second = (places_of(end, images.image_ids) for end in (known.first, known.second))
        nearest, by_spots = pair_starts(known), known.region == SPOT
        for end, other in ((first, second), (second, first)):
            lost_neighbor = distinct(end[present[end] & lost[other]])
            state.dirty[place[lost_neighbor]] = True
            # An image with so many neighbors may have more that were not kept: now there is room.
            count = np.bincount(end[nearest], minlength=len(place))
            spots = np.bincount(end[by_spots], minlength=len(place))
            crowded = (count >= MAX_NEIGHBORS) | (spots >= MAX_SPOT_NEIGHBORS)
            state.fresh[place[lost_neighbor[crowded[lost_neighbor]]]] = True
        candidates = replace(known, first=place[first], second=place[second])
        pairs = result.pairs
        gone = images.keys(~present)
        return replace(
            state,
            candidates=(
                candidates if stays.all() else candidates.take(stays[first] & stays[second])
            ),
            clusters=result.clusters,
            pairs=replace(
                pairs,
                first=place[places_of(pairs.first, images.image_ids)],
                second=place[places_of(pairs.second, images.image_ids)],
            ),
            comparisons=result.comparisons.drop(gone),
            judgements=result.judgements.drop(gone),
            original_judgements=result.original_judgements.drop(gone),
        )

    def unchanged(self, affected: BoolMask) -> tuple[ClusterTable, Pairs]:
        """Return the clusters, by image ids, and the pairs of images that need not be solved again.

        Parameters
        ----------
        affected
            bool (n,): whole connected components, so that a cluster is kept or dropped whole.
        """
        unaffected = ~np.append(affected, True)  # an image that is gone, at -1, is not
        keep = unaffected[self.pairs.first] & unaffected[self.pairs.second]
        # Every cluster has a second member; its edge decides for the whole cluster.
        first_edges = self.clusters.edges[self.clusters.starts + 1]
        clusters = self.clusters.take(np.flatnonzero(keep[first_edges]))
        row = np.append(np.cumsum(keep) - 1, -1)  # a medoid's edge is -1, and stays so
        return replace(clusters, edges=row[clusters.edges]), self.pairs.take(keep)
