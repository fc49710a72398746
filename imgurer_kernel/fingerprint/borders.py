"""Find uniform borders of gray pictures: letterboxes, frames, scanner margins (pure arrays)."""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s

# A line belongs to a border if nearly all of it is close to the gray of the outermost line. The
# tolerance is the error of JPEG in a plain area beside an edge. A border takes less than two fifths
# of a side. A plain strip of sky may count as one: it is also removed from a framed copy, so that
# the contents are still near. (Requiring an abrupt end loses 5 of 100 framed photos.)
_TOLERANCE = 12
_SHARE = 0.97
_MAX_DEPTH = 0.4

# Greatest height of text on a border, such as the caption above a meme, as a share of the picture.
# If it is not removed with the border, half of such copies are not found.
_WRITING = 1 / 8

# Number of nested borders that are removed, such as a scanned margin around a letterbox.
_NESTED = 3

# A frame has one gray on two opposite sides over its whole depth; a sky hardly ever has. Measured
# on copies with frames and on skies without: frames stay within 2 levels, skies reach 8 in two
# lines.
_ONE_GRAY = 4
# Lines added to each plain end: the next line may be part of the frame, and the one after it is
# blurred.
_BLURRED = 1.5

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; the latter two exclusive."""


def trim(gray: UInt8s) -> Box:
    """Find the box that is left when uniform borders are removed, nested ones, too.

    Parameters
    ----------
    gray
        uint8 (height, width).

    Returns
    -------
    The whole picture if there is no border.

    Examples
    --------
    >>> picture = np.arange(10000, dtype=np.uint32).reshape(100, 100) * 2654435761
    >>> framed = np.pad((picture >> 24).astype(np.uint8), ((10, 20), (0, 0)))
    >>> trim(framed)
    (0, 10, 100, 110)
    """
    height, width = gray.shape
    left, top, right, bottom = 0, 0, width, height
    if not _may_have_border(gray[None])[0]:
        return left, top, right, bottom
    for _ in range(_NESTED):
        inner = gray[top:bottom, left:right]
        above, below = border_depth(inner), border_depth(inner[::-1])
        inner = inner[above : len(inner) - below].T
        before, after = border_depth(inner), border_depth(inner[::-1])
        if not (above or below or before or after):
            break
        left, top, right, bottom = left + before, top + above, right - after, bottom - below
    if _too_small(right - left, width) or _too_small(bottom - top, height):
        return 0, 0, width, height
    return left, top, right, bottom


def trim_many(grays: UInt8s) -> Int64s:
    """Trim many pictures of one size, uint8 (n, height, width); the boxes are int64 (n, 4)."""
    _, height, width = grays.shape
    boxes = np.tile(np.array([0, 0, width, height], np.int64), (len(grays), 1))
    for k in np.flatnonzero(_may_have_border(grays)):
        boxes[k] = trim(grays[k])
    return boxes


def within_frame(pictures: UInt8s) -> Float64s:
    """Measure the share of the area of each picture that is within its frame, if it has one.

    A frame is defined more strictly than the borders that `trim` removes, which may be sky: of two
    copies the one without its sky is not the better one.

    Parameters
    ----------
    pictures
        uint8 (n, height, width).

    Returns
    -------
    float64 (n,), 0..1; 1 without a frame, or with one thinner than a line.

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
    """Measure the share of an axis, 1 or 2, between plain ends of one gray, float64 (n,)."""
    low, high = (edge(axis=3 - axis) for edge in (pictures.min, pictures.max))
    n = low.shape[1]
    depths = []
    for ends in (slice(None), slice(None, None, -1)):
        darkest = np.minimum.accumulate(low[:, ends], axis=1)
        depths.append((np.maximum.accumulate(high[:, ends], axis=1) - darkest <= _ONE_GRAY).sum(1))
    alike = np.ptp(np.stack((low[:, 0], high[:, 0], low[:, -1], high[:, -1])), axis=0) <= _ONE_GRAY
    margins = np.sum(depths, axis=0) + 2 * _BLURRED
    framed = alike & (np.minimum(*depths) > 0) & (margins <= 2 * _MAX_DEPTH * n)
    shares: Float64s = np.where(framed, 1 - margins / n, 1.0)
    return shares


def _may_have_border(grays: UInt8s) -> BoolMask:
    """Exclude most pictures, which have no border, by 64 pixels of each edge; bool (n,)."""
    _, height, width = grays.shape
    down, across = np.arange(64) * height // 64, np.arange(64) * width // 64
    ends = grays[:, [0, -1]][:, :, across], grays[:, :, [0, -1]][:, down].swapaxes(1, 2)
    edges = np.sort(np.concatenate(ends, axis=1).astype(np.int16), axis=2)
    # If the middle 56 grays are within the tolerance, the whole edge may be plain.
    may: BoolMask = np.any(edges[..., 59] - edges[..., 4] <= 2 * _TOLERANCE, axis=1)
    return may


def border_depth(lines: UInt8s) -> int:
    """Count the first lines that are plain or have text on plain ground; 0 if there are too many.

    Parameters
    ----------
    lines
        uint8 (n, length): gray, from the edge of a picture inwards.
    """
    limit = int(len(lines) * _MAX_DEPTH)
    # Most pictures have no border, which their first line shows.
    if not limit or not lines.shape[1] or not is_plain(lines[0]):
        return 0
    low, span = _around(lines[0])
    enough = _SHARE * lines.shape[1]
    plain = np.flatnonzero(_close(lines[:limit], low, span).sum(axis=1) >= enough)
    # Lines between two plain lines, if not too many, are text on the border.
    tall = np.flatnonzero(np.diff(plain) > len(lines) * _WRITING)
    depth = int(plain[tall[0]] if len(tall) else plain[-1]) + 1
    return depth if depth < limit else 0


def is_plain(line: UInt8s) -> bool:
    """Return whether nearly all of a line, uint8 (length,), has one gray."""
    return bool(np.count_nonzero(_close(line, *_around(line))) >= _SHARE * len(line))


def _around(line: UInt8s) -> tuple[int, int]:
    """Return the lowest gray that counts as the gray of a line, and the span of such grays."""
    median = int(np.partition(line, len(line) // 2)[len(line) // 2])
    low = max(median - _TOLERANCE, 0)
    return low, min(median + _TOLERANCE, 255) - low


def _close(values: UInt8s, low: int, span: int) -> BoolMask:
    """Mark values in low..low+span; in uint8 lower values wrap around to large ones."""
    close: BoolMask = (values - np.uint8(low)) <= span
    return close


def _too_small(kept: int, of: int) -> bool:
    """Return whether the two borders of an axis together exceed the limit."""
    return kept < of * (1 - 2 * _MAX_DEPTH)
