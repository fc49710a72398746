"""Find what moved a little between two pictures of one scene: a head, a hand, leaves in the wind.

Blocks of a copy lie where those of the original lie, to a fraction of a pixel. In a photograph that
was taken a second later some blocks agree better a fraction of a pixel away, and those beside them
agree better at much the same shift. What is written or pasted on a copy agrees nowhere, and what
lenses and perspective do is smooth all over the picture: a polynomial explains it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching.local_agreement import BLOCKS, cored

_REACH = 2  # pixels that shifts go each way
_ORDER = 3  # of the polynomial: barrel distortion is of third order
_ITERATIONS, _CLOSE = 6, 0.3  # of its fit; pixels from it beyond which a block counts little
# A block has texture if the energy of its gradients is so many times that of noise, and this share
# of what one block in twenty exceeds.
_NOISE, _FAINT, _STRONGEST = 4.0, 0.01, 0.95
_LEAST_BLOCKS = 12
# Blocks of the longer side, 216 pixels: smaller copies do not show a fraction of a pixel.
_LEAST_ALONG = 18
# A block moved if a shift explains so much of what disagrees: at these limits five blocks, and 0.04
# of the textured ones, moved in 0.6 of the pairs of frames of faces that were called the same, and
# in 1 of 1,000 pairs of edited photographs.
_SAME_STRENGTH = 0.4  # ratio of the energies of gradients
_AGREES, _EXPLAINS = (
    0.7,
    0.4,
)  # correlation where it agrees best; share of the rest that it explains
_LEAST_SHIFT, _FARTHEST = 0.2, 1.5  # pixels
_UNEXPLAINED = 0.03  # correlation that is noise
_SIMILAR, _SIMILAR_SHARE = 0.2, 0.35  # pixels, and share of a shift, that a neighbor may be off


@dataclass(frozen=True, slots=True)
class LocalMotion:
    """Blocks that moved, each beside one that moved alike.

    Attributes
    ----------
    blocks
        Their number.
    share
        Their share of the blocks with texture, 0..1.
    """

    blocks: int
    share: float


NO_MOTION = LocalMotion(0, 0.0)
"""Of pictures in which nothing moved, or that are too small or too plain to see it."""


def measure_local_motion(
    first: UInt8s, second: UInt8s, transform: Float64s, content: Int64s
) -> LocalMotion:
    """Count the blocks of two aligned pictures that moved with their neighbors.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3): thumbnails.
    transform
        float64 (6,): from the first to the second.
    content
        int64 (2, 4): what lies within the borders of both, in 1/64 of the sides.
    """
    table, energies = _correlations(first, second, transform, content)
    down, across = table.shape[:2]
    if max(down, across) < _LEAST_ALONG:
        return NO_MOTION
    one, other, valid = energies.reshape(3, -1).astype(np.float64)
    strong = np.maximum(one, other)
    inside = valid > 0.9
    if inside.sum() < _LEAST_BLOCKS:
        return NO_MOTION
    least = max(_NOISE, _FAINT * float(np.quantile(strong[inside], _STRONGEST)))
    textured = inside & (strong > least)
    count = int(textured.sum())
    if count < _LEAST_BLOCKS:
        return NO_MOTION
    flat = table.reshape(-1, *table.shape[2:]).astype(np.float64)
    shifts, best = _peaks(flat)
    weight = np.where(textured, np.clip(best - 0.3, 0, 1) ** 2, 0)
    weight *= np.sqrt(np.minimum(one, other))
    smooth = _fit_smooth(_polynomials(down, across), shifts, weight)
    explained = (best - np.minimum(_values_at(flat, smooth), best)) / (1 - best + _UNEXPLAINED)
    own = shifts - smooth
    moved = textured & (best > _AGREES) & (explained > _EXPLAINS)
    moved &= np.minimum(one, other) > _SAME_STRENGTH * strong
    moved &= (np.hypot(*own.T) > _LEAST_SHIFT) & (np.abs(shifts).max(axis=1) < _FARTHEST)
    together = _beside_alike(moved.reshape(down, across), own.reshape(down, across, 2))
    blocks = int(together.sum())
    return LocalMotion(blocks, blocks / count)


def _correlations(
    first: UInt8s, second: UInt8s, transform: Float64s, content: Int64s
) -> tuple[Float32s, Float32s]:
    """Correlate blocks at each shift, float32 (down, across, 5, 5), and measure their gradients."""
    table = np.empty((BLOCKS, BLOCKS, 2 * _REACH + 1, 2 * _REACH + 1), np.float32)
    energies = np.empty((3, BLOCKS, BLOCKS), np.float32)
    boxes = cored(content)
    shape = _kernel()(
        first, second, np.ascontiguousarray(transform, np.float64), *boxes, table, energies
    )
    down, across = divmod(shape, 64)
    return table[:down, :across], energies[:, :down, :across]


def _peaks(table: Float64s) -> tuple[Float64s, Float64s]:
    """Return the shifts, across and down, that agree best, (n, 2), and how well, (n,)."""
    sides = table.shape[1]
    flat = table.reshape(len(table), -1)
    at = flat.argmax(axis=1)
    every = np.arange(len(table))
    # Vertices of parabolas, through the inner pixels: beyond the outer ones nothing is known.
    y, x = (np.clip(part, 1, sides - 2) for part in divmod(at, sides))
    middle = table[every, y, x]
    shifts, best = np.empty((len(table), 2)), middle.copy()
    sides_of = (
        (x, table[every, y, x - 1], table[every, y, x + 1]),
        (
            y,
            table[every, y - 1, x],
            table[every, y + 1, x],
        ),
    )
    for axis, (place, low, high) in enumerate(sides_of):
        dent = np.minimum(low - 2 * middle + high, -1e-3)
        vertex = (low - high) / (2 * dent)
        best += np.where(np.abs(vertex) <= 1, -((low - high) ** 2) / (8 * dent), 0)
        shifts[:, axis] = place - _REACH + np.clip(vertex, -1, 1)
    return shifts, np.maximum(np.minimum(best, 1), flat[every, at])


def _values_at(table: Float64s, shifts: Float64s) -> Float64s:
    """Interpolate the correlations at shifts, (n,), by parabolas both ways."""
    place = np.clip(shifts.T + _REACH, 0, 2 * _REACH)
    nearest = np.clip(np.rint(place).astype(np.int64), 1, 2 * _REACH - 1)
    across, down = (
        (part * (part - 1) / 2, 1 - part * part, part * (part + 1) / 2) for part in place - nearest
    )
    x, y = nearest
    every = np.arange(len(table))
    values = np.zeros(len(table))
    for i in range(3):
        for j in range(3):
            values += down[i] * across[j] * table[every, y - 1 + i, x - 1 + j]
    return values


@cache
def _polynomials(down: int, across: int) -> Float64s:
    """Evaluate the terms of a polynomial at the middles of blocks, float64 (n, 10)."""
    u = (2 * np.arange(across) + 1) / across - 1
    v = (2 * np.arange(down)[:, None] + 1) / down - 1
    terms = [u**i * v**j for i in range(_ORDER + 1) for j in range(_ORDER + 1 - i)]
    return np.stack([np.broadcast_to(term, (down, across)).ravel() for term in terms], axis=1)


def _fit_smooth(terms: Float64s, shifts: Float64s, weight: Float64s) -> Float64s:
    """Fit a polynomial to the shifts of most blocks; return it at each block, (n, 2)."""
    counted = weight
    smooth = np.zeros_like(shifts)
    # Reweighted: blocks that moved must not count as what a lens did.
    for _ in range(_ITERATIONS):
        weighted = terms * counted[:, None]
        # A little ridge, but for the constant: few blocks do not tell ten terms, and none any.
        ridge = np.full(terms.shape[1], 1e-9 + 0.01 * counted.sum() / terms.shape[1])
        ridge[0] = 1e-9
        fit = np.linalg.solve(weighted.T @ terms + np.diag(ridge), weighted.T @ shifts)
        smooth = terms @ fit
        counted = weight / (1 + (np.hypot(*(shifts - smooth).T) / _CLOSE) ** 2)
    return smooth


def _beside_alike(moved: BoolMask, shifts: Float64s) -> BoolMask:
    """Mark the blocks that moved, of which one of eight neighbors has moved alike."""
    down, across = moved.shape
    beside, around = np.pad(moved, 1), np.pad(shifts, ((1, 1), (1, 1), (0, 0)))
    off = _SIMILAR + _SIMILAR_SHARE * np.hypot(shifts[..., 0], shifts[..., 1])
    alike = np.zeros_like(moved)
    for y in range(3):
        for x in range(3):
            if (y, x) != (1, 1):
                place = slice(y, y + down), slice(x, x + across)
                gap = around[place] - shifts
                alike |= beside[place] & (np.hypot(gap[..., 0], gap[..., 1]) < off)
    return moved & alike


@cache
def _kernel() -> Callable[..., int]:
    from imgurer_kernel.matching._numba import local_motion  # compiles: only when needed

    kernel: Callable[..., int] = local_motion.correlate_shifts
    return kernel
