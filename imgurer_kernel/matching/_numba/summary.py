"""Summarize how the blocks of two aligned pictures agree, in machine code."""

# numba infers other types than mypy.
# Long functions: the compiler optimizes loops over arrays less across calls.
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba.blocks import (
    ACROSS,
    BEST,
    DOWN,
    ENERGY,
    OTHER_ENERGY,
    PAD,
    edges,
)
from imgurer_kernel.matching._numba.planes import gradients
from imgurer_kernel.matching._numba.quantiles import quantile
from imgurer_kernel.matching._numba.regions import largest_regions, near, share_of

_PLANE, _VECTOR = "float32[:, ::1]", "float64[::1]"
_GRID, _MASK = "float32[:, :, ::1]", "boolean[:, ::1]"
_LETTERS = 150.0  # levels from the darkest to the lightest pixel of a block


@compiled(f"float64[:, :, ::1]({_PLANE}, int64, int64)", fastmath=True)
def tensors(plane: Float32s, by: int, bx: int) -> Float64s:
    """Return the structure tensor of each block: sums of squares and products of gradients."""
    shape = (plane.shape[0] + 2 * PAD, plane.shape[1] + 2 * PAD)
    gx, gy = np.empty(shape, np.float32), np.empty(shape, np.float32)
    gradients(plane, PAD, gx, gy)
    rows, columns = edges(plane.shape[0], by), edges(plane.shape[1], bx)
    out = np.zeros((by, bx, 3))
    for row in range(by):
        for k in range(bx):
            xx, yy, xy = 0.0, 0.0, 0.0
            for y in range(rows[row] + PAD, rows[row + 1] + PAD):
                for x in range(columns[k] + PAD, columns[k + 1] + PAD):
                    p, q = gx[y, x], gy[y, x]
                    xx, yy, xy = xx + p * p, yy + q * q, xy + p * q
            out[row, k, 0], out[row, k, 1], out[row, k, 2] = xx, yy, xy
    return out


@compiled("float64(float64, float64, float64)", fastmath=True)
def _both_ways(xx: float, yy: float, xy: float) -> float:
    """Return how far edges run both ways, 0..1, by a structure tensor: 0 where all run one way."""
    return ((xx + yy) - np.hypot(xx - yy, 2 * xy)) / (xx + yy + 1e-6)


@compiled("float64(float64[::1], float64, float64)", fastmath=True)
def _strayed(tensor: Float64s, dx: float, dy: float) -> float:
    """Return the part of a shift that a block can measure: none along an edge (aperture)."""
    xx, yy, xy = tensor
    if _both_ways(xx, yy, xy) > 0.2:
        return max(abs(dx), abs(dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    return abs(dx * np.cos(angle) + dy * np.sin(angle))


@compiled(
    f"void({_GRID}, {_MASK}, {_MASK}, {_PLANE}, {_MASK}, float64[:, :, ::1], {_VECTOR})",
    fastmath=True,
)
def summarize(
    found: Float32s,
    texture: BoolMask,
    valid: BoolMask,
    weight: Float32s,
    bad: BoolMask,
    structure: Float64s,
    out: Float64s,
) -> None:
    """Write how blocks agree, and the shape of the regions that do not."""
    by, bx = bad.shape
    best, energy, other_energy = found[BEST], found[ENERGY], found[OTHER_ENERGY]
    lacks, other_lacks = bad & (energy * 4 > other_energy), bad & (other_energy * 4 > energy)
    big = np.zeros((by, bx), np.bool_)
    out[names.BIG] = largest_regions(bad, big, out) / max(valid.sum(), 1)
    around = near(big)
    all_of, rest = np.empty(by * bx), np.empty(by * bx)
    count, left, sure, strays, slight, agree = 0, 0, 0, 0, 0, 0
    xx, yy, xy = 0.0, 0.0, 0.0
    for i in range(by):
        for j in range(bx):
            if not texture[i, j]:
                continue
            c = best[i, j]
            all_of[count] = c
            count += 1
            if c > 0.7:
                agree += 1
                xx, yy, xy = (
                    xx + structure[i, j, 0],
                    yy + structure[i, j, 1],
                    xy + structure[i, j, 2],
                )
            if not around[i, j]:
                rest[left] = c
                left += 1
            if c > 0.8:
                sure += 1
                shift = _strayed(structure[i, j], found[ACROSS, i, j], found[DOWN, i, j])
                strays += shift > 0.5
                slight += shift > 0.25
    out[names.AGREE], out[names.TEXTURE] = agree, count
    out[names.CROSS] = _both_ways(xx, yy, xy)
    out[names.BAD] = share_of(bad, weight)
    out[names.LACK] = min(share_of(lacks, weight), share_of(other_lacks, weight))
    out[names.STRAY] = strays / sure if sure else 0.0
    out[names.SLIGHT_STRAY] = slight / sure if sure else 0.0
    out[names.Q25] = quantile(all_of[:count], 0.25) if count else 1.0
    out[names.Q50] = quantile(all_of[:count], 0.5) if count else 1.0
    out[names.REST_Q25] = quantile(rest[:left], 0.25) if left else 1.0
    out[names.REST_BAD] = (rest[:left] < 0.5).mean() if left else 0.0


@compiled(f"float64({_MASK}, {_PLANE}, {_PLANE})", fastmath=True)
def share_of_letters(chosen: BoolMask, one: Float32s, other: Float32s) -> float:
    """Return the share of the chosen blocks in which one picture goes from dark to light.

    Both are planes on one grid, not blurred: a blurred outline is gray.

    Letters with an outline, as in captions, do so in every block; so do stamps and most writing
    that is meant to be read on any ground. Moving things do so along their edges only: 0.9 and more
    of the blocks that disagree in memes, at most a third in frames of films.
    """
    by, bx = chosen.shape
    rows, columns = edges(one.shape[0], by), edges(one.shape[1], bx)
    count, found = 0, 0
    for i in range(by):
        for j in range(bx):
            if not chosen[i, j]:
                continue
            low, high, other_low, other_high = 255.0, 0.0, 255.0, 0.0
            for y in range(rows[i], rows[i + 1]):
                for x in range(columns[j], columns[j + 1]):
                    low, high = min(low, one[y, x]), max(high, one[y, x])
                    other_low = min(other_low, other[y, x])
                    other_high = max(other_high, other[y, x])
            count += 1
            found += max(high - low, other_high - other_low) >= _LETTERS
    return found / max(count, 1)
