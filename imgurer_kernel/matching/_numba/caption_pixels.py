"""Count the pixels of a picture that look like captions: white letters with black edges, or both.

`imgurer_kernel.matching._numba.spots` takes corners elsewhere first: letters have the sharpest
ones, and on two memes of one template they are different.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Int64s, UInt8s

_PICTURE = "Array(uint8, 2, 'C', readonly=True)"
_ROW = "uint8[::1]"

# Gray levels of letters and of their edges, whose pixels are so near to each other. Of 150
# photographs none has a spot elsewhere because of them.
_WHITE, _BLACK, _NEAR = 240, 25, 2


@compiled(f"void(Array(uint8, 1, 'C', readonly=True), {_ROW})")
def _extremes(row: UInt8s, out: UInt8s) -> None:
    """Write 1 for white pixels, 2 for black ones, both for their neighbors within the row."""
    out[:] = 0
    for x in range(row.shape[0]):
        mark = np.uint8(row[x] >= _WHITE) | (np.uint8(row[x] <= _BLACK) << np.uint8(1))
        if mark:
            for k in range(max(0, x - _NEAR), min(row.shape[0], x + _NEAR + 1)):
                out[k] |= mark


@compiled(f"int64[:, ::1]({_PICTURE})")
def sum_captions(gray: UInt8s) -> Int64s:
    """Sum up the pixels near both white and black ones, above and left of each corner of a pixel.

    Returns
    -------
    int64 (height + 1, width + 1).
    """
    height, width = gray.shape
    marks, near = np.empty((height, width), np.uint8), np.empty(width, np.uint8)
    sums = np.zeros((height + 1, width + 1), np.int64)
    for y in range(height):
        _extremes(gray[y], marks[y])
    for y in range(height):
        near[:] = marks[y]
        for other in range(max(0, y - _NEAR), min(height, y + _NEAR + 1)):
            for x in range(width):
                near[x] |= marks[other, x]
        total = 0
        for x in range(width):
            total += np.int64(near[x] == 3)
            sums[y + 1, x + 1] = sums[y, x + 1] + total
    return sums


@compiled("float64(int64[:, ::1], float64, float64, float64, float64)")
def share_of_captions(sums: Int64s, x: float, y: float, across: float, down: float) -> float:
    """Return the share of caption pixels in a box around a place, in pixels of the picture."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    left, right = max(0, int(x - across)), min(width, int(x + across) + 1)
    top, bottom = max(0, int(y - down)), min(height, int(y + down) + 1)
    count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return count / max(1, (right - left) * (bottom - top))
