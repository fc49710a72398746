"""Where settling stands: what belongs to which star, and ways between images."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Int64s
from imgurer_kernel.matching.clusters.star_cover import cover
from imgurer_kernel.matching.pair_table import Pairs, reached

Pulse = Callable[[], None]
"""Called now and then while stars are made; may raise to stop."""


@dataclass(frozen=True, slots=True, eq=False)
class StarAssignment:
    """Of each image: its medoid (or itself), the pair with that, how many it is a medoid of."""

    centre: Int64s
    spoke: Int64s
    size: Int64s

    @classmethod
    def over(cls, n: int, pairs: Pairs, score: NDArray[np.floating], pulse: Pulse) -> Self:
        """The stars of images 0..n-1 over all pairs, which are given scores."""
        return cls.lone(n).among(np.arange(n), pairs, np.arange(len(pairs)), score, pulse)

    @classmethod
    def lone(cls, n: int) -> Self:
        """Every image for itself."""
        return cls(np.arange(n), np.full(n, -1), np.ones(n, np.int64))

    @property
    def spokes(self) -> Int64s:
        """The pairs that the stars stand on."""
        return self.spoke[self.spoke >= 0]

    def after(self, pairs: Pairs, proven: Int64s, touched: Int64s, pulse: Pulse) -> Self:
        """The stars over the proven pairs, where only pairs of touched images are new.

        Stars depend on nothing outside of their connected component.
        """
        there = np.zeros(len(self.centre), bool)
        there[touched] = True
        there = reached(pairs.first[proven], pairs.second[proven], there)
        rows = proven[there[pairs.first[proven]]]
        return self.among(np.flatnonzero(there), pairs, rows, pairs.measures[rows, 1], pulse)

    def among(
        self, images: Int64s, pairs: Pairs, rows: Int64s, score: NDArray[np.floating], pulse: Pulse
    ) -> Self:
        """With other stars among some images: those over these pairs."""
        first, second = (np.searchsorted(images, end[rows]) for end in (pairs.first, pairs.second))
        found = cover(len(images), first, second, np.asarray(score, np.float64), pulse)
        centre, spoke = self.centre.copy(), self.spoke.copy()
        centre[images], spoke[images] = images[found], -1
        outward, inward = found[second] == first, found[first] == second
        spoke[pairs.second[rows[outward]]] = rows[outward]
        spoke[pairs.first[rows[inward]]] = rows[inward]
        return type(self)(centre, spoke, np.bincount(centre, minlength=len(centre)))


@dataclass(frozen=True, slots=True, eq=False)
class PairPaths:
    """From one image to another by way of a third: rows of the pairs first-third, third-last."""

    first: Int64s
    onto_first: Int64s
    last: Int64s
    onto_last: Int64s

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: BoolMask) -> "PairPaths":
        """Some of the routes."""
        return PairPaths(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def keys(self, n: int) -> list[int]:
        """A number for each first and last image, of n."""
        keys: list[int] = (self.first * n + self.last).tolist()
        return keys
