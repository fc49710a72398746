"""Distinguish motion in a scene from additions to a copy, by the colours where two pictures differ.

Frames of a static camera differ only by what moved: each shows it in another place, so that the
colours of all parts that differ are much the same in both, only in other places. Content pasted on
a copy brings colours of its own, and hides others.
"""

from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.arrays import greatest_of_three
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching.local_agreement import BlockMap, block_map, cored

_POINTS = 10  # a side of a block; blocks of thumbnails have about as many pixels
_AGREES = 0.7  # correlation from which a block is used to fit tones
_TIMES, _LEVELS = 3.0, 10.0  # least difference: times the median, and levels above it
_LEAST = 3  # blocks that differ
_FAR = 20.0  # levels by which a point differs
_FEW_POINTS = 30
_BINS = 16  # of each channel
_IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])


@dataclass(frozen=True, slots=True)
class MovedContent:
    """How the colours of two aligned pictures compare where these differ.

    Attributes
    ----------
    share
        Of the blocks, those that differ.
    difference
        Mean difference of the channels there, in levels.
    common
        Share of the colours that both have there, in any place: 1 where one picture has the colours
        of the other in another order.
    points
        Of the points of these blocks, those that differ by far themselves.
    exchanged
        As `common`, of these points: 0 where only one picture has their colours, or where they are
        hardly any.
    """

    share: float
    difference: float
    common: float
    points: float
    exchanged: float


NOTHING = MovedContent(0, 0, 0, 0, 0)
"""Of pictures that do not differ."""


def measure_moved_content(
    first: UInt8s, second: UInt8s, transform: Float64s, content: Int64s
) -> MovedContent:
    """Compare the colours of two aligned pictures where these differ.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3): thumbnails.
    transform
        float64 (6,): from the first to the second.
    content
        int64 (2, 4): what lies within the borders of both, in 1/64 of the sides.

    Returns
    -------
    `NOTHING` where the two differ by next to nothing.
    """
    blocks = block_map(first, second, transform, content)
    if not blocks.correlation.size:
        return NOTHING
    one, other = _drawn(first, blocks, _IDENTITY), _drawn(second, blocks, transform)
    shown = _shown(blocks, transform, content[1])
    other = _bent(one, other, shown)
    agree = _pixels(blocks.correlation > _AGREES) & shown
    if agree.any():
        one, other = _in_one_tone(one, other, agree)
    differ, levels = _differ(one, other, shown)
    if differ.sum() < _LEAST:
        return NOTHING
    points = _pixels(differ)
    far = points & (levels > _FAR)
    return MovedContent(
        share=float(differ.mean()),
        difference=float(np.abs(one[points] - other[points]).mean()),
        common=_common(one[points], other[points]),
        points=float(far.sum() / points.sum()),
        exchanged=_common(one[far], other[far]) if far.sum() >= _FEW_POINTS else 0.0,
    )


def _drawn(picture: UInt8s, blocks: BlockMap, transform: Float64s) -> Float32s:
    """Draw a picture over the blocks, float32 (down * points, across * points, 3)."""
    from imgurer_kernel.matching._numba.planes import drawn  # compiles: only when needed

    down, across = blocks.correlation.shape
    size = across * _POINTS, down * _POINTS
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)
    return np.stack([drawn(plane, blocks.box, transform, *size) for plane in planes], axis=2)


def _shown(blocks: BlockMap, transform: Float64s, content: Int64s) -> BoolMask:
    """Mark the points over the blocks that the other picture shows within its borders."""
    down, across = (_POINTS * count for count in blocks.correlation.shape)
    left, top, right, bottom = blocks.box
    u = left + (np.arange(across) + 0.5) / across * (right - left)
    v = top + (np.arange(down)[:, None] + 0.5) / down * (bottom - top)
    a, b, c, d, e, f = transform
    x, y = a * u + b * v + c, d * u + e * v + f
    low_x, low_y, high_x, high_y = cored(content[None])[0]
    shown: BoolMask = (x > low_x) & (x < high_x) & (y > low_y) & (y < high_y)
    return shown


def _bent(one: Float32s, other: Float32s, shown: BoolMask) -> Float32s:
    """Warp the other picture by smooth shifts fitted to blocks: maps are rough."""
    from imgurer_kernel.matching._numba.blocks import refine_and_match
    from imgurer_kernel.matching._numba.planes import bent

    rows, columns = one.shape[0] // _POINTS, one.shape[1] // _POINTS
    lights = [np.ascontiguousarray(each.mean(axis=2)) for each in (one, other)]
    fit, found = np.zeros((6, 2), np.float32), np.empty((6, rows, columns), np.float32)
    floor = (0.5 + 0.01 * float(lights[0].std())) ** 2
    refine_and_match(*lights, shown.astype(np.float32), floor, fit, found)
    planes = [bent(np.ascontiguousarray(other[:, :, k]), fit) for k in range(3)]
    return np.stack(planes, axis=2)


def _pixels(blocks: BoolMask) -> BoolMask:
    """Mark the points of the blocks that are marked."""
    return blocks.repeat(_POINTS, axis=0).repeat(_POINTS, axis=1)


def _in_one_tone(one: Float32s, other: Float32s, agree: BoolMask) -> tuple[Float32s, Float32s]:
    """Scale the picture with less contrast to the channels of the other, where both agree.

    That way round, since the other may be cut off at white: a brighter copy lost what was there.
    """
    ones, others = one[agree], other[agree]
    if ones.std() < others.std():
        return _in_tones_of(others, ones, one), other
    return one, _in_tones_of(ones, others, other)


def _in_tones_of(wanted: Float32s, given: Float32s, picture: Float32s) -> Float32s:
    """Scale a picture so that points that are `given` get mean and deviation of those `wanted`."""
    gain = wanted.std(axis=0) / np.maximum(given.std(axis=0), 1)
    toned: Float32s = np.clip((picture - given.mean(axis=0)) * gain + wanted.mean(axis=0), 0, 255)
    return toned


def _differ(one: Float32s, other: Float32s, shown: BoolMask) -> tuple[BoolMask, Float32s]:
    """Mark blocks that differ by far more than most, at every shift of one point.

    Also returns by how many levels each point differs at the best of these shifts.
    """
    rows, columns = one.shape[0] // _POINTS, one.shape[1] // _POINTS
    least = np.full((rows, columns), np.inf)
    levels = np.full(shown.shape, np.inf, np.float32)
    padded = np.pad(other, ((1, 1), (1, 1), (0, 0)), "edge")
    for y in range(3):
        for x in range(3):
            moved = padded[y : y + one.shape[0], x : x + one.shape[1]]
            off = greatest_of_three(np.abs(one - moved))
            levels = np.minimum(levels, off)
            off = off.reshape(rows, _POINTS, columns, _POINTS).mean(axis=(1, 3))
            least = np.minimum(least, off)
    inside: BoolMask = np.asarray(
        shown.reshape(rows, _POINTS, columns, _POINTS).all(axis=(1, 3)), np.bool_
    )
    if not inside.any():
        return inside, levels
    middle = float(np.median(least[inside]))
    differ: BoolMask = inside & (least > max(_TIMES * middle, middle + _LEVELS))
    return differ, levels


def _common(ones: Float32s, others: Float32s) -> float:
    """Measure the share of the colours of points, (n, 3) each, that both have in any place."""
    return float(np.minimum(_colours(ones), _colours(others)).sum())


def _colours(pixels: Float32s) -> Float64s:
    """Count colours, (n, 3), as shares of all, each also with its neighbors, float64."""
    step = 256 // _BINS
    bins = (np.clip(pixels, 0, 255) // step).astype(np.int64)
    places = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
    counts = np.bincount(places, minlength=_BINS**3).reshape(_BINS, _BINS, _BINS).astype(float)
    for axis in range(3):
        padded = np.pad(counts, [(int(a == axis),) * 2 for a in range(3)], "edge")
        low, middle, high = (padded.take(range(k, k + _BINS), axis) for k in range(3))
        counts = 0.25 * low + 0.5 * middle + 0.25 * high
    shares: Float64s = counts / max(len(pixels), 1)
    return shares
