"""Compute the residuals of models of a colour change between cells of two aligned pictures.

Cells are float64 (n, 3): red, green and blue, 0..255, of the same places in both pictures.
Residuals are float64 (n,), in gray levels or units of CIE L*a*b*.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float64s
from imgurer_kernel.matching._numba.quantiles import quantile

_CELLS, _ROW = "float64[:, ::1]", "float64[::1]"
_LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(258) / 255]
)

"""sRGB levels as shares of light."""
_GRAY_RMS = 3.0  # colours less far from gray than this, in gray levels, make a gray picture
_GAINS = 26  # of brightness, from 0.5 up in steps of 0.05
_GROUND = 14.0  # gray levels within which a cell is of the ground
_BINS = 16
_BLACK, _WHITE, _CUT_OFF = 2.0, 253.0, 0.05  # gray levels; first weight of what is cut off
_NOT_TINTED = 99.0


@compiled(f"{_ROW}({_CELLS})", fastmath=True)
def grays(cells: Float64s) -> Float64s:
    """Return the brightness of cells."""
    out = np.empty(len(cells))
    for k in range(len(cells)):
        out[k] = 0.299 * cells[k, 0] + 0.587 * cells[k, 1] + 0.114 * cells[k, 2]
    return out


@compiled(f"float64({_CELLS})", fastmath=True)
def coloured(cells: Float64s) -> float:
    """Return how far from gray cells are, root mean square in gray levels."""
    y = grays(cells)
    total = 0.0
    for k in range(len(cells)):
        for channel in range(3):
            total += (cells[k, channel] - y[k]) ** 2
    return np.sqrt(total / max(3 * len(cells), 1))


@compiled(f"{_CELLS}({_CELLS})", fastmath=True)
def lab(cells: Float64s) -> Float64s:
    """Return cells in CIE L*a*b*, of sRGB under D65."""
    out = np.empty_like(cells)
    light, f = np.empty(3), np.empty(3)
    for k in range(len(cells)):
        for channel in range(3):
            v = min(max(cells[k, channel], 0.0), 255.0)
            i = int(v)
            light[channel] = _LINEAR[i] + (_LINEAR[i + 1] - _LINEAR[i]) * (v - i)
        r, g, b = light
        for axis, value in enumerate(
            (
                (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
                0.2126 * r + 0.7152 * g + 0.0722 * b,
                (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
            )
        ):
            f[axis] = np.cbrt(value) if value > 0.008856 else 7.787 * value + 16 / 116
        out[k, 0] = 116 * f[1] - 16
        out[k, 1] = 500 * (f[0] - f[1])
        out[k, 2] = 200 * (f[1] - f[2])
    return out


@compiled(f"{_ROW}({_ROW}, {_ROW})", fastmath=True)
def curve(x: Float64s, y: Float64s) -> Float64s:
    """Return y as a rising curve of x: medians of 16 bins of x, made to rise."""
    order = np.argsort(x)
    n = len(x)
    centers, values = np.empty(_BINS), np.empty(_BINS)
    count, start = 0, 0
    for k in range(_BINS):
        stop = max(start, (k + 1) * n // _BINS)
        # Equal ones stay together.
        while start < stop < n and x[order[stop]] == x[order[stop - 1]]:
            stop += 1
        if stop - start >= 3:
            mine = order[start:stop]
            centers[count], values[count] = x[mine].mean(), quantile(y[mine], 0.5)
            count += 1
        start = stop
    if count == 0:
        return np.full(len(x), quantile(y, 0.5))
    rising, falling = values[:count].copy(), values[:count].copy()
    for k in range(1, count):
        rising[k] = max(rising[k], rising[k - 1])
        back = count - 1 - k
        falling[back] = min(falling[back], falling[back + 1])
    return np.interp(x, centers[:count], (rising + falling) / 2)


@compiled(f"boolean[::1]({_CELLS})", fastmath=True)
def _on_ground(cells: Float64s) -> BoolMask:
    """Mark the cells whose colour is near that of the most frequent brightness."""
    y = grays(cells)
    counts = np.zeros(256, np.int64)
    for k in range(len(y)):
        counts[int(min(max(y[k], 0.0), 255.0))] += 1
    ground = cells[np.abs(y - counts.argmax()).argmin()]
    out = np.empty(len(cells), np.bool_)
    for k in range(len(cells)):
        far = 0.0
        for channel in range(3):
            far = max(far, abs(cells[k, channel] - ground[channel]))
        out[k] = far < _GROUND
    return out


@compiled(f"{_ROW}({_CELLS}, {_CELLS})", fastmath=True)
def left_by_light(one: Float64s, other: Float64s) -> Float64s:
    """Return the residuals of a gain cut off at white, or of a gray copy if one picture is gray.

    The better way round. Cells where both show their ground are left out: a small figure is judged
    by itself, or white hides that it was recoloured.
    """
    n = len(one)
    best, left = 1e30, np.full(n, 1e3)
    now = np.empty(n)
    for way in range(2):
        p, q = (one, other) if way == 0 else (other, one)
        y = grays(p)
        gray_copy = coloured(q) < _GRAY_RMS
        for step in range(_GAINS):
            gain = 0.5 + 0.05 * step
            for base in range(2 if gray_copy else 1):
                for k in range(n):
                    total = 0.0
                    for channel in range(3):
                        level = p[k, channel] if base == 0 else y[k]
                        total += (min(gain * level, 255.0) - q[k, channel]) ** 2
                    now[k] = np.sqrt(total / 3)
                mean = now.mean()
                if mean < best:
                    best = mean
                    left[:] = now
    ground = _on_ground(one) & _on_ground(other)
    drawn = ~ground
    if drawn.sum() >= 8 and drawn.mean() < 0.6:
        return left[drawn]
    return left


@compiled(f"float64({_ROW}, float64, {_ROW}, float64, float64, float64, boolean)", fastmath=True)
def _off_tone(
    cell: Float64s,
    y: float,
    other: Float64s,
    other_y: float,
    made: float,
    saturation: float,
    photo: bool,
) -> float:
    """Return how far a cell of brightness y, `made` so bright, is from the other one."""
    bright = min(max(made, 0.0), 255.0)
    r = saturation * (cell[0] - y)
    g = saturation * (cell[1] - y)
    b = saturation * (cell[2] - y)
    if photo:  # what is cut off loses its colour, too
        r = min(max(made + r, 0.0), 255.0)
        g = min(max(made + g, 0.0), 255.0)
        b = min(max(made + b, 0.0), 255.0)
        bright = 0.299 * r + 0.587 * g + 0.114 * b
        r, g, b = r - bright, g - bright, b - bright
    total = (bright - other_y) ** 2 + (r - other[0] + other_y) ** 2
    total += (g - other[1] + other_y) ** 2 + (b - other[2] + other_y) ** 2
    return np.sqrt(total)


@compiled(f"{_ROW}({_CELLS}, {_CELLS}, boolean, {_ROW})", fastmath=True)
def left_by_tone(one: Float64s, other: Float64s, photo: bool, out: Float64s) -> Float64s:
    """Return the residuals of gain, offset and saturation, fitted robustly; the better direction.

    These three are written to `out`. In photographs what is cut off at black or white bounds the
    light, but does not tell it; a drawing has too few colours for that, and its ground counts.
    """
    n = len(one)
    best, left = 1e30, np.zeros(n)
    for way in range(2):
        p, q = (one, other) if way == 0 else (other, one)
        yp, yq = grays(p), grays(q)
        cut = ((yq >= _WHITE) | (yq <= _BLACK)) & photo
        weight, rest = np.where(cut, _CUT_OFF, 1.0), np.empty(n)
        gain, offset, saturation = 1.0, 0.0, 1.0
        for _ in range(5):
            ww, wx, wxx, wy, wxy, cpq, cpp = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0
            for k in range(n):
                w = weight[k]
                ww, wx, wy = ww + w, wx + w * yp[k], wy + w * yq[k]
                wxx, wxy = wxx + w * yp[k] * yp[k], wxy + w * yp[k] * yq[k]
                for channel in range(3):
                    cp, cq = p[k, channel] - yp[k], q[k, channel] - yq[k]
                    cpq, cpp = cpq + w * cp * cq, cpp + w * cp * cp
            # A gain of 1 is kept unless the fit contradicts it.
            a, b, c = wxx + 1.0, wx, ww + 1e-3
            determinant = a * c - b * b
            gain = ((wxy + 1.0) * c - b * wy) / determinant
            offset = (a * wy - b * (wxy + 1.0)) / determinant
            saturation = min(max(cpq / cpp, 0.0), 3.0)
            for k in range(n):
                made = gain * yp[k] + offset
                rest[k] = _off_tone(p[k], yp[k], q[k], yq[k], made, saturation, photo)
                weight[k] = 1 / (1 + (rest[k] / 12) ** 2)
                if cut[k] and (made > 255.0 or made < 0.0):
                    weight[k] = 0.0
        if rest.mean() < best:
            best, left = rest.mean(), rest
            out[0], out[1], out[2] = gain, offset, saturation
    return left


@compiled(f"float64({_CELLS})", fastmath=True)
def tinted(cells: Float64s) -> float:
    """Return the part of colours that brightness does not explain, root mean square: 0 for sepia.

    In units of L*a*b*; brightness is cut into 16 bins. `_NOT_TINTED` where some of the picture has
    a colour and some none, as a red mug on a gray table.
    """
    values = lab(cells)
    sums, squares, middle, with_colour = np.zeros((16, 3)), 0.0, 0, 0
    for k in range(len(cells)):
        light = values[k, 0]
        b = min(max(int(light * 0.16), 0), 15)
        sums[b, 0] += 1
        chroma = np.hypot(values[k, 1], values[k, 2])
        if 15 < light < 90:
            middle += 1
            with_colour += chroma > 4
        for axis in (1, 2):
            sums[b, axis] += values[k, axis]
            squares += values[k, axis] ** 2
    if coloured(cells) > _GRAY_RMS and with_colour < 0.85 * middle:
        return _NOT_TINTED
    for b in range(16):
        for axis in (1, 2):
            squares -= sums[b, axis] ** 2 / max(sums[b, 0], 1.0)
    return np.sqrt(max(squares, 0.0) / max(len(cells), 1))


@compiled(f"{_ROW}({_CELLS}, {_CELLS}, {_ROW})", fastmath=True)
def left_by_hue(one: Float64s, other: Float64s, out: Float64s) -> Float64s:
    """Return the residuals of a rotation of all hues, or of rising curves of each channel.

    Also written to `out`, float64 (4,): the turn in degrees, the lesser chroma of the two, the
    share of cells whose colour moved by more than 12, and what curves leave of the lightness of 98
    of 100 cells.
    """
    n = len(one)
    x, y, lx, ly = one, other, lab(one), lab(other)
    norms = np.zeros(2)
    for k in range(n):
        norms[0] += lx[k, 1] ** 2 + lx[k, 2] ** 2
        norms[1] += ly[k, 1] ** 2 + ly[k, 2] ** 2
    norms = np.sqrt(norms / n)
    if norms[1] > norms[0]:  # from the more colourful one to the other
        x, y, lx, ly = other, one, ly, lx
    z, t = lx[:, 1] + 1j * lx[:, 2], ly[:, 1] + 1j * ly[:, 2]
    w = np.ones(n)
    r = np.empty(n)
    turn = 1.0 + 0.0j
    for _ in range(4):  # chroma as a complex multiple: its argument is a turn of all hues
        total = w.sum()
        mz, mt = (w * z).sum() / total, (w * t).sum() / total
        power = (w * np.abs(z - mz) ** 2).sum()
        turn = (w * (t - mt) * np.conj(z - mz)).sum() / max(power, 1e-3)
        shift = mt - turn * mz
        shift *= min(1.0, 10.0 / max(abs(shift), 1e-9))
        for k in range(n):
            r[k] = abs(t[k] - turn * z[k] - shift)
            w[k] = 1 / (1 + (r[k] / 4) ** 2)
    made = np.empty((n, 3))
    for channel in range(3):
        made[:, channel] = curve(
            np.ascontiguousarray(x[:, channel]), np.ascontiguousarray(y[:, channel])
        )
    made = lab(made)
    r2 = np.hypot(made[:, 1] - ly[:, 1], made[:, 2] - ly[:, 2])
    light, other_light = np.ascontiguousarray(lx[:, 0]), np.ascontiguousarray(ly[:, 0])
    tone = np.abs(other_light - curve(light, other_light))
    back = np.abs(light - curve(other_light, light))
    if back.mean() < tone.mean():
        tone = back
    out[0] = abs(np.degrees(np.arctan2(turn.imag, turn.real)))
    out[1] = min(norms[0], norms[1])
    out[2] = (np.abs(z - t) > 12).mean()
    out[3] = quantile(tone, 0.98)
    return r if (r * r).mean() <= (r2 * r2).mean() else r2
