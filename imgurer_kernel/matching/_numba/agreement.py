"""Where two aligned thumbnails agree and where not, pair by pair, in machine code.

`imgurer_kernel.matching.local_agreement` explains the method and names what is measured.
"""

# numba infers other types than mypy.
# Long functions: the compiler optimizes loops over arrays less across calls.
# ruff: noqa: C901, PLR0912, PLR0915
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba.blocks import (
    BEST,
    ENERGY,
    OTHER_ENERGY,
    VALID,
    refine_and_match,
)
from imgurer_kernel.matching._numba.cells import cells, judge_colours
from imgurer_kernel.matching._numba.flat_colours import judge_flat
from imgurer_kernel.matching._numba.grids import WIDTH, common_box, draw_both
from imgurer_kernel.matching._numba.planes import drawn, luma
from imgurer_kernel.matching._numba.quantiles import quantile
from imgurer_kernel.matching._numba.regions import cut_strips, near
from imgurer_kernel.matching._numba.remainders import draw_colours, judge_remainder
from imgurer_kernel.matching._numba.summary import share_of_letters, summarize, tensors

_PLANE, _RGB = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)"
_VECTOR, _GRID, _MASK = "float64[::1]", "float32[:, :, ::1]", "boolean[:, ::1]"
_BLOCKS, _BLOCK = 14, 12
_RECOLOURED, _RESHAPED = 0.5, 0.6  # FLAT_OFF and BAD of pairs that are decided by these
_FLAT = 20  # fewer flat places than these are no evidence of another colour


@compiled(f"float64({_PLANE})")
def _share_of_one_gray(plane: Float32s) -> float:
    """Return the share of pixels within four gray levels of the most frequent gray, 0..1."""
    counts = np.zeros(264, np.int64)
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            counts[4 + int(min(max(plane[y, x], float32(0)), float32(255)))] += 1
    run = counts[:9].sum()
    most = run
    for k in range(9, 264):
        run += counts[k] - counts[k - 9]
        most = max(most, run)
    return most / plane.size


@compiled(f"float64({_PLANE}, {_PLANE}, {_PLANE})", fastmath=True)
def _deviation_and_sign(one: Float32s, other: Float32s, ok: Float32s) -> float:
    """Return the geometric mean of both deviations, negative where the pictures are negatives."""
    n, sa, sb, aa, bb, ab = 1e-9, 0.0, 0.0, 0.0, 0.0, 0.0
    for y in range(one.shape[0]):
        for x in range(one.shape[1]):
            w, p, q = ok[y, x], one[y, x], other[y, x]
            n, sa, sb = n + w, sa + w * p, sb + w * q
            aa, bb, ab = aa + w * p * p, bb + w * q * q, ab + w * p * q
    aa, bb, ab = aa / n - (sa / n) ** 2, bb / n - (sb / n) ** 2, ab / n - sa * sb / n / n
    both = np.sqrt(np.sqrt(max(aa, 0.0)) * np.sqrt(max(bb, 0.0)))
    return -both if ab < -0.5 * np.sqrt(max(aa * bb, 0.0)) else both


@compiled(f"float64({_PLANE}, {_MASK})")
def _strong_energy(strong: Float32s, valid: BoolMask) -> float:
    """Return the gradient energy that one valid block in twenty exceeds (0.95 quantile)."""
    energies = np.empty(strong.size)
    count = 0
    for i in range(strong.shape[0]):
        for j in range(strong.shape[1]):
            if valid[i, j]:
                energies[count] = strong[i, j]
                count += 1
    return quantile(energies[:count], 0.95) if count else 1.0


@compiled(f"boolean({_GRID}, float64)", fastmath=True)
def _may_be_related(found: Float32s, floor: float) -> bool:
    """Return whether an eighth of the gradients agree; otherwise the pictures are unrelated.

    Blocks are also counted without weights: captions have nearly all gradients of a pale
    photograph.
    """
    total, good, count, agree = 0.0, 0.0, 0, 0
    for i in range(found.shape[1]):
        for j in range(found.shape[2]):
            weight = np.sqrt(max(found[ENERGY, i, j], found[OTHER_ENERGY, i, j], float32(0)))
            total += weight
            seen = weight * weight > 4 * floor
            count += seen
            if found[BEST, i, j] > 0.6:
                good += weight
                agree += seen
    return good > 0.125 * total or agree > 0.2 * count


@compiled("int64(int64)")
def _blocks_along(size: int) -> int:
    """Return the number of blocks along a side, 4..64, given its pixels."""
    block = min(max(size / _BLOCKS, 6.0), float(_BLOCK))
    return min(max(int(size / block + 0.5), 4), 64)


@compiled(
    f"int64({_RGB}, {_RGB}, {_VECTOR}, {_VECTOR}, {_VECTOR}, int64, {_VECTOR}, {_GRID})",
    fastmath=True,
)
def measure(
    first: UInt8s,
    second: UInt8s,
    transform: Float64s,
    content: Float64s,
    other_content: Float64s,
    most: int,
    out: Float64s,
    grid: Float32s,
) -> int:
    """Write the measures to `out`, and correlation, texture and bad of each block to `grid`.

    Of originals, whose grid is finer than that of thumbnails, no colours are compared: whether
    writing is the same is all that is asked, and colours take a quarter of the time.

    Returns the number of blocks down times 64 plus the number across; 0 without a common part.
    """
    box = np.empty(4)
    if not common_box(transform, content, other_content, box, out):
        return 0
    ha, wa, hb, wb = first.shape[0], first.shape[1], second.shape[0], second.shape[1]
    light, other_light = luma(first), luma(second)
    drawn_with = np.empty((2, 5))
    one, other, ok, sigma = draw_both(
        light, other_light, transform, box, other_content, most, drawn_with
    )
    ny, nx = one.shape
    identity = np.array([1.0, 0, 0, 0, 1, 0])
    spread = _deviation_and_sign(one, other, ok)
    inverted = spread < 0
    if inverted:
        for y in range(ny):
            for x in range(nx):
                other[y, x] = 255 - other[y, x]
    floor = (0.5 + 0.01 * np.sqrt(max(abs(spread) ** 2, 1.0))) ** 2
    by, bx = _blocks_along(ny), _blocks_along(nx)
    fit, found = np.zeros((6, 2), np.float32), np.empty((6, by, bx), np.float32)
    other = refine_and_match(one, other, ok, floor, fit, found)

    out[names.SIGMA], out[names.NEGATIVE], out[names.SIDE] = sigma, inverted, np.sqrt(nx * ny)
    out[names.CONTRAST] = abs(spread)
    # Of pairs with little texture the colours still count, see `imgurer_kernel.matching.relation`.
    if abs(spread) >= names.PALE and not _may_be_related(found, floor):
        return by * 64 + bx
    valid = found[VALID] > 0.6
    strong = np.maximum(found[ENERGY], found[OTHER_ENERGY])
    strongest = _strong_energy(strong, valid)
    texture = valid & (strong > max(4 * floor, 0.01 * strongest))
    weight = np.zeros((by, bx), np.float32)
    for i in range(by):
        for j in range(bx):
            if texture[i, j]:
                weight[i, j] = np.sqrt(min(1.0, strong[i, j] / (0.1 * strongest + 1e-9)))
    bad = texture & (found[BEST] < 0.5)
    out[names.EDGE] = np.sqrt(strongest) / max(abs(spread), 1.0)
    out[names.PLAIN] = max(_share_of_one_gray(one), _share_of_one_gray(other))
    summarize(found, texture, valid, weight, bad, tensors(one, by, bx), out)
    cut_strips(found[BEST], texture, bad, out)
    of_originals = most > names.MOST
    if out[names.BAD] > 0 and not of_originals:
        sharp = drawn(light, box, identity, nx, ny)
        out[names.LETTERS] = share_of_letters(
            bad, sharp, drawn(other_light, box, transform, nx, ny)
        )
    grid[0, :by, :bx] = found[BEST]
    for i in range(by):
        for j in range(bx):
            grid[1, i, j], grid[2, i, j] = texture[i, j], bad[i, j]
    if of_originals:
        return by * 64 + bx
    clear = valid & ~near(bad)
    if 4 * clear.sum() < 12:
        clear = valid
    if 4 * clear.sum() >= 12:
        # JPEG stores colours at half the resolution, which counts in small pictures.
        width = 2.0 if min(nx, ny) < 80 else 1.5
        unbent = np.zeros((6, 2), np.float32)
        own = cells(first, light, one, box, identity, unbent, clear, width, False)
        others = cells(second, other_light, other, box, transform, fit, clear, width, inverted)
        judge_colours(own, others, out)
        if out[names.AGREE] < names.RICH:
            judge_flat(first, second, box, transform, fit, ok, clear, inverted, out)
        # Other colours or another shape decide the pair: no finer grid is needed.
        small = max(ha, wa, hb, wb) <= names.SMALL_DRAWING and out[names.BAD] <= _RESHAPED
        if small:
            out[names.GROUND] = min(_share_of_one_gray(light), _share_of_one_gray(other_light))
        if small and (out[names.FLAT_OFF] <= _RECOLOURED or out[names.FLAT] < _FLAT):
            x = draw_colours(first, box, identity, drawn_with[0, :WIDTH], nx, ny)
            y = draw_colours(second, box, transform, drawn_with[1, :WIDTH], nx, ny)
            judge_remainder(x, y, fit, ok, inverted, out)
            resized = drawn_with[0, WIDTH] / drawn_with[1, WIDTH]
            out[names.RESIZED] = max(resized, 1 / resized)
    return by * 64 + bx
