"""Fill and maintain a store: the part of `Workbench` that changes its content."""

import threading
from collections.abc import Iterable
from typing import BinaryIO, TypeAlias, overload

import pandas as pd

from imgurer_kernel.common.globs import patterns_of
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.errors import QueryError
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.ingest.group_commit import GroupCommit, GroupedCalls
from imgurer_kernel.store.ingest.ingest_files import IngestOptions, ingest_files
from imgurer_kernel.store.ingest.pipeline import Intake, Outcome, outcome_frame
from imgurer_kernel.store.ingest.sources import Source, readable
from imgurer_kernel.store.maintenance.check import StoreCheck
from imgurer_kernel.store.maintenance.findings import findings_frame
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.quotas import Quotas, size_of
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash
from imgurer_kernel.workbench.methods.read import ReadMethods
from imgurer_kernel.workbench.pictures.batch import Several, each_of, ids_of, is_batch, paired

PictureData: TypeAlias = bytes | bytearray | memoryview | BinaryIO
"""A picture without a path."""

_EXAMPLES = 3  # places that a walk left out, in the answer


class WriteMethods(ReadMethods):
    """Ingests, forgets and checks pictures.

    Parameters
    ----------
    store
        The store.
    upgrade
        Recomputes fingerprints of an earlier version; shared with the search, so that none is
        computed twice.

    Attributes
    ----------
    trash
        Forgotten files: to list, restore, delete.
    rejections
        Files that `ingest` of this workbench rejected and has not ingested since: reasons by
        source.
    """

    def __init__(self, store: Store, upgrade: FingerprintUpgrade) -> None:
        super().__init__(store)
        self.trash = Trash(store)
        self.rejections: dict[str, str] = {}
        self._intake = Intake(
            store.catalog, store.blobs, store.settings, store.decoders.fingerprint
        )
        self._uploads = GroupCommit(self._intake.commit)
        self._admissions = GroupedCalls(Quotas(self.accounts.catalog).admit)
        self._upgrade = upgrade

    def ingest(  # noqa: PLR0913 - all options, each by name
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
        untrusted: bool = False,
    ) -> pd.DataFrame:
        """Ingest files, folders (with all below them), globs, ``file:`` URIs or a list of these.

        A symbolic link to a file is ingested as a name of that file; one to a folder is left out.

        Ingesting the same sources again is a scan: files with the same size, time and inode are not
        read again; changed, moved, renamed and deleted files are noticed. Files are read on all
        cores and committed in batches. Ctrl-C, or the stop button of a notebook, ends the run and
        keeps what was committed.

        Parameters
        ----------
        user
            The owner of the files; by default the local user.
        store
            How originals are stored; by default as in the settings, and known ones stay as they
            are. ``"copy"``: a copy in the store, which takes the same space again. ``"link"``: a
            hard link on the same disk, which takes no space, and keeps the bytes of a file that is
            deleted outside. ``"reference"``: only fingerprint and thumbnail (about 20 KB) are
            stored; the original of a file that is deleted outside is lost.
        progress
            True for a bar, False for silence, or a function of (done, total).
        stop
            Set it from another thread to end the run early and get the rows so far.
        checksum
            Read files again that seem unchanged.
        prune
            Mark files that are not found as missing even if a whole folder or drive is not there.
            Otherwise that is reported, and nothing is marked.
        exclude
            Patterns such as ``"*.png"`` or ``"raw"`` of files and folders to leave out, with
            everything below them, besides trash, caches, repositories and stores
            (`imgurer_kernel.store.ingest.left_out`). A pattern without a slash matches the name
            alone, one with a slash the whole path. Folders above a given source do not count.
        min_size
            Smallest file that is ingested, in bytes.
        untrusted
            Decode in child processes with limits on time and memory
            (`imgurer_kernel.Settings.decode_seconds`, `decode_memory`): a file made to hang or
            crash a decoder costs one rejection.

        Returns
        -------
        DataFrame
            One row for each file, in their order: source, status, reason, image_id, file_id,
            digest, dhash; then one for each missing file. The status is ``added``; ``duplicate``:
            another file with known bytes; ``unchanged``, ``changed``, ``moved`` or ``missing``
            since it was ingested; ``rejected``, with the reason. ``attrs`` has the number of rows
            of each status; where folders of trash, caches and the like were not walked, their
            number as left_out, and left_out_examples.

        Raises
        ------
        SourceError
            If a source does not exist.
        UnknownUser, NotAllowed
            If there is no such user, or the account is disabled.
        StorageError, CatalogError
            If the store fails; batches committed before remain.
        """
        options = IngestOptions(
            store=store,
            checksum=checksum,
            prune=prune,
            exclude=patterns_of(exclude),
            min_size=min_size,
            untrusted=untrusted,
        )
        named: list[Source]
        if isinstance(sources, Iterable) and not isinstance(sources, str | bytes):
            named = list(sources)
        else:  # one file, or an invalid one, which is reported there
            named = [sources]
        outcomes, left_out = ingest_files(
            self.store, named, user, options, progress, stop or threading.Event()
        )
        for each in outcomes:
            if each.status == "rejected":
                self.rejections[each.source] = each.reason
            else:
                self.rejections.pop(each.source, None)
        frame = outcome_frame(outcomes)
        if left_out:
            frame.attrs["left_out"] = len(left_out)
            frame.attrs["left_out_examples"] = tuple(map(readable, left_out[:_EXAMPLES]))
        return frame

    def upload(
        self,
        name: "str | Several",
        data: "PictureData | Several",
        user: str | None = None,
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Ingest one picture given as bytes; return a frame of one row as from `ingest`.

        Given several names and as many pictures, the frame has a row for each.

        May be called from several threads at once, which is faster. The picture is decoded in a
        child process, as by ``ingest(..., untrusted=True)``.

        Raises
        ------
        StorageFull
            If the user, or all users together, would exceed the quota
            (`imgurer_kernel.store.quotas`).
        """
        if not is_batch(name):
            return outcome_frame([self.upload_one(name, data, user)])  # type: ignore[arg-type]
        given = [(*pair, user) for pair in paired(name, data)]
        return outcome_frame(each_of(self.upload_one, given, progress))

    def upload_one(
        self,
        name: str,
        data: PictureData,
        user: str | None = None,
    ) -> Outcome:
        """Do what `upload` does, and return the outcome itself: making a frame costs 2 ms."""
        owner = self._admissions.call((user, size_of(data)))
        [outcome] = self._intake.take(name, data, owner, self._uploads)
        return outcome

    @overload
    def forget(
        self, image_id: int | None = None, user: str | None = None, *, file_id: int | None = None
    ) -> bool: ...

    @overload
    def forget(
        self,
        image_id: Several,
        user: str | None = None,
        *,
        progress: ProgressOption = True,
    ) -> list[bool]: ...

    @overload
    def forget(
        self,
        image_id: None = None,
        user: str | None = None,
        *,
        file_id: Several,
        progress: ProgressOption = True,
    ) -> list[bool]: ...

    def forget(
        self,
        image_id: "int | Several | None" = None,
        user: str | None = None,
        *,
        file_id: "int | Several | None" = None,
        progress: ProgressOption = True,
    ) -> bool | list[bool]:
        """Move a user's files of an image, or one file, to the trash (`trash` restores them).

        The original goes with the last file of any user; nothing outside the store is touched.
        Several images or files are forgotten one after the other: if one cannot be forgotten, those
        before it are in the trash.

        Returns
        -------
        bool, or for several a list of them
            Whether it was the last file, so that the image is gone.

        Raises
        ------
        UnknownImage, UnknownFile, NotAllowed, QueryError
            If the image or file does not exist or is not the user's, or not exactly one is given.
        """
        if file_id is None and is_batch(image_id):
            images = [(each, user) for each in ids_of(image_id)]
            return each_of(self.trash.forget, images, progress)
        if image_id is None and is_batch(file_id):
            files = [(each,) for each in ids_of(file_id, "file_id")]
            return each_of(
                lambda each: self.trash.forget(None, user, file_id=each), files, progress
            )
        return self.trash.forget(image_id, user, file_id=file_id)  # type: ignore[arg-type]

    def check(
        self,
        repair: bool = False,
        progress: ProgressOption = True,
        *,
        sample: float = 100.0,
        resume: bool = False,
    ) -> pd.DataFrame:
        """Check catalog, originals, trash and thumbnails; an empty frame means all is well.

        Parameters
        ----------
        repair
            Repair what can be repaired without guessing: restore originals from their sources,
            redraw thumbnails, correct counters, ingest orphans again, recompute outdated or
            incomplete fingerprints, rewrite a damaged catalog; move files that are in the way to
            ``lost-and-found``, and delete temporary files left by crashes.
        sample
            Percentage of originals to read, the next ones each time; the trash is skipped.
        resume
            Continue an interrupted check; what was added since is read, too.

        Returns
        -------
        DataFrame
            One row for each finding: problem, digest, image_id, detail, repaired.

        Raises
        ------
        QueryError
            If the sample is not above 0 and at most 100.
        """
        if not 0 < sample <= 100:
            message = f"a sample of {sample} % was asked for; it must be over 0, and 100 at most"
            raise QueryError(message)
        owner = self.accounts.require_enabled(None)
        check = StoreCheck(
            store=self.store,
            upgrade=self._upgrade,
            user=owner,
            repair=repair,
            sample=sample,
            resume=resume,
        )
        total = -int(-self.statistics().images * sample // 100)
        with reporting(progress, total, "Checking") as report:
            return findings_frame(check.run(report))
