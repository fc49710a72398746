"""Draw a picture on a grid: blur, look up, reduce, gradients, in machine code.

Planes are float32 (height, width); a grid covers a box of the picture's coordinates, -1..1, as
`imgurer_kernel.matching.affine` has them.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s, UInt8s

PLANE, RGB = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)"
LEAST_SIGMA = 0.3  # a Gaussian blur narrower than this changes nothing that is seen
_REACH = 2.5  # standard deviations after which a Gaussian is cut off


@compiled(f"{PLANE}({RGB})", fastmath=True)
def luma(rgb: UInt8s) -> Float32s:
    """Return the brightness of a picture, 0..255."""
    height, width = rgb.shape[0], rgb.shape[1]
    out = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            out[y, x] = (
                float32(0.299) * float32(rgb[y, x, 0])
                + float32(0.587) * float32(rgb[y, x, 1])
                + float32(0.114) * float32(rgb[y, x, 2])
            )
    return out


@compiled("float32[::1](float64, int64)")
def _gaussian(sigma: float, reach: int) -> Float32s:
    weights = np.empty(2 * reach + 1, np.float32)
    for k in range(2 * reach + 1):
        weights[k] = np.exp(-0.5 * ((k - reach) / sigma) ** 2)
    return weights / weights.sum()


@compiled(f"{PLANE}({PLANE}, float64, float64)", fastmath=True)
def blurred(plane: Float32s, across: float, down: float) -> Float32s:
    """Return a plane blurred by a Gaussian, its edges repeated; sigmas in pixels."""
    height, width = plane.shape
    result = plane
    if across >= LEAST_SIGMA:
        reach = max(1, int(_REACH * across + 0.5))
        weights = _gaussian(across, reach)
        out = np.empty_like(plane)
        line = np.empty(width + 2 * reach, np.float32)
        for y in range(height):
            line[reach : reach + width] = result[y]
            line[:reach], line[reach + width :] = result[y, 0], result[y, width - 1]
            row = out[y]
            row[:] = 0
            for k in range(2 * reach + 1):
                w = weights[k]
                part = line[k : k + width]
                for x in range(width):
                    row[x] += w * part[x]
        result = out
    if down >= LEAST_SIGMA:
        reach = max(1, int(_REACH * down + 0.5))
        weights = _gaussian(down, reach)
        out = np.zeros_like(plane)
        for y in range(height):
            row = out[y]
            for k in range(2 * reach + 1):
                w = weights[k]
                part = result[min(max(y + k - reach, 0), height - 1)]
                for x in range(width):
                    row[x] += w * part[x]
        result = out
    return result


@compiled(f"float32({PLANE}, float32, float32)", fastmath=True)
def look_up(plane: Float32s, x: float, y: float) -> float:
    """Return the value at a point within the plane, bilinearly."""
    height, width = plane.shape
    j, i = np.int32(x), np.int32(y)
    fx, fy = x - float32(j), y - float32(i)
    right, below = min(j + 1, width - 1), min(i + 1, height - 1)
    upper = plane[i, j] + (plane[i, right] - plane[i, j]) * fx
    lower = plane[below, j] + (plane[below, right] - plane[below, j]) * fx
    return upper + (lower - upper) * fy


@compiled(f"{PLANE}({PLANE}, float64[::1], float64[::1], int64, int64)", fastmath=True)
def drawn(plane: Float32s, box: Float64s, transform: Float64s, nx: int, ny: int) -> Float32s:
    """Look a plane up, bilinearly, at the points of a grid; edges are repeated.

    Parameters
    ----------
    plane
        The picture, blurred as reducing needs it.
    box
        What the grid covers, in coordinates that `transform` takes to those of the picture.
    transform
        float64 (6,).
    nx, ny
        Points of the grid.
    """
    height, width = plane.shape
    out = np.empty((ny, nx), np.float32)
    du, dv = (box[2] - box[0]) / nx, (box[3] - box[1]) / ny
    last_x, last_y = float32(width - 1), float32(height - 1)
    step_x = float32(transform[0] * du * 0.5 * width)
    step_y = float32(transform[3] * du * 0.5 * height)
    for i in range(ny):
        u, v = box[0] + 0.5 * du, box[1] + (i + 0.5) * dv
        x0 = float32((transform[0] * u + transform[1] * v + transform[2] + 1) * 0.5 * width - 0.5)
        y0 = float32((transform[3] * u + transform[4] * v + transform[5] + 1) * 0.5 * height - 0.5)
        for j in range(nx):
            x = min(max(x0 + step_x * float32(np.int32(j)), float32(0)), last_x)
            y = min(max(y0 + step_y * float32(np.int32(j)), float32(0)), last_y)
            out[i, j] = look_up(plane, x, y)
    return out


@compiled(f"{PLANE}({PLANE})", fastmath=True)
def halved(plane: Float32s) -> Float32s:
    """Return the means of 2x2 pixels."""
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    out = np.empty((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            out[y, x] = float32(0.25) * (
                plane[2 * y, 2 * x]
                + plane[2 * y, 2 * x + 1]
                + plane[2 * y + 1, 2 * x]
                + plane[2 * y + 1, 2 * x + 1]
            )
    return out


@compiled(f"void({PLANE}, int64, {PLANE}, {PLANE})", fastmath=True)
def gradients(plane: Float32s, pad: int, across: Float32s, down: Float32s) -> None:
    """Write the gradients by Sobel, gray levels a pixel, into planes padded by `pad` all around."""
    height, width = plane.shape
    for i in range(height + 2 * pad):
        y = min(max(i - pad, 0), height - 1)
        above, here, below = plane[max(y - 1, 0)], plane[y], plane[min(y + 1, height - 1)]
        for x in range(1, width - 1):
            across[i, x + pad] = float32(0.125) * (
                above[x + 1] - above[x - 1] + below[x + 1] - below[x - 1]
            ) + float32(0.25) * (here[x + 1] - here[x - 1])
            down[i, x + pad] = float32(0.125) * (
                below[x - 1] - above[x - 1] + below[x + 1] - above[x + 1]
            ) + float32(0.25) * (below[x] - above[x])
        for x in range(pad + 1):
            across[i, x], down[i, x] = across[i, pad + 1], down[i, pad + 1]
            end = width + pad - 1 + x
            across[i, end], down[i, end] = across[i, width + pad - 2], down[i, width + pad - 2]


@compiled(f"UniTuple(float32, 2)({PLANE}, float32, float32)", fastmath=True)
def shift_at(fit: Float32s, u: float, v: float) -> tuple[float, float]:
    """Return the shift, in pixels, that a polynomial has at a point, -1..1."""
    uv, uu, vv = u * v, u * u, v * v
    return (
        fit[0, 0]
        + fit[1, 0] * u
        + fit[2, 0] * v
        + fit[3, 0] * uv
        + fit[4, 0] * uu
        + fit[5, 0] * vv,
        fit[0, 1]
        + fit[1, 1] * u
        + fit[2, 1] * v
        + fit[3, 1] * uv
        + fit[4, 1] * uu
        + fit[5, 1] * vv,
    )


@compiled(f"{PLANE}({PLANE}, {PLANE})", fastmath=True)
def bent(plane: Float32s, fit: Float32s) -> Float32s:
    """Move a plane by smooth shifts: polynomials of second order in pixels, float32 (6, 2)."""
    height, width = plane.shape
    out = np.empty_like(plane)
    last_x, last_y = float32(width - 1), float32(height - 1)
    for y in range(height):
        v = float32(2 * y + 1) / float32(height) - float32(1)
        for x in range(width):
            u = float32(np.int32(2 * x + 1)) / float32(width) - float32(1)
            dx, dy = shift_at(fit, u, v)
            px = min(max(float32(np.int32(x)) + dx, float32(0)), last_x)
            py = min(max(float32(np.int32(y)) + dy, float32(0)), last_y)
            out[y, x] = look_up(plane, px, py)
    return out
