"""Correlate the gradients of blocks of two aligned pictures at every small shift."""

# numba infers other types than mypy.
# Long functions: the compiler optimizes loops over arrays less across calls.
# ruff: noqa: C901
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np
from numba import float32

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import Float32s, Float64s, UInt8s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba.blocks import PAD, edges, refine_and_match
from imgurer_kernel.matching._numba.grids import common_box, draw_both
from imgurer_kernel.matching._numba.planes import gradients, luma

_PLANE, _RGB = "float32[:, ::1]", "Array(uint8, 3, 'C', readonly=True)"
_VECTOR, _GRID, _TABLE = "float64[::1]", "float32[:, :, ::1]", "float32[:, :, :, ::1]"
_BLOCK = 12  # pixels of a side
MOST = 270
"""Pixels of the grid's longer side: all that thumbnails have."""
SIDES = 2 * PAD + 1
"""Shifts each way."""
ENERGY, OTHER_ENERGY, VALID = range(3)
"""Planes of what `correlate_shifts` writes of each block."""


@compiled(f"void({_PLANE}, {_PLANE}, {_PLANE}, float64, {_TABLE}, {_GRID})", fastmath=True)
def _correlate(
    one: Float32s, other: Float32s, ok: Float32s, floor: float, table: Float32s, out: Float32s
) -> None:
    height, width = one.shape
    by, bx = out.shape[1], out.shape[2]
    rows, columns = edges(height, by), edges(width, bx)
    padded = (height + 2 * PAD, width + 2 * PAD)
    gx, gy = np.empty(padded, np.float32), np.empty(padded, np.float32)
    hx, hy = np.empty(padded, np.float32), np.empty(padded, np.float32)
    gradients(one, PAD, gx, gy)
    gradients(other, PAD, hx, hy)
    products, energies = np.empty(width, np.float32), np.empty(width, np.float32)
    for row in range(by):
        top, bottom = rows[row], rows[row + 1]
        products[:], energies[:] = 0, 0
        for y in range(top, bottom):
            for x in range(width):
                p, q = gx[y + PAD, x + PAD], gy[y + PAD, x + PAD]
                energies[x] += p * p + q * q
                products[x] += ok[y, x]
        for k in range(bx):
            count = float32((bottom - top) * (columns[k + 1] - columns[k]))
            out[ENERGY, row, k] = energies[columns[k] : columns[k + 1]].sum() / count
            out[VALID, row, k] = products[columns[k] : columns[k + 1]].sum() / count
        for dy in range(SIDES):
            for dx in range(SIDES):
                products[:], energies[:] = 0, 0
                for y in range(top, bottom):
                    mine, ups = gx[y + PAD, PAD:-PAD], gy[y + PAD, PAD:-PAD]
                    theirs, their_ups = hx[y + dy, dx : dx + width], hy[y + dy, dx : dx + width]
                    for x in range(width):
                        p, q = theirs[x], their_ups[x]
                        products[x] += mine[x] * p + ups[x] * q
                        energies[x] += p * p + q * q
                for k in range(bx):
                    count = float32((bottom - top) * (columns[k + 1] - columns[k]))
                    both = products[columns[k] : columns[k + 1]].sum() / count
                    energy = energies[columns[k] : columns[k + 1]].sum() / count
                    scale = np.sqrt(out[ENERGY, row, k] * energy) + float32(floor)
                    table[row, k, dy, dx] = both / scale
                    if dy == PAD and dx == PAD:
                        out[OTHER_ENERGY, row, k] = energy


@compiled(
    f"int64({_RGB}, {_RGB}, {_VECTOR}, {_VECTOR}, {_VECTOR}, {_TABLE}, {_GRID})", fastmath=True
)
def correlate_shifts(
    first: UInt8s,
    second: UInt8s,
    transform: Float64s,
    content: Float64s,
    other_content: Float64s,
    table: Float32s,
    out: Float32s,
) -> int:
    """Write the correlation of each block at shifts of -2..2 pixels, after smooth shifts of all.

    Parameters
    ----------
    first, second, transform, content, other_content
        As of `imgurer_kernel.matching._numba.agreement.measure`.
    table
        float32 (64, 64, 5, 5), written: block, shift down, shift across.
    out
        float32 (3, 64, 64), written: `ENERGY` and `OTHER_ENERGY` of gradients, 1 where they may be
        noise, and `VALID` (share of a block that both show).

    Returns
    -------
    The number of blocks down times 64 plus the number across; 0 without a common part.
    """
    box, found = np.empty(4), np.zeros(names.FEATURES)
    if not common_box(transform, content, other_content, box, found):
        return 0
    drawn_with = np.empty((2, 5))
    one, other, ok, _ = draw_both(
        luma(first), luma(second), transform, box, other_content, MOST, drawn_with
    )
    ny, nx = one.shape
    by = min(max((ny + _BLOCK // 2) // _BLOCK, 4), names.BLOCKS)
    bx = min(max((nx + _BLOCK // 2) // _BLOCK, 4), names.BLOCKS)
    spread = min(one.std(), other.std())
    floor = (0.5 + 0.01 * spread) ** 2
    fit, matched = np.zeros((6, 2), np.float32), np.empty((6, by, bx), np.float32)
    other = refine_and_match(one, other, ok, floor, fit, matched)
    some, planes = np.empty((by, bx, SIDES, SIDES), np.float32), np.empty((3, by, bx), np.float32)
    _correlate(one, other, ok, floor, some, planes)
    table[:by, :bx] = some
    out[:, :by, :bx] = planes
    out[:VALID, :by, :bx] /= float32(floor)
    return by * 64 + bx
