"""`imgurer_kernel.matching.same_layout.unmatched` in machine code, pair after pair.

numba's cache does not notice a change of the constants in `imgurer_kernel.matching.same_layout`,
nor of the other modules that are used here: empty the cache after changing one.
"""

# numba infers other types than mypy.
# mypy: disable-error-code="no-any-return, operator, return-value, assignment, arg-type"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s, UInt8s
from imgurer_kernel.matching import same_layout as rules
from imgurer_kernel.matching._numba.align import gradient_products, refine
from imgurer_kernel.matching._numba.pyramid import blur, reduce, standardize
from imgurer_kernel.matching._numba.warp import BY_GAIN, WEIGHT, warp, workspace
from imgurer_kernel.matching.alignment import MIN_OVERLAP, SIDE

_LEVEL, _MODEL = "float32[:, ::1]", "float64[::1]"
_PICTURE = "Array(uint8, 2, 'C', readonly=True)"
_PICTURES = "Array(uint8, 3, 'C', readonly=True)"
_FINE, _COARSE = rules.FINE, rules.FINE // 2
_STEPS = tuple(steps for steps, _ in rules.LEVELS)
_TOLERANCES = tuple(tolerance for _, tolerance in rules.LEVELS)
_GRID = rules.GRID
_BLOCK = rules.FINE // rules.GRID
_ZERO = np.float32(0)


@compiled(f"void({_LEVEL}, {_LEVEL}, {_LEVEL})", fastmath=True)
def _block_sums(one: Float32s, planes: Float32s, sums: Float32s) -> None:
    """Sum up over blocks, (3, 256): energies of both pictures, and the products of gradients.

    `planes` holds the second picture, warped.
    """
    gray, other, inside = one.reshape(-1), planes[BY_GAIN], planes[WEIGHT]
    side = one.shape[0]
    columns = np.empty((4, side), np.float32)
    for row in range(_GRID):
        start, stop = row * _BLOCK, min((row + 1) * _BLOCK, side - 1)
        gradient_products(gray, other, inside, start, stop, columns)
        for column in range(_GRID):
            for k in range(3):
                total = _ZERO
                for x in range(column * _BLOCK, (column + 1) * _BLOCK):
                    total += columns[k, x]
                sums[k, row * _GRID + column] = total


@compiled(f"float64({_LEVEL}, {_LEVEL}, {_MODEL}, {_LEVEL}, {_LEVEL})", fastmath=True)
def unmatched_at(
    one: Float32s, other: Float32s, transform: Float64s, planes: Float32s, sums: Float32s
) -> float:
    """Return the share of unmatched blocks of blurred grays at a map; the smaller of both."""
    whole = np.array([0, 0, SIDE, SIDE])
    warp(other, whole, transform, planes)
    _block_sums(one, planes, sums)
    top = max(sums[0].max(), sums[1].max())
    writing = min(rules.WRITING_ENERGY * _BLOCK**2, rules.DIM_WRITING_ENERGY * top)
    least = max(rules.MIN_ENERGY * top, writing)
    smaller = 1.0
    for k in range(2):
        lacking, detailed = 0, 0
        for block in range(_GRID * _GRID):
            detail, other_detail = sums[k, block], sums[1 - k, block]
            if detail <= least:
                continue
            detailed += 1
            correlation = sums[2, block] / np.sqrt(detail * other_detail + float32(1e-9))
            added = detail * rules.MAX_ENERGY_RATIO > other_detail
            lacking += added and correlation < rules.MIN_CORRELATION
        share = lacking / max(detailed, 1)
        # Few blocks do not decide, but are a doubt.
        if lacking < rules.MIN_BLOCKS:
            share = min(share, rules.DIFFERENT / 2)
        # A copy that was written on lacks nothing of its original: one direction decides.
        smaller = min(smaller, share)
    return smaller


@compiled(f"void({_PICTURE}, {_PICTURE}, {_LEVEL}, {_LEVEL}, {_MODEL}, {_LEVEL}, {_LEVEL})")
def _refine(
    first: UInt8s,
    second: UInt8s,
    one: Float32s,
    other: Float32s,
    start: Float64s,
    coarse: Float32s,
    planes: Float32s,
) -> None:
    """Align grays to a fraction of their pixels: refine a map in place.

    `one` and `other` are the blurred grays, which are standardized in place.
    """
    whole = np.array([[0, 0, SIDE, SIDE], [0, 0, SIDE, SIDE]])
    model, before = np.empty(8), start.copy()
    model[:6], model[6], model[7] = start, 1, 0
    halves = np.empty((2, _COARSE, _COARSE), np.float32)
    reduce(first, whole[0], halves[0])
    reduce(second, whole[1], halves[1])
    limits = _STEPS[0], _TOLERANCES[0], MIN_OVERLAP
    if not refine(halves[0], halves[1], whole, model, before, coarse, limits):
        model[:6], model[6], model[7] = before, 1, 0
    start[:] = model[:6]
    standardize(one, whole[0])
    standardize(other, whole[1])
    limits = _STEPS[1], _TOLERANCES[1], MIN_OVERLAP
    if refine(one, other, whole, model, before, planes, limits):
        start[:] = model[:6]


@compiled(f"void({_PICTURES}, {_PICTURES}, float64[:, ::1], float64[::1])", fastmath=True)
def unmatched(firsts: UInt8s, seconds: UInt8s, maps: Float64s, shares: Float64s) -> None:
    """Write the shares of pairs; refine maps in place where that may decide."""
    one, other = np.empty((_FINE, _FINE), np.float32), np.empty((_FINE, _FINE), np.float32)
    coarse, planes = workspace(_COARSE), workspace(_FINE)
    sums = np.empty((3, _GRID * _GRID), np.float32)
    for k in range(len(maps)):
        blur(firsts[k], one)
        blur(seconds[k], other)
        shares[k] = unmatched_at(one, other, maps[k], planes, sums)
        # Most copies need no finer alignment, which takes nearly all of the time.
        if shares[k] < rules.DIFFERENT:
            continue
        _refine(firsts[k], seconds[k], one, other, maps[k], coarse, planes)
        blur(firsts[k], one)
        blur(seconds[k], other)
        shares[k] = unmatched_at(one, other, maps[k], planes, sums)
