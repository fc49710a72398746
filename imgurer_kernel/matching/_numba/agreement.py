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
from imgurer_kernel.matching._numba.planes import blurred, drawn, luma
from imgurer_kernel.matching._numba.quantiles import quantile
from imgurer_kernel.matching._numba.regions import cut_strips, near
from imgurer_kernel.matching._numba.remainders import draw_colours, judge_remainder
from imgurer_kernel.matching._numba.sharpness import blur_needed
from imgurer_kernel.matching._numba.summary import share_of_letters, summarize, tensors

_PLANE, _RGB = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)"
_VECTOR, _GRID, _MASK = "float64[::1]", "float32[:, :, ::1]", "boolean[:, ::1]"
_LEAST, _BLOCKS, _BLOCK = 24, 14, 12
_RECOLOURED, _RESHAPED = 0.5, 0.6  # FLAT_OFF and BAD of pairs that are decided by these
_FLAT = 20  # fewer flat places than these are no evidence of another colour
_PROBE = 48  # points a side by which the common part of two pictures is found


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


@compiled("float64(float64)")
def _blur_for(step: float) -> float:
    """Return the sigma, in pixels, that prevents aliasing when every `step`-th pixel is sampled."""
    return 0.5 * np.sqrt(max(step * step - 1, 0.0))


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
    a, b, _, d, e, _ = transform
    du, dv = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
    ha, wa, hb, wb = first.shape[0], first.shape[1], second.shape[0], second.shape[1]
    own_x, own_y = wa * du, ha * dv
    their_x, their_y = np.hypot(a * wb, d * hb) * du, np.hypot(b * wb, e * hb) * dv
    turned = abs(b) + abs(d) > abs(a) + abs(e)
    nx = min(max(int(min(own_x, their_x) + 0.5), _LEAST), most)
    ny = min(max(int(min(own_y, their_y) + 0.5), _LEAST), most)
    light, other_light = luma(first), luma(second)
    identity = np.array([1.0, 0, 0, 0, 1, 0])
    sigma = 0.0
    one, other, ok = light, other_light, light
    blurs, other_blurs = np.empty(3), np.empty(3)
    for attempt in range(2):
        step_x, step_y = own_x / nx, own_y / ny
        blurs[0], blurs[1] = _blur_for(step_x), _blur_for(step_y)
        one = blurred(light, blurs[0], blurs[1])
        one = drawn(one, box, identity, nx, ny)
        step_x, step_y = their_x / nx, their_y / ny
        if turned:
            step_x, step_y = step_y, step_x
        other_blurs[0], other_blurs[1] = _blur_for(step_x), _blur_for(step_y)
        other = blurred(other_light, other_blurs[0], other_blurs[1])
        other = drawn(other, box, transform, nx, ny)
        ok = _inside(transform, box, other_content, nx, ny)
        need, other_need = blur_needed(one, other)
        sigma = max(need, other_need)
        blurs[2], other_blurs[2] = need, other_need
        one = blurred(one, np.hypot(need, 0.7), np.hypot(need, 0.7))
        other = blurred(other, np.hypot(other_need, 0.7), np.hypot(other_need, 0.7))
        if attempt or sigma < 1.3 or min(nx, ny) <= 32:
            break
        nx, ny = max(_LEAST, int(nx * 1.1 / sigma + 0.5)), max(_LEAST, int(ny * 1.1 / sigma + 0.5))
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
            x = draw_colours(first, box, identity, blurs, nx, ny)
            y = draw_colours(second, box, transform, other_blurs, nx, ny)
            judge_remainder(x, y, fit, ok, inverted, out)
            out[names.RESIZED] = max(own_x / their_x, their_x / own_x)
    return by * 64 + bx
