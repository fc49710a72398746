"""The state of a search for clusters between its rounds: stars, and paths through third images."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Int64s
from imgurer_kernel.matching.clusters.star_cover import star_cover
from imgurer_kernel.matching.pair_table import Pairs, connected_to

StarProgress = Callable[[], None]
"""Called now and then while stars are made; may raise to stop."""


@dataclass(frozen=True, slots=True, eq=False)
class StarAssignment:
    """The star that each of images 0..n-1 belongs to.

    Attributes
    ----------
    medoid
        int64 (n,): its medoid, or itself.
    edge
        int64 (n,): the row of the pair with its medoid; -1 for medoids and lone images.
    size
        int64 (n,): how many images have this one as their medoid; 0 for members of other stars.
    """

    medoid: Int64s
    edge: Int64s
    size: Int64s

    @classmethod
    def of_pairs(
        cls, n: int, pairs: Pairs, score: NDArray[np.floating], progress: StarProgress
    ) -> Self:
        """Cover images 0..n-1 by stars over all pairs, which have these scores (k,)."""
        everything = np.arange(n), pairs, np.arange(len(pairs)), score
        return cls.lone(n).cover_anew(*everything, progress)

    @classmethod
    def lone(cls, n: int) -> Self:
        """Put each image into a star of its own."""
        return cls(np.arange(n), np.full(n, -1), np.ones(n, np.int64))

    @property
    def edges(self) -> Int64s:
        """Rows of the pairs of all members with their medoids."""
        return self.edge[self.edge >= 0]

    def updated(
        self, pairs: Pairs, proven: Int64s, touched: Int64s, progress: StarProgress
    ) -> Self:
        """Cover images by stars over the proven pairs, where only touched images have new ones.

        Parameters
        ----------
        proven
            Rows of the proven pairs.
        touched
            Images with pairs that may have been added to the proven ones, or removed.
        """
        # Stars depend on nothing outside of their connected component: the others stay.
        marked = np.zeros(len(self.medoid), bool)
        marked[touched] = True
        marked = connected_to(marked, pairs.first[proven], pairs.second[proven])
        rows = proven[marked[pairs.first[proven]]]
        score = pairs.measures[rows, 1]
        return self.cover_anew(np.flatnonzero(marked), pairs, rows, score, progress)

    def cover_anew(
        self,
        images: Int64s,
        pairs: Pairs,
        rows: Int64s,
        score: NDArray[np.floating],
        progress: StarProgress,
    ) -> Self:
        """Replace the stars of some images, ascending, by those over these pairs among them."""
        # Renumbered from 0: a cover of few images must not cost as much as one of all.
        first, second = (np.searchsorted(images, end[rows]) for end in (pairs.first, pairs.second))
        cover = star_cover(len(images), first, second, np.asarray(score, np.float64), progress)
        medoid, edge = self.medoid.copy(), self.edge.copy()
        medoid[images], edge[images] = images[cover], -1
        outward, inward = cover[second] == first, cover[first] == second
        edge[pairs.second[rows[outward]]] = rows[outward]
        edge[pairs.first[rows[inward]]] = rows[inward]
        return type(self)(medoid, edge, np.bincount(medoid, minlength=len(medoid)))


@dataclass(frozen=True, slots=True, eq=False)
class PairPaths:
    """Paths from one image to another through a third, k of them.

    Attributes
    ----------
    first, last
        int64 (k,): the two images.
    first_pair, last_pair
        int64 (k,): rows of the pairs of the first and of the last with the image between them.
    """

    first: Int64s
    first_pair: Int64s
    last: Int64s
    last_pair: Int64s

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: BoolMask) -> "PairPaths":
        """Return some of the paths."""
        return PairPaths(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def keys(self, n: int) -> list[int]:
        """Return a number for each two ends among n images."""
        keys: list[int] = (self.first * n + self.last).tolist()
        return keys
