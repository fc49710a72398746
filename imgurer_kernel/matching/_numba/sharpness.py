"""Measure how much sharper one of two aligned pictures is, by ring spectra, in machine code."""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s
from imgurer_kernel.matching._numba.quantiles import quantile

_PLANE = "float32[:, ::1]"
RINGS = 12
_TILES = 2  # tiles along each side of a picture that is at least twice as wide as they are
_MOST_TILE = 64


@compiled(f"void({_PLANE}, {_PLANE})", fastmath=True)
def _fft_columns(real: Float32s, imaginary: Float32s) -> None:
    """Transform all columns of a square whose side is a power of 2, in place (Cooley, Tukey)."""
    n = real.shape[0]
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            for x in range(n):
                real[i, x], real[j, x] = real[j, x], real[i, x]
                imaginary[i, x], imaginary[j, x] = imaginary[j, x], imaginary[i, x]
    size = 2
    while size <= n:
        half = size // 2
        for k in range(half):
            angle = -2 * np.pi * k / size
            wr, wi = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            for start in range(0, n, size):
                ra, ia = real[start + k], imaginary[start + k]
                rb, ib = real[start + k + half], imaginary[start + k + half]
                # All columns together, so that the loop becomes vector instructions.
                for x in range(n):
                    tr, ti = wr * rb[x] - wi * ib[x], wr * ib[x] + wi * rb[x]
                    rb[x], ib[x] = ra[x] - tr, ia[x] - ti
                    ra[x], ia[x] = ra[x] + tr, ia[x] + ti
        size *= 2


@compiled(f"void({_PLANE}, {_PLANE}, float64[::1], float64[::1])", fastmath=True)
def ring_spectra(one: Float32s, other: Float32s, first: Float64s, second: Float64s) -> None:
    """Write the power of two planes of one size in 12 rings up to half a cycle a pixel."""
    height, width = one.shape
    side = _MOST_TILE
    while side > min(height, width):
        side //= 2
    window = np.empty(side, np.float32)
    for k in range(side):
        window[k] = 0.5 - 0.5 * np.cos(2 * np.pi * (k + 0.5) / side)
    first[:], second[:] = 0, 0
    real, imaginary = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    across = _TILES if width >= 2 * side else 1
    down = _TILES if height >= 2 * side else 1
    for tile in range(across * down):
        top = (height - side) * (2 * (tile // across) + 1) // (2 * down)
        left = (width - side) * (2 * (tile % across) + 1) // (2 * across)
        a = one[top : top + side, left : left + side]
        b = other[top : top + side, left : left + side]
        mean_a, mean_b = a.mean(), b.mean()
        for y in range(side):
            for x in range(side):
                w = window[y] * window[x]
                # Two real transforms in one complex one.
                real[y, x] = (a[y, x] - mean_a) * w
                imaginary[y, x] = (b[y, x] - mean_b) * w
        _fft_columns(real, imaginary)
        real, imaginary = real.T.copy(), imaginary.T.copy()
        _fft_columns(real, imaginary)
        for i in range(side):
            fy = min(i, side - i) / side
            for j in range(side):
                fx = min(j, side - j) / side
                ring = int(2 * RINGS * np.sqrt(fx * fx + fy * fy))
                if ring >= RINGS:
                    continue
                r, m = real[i, j], imaginary[i, j]
                p, q = real[-i % side, -j % side], imaginary[-i % side, -j % side]
                first[ring] += 0.25 * ((r + p) ** 2 + (m - q) ** 2)
                second[ring] += 0.25 * ((m + q) ** 2 + (r - p) ** 2)
    size = side * side * across * down
    for k in range(RINGS):
        first[k], second[k] = first[k] / size, second[k] / size


@compiled("UniTuple(float64, 2)(float64[::1], float64[::1])")
def _blur_between(sharp: Float64s, soft: Float64s) -> tuple[float, float]:
    """Return the residual of log spectra after the best blur of the first.

    Also the blur, in pixels. The gain is free and there is a floor of noise: with the gain fixed
    the blur was wrong by 1.3 pixels.
    """
    made, gains = np.empty(RINGS), np.empty(5)
    noise = max(min(soft[-1], soft[-2], soft[-3]), np.log(0.02))
    best, at = 1e30, 0.0
    for step in range(40):
        sigma = 0.1 * step if step <= 20 else 2.0 + 0.2 * (step - 20)
        for k in range(RINGS):
            made[k] = sharp[k] - (np.pi / RINGS * (k + 0.5) * sigma) ** 2
            if k < 5:
                gains[k] = soft[k] - made[k]
        gain = quantile(gains, 0.5)
        rest = 0.0
        for k in range(1, RINGS):
            rest += abs(np.logaddexp(made[k] + gain, noise) - np.logaddexp(soft[k], noise))
        if rest < best:
            best, at = rest, sigma
    return best, at


@compiled(f"UniTuple(float64, 2)({_PLANE}, {_PLANE})")
def blur_needed(one: Float32s, other: Float32s) -> tuple[float, float]:
    """Return the blur for each of two planes that makes both equally sharp; one of them is 0."""
    first, second = np.empty(RINGS), np.empty(RINGS)
    ring_spectra(one, other, first, second)
    first[:], second[:] = np.log(first + 1e-3), np.log(second + 1e-3)
    rest, sigma = _blur_between(first, second)
    other_rest, other_sigma = _blur_between(second, first)
    return (sigma, 0.0) if rest <= other_rest else (0.0, other_sigma)
