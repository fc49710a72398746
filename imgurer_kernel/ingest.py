"""Taking files in: read once, fingerprint on all cores, store the blob, then commit in batches."""

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pandas as pd

from imgurer_kernel.blobs import BlobStore
from imgurer_kernel.catalog import Catalog
from imgurer_kernel.errors import (
    BlobDamaged,
    ImageRejected,
    ImageTooLarge,
    SourceError,
    UnknownImage,
)
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.records import Arrival, SourceFile
from imgurer_kernel.settings import Settings
from imgurer_kernel.sources import Unreadable, readable

Status = Literal["added", "duplicate", "rejected"]

BLOCK = 1000
"""Files whose earlier holdings are looked up together."""
BATCH = 100
"""Files in one transaction: it costs what a transaction of one row does."""
BATCH_SECONDS = 1.0
"""Longest that a finished file waits for its transaction."""
COLUMNS = ["source", "status", "reason", "image_id", "digest", "dhash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file; a row of the frame that `Workbench.ingest` returns."""

    source: str
    status: Status
    reason: str = ""
    image_id: int | None = None
    digest: str | None = None
    dhash: str | None = None


def outcome_frame(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """The outcomes as a frame, one row each; `image_id` is a nullable integer.

    Examples
    --------
    >>> outcome_frame([Outcome(source="a.txt", status="rejected", reason="not a picture")]).iloc[0]
    source              a.txt
    status           rejected
    reason      not a picture
    image_id             <NA>
    digest                NaN
    dhash                 NaN
    Name: 0, dtype: object
    """
    rows = [[getattr(outcome, name) for name in COLUMNS] for outcome in outcomes]
    kinds = {name: "Int64" if name == "image_id" else "str" for name in COLUMNS}
    return pd.DataFrame(rows, columns=COLUMNS).astype(kinds)


@dataclass(frozen=True, slots=True)
class Intake:
    """Brings bytes into the store: blob and thumbnail before the catalog row, never after.

    Attributes
    ----------
    catalog, blobs, settings
        Of the store.
    """

    catalog: Catalog
    blobs: BlobStore
    settings: Settings

    def examine(self, data: bytes, arriving: Arrival, path: Path | None = None) -> Arrival:
        """Fingerprint and store bytes, unless the catalog knows them already.

        Parameters
        ----------
        arriving
            Without a fingerprint.
        path
            Where the bytes were read from, to be linked or referred to; None for an upload.

        Raises
        ------
        ImageRejected
            If the bytes are no picture that can be taken in; nothing is stored then.
        """
        if self.blobs.exists(arriving.digest) and self.catalog.known([arriving.digest]):
            return arriving
        return self.store(data, arriving, path)

    def store(self, data: bytes, arriving: Arrival, path: Path | None = None) -> Arrival:
        """Fingerprint and store bytes, whether or not they are known."""
        found = fingerprint(data, limits=self.settings)
        if self.settings.store == "copy" or path is None:
            self.blobs.put(data, digest=arriving.digest)
        else:
            self.blobs.put(path, digest=arriving.digest, mode=self.settings.store)
        self.blobs.put_thumbnail(arriving.digest, found.thumbnail)
        return replace(arriving, fingerprint=found)

    def commit(
        self, arrivals: Sequence[Arrival], again: Callable[[Arrival], Arrival]
    ) -> list[Outcome]:
        """Enter arrivals into the catalog in one transaction.

        Another process may have deleted the last holding of the same bytes since they were
        found or stored, and a row without its blob must never be committed: `again` then reads
        and stores an arrival once more, inside the transaction, where nobody else can delete.
        """

        def confirm(entered: Sequence[Arrival]) -> None:
            for arrival in entered:
                if not self.blobs.exists(arrival.digest):
                    again(arrival)

        try:
            receipts = self.catalog.add(arrivals, confirm=confirm)
        except UnknownImage:
            arrivals = [arrival if arrival.fingerprint else again(arrival) for arrival in arrivals]
            receipts = self.catalog.add(arrivals, confirm=confirm)
        twins = self.catalog.images([receipt.image_id for receipt in receipts if not receipt.added])
        facts = zip(twins["filename"].tolist(), twins["dhash"].tolist(), strict=True)
        known = dict(zip(twins["image_id"].tolist(), facts, strict=True))
        outcomes = []
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            filename, dhash = known.get(receipt.image_id, ("", ""))
            outcomes.append(
                Outcome(
                    source=arrival.source,
                    status="added" if receipt.added else "duplicate",
                    reason=f"same bytes as {filename}" if filename else "",
                    image_id=receipt.image_id,
                    digest=arrival.digest,
                    dhash=arrival.fingerprint.dhash_hex if arrival.fingerprint else dhash,
                )
            )
        return outcomes


@dataclass(slots=True)
class Ingest:
    """One run over many files for one user.

    Attributes
    ----------
    taken
        Called with the number of files done since the last call; the seam for progress.
    stop
        Set from another thread to end the run early; what is done stays done.
    outcomes
        One for each file that was dealt with, in the order of the files.
    """

    intake: Intake
    user: str
    taken: Callable[[int], None]
    stop: threading.Event = field(default_factory=threading.Event)
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, found: Iterable[SourceFile | Unreadable]) -> None:
        """Take the files in, in their order; after an interrupt, what was finished is committed.

        Raises
        ------
        KeyboardInterrupt
            Handed on after the files that were finished by then are in the catalog.
        CatalogError, StorageError
            If the store itself fails; files committed before stay.
        """
        files = iter(found)
        while not self.stop.is_set() and (block := list(islice(files, BLOCK))):
            self._run_block(block)

    def _run_block(self, block: Sequence[SourceFile | Unreadable]) -> None:
        held = self._held([item for item in block if isinstance(item, SourceFile)])
        finished: list[Arrival | Outcome] = []
        since = time.monotonic()
        try:
            for item in self._examine_all(block, held):
                finished.append(item)
                if len(finished) >= BATCH or time.monotonic() - since > BATCH_SECONDS:
                    self._commit(finished)
                    since = time.monotonic()
        finally:
            self._commit(finished)

    def _held(self, files: list[SourceFile]) -> dict[str, Outcome]:
        """Outcomes of the files that this user brought before and that look unchanged."""
        stamps = {readable(file.path): (file.bytes, file.modified_ns) for file in files}
        frame = self.intake.catalog.held(self.user, list(stamps))
        columns = ["source", "bytes", "modified_ns", "image_id", "digest", "dhash"]
        rows = zip(*(frame[name].tolist() for name in columns), strict=True)
        return {
            source: Outcome(
                source=source,
                status="duplicate",
                reason="unchanged since it was taken in",
                image_id=image_id,
                digest=digest,
                dhash=dhash,
            )
            for source, size, modified_ns, image_id, digest, dhash in rows
            if stamps[source] == (size, modified_ns)
        }

    def _examine_all(
        self, block: Sequence[SourceFile | Unreadable], held: dict[str, Outcome]
    ) -> Iterator[Arrival | Outcome]:
        """Examine on all cores, at most a few files ahead, and yield in order."""
        workers = self.intake.settings.workers or os.cpu_count() or 1
        waiting: deque[Outcome | Future[Arrival | Outcome]] = deque()
        pool = ThreadPoolExecutor(workers, thread_name_prefix="ingest")
        try:
            for item in block:
                if self.stop.is_set():
                    break
                if isinstance(item, Unreadable):
                    waiting.append(_rejected(item.path, item.reason))
                elif readable(item.path) in held:
                    waiting.append(held[readable(item.path)])
                else:
                    waiting.append(pool.submit(self._examine, item))
                if len(waiting) > 4 * workers:
                    yield _ready(waiting.popleft())
            while waiting:
                yield _ready(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    def _examine(self, file: SourceFile) -> Arrival | Outcome:
        try:
            data = _read(file, self.intake.settings.max_bytes)
            arriving = Arrival(
                digest=hashlib.sha256(data).hexdigest(),
                bytes=len(data),
                fingerprint=None,
                user=self.user,
                filename=readable(Path(file.path.name)),
                source=readable(file.path),
                modified_ns=file.modified_ns,
            )
            return self.intake.examine(data, arriving, file.path)
        except (ImageRejected, SourceError, BlobDamaged) as error:
            # The latter two where a file that is linked or referred to was removed or changed
            # after it was read.
            return _rejected(file.path, str(error))
        except OSError as error:
            return _rejected(file.path, f"cannot be read: {error.strerror}")

    def _commit(self, finished: list[Arrival | Outcome]) -> None:
        """Commit what is finished, note its outcomes in order, and empty the list."""
        arrivals = [item for item in finished if isinstance(item, Arrival)]
        entered = iter(self.intake.commit(arrivals, self._again))
        self.outcomes += [next(entered) if isinstance(item, Arrival) else item for item in finished]
        self.taken(len(finished))
        finished.clear()

    def _again(self, arrival: Arrival) -> Arrival:
        path = Path(arrival.source)
        return self.intake.store(path.read_bytes(), arrival, path)


def _ready(item: Outcome | Future[Arrival | Outcome]) -> Arrival | Outcome:
    return item.result() if isinstance(item, Future) else item


def _rejected(path: Path, reason: str) -> Outcome:
    return Outcome(source=readable(path), status="rejected", reason=reason)


def _read(file: SourceFile, most: int) -> bytes:
    """The bytes of a file that nobody writes to meanwhile."""
    if file.bytes > most:
        message = (
            f"the file has {file.bytes:,} bytes, more than the {most:,} that the settings allow "
            "(max_bytes)"
        )
        raise ImageTooLarge(message)
    data = file.path.read_bytes()
    facts = file.path.stat()
    if (facts.st_size, facts.st_mtime_ns) != (file.bytes, file.modified_ns):
        message = "the file was changed while it was read; ingest it again when it is complete"
        raise ImageRejected(message)
    return data
