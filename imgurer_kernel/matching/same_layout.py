"""Distinguish copies of a screen or document from others of its layout with other content.

At 64x64 pixels two forms that were filled in differently agree to 0.96. At 256x256 their text
differs, and each form has writing that the other lacks; a copy, even one with writing added,
lacks nothing of its original. So blocks with detail that the other picture lacks are counted in
both directions, and the smaller share decides.
"""

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Float64s, UInt8s

FINE = 256
"""Side of the grays that are compared; thumbnails of 240 pixels hold enough."""

PLAIN = 0.25
"""Share of one background in 64x64 grays from which a picture may be a screen or a document: all
screens and documents have more, 92 % of photographs less."""

PLAIN_FINE = 0.4
"""The same in the fine grays, where writing does not blur into its background."""

DIFFERENT = 0.03
"""Share of unmatched blocks from which two pictures are two contents of one layout."""

_BACKGROUND_LEVELS = 9  # gray levels that count as one background
GRID = 16
"""Blocks along a side."""

MIN_CORRELATION = 0.6
"""Of the gradients of two blocks that show the same."""

MIN_ENERGY = 0.02
"""Share of the strongest block's energy from which a block shows anything."""

WRITING_ENERGY, DIM_WRITING_ENERGY = 32.0, 0.1
"""Energy of a block with writing, in squared gray levels per pixel, or on a dim screen as a share
of the strongest block's. Cloth and noise have detail, too, in which blurred copies differ."""

MIN_BLOCKS = 4
"""Least blocks that count as other content: a logo on bare cloth spoils two or three."""

MAX_ENERGY_RATIO = 4
"""A block with so many times the energy of the other was added to, not replaced."""

LEVELS = (4, 5e-4), (4, 2e-4)
"""Most steps and the tolerance of the alignment, at half the side and at the side."""

_CHUNK = 16


def background(pictures: UInt8s) -> Float64s:
    """Measure the share of each picture in the gray of its background, within four levels.

    Parameters
    ----------
    pictures
        uint8 (n, height, width).

    Returns
    -------
    float64 (n,), 0..1.

    Examples
    --------
    >>> page = np.full((1, 8, 8), 255, np.uint8)
    >>> page[0, :2] = 0
    >>> background(page)
    array([0.75])
    """
    shares = np.zeros(len(pictures))
    for k, picture in enumerate(pictures):
        counts = np.bincount(picture.ravel(), minlength=256)
        shares[k] = np.convolve(counts, np.ones(_BACKGROUND_LEVELS)).max() / max(picture.size, 1)
    return shares


def unmatched(first: UInt8s, second: UInt8s, maps: Float64s) -> Float64s:
    """Measure the share of blocks without a match in the other picture; the smaller of both.

    Less than `DIFFERENT` where these are less than `MIN_BLOCKS`.

    Parameters
    ----------
    first, second
        uint8 (n, 256, 256): grays of the pairs, aspect not kept.
    maps
        float64 (n, 6): from the first to the second picture, as found at 64x64. Those of pairs that
        seem to be different are refined first.

    Returns
    -------
    float64 (n,), 0..1.
    """
    from imgurer_kernel.matching._numba import layouts  # compiles: only when needed

    shares = np.zeros(len(first))
    maps = np.array(maps, np.float64)
    first, second = np.ascontiguousarray(first), np.ascontiguousarray(second)

    def work(start: int) -> None:
        chunk = slice(start, start + _CHUNK)
        layouts.unmatched(first[chunk], second[chunk], maps[chunk], shares[chunk])

    for _ in in_order(work, range(0, len(first), _CHUNK)):
        pass
    return shares
