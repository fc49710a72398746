"""`imgurer_kernel.alignment.compare` in machine code, pair after pair: that module explains it.

Whatever is known of a pixel is written to planes first and summed up after that: the loops of the
second step have no branches and no scattered reads, and become vector instructions.

numba does not notice a change of the constants in `imgurer_kernel.alignment`, nor of
`imgurer_kernel.kernels.equations`: who changes one must empty the cache. A test compares the two
modules' results.
"""

# What numba makes of a function is not what mypy reads in it.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import numpy as np
from numba import float32
from numpy.typing import NDArray

from imgurer_kernel import alignment as rules
from imgurer_kernel.kernels.compiling import compiled
from imgurer_kernel.kernels.equations import dot, solve

SIDE, BLOCKS = rules.SIDE, rules.BLOCKS

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_LEVEL, _BOX, _BOXES, _MODEL = "float32[:, ::1]", "int64[::1]", "int64[:, ::1]", "float64[::1]"
_ROW, _PICTURE, _PICTURES = "float32[::1]", "uint8[:, ::1]", "uint8[:, :, ::1]"
_MAPS = "float64[:, ::1]"
_STEPS = tuple(steps for _, steps, _ in rules.LEVELS)
_STILL = tuple(still for _, _, still in rules.LEVELS)
_ONE, _ZERO = np.float32(1), np.float32(0)


@compiled(f"Tuple((int64, int64, int64, int64))({_BOX}, int64)", fastmath=True)
def _box_at(box: Ints, side: int) -> tuple[int, int, int, int]:
    return (
        -(-box[0] * side // SIDE),
        -(-box[1] * side // SIDE),
        box[2] * side // SIDE,
        box[3] * side // SIDE,
    )


@compiled(f"float32({_LEVEL}, {_BOX})", fastmath=True)
def _standardize(level: Floats, box: Ints) -> float:
    left, top, right, bottom = _box_at(box, level.shape[0])
    count = float32((right - left) * (bottom - top))
    total, squares = _ZERO, _ZERO
    for y in range(top, bottom):
        for x in range(left, right):
            total += level[y, x]
    mean = total / count
    for y in range(top, bottom):
        for x in range(left, right):
            squares += (level[y, x] - mean) * (level[y, x] - mean)
    deviation = max(np.sqrt(squares / count), float32(2))
    scale = _ONE / deviation
    for y in range(level.shape[0]):
        for x in range(level.shape[0]):
            level[y, x] = (level[y, x] - mean) * scale
    return deviation


@compiled(f"float32({_PICTURE}, {_BOX}, {_LEVEL})", fastmath=True)
def _reduce(picture: Bytes, box: Ints, out: Floats) -> float:
    """Average to the side of `out`, standardize there, return the deviation."""
    side = out.shape[0]
    step = SIDE // side
    scale = _ONE / float32(step * step)
    for y in range(side):
        for x in range(side):
            total = 0
            for i in range(step):
                for j in range(step):
                    total += picture[y * step + i, x * step + j]
            out[y, x] = float32(total) * scale
    return _standardize(out, box)


@compiled(f"float32({_PICTURE}, {_BOX}, {_LEVEL})", fastmath=True)
def _smooth(picture: Bytes, box: Ints, out: Floats) -> float:
    """Blur by (1, 2, 1) / 4 both ways into `out`, standardize there, return the deviation."""
    row = np.empty(SIDE, np.float32)
    for y in range(SIDE):
        above, here, below = picture[max(y - 1, 0)], picture[y], picture[min(y + 1, SIDE - 1)]
        for x in range(SIDE):
            row[x] = float32(above[x]) + float32(2) * float32(here[x]) + float32(below[x])
        for x in range(1, SIDE - 1):
            out[y, x] = (row[x - 1] + float32(2) * row[x] + row[x + 1]) * float32(1 / 16)
        out[y, 0] = (float32(3) * row[0] + row[1]) * float32(1 / 16)
        out[y, SIDE - 1] = (row[SIDE - 2] + float32(3) * row[SIDE - 1]) * float32(1 / 16)
    return _standardize(out, box)


@compiled(f"void({_LEVEL}, {_BOX}, {_MODEL}, {_LEVEL})", fastmath=True)
def _warp(level: Floats, box: Ints, model: Doubles, planes: Floats) -> None:
    """Into planes 0..3: value, its two derivatives, and 0 or 1 for inside the box."""
    side = level.shape[0]
    left, top, right, bottom = _box_at(box, side)
    low_x, low_y = float32(left), float32(top)
    high_x, high_y = float32(right - 1), float32(bottom - 1)
    last = float32(side - 1.001)
    half = side * 0.5
    u = 1 / side - 1
    across, down = float32(model[0]), float32(model[3])
    value, along_x, along_y, inside, corner = planes[0], planes[1], planes[2], planes[3], planes[4]
    for y in range(side):
        v = (2 * y + 1) / side - 1
        start_x = float32((model[0] * u + model[1] * v + model[2] + 1) * half - 0.5)
        start_y = float32((model[3] * u + model[4] * v + model[5] + 1) * half - 0.5)
        for x in range(side):
            at_x = start_x + across * float32(x)
            at_y = start_y + down * float32(x)
            within = (at_x >= low_x) & (at_x <= high_x) & (at_y >= low_y) & (at_y <= high_y)
            at_x = min(max(at_x, _ZERO), last)
            at_y = min(max(at_y, _ZERO), last)
            i, j = np.int32(at_y), np.int32(at_x)
            pixel = y * side + x
            inside[pixel] = float32(within)
            corner[pixel] = float32(i * np.int32(side) + j)
            along_x[pixel] = at_x - float32(j)
            along_y[pixel] = at_y - float32(i)
    gray, below = level.reshape(-1), np.uint32(side)
    for pixel in range(side * side):
        k = np.uint32(corner[pixel])
        fx, fy = along_x[pixel], along_y[pixel]
        upper, lower = (
            gray[k + np.uint32(1)] - gray[k],
            gray[k + below + np.uint32(1)] - gray[k + below],
        )
        north, south = gray[k] + upper * fx, gray[k + below] + lower * fx
        value[pixel] = north + (south - north) * fy
        along_x[pixel] = upper + (lower - upper) * fy
        along_y[pixel] = south - north


@compiled(f"int64({_LEVEL}, {_BOX}, {_MODEL}, {_LEVEL})", fastmath=True)
def _jacobian(target: Floats, box: Ints, model: Doubles, planes: Floats) -> int:
    """Turn a warp's planes into derivatives 0..7, residual 8 and weight 9; count the pixels."""
    side = target.shape[0]
    left, top, right, bottom = _box_at(box, side)
    gain, offset = float32(model[6]), float32(model[7])
    scale = gain * float32(side * 0.5)
    used = 0
    for y in range(side):
        v = float32((2 * y + 1) / side - 1)
        for x in range(side):
            pixel = y * side + x
            u = float32(2 * x + 1) / float32(side) - _ONE
            mine = (x >= left) & (x < right) & (y >= top) & (y < bottom)
            weight = planes[3, pixel] * float32(mine)
            used += weight > _ZERO
            value, gx, gy = planes[0, pixel], planes[1, pixel] * scale, planes[2, pixel] * scale
            residual = target[y, x] - gain * value - offset
            weight *= min(_ONE, float32(rules.HUBER) / (abs(residual) + float32(1e-9)))
            planes[0, pixel], planes[1, pixel], planes[2, pixel] = gx * u, gx * v, gx
            planes[3, pixel], planes[4, pixel], planes[5, pixel] = gy * u, gy * v, gy
            planes[6, pixel], planes[7, pixel] = value, _ONE
            planes[8, pixel], planes[9, pixel] = residual, weight
    return used


@compiled(f"boolean({_MODEL}, {_MODEL})", fastmath=True)
def _plausible(model: Doubles, start: Doubles) -> bool:
    determinant = start[0] * start[4] - start[1] * start[3]
    across = (model[0] * start[4] - model[1] * start[3]) / determinant
    down = (model[4] * start[0] - model[3] * start[1]) / determinant
    lean = (model[1] * start[0] - model[0] * start[1]) / determinant
    tilt = (model[3] * start[4] - model[4] * start[3]) / determinant
    return (
        (1 / rules.MAX_SCALE < across < rules.MAX_SCALE)
        and (1 / rules.MAX_SCALE < down < rules.MAX_SCALE)
        and abs(lean) < rules.MAX_SHEAR
        and abs(tilt) < rules.MAX_SHEAR
        and abs(model[2] - start[2]) < rules.MAX_SHIFT
        and abs(model[5] - start[5]) < rules.MAX_SHIFT
    )


@compiled(
    f"boolean({_LEVEL}, {_LEVEL}, {_BOXES}, {_MODEL}, {_MODEL}, {_LEVEL}, int64, float64)",
    fastmath=True,
)
def _refine(
    one: Floats,
    other: Floats,
    boxes: Ints,
    model: Doubles,
    start: Doubles,
    planes: Floats,
    steps: int,
    still: float,
) -> bool:
    """Gauss-Newton on one level, in place; False if it runs away."""
    matrix, right_side = np.empty((8, 8)), np.empty(8)
    left, top, right, bottom = _box_at(boxes[0], one.shape[0])
    least = rules.MIN_OVERLAP * (right - left) * (bottom - top)
    for _ in range(steps):
        _warp(other, boxes[1], model, planes)
        used = _jacobian(one, boxes[0], model, planes)
        weighted = planes[10]
        for i in range(8):
            for pixel in range(weighted.shape[0]):
                weighted[pixel] = planes[i, pixel] * planes[9, pixel]
            right_side[i] = dot(weighted, planes[8])
            for j in range(i + 1):
                matrix[i, j] = dot(weighted, planes[j])
            matrix[i, i] = matrix[i, i] * (1 + rules.DAMPING) + 1e-6 * max(used, 1)
        if not solve(matrix, right_side):
            return False
        largest = 0.0
        for i in range(8):
            model[i] += right_side[i]
            if i < 6:
                largest = max(largest, abs(right_side[i]))
        if used < least or not _plausible(model, start):
            return False
        if largest < still:
            break
    return True


@compiled(f"void({_ROW}, int64, {_ROW})", fastmath=True)
def _all_inside(inside: Floats, side: int, out: Floats) -> None:
    """Where a pixel and its right and lower neighbours are inside."""
    for p in range(side * (side - 1) - 1):
        out[p] = inside[p] * inside[p + 1] * inside[p + side]


@compiled(f"void({_ROW}, {_ROW}, {_ROW}, int64, {_ROW})", fastmath=True)
def _gradient_product(one: Floats, other: Floats, where: Floats, side: int, out: Floats) -> None:
    """Scalar product of two pictures' gradients at each pixel; few arrays, or it stays scalar."""
    for p in range(side * (side - 1) - 1):
        across = (one[p + 1] - one[p]) * (other[p + 1] - other[p])
        down = (one[p + side] - one[p]) * (other[p + side] - other[p])
        out[p] = (across + down) * where[p]


@compiled(f"void({_LEVEL}, {_LEVEL}, {_BOXES}, {_MODEL}, float32, {_LEVEL}, {_ROW})", fastmath=True)
def _measure(
    one: Floats,
    other: Floats,
    boxes: Ints,
    model: Doubles,
    noise: float,
    planes: Floats,
    out: Floats,
) -> None:
    """Into `out`: correlation, agreement and overlap at a map."""
    side = one.shape[0]
    _warp(other, boxes[1], model, planes)
    value, gray = planes[0], one.reshape(-1)
    _all_inside(planes[3], side, planes[7])
    _gradient_product(gray, gray, planes[7], side, planes[4])
    _gradient_product(value, value, planes[7], side, planes[5])
    _gradient_product(gray, value, planes[7], side, planes[6])
    left, top, right, bottom = _box_at(boxes[0], side)
    width, height = right - left, bottom - top
    floor = max(noise, float32(rules.FAINT))
    totals, sums = np.zeros(4, np.float32), np.empty(4, np.float32)
    columns = np.empty((4, side), np.float32)
    agreement, ceiling = _ZERO, _ZERO
    for row in range(BLOCKS):
        y0, y1 = top - (-row * height // BLOCKS), top - (-(row + 1) * height // BLOCKS)
        columns[:] = 0
        for y in range(y0, min(y1, bottom - 1)):
            for k in range(4):
                for x in range(side):
                    columns[k, x] += planes[4 + k, y * side + x]
        for column in range(BLOCKS):
            x0, x1 = (
                left - (-column * width // BLOCKS),
                left - (-(column + 1) * width // BLOCKS),
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


@compiled(f"Tuple(({_LEVEL}, {_LEVEL}, {_LEVEL}))()")
def _levels() -> tuple[Floats, Floats, Floats]:
    small, middle = np.empty((16, 16), np.float32), np.empty((32, 32), np.float32)
    return small, middle, np.empty((SIDE, SIDE), np.float32)


@compiled(f"{_LEVEL}(int64)")
def _room(side: int) -> Floats:
    return np.empty((11, side * side), np.float32)


@compiled(
    f"void({_PICTURES}, {_PICTURES}, int64[:, :, ::1], {_MAPS}, boolean, {_LEVEL}, {_MAPS})",
    fastmath=True,
)
def compare(
    first: Bytes,
    second: Bytes,
    boxes: Ints,
    starts: Doubles,
    align: bool,
    measures: Floats,
    maps: Doubles,
) -> None:
    """`imgurer_kernel.alignment.compare`, into `measures` (n, 3) and `maps` (n, 6)."""
    ones = _levels()
    others = _levels()
    rooms = (_room(16), _room(32), _room(64))
    model, found = np.empty(8), np.empty(3, np.float32)
    for k in range(len(first)):
        box, start = boxes[k], starts[k]
        noise = _smooth(first[k], box[0], ones[2]) * _smooth(second[k], box[1], others[2])
        noise = float32(rules.NOISE) / noise
        _measure(ones[2], others[2], box, start, noise, rooms[2], measures[k])
        maps[k] = start
        if not align or (measures[k, 0] >= rules.QUICK and measures[k, 1] >= rules.AGREEMENT):
            continue
        model[:6], model[6], model[7] = start, 1, 0
        for level in range(3):
            one, other, planes = ones[level], others[level], rooms[level]
            if level < 2:
                _reduce(first[k], box[0], one)
                _reduce(second[k], box[1], other)
            good = _refine(one, other, box, model, start, planes, _STEPS[level], _STILL[level])
            if level == 0:
                if not good:
                    model[:6], model[6], model[7] = start, 1, 0
                continue
            if not good:
                break
            _measure(one, other, box, model, noise, planes, found)
            if level == 1 and found[0] < rules.COARSE:
                break
            if level == 2 and found[1] > measures[k, 1]:
                measures[k], maps[k] = found, model[:6]
