"""Compare the colours of flat places of two aligned drawings, after one change of light.

Along edges colours say little: a JPEG smears them, and half a pixel of a shift mixes them. Within a
flat area of both pictures they are known to a few levels, so that a part in another colour, however
small, stands out from a copy that is brighter as a whole.
"""

# numba infers other types than mypy.
# ruff: noqa: PLR0913, PLR0917
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba import tones
from imgurer_kernel.matching._numba.planes import shift_at

_PLANE, _RGB = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)"
_VECTOR, _MASK, _CELLS = "float64[::1]", "boolean[:, ::1]", "float64[:, ::1]"
_MOST = 48  # places a side
_RANGE = 24  # levels of a channel within a flat place and its neighbours
_LEAST = 20  # flat places that are evidence
_GROUND = 14.0  # levels within which a place is of the ground
_OFF, _SLIGHTLY_OFF = (
    12.0,
    7.0,
)  # levels, root mean square; JPEG leaves 3 to 9 on emoji of 64 pixels
_CAP = 25.0  # levels from which on a place has another colour, whatever the difference
_STEP = 32  # levels of a channel that one colour may span, where colours are counted
_COLOUR_FROM, _WHITE = 60, 244.0  # places that a colour is known by; levels that were cut off


@compiled(f"int64({_RGB}, {_VECTOR}, {_VECTOR}, {_PLANE}, int64, int64, {_CELLS}, boolean[::1])")
def _look_up(
    rgb: UInt8s,
    box: Float64s,
    transform: Float64s,
    fit: Float32s,
    nx: int,
    ny: int,
    out: Float64s,
    flat: BoolMask,
) -> int:
    """Write the mean colours of places, and clear the mark of those that are not flat.

    A place is a pixel of the grid of nx by ny with its eight neighbours.
    """
    height, breadth = rgb.shape[0], rgb.shape[1]
    across, down = min(nx, _MOST), min(ny, _MOST)
    low, high = np.empty(3), np.empty(3)
    for i in range(down):
        for j in range(across):
            at = i * across + j
            if not flat[at]:
                continue
            low[:], high[:] = 255, 0
            out[at] = 0
            px, py = (j + 0.5) * nx / across - 0.5, (i + 0.5) * ny / down - 0.5
            dx, dy = shift_at(fit, float32((2 * px + 1) / nx - 1), float32((2 * py + 1) / ny - 1))
            for k in range(9):
                u = box[0] + (px + dx + k % 3 - 0.5) / nx * (box[2] - box[0])
                v = box[1] + (py + dy + k // 3 - 0.5) / ny * (box[3] - box[1])
                qx = (transform[0] * u + transform[1] * v + transform[2] + 1) * 0.5 * breadth
                qy = (transform[3] * u + transform[4] * v + transform[5] + 1) * 0.5 * height
                x = min(max(int(np.floor(qx)), 0), breadth - 1)
                y = min(max(int(np.floor(qy)), 0), height - 1)
                for channel in range(3):
                    value = float(rgb[y, x, channel])
                    out[at, channel] += value / 9
                    low[channel] = min(low[channel], value)
                    high[channel] = max(high[channel], value)
                    if high[channel] - low[channel] > _RANGE:
                        flat[at] = False
                if not flat[at]:
                    break
    return across * down


@compiled(f"float64({_CELLS}, {_CELLS}, float64, int64, boolean, {_VECTOR})", fastmath=True)
def leaves(p: Float64s, q: Float64s, gain: float, step: int, gray: bool, left: Float64s) -> float:
    """Write the residuals of a gain at every `step`-th place; return their mean, each capped."""
    total, count = 0.0, 0
    for k in range(0, len(p), step):
        y = 0.299 * p[k, 0] + 0.587 * p[k, 1] + 0.114 * p[k, 2]
        square = 0.0
        for channel in range(3):
            level = y if gray else p[k, channel]
            square += (min(gain * level, 255.0) - q[k, channel]) ** 2
        left[k] = np.sqrt(square / 3)
        total += min(left[k], _CAP)
        count += 1
    return total / max(count, 1)


@compiled(f"void({_CELLS}, {_CELLS}, {_VECTOR}, {_VECTOR})", fastmath=True)
def fit_gain(one: Float64s, other: Float64s, left: Float64s, model: Float64s) -> None:
    """Find the change of light that explains two sets of colours best, cut off at white.

    Parameters
    ----------
    one, other
        Colours of the same places, float64 (n, 3).
    left
        Room for n numbers.
    model
        Is written to: the gain, 1 where it turns `other` into `one`, 1 where it makes a gray copy,
        and what is left of a place on average. Gray is allowed for where the result is gray.
    """
    best = 1e30
    # Enough places that a colour of one in a hundred is among them.
    coarse, fine = max(1, len(one) // 200), max(1, len(one) // 800)
    grays = tones.coloured(one) < 3, tones.coloured(other) < 3
    for direction in range(2):
        p, q = (one, other) if direction == 0 else (other, one)
        to_gray = grays[1] if direction == 0 else grays[0]
        for from_gray in range(2 if to_gray else 1):
            near = 1.0
            mean = 1e30
            for step in range(15):
                gain = 0.4 + 0.1 * step
                now = leaves(p, q, gain, coarse, from_gray == 1, left)
                if now < mean:
                    mean, near = now, gain
            for step in range(-5, 6):
                gain = near + 0.02 * step
                now = leaves(p, q, gain, fine, from_gray == 1, left)
                if now < best:
                    best = now
                    model[0], model[1], model[2], model[3] = gain, direction, from_gray, now


@compiled(f"float64({_CELLS}, {_CELLS}, {_VECTOR})", fastmath=True)
def _left_by_gain(one: Float64s, other: Float64s, left: Float64s) -> float:
    """Write the residuals of the best change of light; return the gain."""
    model = np.empty(4)
    fit_gain(one, other, left, model)
    if model[1] == 0:
        leaves(one, other, model[0], 1, model[2] == 1, left)
    else:
        leaves(other, one, model[0], 1, model[2] == 1, left)
    return model[0]


@compiled(f"int64({_VECTOR}, int64[::1], int64, int64, float64)")
def _largest(left: Float64s, places: Int64s, across: int, down: int, limit: float) -> int:
    """Return the size of the largest connected region whose residuals exceed a limit."""
    off = np.zeros(across * down, np.bool_)
    for k in range(len(left)):
        off[places[k]] = left[k] > limit
    stack = np.empty(across * down, np.int64)
    most = 0
    for start in range(across * down):
        if not off[start]:
            continue
        off[start] = False
        stack[0], depth, size = start, 1, 0
        while depth:
            depth -= 1
            at = stack[depth]
            size += 1
            i, j = at // across, at % across
            for k in range(4):
                y, x = i + (k == 0) - (k == 1), j + (k == 2) - (k == 3)
                if 0 <= y < down and 0 <= x < across and off[y * across + x]:
                    off[y * across + x] = False
                    stack[depth] = y * across + x
                    depth += 1
        most = max(most, size)
    return most


@compiled(f"{_VECTOR}({_CELLS})", fastmath=True)
def _ground(colours: Float64s) -> Float64s:
    """Return the colour whose brightness is nearest to the most frequent one."""
    y = tones.grays(colours)
    counts = np.zeros(256, np.int64)
    for k in range(len(y)):
        counts[int(min(max(y[k], 0.0), 255.0))] += 1
    return colours[np.abs(y - counts.argmax()).argmin()].copy()


@compiled(f"int64({_CELLS})")
def _count_colours(colours: Float64s) -> int:
    """Count colours that at least one place in a hundred has."""
    counts = np.zeros(512, np.int64)
    for k in range(len(colours)):
        bin_of = 0
        for channel in range(3):
            bin_of = 8 * bin_of + int(min(max(colours[k, channel], 0.0), 255.0)) // _STEP
        counts[bin_of] += 1
    return (counts > max(2, len(colours) // 100)).sum()


@compiled(f"float64({_VECTOR})", fastmath=True)
def _left_of_one_factor(means: Float64s) -> float:
    """Return the residual of a colour, in levels, after one factor for all channels."""
    product, square, used = 0.0, 0.0, 0
    for channel in range(3):
        if max(means[channel], means[3 + channel]) < _WHITE:
            product += means[channel] * means[3 + channel]
            square += means[channel] ** 2
            used += 1
    if used < 2 or square == 0:
        return 0.0
    left = 0.0
    for channel in range(3):
        if max(means[channel], means[3 + channel]) < _WHITE:
            left += (product / square * means[channel] - means[3 + channel]) ** 2
    return np.sqrt(left / used)


@compiled(f"float64({_CELLS}, {_CELLS})", fastmath=True)
def _unlike(one: Float64s, other: Float64s) -> float:
    """Return how many levels the worst colour is off if all its channels change by one factor.

    Light changes all channels of a colour by one factor, up to white. What a JPEG does to single
    places is no more than a level or two on average; two tones of skin are 5 and more apart.
    """
    counts, sums = np.zeros(512, np.int64), np.zeros((512, 6))
    for k in range(len(one)):
        bin_of = 0
        for channel in range(3):
            bin_of = 8 * bin_of + int(min(max(one[k, channel], 0.0), 255.0)) // _STEP
        counts[bin_of] += 1
        for channel in range(3):
            sums[bin_of, channel] += one[k, channel]
            sums[bin_of, 3 + channel] += other[k, channel]
    most = 0.0
    for bin_of in range(512):
        if counts[bin_of] >= _COLOUR_FROM:
            most = max(most, _left_of_one_factor(sums[bin_of] / counts[bin_of]))
    return most


@compiled(
    f"void({_RGB}, {_RGB}, {_VECTOR}, {_VECTOR}, {_PLANE}, {_PLANE}, {_MASK}, boolean, {_VECTOR})"
)
def judge_flat(
    first: UInt8s,
    second: UInt8s,
    box: Float64s,
    transform: Float64s,
    fit: Float32s,
    ok: Float32s,
    clear: BoolMask,
    inverted: bool,
    out: Float64s,
) -> None:
    """Write the residuals of one change of light at the flat places of both pictures.

    Parameters
    ----------
    first, second
        The pictures, red, green and blue.
    box, transform, fit
        As in `imgurer_kernel.matching._numba.cells.cells`.
    ok
        The grid: 1 where both pictures have something.
    clear
        Which blocks do not disagree.
    inverted
        Whether the second picture is a negative.
    """
    ny, nx = ok.shape
    by, bx = clear.shape
    across, down = min(nx, _MOST), min(ny, _MOST)
    n = across * down
    flat, x, y = np.ones(n, np.bool_), np.empty((n, 3)), np.empty((n, 3))
    itself, still = np.array([1.0, 0, 0, 0, 1, 0]), np.zeros((6, 2), np.float32)
    _look_up(first, box, itself, still, nx, ny, x, flat)
    _look_up(second, box, transform, fit, nx, ny, y, flat)
    places = np.empty(n, np.int64)
    count = 0
    for i in range(down):
        for j in range(across):
            inside = ok[i * ny // down, j * nx // across] > 0.5
            if flat[i * across + j] and inside and clear[i * by // down, j * bx // across]:
                places[count] = i * across + j
                count += 1
    if count < _LEAST:
        return
    places = places[:count].copy()
    one, other = np.empty((count, 3)), np.empty((count, 3))
    for k in range(count):
        for channel in range(3):
            one[k, channel] = x[places[k], channel]
            level = y[places[k], channel]
            other[k, channel] = 255 - level if inverted else level
    left, model = np.empty(count), np.empty(4)
    out[names.FLAT_GAIN] = _left_by_gain(one, other, left)
    ground, other_ground = _ground(one), _ground(other)
    drawn, off = 0, 0
    for k in range(count):
        far, other_far = 0.0, 0.0
        for channel in range(3):
            far = max(far, abs(one[k, channel] - ground[channel]))
            other_far = max(other_far, abs(other[k, channel] - other_ground[channel]))
        # Grounds of one colour are no evidence; grounds of two are.
        if far > _GROUND or other_far > _GROUND or left[k] > _SLIGHTLY_OFF:
            drawn += 1
            off += left[k] > _OFF
    out[names.FLAT] = drawn
    out[names.FLAT_OFF] = off / max(drawn, 1)
    out[names.FLAT_REGION] = _largest(left, places, across, down, _OFF)
    slightly = _largest(left, places, across, down, _SLIGHTLY_OFF)
    out[names.FLAT_SLIGHTLY] = slightly / max(drawn, 1)
    photo = out[names.AGREE] >= names.STRAY_FROM
    out[names.FLAT_TONE] = _largest(
        tones.left_by_tone(one, other, photo, model), places, across, down, _OFF * np.sqrt(3.0)
    )
    out[names.FLAT_COLOURS] = _count_colours(one)
    out[names.FLAT_UNLIKE] = _unlike(one, other)
