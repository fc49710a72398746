"""Cache the pictures of images in memory."""

import mmap
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import numpy as np

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Float64s, Int64s, UInt8s, UInt64s
from imgurer_kernel.fingerprint.borders import within_frame
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching import local_agreement, same_layout, seams
from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.border_depths import border_depths
from imgurer_kernel.matching.captions import (
    BesideCaptions,
    compare_beside,
    differ_by_captions,
    find_captions,
    may_have_captions,
)
from imgurer_kernel.matching.equalized import EqualizedPairs
from imgurer_kernel.matching.local_motion import LocalMotion, measure_local_motion
from imgurer_kernel.matching.moved_content import MovedContent, measure_moved_content
from imgurer_kernel.matching.original_pairs import OriginalPairs
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.regions import WINDOWS, content_boxes, window_grays
from imgurer_kernel.matching.takes import times_differ
from imgurer_kernel.matching.verify import PreparedPictures, compare

# Pictures that are read together, 8 MB: 64x64 and 256x256 grays.
_CHUNK = 2048
_THUMBNAIL_CHUNK = 128
_RECENT = 256  # thumbnails in colour that are kept, 180 KB each

_Measured = TypeVar("_Measured")


class ImageCache:
    """Reads and keeps the pictures behind image positions 0..n-1.

    Only pictures that were read take memory, 4 KB each.

    Parameters
    ----------
    image_ids
        int64 (n,).
    loaders
        Give the pictures.
    progress
        Called while pictures are read; may raise to stop.

    Attributes
    ----------
    within_frame
        float64 (n,): share of each picture within its frame; 1 where no picture was read.
    originals
        Compares originals.
    """

    def __init__(
        self,
        image_ids: Int64s,
        loaders: PictureLoaders,
        progress: Progress | None = None,
    ) -> None:
        self._ids = image_ids
        self._loaders = loaders
        self._recent: dict[int, UInt8s] = {}
        self.originals = OriginalPairs(image_ids, loaders.originals, progress)
        self._progress = progress
        self._is_read = np.zeros(len(image_ids), bool)
        self._pictures = PreparedPictures(
            _allocate(len(image_ids)), np.zeros((len(image_ids), 4), np.int64)
        )
        self.within_frame = np.ones(len(image_ids))
        self._times: Int64s | None = None
        self._depths: dict[int, Float64s] = {}
        self._captions: dict[int, Float64s] = {}
        self._equalized = EqualizedPairs()

    @property
    def content(self) -> Int64s:
        """Content boxes, int64 (n, 4); zeros where no picture was read."""
        return self._pictures.content

    def seed(self, positions: Int64s, content: Int64s, within: Float64s) -> None:
        """Take over content boxes and shares from an earlier cache; zeros are unknown boxes."""
        self._pictures.content[positions] = content
        self.within_frame[positions] = within

    def read(self, positions: Int64s) -> PreparedPictures:
        """Read the pictures at the given positions, and return the arrays of all n."""
        missing = distinct(positions)
        missing = missing[~self._is_read[missing]]
        for k in range(0, len(missing), _CHUNK):
            part = missing[k : k + _CHUNK]
            pictures = np.asarray(self._loaders.grays(self._ids[part]), np.uint8).reshape(
                -1, 64, 64
            )
            self._pictures.pictures[part] = pictures
            # A seeded box stays: cached comparisons were made with it.
            new = ~self._pictures.content[part].any(axis=1)
            self._pictures.content[part[new]] = content_boxes(pictures[new])
            self.within_frame[part[new]] = within_frame(pictures[new])
            self._is_read[part] = True
            if self._progress is not None:
                self._progress("reading", min(k + _CHUNK, len(missing)), len(missing))
        return self._pictures

    def read_boxes(self, positions: Int64s) -> PreparedPictures:
        """Read the content boxes at the given positions unless seeded; return all n pictures."""
        self.read(positions[~self.content[positions].any(axis=1)])
        return self._pictures

    def compare(
        self,
        first: Int64s,
        second: Int64s,
        starts: Float64s,
        progress: Callable[[int], None] | None = None,
        negative: BoolMask | None = None,
    ) -> Comparison:
        """Compare the pictures at pairs of positions; see `imgurer_kernel.matching.verify`.

        Where `negative`, bool (k,), is True the first picture is inverted before.
        """
        pictures = self.read(np.concatenate((first, second)))
        if negative is None or not negative.any():
            return compare(pictures, first, pictures, second, starts, progress=progress)
        measures, maps = np.empty((len(first), 3), np.float32), np.empty((len(first), 6))
        for rows in (np.flatnonzero(~negative), np.flatnonzero(negative)):
            one, place = pictures, first[rows]
            if len(rows) and negative[rows[0]]:
                # Copies: the borders of a picture are those of its negative.
                one = PreparedPictures(255 - one.pictures[place], one.content[place])
                place = np.arange(len(rows))
            part = compare(one, place, pictures, second[rows], starts[rows], progress=progress)
            measures[rows], maps[rows] = part.measures, part.maps
        return Comparison(measures, maps)

    def windows(self, positions: Int64s) -> UInt64s:
        """Hash the windows of pictures, uint64 (k, 24, 2)."""
        hashes = np.empty((len(positions), len(WINDOWS), 2), np.uint64)
        for k in range(0, len(positions), _CHUNK):
            part = positions[k : k + _CHUNK]
            grays = window_grays(self.read(part).pictures[part])
            hashes[k : k + _CHUNK] = dhash_many(grays.reshape(-1, 9, 9)).reshape(len(part), -1, 2)
            if self._progress is not None:
                self._progress("reading", min(k + _CHUNK, len(positions)), len(positions))
        return hashes

    def unmatched_writing(
        self, first: Int64s, second: Int64s, maps: Float64s, negative: BoolMask | None = None
    ) -> Float64s:
        """Measure how much of screens and documents has no match in the other, float64 (k,).

        See `same_layout.unmatched`; 0 for other pictures, and without thumbnails. `maps` lead from
        the first to the second. Where `negative`, bool (k,), is True the first picture is inverted
        before.
        """
        shares = np.zeros(len(first))
        if self._loaders.thumbnails is None:
            return shares
        ends = distinct(first, second)
        plain = self._backgrounds(ends)
        plain = np.stack([plain[np.searchsorted(ends, end)] for end in (first, second)])
        # Thumbnails are large and read from files: read only those that may be of a screen.
        suspects = np.flatnonzero(plain.max(axis=0) >= same_layout.PLAIN)
        n = len(suspects)
        for k in range(0, len(suspects), _THUMBNAIL_CHUNK):
            rows = suspects[k : k + _THUMBNAIL_CHUNK]
            needed = np.unique(np.concatenate((first[rows], second[rows])))
            fine = np.asarray(self._loaders.thumbnails(self._ids[needed]), np.uint8)
            one, other = (np.searchsorted(needed, end[rows]) for end in (first, second))
            plain = same_layout.background(fine)
            screens = np.maximum(plain[one], plain[other]) >= same_layout.PLAIN_FINE
            rows, one, other = rows[screens], one[screens], other[screens]
            ones = fine[one]
            if negative is not None:
                ones[negative[rows]] = 255 - ones[negative[rows]]
            shares[rows] = same_layout.unmatched(ones, fine[other], maps[rows])
            if self._progress is not None:
                self._progress("comparing layouts", min(k + _THUMBNAIL_CHUNK, n), n)
        return shares

    @property
    def in_colour(self) -> bool:
        """Whether there are thumbnails in colour."""
        return self._loaders.colours is not None

    def contents(self, first: Int64s, second: Int64s) -> Int64s:
        """Return the content boxes of pairs, int64 (k, 2, 4)."""
        content = self.read_boxes(np.concatenate((first, second))).content
        return np.stack((content[first], content[second]), axis=1)

    def agreement(self, first: Int64s, second: Int64s, maps: Float64s, content: Int64s) -> Float64s:
        """Measure where thumbnails agree within boxes, float64 (k, `local_agreement.FEATURES`)."""
        found = np.zeros((len(first), local_agreement.FEATURES))
        if len(first):
            local_agreement.load(self._progress)
        # Pairs of one picture together, so that its thumbnail is read once.
        order = np.lexsort((second, first))
        for k in range(0, len(order), _THUMBNAIL_CHUNK):
            rows = order[k : k + _THUMBNAIL_CHUNK]
            one, other = first[rows], second[rows]
            seen = self._in_colour(np.unique(np.concatenate((one, other))))
            pairs = [self._equalized.pair(seen, *ends) for ends in zip(one, other, strict=True)]
            found[rows] = local_agreement.measure_agreement(
                [pair[0] for pair in pairs], [pair[1] for pair in pairs], maps[rows], content[rows]
            )
            with_captions = rows[may_have_captions(found[rows])]
            found[with_captions, local_agreement.CAPTIONS] = differ_by_captions(
                self._beside_captions(
                    first[with_captions],
                    second[with_captions],
                    maps[with_captions],
                    content[with_captions],
                )
            )
            if self._progress is not None:
                self._progress(
                    "comparing thumbnails", min(k + _THUMBNAIL_CHUNK, len(order)), len(order)
                )
        return found

    def have_seams(
        self, first: Int64s, second: Int64s, maps: Float64s, boxes: Int64s, cuts: Float64s
    ) -> BoolMask:
        """Mark pairs where one shows another picture beside the common part, bool (k,)."""
        found = np.zeros(len(first), np.bool_)
        rows = np.flatnonzero(seams.may_have_seams(maps, boxes))
        for k in rows[np.lexsort((second[rows], first[rows]))].tolist():
            one, other = self._in_colour(np.array([first[k], second[k]])).values()
            found[k] = seams.find_seam(one, other, maps[k], boxes[k], cuts[k])
        return found

    def moved_content(
        self, first: Int64s, second: Int64s, maps: Float64s, boxes: Int64s
    ) -> list[MovedContent]:
        """Compare the colours of pairs where these differ, within boxes."""
        return self._measure_pairs(measure_moved_content, first, second, maps, boxes)

    def local_motion(
        self, first: Int64s, second: Int64s, maps: Float64s, boxes: Int64s
    ) -> list[LocalMotion]:
        """Find the blocks of pairs that moved a little, within boxes."""
        return self._measure_pairs(measure_local_motion, first, second, maps, boxes)

    def _measure_pairs(
        self,
        measure: Callable[[UInt8s, UInt8s, Float64s, Int64s], _Measured],
        first: Int64s,
        second: Int64s,
        maps: Float64s,
        boxes: Int64s,
    ) -> list[_Measured]:
        """Measure the thumbnails of pairs in threads, those of one picture together."""
        found: dict[int, _Measured] = {}
        order = np.lexsort((second, first))
        for start in range(0, len(order), _THUMBNAIL_CHUNK):
            rows = order[start : start + _THUMBNAIL_CHUNK]
            seen = self._in_colour(distinct(first[rows], second[rows]))
            pairs = [self._equalized.pair(seen, first[k], second[k]) for k in rows]
            work = [(*pair, maps[k], boxes[k]) for pair, k in zip(pairs, rows, strict=True)]
            found.update(zip(rows.tolist(), in_order(lambda it: measure(*it), work), strict=True))
        return [found[k] for k in range(len(first))]

    def _beside_captions(
        self, first: Int64s, second: Int64s, maps: Float64s, boxes: Int64s
    ) -> list[BesideCaptions]:
        """Compare pairs beside the captions of both, within boxes."""
        found: dict[int, BesideCaptions] = {}
        for k in np.lexsort((second, first)).tolist():
            ends = int(first[k]), int(second[k])
            seen = self._in_colour(np.array(ends))
            for end in ends:
                if end not in self._captions:
                    self._captions[end] = find_captions(seen[end])
            captions = self._captions[ends[0]], self._captions[ends[1]]
            pictures = seen[ends[0]], seen[ends[1]]
            found[k] = compare_beside(*pictures, maps[k], boxes[k], captions)
        return [found[k] for k in range(len(first))]

    def _in_colour(self, positions: Int64s) -> dict[int, UInt8s]:
        """Read thumbnails by position; the latest ones are cached, since pairs share pictures."""
        wanted = positions.tolist()
        missing = np.array([k for k in wanted if k not in self._recent], np.int64)
        if len(missing) and self._loaders.colours is not None:
            new = self._loaders.colours(self._ids[missing])
            for k, thumbnail in zip(missing.tolist(), new, strict=True):
                self._recent[k] = thumbnail
                if k not in self._depths:
                    self._depths[k] = border_depths(thumbnail)
        seen = {k: self._recent[k] for k in wanted}
        for k in list(self._recent)[: max(0, len(self._recent) - _RECENT)]:
            del self._recent[k]
        return seen

    def border_depths(self, positions: Int64s) -> Float64s:
        """Return how deep the borders of pictures are, float64 (k, 4), shares of their sides."""
        wanted = positions.tolist()
        missing = np.array([k for k in dict.fromkeys(wanted) if k not in self._depths], np.int64)
        if self.in_colour:
            for k in range(0, len(missing), _THUMBNAIL_CHUNK):
                self._in_colour(missing[k : k + _THUMBNAIL_CHUNK])
        elif len(missing):
            pictures = self.read(missing).pictures
            self._depths.update((k, border_depths(pictures[k])) for k in missing.tolist())
        return np.array([self._depths[k] for k in wanted]).reshape(-1, 4)

    def times(self, positions: Int64s) -> Int64s:
        """Return when pictures were taken, int64 (k,) seconds; 0 where unknown."""
        if self._loaders.taken is None or not len(positions):
            return np.zeros(len(positions), np.int64)
        # All at once: the rounds of a search need most of them in the end.
        if self._times is None:
            self._times = self._loaders.taken(self._ids)
        return self._times[positions]

    def taken_apart(self, first: Int64s, second: Int64s) -> BoolMask:
        """Mark the pairs that were taken shortly after one another, by the cameras' clocks."""
        return times_differ(self.times(first), self.times(second))

    def _backgrounds(self, positions: Int64s) -> Float64s:
        """Measure the share of background of pictures, float64 (k,)."""
        shares = np.zeros(len(positions))
        for k in range(0, len(positions), _CHUNK):
            part = positions[k : k + _CHUNK]
            shares[k : k + _CHUNK] = same_layout.background(self.read(part).pictures[part])
            if self._progress is not None:
                self._progress("comparing layouts", 0, 0)
        return shares


def _allocate(n: int) -> UInt8s:
    """Allocate n pictures of 64x64, which take memory only once they are written to."""
    size = n * 64 * 64
    # numpy's allocator would use huge pages, each as large as 512 pictures.
    memory = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a system without such pages refuses
            memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.uint8, size).reshape(n, 64, 64)
