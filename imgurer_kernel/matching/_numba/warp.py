"""Warp one picture onto another by a map, into planes of values for each pixel."""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s, Int64s
from imgurer_kernel.matching._numba.pyramid import box_at

BY_C, BY_F, BY_GAIN, BY_OFFSET, RESIDUAL, WEIGHT, WEIGHTED, PLANES = 2, 5, 6, 7, 8, 9, 10, 11
"""Planes 0..7 are derivatives by the 8 parameters: a, b, c, d, e, f, gain and offset."""

_LEVEL, _BOX, _MODEL = "float32[:, ::1]", "int64[::1]", "float64[::1]"
_ZERO = np.float32(0)


@compiled(f"{_LEVEL}(int64)")
def workspace(side: int) -> Float32s:
    """Allocate planes for pictures of one side; the plane of the offset always holds ones."""
    planes = np.empty((PLANES, side * side), np.float32)
    planes[BY_OFFSET] = 1
    return planes


@compiled(f"void({_LEVEL}, {_BOX}, {_MODEL}, {_LEVEL})", fastmath=True)
def warp(level: Float32s, box: Int64s, model: Float64s, planes: Float32s) -> None:
    """Write to planes: values, their two derivatives, and weights (1 inside the box, else 0).

    `imgurer_kernel.matching.alignment.warp` of one picture, float32 (side, side); the box is in
    pixels of 64, the first six numbers of the model are the map.
    """
    side = level.shape[0]
    left, top, right, bottom = box_at(box, side)
    low_x, low_y = float32(left), float32(top)
    high_x, high_y = float32(right - 1), float32(bottom - 1)
    last = float32(side - 1.001)
    half = side * 0.5
    u = 1 / side - 1
    across, down = float32(model[0]), float32(model[3])
    value, along_x, along_y = planes[BY_GAIN], planes[BY_C], planes[BY_F]
    # Residuals come later: until then their plane holds the index of the pixel at the upper left.
    inside, corner = planes[WEIGHT], planes[RESIDUAL]
    for y in range(side):
        v = (2 * y + 1) / side - 1
        start_x = float32((model[0] * u + model[1] * v + model[2] + 1) * half - 0.5)
        start_y = float32((model[3] * u + model[4] * v + model[5] + 1) * half - 0.5)
        for x in range(side):
            at = float32(np.int32(x))
            at_x, at_y = start_x + across * at, start_y + down * at
            within = (at_x >= low_x) & (at_x <= high_x) & (at_y >= low_y) & (at_y <= high_y)
            at_x = min(max(at_x, _ZERO), last)
            at_y = min(max(at_y, _ZERO), last)
            i, j = np.int32(at_y), np.int32(at_x)
            pixel = y * side + x
            inside[pixel] = float32(within)
            corner[pixel] = float32(np.int32(i * np.int32(side) + j))
            along_x[pixel] = at_x - float32(j)
            along_y[pixel] = at_y - float32(i)
    gray, below = level.reshape(-1), np.uint32(side)
    for pixel in range(side * side):
        k = np.uint32(np.int32(corner[pixel]))
        fx, fy = along_x[pixel], along_y[pixel]
        upper, lower = (
            gray[k + np.uint32(1)] - gray[k],
            gray[k + below + np.uint32(1)] - gray[k + below],
        )
        north, south = gray[k] + upper * fx, gray[k + below] + lower * fx
        value[pixel] = north + (south - north) * fy
        along_x[pixel] = upper + (lower - upper) * fy
        along_y[pixel] = south - north
