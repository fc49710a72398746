"""Search for clusters of duplicates: read a snapshot, compare what is new, read what is found."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import get_args

import numpy as np
import pandas as pd

from imgurer_kernel.common.progress import Progress, ProgressOption, staged
from imgurer_kernel.common.types import Int64s
from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.matching.clusters.cluster_table import LabelledClusters
from imgurer_kernel.matching.clusters.identical import add_identical
from imgurer_kernel.review.decisions import set_apart
from imgurer_kernel.review.measure import measure as measured
from imgurer_kernel.store.catalog import Connection, files, fingerprints, generations, queries
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.clusters.colours import look_for_colours
from imgurer_kernel.workbench.clusters.file_selection import DiskCheck, FileSelection
from imgurer_kernel.workbench.clusters.frames import By, ClusterFacts, decided_apart
from imgurer_kernel.workbench.clusters.keepers import MEASURED, worth_measuring
from imgurer_kernel.workbench.clusters.service import ClusterService
from imgurer_kernel.workbench.pictures.feature_kinds import SpotFeatures
from imgurer_kernel.workbench.pictures.image_loader import ImageLoader
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes, LiveIndex
from imgurer_kernel.workbench.pictures.query import check_radius
from imgurer_kernel.workbench.search.hash_search import cluster_by_hash
from imgurer_kernel.workbench.search.related import related_pairs
from imgurer_kernel.workbench.search.similar import FACTS


class ClusterSearch:
    """Finds clusters in a store; the base of `SearchService`.

    Attributes
    ----------
    index
        The search index in memory.
    upgrade
        Renews fingerprints of earlier versions, before anything is searched.
    cluster_service
        Clusters of the whole store, with cached answers.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._catalog = store.catalog
        self.index = LiveIndex(store.catalog, ALGORITHM)
        self.upgrade = FingerprintUpgrade(store)
        self._loader = ImageLoader(store)
        root = store.settings.root
        self._spots = SpotFeatures(root, self._loader)
        self.cluster_service = ClusterService(store.catalog, self._loader, root, self._spots)

    def clusters(
        self,
        radius: int | None,
        selection: FileSelection,
        by: By,
        *,
        verify: bool,
        thorough: bool,
        progress: ProgressOption,
        measure: bool | None = False,
    ) -> pd.DataFrame:
        """Find groups of two or more files that show the same picture as their medoid."""
        if by not in get_args(By):
            message = f"by is {by!r}; it must be one of {', '.join(get_args(By))}"
            raise QueryError(message)
        if thorough and not verify:
            message = "a thorough search is a verified one; leave verify=False or thorough=True out"
            raise QueryError(message)
        if radius is not None:
            radius = check_radius(radius)
        disk_check = DiskCheck(self._store.blobs.own_path)
        without = np.empty(0, np.int64)
        if selection.restricts:
            found = self._catalog.run(files.present_files, None, selection.states)
            without = selection.left_out(selection.marked(found))
        with self._catalog.keep_alive():
            while True:
                facts, outdated = self._find_clusters(
                    radius,
                    selection,
                    without,
                    by,
                    verify=verify,
                    thorough=thorough,
                    progress=progress,
                )
                checked = facts.checked_files(selection, disk_check)
                gone = facts.members_without_files(checked)
                if not len(gone):
                    break
                # A picture that is gone may have been one that others were compared with.
                without = np.union1d(without, gone)
        unknown = facts.uncoloured()
        if unknown:
            facts = facts.with_grays(look_for_colours(self._store, unknown))
        frame = facts.frame(checked, selection, by)
        if measure is not False and by == "file":
            missing = facts.unmeasured(worth_measuring(frame))
            if missing and (measure or len(missing) <= MEASURED):
                with staged(progress) as report:
                    facts = facts.with_measured(measured(self._store, missing, report))
                frame = facts.frame(checked, selection, by)
        # A few scalars only: pandas copies attrs to each frame that is derived from this one.
        frame.attrs = {
            "plan": facts.grouped.plan,
            "searched": self._searched(radius, verify=verify, thorough=thorough),
            "uninformative": facts.grouped.uninformative - outdated,
            "stale": outdated,
            "stale_files": disk_check.stale_files,
        }
        return frame

    def _searched(self, radius: int | None, *, verify: bool, thorough: bool) -> str:
        """Describe in words what the last search looked for."""
        if not verify:
            return "pictures of similar hashes, without comparing them"
        last = self.cluster_service.last(radius, thorough=thorough)
        return "" if last is None else last.scope.in_words()

    def all_related(self, progress: ProgressOption) -> pd.DataFrame:
        """Build a frame of all related pairs that the search for clusters has compared."""
        self._find_clusters(
            None,
            FileSelection(),
            np.empty(0, np.int64),
            "file",
            verify=True,
            thorough=False,
            progress=progress,
        )
        pairs = self.cluster_service.related(None, thorough=False)
        ids = np.union1d(pairs.first, pairs.second)
        return related_pairs(pairs, self._catalog.run(queries.images, ids, FACTS))

    def last_clusters(self, radius: int | None, *, thorough: bool) -> pd.DataFrame | None:
        """Return the last clusters of any process; see `Workbench.last_clusters`."""
        last = self.cluster_service.last(
            None if radius is None else check_radius(radius), thorough=thorough
        )
        if last is None:
            return None
        selection = FileSelection()
        with self._catalog.transaction() as connection:
            generation = generations.current(connection)
            if generation < last.generation or generations.origin(connection) != last.origin:
                return None  # the answer for another catalog
            equal = fingerprints.groups_of_equal_pixels(connection, ALGORITHM)
            facts = ClusterFacts.read(
                connection, add_identical(last.clusters, equal), selection, "file"
            )
        disk_check = DiskCheck(self._store.blobs.own_path)
        checked = facts.checked_files(selection, disk_check)
        listed = checked.loc[checked["is_listed"].astype(bool), "image_id"].to_numpy(np.int64)
        facts = replace(facts, grouped=facts.grouped.among(listed))
        frame = facts.frame(checked, selection, "file")
        frame.attrs = {
            "plan": facts.grouped.plan,
            "uninformative": facts.grouped.uninformative,
            "stale": 0,
            "stale_files": disk_check.stale_files,
            "current": generation == last.generation,
        }
        return frame

    def _find_clusters(
        self,
        radius: int | None,
        selection: FileSelection,
        without: Int64s,
        by: By,
        *,
        verify: bool,
        thorough: bool,
        progress: ProgressOption,
    ) -> tuple[ClusterFacts, int]:
        """Find the clusters of all images but some, and count the outdated images.

        Searches again if a picture that is needed, or a member, was forgotten meanwhile: that is
        quick, since the results of comparisons are kept.
        """
        with staged(progress) as report:
            while True:
                ranks = None
                with self._snapshot(progress) as (connection, outdated):
                    update = self.index.read_update(connection)
                    equal = fingerprints.groups_of_equal_pixels(connection, ALGORITHM)
                    equal = _groups_without(equal, without)
                    apart = decided_apart(connection)
                    if verify:
                        known = self.cluster_service.known(update, radius, thorough=thorough)
                        if known is not None and not len(without) and not apart:
                            grouped = add_identical(known, equal)
                            facts = ClusterFacts.read(connection, grouped, selection, by)
                            return facts, outdated
                        ranks = queries.digest_ranks(connection)
                hashes = self.index.apply(update)

                find = partial(
                    self._search_once,
                    hashes,
                    ranks,
                    equal,
                    radius,
                    thorough=thorough,
                    report=report,
                )
                try:
                    # Images that were decided to differ from a medoid may be duplicates of each
                    # other.
                    grouped = set_apart(
                        find(without),
                        apart,
                        partial(_find_among, find, np.asarray(hashes.ids, np.int64)),
                    )
                except UnknownImage:
                    if self.index.all_exist(hashes):
                        raise  # the catalog itself is damaged
                    continue
                facts = self._catalog.run(ClusterFacts.read, grouped, selection, by)
                if facts.is_whole:
                    return facts, outdated

    def _search_once(
        self,
        hashes: CatalogHashes,
        ranks: Int64s | None,
        equal: list[list[int]],
        radius: int | None,
        without: Int64s,
        *,
        thorough: bool,
        report: Progress,
    ) -> LabelledClusters:
        """Find the clusters of all images but some, verified where there are `ranks` of digests."""
        if ranks is not None:
            grouped = self.cluster_service.find(
                hashes, ranks, radius, thorough=thorough, progress=report, without=without
            )
        else:
            near = self._store.settings.radius if radius is None else radius
            rest = hashes.without(without) if len(without) else hashes
            grouped = cluster_by_hash(rest, self.index.search, near, report)
        return add_identical(grouped, _groups_without(equal, without))

    @contextmanager
    def _snapshot(self, progress: ProgressOption) -> Iterator[tuple[Connection, int]]:
        """Open a transaction in which every fingerprint that can be renewed is up to date.

        Yields the connection, and the number of images whose original cannot be read: they keep
        their old fingerprint and take no part in searches.
        """
        while True:
            with self._catalog.transaction() as connection:
                outdated = self.upgrade.outdated(connection)
                # Checked in the same transaction: another process may write an old one at any time.
                if not outdated.pending:
                    yield connection, len(outdated.unreadable)
                    return
            with staged(progress) as report:
                self.upgrade.run(report)


def _find_among(
    find: Callable[[Int64s], LabelledClusters], ids: Int64s, wanted: Int64s
) -> LabelledClusters:
    """Find the clusters of the wanted images alone."""
    return find(np.setdiff1d(ids, wanted))


def _groups_without(groups: list[list[int]], without: Int64s) -> list[list[int]]:
    """Drop ids from groups, and groups of fewer than two ids."""
    if not len(without):
        return groups
    dropped = set(without.tolist())
    rest = ([each for each in group if each not in dropped] for group in groups)
    return [group for group in rest if len(group) > 1]
