"""The workbench: one object to fill, search and view a store.

Most of its methods are in `methods`, by task; search and clusters are here.
"""

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Self

import pandas as pd

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.common.records import FileState
from imgurer_kernel.index.info import IndexInfo
from imgurer_kernel.report.frames import SIMILAR
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.catalog.sql import AnswerLimits
from imgurer_kernel.store.place import Create
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.clusters.file_selection import FileSelection, Folder
from imgurer_kernel.workbench.clusters.frames import By
from imgurer_kernel.workbench.methods.panels import PanelMethods
from imgurer_kernel.workbench.methods.views import select_from_views
from imgurer_kernel.workbench.pictures.batch import answer_each, is_batch, looked_up
from imgurer_kernel.workbench.search.related import RELATED_COLUMNS
from imgurer_kernel.workbench.search.service import SearchService

if TYPE_CHECKING:
    from imgurer_kernel.report.evaluation.metrics import Calibration


class Workbench(PanelMethods):
    """A store of pictures: ingest, search, cluster, browse, forget.

    Parameters
    ----------
    settings
        Folder of the store, and what it accepts; by default from the environment. Several
        processes may use one store at once.
    create
        Make the store on first use if there is none; False to open existing stores only. None is
        made in a folder that has files of its own, except with ``"anyway"``.

    Raises
    ------
    StoreMissing, StoreRefused
        If there is no store and none may be made, or none may be made there.

    Examples
    --------
    >>> import tempfile
    >>> with Workbench(Settings(root=tempfile.mkdtemp())) as wb:
    ...     len(wb.images())
    0
    """

    def __init__(self, settings: Settings | None = None, create: Create = True) -> None:
        self.settings = settings or Settings.from_env()
        store = Store(self.settings, create)
        super().__init__(store, SearchService(store))
        if "IPython" in sys.modules:  # frames in a notebook show their pictures
            import_module("imgurer_kernel.ui.inline_pictures").follow(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workbench({str(self.settings.root)!r})"

    def close(self) -> None:
        """Release the catalog; a closed workbench opens it again on its next use."""
        self.store.close()

    def similar(
        self,
        query: object,
        radius: int | None = None,
        limit: int | None = None,
        verify: bool = True,
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Find images that are similar to a picture, the nearest first.

        Parameters
        ----------
        query
            image_id, path, bytes of a picture file, or a PIL image. An image of the store also
            finds itself, at distance 0. Or a list, array or Series of these.
        radius
            Bits between dHashes, 0..128. By default pictures within 24 bits in any of 8
            orientations, with and without borders, are compared, and those within 10 bits are
            kept even if the comparison says that they differ; an explicit radius is both.
        limit
            Maximum number of rows.
        verify
            Compare the pictures; False uses the plain upright dHash, by default within 10 bits.

        Returns
        -------
        DataFrame
            By (distance, image_id): image_id, distance, orientation, score, verdict, digest,
            filename, width, height. The verdict is ``exact`` for the same bytes, a word of
            `imgurer_kernel.matching.labels.Label` for a verified duplicate, and else
            ``unverified``: near, but not the same picture or not compared. A picture too flat for a
            meaningful dHash is found by its bytes or by equal pixels only. For several queries the
            answers are concatenated, with a first column query: its position, from 0.

        Raises
        ------
        InvalidRadius, UnknownImage, SourceError, ImageRejected, QueryError
            If the query, radius or limit is invalid.
        """
        if is_batch(query):
            each = partial(self.similar, radius=radius, limit=limit, verify=verify)
            return answer_each(each, query, SIMILAR, progress)
        return self._search.similar(query, radius, limit, verify=verify)

    def lookup(self, pictures: object, progress: ProgressOption = True) -> pd.DataFrame:
        """Find which pictures are in the store already: files, folders, bytes, images, or several.

        Nothing is ingested.

        Returns
        -------
        DataFrame
            A row for each: query, name, path (missing for anything but a file), status (``exact``,
            ``near duplicate``, ``new`` or ``rejected``), image_id, filename, verdict, distance and
            score of the nearest duplicate, and the reason of a rejection.
        """
        return looked_up(self.similar, pictures, progress)

    def clusters(  # noqa: PLR0913 - all options, each by name
        self,
        radius: int | None = None,
        verify: bool = True,
        *,
        thorough: bool = False,
        folders: Folder | Iterable[Folder] | None = None,
        between: bool = False,
        reference: Folder | Iterable[Folder] = (),
        exclude: str | Iterable[str] = (),
        min_size: int = 0,
        by: By = "file",
        states: Sequence[FileState] = ("present",),
        measure: bool | None = False,
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Find groups of two or more files that show the same picture as their medoid.

        The disk is checked for files that stay in their place: a file whose size, time or inode has
        changed since it was ingested, or that is gone, takes no part.

        Parameters
        ----------
        radius
            Bits between dHashes, 0..128. By default 24, or less where the catalog is too large
            for that; with ``verify=False`` 10.
        verify
            Compare every pair that matters, in 8 orientations, with and without borders; False uses
            the plain dHash alone.
        thorough
            Search as far as is useful, however long it takes; only with `verify`.
        folders
            Only files below one of these take part, as if there were no others.
        between
            Only clusters with files of two or more of the folders, including those of `reference`.
        reference
            Folders whose files are never offered for removal; they take part like `folders`.
        exclude
            Patterns of files and folders to leave out, as in `ingest`; without `folders` every
            folder above a file counts.
        min_size
            Smallest file that takes part, in bytes.
        by
            ``"file"``, or ``"image"`` for one row per image, whatever files it has.
        states
            States of files that take part: present, missing, changed.
        measure
            Measure originals that are not measured yet, some 100 ms each, once, before is_keeper is
            set, as `plan` does; by default only existing measures are used. None measures if at
            most 200 are not measured, as `report` does. By file only.
        progress
            True for a bar, False for silence, or a function of (done, total), which may raise
            to stop.

        Returns
        -------
        DataFrame
            One row for each file, with the columns and in the order of
            `imgurer_kernel.report.frames.file_frame`; by image those of `cluster_frame`, where
            exact copies, being one image, are not a cluster. ``attrs`` has plan (how the search was
            done), uninformative (images so flat that only equal pixels make them duplicates), stale
            (images left out because their fingerprint is of another version and their original
            cannot be read), stale_files (files that were changed or are missing on disk).

        Raises
        ------
        InvalidRadius, QueryError
            If an argument is invalid; names what it must be.
        """
        selection = FileSelection.parse(
            folders=folders,
            between=between,
            reference=reference,
            exclude=exclude,
            min_size=min_size,
            states=states,
        )
        return self._search.clusters(
            radius,
            selection,
            by,
            verify=verify,
            thorough=thorough,
            measure=measure,
            progress=progress,
        )

    def related(
        self, image: object | None = None, *, progress: ProgressOption = True
    ) -> pd.DataFrame:
        """Find related pictures that are not duplicates: another take, a colour variant, a part.

        Parameters
        ----------
        image
            As for `similar`, or several: the frame has its columns, with relation instead of
            verdict. None for all pairs that the search for clusters found: image_id, other_id,
            relation, distance, orientation, score, filename, other_filename.
        progress
            As in `clusters`.

        Examples
        --------
        >>> wb.related()  # doctest: +SKIP
        """
        if is_batch(image):
            return answer_each(self.related, image, RELATED_COLUMNS, progress)
        return self._search.related(image, progress)

    def last_clusters(
        self, radius: int | None = None, *, thorough: bool = False
    ) -> pd.DataFrame | None:
        """Return the latest clusters, computed by any process, without a search.

        As from `clusters`, without files forgotten since; ``attrs`` also has current: True if
        nothing has changed. None if clusters were never computed. A dashboard shows them while
        `clusters` searches.
        """
        return self._search.last_clusters(radius, thorough=thorough)

    def index_info(self) -> IndexInfo:
        """Describe the index, and the engine that each kind of search would use."""
        return self._search.info()

    def sql(
        self, statement: str, *, rows: int = 5_000_000, memory: int = 2 << 30, seconds: float = 300
    ) -> pd.DataFrame:
        """Answer a SELECT of DuckDB over the content of the store; it cannot change anything.

        The views are the frames of the methods of their names: images, files, users (without
        passwords), decisions, journal, and clusters (the latest answer). Files of the machine and
        variables are not accessible. `rows`, bytes of `memory` and `seconds` limit the answer.

        Raises
        ------
        QueryError
            If the statement is not a single SELECT, is invalid, or exceeds a limit.

        Examples
        --------
        >>> wb.sql("SELECT format, count(*) AS n FROM images GROUP BY ALL")  # doctest: +SKIP
        """
        return select_from_views(self, statement, AnswerLimits(rows, memory, seconds))

    def calibrate(
        self, sample: int = 200, seed: int = 0, progress: ProgressOption = True
    ) -> "Calibration":
        """Measure how well duplicates are found, with copies of the store's own pictures.

        Plants 53 kinds of copies of up to `sample` pictures, in memory, and searches for them by
        plain hashes and verified, at several radii and thresholds. The same seed gives the same
        result. `progress` as in `clusters`.

        Raises
        ------
        QueryError
            If the store has fewer than two pictures that can be told apart.
        """
        return self._search.calibrate(sample, seed, progress)

    def rebuild_index(self) -> int:
        """Rebuild the search index, which is never necessary; return the number of its images."""
        return self._search.index.rebuild()
