"""Reduce, blur and standardize grays as `imgurer_kernel.matching.alignment` does."""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Int64s, UInt8s
from imgurer_kernel.matching.alignment import SIDE

_LEVEL, _BOX, _ROW = "float32[:, ::1]", "int64[::1]", "float32[::1]"
# Pictures are only read, and may lie in memory that nothing may write to.
_PICTURE = "Array(uint8, 2, 'C', readonly=True)"
_ONE, _ZERO = np.float32(1), np.float32(0)


@compiled(f"Tuple((int64, int64, int64, int64))({_BOX}, int64)", fastmath=True)
def box_at(box: Int64s, side: int) -> tuple[int, int, int, int]:
    """Scale a box from pixels of a side of 64 to whole pixels of another side."""
    return (
        -(-box[0] * side // SIDE),
        -(-box[1] * side // SIDE),
        box[2] * side // SIDE,
        box[3] * side // SIDE,
    )


@compiled(f"float32({_ROW})", fastmath=True)
def _sum(row: Float32s) -> float:
    """Sum up a row: a function of its own, as only a loop from index 0 becomes vector code."""
    total = _ZERO
    for x in range(row.shape[0]):
        total += row[x]
    return total


@compiled(f"float32({_ROW}, float32)", fastmath=True)
def _squares(row: Float32s, mean: float) -> float:
    """Sum up the squares of the deviations from the mean."""
    total = _ZERO
    for x in range(row.shape[0]):
        total += (row[x] - mean) * (row[x] - mean)
    return total


@compiled(f"float32({_LEVEL}, {_BOX})", fastmath=True)
def standardize(level: Float32s, box: Int64s) -> float:
    """Scale to mean 0 and deviation 1 within a box, in place; return the deviation, at least 2."""
    side = level.shape[0]
    left, top, right, bottom = box_at(box, side)
    count = float32((right - left) * (bottom - top))
    grays = level.reshape(-1)
    total, squares = _ZERO, _ZERO
    for y in range(top, bottom):
        total += _sum(grays[y * side + left : y * side + right])
    mean = total / count
    for y in range(top, bottom):
        squares += _squares(grays[y * side + left : y * side + right], mean)
    deviation = max(np.sqrt(squares / count), float32(2))
    scale = _ONE / deviation
    for pixel in range(side * side):
        grays[pixel] = (grays[pixel] - mean) * scale
    return deviation


@compiled(f"float32({_PICTURE}, {_BOX}, {_LEVEL})", fastmath=True)
def reduce(picture: UInt8s, box: Int64s, out: Float32s) -> float:
    """Average a picture to the side of `out`, standardize it there, return its deviation."""
    side = out.shape[0]
    step = picture.shape[0] // side
    scale = _ONE / float32(step * step)
    for y in range(side):
        for x in range(side):
            total = 0
            for i in range(step):
                for j in range(step):
                    total += picture[y * step + i, x * step + j]
            out[y, x] = float32(total) * scale
    return standardize(out, box)


@compiled(f"void({_PICTURE}, {_LEVEL})", fastmath=True)
def blur(picture: UInt8s, out: Float32s) -> None:
    """Blur by (1, 2, 1) / 4 both ways; the outermost row and column are repeated."""
    side = picture.shape[0]
    row = np.empty(side, np.float32)
    for y in range(side):
        above, here, below = picture[max(y - 1, 0)], picture[y], picture[min(y + 1, side - 1)]
        for x in range(side):
            row[x] = float32(above[x]) + float32(2) * float32(here[x]) + float32(below[x])
        for x in range(1, side - 1):
            out[y, x] = (row[x - 1] + float32(2) * row[x] + row[x + 1]) * float32(1 / 16)
        out[y, 0] = (float32(3) * row[0] + row[1]) * float32(1 / 16)
        out[y, side - 1] = (row[side - 2] + float32(3) * row[side - 1]) * float32(1 / 16)


@compiled(f"float32({_PICTURE}, {_BOX}, {_LEVEL})", fastmath=True)
def smooth(picture: UInt8s, box: Int64s, out: Float32s) -> float:
    """Blur into `out`, see `blur`, standardize there, return the deviation."""
    blur(picture, out)
    return standardize(out, box)


@compiled(f"Tuple(({_LEVEL}, {_LEVEL}, {_LEVEL}))()")
def levels() -> tuple[Float32s, Float32s, Float32s]:
    """Allocate one picture at each side."""
    small, middle = np.empty((16, 16), np.float32), np.empty((32, 32), np.float32)
    return small, middle, np.empty((SIDE, SIDE), np.float32)
