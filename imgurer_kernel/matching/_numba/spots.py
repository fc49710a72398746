"""Find the spots of a picture in machine code; `imgurer_kernel.matching.spots` says what they are.

Every pass works on whole rows from index 0, each element by itself: such loops become vector
instructions, and the result is the same on every machine.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import math

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Int64s, UInt8s, UInt64s
from imgurer_kernel.matching import spots as rules
from imgurer_kernel.matching._numba.caption_pixels import share_of_captions, sum_captions

_ROW, _PLANE = "float32[::1]", "float32[:, ::1]"
_PICTURE = "Array(uint8, 2, 'C', readonly=True)"

# No spots so near to the edge of a level, in pixels, and no level so small.
_EDGE = 20
_LEAST_SIDE = 2 * _EDGE + 3
# Harris' measure, in squared gray levels, below which a corner is noise.
_LEAST_CORNER = 1024.0
# Radius in which brightness gives the direction.
_DISC = 15
# Corners are taken from each cell of such a grid in turn: collages need them in all their parts.
_CELLS = 4
# Corners with so large a share of captions within the hashed surroundings come last: else captions
# of three lines leave no corner of a template. Of 22 pairs of memes without common spots 11 have
# some by this, with limits of 0.02 to 0.2.
_LETTERED, _AROUND = 0.15, 16
_STEP = float(rules.STEP)
_QUOTAS = tuple(
    max(4, math.ceil(1.15 * rules.MAX_SPOTS * (1 - 1 / _STEP) / _STEP**level))
    for level in range(rules.LEVELS)
)


@compiled(f"void({_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW})")
def _gradients(
    above: Float32s, row: Float32s, below: Float32s, xx: Float32s, yy: Float32s, xy: Float32s
) -> None:
    """Write the products of the gradients of a row, shifted by one to the left."""
    for x in range(row.shape[0] - 2):
        gx = row[x + 2] - row[x]
        gy = below[x + 1] - above[x + 1]
        xx[x], yy[x], xy[x] = gx * gx, gy * gy, gx * gy


@compiled(f"void({_ROW}, {_ROW})")
def _soften_row(row: Float32s, out: Float32s) -> None:
    """Weigh five neighbors by 1, 2, 2, 2, 1, shifted by two to the left."""
    for x in range(row.shape[0] - 4):
        out[x] = row[x] + row[x + 4] + float32(2) * (row[x + 1] + row[x + 2] + row[x + 3])


@compiled(f"void({_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW})")
def _soften_rows(
    a: Float32s, b: Float32s, c: Float32s, d: Float32s, e: Float32s, out: Float32s
) -> None:
    """Weigh five rows likewise."""
    for x in range(out.shape[0]):
        out[x] = a[x] + e[x] + float32(2) * (b[x] + c[x] + d[x])


@compiled(f"void({_ROW}, {_ROW}, {_ROW}, {_ROW})")
def _corner_row(xx: Float32s, yy: Float32s, xy: Float32s, out: Float32s) -> None:
    """Write the harmonic mean of the eigenvalues, but for a factor."""
    for x in range(out.shape[0]):
        out[x] = (xx[x] * yy[x] - xy[x] * xy[x]) / (xx[x] + yy[x] + float32(1))


@compiled(f"void({_PLANE}, {_PLANE})")
def _corners(level: Float32s, out: Float32s) -> None:
    """Write the measure of corners; 3 pixels at each edge are left alone."""
    height, width = level.shape
    raw = np.empty((3, width), np.float32)
    soft = np.empty((5, 3, width), np.float32)  # the last five rows
    total = np.empty((3, width), np.float32)
    inner = width - 6
    for y in range(1, height - 1):
        _gradients(level[y - 1], level[y], level[y + 1], raw[0], raw[1], raw[2])
        for c in range(3):
            _soften_row(raw[c, : width - 2], soft[y % 5, c])
        if y < 5:
            continue
        for c in range(3):
            _soften_rows(
                soft[(y - 4) % 5, c, :inner], soft[(y - 3) % 5, c, :inner],
                soft[(y - 2) % 5, c, :inner], soft[(y - 1) % 5, c, :inner],
                soft[y % 5, c, :inner], total[c, :inner],
            )  # fmt: skip
        _corner_row(total[0, :inner], total[1, :inner], total[2, :inner], out[y - 2, 3 : width - 3])


@compiled(f"void({_ROW}, {_ROW})")
def _blur_row(row: Float32s, out: Float32s) -> None:
    """Average five neighbors, shifted by two to the left."""
    for x in range(row.shape[0] - 4):
        out[x] = (row[x] + row[x + 1] + row[x + 2] + row[x + 3] + row[x + 4]) * float32(0.2)


@compiled(f"void({_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW}, {_ROW})")
def _blur_rows(
    a: Float32s, b: Float32s, c: Float32s, d: Float32s, e: Float32s, out: Float32s
) -> None:
    """Average five rows."""
    for x in range(out.shape[0]):
        out[x] = (a[x] + b[x] + c[x] + d[x] + e[x]) * float32(0.2)


@compiled(f"void({_PLANE}, {_PLANE}, {_PLANE})")
def _blur(level: Float32s, other: Float32s, out: Float32s) -> None:
    """Average twice over five pixels each way: nearly a Gaussian of two pixels' deviation."""
    height, width = level.shape
    padded, half = np.empty(width + 8, np.float32), np.empty(width + 4, np.float32)
    for y in range(height):
        padded[4 : width + 4] = level[y]
        padded[:4], padded[width + 4 :] = level[y, 0], level[y, width - 1]
        _blur_row(padded, half)
        _blur_row(half, out[y])
    last = height - 1
    for source, target in ((out, other), (other, out)):
        for y in range(height):
            _blur_rows(
                source[max(y - 2, 0)], source[max(y - 1, 0)], source[y],
                source[min(y + 1, last)], source[min(y + 2, last)], target[y],
            )  # fmt: skip


@compiled(f"void({_ROW}, float32, {_ROW})")
def _add_row(row: Float32s, weight: float, out: Float32s) -> None:
    """Add a row, weighted."""
    for x in range(out.shape[0]):
        out[x] += row[x] * weight


@compiled(f"void({_PLANE}, {_PLANE})")
def _reduce(level: Float32s, out: Float32s) -> None:
    """Reduce a level to a smaller one by a triangle as wide as the step is."""
    height, width = level.shape
    rows, columns = out.shape
    between = np.empty(width, np.float32)
    step = width / columns
    taps = math.ceil(2 * step) + 1
    first, weights = np.empty(columns, np.int64), np.zeros((columns, taps), np.float32)
    for x in range(columns):
        center = (x + 0.5) * step
        low, total = max(int(center - step + 0.5), 0), 0.0
        first[x] = min(low, max(width - taps, 0))
        for k in range(taps):
            at = first[x] + k
            share = max(0.0, 1 - abs(at + 0.5 - center) / step) if at < width else 0.0
            weights[x, k] = share
            total += share
        weights[x] /= float32(total)
    down = height / rows
    for y in range(rows):
        center, total = (y + 0.5) * down, 0.0
        between[:] = 0
        low, high = max(int(center - down + 0.5), 0), min(int(center + down + 0.5), height)
        for at in range(low, high):
            total += max(0.0, 1 - abs(at + 0.5 - center) / down)
        for at in range(low, high):
            share = max(0.0, 1 - abs(at + 0.5 - center) / down) / total
            _add_row(level[at], float32(share), between)
        for x in range(columns):
            value = float32(0)
            for k in range(min(taps, width)):
                value += between[first[x] + k] * weights[x, k]
            out[y, x] = value


@compiled(f"int64({_PLANE}, int64[:, ::1], int64, int64[:, ::1])")
def _choose(measure: Float32s, captions: Int64s, quota: int, chosen: Int64s) -> int:
    """Write the x and y of the strongest corners of each cell in turn; return how many.

    Those beside captions come after all others, strongest first.
    """
    height, width = measure.shape
    across, down = (captions.shape[1] - 1) / width, (captions.shape[0] - 1) / height
    least = float32(_LEAST_CORNER)
    room = (height * width) // 4 + 1
    places, strength = np.empty((room, 2), np.int64), np.empty(room, np.float32)
    n = 0
    for y in range(_EDGE, height - _EDGE):
        for x in range(_EDGE, width - _EDGE):
            v = measure[y, x]
            if v <= least or v <= measure[y, x - 1] or v < measure[y, x + 1]:
                continue
            before = max(measure[y - 1, x - 1], measure[y - 1, x], measure[y - 1, x + 1])
            after = max(measure[y + 1, x - 1], measure[y + 1, x], measure[y + 1, x + 1])
            if v > before and v >= after and n < room:
                places[n, 0], places[n, 1], strength[n] = x, y, v
                n += 1
    order = np.argsort(-strength[:n], kind="mergesort")  # equals stay in reading order
    count, rank = np.zeros(_CELLS * _CELLS, np.int64), np.empty(n, np.int64)
    lettered = 0
    for k in range(n):
        x, y = places[order[k]]
        box = x * across, y * down, _AROUND * across, _AROUND * down
        if share_of_captions(captions, *box) > _LETTERED:
            rank[k] = n
            lettered += 1
            continue
        cell = x * _CELLS // width + _CELLS * (y * _CELLS // height)
        rank[k] = count[cell]
        count[cell] += 1
    found, turn = 0, 0
    while found < min(quota, n):
        for k in range(n):
            if rank[k] == turn and found < quota:
                chosen[found] = places[order[k]]
                found += 1
        turn = turn + 1 if found < n - lettered else n
    return found


@compiled(
    f"float64({_PLANE}, {_PLANE}, int64, int64, Array(float32, 2, 'C', readonly=True), uint64[::1])"
)
def _describe(
    level: Float32s, soft: Float32s, x: int, y: int, tests: Float32s, out: UInt64s
) -> float:
    """Write the hash of what surrounds a spot; return its direction, -pi..pi."""
    bottom, right = level.shape[0] - 1, level.shape[1] - 1
    across, down = 0.0, 0.0
    for j in range(-_DISC, _DISC + 1):
        reach = int(math.sqrt(_DISC * _DISC - j * j))
        total, moment = float32(0), float32(0)
        for i in range(-reach, reach + 1):
            value = level[y + j, x + i]
            total += value
            moment += float32(np.int32(i)) * value
        across += moment
        down += j * total
    angle = math.atan2(down, across)
    c, s = math.cos(angle), math.sin(angle)
    out[0] = out[1] = np.uint64(0)
    for k in range(tests.shape[0]):
        px, py, qx, qy = tests[k, 0], tests[k, 1], tests[k, 2], tests[k, 3]
        x0 = min(max(int(x + c * px - s * py + 0.5), 0), right)
        y0 = min(max(int(y + s * px + c * py + 0.5), 0), bottom)
        x1 = min(max(int(x + c * qx - s * qy + 0.5), 0), right)
        y1 = min(max(int(y + s * qx + c * qy + 0.5), 0), bottom)
        if soft[y0, x0] < soft[y1, x1]:
            out[k // 64] |= np.uint64(1) << np.uint64(k % 64)
    return angle


@compiled(
    f"int64({_PICTURE}, Array(float32, 2, 'C', readonly=True), uint64[:, ::1], uint16[:, ::1],"
    " uint8[::1], uint8[::1])"
)
def find(
    gray: UInt8s,
    tests: Float32s,
    hashes: UInt64s,
    place: np.ndarray,
    levels: UInt8s,
    directions: UInt8s,
) -> int:
    """Write the spots of a picture into one row of `imgurer_kernel.matching.spots.Spots`.

    Returns how many there are.
    """
    height, width = gray.shape
    most, longer = hashes.shape[0], max(gray.shape[0], gray.shape[1])
    chosen = np.empty((most, 2), np.int64)
    level, captions = gray.astype(np.float32), sum_captions(gray)
    found = 0
    for number in range(rules.LEVELS):
        scale = _STEP**number
        rows, columns = int(height / scale + 0.5), int(width / scale + 0.5)
        if min(rows, columns) < _LEAST_SIDE:
            break
        if number:
            smaller = np.empty((rows, columns), np.float32)
            _reduce(level, smaller)
            level = smaller
        measure, other = np.zeros_like(level), np.empty_like(level)
        _corners(level, measure)
        count = _choose(measure, captions, min(_QUOTAS[number], most - found), chosen)
        if count:
            soft = measure  # not read any more: its memory is used again
            _blur(level, other, soft)
            for k in range(count):
                x, y = chosen[k]
                angle = _describe(level, soft, x, y, tests, hashes[found])
                share_x = (x + 0.5) * width / columns / longer
                share_y = (y + 0.5) * height / rows / longer
                place[found, 0] = np.uint16(min(share_x, 1.0) * 65535 + 0.5)
                place[found, 1] = np.uint16(min(share_y, 1.0) * 65535 + 0.5)
                levels[found] = number
                turn = round(angle * rules.DIRECTIONS / (2 * math.pi))
                directions[found] = np.uint8((turn + rules.DIRECTIONS) % rules.DIRECTIONS)
                found += 1
    return found
