"""Features of pictures for searches, cached on disk beside the catalog.

Derived data: it follows the images by their ids and hashes, missing rows are computed on demand,
and the folder can be deleted at any time. Each kind has two files, so that a few new pictures write
little: a main file with most rows, seldom rewritten, and one with the rows added since.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s
from imgurer_kernel.errors import StorageError
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching.clusters.result_arrays import record_arrays, record_from
from imgurer_kernel.matching.result_cache import hash_rows
from imgurer_kernel.store.derived import DerivedData

# Pictures per read.
_CHUNK = 256

# Number of new pictures, at least and as a share, after which all rows are rewritten: a store of
# 100,000 writes 150 MB of spots for each 1,562. And the number worth writing a few small files.
_FEW_CHANGES = 64
_CHANGED_SHARE = 64
_WORTH_WRITING = 16
# Rows per copy.
_ROWS_PER_COPY = 8192


class Rows(Protocol):
    """The interface of a record of arrays, with a row for each picture."""

    def __len__(self) -> int:
        """Count the pictures."""

    @classmethod
    def empty(cls, n: int) -> Self:
        """Allocate rows for n pictures."""

    def take(self, images: Int64s, /) -> Self:
        """Return some of the rows."""

    def put(self, images: Int64s, other: Self, /) -> None:
        """Write some rows, in place."""


Record = TypeVar("Record", bound=Rows)


@dataclass(frozen=True, slots=True, eq=False)
class CachedRows(Generic[Record]):
    """Rows of images, and the hashes that they were computed from.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    keys
        uint64 (n,): hash of the image and its dHash.
    rows
        The n rows.
    """

    image_ids: Int64s
    keys: UInt64s
    rows: Record

    def places(self, image_ids: Int64s, keys: UInt64s) -> Int64s:
        """Return the rows of images, int64 (k,); -1 where missing or computed from another hash."""
        if not len(self.image_ids):
            return np.full(len(image_ids), -1)
        place = np.minimum(np.searchsorted(self.image_ids, image_ids), len(self.image_ids) - 1)
        same = (self.image_ids[place] == image_ids) & (self.keys[place] == keys)
        return np.where(same, place, -1)

    def take(self, images: Int64s) -> "CachedRows[Record]":
        """Return some of the rows, by int64 (k,) positions."""
        return CachedRows(self.image_ids[images], self.keys[images], self.rows.take(images))


class PictureFeatures(Generic[Record]):
    """Computes and caches rows of one kind for a store; safe to use from several threads.

    Parameters
    ----------
    folder
        Folder of the cache.
    kind
        The record class.
    version
        Files of another version are rebuilt.
    compute
        Computes the rows of images; also returns which pictures were readable, bool (k,).
    """

    def __init__(
        self,
        folder: Path,
        kind: type[Record],
        version: int,
        compute: Callable[[Int64s], tuple[Record, BoolMask]],
    ) -> None:
        self._data = DerivedData(folder), DerivedData(folder / "late")
        self._kind = kind
        self._facts = {"algorithm": ALGORITHM, "version": version}
        self._compute = compute
        self._lock = threading.Lock()
        # The main rows, those added since, and the file versions that they were read from.
        self._main = self._added = self._none()
        self._read: tuple[str | None, str | None] = None, None
        self._unwritten = 0
        self._last: tuple[Record, Record, Int64s, Record] | None = None

    def exist(self) -> bool:
        """Return whether rows of any image were computed, by any process."""
        known = len(self._main.image_ids) + len(self._added.image_ids)
        return known > 0 or any(data.facts() == self._facts for data in self._data)

    def rows(
        self,
        image_ids: Int64s,
        hashes: UInt64s,
        *,
        most: int | None = None,
        save: bool = False,
        progress: Progress | None = None,
    ) -> tuple[Record, BoolMask]:
        """Return the rows of all given images, in their order.

        Parameters
        ----------
        image_ids, hashes
            int64 (n,), distinct, and uint64 (n, 2): hashes of the whole pictures.
        most
            Compute at most this many missing rows, and none if more are missing.
        save
            Write computed rows for other processes; only one process at a time may do so.
        progress
            Called between parts; may raise to stop. Rows computed until then stay in memory.

        Returns
        -------
        The rows, which must not be written to, and a mask of images that have one, bool (n,).
        """
        with self._lock:
            place = self._locate(image_ids, hashes, most, save, progress)
            return self._joined(place), place >= 0

    def _locate(
        self,
        image_ids: Int64s,
        hashes: UInt64s,
        most: int | None,
        save: bool,
        progress: Progress | None,
    ) -> Int64s:
        """Compute missing rows; return positions in `_main` followed by `_added`, -1 for none."""
        keys = hash_rows(np.column_stack((image_ids.astype(np.uint64), hashes)))
        place = self._places(image_ids, keys)
        if (place < 0).any():
            self._reload()  # another process may have computed them
            place = self._places(image_ids, keys)
        missing = np.flatnonzero(place < 0)
        if not len(missing) or (most is not None and len(missing) > most):
            return place
        made = CachedRows(image_ids[missing], keys[missing], self._kind.empty(len(missing)))
        readable = np.zeros(len(missing), np.bool_)
        try:
            for start in range(0, len(missing), _CHUNK):
                part = np.arange(start, min(start + _CHUNK, len(missing)))
                rows, readable[part] = self._compute(made.image_ids[part])
                made.rows.put(part, rows)
                if progress is not None:
                    progress("reading", int(part[-1]) + 1, len(missing))
        finally:
            # Unreadable pictures are tried again another time.
            self._add(made if readable.all() else made.take(np.flatnonzero(readable)))
        if save:
            self._save(image_ids, keys)
        return self._places(image_ids, keys)

    def _places(self, image_ids: Int64s, keys: UInt64s) -> Int64s:
        place, late = self._main.places(image_ids, keys), self._added.places(image_ids, keys)
        behind = (place < 0) & (late >= 0)
        return np.where(behind, late + len(self._main.image_ids), place)

    def _add(self, new: CachedRows[Record]) -> None:
        """Put rows among the added ones, replacing those of the same images."""
        self._unwritten += len(new.image_ids)
        stay = np.flatnonzero(~np.isin(self._added.image_ids, new.image_ids))
        image_ids = np.concatenate((self._added.image_ids[stay], new.image_ids))
        order = np.argsort(image_ids)
        if not len(stay) and (order == np.arange(len(order))).all():
            self._added = new
            return
        keys = np.concatenate((self._added.keys[stay], new.keys))
        rows = self._kind.empty(len(order))
        at = np.argsort(order)
        rows.put(at[: len(stay)], self._added.rows.take(stay))
        rows.put(at[len(stay) :], new.rows)
        self._added = CachedRows(image_ids[order], keys[order], rows)

    def _joined(self, place: Int64s) -> Record:
        """Return the rows at these positions, as a view where possible."""
        begin = 0
        for known in (self._main, self._added):
            count = len(known.image_ids)
            if len(place) == count and (place == np.arange(begin, begin + count)).all():
                return known.rows
            begin += count
        parts = self._main.rows, self._added.rows
        if self._last is not None:
            *before, where, rows = self._last
            if all(a is b for a, b in zip(before, parts, strict=True)) and (
                np.array_equal(where, place)
            ):
                return rows
        rows = self._copy_rows(place)
        self._last = (*parts, place, rows)
        return rows

    def _copy_rows(self, place: Int64s) -> Record:
        rows, first = self._kind.empty(len(place)), len(self._main.image_ids)
        for start in range(0, len(place), _ROWS_PER_COPY):
            part = place[start : start + _ROWS_PER_COPY]
            old, new = np.flatnonzero((part >= 0) & (part < first)), np.flatnonzero(part >= first)
            rows.put(old + start, self._main.rows.take(part[old]))
            rows.put(new + start, self._added.rows.take(part[new] - first))
        return rows

    def _save(self, image_ids: Int64s, keys: UInt64s) -> None:
        """Write the added rows, or all rows of the given images if many were added."""
        threshold = max(_FEW_CHANGES, len(image_ids) // _CHANGED_SHARE)
        if len(self._added.image_ids) <= threshold:
            if self._unwritten >= _WORTH_WRITING:
                self._write(1, self._added)
            return
        place = self._places(image_ids, keys)
        order = np.flatnonzero(place >= 0)
        order = order[np.argsort(image_ids[order])]
        known = CachedRows(image_ids[order], keys[order], self._joined(place[order]))
        if self._write(0, known):
            self._last = None
            self._reload(trusted=True)

    def _write(self, part: int, known: CachedRows[Record]) -> bool:
        try:
            arrays = record_arrays("rows", known.rows)
            self._data[part].save(
                self._facts, {"ids": known.image_ids, "keys": known.keys, **arrays}
            )
        except StorageError:  # searches work on a disk that is full or read-only
            return False
        self._unwritten = 0
        return True

    def _reload(self, *, trusted: bool = False) -> None:
        """Read what other processes have written, or map what this one has written."""
        versions = self._data[0].version(), self._data[1].version()
        found = [
            None if version in {None, read} else self._load(data, trusted=trusted)
            for data, version, read in zip(self._data, versions, self._read, strict=True)
        ]
        self._read = versions
        own = self._added
        if found[0] is not None:
            self._main = found[0]
        if found[1] is not None:
            self._added = found[1]
        if found[0] is None and found[1] is None:
            return
        # Drop added rows that are in the main file by now; keep rows that only this process has.
        for rows, unwritten in ((self._added, 0), (own, self._unwritten)):
            missing = np.flatnonzero(self._main.places(rows.image_ids, rows.keys) < 0)
            if rows is self._added:
                self._added = rows.take(missing) if len(missing) < len(rows.image_ids) else rows
                continue
            missing = missing[self._added.places(rows.image_ids[missing], rows.keys[missing]) < 0]
            if len(missing):
                self._add(rows.take(missing))
            self._unwritten = min(unwritten, len(missing))

    def _load(self, data: DerivedData, *, trusted: bool) -> CachedRows[Record] | None:
        derived = data.load(trusted=trusted)
        if derived is None or dict(derived.facts) != self._facts:
            return None
        try:
            rows: Any = record_from(derived.arrays, "rows", self._kind)
            known: CachedRows[Record] = CachedRows(
                derived.arrays["ids"], derived.arrays["keys"], rows
            )
        except KeyError:  # an incompatible file with the same version number
            return None
        return known

    def _none(self) -> CachedRows[Record]:
        return CachedRows(np.empty(0, np.int64), np.empty(0, np.uint64), self._kind.empty(0))
