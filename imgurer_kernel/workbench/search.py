"""What a workbench searches with: matching, plain hashes, flat pictures, old fingerprints."""

from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.common.progress import ProgressOption, staged
from imgurer_kernel.errors import QueryError
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.index.info import IndexInfo
from imgurer_kernel.matching.clusters.identical import add_identical
from imgurer_kernel.matching.labels import Evidence
from imgurer_kernel.report.frames import MEMBER_FACTS, cluster_frame, similar_frame
from imgurer_kernel.review.keeper import keepers
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.workbench.clusters import ClusterService
from imgurer_kernel.workbench.hash_search import plain_clusters, plain_search, with_twins
from imgurer_kernel.workbench.image_loader import StoredPictures
from imgurer_kernel.workbench.live_index import LiveIndex
from imgurer_kernel.workbench.query import Query, check_radius, read_query
from imgurer_kernel.workbench.similar import CANDIDATE_RADIUS, SimilarSearch

if TYPE_CHECKING:
    from imgurer_kernel.report.evaluation.metrics import Calibration
    from imgurer_kernel.report.explain.explanation import Explanation


class SearchService:
    """Searches a store; see the methods of `imgurer_kernel.workbench.workbench.Workbench`.

    Fingerprints of an earlier version of this package are computed anew before anything is
    compared with them.
    """

    def __init__(self, catalog: Catalog, blobs: BlobStore, settings: Settings) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._settings = settings
        self.index = LiveIndex(catalog, ALGORITHM)
        self.renewal = FingerprintUpgrade(catalog, blobs, settings)
        pictures = StoredPictures(catalog, blobs)
        self._matching = SimilarSearch(catalog, pictures, self.index)
        self._clustering = ClusterService(catalog, pictures, self.index)

    def similar(
        self, query: object, radius: int | None, limit: int | None, *, verify: bool
    ) -> pd.DataFrame:
        """Images that are like a picture, the nearest first."""
        near = self._settings.radius if radius is None else check_radius(radius)
        self._renew(progress=True)
        asked = self._read(query)
        if verify:
            reach = CANDIDATE_RADIUS if radius is None else near
            found = self._matching.similar(asked, reach, near)
        else:
            found = plain_search(asked, self.index, near)
        found = with_twins(found, self._twins(asked))
        found = found.sort_values(["distance", "image_id"]).head(
            len(found) if limit is None else limit
        )
        return similar_frame(found, self._catalog.images(found["image_id"].to_numpy()))

    def clusters(
        self, radius: int | None, *, verify: bool, thorough: bool, progress: ProgressOption
    ) -> pd.DataFrame:
        """Groups of two or more images that are the same picture as their medoid."""
        if thorough and not verify:
            message = "a thorough search is a verified one; leave verify=False or thorough=True out"
            raise QueryError(message)
        if radius is not None:
            radius = check_radius(radius)
        stale = self._renew(progress)
        with staged(progress) as report:
            if verify:
                grouped = self._clustering.run(radius, thorough=thorough, progress=report)
            else:
                near = self._settings.radius if radius is None else radius
                grouped = plain_clusters(self.index, near, report)
        grouped = add_identical(grouped, self._catalog.identical(ALGORITHM))
        images = self._catalog.images(grouped.clusters.members, MEMBER_FACTS)
        frame = cluster_frame(grouped, images, keepers)
        # A few scalars only: pandas copies attrs with each frame that is made of this one.
        frame.attrs = {
            "plan": grouped.plan,
            "uninformative": grouped.uninformative - stale,
            "stale": stale,
        }
        return frame

    def evidence(self, one: object, other: object) -> Evidence:
        """What speaks for two pictures being the same."""
        self._renew(progress=True)
        return self._matching.evidence(self._read(one), self._read(other))

    def explain(self, one: object, other: object) -> "Explanation":
        """The evidence with the pictures, for a person to judge."""
        from imgurer_kernel.workbench.explain import Explainer

        self._renew(progress=True)
        asked = self._read(one), self._read(other)
        explainer = Explainer(self._catalog, self._blobs, self._settings)
        return explainer.explain((one, other), asked, self._matching.evidence(*asked))

    def calibrate(self, sample: int, seed: int, progress: ProgressOption) -> "Calibration":
        """What copies of the store's own pictures are found by; see `Workbench.calibrate`."""
        from imgurer_kernel.workbench.calibrate import CalibrationRun

        self._renew(progress)
        planting = CalibrationRun(self._catalog, self._blobs, self.index, self._settings)
        with staged(progress) as report:
            return planting.run(sample, seed, report)

    def _renew(self, progress: ProgressOption) -> int:
        """Compute old fingerprints anew; the number of those that were not to be had."""
        with staged(progress) as report:
            return len(self.renewal.run(report))

    def info(self) -> IndexInfo:
        """What the index consists of, and how it is searched."""
        return self.index.info(self._settings.radius, CANDIDATE_RADIUS)

    def _read(self, query: object) -> Query:
        asked = read_query(
            query, catalog=self._catalog, blobs=self._blobs, settings=self._settings
        )  # fmt: skip
        if asked.fingerprint.algorithm != ALGORITHM:
            message = (
                f"image {query} has a fingerprint of another version, "
                f"{asked.fingerprint.algorithm!r}, and its original cannot be read; "
                "check(repair=True) tries to bring it back"
            )
            raise QueryError(message)
        return asked

    def _twins(self, asked: Query) -> set[int]:
        """Images with the bytes of the query, or with its pixels where it is flat."""
        twins = set(self._catalog.known([asked.digest]).values())
        if asked.fingerprint.pixels is not None:
            twins.update(self._catalog.twins(asked.fingerprint.pixels, ALGORITHM))
        return twins
