"""Align pairs of 64x64 pictures by an affine map, gain and offset, and measure how they agree.

Two measures, both of gradients, which ignore brightness. *Correlation* is that of all gradients
together: strong edges decide it, so that two dark garments on one floor reach 0.87. *Agreement*
is the mean of the correlations of 8x8 blocks, nearly evenly weighted: it asks that the faint
parts agree too, and a caption spoils only the blocks that it covers. Blocks so faint that they may
be noise count less, and agreement is measured against what the picture itself would reach.

The map is found by Gauss-Newton with Huber weights on three levels, 16, 32 and 64 pixels wide,
after Baker and Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", International Journal
of Computer Vision 56(3), 2004. `imgurer_kernel.matching._numba.align` does the same pair by pair in
machine code; it is the one that large jobs use.

Coordinates and maps are those of `imgurer_kernel.matching.affine`.
"""

from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s

Level = tuple[Float32s, Float32s]
"""Pictures (n, side, side) scaled to mean 0 and deviation 1 in their boxes, and deviations (n,)."""

SIDE = 64
BLOCKS = 8
LEVELS = ((16, 6, 1e-2), (32, 6, 3e-3), (64, 4, 1e-3))
"""Side, most Gauss-Newton steps, and the step below which they have converged."""

HUBER = 0.7
"""Residuals above this, in standard deviations, have the weight of this one: writing on one of the
pictures must not move the map."""

DAMPING = 1e-3
MIN_OVERLAP = 0.55
"""A map that leaves less than this share of the first picture inside the second has diverged."""

KEPT_OVERLAP = 0.8
"""The same as a share of the overlap at the start, where that was less: in a collage a picture is a
small part from the start."""

MAX_SCALE = 1.5
MAX_SHEAR = 0.3
MAX_SHIFT = 0.4
"""How far a map may go from where it began: scale, off-diagonal, shift in half pictures."""

SKIP_CORRELATION = 0.90
"""Correlation from which a pair that agrees is not aligned."""

MIN_COARSE_CORRELATION = 0.5
"""Correlation at 32 pixels below which alignment is given up: copies that have been aligned so far
have more in all but 1 of 500 cases, two in three others have less."""

AGREEMENT = 0.79
"""Agreement from which two pictures are the same: garments in one pose reach 0.76."""

# Energy of noise alone in a block of 64 pixels, in squared gray levels, and its least value, in
# units of the picture's variance.
NOISE_ENERGY = 8.0
MIN_NOISE_ENERGY = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """How well pairs of pictures agree, one row for each pair.

    Attributes
    ----------
    measures
        float32 (n, 3): correlation and agreement, -1..1, and overlap, 0..1, the share of the first
        picture's box that lies inside the second's.
    maps
        float64 (n, 6): the maps from the first to the second pictures at which that was measured.
    """

    measures: Float32s
    maps: Float64s

    def __len__(self) -> int:
        return len(self.measures)


def compare(
    first: UInt8s, second: UInt8s, boxes: Int64s, starts: Float64s, align: bool = True
) -> Comparison:
    """Measure how well pairs of pictures agree, aligning those that do not agree at the start.

    Parameters
    ----------
    first, second
        uint8 (n, 64, 64).
    boxes
        int64 (n, 2, 4): left, top, right, bottom of what counts in the two pictures of each pair,
        right and bottom exclusive; at least 16 wide and high.
    starts
        float64 (n, 6): the map that alignment begins with.
    align
        False measures at the start only.

    Returns
    -------
    The better one of each start and of the map that alignment has found from there.
    """
    maps = starts.copy()
    if not len(first):
        return Comparison(np.zeros((0, 3), np.float32), maps)
    one, other = _standardize(first, boxes[:, 0], SIDE), _standardize(second, boxes[:, 1], SIDE)
    measures = _measure(one, other, boxes, starts)
    if not align:
        return Comparison(measures, maps)
    models = np.column_stack((starts, np.ones(len(starts)), np.zeros(len(starts))))
    # Most copies agree where they start and most unrelated pairs are given up at 32 pixels, so the
    # costly last level sees few pairs.
    left = np.flatnonzero((measures[:, 0] < SKIP_CORRELATION) | (measures[:, 1] < AGREEMENT))
    least = np.minimum(MIN_OVERLAP, KEPT_OVERLAP * measures[:, 2])
    for side, steps, tolerance in LEVELS:
        if not len(left):
            break
        chosen = boxes[left]
        one = _standardize(first[left], chosen[:, 0], side)
        other = _standardize(second[left], chosen[:, 1], side)
        refined, good = refine(
            one[0], other[0], chosen, models[left], starts[left], steps, tolerance, least[left]
        )
        models[left[good]] = refined[good]
        if side == LEVELS[0][0]:
            continue  # where the first level diverges the next one starts over
        measured = _measure(one, other, chosen, models[left, :6])
        if side == SIDE:
            # A map with less agreement than the start is dropped.
            good &= measured[:, 1] > measures[left, 1]
            measures[left[good]] = measured[good]
            maps[left[good]] = models[left[good], :6]
        left = left[good & (measured[:, 0] >= MIN_COARSE_CORRELATION)]
    return Comparison(measures, maps)


def _standardize(pictures: UInt8s, boxes: Int64s, side: int) -> Level:
    """Reduce pictures to one level and scale their boxes to mean 0 and deviation 1."""
    gray = pictures.astype(np.float32)
    # Averages are smooth by themselves; at the full side single pixels are noise without a blur.
    if side == SIDE:
        for axis in (1, 2):
            padded = np.pad(gray, [(1, 1) if a == axis else (0, 0) for a in range(3)], "edge")
            low, high = (padded.take(range(k, k + SIDE), axis) for k in (0, 2))
            gray = ((low + 2 * gray + high) / 4).astype(np.float32, copy=False)
    else:
        step = SIDE // side
        gray = gray.reshape(-1, side, step, side, step).mean((2, 4), dtype=np.float32)
    inside = _inside(boxes, side)
    count = inside.sum((1, 2), dtype=np.float32)[:, None, None]
    centered = gray - (gray * inside).sum((1, 2), keepdims=True) / count
    variance = (centered**2 * inside).sum((1, 2), keepdims=True) / count
    # Two gray levels at least: the noise of a flat picture would be scaled up to a picture.
    deviation = np.maximum(np.sqrt(variance), 2)
    return (centered / deviation).astype(np.float32), deviation[:, 0, 0].astype(np.float32)


def _box_at(boxes: Int64s, side: int) -> Int64s:
    """Scale boxes to another level, to the pixels that lie in them wholly, int64 (n, 4)."""
    scaled = boxes * side
    # The upper edges are rounded up by a floor division of the negative numbers.
    return np.concatenate((-(-scaled[:, :2] // SIDE), scaled[:, 2:] // SIDE), axis=1)


def _inside(boxes: Int64s, side: int) -> BoolMask:
    """Mark the pixels that lie in the boxes, bool (n, side, side)."""
    left, top, right, bottom = _box_at(boxes, side).T[..., None]
    at = np.arange(side)
    across, down = (at >= left) & (at < right), (at >= top) & (at < bottom)
    mask: BoolMask = down[:, :, None] & across[:, None, :]
    return mask


def warp(
    level: Float32s, boxes: Int64s, maps: Float64s
) -> tuple[Float32s, Float32s, Float32s, BoolMask]:
    """Look every pixel of the first pictures up in the second ones, by bilinear interpolation.

    Parameters
    ----------
    level
        float32 (n, side, side): the second pictures.
    boxes
        int64 (n, 4): what counts in them, in pixels of 64.
    maps
        float64 (n, 6): from the first pictures to the second.

    Returns
    -------
    Values, derivatives along x and along y, float32 (n, side, side) each, and which pixels come to
    lie in the boxes.
    """
    n, side = len(level), level.shape[1]
    at = ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)
    a, b, c, d, e, f = maps.T.astype(np.float32)[..., None, None]
    half = np.float32(side / 2)
    x = (a * at + b * at[:, None] + c + 1) * half - np.float32(0.5)
    y = (d * at + e * at[:, None] + f + 1) * half - np.float32(0.5)
    left, top, right, bottom = _box_at(boxes, side).T[..., None, None]
    inside: BoolMask = (x >= left) & (x <= right - 1) & (y >= top) & (y <= bottom - 1)
    # Short of the last pixel, so that a right and a lower neighbor exist.
    last = np.float32(side - 1.001)
    x, y = np.clip(x, 0, last), np.clip(y, 0, last)
    j, i = x.astype(np.int64), y.astype(np.int64)
    x, y = x - j.astype(np.float32), y - i.astype(np.float32)
    flat = level.reshape(-1)
    corner = np.arange(n)[:, None, None] * (side * side) + i * side + j
    north, south = flat[corner], flat[corner + side]
    upper, lower = flat[corner + 1] - north, flat[corner + side + 1] - south
    above, below = north + upper * x, south + lower * x
    return above + (below - above) * y, upper + (lower - upper) * y, below - above, inside


def refine(
    one: Float32s,
    other: Float32s,
    boxes: Int64s,
    models: Float64s,
    starts: Float64s,
    steps: int,
    tolerance: float,
    least: Float32s | float = MIN_OVERLAP,
) -> tuple[Float64s, BoolMask]:
    """Refine maps by Gauss-Newton steps on one level.

    Parameters
    ----------
    one, other
        float32 (n, side, side): standardized pictures.
    boxes
        int64 (n, 2, 4): what counts in the two pictures of each pair, in pixels of 64.
    models
        float64 (n, 8): maps, gains and offsets to begin with.
    starts
        float64 (n, 6): maps from which the result must not go too far.
    steps
        Most steps.
    tolerance
        Pairs whose map changes by less in one step are not refined further.
    least
        Share of the first picture that must stay inside the second, one for all or (n,).

    Returns
    -------
    float64 (n, 8): the models after the last step, and bool (n,): those that have not diverged.
    """
    models = models.copy()
    good = np.ones(len(models), bool)
    moving = np.arange(len(models))
    shares = np.broadcast_to(least, len(models))
    for _ in range(steps):
        if not len(moving):
            break
        matrix, right_side, used = _normal_equations(
            one[moving], other[moving], boxes[moving], models[moving]
        )
        area = _inside(boxes[moving, 0], one.shape[1]).sum((1, 2))
        # Flat pictures have no gradients: without a diagonal their matrix would be singular.
        diagonal = np.arange(8)
        matrix[:, diagonal, diagonal] *= 1 + DAMPING
        matrix[:, diagonal, diagonal] += 1e-6 * np.maximum(used, 1)[:, None]
        step = np.linalg.solve(matrix, right_side[..., None])[..., 0]
        models[moving] += step
        # Gain and offset are free: only the map may diverge, and only the map has to converge.
        sound = (used >= shares[moving] * area) & _plausible(models[moving, :6], starts[moving])
        good[moving[~sound]] = False
        moving = moving[sound & (np.abs(step[:, :6]).max(1) >= tolerance)]
    return models, good


def _normal_equations(
    one: Float32s, other: Float32s, boxes: Int64s, models: Float64s
) -> tuple[Float64s, Float64s, Int64s]:
    """Set up one Gauss-Newton step: matrix (n, 8, 8), right side (n, 8), number of pixels (n,)."""
    n, side = len(one), one.shape[1]
    value, along_x, along_y, inside = warp(other, boxes[:, 1], models[:, :6])
    inside &= _inside(boxes[:, 0], side)
    gain, offset = models[:, 6:].T.astype(np.float32)[..., None, None]
    u = ((2 * np.arange(side) + 1) / side - 1).astype(np.float32)
    v = u[:, None]
    gx, gy = along_x * gain * (side / 2), along_y * gain * (side / 2)
    jacobian = np.stack((gx * u, gx * v, gx, gy * u, gy * v, gy, value, np.ones_like(value)), 1)
    residual = one - gain * value - offset
    weight = inside * np.minimum(1, HUBER / (np.abs(residual) + 1e-9))
    jacobian = jacobian.reshape(n, 8, -1).astype(np.float32)
    weighted = jacobian * weight.reshape(n, 1, -1).astype(np.float32)
    matrix = (weighted @ jacobian.swapaxes(1, 2)).astype(np.float64)
    right_side = (weighted @ residual.reshape(n, -1, 1))[..., 0].astype(np.float64)
    return matrix, right_side, inside.sum((1, 2))


def _plausible(maps: Float64s, starts: Float64s) -> BoolMask:
    """Check that maps are still near those that they began as, bool (n,)."""
    # Relative to the start: the map onto a crop or a turned copy begins far from the identity.
    linear, begun = (m[:, [0, 1, 3, 4]].reshape(-1, 2, 2) for m in (maps, starts))
    change = linear @ np.linalg.inv(begun)
    scale, shear = change[:, [0, 1], [0, 1]], change[:, [0, 1], [1, 0]]
    shift = (maps - starts)[:, [2, 5]]
    bounds = (scale < MAX_SCALE, scale > 1 / MAX_SCALE, np.abs(shear) < MAX_SHEAR)
    within = np.column_stack((*bounds, np.abs(shift) < MAX_SHIFT))
    near: BoolMask = np.logical_and.reduce(within, axis=1)
    return near


def _measure(one: Level, other: Level, boxes: Int64s, maps: Float64s) -> Float32s:
    """Measure correlation, agreement and overlap at the given maps, float32 (n, 3)."""
    (level, deviation), (other_level, other_deviation) = one, other
    n, side = len(level), level.shape[1]
    value, _, _, inside = warp(other_level, boxes[:, 1], maps)
    in_box = _inside(boxes[:, 0], side)
    # A forward difference counts where its right and lower neighbors are inside too.
    both: BoolMask = inside[:, :-1, :-1] & inside[:, :-1, 1:] & inside[:, 1:, :-1]
    counted: BoolMask = in_box[:, :-1, :-1] & in_box[:, :-1, 1:] & in_box[:, 1:, :-1]
    both = both & counted
    gx, gy = (_gradient(level, axis) * both for axis in (2, 1))
    hx, hy = (_gradient(value, axis) * both for axis in (2, 1))
    block = _block_of_each_pixel(boxes[:, 0], side) + np.arange(n)[:, None, None] * BLOCKS**2
    sums = [
        np.bincount(block.ravel(), (s * t + p * q).ravel(), n * BLOCKS**2).reshape(n, -1)
        for s, t, p, q in ((gx, gx, gy, gy), (hx, hx, hy, hy), (gx, hx, gy, hy))
    ]
    energy, other_energy, product = sums
    correlation = product.sum(1) / np.sqrt(np.maximum(energy.sum(1) * other_energy.sum(1), 1e-12))
    floor = np.maximum(NOISE_ENERGY / (deviation * other_deviation), MIN_NOISE_ENERGY)[:, None]
    strongest = np.maximum(energy, other_energy)
    # The fourth root weights blocks nearly evenly, so that a strong edge does not decide alone.
    weight = np.where(strongest < floor / 4, 0, strongest**0.25)
    agreement = weight * product / (np.sqrt(energy * other_energy) + floor)
    ceiling = weight * strongest / (strongest + floor)
    agreement = agreement.sum(1) / np.maximum(ceiling.sum(1), 1e-9)
    overlap = both.sum((1, 2)) / counted.sum((1, 2))
    return np.stack((correlation, agreement, overlap), axis=1).astype(np.float32)


def _gradient(level: Float32s, axis: int) -> Float32s:
    """Take forward differences along one axis, both axes being shortened by one."""
    return np.diff(level, axis=axis)[:, : level.shape[1] - 1, : level.shape[2] - 1]


def _block_of_each_pixel(boxes: Int64s, side: int) -> Int64s:
    """Number the 8x8 equal parts of a box that pixels lie in, 0..63; any for those outside."""
    left, top, right, bottom = _box_at(boxes, side).T[..., None]
    at = np.arange(side - 1)
    column = np.clip((at - left) * BLOCKS // (right - left), 0, BLOCKS - 1)
    row = np.clip((at - top) * BLOCKS // (bottom - top), 0, BLOCKS - 1)
    blocks: Int64s = row[:, :, None] * BLOCKS + column[:, None, :]
    return blocks
