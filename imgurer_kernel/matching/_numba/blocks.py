"""Correlate gradients block by block over shifts, and bend a picture smoothly by these shifts."""

# numba infers other types than mypy.
# Long functions: the compiler optimizes loops over arrays less across calls.
# ruff: noqa: C901, PLR0912
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Int64s
from imgurer_kernel.matching._numba.linear_solve import solve
from imgurer_kernel.matching._numba.planes import bent, gradients, halved

_PLANE = "float32[:, ::1]"
PAD = 2  # pixels: the largest shift, and the padding of planes
_FAR = 0.004  # taken from a correlation for each squared pixel of its shift: near ones are likelier
_TERMS = 6
BEST, ACROSS, DOWN, ENERGY, OTHER_ENERGY, VALID = range(6)
"""Planes of what `match` writes of each block."""


@compiled("int64[::1](int64, int64)")
def edges(size: int, count: int) -> Int64s:
    """Return the first pixel of each of a number of blocks, and the end of the last."""
    at = np.empty(count + 1, np.int64)
    for k in range(count + 1):
        at[k] = k * size // count
    return at


@compiled(f"void({_PLANE}, {_PLANE}, {_PLANE}, int64, float64, float32[:, :, ::1])", fastmath=True)
def match(
    one: Float32s, other: Float32s, ok: Float32s, reach: int, floor: float, out: Float32s
) -> None:
    """Write for each block the best correlation over shifts of `other`, and that shift.

    Parameters
    ----------
    one, other
        Planes of one size.
    ok
        1 where both have something, else 0.
    reach
        Pixels that shifts go each way: 1, to a fraction of a pixel, or 2.
    floor
        Energy of gradients, a pixel, that may be noise.
    out
        float32 (6, by, bx): `BEST`, `ACROSS` and `DOWN` (pixels), `ENERGY` and `OTHER_ENERGY` (a
        pixel), `VALID` (share of a block's pixels that are ok).
    """
    height, width = one.shape
    by, bx = out.shape[1], out.shape[2]
    rows, columns = edges(height, by), edges(width, bx)
    padded = (height + 2 * PAD, width + 2 * PAD)
    gx, gy = np.empty(padded, np.float32), np.empty(padded, np.float32)
    hx, hy = np.empty(padded, np.float32), np.empty(padded, np.float32)
    gradients(one, PAD, gx, gy)
    gradients(other, PAD, hx, hy)
    power = np.empty(padded, np.float32)
    for i in range(padded[0]):
        for j in range(padded[1]):
            power[i, j] = hx[i, j] * hx[i, j] + hy[i, j] * hy[i, j]
    sides = 2 * reach + 1
    along = np.empty((sides, sides, bx), np.float32)
    products, energies = np.empty(width, np.float32), np.empty(width, np.float32)
    ax, ay = np.empty((1, width), np.float32), np.empty((1, width), np.float32)
    for row in range(by):
        top, bottom = rows[row], rows[row + 1]
        if ax.shape[0] != bottom - top:
            ax = np.empty((bottom - top, width), np.float32)
            ay = np.empty((bottom - top, width), np.float32)
        products[:], energies[:] = 0, 0
        for y in range(top, bottom):
            mine, ups, inside = gx[y + PAD, PAD:-PAD], gy[y + PAD, PAD:-PAD], ok[y]
            to_x, to_y = ax[y - top], ay[y - top]
            for x in range(width):
                to_x[x], to_y[x] = mine[x] * inside[x], ups[x] * inside[x]
                energies[x] += to_x[x] * mine[x] + to_y[x] * ups[x]
                products[x] += inside[x]
        for k in range(bx):
            count = float32((bottom - top) * (columns[k + 1] - columns[k]))
            out[ENERGY, row, k] = energies[columns[k] : columns[k + 1]].sum() / count
            out[VALID, row, k] = products[columns[k] : columns[k + 1]].sum() / count
            out[BEST, row, k] = -2
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                products[:], energies[:] = 0, 0
                for y in range(top, bottom):
                    i, j = y + PAD + dy, PAD + dx
                    theirs, their_ups = hx[i, j : j + width], hy[i, j : j + width]
                    strength, inside = power[i, j : j + width], ok[y]
                    my_x, my_y = ax[y - top], ay[y - top]
                    for x in range(width):
                        products[x] += my_x[x] * theirs[x] + my_y[x] * their_ups[x]
                        energies[x] += strength[x] * inside[x]
                less = float32(_FAR * (dx * dx + dy * dy))
                for k in range(bx):
                    count = float32((bottom - top) * (columns[k + 1] - columns[k]))
                    both = products[columns[k] : columns[k + 1]].sum() / count
                    energy = energies[columns[k] : columns[k + 1]].sum() / count
                    c = both / (np.sqrt(out[ENERGY, row, k] * energy) + float32(floor)) - less
                    along[dy + reach, dx + reach, k] = c
                    if c > out[BEST, row, k]:
                        out[BEST, row, k], out[OTHER_ENERGY, row, k] = c, energy
                        out[ACROSS, row, k], out[DOWN, row, k] = dx, dy
        if reach == 1:
            # The vertex of a parabola: with whole pixels alone, turned copies would be other takes.
            for k in range(bx):
                middle = along[1, 1, k]
                for axis, low, high in (
                    (ACROSS, along[1, 0, k], along[1, 2, k]),
                    (DOWN, along[0, 1, k], along[2, 1, k]),
                ):
                    dent = min(low - 2 * middle + high, float32(-1e-3))
                    at = (low - high) / (2 * dent)
                    out[axis, row, k] = min(max(at, float32(-1.2)), float32(1.2))


@compiled(f"float64(float32[:, :, ::1], int64, float64, {_PLANE})", fastmath=True)
def _fit_shifts(found: Float32s, terms: int, factor: float, fit: Float32s) -> float:
    """Add to a fit the polynomial that explains shifts; return the largest shift that it adds.

    Least squares, reweighted: what agrees leads the way. Negative if nothing agrees.
    """
    by, bx = found.shape[1], found.shape[2]
    n = by * bx
    base, weight, y = np.empty((n, terms)), np.empty(n), np.empty((n, 2))
    for row in range(by):
        for k in range(bx):
            at = row * bx + k
            u, v = (2 * k + 1) / bx - 1, (2 * row + 1) / by - 1
            base[at, 0], base[at, 1], base[at, 2] = 1, u, v
            if terms > 3:
                base[at, 3], base[at, 4], base[at, 5] = u * v, u * u, v * v
            sure = min(max(found[BEST, row, k] - 0.3, 0.0), 1.0)
            energy = min(found[ENERGY, row, k], found[OTHER_ENERGY, row, k])
            weight[at] = sure * sure * np.sqrt(max(energy, 0.0))
            y[at, 0], y[at, 1] = found[ACROSS, row, k] / factor, found[DOWN, row, k] / factor
    if weight.sum() < 1e-6:
        return -1.0
    step = np.zeros((terms, 2))
    matrix, right = np.empty((terms, terms)), np.empty(terms)
    for _ in range(4):
        total = 0.0
        normal, sides = np.zeros((terms, terms)), np.zeros((terms, 2))
        for at in range(n):
            if weight[at] <= 0:
                continue
            gap = 0.0
            for axis in range(2):
                rest = y[at, axis]
                for k in range(terms):
                    rest -= base[at, k] * step[k, axis]
                gap = max(gap, abs(rest))
            w = weight[at] / (1 + (gap * factor) ** 2)
            total += w
            for i in range(terms):
                sides[i, 0] += w * base[at, i] * y[at, 0]
                sides[i, 1] += w * base[at, i] * y[at, 1]
                for j in range(i + 1):
                    normal[i, j] += w * base[at, i] * base[at, j]
        for axis in range(2):
            for i in range(terms):
                for j in range(i + 1):
                    matrix[i, j] = normal[i, j]
                matrix[i, i] += (0.02 * total / terms if i else 0.0) + 1e-12
                right[i] = sides[i, axis]
            if not solve(matrix, right):
                return -1.0
            step[:, axis] = right
    largest = 0.0
    for at in range(n):
        for axis in range(2):
            moved = 0.0
            for k in range(terms):
                moved += base[at, k] * step[k, axis]
            largest = max(largest, abs(moved))
    for k in range(terms):
        fit[k, 0] += step[k, 0]
        fit[k, 1] += step[k, 1]
    return largest


@compiled("boolean(float32[:, :, ::1])", fastmath=True)
def _lies_well(found: Float32s) -> bool:
    """Return whether most of the gradients agree within one pixel already."""
    total, good = 0.0, 0.0
    for row in range(found.shape[1]):
        for k in range(found.shape[2]):
            energy = min(found[ENERGY, row, k], found[OTHER_ENERGY, row, k])
            weight = np.sqrt(max(energy, float32(0)))
            total += weight
            far = max(abs(found[ACROSS, row, k]), abs(found[DOWN, row, k]))
            if found[BEST, row, k] > 0.8 and far < 0.9:
                good += weight
    return good > 0.8 * total


@compiled(
    f"{_PLANE}({_PLANE}, {_PLANE}, {_PLANE}, float64, {_PLANE}, float32[:, :, ::1])", fastmath=True
)
def refine_and_match(
    one: Float32s, other: Float32s, ok: Float32s, floor: float, fit: Float32s, found: Float32s
) -> Float32s:
    """Bend the second plane by the shifts of blocks, match again, and return the plane.

    A map of 64x64 pixels is good to a fraction of those, and a photo of a screen is in perspective.
    """
    fit[:] = 0
    now = other
    match(one, now, ok, 1, floor, found)
    small_one, small_ok = halved(one), halved(ok)
    if not _lies_well(found):
        for terms in (3, 3, 6):
            match(small_one, halved(now), small_ok, 2, floor, found)
            largest = _fit_shifts(found, terms, 0.5, fit)
            if largest < 0:
                break
            if largest >= 0.25:
                now = bent(other, fit)
        match(one, now, ok, 1, floor, found)
    for _ in range(2):
        if _fit_shifts(found, _TERMS, 1.0, fit) < 0.1:
            break
        now = bent(other, fit)
        match(one, now, ok, 1, floor, found)
    return now
