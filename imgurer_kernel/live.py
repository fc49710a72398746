"""The search index in memory, kept level with the catalog by reading only what is newer."""

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgurer_kernel.bktree import BKTree
from imgurer_kernel.catalog import Catalog
from imgurer_kernel.index_info import IndexInfo


@dataclass(frozen=True, slots=True)
class Hashes:
    """The hashes of a catalog at one generation, by image_id.

    Attributes
    ----------
    image_ids
        int64 (n,), ascending.
    plain, trimmed
        uint64 (n, 2), row hash first: of the whole picture, and without its uniform borders.
    informative
        bool (n,).
    """

    generation: int
    image_ids: npt.NDArray[np.int64]
    plain: npt.NDArray[np.uint64]
    trimmed: npt.NDArray[np.uint64]
    informative: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.image_ids)

    def positions(self, image_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where the given ids stand; each must be one of `image_ids`."""
        return np.searchsorted(self.image_ids, image_ids)


def _empty() -> Hashes:
    return Hashes(
        generation=0,
        image_ids=np.empty(0, np.int64),
        plain=np.empty((0, 2), np.uint64),
        trimmed=np.empty((0, 2), np.uint64),
        informative=np.empty(0, np.bool_),
    )


class LiveIndex:
    """Hashes and BK-tree of a catalog; derived data, rebuilt from the catalog at will.

    Every look at it first asks the catalog for its generation and reads what is newer, so that
    another process's commit shows up in the next search. Safe to use from several threads.

    Parameters
    ----------
    algorithm
        Hashes of any other algorithm are not informative: they cannot be compared. None for all.
    """

    def __init__(self, catalog: Catalog, algorithm: str | None = None) -> None:
        self._catalog = catalog
        self._algorithm = algorithm
        self._lock = threading.RLock()
        self._hashes = _empty()
        self._tree = BKTree()

    def rebuild(self) -> int:
        """Forget everything and read the catalog anew; returns the number of images."""
        with self._lock:
            self._hashes = _empty()
            self._tree = BKTree()
            return len(self.hashes())

    def hashes(self) -> Hashes:
        """The hashes as of now."""
        with self._lock:
            self._refresh()
            return self._hashes

    def search(
        self, dhash: tuple[int, int], radius: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Informative images within a radius as (image_ids, distances), by (distance, id)."""
        with self._lock:
            self._refresh()
            return self._tree.search(dhash, radius)

    def info(self, radius: int, reach: int) -> IndexInfo:
        """What the index consists of, and how it is searched; see `IndexInfo.of`."""
        with self._lock:
            hashes, tree = self.hashes(), self._tree.info()
        return IndexInfo.of(
            hashes.plain[hashes.informative],
            tree,
            radius,
            reach,
            images=len(hashes),
            generation=hashes.generation,
        )

    def _refresh(self) -> None:
        before = self._hashes
        changes = self._catalog.changes(before.generation, self._algorithm)
        if changes.generation == before.generation:
            return
        stale = np.isin(before.image_ids, np.concatenate([changes.removed, changes.image_ids]))
        for image_id in before.image_ids[stale & before.informative]:
            self._tree.remove(int(image_id))
        kept = ~stale
        image_ids = np.concatenate([before.image_ids[kept], changes.image_ids])
        order = np.argsort(image_ids, kind="stable")
        self._tree.extend(
            changes.image_ids[changes.informative], changes.hashes[changes.informative]
        )
        self._hashes = Hashes(
            generation=changes.generation,
            image_ids=image_ids[order],
            plain=np.concatenate([before.plain[kept], changes.hashes])[order],
            trimmed=np.concatenate([before.trimmed[kept], changes.trimmed])[order],
            informative=np.concatenate([before.informative[kept], changes.informative])[order],
        )
