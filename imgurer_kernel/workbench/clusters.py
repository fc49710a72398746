"""Verified clusters of a store: what feeds the pure search, and what is kept for the next call.

The snapshot (hashes, order of digests) is read by the caller in one transaction. Pictures are
read when they are needed, because all of them would take 4 KB an image, each part in a further
transaction that does nothing else: grays of up to 8,192 new images, pictures for verification of
up to 2,048, each once in a call; digests of the thumbnails of up to 128 pairs that may be screens
or documents; and for the labels of up to 2,048 pairs what these take. Where nothing is new,
nothing is read.
"""

import threading
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.types import Float64s, Int64s
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
from imgurer_kernel.store.catalog import Catalog, Changes, queries
from imgurer_kernel.workbench.image_loader import ImageLoader
from imgurer_kernel.workbench.live_index import CatalogHashes, IndexUpdate

# Pairs whose pictures are read together, and pairs that are labelled between reports of progress.
_READ = 2048
_CHUNK = 128

# Labels are cached as their places in this.
_WORDS: tuple[PairLabel, ...] = (*get_args(Label), "unverified")


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """The latest answer of a kind: for which hashes it is, and what the next one can use of it."""

    hashes: CatalogHashes
    result: ClusterResult
    labels: ResultCache
    clusters: LabelledClusters


class ClusterService:
    """Star clusters over verified edges; a second call compares only what is new.

    Safe to use from several threads, one at a time.
    """

    def __init__(self, catalog: Catalog, loader: ImageLoader) -> None:
        self._catalog = catalog
        self._loader = loader
        self._lock = threading.Lock()
        # By radius and thoroughness: an answer that was found by another plan is of no use.
        self._latest: dict[tuple[int | None, bool], _Answer] = {}

    def known(
        self, update: IndexUpdate, radius: int | None, *, thorough: bool
    ) -> LabelledClusters | None:
        """The clusters of a snapshot, if that is known to be the one they were found for last."""
        latest = self._latest.get((radius, thorough))
        if latest is None or not update.is_empty:
            return None
        return latest.clusters if update.base.generation == latest.hashes.generation else None

    def find(
        self,
        hashes: CatalogHashes,
        digest_ranks: Int64s,
        radius: int | None,
        *,
        thorough: bool,
        progress: Progress,
        without: Int64s | None = None,
    ) -> LabelledClusters:
        """Find the clusters of a snapshot.

        Parameters
        ----------
        hashes, digest_ranks
            Of all images, by image_id, read in one transaction.
        radius
            Bits between hashes of pictures that are compared; None for what is affordable.
        thorough
            Search as far as is of any use.
        progress
            Called with the progress; may raise to stop.
        without
            int64 (k,): ids of images that are treated as gone, in this answer only; others than
            those of the snapshot do no harm. The rest is searched as all images are.

        Raises
        ------
        UnknownImage
            If an image whose picture is needed was forgotten since the snapshot.
        """
        with self._lock:
            latest = self._latest.get((radius, thorough))
            # Looked at again under the lock: another thread may have answered while this waited.
            if latest is not None and _same(latest.hashes, hashes):
                latest = replace(latest, hashes=hashes)
            else:
                latest = self._find_anew(latest, hashes, digest_ranks, radius, thorough, progress)
            self._latest[radius, thorough] = latest
        if without is None or not np.isin(without, hashes.ids).any():
            return latest.clusters
        left = ~np.isin(hashes.ids, without)
        rest = hashes.after(_removals(hashes.generation, without))
        return self._find_anew(
            latest, rest, digest_ranks[left], radius, thorough, progress, latest.result.scope
        ).clusters

    def _find_anew(
        self,
        latest: _Answer | None,
        hashes: CatalogHashes,
        digest_ranks: Int64s,
        radius: int | None,
        thorough: bool,
        progress: Progress,
        scope: SearchScope | None = None,
    ) -> _Answer:
        progress("reading", 0, 0)
        if scope is None and radius is not None:
            scope = SearchScope(radius=radius)
        images = pipeline.Images(
            image_ids=hashes.image_ids,
            digests=digest_ranks,
            whole=hashes.plain,
            content=hashes.trimmed,
            grays=self._loader.grays,
            informative=hashes.informative,
        )
        result = pipeline.find_clusters(
            images,
            self._loader.verification,
            self._loader.thumbnails,
            thorough=thorough,
            scope=scope,
            previous=None if latest is None else latest.result,
            progress=progress,
        )
        cache = ResultCache(1)
        if latest is not None:
            gone = np.setdiff1d(latest.result.images.image_ids, result.images.image_ids)
            cache = latest.labels.drop(gone.astype(np.uint64))
        clusters = LabelledClusters(
            clusters=result.clusters,
            labels=self._labels(result, cache, progress),
            within_frame=result.images.shares(result.clusters.members),
            plan=str(result.scope),
            uninformative=result.uninformative,
        )
        return _Answer(hashes, result, cache, clusters)

    def _labels(
        self, result: ClusterResult, cache: ResultCache, progress: Progress
    ) -> npt.NDArray[np.object_]:
        """The label of each member of each cluster; cached ones are looked up."""
        spokes = result.pairs.take(result.clusters.member_edges)
        ends = np.column_stack((spokes.first, spokes.second)).astype(np.uint64)
        codes = cache.get_or_compute(
            pair_keys(ends, spokes.maps),
            ends,
            lambda new: self._label_pairs(result, spokes.take(new), progress),
        )
        labels = np.full(len(result.clusters.members), "medoid", object)
        labels[result.clusters.edges >= 0] = np.array(_WORDS, object)[codes[:, 0].astype(np.int64)]
        return labels

    def _label_pairs(self, result: ClusterResult, pairs: Pairs, progress: Progress) -> Float64s:
        """The label that each pair deserves, as its place among `_WORDS`, float64 (k, 1)."""
        codes: list[int] = []
        for start in range(0, len(pairs), _READ):
            part = pairs.take(slice(start, start + _READ))
            ids = np.unique(np.concatenate((part.first, part.second)))
            # Of one snapshot, or sizes would not belong to the pictures in the same rows.
            with self._catalog.transaction() as connection:
                grays = queries.grays(connection, ids)
                sizes = queries.images(connection, ids, ["width", "height"])
                pictures = self._loader.verification(ids)
            widths, heights = sizes["width"].tolist(), sizes["height"].tolist()
            seen = PreparedPictures(pictures, result.images.boxes(ids))
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


def _removals(generation: int, image_ids: Int64s) -> Changes:
    """What makes images look removed, and nothing else."""
    return Changes(
        generation=generation,
        image_ids=np.empty(0, np.int64),
        hashes=np.empty((0, 2), np.uint64),
        trimmed=np.empty((0, 2), np.uint64),
        informative=np.empty(0, np.bool_),
        removed=image_ids,
    )


def _same(one: CatalogHashes, other: CatalogHashes) -> bool:
    """Whether nothing has changed that clusters depend on; holdings may have."""
    if one.generation == other.generation:
        return True
    columns = ("ids", "plain", "informative", "bordered", "contents")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in columns)
