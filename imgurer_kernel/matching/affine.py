"""Affine maps between two pictures: from boxes and orientations, composed and inverted.

A picture covers -1..1 in both directions at every resolution: pixel x of S has the coordinate
(2 x + 1) / S - 1. A map takes a point (u, v) of the first picture to the point
(a u + b v + c, d u + e v + f) of the second, and is stored as (a, b, c, d, e, f); n maps are
float64 (n, 6). Boxes are left, top, right, bottom in the same coordinates.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import Float64s, Int64s

# Where each point of a picture comes to lie when it is oriented, by the index of
# `imgurer_kernel.fingerprint.hashes.dhash.ORIENTATIONS`: rows (a, b, d, e) of u' = a u + b v,
# v' = d u + e v.
_ORIENTATION_MAPS = (
    (1, 0, 0, 1),
    (-1, 0, 0, 1),
    (-1, 0, 0, -1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, 1, 0),
    (0, -1, -1, 0),
    (0, 1, -1, 0),
)

INVERSE_ORIENTATION = np.array([0, 1, 2, 3, 4, 7, 6, 5])
"""The orientation that undoes each orientation: quarter turns undo each other, the rest undo
themselves."""


def maps_between_boxes(
    orientation: NDArray[np.integer], first: Float64s, second: Float64s
) -> Float64s:
    """Return the maps that lay one box onto another, the first picture being oriented on the way.

    Parameters
    ----------
    orientation
        (n,) 0..7: how the first picture is oriented to look like the second.
    first, second
        float64 (n, 4): boxes in the two pictures, -1..1.

    Returns
    -------
    float64 (n, 6).

    Examples
    --------
    The left half of the first picture, mirrored, fills the second:

    >>> left_half, whole = np.array([[-1, -1, 0, 1.0]]), np.array([[-1, -1, 1, 1.0]])
    >>> maps_between_boxes(np.array([1]), left_half, whole).tolist()
    [[-2.0, 0.0, -1.0, 0.0, 1.0, 0.0]]
    """
    turn = np.array(_ORIENTATION_MAPS, np.float64)[orientation].reshape(-1, 2, 2)
    center, other_center = ((b[:, :2] + b[:, 2:]) / 2 for b in (first, second))
    half, other_half = ((b[:, 2:] - b[:, :2]) / 2 for b in (first, second))
    linear = turn * other_half[:, :, None] / half[:, None, :]
    shift = other_center - (linear @ center[:, :, None])[..., 0]
    maps = np.concatenate((linear, shift[:, :, None]), axis=2).reshape(-1, 6)
    # Maps are hashed bit for bit to look comparisons up, so 0.0 must not come as -0.0 as well.
    return maps + 0.0


def compose(inner: Float64s, outer: Float64s) -> Float64s:
    """Return the maps that apply `inner` first and then `outer`, float64 (n, 6) each."""
    a, b = (_square(maps) for maps in (outer, inner))
    return (a @ b)[:, :2].reshape(-1, 6)


def invert(maps: Float64s) -> Float64s:
    """Return the maps from the second pictures back to the first, float64 (n, 6)."""
    inverted: Float64s = np.linalg.inv(_square(maps))[:, :2].reshape(-1, 6).astype(np.float64)
    return inverted


def inverse(transform: Sequence[float]) -> Float64s:
    """Return the inverse of one map, float64 (6,), without negative zeros.

    Examples
    --------
    >>> inverse((2, 0, 1, 0, 1, 0)).tolist()
    [0.5, 0.0, -0.5, 0.0, 1.0, 0.0]
    """
    inverted: Float64s = invert(np.array([transform], np.float64))[0] + 0.0
    return inverted


def mapped_boxes(boxes: Float64s, maps: Float64s) -> Float64s:
    """Return the smallest boxes around mapped boxes, float64 (n, 4): left, top, right, bottom.

    Parameters
    ----------
    boxes
        float64 (n, 4).
    maps
        float64 (n, 6), or (6,): one for all.

    Examples
    --------
    A quarter turn:

    >>> mapped_boxes(np.array([[-1.0, 0, 0, 0.5]]), np.array([0, -1.0, 0, 1, 0, 0])).tolist()
    [[-0.5, -1.0, 0.0, 0.0]]
    """
    matrix = np.broadcast_to(maps, (len(boxes), 6)).reshape(-1, 2, 3)
    corners = np.stack([boxes[:, [x, y]] for x in (0, 2) for y in (1, 3)], axis=1)
    moved = corners @ matrix[:, :, :2].transpose(0, 2, 1) + matrix[:, None, :, 2]
    return np.concatenate((moved.min(axis=1), moved.max(axis=1)), axis=1)


def nearest_orientation(maps: Float64s) -> Int64s:
    """Return the orientation, 0..7, that each map comes nearest to, int64 (n,).

    Examples
    --------
    >>> nearest_orientation(np.array([[-0.9, 0.1, 0.05, 0, 1, 0]])).tolist()
    [1]
    """
    linear = maps[:, [0, 1, 3, 4]]
    nearest: Int64s = (linear @ np.array(_ORIENTATION_MAPS, np.float64).T).argmax(axis=1)
    return nearest


def remove_orientation(transform: Sequence[float], orientation: int) -> Float64s:
    """Return what a map does beyond an orientation: from the oriented first picture to the second.

    Examples
    --------
    >>> remove_orientation((-0.9, 0, 0, 0, 1, 0), 1).tolist()  # mirrored, and a little narrower
    [0.9, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    whole = np.array([[-1.0, -1.0, 1.0, 1.0]])
    oriented = maps_between_boxes(np.array([orientation]), whole, whole)
    rest: Float64s = compose(invert(oriented), np.array([transform], float))[0]
    return rest


def _square(maps: Float64s) -> Float64s:
    """Write maps as matrices for homogeneous coordinates, float64 (n, 3, 3)."""
    square = np.zeros((len(maps), 3, 3))
    square[:, :2] = maps.reshape(-1, 2, 3)
    square[:, 2, 2] = 1
    return square
