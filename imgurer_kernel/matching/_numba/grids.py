"""Draw two aligned pictures over their common part, both equally sharp, in machine code."""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba.planes import blurred, drawn
from imgurer_kernel.matching._numba.sharpness import blur_needed

_PLANE, _VECTOR, _MATRIX = "float32[:, ::1]", "float64[::1]", "float64[:, ::1]"
_LEAST = 24  # points of a grid along each side
_PROBE = 48  # points a side by which the common part of two pictures is found
WIDTH, HEIGHT = 3, 4
"""Columns of what `draw_both` writes: the pixels of a picture in the box."""


@compiled(f"int64({_VECTOR}, {_VECTOR}, {_VECTOR}, {_VECTOR}, {_VECTOR})")
def common_box(
    transform: Float64s, content: Float64s, other: Float64s, box: Float64s, out: Float64s
) -> int:
    """Find the box of the first picture that both contents cover; return 0 if it is tiny.

    Writes its share of the content, in the picture where that is smaller, to `out`.
    """
    a, b, c, d, e, f = transform
    su, sv = (content[2] - content[0]) / _PROBE, (content[3] - content[1]) / _PROBE
    left, top, right, bottom, count = _PROBE, _PROBE, -1, -1, 0
    for i in range(_PROBE):
        v = content[1] + (i + 0.5) * sv
        for j in range(_PROBE):
            u = content[0] + (j + 0.5) * su
            x, y = a * u + b * v + c, d * u + e * v + f
            if other[0] < x < other[2] and other[1] < y < other[3]:
                count += 1
                left, right = min(left, j), max(right, j)
                top, bottom = min(top, i), max(bottom, i)
    if count < 40:
        return 0
    box[0], box[2] = content[0] + left * su, content[0] + (right + 1) * su
    box[1], box[3] = content[1] + top * sv, content[1] + (bottom + 1) * sv
    share = count / _PROBE**2
    area = (content[2] - content[0]) * (content[3] - content[1])
    other_area = (other[2] - other[0]) * (other[3] - other[1])
    out[names.SHARE] = min(share, share * area * abs(a * e - b * d) / other_area)
    return count


@compiled(f"{_PLANE}({_VECTOR}, {_VECTOR}, {_VECTOR}, int64, int64)", fastmath=True)
def _inside(transform: Float64s, box: Float64s, other: Float64s, nx: int, ny: int) -> Float32s:
    """Mark the points of a grid that lie in the content of the second picture by 1."""
    a, b, c, d, e, f = transform
    ok = np.zeros((ny, nx), np.float32)
    for i in range(ny):
        v = box[1] + (i + 0.5) / ny * (box[3] - box[1])
        for j in range(nx):
            u = box[0] + (j + 0.5) / nx * (box[2] - box[0])
            x, y = a * u + b * v + c, d * u + e * v + f
            if other[0] < x < other[2] and other[1] < y < other[3]:
                ok[i, j] = 1
    return ok


@compiled("float64(float64)")
def _blur_for(step: float) -> float:
    """Return the sigma, in pixels, that prevents aliasing when every `step`-th pixel is sampled."""
    return 0.5 * np.sqrt(max(step * step - 1, 0.0))


@compiled(
    f"Tuple(({_PLANE}, {_PLANE}, {_PLANE}, float64))"
    f"({_PLANE}, {_PLANE}, {_VECTOR}, {_VECTOR}, {_VECTOR}, int64, {_MATRIX})",
    fastmath=True,
)
def draw_both(
    light: Float32s,
    other_light: Float32s,
    transform: Float64s,
    box: Float64s,
    other_content: Float64s,
    most: int,
    drawn_with: Float64s,
) -> tuple[Float32s, Float32s, Float32s, float]:
    """Draw both pictures over a box of the first, on one grid of the poorer one's resolution.

    The sharper one is blurred, and if much of it must be, the grid becomes coarser.

    Parameters
    ----------
    light, other_light
        The brightness of the pictures.
    transform, box, other_content
        The map to the second picture; the box; where the second has content.
    most
        Pixels of the grid's longer side, at most.
    drawn_with
        float64 (2, 5), written: of each picture the blur across, down, and in both directions on
        the grid; its own pixels across and down (`WIDTH`, `HEIGHT`).

    Returns
    -------
    Both pictures, where the second has content (1, else 0), and the last blur, pixels of the grid.
    """
    a, b, _, d, e, _ = transform
    du, dv = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    ha, wa, hb, wb = light.shape[0], light.shape[1], other_light.shape[0], other_light.shape[1]
    own_x, own_y = wa * du, ha * dv
    their_x, their_y = np.hypot(a * wb, d * hb) * du, np.hypot(b * wb, e * hb) * dv
    drawn_with[0, WIDTH], drawn_with[0, HEIGHT] = own_x, own_y
    drawn_with[1, WIDTH], drawn_with[1, HEIGHT] = their_x, their_y
    turned = abs(b) + abs(d) > abs(a) + abs(e)
    nx = min(max(int(min(own_x, their_x) + 0.5), _LEAST), most)
    ny = min(max(int(min(own_y, their_y) + 0.5), _LEAST), most)
    identity = np.array([1.0, 0, 0, 0, 1, 0])
    sigma = 0.0
    one, other, ok = light, other_light, light
    for attempt in range(2):
        step_x, step_y = own_x / nx, own_y / ny
        drawn_with[0, 0], drawn_with[0, 1] = _blur_for(step_x), _blur_for(step_y)
        one = drawn(blurred(light, drawn_with[0, 0], drawn_with[0, 1]), box, identity, nx, ny)
        step_x, step_y = their_x / nx, their_y / ny
        if turned:
            step_x, step_y = step_y, step_x
        drawn_with[1, 0], drawn_with[1, 1] = _blur_for(step_x), _blur_for(step_y)
        other = blurred(other_light, drawn_with[1, 0], drawn_with[1, 1])
        other = drawn(other, box, transform, nx, ny)
        ok = _inside(transform, box, other_content, nx, ny)
        need, other_need = blur_needed(one, other)
        sigma = max(need, other_need)
        drawn_with[0, 2], drawn_with[1, 2] = need, other_need
        one = blurred(one, np.hypot(need, 0.7), np.hypot(need, 0.7))
        other = blurred(other, np.hypot(other_need, 0.7), np.hypot(other_need, 0.7))
        if attempt or sigma < 1.3 or min(nx, ny) <= 32:
            break
        nx, ny = max(_LEAST, int(nx * 1.1 / sigma + 0.5)), max(_LEAST, int(ny * 1.1 / sigma + 0.5))
    return one, other, ok, sigma
