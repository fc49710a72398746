"""Measure the residuals of two aligned drawings, pixel by pixel, after a change of light.

Blocks compare edges, and flat places compare colours. Both miss a face of four pixels in another
colour, the hands of a clock or the sign in an icon: it is too small for a block, or exists in one
picture only. A copy differs along all of its edges alike, by as much as it was compressed. A region
that differs far more than the rest of the picture, and is not only a line, was drawn differently.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s, UInt8s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba.flat_colours import fit_gain, leaves
from imgurer_kernel.matching._numba.planes import bent, blurred, drawn
from imgurer_kernel.matching._numba.quantiles import quantile

_PLANE, _RGB, _VECTOR = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)", "float64[::1]"
_PLANES = "float32[:, :, ::1]"
_STEEP = 20.0  # levels within a pixel's neighbours that make an edge of it
# Levels that may be left: always, for each level that is left along half of the edges, and for each
# that a pixel's neighbours span. Copies of emoji, icons and sprites stay below, see `relation`.
_ALWAYS, _BY_NOISE, _BY_EDGE = 11.0, 6.0, 0.1
_MIDDLE = 0.33  # of the height, from the middle
_SOME, _MORE = 8, 25  # ranks of differences, from 0
_CONTRAST = 60.0  # levels, of emoji; edges of black on white are off by more


@compiled(f"{_PLANES}({_RGB}, {_VECTOR}, {_VECTOR}, {_VECTOR}, int64, int64)", fastmath=True)
def draw_colours(
    rgb: UInt8s, box: Float64s, transform: Float64s, blurs: Float64s, nx: int, ny: int
) -> Float32s:
    """Draw red, green and blue on a grid, float32 (3, ny, nx).

    Parameters
    ----------
    rgb, box, transform, nx, ny
        As in `imgurer_kernel.matching._numba.planes.drawn`.
    blurs
        Blur across and down before, pixels of the picture, and after, pixels of the grid.
    """
    plane = np.empty(rgb.shape[:2], np.float32)
    out = np.empty((3, ny, nx), np.float32)
    for channel in range(3):
        for y in range(rgb.shape[0]):
            for x in range(rgb.shape[1]):
                plane[y, x] = rgb[y, x, channel]
        on_grid = drawn(blurred(plane, blurs[0], blurs[1]), box, transform, nx, ny)
        out[channel] = blurred(on_grid, blurs[2], blurs[2])
    return out


@compiled(f"void({_PLANES}, float64, boolean)", fastmath=True)
def _lighten(planes: Float32s, gain: float, to_gray: bool) -> None:
    for y in range(planes.shape[1]):
        for x in range(planes.shape[2]):
            r, g, b = planes[0, y, x], planes[1, y, x], planes[2, y, x]
            if to_gray:
                r = float32(0.299) * r + float32(0.587) * g + float32(0.114) * b
                g, b = r, r
            for channel, level in enumerate((r, g, b)):
                planes[channel, y, x] = min(level * float32(gain), float32(255))


@compiled(f"void({_PLANES}, {_PLANES}, {_PLANE}, {_PLANE}, {_PLANE})", fastmath=True)
def _compare(one: Float32s, other: Float32s, ok: Float32s, left: Float32s, steep: Float32s) -> None:
    """Write the residual of each pixel, and how many levels its neighbours span.

    A residual is 0 if the other picture has this colour within half a pixel.
    """
    ny, nx = ok.shape
    left[:], steep[:] = 0, 0
    for y in range(ny):
        for x in range(nx):
            if ok[y, x] < 0.5:
                continue
            squares, other_squares = float32(0), float32(0)
            for channel in range(3):
                p, q = one[channel], other[channel]
                low, high, other_low, other_high = p[y, x], p[y, x], q[y, x], q[y, x]
                for i in range(max(y - 1, 0), min(y + 2, ny)):
                    for j in range(max(x - 1, 0), min(x + 2, nx)):
                        low, high = min(low, p[i, j]), max(high, p[i, j])
                        other_low, other_high = min(other_low, q[i, j]), max(other_high, q[i, j])
                a, b = p[y, x], q[y, x]
                half = float32(0.5)
                off = max(half * (other_low + b) - a, a - half * (other_high + b), float32(0))
                squares += off * off
                off = max(half * (low + a) - b, b - half * (high + a), float32(0))
                other_squares += off * off
                steep[y, x] = max(steep[y, x], high - low, other_high - other_low)
            left[y, x] = np.sqrt(max(squares, other_squares) / 3)


@compiled(f"void({_PLANES}, {_PLANES}, {_PLANE}, {_VECTOR})", fastmath=True)
def _smoothed(one: Float32s, other: Float32s, ok: Float32s, out: Float64s) -> None:
    """Write large differences of means of 3x3 pixels: the 9th and 26th largest.

    Differences by half a pixel of a shift or by JPEG cancel out in a mean; another colour does not.
    """
    ny, nx = ok.shape
    means = np.zeros(ny * nx)
    count = 0
    for y in range(1, ny - 1):
        for x in range(1, nx - 1):
            square, inside = 0.0, True
            for channel in range(3):
                off = 0.0
                for k in range(9):
                    i, j = y + k // 3 - 1, x + k % 3 - 1
                    inside = inside and ok[i, j] > 0.5
                    off += one[channel, i, j] - other[channel, i, j]
                square += (off / 9) ** 2
            if inside:
                means[count] = np.sqrt(square / 3)
                count += 1
    means = np.sort(means[:count])[::-1]
    if count > _SOME:
        out[names.SMOOTHED] = means[_SOME]
    if count > _MORE:
        out[names.SMOOTHED_MORE] = means[_MORE]


@compiled(f"void({_PLANE}, {_VECTOR})", fastmath=True)
def _largest(excess: Float32s, out: Float64s) -> None:
    """Write the sum over the largest connected region, without lines of one pixel.

    Also write that of the largest region in the middle, where captions are not.
    """
    ny, nx = excess.shape
    thick = np.zeros((ny, nx), np.bool_)
    for y in range(ny - 1):
        for x in range(nx - 1):
            least = min(excess[y, x], excess[y, x + 1], excess[y + 1, x], excess[y + 1, x + 1])
            if least > 0:
                thick[y : y + 2, x : x + 2] = True
    stack = np.empty(ny * nx, np.int64)
    for start in range(ny * nx):
        if not thick[start // nx, start % nx]:
            continue
        thick[start // nx, start % nx] = False
        stack[0], depth, total, moment = start, 1, 0.0, 0.0
        while depth:
            depth -= 1
            i, j = stack[depth] // nx, stack[depth] % nx
            total += excess[i, j]
            moment += excess[i, j] * (i + 0.5) / ny
            for k in range(4):
                y, x = i + (k == 0) - (k == 1), j + (k == 2) - (k == 3)
                if 0 <= y < ny and 0 <= x < nx and thick[y, x]:
                    thick[y, x] = False
                    stack[depth] = y * nx + x
                    depth += 1
        out[names.LEFT_REGION] = max(out[names.LEFT_REGION], total)
        if abs(moment / total - 0.5) < _MIDDLE:
            out[names.LEFT_INSIDE] = max(out[names.LEFT_INSIDE], total)


@compiled(f"void({_PLANES}, {_PLANES}, {_PLANE}, {_VECTOR})", fastmath=True)
def _even_light(one: Float32s, other: Float32s, ok: Float32s, out: Float64s) -> None:
    """Give one picture the light of the other by a gain, or make it gray, whichever fits."""
    ny, nx = ok.shape
    count = 0
    places, others = np.empty((ny * nx, 3)), np.empty((ny * nx, 3))
    for y in range(ny):
        for x in range(nx):
            if ok[y, x] > 0.5:
                for channel in range(3):
                    places[count, channel] = one[channel, y, x]
                    others[count, channel] = other[channel, y, x]
                count += 1
    if count == 0:
        return
    places, others = places[:count].copy(), others[:count].copy()
    model, room = np.empty(4), np.empty(count)
    fit_gain(places, others, room, model)
    # Black stays black and clipped white stays white under any gain: keep 1 if it fits as well.
    if model[2] == 0 and leaves(places, others, 1.0, 1, False, room) <= 1.05 * model[3] + 0.1:
        model[0] = 1.0
    out[names.LEFT_GAIN] = model[0]
    _lighten(one if model[1] == 0 else other, model[0], model[2] == 1)


@compiled(f"void({_PLANES}, {_PLANES}, {_PLANE}, {_PLANE}, boolean, {_VECTOR})", fastmath=True)
def judge_remainder(
    one: Float32s, other: Float32s, fit: Float32s, ok: Float32s, inverted: bool, out: Float64s
) -> None:
    """Write the residuals of a drawing: along edges, and in the region with the largest sum.

    Parameters
    ----------
    one, other
        The colours of both on one grid, float32 (3, ny, nx), equally sharp; they are overwritten.
    fit
        The bend of the second picture, see `imgurer_kernel.matching._numba.blocks`.
    ok
        1 where both pictures have content, else 0.
    inverted
        Whether the second picture is a negative.
    """
    ny, nx = ok.shape
    for channel in range(3):
        other[channel] = bent(other[channel].copy(), fit)
        if inverted:
            other[channel] = 255 - other[channel]
    # Strips with a caption in one picture have other colours, which are not a change of light.
    inner = ok.copy()
    inner[: int(out[names.CUT_TOP] * ny + 0.999)] = 0
    inner[int((1 - out[names.CUT_BOTTOM]) * ny) :] = 0
    _even_light(one, other, inner, out)
    _smoothed(one, other, inner, out)
    left, steep = np.empty((ny, nx), np.float32), np.empty((ny, nx), np.float32)
    _compare(one, other, ok, left, steep)
    along = np.empty(ny * nx)
    edges = 0
    for y in range(ny):
        for x in range(nx):
            if steep[y, x] > _STEEP and inner[y, x] > 0.5:
                along[edges] = left[y, x]
                edges += 1
    noise = quantile(along[:edges], 0.5) if edges else 0.0
    out[names.LEFT_NOISE] = noise
    left -= float32(_ALWAYS + _BY_NOISE * noise) + float32(_BY_EDGE) * steep
    _largest(left, out)
    scale = max(1.0, out[names.CONTRAST] / _CONTRAST) ** 2
    out[names.LEFT_REGION] /= scale
    out[names.LEFT_INSIDE] /= scale
