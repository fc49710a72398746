"""Regions of blocks that disagree, in machine code."""

# numba infers other types than mypy.
# Long functions: the compiler optimizes loops over arrays less across calls.
# ruff: noqa: C901, PLR0912
# mypy: disable-error-code="no-any-return, operator, assignment, arg-type, return-value"

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s
from imgurer_kernel.matching import local_agreement as names
from imgurer_kernel.matching._numba.quantiles import quantile

_MASK = "boolean[:, ::1]"
_REGIONS, _LEAST = 3, 3  # regions that may be overlays, and blocks that the least of them has
_STRIP_BAD, _STRIP_TEXTURE = 0.7, 0.2  # least shares in a strip: of its texture, of its blocks
_INNER = 3  # lines of blocks that are never cut off


@compiled(f"float64({_MASK}, float32[:, ::1])", fastmath=True)
def share_of(chosen: BoolMask, weight: Float32s) -> float:
    """Return the share of the total weight that the chosen blocks have, 0..1."""
    total, chosen_weight = 0.0, 0.0
    for i in range(chosen.shape[0]):
        for j in range(chosen.shape[1]):
            total += weight[i, j]
            if chosen[i, j]:
                chosen_weight += weight[i, j]
    return chosen_weight / max(total, 1e-9)


@compiled(f"{_MASK}({_MASK})")
def near(chosen: BoolMask) -> BoolMask:
    """Mark the chosen blocks and their eight neighbors."""
    by, bx = chosen.shape
    out = np.zeros((by, bx), np.bool_)
    for i in range(by):
        for j in range(bx):
            if chosen[i, j]:
                out[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] = True
    return out


@compiled(f"int64({_MASK}, {_MASK}, float64[::1])")
def largest_regions(bad: BoolMask, big: BoolMask, out: Float64s) -> int:
    """Mark the blocks of the three largest regions that disagree; return how many they are.

    Their center, in shares of the common part, is written to `out`.
    """
    by, bx = bad.shape
    name = np.zeros((by, bx), np.int64)
    sizes = np.zeros(by * bx + 1, np.int64)
    stack = np.empty((by * bx, 2), np.int64)
    count = 0
    for i in range(by):
        for j in range(bx):
            if not bad[i, j] or name[i, j]:
                continue
            count += 1
            name[i, j] = count
            stack[0], depth = (i, j), 1
            while depth:
                depth -= 1
                y, x = stack[depth]
                sizes[count] += 1
                for p in range(max(y - 1, 0), min(y + 2, by)):
                    for q in range(max(x - 1, 0), min(x + 2, bx)):
                        if bad[p, q] and not name[p, q]:
                            name[p, q] = count
                            stack[depth, 0], stack[depth, 1] = p, q
                            depth += 1
    total, across, down = 0, 0.0, 0.0
    for _ in range(_REGIONS):
        largest = sizes.argmax()
        if sizes[largest] < _LEAST:
            break
        for i in range(by):
            for j in range(bx):
                if name[i, j] == largest:
                    big[i, j] = True
                    total, across, down = total + 1, across + j + 0.5, down + i + 0.5
        sizes[largest] = 0
    if total:
        out[names.WHERE_X], out[names.WHERE_Y] = across / total / bx, down / total / by
    return total


@compiled(f"int64({_MASK}, {_MASK})")
def _depth(bad: BoolMask, texture: BoolMask) -> int:
    """Return how many lines of blocks, from the first on, have texture that disagrees.

    Lines without texture are passed over, since a strip may contain sky.
    """
    depth, known, wrong = 0, 0, 0
    for line in range(bad.shape[0] - _INNER):
        textured, off = texture[line].sum(), bad[line].sum()
        if textured >= 2 and 2 * off < textured:
            break
        known, wrong = known + textured, wrong + off
        enough = known >= max(2.0, _STRIP_TEXTURE * (line + 1) * bad.shape[1])
        if off >= 2 and enough and wrong >= _STRIP_BAD * known:
            depth = line + 1
    return depth


@compiled(f"void(float32[:, ::1], {_MASK}, {_MASK}, float64[::1])")
def cut_strips(best: Float32s, texture: BoolMask, bad: BoolMask, out: Float64s) -> None:
    """Write how deep strips along the sides disagree, and how the inner part agrees."""
    by, bx = bad.shape
    left, top, right, bottom = 0, 0, bx, by
    # A corner belongs to two strips: the second may be found only after the first is cut off.
    for _ in range(2):
        wrong, known = bad[top:bottom, left:right].copy(), texture[top:bottom, left:right].copy()
        top += _depth(wrong, known)
        wrong, known = bad[top:bottom, left:right].copy(), texture[top:bottom, left:right].copy()
        bottom -= _depth(wrong[::-1].copy(), known[::-1].copy())
        wrong, known = bad[top:bottom, left:right].copy(), texture[top:bottom, left:right].copy()
        left += _depth(wrong.T.copy(), known.T.copy())
        wrong, known = bad[top:bottom, left:right].copy(), texture[top:bottom, left:right].copy()
        right -= _depth(wrong.T[::-1].copy(), known.T[::-1].copy())
    inner = np.empty(by * bx)
    count, agree, wrong = 0, 0, 0
    for i in range(top, bottom):
        for j in range(left, right):
            if texture[i, j]:
                inner[count] = best[i, j]
                count += 1
                agree += best[i, j] > 0.7
                wrong += bad[i, j]
    out[names.CUT] = 1 - (right - left) * (bottom - top) / (by * bx)
    out[names.CUT_LEFT], out[names.CUT_RIGHT] = left / bx, 1 - right / bx
    out[names.CUT_TOP], out[names.CUT_BOTTOM] = top / by, 1 - bottom / by
    out[names.INNER_AGREE], out[names.INNER_BAD] = agree, wrong / max(count, 1)
    out[names.INNER_Q25] = quantile(inner[:count], 0.25) if count else 0.0
