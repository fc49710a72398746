"""The workbench: one object through which a store is filled, searched and looked at."""

import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO, Self

import pandas as pd

from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.common.records import FileState
from imgurer_kernel.index.info import IndexInfo
from imgurer_kernel.matching.labels import Evidence
from imgurer_kernel.settings import Settings, StoreMode
from imgurer_kernel.store.ingest.ingest_files import IngestOptions, ingest_files
from imgurer_kernel.store.ingest.pipeline import Intake, outcome_frame
from imgurer_kernel.store.ingest.sources import Source
from imgurer_kernel.store.maintenance.check import StoreCheck, findings_frame
from imgurer_kernel.store.place import Create
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash
from imgurer_kernel.workbench.cluster_frames import By
from imgurer_kernel.workbench.file_selection import FileSelection, Folder
from imgurer_kernel.workbench.search import SearchService
from imgurer_kernel.workbench.store_reader import StoreReader

if TYPE_CHECKING:
    from imgurer_kernel.report.evaluation.metrics import Calibration
    from imgurer_kernel.report.explain.explanation import Explanation


class Workbench(StoreReader):
    """A store of pictures: take in, search, cluster, browse, forget.

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
        super().__init__(Store(self.settings, create))
        self.trash = Trash(self.store)
        self._intake = Intake(self.catalog, self.blobs, self.settings)
        self._search = SearchService(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Workbench({str(self.settings.root)!r})"

    def close(self) -> None:
        """Let go of the catalog; a closed workbench opens it again when it is used again."""
        self.catalog.close()

    # Taking in ------------------------------------------------------------------------------

    def ingest(  # noqa: PLR0913 (each is a thing that people ask for by itself)
        self,
        sources: Source | Iterable[Source],
        user: str | None = None,
        store: StoreMode | None = None,
        progress: ProgressOption = True,
        stop: threading.Event | None = None,
        *,
        checksum: bool = False,
        prune: bool = False,
        exclude: str | Iterable[str] = (),
        min_size: int = 0,
    ) -> pd.DataFrame:
        """Take in files, folders (with all below them), globs, ``file:`` URIs or a list of these.

        Taking in again what was taken in before is a scan: files with the size, the time and the
        inode that they had are not read again; what was changed, moved, renamed or deleted
        meanwhile is noticed. Files are read on all cores and committed in batches. Ctrl-C, or the
        stop button of a notebook, ends the run without losing what was done.

        Parameters
        ----------
        user
            Who brings them; by default the local user.
        store
            What becomes of the originals; by default as the settings say, and known ones stay as
            they are. ``"copy"``: the store
            gets its own, and takes as much space again. ``"link"``: another name of the same
            bytes on the same disk; it costs no space, and a file that is deleted outside stays.
            ``"reference"``: they stay where they are, and only fingerprint and thumbnail (about
            20 KB) are stored; what is deleted outside is gone.
        progress
            True for a bar, False for silence, or a function of (done, total).
        stop
            Set it from another thread to end the run early and get what was done.
        checksum
            Read again what claims to be unchanged.
        prune
            What is not found is gone, even where a whole folder or drive is away. Without it
            that is told, and nothing is marked.
        exclude
            Patterns such as ``"*.png"`` or ``"@eaDir"`` of names of files and folders that are
            left out; with a slash, of whole paths.
        min_size
            Smallest file that is taken in, in bytes.

        Returns
        -------
        DataFrame
            One row for each file, in their order: source, status, reason, image_id, file_id,
            digest, dhash; then one for each file that is gone. The status is ``added``;
            ``duplicate``: another file, with bytes that were known; ``unchanged``, ``changed``,
            ``moved`` or ``missing`` since it was taken in; ``rejected``, with the reason.
            ``attrs`` has the number of rows of each status.

        Raises
        ------
        SourceError
            If a source names nothing.
        UnknownUser, NotAllowed
            If there is no such user, or the account is disabled.
        StorageError, CatalogError
            If the store fails; what was committed before stays.
        """
        options = IngestOptions(
            store=store,
            checksum=checksum,
            prune=prune,
            exclude=(exclude,) if isinstance(exclude, str) else tuple(exclude),
            min_size=min_size,
        )
        named = [sources] if isinstance(sources, str | bytes | os.PathLike) else list(sources)
        outcomes = ingest_files(
            self.store, named, user, options, progress, stop or threading.Event()
        )
        return outcome_frame(outcomes)

    def upload(
        self,
        name: str,
        data: bytes | bytearray | memoryview | BinaryIO,
        user: str | None = None,
    ) -> pd.DataFrame:
        """Take in one picture that came without a path; a frame of one row as from `ingest`."""
        return outcome_frame(self._intake.take(name, data, self.accounts.require_enabled(user)))

    # Searching ------------------------------------------------------------------------------

    def similar(
        self,
        query: object,
        radius: int | None = None,
        limit: int | None = None,
        verify: bool = True,
    ) -> pd.DataFrame:
        """Images that are like a picture, the nearest first.

        Parameters
        ----------
        query
            image_id, path, bytes of a picture file, or a PIL image. An image of the store finds
            itself too, at distance 0.
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
            anything is found by its bytes or by equal pixels only.

        Raises
        ------
        InvalidRadius, UnknownImage, SourceError, ImageRejected, QueryError
            As the query or the radius deserves.
        """
        return self._search.similar(query, radius, limit, verify=verify)

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
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Groups of two or more files that show the same picture as their medoid.

        Before they are listed, the disk is looked at for files that were left in their place:
        what has another size, time or inode than when it was taken in, or is gone, takes no part.

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
            Patterns such as ``"*.png"`` or ``"thumbs"`` of files that take no part: without a
            slash for the name of a file or of a folder above it, with one for the whole path.
        min_size
            Fewest bytes of a file that takes part.
        by
            ``"file"``, or ``"image"`` for a row for each image, whatever files there are of it.
        states
            Of files that take part: present, missing, changed.
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
            radius, selection, by, verify=verify, thorough=thorough, progress=progress
        )

    def related(
        self, image: object | None = None, *, progress: ProgressOption = True
    ) -> pd.DataFrame:
        """Pictures that are related and no duplicates: another take, a colour variant, a part.

        Parameters
        ----------
        image
            What `similar` takes: the frame has its columns, with relation instead of verdict.
            None for all pairs that the search for clusters came across: image_id, other_id,
            relation, distance, orientation, score, filename, other_filename.
        progress
            As in `clusters`.

        Examples
        --------
        >>> wb.related()  # doctest: +SKIP
        """
        return self._search.related(image, progress)

    def last_clusters(
        self, radius: int | None = None, *, thorough: bool = False
    ) -> pd.DataFrame | None:
        """The clusters that were found last, by this or another process, without a search.

        As from `clusters`, without what was forgotten since; in ``attrs`` also current: True if
        nothing has changed. None if nobody has asked yet. For a dashboard, to show something while
        `clusters` looks at what is new.
        """
        return self._search.last_clusters(radius, thorough=thorough)

    def evidence(self, one: object, other: object) -> Evidence:
        """What speaks for two pictures being the same; each given like a query of `similar`."""
        return self._search.evidence(one, other)

    def index_info(self) -> IndexInfo:
        """What the index consists of, and the engine that each kind of search would take."""
        return self._search.info()

    def explain(self, one: object, other: object) -> "Explanation":
        """The evidence in words and as a figure; each picture given like a query of `similar`."""
        return self._search.explain(one, other)

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
        """Build the search index anew from the catalog; returns the number of images in it.

        Never needed (the index is derived, and loaded at every start); for peace of mind.
        """
        return self._search.index.rebuild()

    # Keeping --------------------------------------------------------------------------------

    def forget(
        self, image_id: int | None = None, user: str | None = None, *, file_id: int | None = None
    ) -> bool:
        """Move a user's files of an image, or one file, into the trash (`trash` brings them back).

        The original goes with the last file of anybody; nothing outside of the store is touched.

        Returns
        -------
        bool
            Whether that was the last file, so that the image is gone.

        Raises
        ------
        UnknownImage, UnknownFile, NotAllowed, QueryError
            If there is no such image or file, it is not the user's, or not one of both is given.
        """
        return self.trash.forget(image_id, user, file_id=file_id)

    def check(self, repair: bool = False, progress: ProgressOption = True) -> pd.DataFrame:
        """Compare originals, thumbnails and catalog; an empty frame means that all is well.

        Parameters
        ----------
        repair
            Repair what can be repaired: bring originals back from where they came, draw missing
            thumbnails, take orphans in again, compute fingerprints of an earlier version anew;
            and delete what crashes have left among the temporary files.

        Returns
        -------
        DataFrame
            One row for each finding: problem, digest, image_id, detail, repaired.
        """
        owner = self.accounts.require_enabled(None)
        check = StoreCheck(
            store=self.store, upgrade=self._search.upgrade, user=owner, repair=repair
        )
        with reporting(progress, self.statistics().images, "Checking") as report:
            return findings_frame(check.run(report))
