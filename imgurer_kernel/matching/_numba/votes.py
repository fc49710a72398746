"""Let the matching spots of two pictures vote for a map of one onto the other, in machine code.

One match of two spots determines a similarity: shift, scale and rotation. The other matches are
counted that agree with it. `imgurer_kernel.matching.spot_candidates` uses the result.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import math

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt64s

# Largest distance of a spot from its mapped position, in longer sides of pictures of equal scale;
# largest rotation, in radians; largest ratio of sizes.
_TOLERANCE = 0.035
_MAX_TURN = 0.5
_MAX_RATIO = 1.67
# Spots of one picture nearer to each other than this are one corner, found at several levels.
_ONE_PLACE = 0.012
# Number of matches of two pictures that vote, the nearest ones.
_MOST = 64

_POINTS = "Array(float32, 3, 'C', readonly=True)"


@compiled("int64(float64[:, ::1], float64[:, ::1], int64, boolean, boolean[::1])")
def _agreeing(one: Float64s, other: Float64s, by: int, mirror: bool, used: BoolMask) -> int:
    """Mark the matches that agree with match number `by`, one for each place; return how many."""
    side = -1.0 if mirror else 1.0
    n = len(one)
    scale = other[by, 2] / one[by, 2]
    turn = other[by, 3] - (math.pi - one[by, 3] if mirror else one[by, 3])
    c, s = math.cos(turn) * scale, math.sin(turn) * scale
    # In the geometric mean of both scales, so that the order of the pictures is irrelevant.
    near = _TOLERANCE * math.sqrt(scale)
    count = 0
    for k in range(n):
        used[k] = False
        ratio = other[k, 2] / one[k, 2] / scale
        if ratio > _MAX_RATIO or ratio * _MAX_RATIO < 1:
            continue
        dx, dy = side * (one[k, 0] - one[by, 0]), one[k, 1] - one[by, 1]
        ex = c * dx - s * dy - other[k, 0] + other[by, 0]
        ey = s * dx + c * dy - other[k, 1] + other[by, 1]
        if ex * ex + ey * ey > near * near:
            continue
        off = other[k, 3] - (math.pi - one[k, 3] if mirror else one[k, 3]) - turn
        off -= 2 * math.pi * round(off / (2 * math.pi))
        if abs(off) > _MAX_TURN:
            continue
        is_same_place = False
        for j in range(k):
            if used[j]:
                distance = abs(one[j, 0] - one[k, 0]) + abs(one[j, 1] - one[k, 1])
                other_distance = abs(other[j, 0] - other[k, 0]) + abs(other[j, 1] - other[k, 1])
                if distance < _ONE_PLACE or other_distance < _ONE_PLACE:
                    is_same_place = True
                    break
        if not is_same_place:
            used[k] = True
            count += 1
    return count


@compiled("void(float64[:, ::1], float64[:, ::1], boolean, boolean[::1], float64[::1])")
def _fit(one: Float64s, other: Float64s, mirror: bool, used: BoolMask, out: Float64s) -> None:
    """Write the similarity a, b, c, d, e, f that fits the marked matches best."""
    side = -1.0 if mirror else 1.0
    n, mx, my, nx, ny = 0, 0.0, 0.0, 0.0, 0.0
    for k in range(len(one)):
        if used[k]:
            n += 1
            mx, my = mx + side * one[k, 0], my + one[k, 1]
            nx, ny = nx + other[k, 0], ny + other[k, 1]
    mx, my, nx, ny = mx / n, my / n, nx / n, ny / n
    dot, cross, square, other_square = 0.0, 0.0, 0.0, 0.0
    for k in range(len(one)):
        if used[k]:
            x, y, u, v = side * one[k, 0] - mx, one[k, 1] - my, other[k, 0] - nx, other[k, 1] - ny
            dot, cross = dot + x * u + y * v, cross + x * v - y * u
            square, other_square = square + x * x + y * y, other_square + u * u + v * v
    # A symmetric scale, so that the fit in the other direction is the inverse.
    turn, scale = math.atan2(cross, dot), math.sqrt(other_square / square)
    c, s = math.cos(turn) * scale, math.sin(turn) * scale
    out[0], out[1], out[2] = side * c, -s, nx - c * mx + s * my
    out[3], out[4], out[5] = side * s, c, ny - s * mx - c * my


@compiled(f"int64(uint64[::1], {_POINTS}, {_POINTS}, boolean, float64[::1])")
def _vote(found: UInt64s, ones: Float32s, others: Float32s, mirror: bool, out: Float64s) -> int:
    """Write the map with the most votes, and return their number; see `vote`."""
    n = len(found)
    one, other = np.empty((n, 4)), np.empty((n, 4))
    for k in range(n):
        first = np.int64(found[k] >> np.uint64(18)) & 63
        second = np.int64(found[k] >> np.uint64(12)) & 63
        for c in range(4):
            one[k, c] = ones[np.int64(found[k] >> np.uint64(44)), first, c]
            other[k, c] = others[np.int64(found[k] >> np.uint64(24)) & 0xFFFFF, second, c]
    used, best = np.empty(n, np.bool_), np.empty(n, np.bool_)
    most = 0
    for by in range(n):
        count = _agreeing(one, other, by, mirror, used)
        if count > most:
            most = count
            best[:] = used
            if most >= 8 and 2 * most > n:  # more than half agree: good enough
                break
    if most > 1:
        _fit(one, other, mirror, best, out)
    return most


@compiled(
    f"void(uint64[::1], int64[::1], {_POINTS}, {_POINTS}, boolean, int64[::1], float64[:, ::1])"
)
def vote(
    found: UInt64s,
    starts: Int64s,
    ones: Float32s,
    others: Float32s,
    mirror: bool,
    votes: Int64s,
    maps: Float64s,
) -> None:
    """Let the matches of each of k pairs of pictures vote.

    Parameters
    ----------
    found
        uint64 (m,), ascending: from the highest bits on 20 for the first picture, 20 for the
        second, 6 for the spot of the first, 6 for that of the second and 12 for the distance.
    starts
        int64 (k + 1,): where the matches of each pair begin.
    ones, others
        float32 (., 64, 4): `imgurer_kernel.matching.spots.Spots.points` of the pictures.
    mirror
        Whether the first pictures are mirrored.
    votes, maps
        int64 (k,) and float64 (k, 6), overwritten: the number of votes of each pair, and the map,
        in longer sides from the upper left corners.
    """
    room, bits = np.empty(_MOST, np.uint64), np.empty(129, np.int64)
    for k in range(len(starts) - 1):
        part = found[starts[k] : starts[k + 1]]
        if len(part) > _MOST:
            # Take the nearest by a bound on their distance, equal ones in their order.
            bits[:] = 0
            for match in part:
                bits[np.int64(match) & 4095] += 1
            bound, total = 0, bits[0]
            while total + bits[bound + 1] <= _MOST:
                bound += 1
                total += bits[bound]
            left, n = _MOST - total, 0
            for match in part:
                distance = np.int64(match) & 4095
                if distance <= bound or (distance == bound + 1 and left > 0):
                    left -= distance > bound
                    room[n] = match
                    n += 1
            part = room[:n]
        votes[k] = _vote(part, ones, others, mirror, maps[k])
