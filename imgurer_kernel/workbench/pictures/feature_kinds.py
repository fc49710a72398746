"""The picture features that searches use: spots, with buckets to look them up, and windows.

Spots take 1.5 KB and 1.5 ms of one core per picture, windows 0.4 KB and 0.1 ms. Buckets take
another 4 KB per picture, and 20 us.
"""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.errors import StorageError, UnknownImage
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching import spot_buckets
from imgurer_kernel.matching import spots as spot_rules
from imgurer_kernel.matching.clusters.result_arrays import record_arrays, record_from
from imgurer_kernel.matching.regions import WINDOWS, window_grays
from imgurer_kernel.matching.spot_buckets import SpotBuckets
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import Spots
from imgurer_kernel.store.derived import Derived, DerivedData
from imgurer_kernel.workbench.pictures.image_loader import ImageLoader
from imgurer_kernel.workbench.pictures.picture_features import CachedRows, PictureFeatures

# Number of pictures from which on buckets are stored: below it a scan of all spots takes at most a
# fifth of a second.
_BUCKETS_FROM = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Hashes of the windows of n pictures.

    Attributes
    ----------
    hashes
        uint64 (n, 24, 2), row hash first, see `imgurer_kernel.matching.regions.WINDOWS`.
    """

    hashes: UInt64s

    def __len__(self) -> int:
        return len(self.hashes)

    @classmethod
    def empty(cls, n: int) -> "Windows":
        """Allocate windows for n pictures."""
        return cls(np.zeros((n, len(WINDOWS), 2), np.uint64))

    def take(self, images: Int64s, /) -> "Windows":
        """Return the windows of some of the pictures."""
        return Windows(self.hashes[images])

    def put(self, images: Int64s, other: "Windows", /) -> None:
        """Write the windows of some pictures, in place."""
        self.hashes[images] = other.hashes


def window_features(root: Path, loader: ImageLoader) -> PictureFeatures[Windows]:
    """Make the cache for the window hashes of a store's pictures."""

    def compute(image_ids: Int64s) -> tuple[Windows, BoolMask]:
        windows, exists = Windows.empty(len(image_ids)), np.ones(len(image_ids), np.bool_)
        while exists.any():
            try:
                pictures = loader.verification(image_ids[exists])
            except UnknownImage:  # forgotten since the snapshot
                exists = loader.existing(image_ids)
                continue
            hashes = dhash_many(window_grays(pictures).reshape(-1, 9, 9))
            windows.hashes[exists] = hashes.reshape(len(pictures), -1, 2)
            break
        return windows, exists

    return PictureFeatures(root / "derived" / "windows", Windows, 1, compute)


class SpotFeatures(PictureFeatures[Spots]):
    """The spots of a store's thumbnails; for a large store also in buckets.

    Parameters
    ----------
    root
        Folder of the store.
    loader
        Loads its pictures.
    """

    def __init__(self, root: Path, loader: ImageLoader) -> None:
        def compute(image_ids: Int64s) -> tuple[Spots, BoolMask]:
            spots, readable = Spots.empty(len(image_ids)), np.ones(len(image_ids), np.bool_)
            for k, found in enumerate(loader.spots(image_ids)):
                if found is None:
                    readable[k] = False
                else:
                    spots.put(np.array([k]), found)
            return spots, readable

        folder = root / "derived" / "spots"
        super().__init__(folder, Spots, spot_rules.VERSION, compute)
        self._bucket_data = DerivedData(folder / "buckets")
        self._buckets: SpotBuckets | None = None
        self._bucketed: CachedRows[Spots] | None = None

    def segments(
        self,
        image_ids: Int64s,
        hashes: UInt64s,
        *,
        save: bool = False,
        progress: Progress | None = None,
    ) -> SpotSegments:
        """Return the spots of images without copying, in the order of the ids; see `rows`."""
        with self._lock:
            place = self._locate(image_ids, hashes, None, save, progress)
            known = self._main
            if self._bucketed is not known:
                self._buckets, self._bucketed = self._find_buckets(known, save=save), known
            parts = known.rows, self._added.rows
            return SpotSegments(parts, place, (self._buckets, None))

    def _find_buckets(self, known: CachedRows[Spots], *, save: bool) -> SpotBuckets | None:
        """Load the buckets of spots, or make and store them; None for few spots."""
        if len(known.image_ids) < _BUCKETS_FROM:
            return None
        names = sha256(known.image_ids.tobytes() + known.keys.tobytes()).hexdigest()
        facts = {**self._facts, "buckets": spot_buckets.VERSION, "of": names}
        found = _buckets_from(self._bucket_data.load(), facts)
        if found is None and save:
            with suppress(StorageError):  # a search works without buckets, but slower
                self._bucket_data.save(facts, record_arrays("buckets", SpotBuckets.of(known.rows)))
                # Mapped, so that processes share the memory.
                found = _buckets_from(self._bucket_data.load(trusted=True), facts)
        return found


def _buckets_from(derived: Derived | None, facts: dict[str, Any]) -> SpotBuckets | None:
    if derived is None or dict(derived.facts) != facts:
        return None
    try:
        return record_from(derived.arrays, "buckets", SpotBuckets)
    except KeyError:  # an incompatible file with the same version number
        return None
