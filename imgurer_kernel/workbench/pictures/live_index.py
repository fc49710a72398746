"""The search index in memory, updated from the catalog incrementally.

A search reads the update of the index and all else that it needs from the catalog in one
transaction, so that both are of one snapshot, and applies the update after it. The trees are
updated when they are searched, because inserting many hashes takes longer than a transaction may
hold::

    with catalog.transaction() as connection:
        update = index.read_update(connection)
        ...
    hashes = index.apply(update)
"""

import hashlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.bktree import BKTree
from imgurer_kernel.index.engine import TREE_FROM
from imgurer_kernel.index.hash_arrays import Compact, compact
from imgurer_kernel.index.info import IndexInfo
from imgurer_kernel.store.catalog import Catalog, Changes, Connection, generations
from imgurer_kernel.store.catalog.generations import FrameKeys


@dataclass(frozen=True, slots=True, eq=False)
class CatalogHashes:
    """The hashes of a catalog at one generation, by image_id; at most 49 bytes per image.

    Most pictures have no border, and small ids need no 64 bits: the usual image takes 21 bytes.

    Attributes
    ----------
    generation
        Generation of the catalog.
    ids
        (n,), ascending; in 32 bits where they fit.
    plain
        uint64 (n, 2), row hash first: of the whole picture.
    informative
        bool (n,).
    bordered, contents
        Positions of images whose hash without uniform borders differs from the plain one, (k,), and
        those hashes, uint64 (k, 2).
    frames
        Number of frames of the images that have more than one.
    """

    generation: int
    ids: Compact
    plain: UInt64s
    informative: BoolMask
    bordered: Compact
    contents: UInt64s
    frames: FrameKeys = field(default_factory=FrameKeys.none)

    @classmethod
    def of(cls, changes: Changes) -> Self:
        """Make the hashes of a catalog that was read completely."""
        # Hashes without borders are stored only for images with a border.
        bordered = np.flatnonzero((changes.trimmed != changes.hashes).any(axis=1))
        return cls(
            generation=changes.generation,
            ids=compact(changes.image_ids),
            plain=changes.hashes,
            informative=changes.informative,
            bordered=compact(bordered),
            contents=changes.trimmed[bordered],
            frames=changes.frames,
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        columns = (self.ids, self.plain, self.informative, self.bordered, self.contents)
        animations = self.frames.image_ids, self.frames.keys
        return sum(int(column.nbytes) for column in (*columns, *animations))

    @property
    def image_ids(self) -> Int64s:
        """int64 (n,), ascending."""
        return self.ids.astype(np.int64)

    @property
    def trimmed(self) -> UInt64s:
        """Hashes of pictures without uniform borders, uint64 (n, 2); a new array at each call."""
        trimmed = self.plain.copy()
        trimmed[self.bordered] = self.contents
        return trimmed

    @property
    def identity(self) -> str:
        """Hash everything that clusters depend on; equal only for equal snapshots.

        The owners of the images, and the generation, may differ.
        """
        found = hashlib.sha256()
        for column in (self.ids, self.plain, self.informative, self.bordered, self.contents):
            # Converted to int64, since 32-bit ids become 64-bit ones once an id is large.
            found.update(f"{column.shape}".encode())
            found.update(column.astype(np.uint64).tobytes())
        found.update(self.frames.image_ids.tobytes() + self.frames.keys.tobytes())
        return found.hexdigest()

    def positions(self, image_ids: Int64s) -> Int64s:
        """Return the positions of ids; each must be in `image_ids`."""
        positions: Int64s = np.searchsorted(self.ids, image_ids.astype(self.ids.dtype))
        return positions

    def after(self, changes: Changes) -> Self:
        """Return the hashes at the later generation of `changes`."""
        # Images that were fingerprinted again are dropped, and inserted with their new hash.
        gone = np.concatenate([changes.removed, changes.image_ids])
        kept = ~np.isin(self.ids, gone)
        image_ids = np.concatenate([self.image_ids[kept], changes.image_ids])
        order = np.argsort(image_ids, kind="stable")
        return self.of(
            replace(
                changes,
                image_ids=image_ids[order],
                hashes=np.concatenate([self.plain[kept], changes.hashes])[order],
                trimmed=np.concatenate([self.trimmed[kept], changes.trimmed])[order],
                informative=np.concatenate([self.informative[kept], changes.informative])[order],
                frames=self.frames.after(gone, changes.frames),
            )
        )

    def without(self, image_ids: Int64s) -> Self:
        """Return the hashes of the same generation without some images."""
        return self.after(replace(_no_changes(self.generation), removed=image_ids))


@dataclass(frozen=True, slots=True, eq=False)
class IndexUpdate:
    """The changes since generation `base` of the index, as seen by one transaction."""

    base: CatalogHashes
    changes: Changes

    @property
    def is_empty(self) -> bool:
        """Whether no image was added, dropped or fingerprinted again."""
        return not len(self.changes.image_ids) and not len(self.changes.removed)


@dataclass(frozen=True, slots=True, eq=False)
class _TreeChange:
    """The images to drop from the trees, and those to insert after that."""

    outdated: Compact
    changes: Changes


def _no_changes(generation: int) -> Changes:
    return Changes(
        generation=generation,
        image_ids=np.empty(0, np.int64),
        hashes=np.empty((0, 2), np.uint64),
        trimmed=np.empty((0, 2), np.uint64),
        informative=np.empty(0, np.bool_),
        removed=np.empty(0, np.int64),
    )


def _no_hashes() -> CatalogHashes:
    return CatalogHashes.of(_no_changes(0))


class LiveIndex:
    """Hashes and BK-trees of a catalog; derived data that can be rebuilt at any time.

    Commits of other processes become visible with the next update. Safe to use from several
    threads.

    One tree has the hashes of all informative images. A second one has their hashes without uniform
    borders, only where these differ from the plain ones: 33 bytes for each.

    Parameters
    ----------
    algorithm
        Only hashes of this algorithm are informative, since others cannot be compared; None for
        all.
    """

    def __init__(self, catalog: Catalog, algorithm: str | None = None) -> None:
        self._catalog = catalog
        self._algorithm = algorithm
        # Not acquired inside a transaction: a thread waiting for it would block the catalog.
        self._lock = threading.RLock()
        self._hashes = _no_hashes()
        self._whole, self._contents = BKTree(), BKTree()
        # Not in the trees yet: a process that only computes clusters never searches them.
        self._pending: list[_TreeChange] = []

    def rebuild(self) -> int:
        """Drop everything and read the whole catalog; return the number of images."""
        empty = _no_hashes()
        update = IndexUpdate(empty, self._catalog.run(generations.changes, 0, self._algorithm))
        with self._lock:
            self._hashes = empty
            self._whole, self._contents = BKTree(), BKTree()
            self._pending = []
            return len(self.apply(update))

    def read_update(self, connection: Connection) -> IndexUpdate:
        """Read, within a transaction, the changes since the last update of the index."""
        base = self._hashes
        return IndexUpdate(base, generations.changes(connection, base.generation, self._algorithm))

    def apply(self, update: IndexUpdate) -> CatalogHashes:
        """Apply an update; return the hashes of the snapshot that it was read from.

        Another thread may have applied a later update meanwhile: the trees then stay as they are.
        """
        changes = update.changes
        if changes.generation == update.base.generation:
            return update.base
        if update.is_empty:
            hashes = replace(update.base, generation=changes.generation)
        else:
            hashes = update.base.after(changes)
        with self._lock:
            current = self._hashes
            # The changes since an earlier generation than the current one contain those since the
            # current one. Changes since a later one, after a rebuild from an older snapshot, may
            # not.
            if update.base.generation <= current.generation < hashes.generation:
                outdated = np.isin(
                    current.ids, np.concatenate([changes.removed, changes.image_ids])
                )
                self._pending.append(
                    _TreeChange(current.ids[outdated & current.informative], changes)
                )
                self._hashes = hashes
        return hashes

    def hashes(self) -> CatalogHashes:
        """Return the current hashes, read in their own transaction."""
        return self.apply(self._catalog.run(self.read_update))

    def all_exist(self, hashes: CatalogHashes) -> bool:
        """Return whether all images of an earlier snapshot still exist."""
        return bool(np.isin(hashes.ids, self.hashes().ids).all())

    @contextmanager
    def trees(self) -> Iterator[tuple[BKTree, BKTree]]:
        """Lock the trees of whole pictures and of contents at one generation, to search both.

        Their ids are image_ids, as of the latest applied update, which may be later than the
        caller's snapshot. No other thread searches or applies an update meanwhile.
        """
        with self._lock:
            self._catch_up()
            self._warm()
            yield self._whole, self._contents

    def _warm(self) -> None:
        """Start compiling in the background if that is cheap; see `BKTree.warm`.

        Once numba is loaded, as by verified searches and clusters, the kernels of the trees load
        from its cache in a twentieth of a second. Loading numba itself takes half a second and a
        hundred megabytes, which only a tree of 200,000 triggers by itself.
        """
        # Checked here and not in `apply`: numba may be loaded long after the last update.
        loaded = self._whole.compiled or "numba" in sys.modules
        if loaded and len(self._whole) >= TREE_FROM:
            for tree in (self._whole, self._contents):
                if not tree.compiled:
                    tree.warm()

    def search(self, dhash: tuple[int, int], radius: int) -> tuple[Int64s, UInt8s]:
        """Find informative images within a radius as (image_ids, distances), by (distance, id).

        As of the latest applied update, which may be later than the caller's snapshot.
        """
        with self.trees() as (whole, _):
            return whole.search(dhash, radius)

    def info(self, radius: int, verified_radius: int) -> IndexInfo:
        """Describe the index and the engines that search it."""
        hashes = self.hashes()
        with self._lock:  # but not while planning, which takes a fifth of a second
            self._catch_up()
            whole, contents = self._whole, self._contents
        return IndexInfo.of(
            hashes.plain[hashes.informative],
            whole,
            contents,
            radius,
            verified_radius,
            images=len(hashes),
            generation=hashes.generation,
            nbytes=hashes.nbytes,
        )

    def _catch_up(self) -> None:
        """Insert into the trees all changes since they were searched last."""
        waiting, self._pending = self._pending, []
        for change in waiting:
            self._remove(change.outdated)
            self._add(change.changes)

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
