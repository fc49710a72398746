"""The workbench: one object to fill, search and view a store.

Most of its methods are in `methods`, by what they do; here is what it searches and clusters.
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
        Where the store lies and what it accepts; by default from the environment. Several
        processes may use one store at once.
    create
        Make the store on first use if there is none; False to open one that there is. None is
        made in a folder that has files of its own, except by ``"anyway"``.

    Raises
    ------
    StoreMissing, StoreRefused
        If there is no store and none is to be made, or none there.

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
        if "IPython" in sys.modules:  # in a notebook its frames show their pictures
            import_module("imgurer_kernel.ui.inline_pictures").follow(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workbench({str(self.settings.root)!r})"

    def close(self) -> None:
        """Let go of the catalog; a closed workbench opens it again when it is used again."""
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
            image_id, path, bytes of a picture file, or a PIL image. An image of the store finds
            itself too, at distance 0. Or a list, array or Series of these.
        radius
            Bits between dHashes, 0..128. By default pictures within 24 bits in any of 8
            orientations, with and without borders, are compared, and those within 10 bits are
            kept even if the comparison says that they differ; an explicit radius is both.
        limit
            Most rows to return.
        verify
            Compare the pictures; False is the plain dHash, upright, within 10 bits by default.

        Returns
        -------
        DataFrame
            By (distance, image_id): image_id, distance, orientation, score, verdict, digest,
            filename, width, height. The verdict is ``exact`` for the same bytes, a word of
            `imgurer_kernel.matching.labels.Label` for what was verified, and else ``unverified``:
            near, but not the same picture or not compared. A picture too flat for its dHash to mean
            anything is found by its bytes or by equal pixels only. For several queries their
            answers under each other, with a first column query: its place, from 0.

        Raises
        ------
        InvalidRadius, UnknownImage, SourceError, ImageRejected, QueryError
            As the query or the radius deserves.
        """
        if is_batch(query):
            each = partial(self.similar, radius=radius, limit=limit, verify=verify)
            return answer_each(each, query, SIMILAR, progress)
        return self._search.similar(query, radius, limit, verify=verify)

    def lookup(self, pictures: object, progress: ProgressOption = True) -> pd.DataFrame:
        """Tell which pictures are in the store already: files, folders, bytes, images, or several.

        Nothing is ingested.

        Returns
        -------
        DataFrame
            A row for each: query, name, path (missing for what is no file), status (``exact``,
            ``near duplicate``, ``new`` or ``rejected``), image_id, filename, verdict, distance and
            score of the nearest that is the same, and the reason of a rejection.
        """
        return looked_up(self.similar, pictures, progress)

    def clusters(  # noqa: PLR0913 - all that can be asked for, each by name
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

        Before they are listed, the disk is looked at for files that were left in their place:
        what has another size, time or inode than when it was ingested, or is gone, takes no part.

        Parameters
        ----------
        radius
            Bits between dHashes, 0..128. By default 24, or less where the catalog is too large
            for that; with ``verify=False`` 10.
        verify
            Look at every pair that matters, in 8 orientations, with and without borders; False
            takes the plain dHash for it.
        thorough
            Search as far as is of any use, whatever it takes; only where pictures are verified.
        folders
            Only files below one of these take part, as if there were no others.
        between
            Only clusters with files of two or more of the folders, those of `reference` included.
        reference
            Folders whose files are never offered for removal; they take part like `folders`.
        exclude
            Patterns of files and folders that take no part, as `ingest` takes them; without
            `folders` every folder above a file counts.
        min_size
            Fewest bytes of a file that takes part.
        by
            ``"file"``, or ``"image"`` for a row for each image, whatever files there are of it.
        states
            Of files that take part: present, missing, changed.
        measure
            Measure originals that were not measured yet, some 100 ms each, once, before is_keeper
            is set, as `plan` does; by default what was measured before is taken. None measures
            where no more than 200 were not, as `report` does. By file only.
        progress
            True for a bar, False for silence, or a function of (done, total), which may raise
            to stop.

        Returns
        -------
        DataFrame
            One row for each file, with the columns and in the order of
            `imgurer_kernel.report.frames.file_frame`; by image those of `cluster_frame`, where
            exact copies, being one image, are no cluster. ``attrs`` tell how it was found: plan,
            uninformative (images so flat that only equal pixels make them duplicates), stale
            (images left out because their fingerprint is of another version and their original
            cannot be read), stale_files (files that are not on disk as they were).

        Raises
        ------
        InvalidRadius, QueryError
            If an argument is of no use, with what it must be.
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
        """Find pictures that are related and no duplicates: another take, a colour variant, a part.

        Parameters
        ----------
        image
            What `similar` takes, or several: the frame has its columns, relation for verdict.
            None for all pairs that the search for clusters came across: image_id, other_id,
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
        """Return the clusters that were found last, by any process, without a search.

        As from `clusters`, without what was forgotten since; in ``attrs`` also current: True if
        nothing has changed. None if nobody has asked yet. For a dashboard, to show something while
        `clusters` looks at what is new.
        """
        return self._search.last_clusters(radius, thorough=thorough)

    def index_info(self) -> IndexInfo:
        """Describe the index, and the engine that each kind of search would take."""
        return self._search.info()

    def sql(
        self, statement: str, *, rows: int = 5_000_000, memory: int = 2 << 30, seconds: float = 300
    ) -> pd.DataFrame:
        """Answer a SELECT of DuckDB over what is in the store; nothing can be changed by it.

        The views are the frames of the methods of their names: images, files, users (no password
        is in it), decisions, journal, and clusters as they were found last. Neither files of the
        machine nor variables are within reach. `rows`, bytes of `memory` and `seconds` are the
        most that the answer may have and take.

        Raises
        ------
        QueryError
            If it is no SELECT, more than one, of no use, or too much.

        Examples
        --------
        >>> wb.sql("SELECT format, count(*) AS n FROM images GROUP BY ALL")  # doctest: +SKIP
        """
        return select_from_views(self, statement, AnswerLimits(rows, memory, seconds))

    def calibrate(
        self, sample: int = 200, seed: int = 0, progress: ProgressOption = True
    ) -> "Calibration":
        """Measure on copies of the store's own pictures how well duplicates are found.

        Plants 53 kinds of copies of up to `sample` pictures, in memory, and searches for them by
        plain hashes and verified, at several radii and thresholds. The same seed measures the
        same. `progress` as in `clusters`.

        Raises
        ------
        QueryError
            If the store has less than two pictures that can be told apart.
        """
        return self._search.calibrate(sample, seed, progress)

    def rebuild_index(self) -> int:
        """Rebuild the search index, which is never needed; returns the number of its images."""
        return self._search.index.rebuild()
