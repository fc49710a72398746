"""Taking many files in: read once, fingerprint on all cores, store, commit in batches."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

from imgurer_kernel.blobs.reading import source_errors
from imgurer_kernel.examine import Examiner
from imgurer_kernel.intake import BATCH, Intake, Outcome, outcome_frame, rejected
from imgurer_kernel.records import Arrival, SourceFile
from imgurer_kernel.sources import Unreadable, readable
from imgurer_kernel.team import CHUNK, MANY, SMALL, Team

__all__ = ["BATCH", "Ingest", "Intake", "Outcome", "outcome_frame"]

BLOCK = 5000
"""Files whose earlier holdings are looked up together."""
BATCH_SECONDS = 5.0
"""Longest that a finished file waits for its transaction: opening the catalog takes 30 ms."""
TELL_SECONDS = 0.1
"""Shortest time between two reports of progress."""


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
        workers = self.intake.settings.workers or os.cpu_count() or 1
        with Team(self._examiner(workers), workers) as team:
            while not self.stop.is_set() and (block := list(islice(files, BLOCK))):
                self._run_block(block, team)

    def _examiner(self, workers: int) -> Examiner:
        turns = threading.Semaphore(workers)
        return Examiner(self.user, self.intake.blobs, self.intake.settings, turns)

    def _run_block(self, block: Sequence[SourceFile | Unreadable], team: Team) -> None:
        items = self._look_up(block)
        if not team.has_processes and sum(map(_is_small, items)) >= MANY:
            team.start_processes()
        finished: list[Arrival | Outcome] = []
        done, since = 0, time.monotonic()
        told = since
        try:
            for item in self._examine_all(items, team):
                finished.append(item)
                done += 1
                now = time.monotonic()
                if len(finished) >= BATCH or now - since > BATCH_SECONDS:
                    self._commit(finished)
                    since = now
                if now - told > TELL_SECONDS:
                    self.taken(done)
                    done, told = 0, now
        finally:
            self._commit(finished)
        self.taken(done)

    def _look_up(self, block: Sequence[SourceFile | Unreadable]) -> list[SourceFile | Outcome]:
        """The files that are to be read, and outcomes of all others, in their order."""
        names = [readable(item.path) for item in block]
        files = [isinstance(item, SourceFile) for item in block]
        asked = [name for name, is_file in zip(names, files, strict=True) if is_file]
        frame = self.intake.catalog.held(self.user, asked)
        columns = ["source", "bytes", "modified_ns", "image_id", "digest", "dhash"]
        held = {row[0]: row[1:] for row in zip(*(frame[c].tolist() for c in columns), strict=True)}
        found: list[SourceFile | Outcome] = []
        for name, item in zip(names, block, strict=True):
            if isinstance(item, Unreadable):
                found.append(rejected(name, item.reason))
                continue
            size, modified_ns, image_id, digest, dhash = held.get(name, (-1, 0, 0, "", ""))
            if (size, modified_ns) != (item.bytes, item.modified_ns):
                found.append(item)
                continue
            found.append(
                Outcome(
                    source=name,
                    status="duplicate",
                    reason="unchanged since it was taken in",
                    image_id=image_id,
                    digest=digest,
                    dhash=dhash,
                )
            )
        return found

    def _examine_all(
        self, items: Sequence[SourceFile | Outcome], team: Team
    ) -> Iterator[Arrival | Outcome]:
        """Examine on all cores, at most a few files ahead, and yield in order."""
        waiting: deque[Outcome | Future[list[Arrival | Unreadable]]] = deque()
        try:
            for task in _tasks(items, together=team.has_processes):
                if self.stop.is_set():
                    break
                waiting.append(task if isinstance(task, Outcome) else team.submit(task))
                if len(waiting) > 4 * team.workers:
                    yield from _ready(waiting.popleft())
            while waiting:
                yield from _ready(waiting.popleft())
        finally:
            for left in waiting:
                if isinstance(left, Future):
                    left.cancel()

    def _commit(self, finished: list[Arrival | Outcome]) -> None:
        """Commit what is finished, note its outcomes in order, and empty the list."""
        arrivals = [item for item in finished if isinstance(item, Arrival)]
        entered = iter(self.intake.commit(arrivals, self._again))
        self.outcomes += [next(entered) if isinstance(item, Arrival) else item for item in finished]
        finished.clear()

    def _again(self, arrival: Arrival) -> Arrival:
        path = Path(arrival.source)
        with source_errors(arrival.source):
            data = path.read_bytes()
        return self.intake.store(data, arrival, path)


def _is_small(item: SourceFile | Outcome) -> bool:
    return isinstance(item, SourceFile) and item.bytes <= SMALL


def _tasks(
    items: Iterable[SourceFile | Outcome], *, together: bool
) -> Iterator[Outcome | list[SourceFile]]:
    """What is to be done in this order: small files several at once, if that is wanted."""
    for small, group in groupby(items, _is_small if together else lambda _: False):
        if small:
            files = (item for item in group if isinstance(item, SourceFile))
            while chunk := list(islice(files, CHUNK)):
                yield chunk
        else:
            yield from (item if isinstance(item, Outcome) else [item] for item in group)


def _ready(task: Outcome | Future[list[Arrival | Unreadable]]) -> Iterator[Arrival | Outcome]:
    if isinstance(task, Outcome):
        yield task
        return
    for found in task.result():
        if isinstance(found, Unreadable):
            yield rejected(readable(found.path), found.reason)
        else:
            yield found
