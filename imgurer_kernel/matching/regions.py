"""Parts of a picture that stand for the whole: without its borders, or cut at the edges.

A region is a number. 0 is the whole picture, 1 its content (what is left without uniform borders),
2 and up are the windows that are left when a share of each side is cut off. Where a region of one
picture looks like a region of another, the two boxes say how the pictures lie on each other.

Boxes are left, top, right, bottom in the coordinates of `imgurer_kernel.matching.affine`: -1..1.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.fingerprint.borders import trim_many

WHOLE, CONTENT, FIRST_WINDOW = 0, 1, 2

SPOT = 63
"""No region: the match was found by spots, and has a map of its own to begin with. Also a bound:
regions are packed into six bits."""

WindowBox = tuple[float, float, float, float]

_CUTS = (0.06, 0.12)
_PLACES = ((0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
_SIDE_CUTS = (0.18, 0.28)
# What a square keeps of 4:3, 3:2 and 16:9; the first is also what 16:9 keeps of 4:3. A window of
# 0.84 has found nothing that these and those of 12 % do not.
_MIDDLES = (0.75, 0.667, 0.5625)


def _windows() -> tuple[WindowBox, ...]:
    """Compute the boxes of windows: shares of width and height that are kept, and on which side."""
    cuts = [(1 - cut, 1 - cut, *place) for cut in _CUTS for place in _PLACES]
    for cut in _SIDE_CUTS:
        cuts += [(1 - cut, 1, 0, 0), (1 - cut, 1, 1, 0), (1, 1 - cut, 0, 0), (1, 1 - cut, 0, 1)]
    for kept in _MIDDLES:
        cuts += [(kept, 1, 0.5, 0), (1, kept, 0, 0.5)]
    return tuple(
        (
            2 * (1 - width) * across - 1,
            2 * (1 - height) * down - 1,
            2 * (width + (1 - width) * across) - 1,
            2 * (height + (1 - height) * down) - 1,
        )
        for width, height, across, down in cuts
    )


WINDOWS = _windows()
"""Boxes of the windows: 6 and 12 % cut off each side, at all four edges or from one corner; 18 and
28 % cut off one side; and the middle of the width or height, as crops to another shape keep it."""

# Content smaller than this, in pixels of 64x64, has too few of them to tell pictures apart by.
_MIN_SIDE = 24
_MIN_AREA = 1024


def content_boxes(pictures: UInt8s) -> Int64s:
    """Find the content box of each picture: all of it where there are no borders.

    Parameters
    ----------
    pictures
        uint8 (n, 64, 64).

    Returns
    -------
    int64 (n, 4): left, top, right, bottom in pixels of 64, the latter two exclusive.

    Examples
    --------
    >>> picture = (np.arange(4096) * 2654435761 >> 7).astype(np.uint8).reshape(1, 64, 64)
    >>> picture[:, :8] = 0
    >>> content_boxes(picture).tolist()
    [[0, 8, 64, 64]]
    """
    boxes = trim_many(pictures.reshape(-1, 64, 64))
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    small = (np.minimum(width, height) < _MIN_SIDE) | (width * height < _MIN_AREA)
    boxes[small] = 0, 0, 64, 64
    return boxes


def region_boxes(content: Int64s, region: NDArray[np.integer]) -> Float64s:
    """Return the box of one region of each picture, float64 (n, 4), in -1..1.

    Parameters
    ----------
    content
        int64 (n, 4), as `content_boxes` gives them.
    region
        (n,), which region of each picture.

    Examples
    --------
    >>> region_boxes(np.array([[0, 8, 64, 64]] * 2), np.array([WHOLE, CONTENT])).tolist()
    [[-1.0, -1.0, 1.0, 1.0], [-1.0, -0.75, 1.0, 1.0]]
    """
    table = np.array([(-1, -1, 1, 1), (-1, -1, 1, 1), *WINDOWS], np.float64)
    boxes: Float64s = table[region]
    boxes[region == CONTENT] = content[region == CONTENT] / 32 - 1
    return boxes


def window_grays(pictures: UInt8s) -> UInt8s:
    """Reduce each window of each picture to 9x9, uint8 (n, 24, 9, 9).

    The filter is Lanczos with three lobes, the one that a dHash is taken through; one from the
    64x64 grays is half a bit off on average.

    Parameters
    ----------
    pictures
        uint8 (n, 64, 64).
    """
    reduced = np.empty((len(pictures), len(WINDOWS), 9, 9), np.uint8)
    gray = pictures.astype(np.float32)
    # Windows share their heights: each is reduced once.
    lower: dict[tuple[float, float], Float32s] = {}
    for k, (left, top, right, bottom) in enumerate(WINDOWS):
        if (top, bottom) not in lower:
            lower[top, bottom] = _lanczos(top, bottom) @ gray
        small = lower[top, bottom] @ _lanczos(left, right).T
        reduced[:, k] = np.clip(np.rint(small), 0, 255)
    return reduced


@cache
def _lanczos(low: float, high: float) -> Float32s:
    """Return weights (9, 64) that reduce the part low..high, in -1..1, of 64 pixels to 9."""
    scale = (high - low) * 32 / 9
    centers = (low + 1) * 32 + scale * (np.arange(9) + 0.5)
    x = (np.arange(64) + 0.5 - centers[:, None]) / scale
    # Pixels beyond the window have no weight: a crop does not have them either.
    inside = (np.arange(64) + 0.5 > (low + 1) * 32) & (np.arange(64) + 0.5 < (high + 1) * 32)
    weights = np.where((np.abs(x) < 3) & inside, np.sinc(x) * np.sinc(x / 3), 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.astype(np.float32)
