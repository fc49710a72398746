"""An answer to the search for duplicates, with all that the next one can use of it."""

from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.types import Float64s, Int64s, UInt64s
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import ClusterTable
from imgurer_kernel.matching.pair_table import SAME_LAYOUT, Pairs
from imgurer_kernel.matching.result_cache import ResultCache


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageState:
    """What is known of images that took part in a search; n rows each, by image id.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    hashes
        uint64 (n, 4): of the picture and of its content. An image with other ones is another.
    turned
        uint64 (n, 8, 2): hashes of the picture in all orientations.
    windows
        uint64 (n, 10, 2): hashes of its windows, if the search was made by these.
    content
        int64 (n, 4): box of what lies within its borders, in 1/64 of the sides; zeros where
        nobody has looked.
    within_frame
        float64 (n,): share of the picture within its frame; 1 where there is none.
    """

    image_ids: Int64s
    hashes: UInt64s
    turned: UInt64s
    windows: UInt64s | None
    content: Int64s
    within_frame: Float64s

    def boxes(self, image_ids: Int64s) -> Int64s:
        """Content boxes of images that took part, int64 (k, 4)."""
        return self.content[np.searchsorted(self.image_ids, image_ids)]

    def shares(self, image_ids: Int64s) -> Float64s:
        """Share of the area of images that took part within their frames, 0..1."""
        return self.within_frame[np.searchsorted(self.image_ids, image_ids)]

    def places_in(self, image_ids: Int64s, hashes: UInt64s) -> Int64s:
        """Where each of these images is among others, or -1 where it is gone or has changed."""
        if not len(image_ids):
            return np.full(len(self.image_ids), -1)
        order = np.argsort(image_ids)
        place = np.searchsorted(image_ids[order], self.image_ids)
        place = order[np.minimum(place, len(order) - 1)]
        same = (image_ids[place] == self.image_ids) & (hashes[place] == self.hashes).all(axis=1)
        return np.where(same, place, -1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterResult:
    """Duplicates, with all that is known of every pair that was near.

    Attributes
    ----------
    clusters
        The largest first; members are image ids, edges are rows of `pairs`.
    pairs
        All candidate pairs, by image ids; untested are those inside a proven star.
    plan
        How the search was made, and why so.
    uninformative
        Number of images that took no part, being too flat.
    rows
        The ways in which pairs are near, by image ids.
    seen
        What is known of the images that took part.
    compared, layouts
        What looking at pairs has given, for the next call.
    """

    clusters: ClusterTable
    pairs: Pairs
    plan: SearchScope
    uninformative: int
    rows: Candidates
    seen: ImageState
    compared: ResultCache
    layouts: ResultCache

    @property
    def same_layout(self) -> Pairs:
        """Pairs that share their layout only."""
        return self.pairs.take(self.pairs.status == SAME_LAYOUT)

    @property
    def tested(self) -> int:
        """Number of pairs that were looked at."""
        return int((self.pairs.status > 0).sum())
