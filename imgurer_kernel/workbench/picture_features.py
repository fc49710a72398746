"""Features of pictures for searches, cached on disk beside the catalog: spots and windows.

Derived data as any other: it follows the images by their ids and hashes, what is missing is made
when it is wanted, and the folder can be deleted at any time. Spots take 1.5 KB a picture and 1.5 ms
of one core to make, windows 0.4 KB and 0.1 ms.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.errors import StorageError, UnknownImage
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching import spots as spot_rules
from imgurer_kernel.matching.clusters.result_arrays import record_arrays, record_from
from imgurer_kernel.matching.regions import WINDOWS, window_grays
from imgurer_kernel.matching.result_cache import hash_rows
from imgurer_kernel.matching.spots import Spots
from imgurer_kernel.store.derived import DerivedData
from imgurer_kernel.workbench.image_loader import ImageLoader

# Pictures that are read together.
_CHUNK = 256

# New pictures after which all is rewritten, at least and as a share: a store of 100,000 writes
# 150 MB of spots for each 1,562.
_FEW_CHANGES = 64
_CHANGED_SHARE = 64


class Rows(Protocol):
    """The interface of a record of arrays, one row for each picture."""

    def __len__(self) -> int:
        """Count the pictures."""

    @classmethod
    def empty(cls, n: int) -> Self:
        """Make room for n pictures."""

    def take(self, images: Int64s, /) -> Self:
        """Return some of the rows."""

    def put(self, images: Int64s, other: Self, /) -> None:
        """Write some rows, in place."""


Record = TypeVar("Record", bound=Rows)


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
    def empty(cls, n: int) -> Self:
        """Make room for n pictures."""
        return cls(np.zeros((n, len(WINDOWS), 2), np.uint64))

    def take(self, images: Int64s, /) -> "Windows":
        """Return the windows of some of the pictures."""
        return Windows(self.hashes[images])

    def put(self, images: Int64s, other: "Windows", /) -> None:
        """Write the windows of some pictures, in place."""
        self.hashes[images] = other.hashes


@dataclass(frozen=True, slots=True, eq=False)
class CachedRows(Generic[Record]):
    """Rows of images, and the hashes that they were computed from.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    keys
        uint64 (n,): of the image and its hash; 0 where the picture could not be read.
    rows
        n rows.
    """

    image_ids: Int64s
    keys: UInt64s
    rows: Record

    def places(self, image_ids: Int64s, keys: UInt64s) -> Int64s:
        """Return the rows of images, int64 (k,); -1 where missing or computed from another hash."""
        if not len(self.image_ids):
            return np.full(len(image_ids), -1)
        place = np.minimum(np.searchsorted(self.image_ids, image_ids), len(self.image_ids) - 1)
        same = (self.image_ids[place] == image_ids) & (self.keys[place] == keys) & (keys != 0)
        return np.where(same, place, -1)


class PictureFeatures(Generic[Record]):
    """Computes and caches rows of one kind for a store; safe to use from several threads.

    Parameters
    ----------
    folder
        Where they are kept.
    kind
        The record.
    version
        What is kept in another one is rebuilt.
    compute
        Makes the rows of images; tells which pictures could be read, bool (k,).
    """

    def __init__(
        self,
        folder: Path,
        kind: type[Record],
        version: int,
        compute: Callable[[Int64s], tuple[Record, BoolMask]],
    ) -> None:
        self._data = DerivedData(folder)
        self._kind = kind
        self._facts = {"algorithm": ALGORITHM, "version": version}
        self._compute = compute
        self._lock = threading.Lock()
        self._known = self._none()

    def exist(self) -> bool:
        """Tell whether rows of any image were computed, by any process."""
        return len(self._known.image_ids) > 0 or self._data.facts() == self._facts

    def rows(
        self,
        image_ids: Int64s,
        hashes: UInt64s,
        *,
        most: int | None = None,
        save: bool = False,
        progress: Progress | None = None,
    ) -> tuple[Record, BoolMask]:
        """Return the rows of all images that take part, in their order.

        Parameters
        ----------
        image_ids, hashes
            int64 (n,), distinct, and uint64 (n, 2): whole pictures' hashes.
        most
            Make at most so many that are missing, and none where more are.
        save
            Keep what was made for other processes, of which none may do so at the same time.
        progress
            Called between parts; may raise to stop: what was made until then is kept in memory.

        Returns
        -------
        The rows, which must not be written to, and which images have theirs, bool (n,).
        """
        keys = hash_rows(np.column_stack((image_ids.astype(np.uint64), hashes)))
        with self._lock:
            place = self._known.places(image_ids, keys)
            if (place < 0).sum() > _FEW_CHANGES or not len(self._known.image_ids):
                # Another process may have made them.
                loaded = self._load()
                if (loaded.places(image_ids, keys) >= 0).sum() > (place >= 0).sum():
                    self._known = loaded
                    place = loaded.places(image_ids, keys)
            if len(place) == len(self._known.image_ids) and (place == np.arange(len(place))).all():
                return self._known.rows, place >= 0  # as it is: to copy it takes longest of all
            found = self._kind.empty(len(image_ids))
            there = np.flatnonzero(place >= 0)
            _put(found, there, self._known.rows, place[there])
            missing = np.flatnonzero(place < 0)
            is_made = place >= 0
            if not len(missing) or (most is not None and len(missing) > most):
                return found, is_made
            try:
                for start in range(0, len(missing), _CHUNK):
                    part = missing[start : start + _CHUNK]
                    made, readable = self._compute(image_ids[part])
                    found.put(part, made)
                    is_made[part] = readable
                    if progress is not None:
                        progress("reading", min(start + _CHUNK, len(missing)), len(missing))
            finally:
                self._remember(image_ids, np.where(is_made, keys, np.uint64(0)), found)
            if save and len(missing) > max(_FEW_CHANGES, len(image_ids) // _CHANGED_SHARE):
                self._save()
            return found, is_made

    def _remember(self, image_ids: Int64s, keys: UInt64s, rows: Record) -> None:
        if (np.diff(image_ids) > 0).all():
            self._known = CachedRows(image_ids, keys, rows)
            return
        order = np.argsort(image_ids)
        self._known = CachedRows(image_ids[order], keys[order], rows.take(order))

    def _save(self) -> None:
        with suppress(StorageError):  # a disk that is full or read-only still has searches
            arrays = record_arrays("rows", self._known.rows)
            self._data.save(
                self._facts, {"ids": self._known.image_ids, "keys": self._known.keys, **arrays}
            )
            # From now on in memory that other processes share.
            self._known = self._load(trusted=True)

    def _load(self, *, trusted: bool = False) -> CachedRows[Record]:
        derived = self._data.load(trusted=trusted)
        if derived is None or dict(derived.facts) != self._facts:
            return self._none()
        try:
            rows: Any = record_from(derived.arrays, "rows", self._kind)
            known: CachedRows[Record] = CachedRows(
                derived.arrays["ids"], derived.arrays["keys"], rows
            )
        except KeyError:  # of another version, with the same number
            return self._none()
        return known

    def _none(self) -> CachedRows[Record]:
        return CachedRows(np.empty(0, np.int64), np.empty(0, np.uint64), self._kind.empty(0))


def _put(rows: Record, images: Int64s, other: Record, places: Int64s) -> None:
    """Copy the rows of some images from their positions among others."""
    count = len(images)
    if (images == np.arange(count)).all() and (places == images).all():
        # All that is known and new ones behind: 150 MB of spots are copied once, and in a piece.
        for field in fields(rows):  # type: ignore[arg-type]
            getattr(rows, field.name)[:count] = getattr(other, field.name)[:count]
    else:
        rows.put(images, other.take(places))


def spot_features(root: Path, loader: ImageLoader) -> PictureFeatures[Spots]:
    """Make the features of spots of a store's thumbnails."""

    def compute(image_ids: Int64s) -> tuple[Spots, BoolMask]:
        spots, readable = Spots.empty(len(image_ids)), np.ones(len(image_ids), np.bool_)
        for k, found in enumerate(loader.spots(image_ids)):
            if found is None:
                readable[k] = False
            else:
                spots.put(np.array([k]), found)
        return spots, readable

    return PictureFeatures(root / "derived" / "spots", Spots, spot_rules.VERSION, compute)


def window_features(root: Path, loader: ImageLoader) -> PictureFeatures[Windows]:
    """Make the features of windows of a store's pictures."""

    def compute(image_ids: Int64s) -> tuple[Windows, BoolMask]:
        windows, there = Windows.empty(len(image_ids)), np.ones(len(image_ids), np.bool_)
        while there.any():
            try:
                pictures = loader.verification(image_ids[there])
            except UnknownImage:  # forgotten since the snapshot
                there = loader.existing(image_ids)
                continue
            hashes = dhash_many(window_grays(pictures).reshape(-1, 9, 9))
            windows.hashes[there] = hashes.reshape(len(pictures), -1, 2)
            break
        return windows, there

    return PictureFeatures(root / "derived" / "windows", Windows, 1, compute)
