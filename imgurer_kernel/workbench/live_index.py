"""The search index in memory, kept level with the catalog by reading only what is newer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.bktree import BKTree
from imgurer_kernel.index.hash_arrays import Compact, compact
from imgurer_kernel.index.info import IndexInfo
from imgurer_kernel.store.catalog import Catalog, Changes


@dataclass(frozen=True, slots=True, eq=False)
class CatalogHashes:
    """The hashes of a catalog at one generation, by image_id; at most 49 bytes an image.

    Most pictures have no border, and small numbers need no 64 bits: the usual image takes 21.

    Attributes
    ----------
    generation
        Of the catalog.
    ids
        (n,), ascending; in 32 bits where they fit.
    plain
        uint64 (n, 2), row hash first: of the whole picture.
    informative
        bool (n,).
    bordered, contents
        Positions of images whose hash without uniform borders is another, (k,), and those hashes,
        uint64 (k, 2).
    """

    generation: int
    ids: Compact
    plain: UInt64s
    informative: BoolMask
    bordered: Compact
    contents: UInt64s

    @classmethod
    def of(cls, changes: Changes) -> Self:
        """The images of a catalog that was read as a whole."""
        bordered = np.flatnonzero((changes.trimmed != changes.hashes).any(axis=1))
        return cls(
            generation=changes.generation,
            ids=compact(changes.image_ids),
            plain=changes.hashes,
            informative=changes.informative,
            bordered=compact(bordered),
            contents=changes.trimmed[bordered],
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        columns = (self.ids, self.plain, self.informative, self.bordered, self.contents)
        return sum(int(column.nbytes) for column in columns)

    @property
    def image_ids(self) -> Int64s:
        """int64 (n,), ascending."""
        return self.ids.astype(np.int64)

    @property
    def trimmed(self) -> UInt64s:
        """uint64 (n, 2): of each picture without its uniform borders; made anew for each caller."""
        trimmed = self.plain.copy()
        trimmed[self.bordered] = self.contents
        return trimmed

    def positions(self, image_ids: Int64s) -> Int64s:
        """Where the given ids stand; each must be one of `image_ids`."""
        found: Int64s = np.searchsorted(self.ids, image_ids.astype(self.ids.dtype))
        return found

    def after(self, changes: Changes) -> Self:
        """With what has changed since."""
        kept = ~np.isin(self.ids, np.concatenate([changes.removed, changes.image_ids]))
        image_ids = np.concatenate([self.image_ids[kept], changes.image_ids])
        order = np.argsort(image_ids, kind="stable")
        return self.of(
            replace(
                changes,
                image_ids=image_ids[order],
                hashes=np.concatenate([self.plain[kept], changes.hashes])[order],
                trimmed=np.concatenate([self.trimmed[kept], changes.trimmed])[order],
                informative=np.concatenate([self.informative[kept], changes.informative])[order],
            )
        )


def _nothing() -> Changes:
    return Changes(
        generation=0,
        image_ids=np.empty(0, np.int64),
        hashes=np.empty((0, 2), np.uint64),
        trimmed=np.empty((0, 2), np.uint64),
        informative=np.empty(0, np.bool_),
        removed=np.empty(0, np.int64),
    )


class LiveIndex:
    """Hashes and BK-trees of a catalog; derived data, rebuilt from the catalog at will.

    Every look at it first asks the catalog for its generation and reads what is newer, so that
    another process's commit shows up in the next search. Safe to use from several threads.

    One tree has the hashes of all informative images. A second one has their hashes without
    uniform borders, of those only where the two differ: 33 bytes for each of them.

    Parameters
    ----------
    algorithm
        Hashes of any other algorithm are not informative: they cannot be compared. None for all.
    """

    def __init__(self, catalog: Catalog, algorithm: str | None = None) -> None:
        self._catalog = catalog
        self._algorithm = algorithm
        self._lock = threading.RLock()
        self._clear()

    def _clear(self) -> None:
        self._hashes = CatalogHashes.of(_nothing())
        self._whole = BKTree()
        self._contents = BKTree()

    def rebuild(self) -> int:
        """Forget everything and read the catalog anew; returns the number of images."""
        with self._lock:
            self._clear()
            return len(self.hashes())

    def hashes(self) -> CatalogHashes:
        """Return the hashes as of now."""
        with self._lock:
            self._refresh()
            return self._hashes

    @contextmanager
    def trees(self) -> Iterator[tuple[BKTree, BKTree]]:
        """Hold the trees of whole pictures and of contents at one generation, to search both.

        Their ids are image_ids. No other thread searches or refreshes meanwhile.
        """
        with self._lock:
            self._refresh()
            yield self._whole, self._contents

    def search(self, dhash: tuple[int, int], radius: int) -> tuple[Int64s, UInt8s]:
        """Find informative images within a radius as (image_ids, distances), by (distance, id)."""
        with self.trees() as (whole, _):
            return whole.search(dhash, radius)

    def info(self, radius: int, reach: int) -> IndexInfo:
        """Tell what the index consists of, and how it is searched; see `IndexInfo.of`."""
        with self.trees() as (whole, contents):
            hashes = self._hashes
        return IndexInfo.of(
            hashes.plain[hashes.informative],
            whole,
            contents,
            radius,
            reach,
            images=len(hashes),
            generation=hashes.generation,
            nbytes=hashes.nbytes,
        )

    def _refresh(self) -> None:
        before = self._hashes
        changes = self._catalog.changes(before.generation, self._algorithm)
        if changes.generation != before.generation:
            stale = np.isin(before.ids, np.concatenate([changes.removed, changes.image_ids]))
            self._remove(before.ids[stale & before.informative])
            self._add(changes)
            self._hashes = before.after(changes)
        # By itself a tree begins to compile at a size that few sets of bordered pictures reach.
        if self._whole.compiled and not self._contents.compiled:
            self._contents.warm()

    def _remove(self, image_ids: Compact) -> None:
        for image_id in image_ids.tolist():
            self._whole.remove(image_id)
            if image_id in self._contents:
                self._contents.remove(image_id)

    def _add(self, changes: Changes) -> None:
        self._whole.extend(
            changes.image_ids[changes.informative], changes.hashes[changes.informative]
        )
        bordered = changes.informative & (changes.trimmed != changes.hashes).any(axis=1)
        self._contents.extend(changes.image_ids[bordered], changes.trimmed[bordered])
