"""Features of pictures for searches, cached on disk beside the catalog.

Derived data as any other: it follows the images by their ids and hashes, what is missing is made
when it is wanted, and the folder can be deleted at any time. They are two files of each kind, so
that a few new pictures write little: most rows, which are seldom written, and the late ones.
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

# Pictures that are read together.
_CHUNK = 256

# New pictures after which all is rewritten, at least and as a share: a store of 100,000 writes
# 150 MB of spots for each 1,562. And those that are worth the writing of a few small files.
_FEW_CHANGES = 64
_CHANGED_SHARE = 64
_WORTH_WRITING = 16
# Rows that are copied in one go.
_COPIED = 8192


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
class CachedRows(Generic[Record]):
    """Rows of images, and the hashes that they were computed from.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    keys
        uint64 (n,): of the image and its hash.
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
        same = (self.image_ids[place] == image_ids) & (self.keys[place] == keys)
        return np.where(same, place, -1)

    def take(self, images: Int64s) -> "CachedRows[Record]":
        """Return some of the images, int64 (k,) places."""
        return CachedRows(self.image_ids[images], self.keys[images], self.rows.take(images))


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
        self._data = DerivedData(folder), DerivedData(folder / "late")
        self._kind = kind
        self._facts = {"algorithm": ALGORITHM, "version": version}
        self._compute = compute
        self._lock = threading.Lock()
        # Most of them, and what has come since. And which versions of files these were read from.
        self._most = self._late = self._none()
        self._read: tuple[str | None, str | None] = None, None
        self._unwritten = 0
        self._last: tuple[Record, Record, Int64s, Record] | None = None

    def exist(self) -> bool:
        """Tell whether rows of any image were computed, by any process."""
        known = len(self._most.image_ids) + len(self._late.image_ids)
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
        """Make what is missing; where rows lie, through `_most` and then `_late`; -1 for none."""
        keys = hash_rows(np.column_stack((image_ids.astype(np.uint64), hashes)))
        place = self._places(image_ids, keys)
        if (place < 0).any():
            self._take_over()  # another process may have made them
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
            # What could not be read is tried again another time.
            self._add(made if readable.all() else made.take(np.flatnonzero(readable)))
        if save:
            self._save(image_ids, keys)
        return self._places(image_ids, keys)

    def _places(self, image_ids: Int64s, keys: UInt64s) -> Int64s:
        place, late = self._most.places(image_ids, keys), self._late.places(image_ids, keys)
        behind = (place < 0) & (late >= 0)
        return np.where(behind, late + len(self._most.image_ids), place)

    def _add(self, new: CachedRows[Record]) -> None:
        """Put rows to those that came late, in the place of others of the same images."""
        self._unwritten += len(new.image_ids)
        stay = np.flatnonzero(~np.isin(self._late.image_ids, new.image_ids))
        image_ids = np.concatenate((self._late.image_ids[stay], new.image_ids))
        order = np.argsort(image_ids)
        if not len(stay) and (order == np.arange(len(order))).all():
            self._late = new
            return
        keys = np.concatenate((self._late.keys[stay], new.keys))
        rows = self._kind.empty(len(order))
        at = np.argsort(order)
        rows.put(at[: len(stay)], self._late.rows.take(stay))
        rows.put(at[len(stay) :], new.rows)
        self._late = CachedRows(image_ids[order], keys[order], rows)

    def _joined(self, place: Int64s) -> Record:
        """The rows that lie at these places, which are copied only if they must be."""
        begin = 0
        for known in (self._most, self._late):
            count = len(known.image_ids)
            if len(place) == count and (place == np.arange(begin, begin + count)).all():
                return known.rows
            begin += count
        parts = self._most.rows, self._late.rows
        if self._last is not None:
            *before, where, rows = self._last
            if all(a is b for a, b in zip(before, parts, strict=True)) and (
                np.array_equal(where, place)
            ):
                return rows
        rows = self._copied(place)
        self._last = (*parts, place, rows)
        return rows

    def _copied(self, place: Int64s) -> Record:
        rows, first = self._kind.empty(len(place)), len(self._most.image_ids)
        for start in range(0, len(place), _COPIED):
            part = place[start : start + _COPIED]
            old, new = np.flatnonzero((part >= 0) & (part < first)), np.flatnonzero(part >= first)
            rows.put(old + start, self._most.rows.take(part[old]))
            rows.put(new + start, self._late.rows.take(part[new] - first))
        return rows

    def _save(self, image_ids: Int64s, keys: UInt64s) -> None:
        """Write what came late, or all of the given images if that is much."""
        much = max(_FEW_CHANGES, len(image_ids) // _CHANGED_SHARE)
        if len(self._late.image_ids) <= much:
            if self._unwritten >= _WORTH_WRITING:
                self._write(1, self._late)
            return
        place = self._places(image_ids, keys)
        order = np.flatnonzero(place >= 0)
        order = order[np.argsort(image_ids[order])]
        known = CachedRows(image_ids[order], keys[order], self._joined(place[order]))
        if self._write(0, known):
            self._last = None
            self._take_over(trusted=True)

    def _write(self, part: int, known: CachedRows[Record]) -> bool:
        try:
            arrays = record_arrays("rows", known.rows)
            self._data[part].save(
                self._facts, {"ids": known.image_ids, "keys": known.keys, **arrays}
            )
        except StorageError:  # a disk that is full or read-only still has searches
            return False
        self._unwritten = 0
        return True

    def _take_over(self, *, trusted: bool = False) -> None:
        """Read what other processes have written, or map what this one has."""
        versions = self._data[0].version(), self._data[1].version()
        found = [
            None if version in {None, read} else self._load(data, trusted=trusted)
            for data, version, read in zip(self._data, versions, self._read, strict=True)
        ]
        self._read = versions
        own = self._late
        if found[0] is not None:
            self._most = found[0]
        if found[1] is not None:
            self._late = found[1]
        if found[0] is None and found[1] is None:
            return
        # What is among the most by now is not kept twice; what only this process has stays.
        for rows, unwritten in ((self._late, 0), (own, self._unwritten)):
            mine = np.flatnonzero(self._most.places(rows.image_ids, rows.keys) < 0)
            if rows is self._late:
                self._late = rows.take(mine) if len(mine) < len(rows.image_ids) else rows
                continue
            mine = mine[self._late.places(rows.image_ids[mine], rows.keys[mine]) < 0]
            if len(mine):
                self._add(rows.take(mine))
            self._unwritten = min(unwritten, len(mine))

    def _load(self, data: DerivedData, *, trusted: bool) -> CachedRows[Record] | None:
        derived = data.load(trusted=trusted)
        if derived is None or dict(derived.facts) != self._facts:
            return None
        try:
            rows: Any = record_from(derived.arrays, "rows", self._kind)
            known: CachedRows[Record] = CachedRows(
                derived.arrays["ids"], derived.arrays["keys"], rows
            )
        except KeyError:  # of another version, with the same number
            return None
        return known

    def _none(self) -> CachedRows[Record]:
        return CachedRows(np.empty(0, np.int64), np.empty(0, np.uint64), self._kind.empty(0))
