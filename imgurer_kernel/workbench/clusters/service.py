"""Verified clusters of a store: call the pure search, and cache its results.

The snapshot (hashes, order of digests) is read by the caller in one transaction. Pictures take 4 KB
each, so they are read in parts, when they are needed, each part in a short transaction of its own:
grays of up to 8,192 new images; pictures for verification of up to 2,048, each once in a call;
digests of the thumbnails of up to 128 pairs that may be screens or documents; and the facts for the
labels of up to 2,048 pairs. Where nothing is new, nothing is read.
"""

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgurer_kernel.common.arrays import distinct, places_of
from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Float64s, Int64s
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.clusters import pipeline
from imgurer_kernel.matching.clusters.budget import SearchScope
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.matching.clusters.incremental import ClusterResult
from imgurer_kernel.matching.clusters.parts import parts_of_clusters
from imgurer_kernel.matching.judgement import ORIGINALS, UNREADABLE
from imgurer_kernel.matching.labels import (
    PairLabel,
    appearance_of,
    label_for,
    may_be_equal,
    measure_pairs,
)
from imgurer_kernel.matching.pair_table import SAME_LAYOUT, Pairs
from imgurer_kernel.matching.relation import RELATED
from imgurer_kernel.matching.result_cache import ResultCache, pair_keys
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.verify import PreparedPictures
from imgurer_kernel.store.catalog import Catalog, generations, queries
from imgurer_kernel.workbench.clusters.answers import (
    WORDS,
    Answer,
    ClusterAnswers,
    SearchKind,
    SearchState,
    labels_of,
)
from imgurer_kernel.workbench.pictures.feature_kinds import SpotFeatures
from imgurer_kernel.workbench.pictures.image_loader import ImageLoader
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes, IndexUpdate

# Pairs whose pictures are read together, and pairs that are labelled between reports of progress.
_READ = 2048
_CHUNK = 128


class ClusterService:
    """Finds star clusters over verified edges; compares only what no process has compared before.

    Safe to use from several threads and processes: one searches at a time, the others wait for it
    and take its answer.

    Parameters
    ----------
    catalog, loader
        Of the store.
    root
        Folder of the store, where answers are kept for other processes.
    spots
        Of the store's pictures; by default a new `SpotFeatures`.
    """

    def __init__(
        self,
        catalog: Catalog,
        loader: ImageLoader,
        root: Path,
        spots: SpotFeatures | None = None,
    ) -> None:
        self._catalog = catalog
        self._loader = loader
        self._lock = threading.Lock()
        self._answers = ClusterAnswers(root)
        self._spots = spots or SpotFeatures(root, loader)

    def known(
        self, update: IndexUpdate, radius: int | None, *, thorough: bool
    ) -> LabelledClusters | None:
        """Return the cached clusters, if they are those of this snapshot."""
        if not update.is_empty:
            return None
        latest = self._answers.latest(radius, thorough)
        if latest is None or update.base.generation != latest.generation:
            return None
        return latest.clusters

    def last(self, radius: int | None, *, thorough: bool) -> Answer | None:
        """Return the last answer of any process, however old; None if there is none.

        Its generation and origin tell whether it belongs to this catalog.
        """
        return self._answers.answer((radius, thorough))

    def pairs(self, radius: int | None, *, thorough: bool) -> Pairs | None:
        """Return all pairs that the last search has compared, by image ids; None if unknown."""
        state = self._answers.state((radius, thorough))
        return None if state is None else state.result.pairs

    def related(self, radius: int | None, *, thorough: bool) -> Pairs:
        """Return the related pairs of the last search, also those by way of a cluster, by ids."""
        state = self._answers.state((radius, thorough))
        if state is None:  # nothing was compared, or the disk is read-only
            return Pairs.of(Candidates.none())
        pairs = state.result.pairs
        parts = parts_of_clusters(state.result)
        related = pairs.take(np.isin(pairs.status, RELATED)).joined(parts)
        # Members of one cluster are the same, also if one shows only a part of the other.
        return related.take(~state.result.clusters.share(related.first, related.second))

    def member_edges(self, one: int, other: int) -> Pairs | None:
        """Return the edges of two images of one cluster to its medoid; None if they are in none.

        By image ids: the edge of each image that is not the medoid; or one pair if they are parts
        of each other by way of a cluster.
        """
        kind = (None, False)
        answer, state = self._answers.answer(kind), self._answers.state(kind)
        if answer is None or state is None or one == other:
            return None
        if answer.origin != self._catalog.run(generations.origin):
            return None  # the answer for another catalog
        clusters, pairs = state.result.clusters, state.result.pairs
        rows = np.flatnonzero(np.isin(clusters.members, (one, other)))
        if len(rows) < 2 or clusters.numbers[rows[0]] != clusters.numbers[rows[1]]:
            parts = parts_of_clusters(state.result, np.array([one, other]))
            return parts if len(parts) else None
        edges = clusters.edges[rows]
        return pairs.take(edges[edges >= 0])

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
            int64 (k,): ids of images that are treated as gone, in this answer only; ids that are
            not in the snapshot are ignored. The other images are searched as usual.

        Raises
        ------
        UnknownImage
            If an image whose picture is needed was forgotten since the snapshot.
        """
        kind, identity = (radius, thorough), hashes.identity
        answer = self._answers.answer(kind, identity)
        if answer is None:
            with (
                self._lock,
                self._answers.turn(lambda: progress("waiting for another process", 0, 0)),
            ):
                # Checked again: another thread or process may have saved it meanwhile.
                answer = self._answers.answer(kind, identity)
                if answer is None:
                    before = self._answers.state(kind)
                    answer, state = self._search(before, hashes, digest_ranks, kind, progress)
                    with self._catalog.transaction() as connection:
                        generation = generations.current(connection)
                        answer = replace(answer, origin=generations.origin(connection))
                    self._answers.save(kind, answer, state, generation)
        if answer.generation != hashes.generation:
            answer = replace(answer, generation=hashes.generation)
        self._answers.remember(kind, answer)
        if without is None or not np.isin(without, hashes.ids).any():
            return answer.clusters
        left = ~np.isin(hashes.ids, without)
        rest = hashes.without(without)
        before = self._answers.state(kind)
        # In the scope of the full search: another one would find other clusters among the same
        # pictures.
        found, _ = self._search(before, rest, digest_ranks[left], kind, progress, answer.scope)
        return found.clusters

    def _search(
        self,
        before: SearchState | None,
        hashes: CatalogHashes,
        digest_ranks: Int64s,
        kind: SearchKind,
        progress: Progress,
        scope: SearchScope | None = None,
    ) -> tuple[Answer, SearchState]:
        radius, thorough = kind
        progress("reading", 0, 0)
        if scope is None and radius is not None:
            scope = SearchScope(radius=radius)

        def spots(image_ids: Int64s) -> SpotSegments:
            words = hashes.plain[hashes.positions(image_ids)]
            return self._spots.segments(image_ids, words, save=True, progress=progress)

        images = pipeline.Images(
            image_ids=hashes.image_ids,
            digests=digest_ranks,
            whole=hashes.plain,
            content=hashes.trimmed,
            grays=self._loader.grays,
            informative=hashes.informative,
            frames=hashes.frames.of(hashes.image_ids),
        )
        result = pipeline.find_clusters(
            images,
            self._loader.pictures,
            spots=spots,
            thorough=thorough,
            scope=scope,
            previous=None if before is None else before.result,
            progress=progress,
        )
        cache = ResultCache(1)
        if before is not None:
            was, now = before.result.images, result.images
            gone = was.positions_among(now.image_ids, now.hashes) < 0
            cache = before.labels.drop(was.keys(gone))
        clusters = LabelledClusters(
            clusters=result.clusters,
            labels=self._labels(result, cache, progress),
            within_frame=result.images.shares(result.clusters.members),
            plan=_plan(result),
            uninformative=result.uninformative,
        )
        answer = Answer(hashes.generation, hashes.identity, result.scope, clusters, origin="")
        return answer, SearchState(hashes.generation, result, cache)

    def _labels(
        self, result: ClusterResult, cache: ResultCache, progress: Progress
    ) -> npt.NDArray[np.object_]:
        """Label the members of clusters, from the cache where possible."""
        member_edges = result.pairs.take(result.clusters.member_edges)
        images = result.images
        ends = np.column_stack(
            [
                images.keys(places_of(end, images.image_ids))
                for end in (member_edges.first, member_edges.second)
            ]
        )
        codes = cache.get_or_compute(
            pair_keys(ends, member_edges.maps),
            ends,
            lambda new: self._label_pairs(result, member_edges.take(new), progress),
        )
        labels = np.full(len(result.clusters.members), "medoid", object)
        labels[result.clusters.edges >= 0] = labels_of(codes[:, 0].astype(np.uint8))
        return labels

    def _label_pairs(self, result: ClusterResult, pairs: Pairs, progress: Progress) -> Float64s:
        """Label pairs by numbers of `WORDS`, float64 (k, 1)."""
        codes: list[int] = []
        for start in range(0, len(pairs), _READ):
            part = pairs.take(slice(start, start + _READ))
            ids = distinct(part.first, part.second)
            # In one transaction, so that sizes and pictures in the same rows belong together.
            with self._catalog.transaction() as connection:
                grays = queries.grays(connection, ids)
                sizes = queries.images(connection, ids, ["width", "height", "digest"])
                pictures = self._loader.verification(ids)
            widths, heights = sizes["width"].tolist(), sizes["height"].tolist()
            digests = sizes["digest"].tolist()
            seen = PreparedPictures(pictures, result.images.boxes(ids))
            for begin in range(0, len(part), _CHUNK):
                chunk = part.take(slice(begin, begin + _CHUNK))
                first, second = (np.searchsorted(ids, end) for end in (chunk.first, chunk.second))
                close = measure_pairs(chunk, seen, first, second)
                words: list[PairLabel] = []
                to_compare: list[tuple[int, str, str]] = []
                for row, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
                    one, other = (
                        appearance_of(widths[k], heights[k], grays[k], seen, k) for k in ends
                    )
                    words.append(label_for(chunk, row, one, other, close[row]))
                    if may_be_equal(words[row], *pictures[list(ends)]):
                        to_compare.append((row, *(digests[k] for k in ends)))
                report = partial(progress, "labelling", len(codes), len(pairs))
                answers = in_order(
                    lambda pair: self._loader.equal_pixels(*pair[1:]), to_compare, report
                )
                for (row, *_), same in zip(to_compare, answers if to_compare else (), strict=True):
                    words[row] = "same pixels" if same else words[row]
                codes += [WORDS.index(word) for word in words]
                progress("labelling", len(codes), len(pairs))
        return np.array(codes, np.float64)[:, None]


def _plan(result: ClusterResult) -> str:
    """Describe the scope of a search, and how many pairs it has skipped."""
    unread = int((result.original_judgements.columns()[2][:, ORIGINALS] == UNREADABLE).sum())
    left_out = result.pairs.count_not_looked_at(SAME_LAYOUT)
    skipped = result.pairs.count_not_looked_at()
    return (
        str(result.scope)
        + f"; {unread:,} pairs of pages by their thumbnails" * bool(unread)
        + f"; {left_out:,} pairs of pages of one layout skipped" * bool(left_out)
        + f"; {skipped:,} pairs of look-alikes skipped" * bool(skipped)
    )
