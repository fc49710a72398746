"""Measure the depth of uniform borders in thumbnails, and find those that a copy was given.

A border ends along one line: there nearly all pixels of a side change at once. A sky, or the
background of a photographed object, is as plain, but ends elsewhere in each line.
"""

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.fingerprint.borders import border_depth, is_plain
from imgurer_kernel.matching.affine import invert

# Share of the pixels that change where a border ends, and gray levels by which they do: thin black
# borders around night photographs have half, skies and grounds a tenth.
_CHANGED, _LEVELS = 0.4, 16
_BLURRED = 2  # lines of a thumbnail that a border and a picture share

# Tolerance between the depth of a border and the part that one picture shows beyond the other: maps
# are accurate to half a pixel of 64, and not refined where a border is thin.
_SLACK, _OF_GAP = 0.02, 0.1

_LUMA = np.array((77, 150, 29), np.uint16)  # 256ths


def border_depths(picture: UInt8s) -> Float64s:
    """Measure how deep the borders on the left, top, right and bottom are.

    Parameters
    ----------
    picture
        uint8 (height, width), gray, or (height, width, 3).

    Returns
    -------
    float64 (4,): shares of the width, height, width and height; 0 where there is none.

    Examples
    --------
    >>> noise = (np.arange(10000) * 2654435761 >> 7).astype(np.uint8).reshape(100, 100)
    >>> border_depths(np.pad(noise, ((20, 0), (5, 5)))).round(2).tolist()
    [0.05, 0.17, 0.05, 0.0]
    """
    colours = picture.reshape(*picture.shape[:2], -1)
    depths = np.zeros(4)
    for side in range(4):
        # From the outermost line inwards; of most pictures only that one is read.
        lines = colours if side % 2 else colours.swapaxes(0, 1)
        lines = lines[::-1] if side >= 2 else lines
        if is_plain(_grays(lines[0])):
            depth = border_depth(_grays(lines))
            if depth and _ends_at_once(lines[:depth], lines[depth : depth + _BLURRED]):
                depths[side] = depth / len(lines)
    return depths


def _ends_at_once(border: UInt8s, beyond: UInt8s) -> bool:
    """Return whether most pixels change where a border ends; both are (n, length, channels)."""
    ground = np.median(border, axis=(0, 1))
    change = np.abs(beyond - ground).max(axis=(0, 2))
    return bool((change > _LEVELS).mean() >= _CHANGED)


def _grays(colours: UInt8s) -> UInt8s:
    """Reduce colours, (..., channels), to their brightness."""
    if colours.shape[-1] == 1:
        return colours[..., 0]
    light: UInt8s = (colours @ _LUMA >> 8).astype(np.uint8)
    return light


def are_borders(depths: Float64s, others: Float64s, maps: Float64s) -> UInt8s:
    """Mark the sides on which one picture has a border beyond the other picture.

    Parameters
    ----------
    depths, others
        float64 (n, 4): `border_depths` of the first and second pictures.
    maps
        float64 (n, 6): from the first to the second pictures.

    Returns
    -------
    uint8 (n,): bits 0 to 3 for the left, top, right and bottom of the first, 4 to 7 of the second.
    """
    bits = np.zeros(len(maps), np.int64)
    for place, (depth, transforms) in enumerate(((depths, invert(maps)), (others, maps))):
        a, _, c, _, e, f = transforms.T
        # How far this picture goes on beyond each side of the other.
        gaps = (1 - np.column_stack((a - c, e - f, a + c, e + f))) / 2
        found = (depth > 0) & (np.abs(depth - gaps) <= _SLACK + _OF_GAP * np.abs(gaps))
        bits += (found << np.arange(4)).sum(axis=1) << 4 * place
    return bits.astype(np.uint8)
