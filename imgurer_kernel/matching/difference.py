"""Measure how one of two pictures that are the same was changed to become the other.

A verdict needs only that two pictures agree; most copies do without alignment. A label also depends
on whether a hundredth was cut off, or a line written on it. Pure: 64x64 grays in, numbers out.
"""

from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import alignment
from imgurer_kernel.matching.affine import maps_between_boxes, nearest_orientation
from imgurer_kernel.matching.alignment import SIDE

Levels = tuple[tuple[int, int, float], ...]

ALIGNED = 0.995
"""Correlation from which a pair counts as aligned: copies of which 1 % was cut off or that were
turned by a degree have less than 0.991, nearly all re-encoded copies have more."""

# A line whose lightest and darkest pixels are fewer gray levels apart than this is plain; so many
# pixels at either end of the range are ignored as artefacts of compression.
_MAX_PLAIN_SPREAD = 12
_OUTLIERS = 3

_LEVELS = ((32, 3, 1e-3), (64, 2, 5e-4))
_BLOCK = 4
_FIT_ITERATIONS = 6
_CHUNK = 64
_LITTLE = 0.06  # halves of a picture
_MEAN = 3  # column of `_residuals`
# A finer map is taken if it leaves at most so much of the mean difference.
_MAX_REMAINING = 0.85


@dataclass(frozen=True, slots=True)
class Difference:
    """How one picture was changed to become another.

    Attributes
    ----------
    transform
        a, b, c, d, e, f: from the first to the second, as `imgurer_kernel.matching.affine` stores
        maps.
    gain
        Contrast of the first as a multiple of that of the second.
    residual
        Mean difference of the block of 4x4 of 64x64 pixels that differs most, in gray levels, after
        brightness and contrast were fitted.
    noise
        The same of the median block: what compression or a smaller size leaves everywhere.
    """

    transform: tuple[float, ...]
    gain: float
    residual: float
    noise: float = 0.0


def measure_difference(
    first: UInt8s, second: UInt8s, content: Int64s, maps: Float64s, correlation: Float32s
) -> list[Difference]:
    """Measure the difference between the pictures of pairs that are the same.

    Parameters
    ----------
    first, second
        uint8 (n, 64, 64).
    content
        int64 (n, 2, 4): boxes of what lies within their borders, in pixels of 64.
    maps
        float64 (n, 6): from the first to the second, as found by verification.
    correlation
        (n,): correlation of the pictures at these maps.

    Returns
    -------
    One for each pair.
    """
    differences: list[Difference] = []
    for k in range(0, len(first), _CHUNK):
        part = slice(k, k + _CHUNK)
        boxes = _without_edges(content[part])
        finer = maps[part].copy()
        # At the given maps first: for most copies these are exact enough, and aligning costs the
        # most.
        left = _residuals(first[part], second[part], finer)
        loose = np.flatnonzero(np.asarray(correlation[part]) < ALIGNED)
        if len(loose):
            pictures = first[part][loose], second[part][loose]
            better = refined(*pictures, boxes[loose], finer[loose])
            remaining = _residuals(*pictures, better)
            # Clipped tones move edges a little: a map that follows them is not better.
            kept = remaining[:, _MEAN] < _MAX_REMAINING * left[loose, _MEAN]
            finer[loose[kept]], left[loose[kept]] = better[kept], remaining[kept]
        moved = np.flatnonzero(_moved_little(finer))
        if len(moved):
            # Nor is a small shift left over from a start at borders or windows that the picture
            # does not have.
            still = _orientation_maps(finer[moved])
            remaining = _residuals(first[part][moved], second[part][moved], still)
            kept = _MAX_REMAINING * remaining[:, _MEAN] <= left[moved, _MEAN]
            finer[moved[kept]], left[moved[kept]] = still[kept], remaining[kept]
        rows = zip(finer.tolist(), *left[:, :_MEAN].T.tolist(), strict=True)
        differences += [Difference(tuple(transform), *rest) for transform, *rest in rows]
    return differences


def plain_sides(picture: UInt8s) -> tuple[bool, bool, bool, bool]:
    """Return whether the left, top, right and bottom line of a picture (64, 64) has one gray.

    Examples
    --------
    >>> picture = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    >>> plain_sides(picture)
    (True, False, True, False)
    """
    lines = picture[:, 0], picture[0], picture[:, -1], picture[-1]
    ordered = np.sort(np.stack(lines).astype(np.int64), axis=1)
    spread = ordered[:, -1 - _OUTLIERS] - ordered[:, _OUTLIERS]
    left, top, right, bottom = (spread < _MAX_PLAIN_SPREAD).tolist()
    return left, top, right, bottom


def edge_grays(picture: UInt8s) -> tuple[float, ...]:
    """Return the median gray of the left, top, right and bottom line of a picture (64, 64).

    Examples
    --------
    >>> edge_grays(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1)))
    (0.0, 126.0, 252.0, 126.0)
    """
    lines = np.stack((picture[:, 0], picture[0], picture[:, -1], picture[-1]))
    return tuple(np.median(lines, axis=1).tolist())


def _without_edges(content: Int64s) -> Int64s:
    """Shrink content boxes by the line at which a border begins."""
    boxes = content.copy()
    boxes[..., :2] += boxes[..., :2] > 0
    boxes[..., 2:] -= boxes[..., 2:] < SIDE
    return boxes


def refined(
    first: UInt8s, second: UInt8s, boxes: Int64s, maps: Float64s, levels: Levels = _LEVELS
) -> Float64s:
    """Return maps that fit better, or the same where none was found, float64 (n, 6).

    Parameters
    ----------
    first, second
        uint8 (n, side, side), at least as large as the largest level.
    boxes
        int64 (n, 2, 4): what counts in the two pictures of each pair, in 1/64 of the sides.
    maps
        float64 (n, 6): where to begin.
    levels
        Side, most Gauss-Newton steps, and the step below which they have converged.
    """
    models = np.column_stack((maps, np.ones(len(maps)), np.zeros(len(maps))))
    for side, steps, tolerance in levels:
        one = _standardize(first, boxes[:, 0], side)
        other = _standardize(second, boxes[:, 1], side)
        better, good = alignment.refine(one, other, boxes, models, maps, steps, tolerance)
        models[good] = better[good]
    return models[:, :6]


def _standardize(pictures: UInt8s, boxes: Int64s, side: int) -> Float32s:
    """Reduce pictures to `side` and scale their boxes to mean 0 and deviation 1."""
    step = pictures.shape[1] // side
    gray = pictures.reshape(-1, side, step, side, step).mean((2, 4), dtype=np.float32)
    gray = _blur(gray) if step == 1 else gray
    inside = _inside(boxes, side)
    count = np.maximum(inside.sum((1, 2)), 1).astype(np.float32)[:, None, None]
    centered = gray - (gray * inside).sum((1, 2), keepdims=True) / count
    deviation = np.sqrt((centered**2 * inside).sum((1, 2), keepdims=True) / count)
    level: Float32s = (centered / np.maximum(deviation, 2)).astype(np.float32)
    return level


def _inside(boxes: Int64s, side: int) -> BoolMask:
    """Mark the pixels of a level that lie in the boxes, bool (n, side, side)."""
    at = (np.arange(side) + 0.5) * (SIDE / side)
    left, top, right, bottom = boxes.T[..., None]
    across, down = (at > left) & (at < right), (at > top) & (at < bottom)
    inside: BoolMask = down[:, :, None] & across[:, None, :]
    return inside


def _moved_little(maps: Float64s) -> BoolMask:
    """Mark the maps that move some side, but none by much, bool (n,)."""
    far = np.abs(maps - _orientation_maps(maps)).max(axis=1)
    moved: BoolMask = (far > 0) & (far < _LITTLE)
    return moved


def _orientation_maps(maps: Float64s) -> Float64s:
    """Reduce maps to their orientation: the whole picture onto the whole other picture."""
    whole = np.tile(np.array([-1.0, -1.0, 1.0, 1.0]), (len(maps), 1))
    return maps_between_boxes(nearest_orientation(maps), whole, whole)


def _residuals(first: UInt8s, second: UInt8s, maps: Float64s) -> Float64s:
    """Return the gain, the worst, the median and the mean difference of blocks, float64 (n, 4)."""
    whole = np.tile(np.array([0, 0, SIDE, SIDE]), (len(first), 1))
    one = first.astype(np.float32)
    # The whole common area: writing on a plain ground lies outside of both contents.
    other, _, _, inside = alignment.warp(second.astype(np.float32), whole, maps)
    one, other = _blur(one), _blur(other)
    gain, rest = _fit_tones(one, other, inside)
    cells = SIDE // _BLOCK
    shape = (-1, cells, _BLOCK, cells, _BLOCK)
    blocks = np.where(inside, np.abs(rest), 0).reshape(shape).mean((2, 4))
    # Blocks at the edge of what both show are left out: there the map interpolates what is missing.
    full: BoolMask = np.asarray(inside.reshape(shape).all((2, 4)), np.bool_)
    blocks = np.where(full, blocks, 0)
    mean = blocks.sum((1, 2)) / np.maximum(full.sum((1, 2)), 1)
    return np.column_stack((gain, blocks.max((1, 2)), _median(blocks, full), mean)).astype(float)


def _fit_tones(one: Float32s, other: Float32s, inside: BoolMask) -> tuple[Float32s, Float32s]:
    """Fit the tones of one picture to those of the other, outliers counting less and less.

    Returns
    -------
    The gain, float32 (n,), and what the fit leaves, float32 (n, 64, 64).
    """
    weight = inside.astype(np.float32)
    # Iteratively reweighted least squares with Cauchy weights: writing on one picture must not
    # count as a change of its contrast.
    for _ in range(_FIT_ITERATIONS):
        total = np.maximum(weight.sum((1, 2)), 1)
        means = [((weight * p).sum((1, 2)) / total)[:, None, None] for p in (one, other)]
        one_centered, other_centered = one - means[0], other - means[1]
        spread = np.maximum((weight * other_centered**2).sum((1, 2)), 1)
        gain = (weight * one_centered * other_centered).sum((1, 2)) / spread
        rest = one_centered - gain[:, None, None] * other_centered
        scale = 2 * (1.5 * _median(np.abs(rest), inside) + 1)
        weight = inside / (1 + (rest / scale[:, None, None]) ** 2)
    return gain, rest


def _median(values: Float32s, inside: BoolMask) -> Float32s:
    """Return the lower median of the pixels inside, (n,); 0 where there are none."""
    n = len(values)
    # One sort of all pictures takes half the time of a median of each.
    ordered = np.sort(np.where(inside, values, np.float32(np.inf)).reshape(n, -1), axis=1)
    count = inside.sum((1, 2))
    middle: Float32s = ordered[np.arange(n), np.maximum(count - 1, 0) // 2]
    return np.where(count > 0, middle, np.float32(0))


def _blur(pictures: Float32s) -> Float32s:
    """Blur by (1, 2, 1) / 4 in both directions."""
    for axis in (1, 2):
        padded = np.pad(pictures, [(1, 1) if a == axis else (0, 0) for a in range(3)], "edge")
        size = pictures.shape[axis]
        low, middle, high = (padded.take(range(k, k + size), axis) for k in range(3))
        pictures = ((low + 2 * middle + high) / 4).astype(np.float32, copy=False)
    return pictures
