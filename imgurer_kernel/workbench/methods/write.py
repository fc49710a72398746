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
from imgurer_kernel.store.ingest.sources import Source
from imgurer_kernel.store.maintenance.check import StoreCheck
from imgurer_kernel.store.maintenance.findings import findings_frame
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.quotas import Quotas, size_of
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash
from imgurer_kernel.workbench.methods.read import ReadMethods
from imgurer_kernel.workbench.pictures.batch import Several, each_of, ids_of, is_batch, paired

PictureData: TypeAlias = bytes | bytearray | memoryview | BinaryIO
"""What a picture without a path is given as."""


class WriteMethods(ReadMethods):
    """Ingests, forgets and checks pictures.

    Parameters
    ----------
    store
        The store.
    upgrade
        What computes fingerprints of an earlier version anew; shared with the search, so that
        none is computed twice.

    Attributes
    ----------
    trash
        What was forgotten: to list, to bring back, to empty.
    rejections
        What `ingest` of this workbench has rejected and not ingested since: reasons by source.
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
        untrusted: bool = False,
    ) -> pd.DataFrame:
        """Ingest files, folders (with all below them), globs, ``file:`` URIs or a list of these.

        Ingesting again what was ingested before is a scan: files with the size, the time and the
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
            Patterns such as ``"*.png"`` or ``"@eaDir"`` of files and folders that are left out,
            with all below them: without a slash for the name alone, with one for the whole path.
            What lies above a named folder does not count.
        min_size
            Smallest file that is ingested, in bytes.
        untrusted
            Decode in processes of their own, with limits on time and memory
            (`imgurer_kernel.Settings.decode_seconds`, `decode_memory`): a file that was made to
            hang or crash a decoder is one rejection.

        Returns
        -------
        DataFrame
            One row for each file, in their order: source, status, reason, image_id, file_id,
            digest, dhash; then one for each file that is gone. The status is ``added``;
            ``duplicate``: another file, with bytes that were known; ``unchanged``, ``changed``,
            ``moved`` or ``missing`` since it was ingested; ``rejected``, with the reason.
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
            exclude=patterns_of(exclude),
            min_size=min_size,
            untrusted=untrusted,
        )
        named: list[Source]
        if isinstance(sources, Iterable) and not isinstance(sources, str | bytes):
            named = list(sources)
        else:  # one, or nothing that can be one, which is told there
            named = [sources]
        outcomes = ingest_files(
            self.store, named, user, options, progress, stop or threading.Event()
        )
        for each in outcomes:
            if each.status == "rejected":
                self.rejections[each.source] = each.reason
            else:
                self.rejections.pop(each.source, None)
        return outcome_frame(outcomes)

    def upload(
        self,
        name: "str | Several",
        data: "PictureData | Several",
        user: str | None = None,
        progress: ProgressOption = True,
    ) -> pd.DataFrame:
        """Ingest one picture without a path; return a frame of one row as from `ingest`.

        Of several names and as many pictures a row for each.

        May be called from several threads at once, which is faster. It is decoded in a process of
        its own, as by ``ingest(..., untrusted=True)``.

        Raises
        ------
        StorageFull
            If the user, or all users together, would have more than they may
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
        """Do what `upload` does, and return the outcome itself: a frame costs 2 ms."""
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
        """Move a user's files of an image, or one file, into the trash (`trash` brings them back).

        The original goes with the last file of anybody; nothing outside of the store is touched.
        Of several images or files one after the other: where one cannot be forgotten, those before
        it are in the trash.

        Returns
        -------
        bool, or of several a list of them
            Whether that was the last file, so that the image is gone.

        Raises
        ------
        UnknownImage, UnknownFile, NotAllowed, QueryError
            If there is no such image or file, it is not the user's, or not one of both is given.
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
        """Read catalog, originals, trash and thumbnails through; an empty frame means all is well.

        Parameters
        ----------
        repair
            Repair what can be repaired without a guess: bring originals back from where they came,
            draw thumbnails, put counters right, take orphans in again, compute fingerprints that
            are outdated or not whole again, rewrite a damaged catalog; move what is in the way
            to ``lost-and-found``, and delete what crashes have left among the temporary files.
        sample
            Read that many of a hundred originals, the next ones each time, and not the trash.
        resume
            Go on where a check was interrupted; what is newer is read again.

        Returns
        -------
        DataFrame
            One row for each finding: problem, digest, image_id, detail, repaired.

        Raises
        ------
        QueryError
            If the sample is not more than 0 and at most 100.
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
