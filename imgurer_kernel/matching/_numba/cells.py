"""Compare the colours of two aligned pictures cell by cell, after models of a colour change."""

# numba infers other types than mypy.
# ruff: noqa: PLR0913, PLR0917
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba import tones
from imgurer_kernel.matching._numba.blocks import edges
from imgurer_kernel.matching._numba.planes import shift_at
from imgurer_kernel.matching._numba.quantiles import quantile

_PLANE, _RGB = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)"
_VECTOR, _MASK = "float64[::1]", "boolean[:, ::1]"
_MANY = 400  # cells
_FAR = 20.0  # levels that a model of a colour change leaves of a cell
_SAMPLES = 3  # points a side of a cell at which its colour is looked up


@compiled(
    f"float64[:, ::1]({_RGB}, {_PLANE}, {_PLANE}, {_VECTOR}, {_VECTOR}, {_PLANE}, {_MASK},"
    " float64, boolean)",
    fastmath=True,
)
def cells(
    rgb: UInt8s,
    luminance: Float32s,
    plane: Float32s,
    box: Float64s,
    transform: Float64s,
    fit: Float32s,
    use: BoolMask,
    width: float,
    inverted: bool,
) -> Float64s:
    """Return the colours of the cells, two a side of each block in use, float64 (n, 3).

    Brightness is that of the plane, which is as sharp as the other picture's; colour is looked up
    in the picture, of which a JPEG keeps every second pixel.
    """
    ny, nx = plane.shape
    by, bx = use.shape
    rows, columns = edges(ny, 2 * by), edges(nx, 2 * bx)
    height, breadth = rgb.shape[0], rgb.shape[1]
    out = np.empty((4 * use.sum(), 3))
    at = 0
    for i in range(2 * by):
        for j in range(2 * bx):
            if not use[i // 2, j // 2]:
                continue
            y0, y1, x0, x1 = rows[i], rows[i + 1], columns[j], columns[j + 1]
            more_x, more_y = (
                int((width - 1) * (x1 - x0) / 2 + 0.5),
                int((width - 1) * (y1 - y0) / 2 + 0.5),
            )
            bright, count = 0.0, 0
            for y in range(max(y0 - more_y, 0), min(y1 + more_y, ny)):
                for x in range(max(x0 - more_x, 0), min(x1 + more_x, nx)):
                    bright += plane[y, x]
                    count += 1
            bright /= max(count, 1)
            colour = np.zeros(3)
            for k in range(_SAMPLES * _SAMPLES):
                fy = 0.5 + ((k // _SAMPLES + 0.5) / _SAMPLES - 0.5) * width
                fx = 0.5 + ((k % _SAMPLES + 0.5) / _SAMPLES - 0.5) * width
                px, py = x0 + fx * (x1 - x0) - 0.5, y0 + fy * (y1 - y0) - 0.5
                dx, dy = shift_at(
                    fit, float32((2 * px + 1) / nx - 1), float32((2 * py + 1) / ny - 1)
                )
                u = box[0] + (px + dx + 0.5) / nx * (box[2] - box[0])
                v = box[1] + (py + dy + 0.5) / ny * (box[3] - box[1])
                qx = (transform[0] * u + transform[1] * v + transform[2] + 1) * 0.5 * breadth
                qy = (transform[3] * u + transform[4] * v + transform[5] + 1) * 0.5 * height
                x = min(max(int(np.floor(qx)), 0), breadth - 1)
                y = min(max(int(np.floor(qy)), 0), height - 1)
                for channel in range(3):
                    colour[channel] += rgb[y, x, channel] - luminance[y, x]
            sign = -1.0 if inverted else 1.0
            for channel in range(3):
                out[at, channel] = bright + sign * colour[channel] / (_SAMPLES * _SAMPLES)
            at += 1
    return out


@compiled(f"void(float64[:, ::1], float64[:, ::1], {_VECTOR})")
def judge_colours(one: Float64s, other: Float64s, out: Float64s) -> None:
    """Write the residuals of models of a colour change: light and tone for drawings, else hues."""
    out[names.COLOURED], out[names.OTHER_COLOURED] = tones.coloured(one), tones.coloured(other)
    model = np.empty(4)
    photo = out[names.AGREE] >= names.STRAY_FROM
    tone = tones.left_by_tone(one, other, photo, model)
    out[names.TONE_SHARE], out[names.TONE_98] = (tone > _FAR).mean(), quantile(tone, 0.98)
    out[names.GAIN], out[names.OFFSET], out[names.SATURATION] = model[:3]
    if out[names.AGREE] < names.RICH:
        light = tones.left_by_light(one, other)
        out[names.LIGHT_98], out[names.LIGHT_90] = quantile(light, 0.98), quantile(light, 0.9)
    elif out[names.TONE_SHARE] > 0:
        # A brighter copy is cut off at white, and loses its colours there.
        light = tones.left_by_light(one, other)
        out[names.TONE_SHARE] = min(out[names.TONE_SHARE], (light > _FAR).mean())
    if photo:
        # Every second cell is enough where there are many, and takes half of the time.
        step = 2 if len(one) >= _MANY else 1
        one, other = one[::step].copy(), other[::step].copy()
        out[names.HUE_SHARE] = (tones.left_by_hue(one, other, model) > 8).mean()
        out[names.TURN], out[names.CHROMA], out[names.MOVED], out[names.LIGHTNESS] = model
        left, other_left = tones.tinted(one), tones.tinted(other)
        out[names.MONO], out[names.MOST_COLOUR] = min(left, other_left), max(left, other_left)
