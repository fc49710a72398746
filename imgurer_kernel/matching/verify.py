"""Second stage of the search: whether the pictures behind two near hashes show the same.

`imgurer_kernel.matching.alignment` has the mathematics. This module keeps the pictures, says how
two of
them may lie on each other, and shares the work out: in numpy while numba is not there yet, in
machine code on all cores once it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import alignment
from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.matching.regions import content_boxes, view_boxes

# Where each point of a picture comes to lie when it is oriented, by the index of
# `imgurer_kernel.fingerprint.hashes.dhash.ORIENTATIONS`: rows (a, b, d, e) of u' = a u + b v, v' =
# d u + e v.
_TURNS = (
    (1, 0, 0, 1),
    (-1, 0, 0, 1),
    (-1, 0, 0, -1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, -1, 1, 0),
    (0, -1, -1, 0),
    (0, 1, -1, 0),
)

# A row or column at the rim of a content box may still hold some of the border.
_RIM = 1

# Of two copies of a picture one lies within the other; if both were cropped by a tenth at opposite
# corners, by 0.79. Frames of a camera that moves show the same place, but each has a part of its
# own; aligned by way of the frames between them they would agree wherever they meet at all.
_COVERED = 0.75

# So many pairs are worth waiting for the compiler, which may take ten seconds the first time.
_WORTH_COMPILING = 3000
_NUMPY_CHUNK = 64
_KERNEL_CHUNK = 1024

Comparison = tuple[Float32s, Float64s]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Pictures that are ready to be compared.

    Attributes
    ----------
    pictures
        uint8 (n, 64, 64): gray, aspect not kept.
    content
        int64 (n, 4): left, top, right, bottom of what lies within uniform borders, in pixels.
    """

    pictures: UInt8s
    content: Int64s

    def __len__(self) -> int:
        return len(self.pictures)


def prepare(verification: UInt8s) -> Prepared:
    """Find the content of pictures that will be compared.

    Parameters
    ----------
    verification
        uint8 (n, 64, 64): the ``verification`` grays of fingerprints.
    """
    pictures = np.ascontiguousarray(verification, np.uint8).reshape(-1, 64, 64)
    return Prepared(pictures, content_boxes(pictures))


def starts(orientation: NDArray[np.integer], first: Float64s, second: Float64s) -> Float64s:
    """The maps that lay one box onto another, the first picture having been oriented.

    Parameters
    ----------
    orientation
        (n,) 0..7: what was done to the first picture before it looked like the second.
    first, second
        float64 (n, 4): boxes in the two pictures, -1..1.

    Returns
    -------
    float64 (n, 6), as `imgurer_kernel.matching.alignment` stores maps.

    Examples
    --------
    The left half of the first picture, mirrored, fills the second:

    >>> starts(np.array([1]), np.array([[-1, -1, 0, 1.0]]), np.array([[-1, -1, 1, 1.0]])).tolist()
    [[-2.0, 0.0, -1.0, 0.0, 1.0, 0.0]]
    """
    turn = np.array(_TURNS, np.float64)[orientation].reshape(-1, 2, 2)
    centre, other_centre = ((b[:, :2] + b[:, 2:]) / 2 for b in (first, second))
    half, other_half = ((b[:, 2:] - b[:, :2]) / 2 for b in (first, second))
    linear = turn * other_half[:, :, None] / half[:, None, :]
    shift = other_centre - (linear @ centre[:, :, None])[..., 0]
    maps = np.concatenate((linear, shift[:, :, None]), axis=2).reshape(-1, 6)
    return maps + 0.0  # no negative zeros


def compose(inner: Float64s, outer: Float64s) -> Float64s:
    """The maps that do `inner` first and then `outer`, float64 (n, 6) each."""
    a, b = (_square(maps) for maps in (outer, inner))
    return (a @ b)[:, :2].reshape(-1, 6)


def invert(maps: Float64s) -> Float64s:
    """The maps that undo others, float64 (n, 6)."""
    undone: Float64s = np.linalg.inv(_square(maps))[:, :2].reshape(-1, 6).astype(np.float64)
    return undone


def nearest_orientation(maps: Float64s) -> Int64s:
    """The orientation, 0..7, that each map comes nearest to.

    Examples
    --------
    >>> nearest_orientation(np.array([[-0.9, 0.1, 0.05, 0, 1, 0]])).tolist()
    [1]
    """
    nearest: Int64s = (maps[:, [0, 1, 3, 4]] @ np.array(_TURNS, np.float64).T).argmax(axis=1)
    return nearest


def _square(maps: Float64s) -> Float64s:
    square = np.zeros((len(maps), 3, 3))
    square[:, :2] = maps.reshape(-1, 2, 3)
    square[:, 2, 2] = 1
    return square


def start_of_views(
    one: Prepared,
    first: Int64s,
    other: Prepared,
    second: Int64s,
    seen: tuple[Int64s, Int64s, Int64s],
) -> Float64s:
    """Start maps of pairs whose hashes were near: orientation, and the view of each picture.

    Parameters
    ----------
    one, other
        The pictures that `first` and `second` (n,) index.
    seen
        (n,) each: orientation 0..7, view of the first and view of the second picture.
    """
    orientation, view, other_view = seen
    box = view_boxes(one.content[first], view)
    return starts(orientation, box, view_boxes(other.content[second], other_view))


def compare(
    one: Prepared,
    first: Int64s,
    other: Prepared,
    second: Int64s,
    begin: Float64s,
    *,
    align: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Measure how well pairs of pictures agree, borders left out.

    Parameters
    ----------
    one, other
        The pictures that `first` and `second` (n,) index.
    begin
        float64 (n, 6): maps that alignment begins with.
    align
        False measures at the start only.
    progress
        Called with the number of pairs that are done since its last call, every half second or
        so, also while the compiler is at work; may raise to stop.

    Returns
    -------
    measures
        float32 (n, 3): correlation, agreement and overlap (see
        `imgurer_kernel.matching.alignment`); no
        agreement between pictures of which neither lies within the other for the most part.
    maps
        float64 (n, 6).
    """
    measures, maps = np.zeros((len(first), 3), np.float32), np.array(begin, np.float64)
    kernel = _kernel if len(first) >= _WORTH_COMPILING or is_warm() else None
    size = _NUMPY_CHUNK if kernel is None else _KERNEL_CHUNK

    def work(part: slice) -> int:
        pairs = np.stack((first[part], second[part]), axis=1).astype(np.int64)
        contents = _cored(one.content[pairs[:, 0]]), _cored(other.content[pairs[:, 1]])
        boxes, start = np.stack(contents, axis=1), np.ascontiguousarray(begin[part])
        chunk, found = measures[part], maps[part]
        if kernel is None:
            pictures = one.pictures[pairs[:, 0]], other.pictures[pairs[:, 1]]
            chunk[:], found[:] = alignment.compare(*pictures, boxes, start, align)
        else:
            pictures = one.pictures, other.pictures
            kernel()(*pictures, pairs, boxes, start, align, chunk, found)
        return len(pairs)

    parts = [slice(k, k + size) for k in range(0, len(first), size)]
    # Only machine code lets go of the interpreter; one part needs no thread, once it is there.
    alone = kernel is None or (len(parts) < 2 and is_warm())
    pulse = None if progress is None else partial(progress, 0)
    for done in map(work, parts) if alone else in_order(work, parts, pulse):
        if progress is not None:
            progress(done)
    contents = one.content[first], other.content[second]
    measures[_covered(measures[:, 2], maps, *contents) < _COVERED, 1] = 0
    return measures, maps


def _covered(overlap: Float32s, maps: Float64s, first: Int64s, second: Int64s) -> Float64s:
    """Share of the first or of the second picture that lies in the other, whichever is larger.

    Parameters
    ----------
    overlap
        (n,): share of the first picture that lies in the second.
    first, second
        int64 (n, 4): content boxes, which alone count.
    """
    area, other_area = (((b[:, 2:] - b[:, :2]).prod(axis=1)) for b in (first, second))
    stretch = np.abs(maps[:, 0] * maps[:, 4] - maps[:, 1] * maps[:, 3])
    share: Float64s = overlap * np.maximum(1, stretch * area / other_area)
    return share


def same(measures: Float32s) -> BoolMask:
    """The verdict on measures (n, 3): whether the two pictures of a pair are the same."""
    verdict: BoolMask = measures[:, 1] >= AGREEMENT
    return verdict


def _cored(content: Int64s) -> Int64s:
    """Content boxes without the rim at which a border begins."""
    core = content.copy()
    core[:, :2] += _RIM * (core[:, :2] > 0)
    core[:, 2:] -= _RIM * (core[:, 2:] < alignment.SIDE)
    return core


@cache
def _kernel() -> Callable[..., None]:
    from imgurer_kernel.matching._numba.align import (
        compare as kernel,
    )  # compiles: only for large jobs

    return kernel


def warm() -> None:
    """Compile the machine code, or read it from its cache, so that it is used from now on."""
    _kernel()


def is_warm() -> bool:
    """Whether the machine code is there."""
    return _kernel.cache_info().currsize > 0
