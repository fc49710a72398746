"""Distinguish collages from crops by the seam along which another picture begins.

Beyond the edge of a crop the larger picture goes on: its edges run across. In a collage another
picture begins there, along a straight line, and that picture has a content of its own. A border or
a bar with a caption begins there too, but is of one colour with writing on it at most; what fills
the sides of an upright film is blurred.
"""

import numpy as np

from imgurer_kernel.common.arrays import greatest_of_three
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s

OUTSIDE = 0.15
"""Share of the larger picture beyond one side, from which another picture may be there."""

# Measured on 30 photographs in 329 crops and 214 collages, with and without gaps: one crop ends
# near a line that stands out so much, 195 collages do.
_STANDS_OUT, _DECISIVE = 0.25, 0.5
_ALIKE = 0.3  # correlation across a line, below which both sides have nothing in common
_NEARBY = 0.03  # share of a side by which maps are off: they were found at 64 pixels
_WIDE = 0.25
_NARROW = 0.6  # share that must stand out if less lies beyond: many crops end near some edge
_GAP, _FACTOR, _LEVELS = 3, 1.5, 6.0
# Lines that a seam is compared with: adjacent ones, and those beyond a gap between two pictures.
_NEAR = ((-6, -4, -3, 3, 4, 6), (-14, -12, -10, 10, 12, 14))
_PLAIN = 0.4  # share of a gray within one level: bars with captions have 0.5 and more
_TEXTURE = 4.0  # levels from pixel to pixel, across and down; blurred pictures have up to 3.6
_LEAST = 16  # pixels along a seam
_CLEAR = 0.8  # share that stands out from which the picture beyond may have a plain ground
_REST = 0.2  # share of other grays than the two most frequent: letters on a ground have less
_SLANT = 0.12  # largest shear of a map; those of collages are off by so much


def find_seam(
    first: UInt8s, second: UInt8s, transform: Float64s, content: Int64s, cuts: Float64s
) -> bool:
    """Return whether one of two pictures with common content has a third picture beside it.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3).
    transform
        float64 (6,): from the first to the second.
    content
        int64 (2, 4): what lies within the borders of both, in 1/64 of the sides.
    cuts
        float64 (4,): share of what both show that disagrees in strips at the left, top, right and
        bottom.
    """
    a, b, c, d, e, f = transform.tolist()
    turned = abs(b) + abs(d) > abs(a) + abs(e)
    if max((abs(a), abs(e)) if turned else (abs(b), abs(d))) > _SLANT:
        return False
    own, other = content / 32 - 1.0
    matrix, move = np.array([[a, b], [d, e]]), np.array((c, f))
    inverse = np.linalg.inv(matrix)
    other_box = np.sort((other.reshape(2, 2) - move) @ inverse.T, axis=0).ravel()
    box = np.concatenate((np.maximum(own[:2], other_box[:2]), np.minimum(own[2:], other_box[2:])))
    width, height = box[2:] - box[:2]
    box += cuts * (width, height, -width, -height)
    slack = np.abs(cuts > 0) * np.array((width, height, width, height)) / 14
    corners = np.sort(box.reshape(2, 2) @ matrix.T + move, axis=0).ravel()
    other_slack = np.abs(matrix) @ slack.reshape(2, 2).T
    # A reflection swaps sides: of the two the larger slack.
    slacks = np.tile(other_slack.max(axis=1), 2)
    return _has_seam(first, box, own, slack) or _has_seam(second, corners, other, slacks)


def _has_seam(picture: UInt8s, box: Float64s, content: Float64s, slack: Float64s) -> bool:
    """Return whether a picture has a seam along a side of a box; all boxes are in -1..1."""
    height, width = picture.shape[:2]
    pixels = picture.astype(np.float32)
    for axis, size in ((0, width), (1, height)):
        lines = pixels if axis == 0 else pixels.transpose(1, 0, 2)
        low, high = _pixels(box[axis::2], size), _pixels(content[axis::2], size)
        across = _pixels(box[1 - axis :: 2], height if axis == 0 else width)
        rows = lines[max(0, int(across[0]) + 2) : max(0, int(across[1]) - 1)]
        if len(rows) < _LEAST:
            continue
        reach = high[1] - high[0]
        for side, rest in ((0, low[0] - high[0]), (1, high[1] - low[1])):
            if rest < OUTSIDE * reach:
                continue
            around = 2 + round(_NEARBY * size + slack[axis + 2 * side] * size / 2)
            if _stands_out(rows, low[side], around, side, high, wide=rest >= _WIDE * reach):
                return True
    return False


def _pixels(ends: Float64s, size: int) -> Float64s:
    return (np.clip(ends, -1, 1) + 1) * size / 2


def _stands_out(
    rows: Float32s, at: float, around: int, side: int, ends: Float64s, *, wide: bool
) -> bool:
    """Return whether a line near `at` is a seam with another picture beyond it."""
    # Of the line x at x - 2.
    steps = greatest_of_three(np.abs(rows[:, _GAP:] - rows[:, :-_GAP]))
    for near in _NEAR:
        margin = 2 + max(near)
        first = max(round(at) - around, int(ends[0]) + margin)
        lines = np.arange(first, min(round(at) + around, int(ends[1]) - margin) + 1)
        if not len(lines):
            continue
        most = np.max([steps[:, lines - 2 + k] for k in near], axis=0)
        shares = (steps[:, lines - 2] > _FACTOR * most + _LEVELS).mean(axis=0)
        k = int(shares.argmax())
        x, share = int(lines[k]), float(shares[k])
        if share < (_STANDS_OUT if wide else _NARROW):
            continue
        if share < _DECISIVE and _correlation(rows[:, x + 1], rows[:, x - 2]) > _ALIKE:
            continue
        beyond = rows[:, int(ends[0]) : x - 2] if side == 0 else rows[:, x + 2 : int(ends[1])]
        if _is_picture(beyond.mean(axis=2), clear=share >= _CLEAR):
            return True
    return False


def _correlation(one: Float32s, other: Float32s) -> float:
    """Correlate the colours of two lines (n, 3); noise of three levels counts as uncorrelated."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    spread = float(np.sqrt((one**2).sum() * (other**2).sum())) + 9 * len(one)
    return float((one * other).sum()) / spread


def _is_picture(gray: Float32s, *, clear: bool) -> bool:
    """Return whether a part has content: more than writing on a plain ground, and not blurred."""
    if min(gray.shape) < 3:
        return False
    counts = np.bincount(gray.astype(np.int64).ravel(), minlength=256)
    if np.convolve(counts, np.ones(3)).max() >= _PLAIN * gray.size:
        if not clear:
            return False
        for _ in range(2):
            most = int(np.convolve(counts, np.ones(9), "same").argmax())
            counts[max(most - 4, 0) : most + 5] = 0
        if counts.sum() < _REST * gray.size:
            return False
    texture = np.abs(np.diff(gray, axis=0)).mean() + np.abs(np.diff(gray, axis=1)).mean()
    return bool(texture >= _TEXTURE)


def may_have_seams(transforms: Float64s, content: Int64s) -> BoolMask:
    """Mark the pairs that may have a seam: one picture shows much beyond the other.

    A picture that covers all of the other picture is not a collage, whatever differs along one
    side: half of a damaged JPEG may have other pixels.

    Parameters
    ----------
    transforms, content
        float64 (n, 6), int64 (n, 2, 4).

    Returns
    -------
    bool (n,).
    """
    box = content / 32 - 1.0
    size = box[..., 2:] - box[..., :2]
    area = np.abs(transforms[:, 0] * transforms[:, 4] - transforms[:, 1] * transforms[:, 3])
    one, other = (size[:, k].prod(axis=-1) for k in (0, 1))
    middle = (box[:, 0, :2] + box[:, 0, 2:]) / 2
    moved = np.stack(
        [(transforms[:, k : k + 2] * middle).sum(1) + transforms[:, k + 2] for k in (0, 3)], 1
    )
    # A picture as wide as a collage may be higher, so each side is compared as well.
    turned = np.abs(transforms[:, 1]) + np.abs(transforms[:, 3]) > (
        np.abs(transforms[:, 0]) + np.abs(transforms[:, 4])
    )
    across = np.abs(np.where(turned[:, None], transforms[:, [1, 3]], transforms[:, [0, 4]]))
    reach = size[:, 0] * 1.0
    reach[turned] = reach[turned][:, ::-1]
    sides = across * reach / np.maximum(size[:, 1], 1e-9)
    off = np.abs(moved - (box[:, 1, :2] + box[:, 1, 2:]) / 2) / size[:, 1]
    ratio = one * area / np.maximum(other, 1e-9)
    least = np.minimum(ratio, 1 / np.maximum(ratio, 1e-9))
    sides = np.minimum(sides, 1 / np.maximum(sides, 1e-9))
    marked: BoolMask = (least < 1 - OUTSIDE) | (off.max(axis=1) > OUTSIDE / 2)
    marked |= sides.min(axis=1) < 1 - OUTSIDE
    return marked
