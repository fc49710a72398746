"""Search a store: verified or by hashes alone, after old fingerprints are recomputed.

Every search reads the catalog and the update of the index in one transaction, ends it, computes,
and reads in a second transaction what it needs of the images found. An image forgotten in between
is left out of the answer.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import ProgressOption, staged
from imgurer_kernel.errors import BlobMissing, UnknownImage
from imgurer_kernel.index.info import IndexInfo
from imgurer_kernel.matching.evidence import Evidence
from imgurer_kernel.report.frames import similar_frame
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.clusters.search import ClusterSearch
from imgurer_kernel.workbench.pictures.feature_kinds import window_features
from imgurer_kernel.workbench.pictures.query import (
    Query,
    check_limit,
    check_radius,
    exact_matches,
    is_image_id,
    load_query,
    parse_query,
    with_thumbnail,
)
from imgurer_kernel.workbench.search.evidence import (
    CANDIDATE_RADIUS,
    evidence_by_cluster,
    evidence_of,
)
from imgurer_kernel.workbench.search.hash_search import search_by_hash, with_exact
from imgurer_kernel.workbench.search.neighbors import NeighborSearch
from imgurer_kernel.workbench.search.related import related_to
from imgurer_kernel.workbench.search.similar import FACTS, SimilarSearch

if TYPE_CHECKING:
    from imgurer_kernel.report.evaluation.metrics import Calibration
    from imgurer_kernel.report.explain.explanation import Explanation


class SearchService(ClusterSearch):
    """Searches a store; see the methods of `imgurer_kernel.workbench.workbench.Workbench`."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        windows = window_features(store.settings.root, self._loader)
        neighbors = NeighborSearch(self.index, windows, self._spots)
        self._similar = SimilarSearch(store.catalog, self._loader, neighbors)

    def similar(
        self, given: object, radius: int | None, limit: int | None, *, verify: bool
    ) -> pd.DataFrame:
        """Find images that are similar to a picture, the nearest first."""
        near = self._store.settings.radius if radius is None else check_radius(radius)
        limit = check_limit(limit)
        parsed = parse_query(given, self._store.settings)
        with self._snapshot(progress=True) as (connection, _):
            query = load_query(connection, parsed)
            exact = exact_matches(connection, query)
            update = self.index.read_update(connection)
        query = self._with_thumbnail(query)
        hashes = self.index.apply(update)
        if verify:
            reach = CANDIDATE_RADIUS if radius is None else near
            found, facts = self._similar.search(query, hashes, reach, near, exact)
            found = with_exact(found, exact)
        else:
            # The index has all hits; read only the facts of those that are shown.
            found = with_exact(search_by_hash(query, self.index.search, near), exact)
            found = found.sort_values(["distance", "image_id"])
            found = found.head(len(found) if limit is None else limit)
            facts = self._catalog.run(queries.images, found["image_id"].to_numpy(np.int64), FACTS)
        frame = similar_frame(found, facts)  # drops hits that have no facts any more
        return frame.head(len(frame) if limit is None else limit)

    def related(self, given: object, progress: ProgressOption) -> pd.DataFrame:
        """Find pictures related to one, or all related pairs; see `Workbench.related`."""
        if given is not None:
            return related_to(self.similar(given, None, None, verify=True))
        return self.all_related(progress)

    def evidence(self, one: object, other: object) -> Evidence:
        """Compare two pictures; see `Workbench.evidence`."""
        parsed = [parse_query(given, self._store.settings) for given in (one, other)]
        with self._snapshot(progress=True) as (connection, _):
            loaded = [load_query(connection, each) for each in parsed]
        first, second = map(self._with_thumbnail, loaded)
        return self._evidence((one, other), (first, second))

    def _evidence(self, given: tuple[object, object], pair: tuple[Query, Query]) -> Evidence:
        """Compare two pictures, and via their cluster if they do not match directly."""
        found = evidence_of(*pair, self._loader.original, self._loader.equal_pixels)
        one, other = given
        if found.duplicate or not (is_image_id(one) and is_image_id(other)):
            return found
        member_edges = self.cluster_service.member_edges(int(one), int(other))
        if member_edges is None:
            return found
        return evidence_by_cluster(*pair, (int(one), int(other)), member_edges)

    def explain(self, one: object, other: object, shown: int | None) -> "Explanation":
        """Explain the evidence with the pictures; see `Workbench.explain`."""
        from imgurer_kernel.workbench.search.explain import SHOWN, Explainer, name_of

        pair = (one, "the first"), (other, "the second")
        parsed = [parse_query(given, self._store.settings) for given, _ in pair]
        with self._snapshot(progress=True) as (connection, _):
            loaded = [load_query(connection, each) for each in parsed]
            names = [name_of(connection, given, otherwise) for given, otherwise in pair]
        first, second = map(self._with_thumbnail, loaded)
        explainer = Explainer(self._store, shown or SHOWN)
        return explainer.explain(
            (one, other),
            (first, second),
            (names[0], names[1]),
            self._evidence((one, other), (first, second)),
        )

    def calibrate(self, sample: int, seed: int, progress: ProgressOption) -> "Calibration":
        """Calibrate on copies of the store's own pictures; see `Workbench.calibrate`."""
        from imgurer_kernel.workbench.search.calibrate import CalibrationRun

        run = CalibrationRun(self._store, self.index, self._loader)
        with staged(progress) as report:
            self.upgrade.run(report)
            return run.run(sample, seed, report)

    def info(self) -> IndexInfo:
        """Describe the index and the engines that search it."""
        return self.index.info(self._store.settings.radius, CANDIDATE_RADIUS)

    def _with_thumbnail(self, query: Query) -> Query:
        try:
            return with_thumbnail(query, self._store)
        except BlobMissing:
            if self._catalog.run(queries.ids_by_digest, [query.digest]):
                raise
            # Forgetting deletes the row first, and the files after it.
            message = f"the picture {query.digest} was forgotten meanwhile"
            raise UnknownImage(message) from None
