"""Ingest many files: read once, fingerprint on all cores, store, commit in batches.

Threads are used for files of any size, since decoders release the GIL. Processes fingerprint
pictures of 0.2 megapixels 1.4 times as fast as threads on two cores; but storing, which waits for
the disk, is half of the work: 3,000 were ingested at 4.9 ms each by processes and at 5.0 ms by
threads, which share memory and start a second sooner.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from imgurer_kernel.common.progress import Advance
from imgurer_kernel.common.records import Arrival, SourceFile
from imgurer_kernel.common.threads import cores, thread_pool
from imgurer_kernel.errors import SourceError
from imgurer_kernel.store.blobs.source_reading import source_errors
from imgurer_kernel.store.ingest.intake import BATCH, Intake, Outcome, outcome_frame, rejected
from imgurer_kernel.store.ingest.scan import FileScan
from imgurer_kernel.store.ingest.sources import Unreadable, readable
from imgurer_kernel.store.ingest.worker import IngestWorker

__all__ = ["BATCH", "IngestPipeline", "Intake", "Outcome", "outcome_frame"]

BLOCK = 5000
"""Files that are compared with the catalog before any of them is read."""
BATCH_SECONDS = 5.0
"""Longest time before finished files are committed: opening the catalog takes 30 ms."""
PROGRESS_SECONDS = 0.1
"""Shortest time between two reports of progress."""
# Threads for each file that is decoded at a time: the others wait for the disk.
_THREADS = 4

Submit = Callable[[SourceFile], Future[Arrival | Unreadable]]


@dataclass(slots=True)
class IngestPipeline:
    """One run over many files for one user.

    Attributes
    ----------
    scan
        Compares files with the catalog.
    advance
        Called with the number of files done since the last call, to report progress.
    stop
        Set from another thread to end the run early; processed files stay ingested.
    outcomes
        One for each processed file, in the order of the files.
    """

    intake: Intake
    scan: FileScan
    advance: Advance
    stop: threading.Event = field(default_factory=threading.Event)
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, found: Iterable[SourceFile | Unreadable]) -> None:
        """Ingest files in their order; after an interrupt, finished ones are committed.

        Raises
        ------
        KeyboardInterrupt
            Raised again after the finished files have been committed.
        CatalogError, StorageError
            If the store itself fails; files committed before stay.
        """
        waiting = iter(found)
        intake = self.intake
        workers = cores(intake.settings.workers)
        examine = IngestWorker(
            self.scan.user,
            intake.blobs,
            intake.settings,
            intake.decode,
            threading.Semaphore(workers),
        ).examine
        with thread_pool(_THREADS * workers, name="ingest") as pool:
            while not self.stop.is_set() and (block := list(islice(waiting, BLOCK))):
                self._run_block(block, lambda file: pool.submit(examine, file))

    def _run_block(self, block: Sequence[SourceFile | Unreadable], submit: Submit) -> None:
        finished: list[Arrival | Outcome] = []
        done, since = 0, time.monotonic()
        reported = since
        try:
            for item in self._examine_all(self._look_up(block), submit):
                finished.append(item)
                done += 1
                now = time.monotonic()
                if len(finished) >= BATCH or now - since > BATCH_SECONDS:
                    self._commit(finished)
                    since = now
                if now - reported > PROGRESS_SECONDS:
                    self.advance(done)
                    done, reported = 0, now
        finally:
            self._commit(finished)
        self.advance(done)

    def _look_up(
        self, block: Sequence[SourceFile | Unreadable]
    ) -> list[SourceFile | Arrival | Outcome]:
        """Split files into those to be read, and outcomes for all others, in their order."""
        found: list[SourceFile | Arrival | Outcome] = []
        for item in block:
            if isinstance(item, Unreadable):
                found.append(self._rejected(item))
                continue
            before = self.scan.known.get(item.key)
            if before is None:
                found.append(self._moved(item) or self.scan.to_be_read(item))
            elif self.scan.is_unchanged(item, before):
                self.scan.note_unchanged(item, before)
                found.append(
                    Outcome(
                        source=readable(item.name),
                        status="unchanged",
                        reason="unchanged since it was ingested",
                        image_id=before.image_id,
                        file_id=before.file_id,
                        digest=before.digest,
                        dhash=before.dhash,
                    )
                )
            else:
                found.append(self.scan.to_be_read(item))
        return found

    def _moved(self, file: SourceFile) -> Arrival | None:
        """Make the arrival of a file that was moved; None if it has to be read."""
        arrival = self.scan.moved_here(file)
        if arrival is not None:
            try:
                self.intake.blobs.relocate(arrival.digest, file.path)
            except SourceError:
                return None
        return arrival

    def _rejected(self, item: Unreadable) -> Outcome:
        if item.is_no_picture:
            self.scan.note_no_picture(item.path)
        return rejected(readable(item.path), item.reason)

    def _examine_all(
        self, items: Sequence[SourceFile | Arrival | Outcome], submit: Submit
    ) -> Iterator[Arrival | Outcome]:
        """Process files on all cores, a few ahead, and yield results in order."""
        workers = cores(self.intake.settings.workers)
        waiting: deque[Arrival | Outcome | Future[Arrival | Unreadable]] = deque()
        for item in items:
            if self.stop.is_set():
                break
            waiting.append(submit(item) if isinstance(item, SourceFile) else item)
            if len(waiting) > 2 * _THREADS * workers:
                yield self._ready(waiting.popleft())
        while waiting:
            yield self._ready(waiting.popleft())

    def _ready(self, item: Arrival | Outcome | Future[Arrival | Unreadable]) -> Arrival | Outcome:
        if isinstance(item, Arrival | Outcome):
            return item
        found = item.result()
        return self._rejected(found) if isinstance(found, Unreadable) else found

    def _commit(self, finished: list[Arrival | Outcome]) -> None:
        """Commit finished files, record their outcomes in order, and clear the list."""
        arrivals = [item for item in finished if isinstance(item, Arrival)]
        arrivals = self.scan.with_origins(arrivals)
        for arrival in arrivals:
            self.scan.note_changed(arrival)
        entered = iter(self.intake.commit(arrivals, self._retry))
        self.outcomes += [next(entered) if isinstance(item, Arrival) else item for item in finished]
        finished.clear()

    def _retry(self, arrival: Arrival) -> Arrival:
        assert arrival.path_key is not None  # noqa: S101 (a walk found it)
        path = Path(os.fsdecode(arrival.path_key))
        with source_errors(arrival.source):
            data = path.read_bytes()
        return self.intake.store(data, arrival, path)
