"""Compare pairs of pictures, borders left out: how well they agree, and whether they are the same.

`imgurer_kernel.matching.alignment` has the mathematics. This module holds the pictures, computes
the maps to start from, and distributes the work: in numpy until the machine code is loaded, then in
machine code on all cores.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching import alignment
from imgurer_kernel.matching.affine import maps_between_boxes
from imgurer_kernel.matching.alignment import AGREEMENT, Comparison
from imgurer_kernel.matching.regions import content_boxes, region_boxes

# A row or column at the edge of a content box may still hold some of the border.
_EDGE = 1

# Of two copies of a picture one lies within the other; if both were cropped by a tenth at opposite
# corners, by 0.79. Frames of a camera that moves show the same place, but each has a part of its
# own; aligned through the frames between them they agree wherever they overlap at all: a clip of 72
# frames became a star of 60.
_MIN_COVERED = 0.75

PARTLY = 0.64
"""Factor of the agreement of pictures of which neither lies within the other: too little to be the
same, but enough to be judged if they agree where they overlap, as in a collage of cropped pictures
(`imgurer_kernel.matching.judgement`)."""

# Least pairs for which waiting for the compiler pays off: it may take ten seconds the first time.
_COMPILE_FROM = 3000

# Pairs that are compared together; machine code gets them in larger parts, one for each thread.
_NUMPY_CHUNK = 64
_KERNEL_CHUNK = 1024


@dataclass(frozen=True, slots=True, eq=False)
class PreparedPictures:
    """Pictures with what comparisons need.

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


def prepare(verification: UInt8s) -> PreparedPictures:
    """Find the content of pictures that will be compared.

    Parameters
    ----------
    verification
        uint8 (n, 64, 64): the ``verification`` grays of fingerprints.
    """
    pictures = np.ascontiguousarray(verification, np.uint8).reshape(-1, 64, 64)
    return PreparedPictures(pictures, content_boxes(pictures))


def start_maps(
    one: PreparedPictures,
    first: Int64s,
    other: PreparedPictures,
    second: Int64s,
    match: tuple[Int64s, Int64s, Int64s],
) -> Float64s:
    """Return the maps at which the alignment of pairs with near hashes begins.

    Parameters
    ----------
    one, other
        The pictures that `first` and `second` (n,) index.
    match
        (n,) each: orientation 0..7, region of the first and region of the second picture that
        looked alike.

    Returns
    -------
    float64 (n, 6), as `imgurer_kernel.matching.affine` stores maps.
    """
    orientation, region, other_region = match
    box = region_boxes(one.content[first], region)
    return maps_between_boxes(orientation, box, region_boxes(other.content[second], other_region))


def compare(
    one: PreparedPictures,
    first: Int64s,
    other: PreparedPictures,
    second: Int64s,
    starts: Float64s,
    *,
    align: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Comparison:
    """Measure how well pairs of pictures agree, borders left out.

    Parameters
    ----------
    one, other
        The pictures that `first` and `second` (n,) index.
    starts
        float64 (n, 6): maps that alignment begins with.
    align
        False measures at the start only.
    progress
        Called with the number of pairs that are done since its last call, every half second or
        so, also while the compiler is at work; may raise to stop.

    Returns
    -------
    As `imgurer_kernel.matching.alignment.compare` gives them, but with `PARTLY` of the agreement
    between pictures of which neither lies within the other for the most part.
    """
    measures, maps = np.zeros((len(first), 3), np.float32), np.array(starts, np.float64)
    kernel = _kernel if len(first) >= _COMPILE_FROM or is_compiled() else None
    size = _NUMPY_CHUNK if kernel is None else _KERNEL_CHUNK

    def work(part: slice) -> int:
        pairs = np.stack((first[part], second[part]), axis=1).astype(np.int64)
        contents = (
            _without_edges(one.content[pairs[:, 0]]),
            _without_edges(other.content[pairs[:, 1]]),
        )
        boxes, start = np.stack(contents, axis=1), np.ascontiguousarray(starts[part])
        if kernel is None:
            pictures = one.pictures[pairs[:, 0]], other.pictures[pairs[:, 1]]
            compared = alignment.compare(*pictures, boxes, start, align)
            measures[part], maps[part] = compared.measures, compared.maps
        else:
            pictures = one.pictures, other.pictures
            kernel()(*pictures, pairs, boxes, start, align, measures[part], maps[part])
        return len(pairs)

    parts = [slice(k, k + size) for k in range(0, len(first), size)]
    # Only machine code releases the interpreter; one part needs no thread once it is loaded.
    alone = kernel is None or (len(parts) < 2 and is_compiled())
    waiting = None if progress is None else partial(progress, 0)
    for done in map(work, parts) if alone else in_order(work, parts, waiting):
        if progress is not None:
            progress(done)
    measures[lie_apart(measures[:, 2], maps, one.content[first], other.content[second]), 1] *= (
        PARTLY
    )
    return Comparison(measures, maps)


def are_same(measures: Float32s) -> BoolMask:
    """Decide by measures (n, 3) whether the two pictures of each pair are the same, bool (n,)."""
    verdict: BoolMask = measures[:, 1] >= AGREEMENT
    return verdict


def lie_apart(overlap: Float32s, maps: Float64s, first: Int64s, second: Int64s) -> BoolMask:
    """Mark the pairs where neither picture lies mostly within the other, bool (n,).

    Parameters
    ----------
    overlap
        (n,): share of the first picture that lies in the second.
    first, second
        int64 (n, 4): content boxes, which alone count.
    """
    area, other_area = (((b[:, 2:] - b[:, :2]).prod(axis=1)) for b in (first, second))
    stretch = np.abs(maps[:, 0] * maps[:, 4] - maps[:, 1] * maps[:, 3])
    apart: BoolMask = overlap * np.maximum(1, stretch * area / other_area) < _MIN_COVERED
    return apart


def _without_edges(content: Int64s) -> Int64s:
    """Shrink content boxes by the row or column at which a border begins."""
    core = content.copy()
    core[:, :2] += _EDGE * (core[:, :2] > 0)
    core[:, 2:] -= _EDGE * (core[:, 2:] < alignment.SIDE)
    return core


@cache
def _kernel() -> Callable[..., None]:
    from imgurer_kernel.matching._numba import align  # compiles: only for large jobs

    kernel: Callable[..., None] = align.compare
    return kernel


def compile_kernel() -> None:
    """Compile the machine code, or read it from its cache, so that it is used from now on."""
    _kernel()


def is_compiled() -> bool:
    """Return whether the machine code is loaded."""
    return _kernel.cache_info().currsize > 0
