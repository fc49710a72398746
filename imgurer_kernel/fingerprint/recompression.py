"""Detect an earlier JPEG compression of a picture by its pixels, and estimate its quality.

JPEG rounds the coefficients of a discrete cosine transform (DCT) of each block of 8x8 pixels to
multiples of a step. If the file is decoded and saved again, with finer steps or without loss, the
coefficients stay near these multiples, blurred by the later rounding: their histograms have gaps
and peaks at distances of the earlier step. This was found by Lukas and Fridrich, "Estimation of
primary quantization matrix in double compressed JPEG images" (DFRWS 2003), and for pictures that
are no longer JPEG by Fan and de Queiroz, "Identification of bitmap compression history" (IEEE
Trans. Image Processing, 2003). As in the former, the histogram without an earlier compression is
estimated from block grids with other offsets, on which the earlier steps leave no trace. After a
rotation, reflection or crop the earlier grid has another offset than the file's own; it is found by
its periodicity, as by Bianchi and Piva, "Detection of nonaligned double JPEG compression based on
integer periodicity maps" (IEEE Trans. Information Forensics and Security, 2012).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import Float64s, Int64s, UInt8s

MODES = ((0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2), (2, 1), (3, 0))
"""Frequencies down and across that are used: the first of a JPEG's zigzag order."""
TURNED = (0, 2, 1, 5, 4, 3, 9, 8, 7, 6)
"""Index of each of `MODES` after a quarter turn."""
SIDE = 1024
"""Most pixels of each side, from the middle of a picture, that are used."""

# The luminance table of Annex K of ITU T.81 at `MODES`, which is quality 50.
_TABLE = np.array([16, 11, 12, 14, 12, 10, 16, 14, 13, 14])
_QUALITIES = np.arange(20, 100)
_STEPS = np.arange(2, 64)
_LARGEST = 1024  # of coefficients
_SEARCHED = 512  # pixels of each side in which the earlier grid is searched
_FEWEST = 64  # blocks

# Of 456 photographs, compressed once with quality 40 to 99 or not at all, one has evidence of 68,
# the others at most 31; compressed twice, with 75 and then 95, they have 8,000 to 45,000.
_EVIDENCE = 150.0
# Drawings, forms and gradients have some periodic coefficients, but not with steps of one table.
_SURE, _SURE_MODES, _OF_ALL = 10.0, 3, 0.75
_SURE_ALONE, _MODES_ALONE, _SPREAD, _LARGEST_PERCENT = 25.0, 6, 2.5, 250.0
# Least periodicity of the best grid's histograms, summed over modes: most pictures have 25, those
# that were compressed twice 50 or more.
_PERIODIC = 40.0
# Earlier steps are only tested if they are coarser than the file's own by this factor.
_COARSER = 1.05
_OUTLIERS = 0.1  # share of blocks that were changed since
_ROUNDED = 0.5  # levels by which rounding to pixels blurs a coefficient
_BLURS = (0.6, 1.2, 2.4)  # the same with a later compression, on another grid or none
# Histograms of other grids may be steeper than this one's: exponents that are tried on them.
_EXPONENTS = (0.0, 0.5, 1.0)

Counts = NDArray[np.integer[Any]]
Reals = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier compression.

    Attributes
    ----------
    steps
        Steps of the coefficients at `MODES`; 0 for unknown ones.
    quality
        On the scale of the Independent JPEG Group, 0..100.
    evidence
        Logarithm of the likelihood ratio of the histograms with and without it.
    """

    steps: tuple[int, ...]
    quality: float
    evidence: float


def quality_of(percent: float) -> float:
    """Compute the quality for tables scaled to a percentage of those of quality 50.

    Examples
    --------
    >>> quality_of(100), quality_of(50), quality_of(200)
    (50.0, 75.0, 25.0)
    """
    return round((200 - percent) / 2 if percent <= 100 else 5000 / percent, 1)


def find_earlier(gray: UInt8s, steps: Sequence[int] = ()) -> Earlier | None:
    """Find the earlier compression of a picture; None if there is no sign of one.

    Parameters
    ----------
    gray
        Stored luma, uint8 (height, width), at full size, beginning at the origin of the block grid.
    steps
        Steps of the file itself at `MODES`, if it is a JPEG. Finer earlier ones do not matter, and
        are not found.
    """
    if min(gray.shape) < 16:
        return None
    counts = _histograms(_middle(gray, _SEARCHED))
    if counts[0].sum(axis=1).min() < _FEWEST:
        return None
    found = [_on_another_grid(counts, steps)]
    if steps:
        found.append(_on_own_grid(_middle(gray, SIDE), counts, steps))
    return max((each for each in found if each), key=lambda each: each.evidence, default=None)


def _tables() -> Int64s:
    """Compute the steps at `MODES` for all of `_QUALITIES`."""
    percent = np.where(_QUALITIES < 50, 5000 // _QUALITIES, 200 - 2 * _QUALITIES)
    steps: Int64s = np.maximum((percent[:, None] * _TABLE + 50) // 100, 1)
    return steps


def _waves() -> "NDArray[np.float32]":
    """Compute the cosines of the DCT, (frequency, pixel)."""
    pixel = np.arange(8)
    waves = np.cos((2 * pixel + 1) * pixel[:, None] * np.pi / 16) / 2
    waves[0] /= math.sqrt(2)
    return waves.astype(np.float32)


def _periods() -> "NDArray[np.float32]":
    """Compute cosines with the period of each step; 0 within the first half of the step."""
    size = np.arange(_LARGEST + 1)[:, None]
    waves = np.where(size > _STEPS / 2, np.cos(2 * np.pi * size / _STEPS), 0)
    return waves.astype(np.float32)


_USUAL_TABLES, _WAVES, _PERIODS = _tables(), _waves(), _periods()
_DEVIATIONS = np.linspace(-8, 8, 1601)
_BELOW = np.array([(1 + math.erf(x / math.sqrt(2))) / 2 for x in _DEVIATIONS])


def _middle(gray: UInt8s, side: int) -> UInt8s:
    """Crop the middle of a picture, aligned to its block grid."""
    top, left = (max((size - side) // 2, 0) // 8 * 8 for size in gray.shape)
    return gray[top : top + side, left : left + side]


def _histograms(gray: UInt8s) -> Counts:
    """Count coefficients by size for each of the 64 grids, (modes, grids, sizes).

    Blocks with black or white pixels do not count: their values may have been clipped.
    """
    from imgurer_kernel.fingerprint._numba.coefficients import count_on_grids

    counts = np.zeros((len(MODES), 64, _LARGEST + 1), np.uint32)
    count_on_grids(gray, _WAVES, np.array(MODES), counts)
    return counts


def _sum_other_grids(counts: Counts, grid: int) -> Counts:
    """Sum histograms of grids that share no row or column offset with one, without the file's."""
    other = np.arange(64)
    apart = (other // 8 != grid // 8) & (other % 8 != grid % 8) & (other != 0)
    found: Counts = counts[:, apart].sum(axis=1)
    return found


def _on_another_grid(counts: Counts, steps: Sequence[int]) -> Earlier | None:
    """Find an earlier compression of a file that is not a JPEG, or has another grid."""
    # Of all sizes from half a step on: few are below the largest half, and cheap to sum.
    below = counts[..., : _STEPS[-1] // 2 + 1].cumsum(axis=2)[..., _STEPS // 2]
    beyond = counts.sum(axis=2)[..., None] - below
    waves = counts.reshape(-1, _LARGEST + 1).astype(np.float32) @ _PERIODS
    periodic = waves.reshape(beyond.shape) / np.sqrt(beyond / 2 + 1)
    # Periodicity that all grids share is due to the content of the picture.
    periodic -= np.median(periodic, axis=1, keepdims=True)
    coarser = np.array(steps or [0] * len(MODES))[:, None] * _COARSER < _STEPS
    strength = np.where(coarser[:, None], periodic, 0).max(axis=2).sum(axis=0)
    if steps:
        strength[0] = 0
    grid = int(strength.argmax())
    if strength[grid] < _PERIODIC:
        return None
    usual = _sum_other_grids(counts, grid)
    found = []
    for blur in _BLURS:
        rows = [_likelihoods(counts[at, grid], usual[at], 1, blur) for at in range(len(MODES))]
        found.append(_find_table(np.where(coarser, rows, 0)))
    return max((each for each in found if each), key=lambda each: each.evidence, default=None)


def _on_own_grid(gray: UInt8s, others: Counts, steps: Sequence[int]) -> Earlier | None:
    """Find an earlier compression on the grid of a JPEG."""
    height, width = (size // 8 * 8 for size in gray.shape)
    rows = gray[:height, :width].reshape(height // 8, 8, width // 8, 8)
    blocks = rows.swapaxes(1, 2).reshape(-1, 64)
    blocks = blocks[(blocks.min(axis=1) > 1) & (blocks.max(axis=1) < 254)]
    waves = np.array([np.outer(_WAVES[down], _WAVES[right]).ravel() for down, right in MODES])
    sizes = np.abs((blocks.astype(np.float32) - 128) @ waves.T)
    usual = _sum_other_grids(others, 0)
    likely = np.zeros((len(MODES), len(_STEPS)))
    for mode, step in enumerate(steps):
        last = _LARGEST // step
        multiples = np.minimum(np.rint(sizes[:, mode] / step).astype(np.int64), last)
        counts = np.bincount(multiples, minlength=last + 1)
        rounded = np.rint(np.arange(_LARGEST + 1) / step).astype(np.int64)
        expected = np.bincount(np.minimum(rounded, last), usual[mode], minlength=last + 1)
        likely[mode] = _likelihoods(counts, expected, step, _ROUNDED)
    return _find_table(likely)


def _below(deviations: Reals) -> Float64s:
    return np.asarray(np.interp(deviations, _DEVIATIONS, _BELOW), np.float64)


def _likelihoods(counts: Counts, usual: Counts, step: int, blur: float) -> Float64s:
    """Compute the log-likelihood ratio of each of `_STEPS` as an earlier step to none.

    Only the position of a coefficient within the cell of its nearest multiple is used, not which
    multiple that is.

    Parameters
    ----------
    counts, usual
        Histograms of multiples of `step` from 0: of this grid, and of others.
    blur
        Standard deviation around multiples of an earlier step.
    """
    found = np.zeros(len(_STEPS))
    wider = (step if step > 1 else 0) < _STEPS
    present = np.flatnonzero(counts[1:]) + 1
    if not len(present) or not wider.any():
        return found
    value = present * float(step)
    earlier = _STEPS[wider, None].astype(np.float64)
    cell = np.floor(value / earlier + 0.5)
    middle = cell * earlier
    first = np.maximum(np.ceil((middle - earlier / 2) / step), 0).astype(np.int64)
    last = np.minimum(np.ceil((middle + earlier / 2) / step).astype(np.int64), len(usual))

    def share(least: Reals, most: Reals) -> Float64s:
        return _below((most - middle) / blur) - _below((least - middle) / blur)

    half = step / 2
    within = share(first * float(step) - half, last * float(step) - half)
    blurred = share(value - half, value + half) / np.maximum(within, 1e-9)
    number = counts[present] * (cell > 0)
    once, twice = [], []
    for exponent in _EXPONENTS:
        weights = (usual + 0.5) ** exponent
        sums = np.concatenate(([0.0], weights.cumsum()))
        smooth = weights[present] / (sums[last] - sums[first])
        once.append((number * np.log(smooth)).sum(axis=1))
        mixed = (1 - _OUTLIERS) * blurred + _OUTLIERS * smooth
        twice.append((number * np.log(mixed)).sum(axis=1))
    found[wider] = np.max(twice, axis=0) - np.max(once, axis=0)
    return found


def _find_table(likely: Float64s) -> Earlier | None:
    """Find the table that explains the histograms, from the likelihoods (modes, steps)."""
    # Steps outside `_STEPS` have a likelihood ratio of 0.
    padded = np.pad(likely, ((0, 0), (int(_STEPS[0]), 1)))
    modes = np.arange(len(MODES))
    usual = np.concatenate((_USUAL_TABLES, _USUAL_TABLES[:, TURNED]))
    each = padded[modes, np.minimum(usual, padded.shape[1] - 1)]
    best = int(each.sum(axis=1).argmax())
    evidence, own = float(each[best].sum()), each[best]
    sure = own > _SURE
    if (
        evidence > _EVIDENCE
        and sure.sum() >= _SURE_MODES
        and evidence > _OF_ALL * np.maximum(likely.max(axis=1), 0).sum()
    ):
        quality = float(_QUALITIES[best % len(_QUALITIES)])
        return Earlier(tuple(np.where(sure, usual[best], 0).tolist()), quality, round(evidence, 1))
    # Some cameras and programs use other tables.
    own, steps = likely.max(axis=1), _STEPS[likely.argmax(axis=1)]
    sure = own > _SURE_ALONE
    percent = 100 * steps[sure] / _TABLE[sure]
    evidence = float(own[sure].sum())
    if (
        evidence > _EVIDENCE
        and sure.sum() >= _MODES_ALONE
        and percent.max() < min(_SPREAD * percent.min(), _LARGEST_PERCENT)
    ):
        quality = quality_of(float(np.median(percent)))
        return Earlier(tuple(np.where(sure, steps, 0).tolist()), quality, round(evidence, 1))
    return None
