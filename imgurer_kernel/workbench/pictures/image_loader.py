"""Load pictures of a store as arrays, by image_id, for comparisons."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s
from imgurer_kernel.errors import BlobMissing, ImageRejected, StorageError
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.matching.judgement import ORIGINAL_SIDE
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.spots import Spots, find_spots
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.store.catalog.queries import unknown_image
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.pictures.pixel_digests import PixelDigests

THUMBNAIL_SIDE = 256
"""Side in pixels of a thumbnail's grays; the aspect ratio is not kept."""


def in_colour(thumbnail: bytes) -> UInt8s:
    """Decode a thumbnail, uint8 (height, width, 3)."""
    return decode.read(thumbnail).view().rgb(THUMBNAIL)


def seconds_of(taken_at: pd.Series) -> Int64s:
    """Convert times of the catalog to seconds, int64 (n,); 0 for missing ones.

    Examples
    --------
    >>> seconds_of(pd.Series(["1970-01-01 00:01:00", None])).tolist()
    [60, 0]
    """
    times = pd.to_datetime(taken_at, errors="coerce").to_numpy("datetime64[s]")
    return np.where(np.isnat(times), 0, times.astype(np.int64))


class ImageLoader:
    """Reads pictures at the sizes that comparisons use: 9x9, 64x64, 256x256, and originals.

    Each call reads the catalog in its own transaction, or in the current one of its thread.

    Raises
    ------
    UnknownImage
        If one of the images does not exist or was just forgotten, unless a method says otherwise.
    """

    def __init__(self, store: Store) -> None:
        self._catalog = store.catalog
        self._blobs = store.blobs
        self._decoders = store.decoders
        self._limits = store.settings
        self._pixels = PixelDigests(
            self._read, lambda data: self._decoders.digest(data, limits=self._limits)
        )

    def grays(self, image_ids: Int64s) -> UInt8s:
        """Read the grays that dHashes are computed from, uint8 (n, 9, 9)."""
        return self._catalog.run(queries.grays, image_ids)

    @property
    def pictures(self) -> PictureLoaders:
        """Return all functions that load pictures for a search for clusters."""
        return PictureLoaders(
            self.verification, self.thumbnails, self.colours, self.taken, self.originals
        )

    def verification(self, image_ids: Int64s) -> UInt8s:
        """Read the grays for verification, uint8 (n, 64, 64)."""
        return self._catalog.run(queries.verification, image_ids)

    def thumbnails(self, image_ids: Int64s, digests: Sequence[str] | None = None) -> UInt8s:
        """Read the thumbnails as grays, uint8 (n, 256, 256).

        Parameters
        ----------
        digests
            Of these images, if the caller has read them already.

        Raises
        ------
        BlobMissing
            If the thumbnail of an existing image is missing or truncated.
        """
        wanted = image_ids.tolist()
        digests = self._digests(wanted) if digests is None else digests
        pictures = np.empty((len(wanted), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
        try:
            for k, picture in enumerate(in_order(self._thumbnail, digests)):
                pictures[k] = picture
        except BlobMissing:
            # Forgetting an image deletes its row first and its files then: if the row is gone by
            # now, the store is sound, and the image is unknown.
            self._digests(wanted)
            raise
        return pictures

    def colours(self, image_ids: Int64s, digests: Sequence[str] | None = None) -> list[UInt8s]:
        """Read the thumbnails in colour, uint8 (height, width, 3) each; as `thumbnails` does."""
        wanted = image_ids.tolist()
        digests = self._digests(wanted) if digests is None else digests
        try:
            return list(in_order(self._colour, digests))
        except BlobMissing:
            self._digests(wanted)
            raise

    def taken(self, image_ids: Int64s) -> Int64s:
        """Read the capture times of the cameras' clocks, in seconds; 0 if unknown."""
        found = self._catalog.run(queries.images, image_ids, ["image_id", "taken_at"])
        known = found["image_id"].to_numpy(np.int64)
        seconds = np.append(seconds_of(found["taken_at"]), 0)
        place = np.searchsorted(known, image_ids)
        exists = np.append(known, -1)[place] == image_ids
        return seconds[np.where(exists, place, -1)]

    def originals(self, image_ids: Int64s) -> list[UInt8s | None]:
        """Read originals reduced to `ORIGINAL_SIDE`; None for those that cannot be read."""
        return list(in_order(self.original, self._digests(image_ids.tolist())))

    def original(self, digest: str) -> UInt8s | None:
        """Read an original reduced to `ORIGINAL_SIDE`; None if it cannot be read."""
        frame = (ORIGINAL_SIDE, ORIGINAL_SIDE)
        try:
            return self._decoders.pixels(self._read(digest), frame, limits=self._limits)
        except (StorageError, ImageRejected):
            return None

    def equal_pixels(self, one: str, other: str) -> bool:
        """Return whether the originals of two digests have equal pixels; see `PixelDigests`."""
        return self._pixels.are_equal(one, other)

    def _read(self, digest: str) -> bytes:
        with self._blobs.open(digest) as file:
            data: bytes = file.read()
            return data

    def spots(self, image_ids: Int64s) -> Iterator[Spots | None]:
        """Find the spots of thumbnails, in order, on all cores.

        Yields None for a thumbnail that is missing or damaged, which
        `imgurer_kernel.Workbench.check` reports, and for a forgotten image.
        """
        wanted = image_ids.tolist()
        found = self._catalog.run(queries.digests_by_id, wanted)
        yield from in_order(self._spots, [found.get(image_id) for image_id in wanted])

    def existing(self, image_ids: Int64s) -> BoolMask:
        """Return which images still exist, bool (n,)."""
        found = self._catalog.run(queries.digests_by_id, image_ids.tolist())
        return np.array([image_id in found for image_id in image_ids.tolist()], np.bool_)

    def _spots(self, digest: str | None) -> Spots | None:
        if digest is None:
            return None
        try:
            picture = decode.read(self._blobs.thumbnail(digest), colour=False, frame=THUMBNAIL)
        except (BlobMissing, ImageRejected):
            return None
        return find_spots(picture.view().gray())

    def _digests(self, image_ids: Sequence[int]) -> list[str]:
        found = self._catalog.run(queries.digests_by_id, image_ids)
        missing = [image_id for image_id in image_ids if image_id not in found]
        if missing:
            raise unknown_image(missing)
        return [found[image_id] for image_id in image_ids]

    def _colour(self, digest: str) -> UInt8s:
        return in_colour(self._blobs.thumbnail(digest))

    def _thumbnail(self, digest: str) -> UInt8s:
        return to_gray(self._blobs.thumbnail(digest), THUMBNAIL_SIDE)
