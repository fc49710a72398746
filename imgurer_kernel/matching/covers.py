"""Tell a page with something put on it from a page of the same layout with other content.

A sticker or a photograph hides the ground of a page as well as its writing. Where other writing
stands instead, as hands of a clock that show another time, both pictures show the ground around it.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.affine import mapped_boxes
from imgurer_kernel.matching.local_agreement import MOST_OF_ORIGINALS, block_map

_AGREE, _BIG = 110, 0.2  # least agreeing blocks, and the largest share that is covered
_REST_Q25, _REST_BAD = 0.9, 0.02  # how all blocks beside agree
# How much of what disagrees each of the two may lack: of a page that was written on, and of a
# covered one, that from which it is one.
_WRITTEN_LACK, _COVERED_LACK, _COVERED = 0.3, 0.8, 0.5
_LEVELS = 16  # gray levels from the ground that count as ground: paper is uneven, JPEG rings
_LEAST_GROUND = 0.3  # share of a block that is ground in the picture that is not covered
_HIDDEN = 0.3  # at most so much of that share is ground in the covered one


def may_be_covered(found: Float64s) -> bool:
    """Return whether `covered_share` decides if two originals are one page.

    Parameters
    ----------
    found
        float64 (`local_agreement.FEATURES`,).
    """
    return _agree_beside(found) and bool(found[local.LACK] > _WRITTEN_LACK * found[local.BAD])


def is_covered(found: Float64s) -> bool:
    """Return whether two originals are one page with something put on one of them.

    Measured on receipts, calendars and clocks: beside a sticker blocks agree to 0.96, and it hides
    the ground of 0.6 of those under it, or one of the two lacks little. Two receipts of one shop
    agree to 0.84 at most beside the largest regions that disagree; of what disagrees of two clocks
    0.1 has no ground.
    """
    most = _COVERED_LACK if found[local.COVERED] >= _COVERED else _WRITTEN_LACK
    return _agree_beside(found) and bool(found[local.LACK] <= most * found[local.BAD])


def _agree_beside(found: Float64s) -> bool:
    agree = found[local.REST_Q25] >= _REST_Q25 and found[local.REST_BAD] <= _REST_BAD
    return bool(agree and found[local.BIG] <= _BIG and found[local.AGREE] >= _AGREE)


def covered_share(first: UInt8s, second: UInt8s, transform: Float64s, content: Int64s) -> float:
    """Measure in how much of what disagrees one of two pages hides the ground of the other.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3): originals.
    transform
        float64 (6,): from the first to the second.
    content
        int64 (2, 4): what lies within the borders of both, in 1/64 of the sides.

    Returns
    -------
    Share of the blocks that disagree, 0..1; always of the same picture, the one that hides more.
    """
    blocks = block_map(first, second, transform, content, most=MOST_OF_ORIGINALS)
    places = np.argwhere(blocks.disagrees)
    if not len(places):
        return 0.0
    down, across = blocks.disagrees.shape
    size = (blocks.box[2:] - blocks.box[:2]) / (across, down)
    low = blocks.box[:2] + places[:, ::-1] * size
    boxes = np.concatenate((low, low + size), axis=1)
    one = _ground_shares(first, boxes)
    other = _ground_shares(second, mapped_boxes(boxes, transform))
    hidden = [
        (least <= _HIDDEN * most) & (most >= _LEAST_GROUND)
        for least, most in ((one, other), (other, one))
    ]
    return float(max(mask.mean() for mask in hidden))


def _ground_shares(picture: UInt8s, boxes: Float64s) -> Float64s:
    """Measure how much of boxes, float64 (n, 4) in -1..1, is in the most frequent gray, (n,)."""
    ground = _ground(picture)
    height, width = ground.shape
    sums = np.zeros((height + 1, width + 1), np.int64)
    sums[1:, 1:] = ground.cumsum(0).cumsum(1)
    size = np.array((width, height))
    low = np.clip(np.floor((boxes[:, :2] + 1) / 2 * size), 0, size - 1).astype(np.int64)
    high = np.clip(np.ceil((boxes[:, 2:] + 1) / 2 * size), low + 1, size).astype(np.int64)
    (x, y), (u, v) = low.T, high.T
    inside = sums[v, u] - sums[y, u] - sums[v, x] + sums[y, x]
    shares: Float64s = inside / ((u - x) * (v - y))
    return shares


def _ground(picture: UInt8s) -> BoolMask:
    """Mark the pixels in the most frequent gray of a picture, bool (height, width)."""
    gray = (picture.astype(np.uint16) @ np.array([77, 150, 29], np.uint16)) >> 8
    counts = np.bincount(gray.ravel(), minlength=256)
    most = int(np.convolve(counts, np.ones(_LEVELS), "same").argmax())
    ground: BoolMask = np.abs(gray.astype(np.int16) - most) <= _LEVELS
    return ground
