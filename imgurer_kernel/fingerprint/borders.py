"""Uniform borders of a gray picture: letterboxes, frames, scanner margins (pure arrays)."""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s

# A line belongs to a border if nearly all of it is close to the colour of the outermost line. The
# tolerance is what JPEG does to a plain area beside an edge. What takes two fifths of a side is no
# border. A plain strip of sky counts as one, and may: it is taken off a framed copy as well, and so
# the two meet. (Asking for an abrupt end loses 5 of 100 framed photos.)
_TOLERANCE = 12
_SHARE = 0.97
_DEEPEST = 0.4

# Writing on a border, such as the line above a picture that makes it a joke, is at most this tall.
# Without it half of such copies are not found.
_WRITING = 1 / 8
_NESTED = 3

# A frame is of one gray on two opposite sides, as far as it goes; a sky hardly ever is. Measured on
# copies with frames and on skies without: frames stay within 2 levels, skies reach 8 in two lines.
_ONE_GRAY = 4
# A line that is not all frame may be nearly so, and its neighbour is blurred into it.
_RIM = 1.5

Box = tuple[int, int, int, int]


def trim(gray: UInt8s) -> Box:
    """The box that is left when uniform borders are taken off, one inside the other.

    Parameters
    ----------
    gray
        uint8 (height, width).

    Returns
    -------
    left, top, right, bottom in pixels, the latter two exclusive; the whole where there is no
    border.

    Examples
    --------
    >>> picture = np.arange(10000, dtype=np.uint32).reshape(100, 100) * 2654435761
    >>> framed = np.pad((picture >> 24).astype(np.uint8), ((10, 20), (0, 0)))
    >>> trim(framed)
    (0, 10, 100, 110)
    """
    height, width = gray.shape
    left, top, right, bottom = 0, 0, width, height
    if not _may_have_one(gray[None])[0]:
        return left, top, right, bottom
    for _ in range(_NESTED):
        inner = gray[top:bottom, left:right]
        above, below = _depth(inner), _depth(inner[::-1])
        inner = inner[above : len(inner) - below].T
        before, after = _depth(inner), _depth(inner[::-1])
        if not (above or below or before or after):
            break
        left, top, right, bottom = left + before, top + above, right - after, bottom - below
    if _too_much(right - left, width) or _too_much(bottom - top, height):
        return 0, 0, width, height
    return left, top, right, bottom


def trim_many(grays: UInt8s) -> Int64s:
    """`trim` for many pictures of one size, uint8 (n, height, width), as int64 (n, 4)."""
    _, height, width = grays.shape
    boxes = np.tile(np.array([0, 0, width, height], np.int64), (len(grays), 1))
    for k in np.flatnonzero(_may_have_one(grays)):
        boxes[k] = trim(grays[k])
    return boxes


def within_frame(pictures: UInt8s) -> Float64s:
    """The least share of the area of each picture that lies within its frame, if it has one.

    A frame is stricter than what `trim` takes off, which may well be sky: nobody wants a copy kept
    because somebody has cut the sky off another.

    Parameters
    ----------
    pictures
        uint8 (n, height, width).

    Returns
    -------
    float64 (n,), 0..1; 1 where there is no frame, or one thinner than a line.

    Examples
    --------
    >>> picture = (np.arange(4096) * 2654435761 >> 7).astype(np.uint8).reshape(1, 64, 64)
    >>> letterboxed = picture.copy()
    >>> letterboxed[:, :8] = letterboxed[:, -8:] = 0
    >>> within_frame(np.concatenate((picture, letterboxed))).tolist()
    [1.0, 0.703125]
    """
    return _between_ends(pictures, 1) * _between_ends(pictures, 2)


def _between_ends(pictures: UInt8s, axis: int) -> Float64s:
    """The share of an axis between plain ends of one gray."""
    low, high = (edge(axis=3 - axis) for edge in (pictures.min, pictures.max))
    n = low.shape[1]
    depths = []
    for ends in (slice(None), slice(None, None, -1)):
        darkest = np.minimum.accumulate(low[:, ends], axis=1)
        depths.append((np.maximum.accumulate(high[:, ends], axis=1) - darkest <= _ONE_GRAY).sum(1))
    alike = np.ptp(np.stack((low[:, 0], high[:, 0], low[:, -1], high[:, -1])), axis=0) <= _ONE_GRAY
    margins = np.sum(depths, axis=0) + 2 * _RIM
    framed = alike & (np.minimum(*depths) > 0) & (margins <= 2 * _DEEPEST * n)
    shares: Float64s = np.where(framed, 1 - margins / n, 1.0)
    return shares


def _may_have_one(grays: UInt8s) -> BoolMask:
    """A glance at the four edges, at 64 places each: most pictures have no border."""
    _, height, width = grays.shape
    down, across = np.arange(64) * height // 64, np.arange(64) * width // 64
    ends = grays[:, [0, -1]][:, :, across], grays[:, :, [0, -1]][:, down].swapaxes(1, 2)
    edges = np.sort(np.concatenate(ends, axis=1).astype(np.int16), axis=2)
    # If the middle 56 span no more than the tolerance allows, the whole edge may well be plain.
    may: BoolMask = np.any(edges[..., 59] - edges[..., 4] <= 2 * _TOLERANCE, axis=1)
    return may


def _depth(lines: UInt8s) -> int:
    """How many of the first lines are plain, or written on; 0 if that goes on for too long."""
    limit = int(len(lines) * _DEEPEST)
    if not limit or not lines.shape[1]:
        return 0
    first = lines[0]
    colour = int(np.partition(first, len(first) // 2)[len(first) // 2])
    low = max(colour - _TOLERANCE, 0)
    span = min(colour + _TOLERANCE, 255) - low
    enough = _SHARE * len(first)
    # Most pictures have no border: their first line tells, and the rest is not looked at.
    if np.count_nonzero(_close(first, low, span)) < enough:
        return 0
    plain = np.flatnonzero(_close(lines[:limit], low, span).sum(axis=1) >= enough)
    # What lies between two plain lines, and is not too tall, was written on the border.
    tall = np.flatnonzero(np.diff(plain) > len(lines) * _WRITING)
    depth = int(plain[tall[0]] if len(tall) else plain[-1]) + 1
    return depth if depth < limit else 0


def _close(values: UInt8s, low: int, span: int) -> BoolMask:
    """Where values lie in low..low+span; below it they wrap to far above."""
    close: BoolMask = (values - np.uint8(low)) <= span
    return close


def _too_much(kept: int, of: int) -> bool:
    return kept < of * (1 - 2 * _DEEPEST)
