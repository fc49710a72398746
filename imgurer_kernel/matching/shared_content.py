"""Find the parts of two pictures to compare: contents, and parts trimmed off one only.

Borders are trimmed off each picture separately. Of a page, or of a drawing on a plain ground, that
may be much more than of its copy with a frame, a caption or some noise around it: then one seems to
be a small part of the other, and the trimmed parts are not compared.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.matching.affine import invert, mapped_boxes

_SIDE = 64
_SLACK = 0.5  # pixels of 64 by which boxes are off
_POINTS = 24  # points a side at which shares are measured
_MIN_COVERED = 0.75  # as in `imgurer_kernel.matching.verify`


def widened(content: Int64s, maps: Float64s) -> Int64s:
    """Widen contents by the parts that the other picture shows within its own content.

    Parameters
    ----------
    content
        int64 (n, 2, 4): content boxes of pairs, in 1/64 of the sides.
    maps
        float64 (n, 6): from the first to the second pictures.

    Returns
    -------
    int64 (n, 2, 4), boxes that hold the given ones.

    Examples
    --------
    A drawing of which the ground was trimmed, in a frame of which nothing was, and a true border:

    >>> itself = np.array([[1.0, 0, 0, 0, 1, 0]])
    >>> widened(np.array([[[20, 16, 44, 60], [0, 0, 64, 64]]]), 0.8 * itself).tolist()
    [[[1, 1, 63, 63], [0, 0, 64, 64]]]
    >>> widened(np.array([[[0, 0, 64, 64], [8, 8, 56, 56]]]), 0.75 * itself).tolist()
    [[[0, 0, 64, 64], [8, 8, 56, 56]]]
    """
    first, second = content[:, 0], content[:, 1]
    one = _united(first, second, invert(maps))
    return np.stack((one, _united(second, one, maps)), axis=1)


def _united(own: Int64s, other: Int64s, maps: Float64s) -> Int64s:
    """Return the smallest boxes around `own` and the other boxes, mapped by `maps`."""
    moved = (mapped_boxes(other / (_SIDE // 2) - 1.0, maps) + 1) * (_SIDE // 2)
    low, high = moved[:, :2], moved[:, 2:]
    # Without the outermost pixels: the other may have a frame there, and maps are too rough to
    # exclude it.
    low = np.clip(np.floor(low + _SLACK), 1, _SIDE).astype(np.int64)
    high = np.clip(np.ceil(high - _SLACK), 0, _SIDE - 1).astype(np.int64)
    return np.concatenate((np.minimum(own[:, :2], low), np.maximum(own[:, 2:], high)), axis=1)


def lie_apart(content: Int64s, maps: Float64s) -> BoolMask:
    """Mark the pairs where neither content lies mostly within the other, bool (n,).

    As `imgurer_kernel.matching.verify.lie_apart`, without a comparison within these boxes.

    Examples
    --------
    >>> whole = np.array([[[0, 0, 64, 64], [0, 0, 64, 64]]])
    >>> lie_apart(whole, np.array([[1, 0, 0.2, 0, 1, 0], [1, 0, 0.8, 0, 1, 0]])).tolist()
    [False, True]
    """
    own, other = (content[:, k] / (_SIDE // 2) - 1.0 for k in (0, 1))
    at = (np.arange(_POINTS) + 0.5) / _POINTS
    u = own[:, :1] + at * (own[:, 2:3] - own[:, :1])
    v = own[:, 1:2] + at * (own[:, 3:] - own[:, 1:2])
    a, b, c, d, e, f = maps.T[..., None, None]
    x = a * u[:, None] + b * v[:, :, None] + c
    y = d * u[:, None] + e * v[:, :, None] + f
    left, top, right, bottom = other.T[..., None, None]
    share = ((x > left) & (x < right) & (y > top) & (y < bottom)).mean(axis=(1, 2))
    stretch = np.abs(maps[:, 0] * maps[:, 4] - maps[:, 1] * maps[:, 3])
    area, other_area = areas(content).T
    apart: BoolMask = share * np.maximum(1, stretch * area / other_area) < _MIN_COVERED
    return apart


def areas(content: Int64s) -> Int64s:
    """Return the areas of boxes, in pixels of 64x64.

    Examples
    --------
    >>> areas(np.array([[0, 0, 64, 32]])).tolist()
    [2048]
    """
    size: Int64s = (content[..., 2:] - content[..., :2]).prod(axis=-1)
    return size
