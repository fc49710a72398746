"""Clusters of a store: what feeds the pure search, and what is kept for the next call."""

import threading
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import Float64s
from imgurer_kernel.errors import UnknownImage
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.matching.clusters.incremental import ClusterResult
from imgurer_kernel.matching.labels import (
    Label,
    PairLabel,
    appearance_of,
    label_for,
    measure_pairs,
)
from imgurer_kernel.matching.pair_table import Pairs
from imgurer_kernel.matching.result_cache import ResultCache, pair_keys
from imgurer_kernel.matching.verify import PreparedPictures
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.workbench.image_loader import StoredPictures
from imgurer_kernel.workbench.live_index import CatalogHashes, LiveIndex

# Pairs whose pictures are read together, and pairs that are named until somebody is told.
_READ = 2048
_CHUNK = 128

_WORDS: tuple[PairLabel, ...] = (*get_args(Label), "unverified")


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """The latest answer of a kind: for which hashes it is, and what the next one can use of it."""

    hashes: CatalogHashes
    found: ClusterResult
    words: ResultCache
    grouped: LabelledClusters


class ClusterService:
    """Star clusters over verified edges; a second call compares only what is new.

    Safe to use from several threads, one at a time.
    """

    def __init__(self, catalog: Catalog, pictures: StoredPictures, index: LiveIndex) -> None:
        self._catalog = catalog
        self._pictures = pictures
        self._index = index
        self._lock = threading.Lock()
        self._latest: dict[tuple[int | None, bool], _Answer] = {}

    def run(self, radius: int | None, *, thorough: bool, progress: Progress) -> LabelledClusters:
        """The clusters as of now.

        Parameters
        ----------
        radius
            Bits between hashes of pictures that are compared; None for what is affordable.
        thorough
            Search as far as is of any use.
        progress
            Told of the progress; may raise to stop.
        """
        with self._lock:
            kind = radius, thorough  # another plan's answer is no use to this one
            while True:
                latest, hashes = self._latest.get(kind), self._index.hashes()
                if latest is not None and _same(latest.hashes, hashes):
                    return latest.grouped
                try:
                    self._latest[kind] = self._renewed(latest, hashes, kind, progress)
                except UnknownImage:
                    if self._index.hashes().generation == hashes.generation:
                        raise
                    # Somebody has forgotten an image meanwhile: once more, without it.

    def _renewed(
        self,
        latest: _Answer | None,
        hashes: CatalogHashes,
        kind: tuple[int | None, bool],
        progress: Progress,
    ) -> _Answer:
        radius, thorough = kind
        progress("reading", 0, 0)
        images = pipeline.Images(
            image_ids=hashes.image_ids,
            digests=self._catalog.digest_ranks(hashes.image_ids),
            whole=hashes.plain,
            content=hashes.trimmed,
            grays=self._catalog.grays,
            informative=hashes.informative,
        )
        found = pipeline.find_clusters(
            images,
            self._pictures.verification,
            self._pictures.thumbnails,
            thorough=thorough,
            scope=None if radius is None else SearchScope(radius=radius),
            previous=None if latest is None else latest.found,
            progress=progress,
        )
        words = ResultCache(1)
        if latest is not None:
            gone = np.setdiff1d(latest.found.images.image_ids, found.images.image_ids)
            words = latest.words.drop(gone.astype(np.uint64))
        grouped = LabelledClusters(
            clusters=found.clusters,
            labels=self._labels(found, words, progress),
            within_frame=found.images.shares(found.clusters.members),
            plan=str(found.scope),
            uninformative=found.uninformative,
        )
        return _Answer(hashes, found, words, grouped)

    def _labels(
        self, found: ClusterResult, words: ResultCache, progress: Progress
    ) -> npt.NDArray[np.object_]:
        """A word for each member of each cluster; words that are known are looked up."""
        spokes = found.pairs.take(found.clusters.member_edges)
        ends = np.column_stack((spokes.first, spokes.second)).astype(np.uint64)
        codes = words.get_or_compute(
            pair_keys(ends, spokes.maps),
            ends,
            lambda new: self._named(found, spokes.take(new), progress),
        )
        labels = np.full(len(found.clusters.members), "medoid", object)
        labels[found.clusters.edges >= 0] = np.array(_WORDS, object)[codes[:, 0].astype(np.int64)]
        return labels

    def _named(self, found: ClusterResult, pairs: Pairs, progress: Progress) -> Float64s:
        """Which word each pair deserves, as its place among all words, float64 (k, 1)."""
        codes: list[int] = []
        for start in range(0, len(pairs), _READ):
            part = pairs.take(slice(start, start + _READ))
            ids = np.unique(np.concatenate((part.first, part.second)))
            rows = self._catalog.images(ids, ["width", "height"])
            widths, heights = rows["width"].tolist(), rows["height"].tolist()
            grays = self._catalog.grays(ids)
            seen = PreparedPictures(self._pictures.verification(ids), found.images.boxes(ids))
            for begin in range(0, len(part), _CHUNK):
                some = part.take(slice(begin, begin + _CHUNK))
                first, second = (np.searchsorted(ids, end) for end in (some.first, some.second))
                close = measure_pairs(some, seen, first, second)
                for row, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
                    one, other = (
                        appearance_of(widths[k], heights[k], grays[k], seen, k) for k in ends
                    )
                    codes.append(_WORDS.index(label_for(some, row, one, other, close[row])))
                progress("naming", len(codes), len(pairs))
        return np.array(codes, np.float64)[:, None]


def _same(one: CatalogHashes, other: CatalogHashes) -> bool:
    """Whether nothing has changed that clusters depend on; holdings may have."""
    if one.generation == other.generation:
        return True
    columns = ("image_ids", "plain", "trimmed", "informative")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)
