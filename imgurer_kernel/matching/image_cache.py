"""Pictures of images, read when they are needed and kept."""

import mmap
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.borders import within_frame
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching import same_layout
from imgurer_kernel.matching.regions import WINDOWS, content_boxes, window_grays
from imgurer_kernel.matching.verify import Comparison, Prepared, compare

Load = Callable[[Int64s], UInt8s]
"""Pictures of the given image ids, in their order."""

_CHUNK = 2048
_THUMBNAILS = 128


class ImageCache:
    """The pictures behind image positions 0..n-1.

    Memory is taken for pictures that were read, 4 KB each, not for those that never were.

    Parameters
    ----------
    image_ids
        int64 (n,).
    pictures
        Gives 64x64 grays.
    thumbnails
        Gives 256x256 grays.
    progress
        Told of what is being read; may raise to stop.

    Attributes
    ----------
    within_frame
        float64 (n,): share of each picture within its frame; 1 where no picture was read.
    """

    def __init__(
        self,
        image_ids: Int64s,
        pictures: Load,
        thumbnails: Load | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self._ids = image_ids
        self._load = pictures
        self._thumbnails = thumbnails
        self._tell = progress
        self._there = np.zeros(len(image_ids), bool)
        self._prepared = Prepared(_pages(len(image_ids)), np.zeros((len(image_ids), 4), np.int64))
        self.within_frame = np.ones(len(image_ids))

    @property
    def content(self) -> Int64s:
        """Content boxes, int64 (n, 4); zeros where no picture was read."""
        return self._prepared.content

    def know(self, positions: Int64s, content: Int64s, within: Float64s) -> None:
        """Take over content boxes and shares from an earlier gallery; zeros are unknown boxes."""
        self._prepared.content[positions] = content
        self.within_frame[positions] = within

    def prepared(self, positions: Int64s) -> Prepared:
        """All pictures; those at the given positions have been read."""
        missing = np.unique(positions)
        missing = missing[~self._there[missing]]
        for k in range(0, len(missing), _CHUNK):
            part = missing[k : k + _CHUNK]
            pictures = np.asarray(self._load(self._ids[part]), np.uint8).reshape(-1, 64, 64)
            self._prepared.pictures[part] = pictures
            new = ~self._prepared.content[part].any(axis=1)
            self._prepared.content[part[new]] = content_boxes(pictures[new])
            self.within_frame[part[new]] = within_frame(pictures[new])
            self._there[part] = True
            if self._tell is not None:
                self._tell("reading", min(k + _CHUNK, len(missing)), len(missing))
        return self._prepared

    def boxed(self, positions: Int64s) -> Prepared:
        """All pictures; the content boxes of those at the given positions are known."""
        self.prepared(positions[~self.content[positions].any(axis=1)])
        return self._prepared

    def compare(
        self,
        first: Int64s,
        second: Int64s,
        begin: Float64s,
        progress: Callable[[int], None] | None = None,
    ) -> Comparison:
        """Measure how well pairs agree; see `imgurer_kernel.matching.verify.compare`."""
        pictures = self.prepared(np.concatenate((first, second)))
        return compare(pictures, first, pictures, second, begin, progress=progress)

    def windows(self, positions: Int64s) -> UInt64s:
        """Hashes of the windows of pictures, uint64 (k, 10, 2)."""
        hashes = np.empty((len(positions), len(WINDOWS), 2), np.uint64)
        for k in range(0, len(positions), _CHUNK):
            part = positions[k : k + _CHUNK]
            grays = window_grays(self.prepared(part).pictures[part])
            hashes[k : k + _CHUNK] = dhash_many(grays.reshape(-1, 9, 9)).reshape(len(part), -1, 2)
            if self._tell is not None:
                self._tell("reading", min(k + _CHUNK, len(positions)), len(positions))
        return hashes

    def share_layout(self, first: Int64s, second: Int64s, maps: Float64s) -> BoolMask:
        """Which pairs are screens or documents of one layout with other content."""
        shared = np.zeros(len(first), bool)
        if self._thumbnails is None:
            return shared
        ends = np.unique(np.concatenate((first, second)))
        plain = self._backgrounds(ends)
        plain = np.stack([plain[np.searchsorted(ends, end)] for end in (first, second)])
        suspects = np.flatnonzero(plain.max(axis=0) >= same_layout.PLAIN)
        n = len(suspects)
        for k in range(0, len(suspects), _THUMBNAILS):
            rows = suspects[k : k + _THUMBNAILS]
            some = np.unique(np.concatenate((first[rows], second[rows])))
            fine = np.asarray(self._thumbnails(self._ids[some]), np.uint8)
            one, other = (np.searchsorted(some, end[rows]) for end in (first, second))
            plain = same_layout.background(fine)
            screens = np.maximum(plain[one], plain[other]) >= same_layout.PLAIN_FINE
            rows, one, other = rows[screens], one[screens], other[screens]
            shares = same_layout.unmatched(fine[one], fine[other], maps[rows])
            shared[rows] = shares >= same_layout.DIFFERENT
            if self._tell is not None:
                self._tell("reading the small print", min(k + _THUMBNAILS, n), n)
        return shared

    def _backgrounds(self, positions: Int64s) -> Float64s:
        shares = np.zeros(len(positions))
        for k in range(0, len(positions), _CHUNK):
            part = positions[k : k + _CHUNK]
            shares[k : k + _CHUNK] = same_layout.background(self.prepared(part).pictures[part])
            if self._tell is not None:
                self._tell("reading the small print", 0, 0)
        return shares


def _pages(n: int) -> UInt8s:
    """Room for n pictures of 64x64, which takes memory only where something is written to.

    An array of numpy's own would be made of pages as large as 512 pictures.
    """
    size = n * 64 * 64
    memory = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a system that has no such pages refuses
            memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.uint8, size).reshape(n, 64, 64)
