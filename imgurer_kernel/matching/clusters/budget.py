"""How far to search: as far as the time that there is allows, decided before the work begins."""

import os
from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt64s
from imgurer_kernel.matching.candidates import FRIENDS

RADII = (24, 20, 16, 12, 8)
THOROUGH = 32
WINDOW_RADIUS = 16
THOROUGH_WINDOW_RADIUS = 20

BUDGET = 420.0
"""Seconds that a search may take."""

# Measured in a store of 100,000, on one core of a server from 2023: what looking at a pair takes on
# average; what an image takes that is read, cut into windows, and named if it has copies; and what
# one comparison of two hashes takes, most of which are never made.
_PAIR = 260e-6
_IMAGE = 0.9e-3
_HASH = 0.25e-9

# Comparisons for each two images: 8 orientations one way, a third as many again for contents
# both ways, and 10 windows both ways.
_TURNED = 4.0 + 2.7
_WINDOWS = 10.0

_SAMPLE = 192
_MOST_PAIRS = 12_000_000  # 150 bytes each


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """How a search is made.

    Attributes
    ----------
    radius
        Bits between two pictures or contents.
    windows
        Whether crops are searched for by windows of each picture.
    window_radius
        Bits between a window and a picture.
    pairs, seconds
        What was expected: pairs to look at, and the time that searching and looking take.
    """

    radius: int
    windows: bool = True
    window_radius: int = WINDOW_RADIUS
    pairs: int = 0
    seconds: float = 0.0

    @property
    def search(self) -> tuple[int, bool, int]:
        """What the candidates depend on."""
        return self.radius, self.windows, self.window_radius

    def __str__(self) -> str:
        windows = f"windows within {self.window_radius}" if self.windows else "no windows"
        return f"hashes within {self.radius} bits, {windows}; about {self.pairs:,} pairs"


def make_plan(
    turned: UInt64s,
    *,
    thorough: bool = False,
    budget: float = BUDGET,
) -> SearchScope:
    """Choose the largest radius that is affordable, judging by a sample of the images.

    Parameters
    ----------
    turned
        uint64 (n, 8, 2): hashes of the images that take part, in all orientations.
    thorough
        Choose the largest radius that is of any use.
    budget
        Seconds.

    Examples
    --------
    >>> from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
    >>> grays = np.random.default_rng(0).integers(0, 256, (50, 9, 9), np.uint8)
    >>> make_plan(turned_hashes(grays)).radius
    24
    """
    n = len(turned)
    near = _within(turned) * (n / 2 / max(1, min(n, _SAMPLE)))
    cores = os.cpu_count() or 1
    plans = []
    for radius in (THOROUGH,) if thorough else RADII:
        for windows in (True, False):
            # Windows add about a fifth to the pairs at 24 bits.
            pairs = int(near[radius] * (1.3 if windows else 1.1))
            hashes = n * n * (_TURNED + (_WINDOWS if windows else 0))
            seconds = (pairs * _PAIR + n * _IMAGE + hashes * _HASH) / cores
            reach = THOROUGH_WINDOW_RADIUS if thorough else WINDOW_RADIUS
            plans.append(
                SearchScope(
                    radius=radius,
                    windows=windows,
                    window_radius=reach,
                    pairs=pairs,
                    seconds=seconds,
                )
            )
    if thorough:
        return plans[0]
    affordable = (p for p in plans if p.seconds <= budget and p.pairs <= _MOST_PAIRS)
    return next(affordable, plans[-1])


def _within(turned: UInt64s) -> Float64s:
    """How many images lie within 0..128 bits of a sample of them, in the nearest of 8 orientations.

    Counted are no more for each than a search keeps.
    """
    n = len(turned)
    whole = np.ascontiguousarray(turned[:, 0])
    sample = np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.int64)
    counts = np.zeros(129)
    for k in sample:
        least = np.full(n, 128, np.uint8)
        for row, column in turned[k]:
            distance = np.bitwise_count(whole[:, 0] ^ row)
            distance += np.bitwise_count(whole[:, 1] ^ column)
            np.minimum(least, distance, out=least)
        near = np.cumsum(np.bincount(np.delete(least, k), minlength=129))
        counts += np.minimum(near, 2 * FRIENDS)
    return counts
