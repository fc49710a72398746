"""Find white letters with black outlines, in machine code."""

# numba infers other types than mypy.
# Long functions: the compiler optimizes loops over arrays less across calls.
# ruff: noqa: C901
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s

_MASK = "boolean[:, ::1]"

# Levels of the darkest channel of letters, and of the luma of their outlines. Both are wide: JPEG
# and the reduction to a thumbnail leave grays of them.
_WHITE, _BLACK = 195, 100
# Pixels and share of the height; captions have 0.05 to 0.15 of it.
_LEAST_HIGH, _LOW, _HIGH = 6, 0.03, 0.22
_NARROW, _WIDE = 0.12, 8.0  # width to height: an I, and a word whose letters touch
_FILLED = 0.15  # share of the box of a letter
_OUTLINED = 0.85  # share of the rim of a letter that is dark
# Beyond the outline, from 2 to 6 pixels away, there is something else; this share of a letter's
# top and bottom tells an outline from a dark ground.
_NEAR, _FAR, _BEYOND = 2, 7, 0.5


@compiled(f"float64(int64[:, ::1], {_MASK}, int64, int64, int64, int64, int64)")
def _dark_rim(
    region: Int64s, dark: BoolMask, number: int, left: int, top: int, right: int, bottom: int
) -> float:
    """Return the share of the pixels around a region that are dark or next to a dark one."""
    height, width = region.shape
    near, total = 0, 0
    for y in range(max(top - 1, 0), min(bottom + 1, height)):
        for x in range(max(left - 1, 0), min(right + 1, width)):
            if region[y, x] == number:
                continue
            beside = False
            for k in range(4):
                p, q = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                if 0 <= p < height and 0 <= q < width and region[p, q] == number:
                    beside = True
            if not beside:
                continue
            total += 1
            near += dark[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].any()
    return near / max(total, 1)


@compiled(f"float64({_MASK}, int64, int64, int64, int64)")
def _bright_beyond(dark: BoolMask, left: int, top: int, right: int, bottom: int) -> float:
    """Return the share of columns above and below a box that do not stay dark."""
    found = 0
    for x in range(left, right):
        for step in (-1, 1):
            start = top if step < 0 else bottom - 1
            for k in range(_NEAR, _FAR):
                y = start + step * k
                if 0 <= y < dark.shape[0] and not dark[y, x]:
                    found += 1
                    break
    return found / (2 * (right - left))


@compiled("int64[:, ::1](Array(uint8, 3, 'C', readonly=True))")
def find_letters(rgb: UInt8s) -> Int64s:
    """Find white regions of the size of letters within dark rims.

    Returns
    -------
    int64 (k, 5): left, top, right, bottom in pixels, the latter two exclusive, and 1 where the rim
    is an outline, 0 where all around is dark. By the place of their first pixels, row by row.
    """
    height, width = rgb.shape[:2]
    white, dark = np.empty((height, width), np.bool_), np.empty((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            r, g, b = np.int64(rgb[y, x, 0]), np.int64(rgb[y, x, 1]), np.int64(rgb[y, x, 2])
            white[y, x] = min(r, g, b) >= _WHITE
            dark[y, x] = 299 * r + 587 * g + 114 * b <= 1000 * _BLACK
    region = np.zeros((height, width), np.int64)
    stack = np.empty((height * width, 2), np.int64)
    out = np.empty((height * width // 4 + 1, 5), np.int64)
    number, count = 0, 0
    for i in range(height):
        for j in range(width):
            if not white[i, j] or region[i, j]:
                continue
            number += 1
            region[i, j] = number
            stack[0], depth, area = (i, j), 1, 0
            left, top, right, bottom = j, i, j + 1, i + 1
            while depth:
                depth -= 1
                y, x = stack[depth]
                area += 1
                left, right = min(left, x), max(right, x + 1)
                top, bottom = min(top, y), max(bottom, y + 1)
                for k in range(4):
                    p, q = y + (k == 0) - (k == 1), x + (k == 2) - (k == 3)
                    inside = 0 <= p < height and 0 <= q < width
                    if inside and white[p, q] and not region[p, q]:
                        region[p, q] = number
                        stack[depth, 0], stack[depth, 1] = p, q
                        depth += 1
            high, across = bottom - top, right - left
            fits = high >= max(_LEAST_HIGH, _LOW * height) and high <= _HIGH * height
            fits = fits and across >= _NARROW * high and across <= _WIDE * high
            if not fits or area < _FILLED * high * across:
                continue
            if _dark_rim(region, dark, number, left, top, right, bottom) < _OUTLINED:
                continue
            outlined = np.int64(_bright_beyond(dark, left, top, right, bottom) >= _BEYOND)
            out[count] = left, top, right, bottom, outlined
            count += 1
    return out[:count].copy()
