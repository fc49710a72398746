"""`imgurer_kernel.matching.alignment.compare` in machine code, pair after pair.

That module explains the method. Here the values of all pixels are written to planes first and
summed up after that: the loops of the second step have no branches and no scattered reads, and
become vector instructions. For the same reason a loop runs over few arrays, each of one row or one
plane, from index 0, and a whole number is made 32 bits wide before it becomes a float: most
processors convert 64 bits one by one only.

numba's cache does not notice a change of the constants in `imgurer_kernel.matching.alignment`, nor
of the other modules that are used here: empty the cache after changing one. A test compares the
results of both.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import alignment as rules
from imgurer_kernel.matching._numba.linear_solve import dot, solve
from imgurer_kernel.matching._numba.pyramid import box_at, levels, reduce, smooth
from imgurer_kernel.matching._numba.warp import (
    BY_C,
    BY_F,
    BY_GAIN,
    RESIDUAL,
    WEIGHT,
    WEIGHTED,
    warp,
    workspace,
)

_LEVEL, _BOX, _BOXES, _MODEL = "float32[:, ::1]", "int64[::1]", "int64[:, ::1]", "float64[::1]"
_ROW, _MAPS = "float32[::1]", "float64[:, ::1]"
# Pictures are only read, and may lie in memory that nothing may write to.
_PICTURES = "Array(uint8, 3, 'C', readonly=True)"
_STEPS = tuple(steps for _, steps, _ in rules.LEVELS)
_TOLERANCES = tuple(tolerance for _, _, tolerance in rules.LEVELS)
_ONE, _ZERO = np.float32(1), np.float32(0)


@compiled(f"void({_ROW}, float32, float32, {_ROW}, {_ROW})", fastmath=True)
def _slopes(slope: Float32s, scale: float, v: float, by_u: Float32s, by_v: Float32s) -> None:
    """Scale a row of derivatives, and multiply it by both coordinates."""
    side = slope.shape[0]
    for x in range(side):
        u = float32(np.int32(2 * x + 1)) / float32(side) - _ONE
        slope[x] *= scale
        by_u[x], by_v[x] = slope[x] * u, slope[x] * v


@compiled(f"float32({_ROW}, {_ROW}, float32, float32, {_ROW}, {_ROW})", fastmath=True)
def _residuals(
    target: Float32s,
    value: Float32s,
    gain: float,
    offset: float,
    residual: Float32s,
    weight: Float32s,
) -> float:
    """Write the residuals of a row and their Huber weights; count the pixels inside."""
    used = _ZERO
    for x in range(target.shape[0]):
        used += weight[x]
        residual[x] = target[x] - gain * value[x] - offset
        weight[x] *= min(_ONE, float32(rules.HUBER) / (abs(residual[x]) + float32(1e-9)))
    return used


@compiled(f"int64({_LEVEL}, {_BOX}, {_MODEL}, {_LEVEL})", fastmath=True)
def _jacobian(target: Float32s, box: Int64s, model: Float64s, planes: Float32s) -> int:
    """Turn what `warp` has written into derivatives, residuals and weights; count the pixels."""
    side = target.shape[0]
    left, top, right, bottom = box_at(box, side)
    gain, offset = float32(model[6]), float32(model[7])
    scale = gain * float32(side * 0.5)
    used = _ZERO
    for y in range(side):
        v = float32((2 * y + 1) / side - 1)
        start, stop = y * side, (y + 1) * side
        for by_u, by_v, slope in ((0, 1, BY_C), (3, 4, BY_F)):
            row = planes[slope, start:stop]
            _slopes(row, scale, v, planes[by_u, start:stop], planes[by_v, start:stop])
        weight, residual = planes[WEIGHT, start:stop], planes[RESIDUAL, start:stop]
        if top <= y < bottom:
            weight[:left], weight[right:] = 0, 0
        else:
            weight[:] = 0
        used += _residuals(target[y], planes[BY_GAIN, start:stop], gain, offset, residual, weight)
    return int(used)


@compiled(f"boolean({_MODEL}, {_MODEL})", fastmath=True)
def _plausible(model: Float64s, start: Float64s) -> bool:
    """Return whether a map is still near its start, by the linear part of their difference."""
    determinant = start[0] * start[4] - start[1] * start[3]
    across = (model[0] * start[4] - model[1] * start[3]) / determinant
    down = (model[4] * start[0] - model[3] * start[1]) / determinant
    shear_x = (model[1] * start[0] - model[0] * start[1]) / determinant
    shear_y = (model[3] * start[4] - model[4] * start[3]) / determinant
    return (
        (1 / rules.MAX_SCALE < across < rules.MAX_SCALE)
        and (1 / rules.MAX_SCALE < down < rules.MAX_SCALE)
        and abs(shear_x) < rules.MAX_SHEAR
        and abs(shear_y) < rules.MAX_SHEAR
        and abs(model[2] - start[2]) < rules.MAX_SHIFT
        and abs(model[5] - start[5]) < rules.MAX_SHIFT
    )


@compiled(
    f"boolean({_LEVEL}, {_LEVEL}, {_BOXES}, {_MODEL}, {_MODEL}, {_LEVEL},"
    " Tuple((int64, float64, float64)))",
    fastmath=True,
)
def refine(
    one: Float32s,
    other: Float32s,
    boxes: Int64s,
    model: Float64s,
    start: Float64s,
    planes: Float32s,
    limits: tuple[int, float, float],
) -> bool:
    """Refine a map by Gauss-Newton steps on one level, in place; False if it diverges.

    `planes` is a `workspace` of the level's side, `limits` are the most steps, the tolerance, and
    the share of the first picture that must stay inside the second; see
    `imgurer_kernel.matching.alignment.refine`.
    """
    steps, tolerance, share = limits
    matrix, right_side = np.empty((8, 8)), np.empty(8)
    left, top, right, bottom = box_at(boxes[0], one.shape[0])
    least = share * (right - left) * (bottom - top)
    for _ in range(steps):
        warp(other, boxes[1], model, planes)
        used = _jacobian(one, boxes[0], model, planes)
        weighted = planes[WEIGHTED]
        # Only the lower triangle is filled: that is all that `solve` reads.
        for i in range(8):
            for pixel in range(weighted.shape[0]):
                weighted[pixel] = planes[i, pixel] * planes[WEIGHT, pixel]
            right_side[i] = dot(weighted, planes[RESIDUAL])
            for j in range(i + 1):
                matrix[i, j] = dot(weighted, planes[j])
            matrix[i, i] = matrix[i, i] * (1 + rules.DAMPING) + 1e-6 * max(used, 1)
        if not solve(matrix, right_side):  # a picture without texture says nothing of the map
            return False
        largest = 0.0  # change of the map; gain and offset need not converge
        for i in range(8):
            model[i] += right_side[i]
            if i < 6:
                largest = max(largest, abs(right_side[i]))
        if used < least or not _plausible(model, start):
            return False
        if largest < tolerance:
            break
    return True


@compiled(f"void({_ROW}, {_ROW}, {_ROW}, int64, int64, {_LEVEL})", fastmath=True)
def gradient_products(
    one: Float32s, other: Float32s, inside: Float32s, start: int, stop: int, columns: Float32s
) -> None:
    """Sum up the products of gradients with themselves and each other down some rows, and count.

    A gradient counts where its pixel and the right and lower neighbors are inside.
    """
    columns[:] = 0
    squares, other_squares, products, count = columns[0], columns[1], columns[2], columns[3]
    side = columns.shape[1]
    for y in range(start, stop):
        for x in range(side - 1):
            # An unsigned index needs no check for negative ones, which would be a branch.
            here = np.uint64(y * side + x)
            right, below = here + np.uint64(1), here + np.uint64(side)
            where = inside[here] * inside[right] * inside[below]
            across, down = one[right] - one[here], one[below] - one[here]
            other_across, other_down = other[right] - other[here], other[below] - other[here]
            squares[x] += (across * across + down * down) * where
            other_squares[x] += (other_across * other_across + other_down * other_down) * where
            products[x] += (across * other_across + down * other_down) * where
            count[x] += where


@compiled(f"void({_LEVEL}, {_LEVEL}, {_BOXES}, {_MODEL}, float32, {_LEVEL}, {_ROW})", fastmath=True)
def _measure(
    one: Float32s,
    other: Float32s,
    boxes: Int64s,
    model: Float64s,
    noise: float,
    planes: Float32s,
    out: Float32s,
) -> None:
    """Write correlation, agreement and overlap at a map to `out`."""
    side = one.shape[0]
    warp(other, boxes[1], model, planes)
    gray, value, inside = one.reshape(-1), planes[BY_GAIN], planes[WEIGHT]
    left, top, right, bottom = box_at(boxes[0], side)
    width, height = right - left, bottom - top
    floor = max(noise, float32(rules.MIN_NOISE_ENERGY))
    # A block begins at the first pixel whose share of the side reaches k / 8: a division rounded
    # up, which is that of the negative number rounded down.
    totals, sums = np.zeros(4, np.float32), np.empty(4, np.float32)
    columns = np.empty((4, side), np.float32)
    agreement, ceiling = _ZERO, _ZERO
    for row in range(rules.BLOCKS):
        y0, y1 = top - (-row * height // rules.BLOCKS), top - (-(row + 1) * height // rules.BLOCKS)
        gradient_products(gray, value, inside, y0, min(y1, bottom - 1), columns)
        for column in range(rules.BLOCKS):
            x0, x1 = (
                left - (-column * width // rules.BLOCKS),
                left - (-(column + 1) * width // rules.BLOCKS),
            )
            for k in range(4):
                sums[k] = 0
                for x in range(x0, min(x1, right - 1)):
                    sums[k] += columns[k, x]
                totals[k] += sums[k]
            energy = max(sums[0], sums[1])
            if energy >= floor * float32(0.25):
                weight = np.sqrt(np.sqrt(energy))
                ceiling += weight * energy / (energy + floor)
                agreement += weight * sums[2] / (np.sqrt(sums[0] * sums[1]) + floor)
    out[0] = totals[2] / np.sqrt(max(totals[0] * totals[1], float32(1e-12)))
    out[1] = agreement / max(ceiling, float32(1e-9))
    out[2] = totals[3] / float32((width - 1) * (height - 1))


@compiled(
    f"void({_PICTURES}, {_PICTURES}, {_BOXES}, int64[:, :, ::1], {_MAPS}, boolean, {_LEVEL},"
    f" {_MAPS})",
    fastmath=True,
)
def compare(
    ones: UInt8s,
    others: UInt8s,
    pairs: Int64s,
    boxes: Int64s,
    starts: Float64s,
    align: bool,
    measures: Float32s,
    maps: Float64s,
) -> None:
    """Compare pairs of pictures, into `measures` float32 (n, 3) and `maps` float64 (n, 6).

    Pair k is of ``ones[pairs[k, 0]]`` and ``others[pairs[k, 1]]``, which is not checked: to gather
    the pictures beforehand takes a third of the time of comparing them unaligned. The other
    arguments are those of `imgurer_kernel.matching.alignment.compare`.
    """
    sides, other_sides = levels(), levels()
    workspaces = (workspace(16), workspace(32), workspace(64))
    model, measured = np.empty(8), np.empty(3, np.float32)
    for k in range(len(pairs)):
        first, second = ones[pairs[k, 0]], others[pairs[k, 1]]
        box, start = boxes[k], starts[k]
        noise = smooth(first, box[0], sides[2]) * smooth(second, box[1], other_sides[2])
        noise = float32(rules.NOISE_ENERGY) / noise
        _measure(sides[2], other_sides[2], box, start, noise, workspaces[2], measures[k])
        maps[k] = start
        if not align or (
            measures[k, 0] >= rules.SKIP_CORRELATION and measures[k, 1] >= rules.AGREEMENT
        ):
            continue
        model[:6], model[6], model[7] = start, 1, 0
        least = min(rules.MIN_OVERLAP, rules.KEPT_OVERLAP * measures[k, 2])
        for level in range(3):
            one, other, planes = sides[level], other_sides[level], workspaces[level]
            if level < 2:
                reduce(first, box[0], one)
                reduce(second, box[1], other)
            limits = _STEPS[level], _TOLERANCES[level], least
            good = refine(one, other, box, model, start, planes, limits)
            if level == 0:
                if not good:  # the next level begins from the start again
                    model[:6], model[6], model[7] = start, 1, 0
                continue
            if not good:
                break
            _measure(one, other, box, model, noise, planes, measured)
            if level == 1 and measured[0] < rules.MIN_COARSE_CORRELATION:
                break
            if level == 2 and measured[1] > measures[k, 1]:
                measures[k], maps[k] = measured, model[:6]
