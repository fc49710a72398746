"""Distinguish copies of a screen or document from others of its layout with other content.

At 64x64 pixels two forms that were filled in differently agree to 0.96. At 256x256 their text
differs, and each form has writing that the other lacks; a copy, even one with writing added,
lacks nothing of its original. So blocks with detail that the other picture lacks are counted in
both directions, and the smaller share decides.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching.alignment import SIDE, refine, warp

FINE = 256
"""Side of the grays that are compared; thumbnails of 240 pixels hold enough."""

PLAIN = 0.25
"""Share of one background in 64x64 grays from which a picture may be a screen or a document: all
screens and documents have more, 92 % of photographs less."""

PLAIN_FINE = 0.4
"""The same in the fine grays, where writing does not blur into its background."""

DIFFERENT = 0.03
"""Share of unmatched blocks from which two pictures are two contents of one layout."""

_BACKGROUND_LEVELS = 9  # gray levels that count as one background
_GRID = 16
_MIN_CORRELATION = 0.6  # of the gradients of two blocks that show the same
_MIN_ENERGY = 0.02  # share of the strongest block's energy from which a block shows anything
# Cloth and noise have detail, too, in which blurred copies differ. Writing has more: so much in
# squared gray levels, or on a dim screen this share of the strongest block's energy.
_WRITING_ENERGY = 32.0
_DIM_WRITING_ENERGY = 0.1
# least blocks that count as other content: a logo on bare cloth spoils two or three
_MIN_BLOCKS = 4
_MAX_ENERGY_RATIO = (
    4  # a block with so many times the energy of the other was added to, not replaced
)
_LEVELS = ((128, 4, 5e-4), (256, 4, 2e-4))
_CHUNK = 8


def background(pictures: UInt8s) -> Float64s:
    """Measure the share of each picture in the gray of its background, within four levels.

    Parameters
    ----------
    pictures
        uint8 (n, height, width).

    Returns
    -------
    float64 (n,), 0..1.

    Examples
    --------
    >>> page = np.full((1, 8, 8), 255, np.uint8)
    >>> page[0, :2] = 0
    >>> background(page)
    array([0.75])
    """
    shares = np.zeros(len(pictures))
    for k, picture in enumerate(pictures):
        counts = np.bincount(picture.ravel(), minlength=256)
        shares[k] = np.convolve(counts, np.ones(_BACKGROUND_LEVELS)).max() / max(picture.size, 1)
    return shares


def unmatched(first: UInt8s, second: UInt8s, maps: Float64s) -> Float64s:
    """Measure the share of blocks without a match in the other picture; the smaller of both.

    Less than `DIFFERENT` where these are less than four.

    Parameters
    ----------
    first, second
        uint8 (n, 256, 256): grays of the pairs, aspect not kept.
    maps
        float64 (n, 6): from the first to the second picture, as found at 64x64; they are refined.

    Returns
    -------
    float64 (n,), 0..1.
    """
    shares = np.zeros(len(first))
    for k in range(0, len(first), _CHUNK):
        chunk = slice(k, k + _CHUNK)
        one, other, starts = first[chunk], second[chunk], maps[chunk]
        part = _unmatched(one, other, starts)
        # Most copies need no finer alignment, which takes nearly all of the time.
        different = np.flatnonzero(part >= DIFFERENT)
        if len(different):
            finer = _refine_maps(one[different], other[different], starts[different])
            part[different] = _unmatched(one[different], other[different], finer)
        shares[chunk] = part
    return shares


def _refine_maps(first: UInt8s, second: UInt8s, maps: Float64s) -> Float64s:
    """Align fine grays to a fraction of their pixels, float64 (n, 6)."""
    whole = _whole_boxes(len(first))
    models = np.column_stack((maps, np.ones(len(maps)), np.zeros(len(maps))))
    for side, steps, tolerance in _LEVELS:
        levels = _standardize(first, side), _standardize(second, side)
        refined, good = refine(*levels, whole, models, maps, steps, tolerance)
        models[good] = refined[good]
    return models[:, :6]


def _unmatched(first: UInt8s, second: UInt8s, maps: Float64s) -> Float64s:
    """Count blocks of pictures aligned by these maps, as shares (n,)."""
    one, other = _blur(first.astype(np.float32)), _blur(second.astype(np.float32))
    other, _, _, inside = warp(other, _whole_boxes(len(first))[:, 1], maps)
    both: BoolMask = inside[:, :-1, :-1] & inside[:, :-1, 1:] & inside[:, 1:, :-1]
    gx, gy = (np.diff(one, axis=axis)[:, : FINE - 1, : FINE - 1] * both for axis in (2, 1))
    hx, hy = (np.diff(other, axis=axis)[:, : FINE - 1, : FINE - 1] * both for axis in (2, 1))
    energy, other_energy = _block_sums(gx**2 + gy**2), _block_sums(hx**2 + hy**2)
    correlation = _block_sums(gx * hx + gy * hy) / np.sqrt(energy * other_energy + 1e-9)
    top = np.maximum(energy, other_energy).max(axis=1, keepdims=True)
    writing = np.minimum(_WRITING_ENERGY * (FINE // _GRID) ** 2, _DIM_WRITING_ENERGY * top)
    least = np.maximum(_MIN_ENERGY * top, writing)
    directions = []
    for detail, other_detail in ((energy, other_energy), (other_energy, energy)):
        lacking = (
            (correlation < _MIN_CORRELATION)
            & (detail * _MAX_ENERGY_RATIO > other_detail)
            & (detail > least)
        )
        count = lacking.sum(axis=1)
        share = count / np.maximum((detail > least).sum(axis=1), 1)
        # Few blocks do not decide, but are a doubt.
        few = count < _MIN_BLOCKS
        directions.append(np.where(few, np.minimum(share, DIFFERENT / 2), share))
    # A copy that was written on lacks nothing of its original: one direction decides.
    smaller: Float64s = np.minimum(*directions)
    return smaller


def _whole_boxes(n: int) -> Int64s:
    """Return boxes of the whole pictures, int64 (n, 2, 4)."""
    return np.tile(np.array([0, 0, SIDE, SIDE]), (n, 2, 1))


def _standardize(pictures: UInt8s, side: int) -> Float32s:
    """Reduce pictures to `side` and scale them to mean 0 and deviation 1."""
    step = FINE // side
    gray = pictures.reshape(-1, side, step, side, step).mean((2, 4), dtype=np.float32)
    if step == 1:
        gray = _blur(gray)
    mean, deviation = gray.mean((1, 2), keepdims=True), gray.std((1, 2), keepdims=True)
    level: Float32s = ((gray - mean) / np.maximum(deviation, 2)).astype(np.float32)
    return level


def _blur(gray: Float32s) -> Float32s:
    """Blur by (1, 2, 1) / 4 in both directions."""
    for axis in (1, 2):
        size = gray.shape[axis]
        low = gray.take(np.maximum(np.arange(size) - 1, 0), axis)
        high = gray.take(np.minimum(np.arange(size) + 1, size - 1), axis)
        gray = ((low + 2 * gray + high) / 4).astype(np.float32)
    return gray


def _block_sums(values: Float32s) -> Float32s:
    """Sum up gradients (n, 255, 255) over 16x16 blocks of pixels, float32 (n, 256)."""
    padded = np.pad(values, ((0, 0), (0, 1), (0, 1)))
    size = FINE // _GRID
    sums: Float32s = padded.reshape(-1, _GRID, size, _GRID, size).sum((2, 4)).reshape(-1, _GRID**2)
    return sums
