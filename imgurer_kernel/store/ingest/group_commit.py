"""Uploads that arrive in several threads at once, entered into the catalog together.

A transaction costs some 15 ms of work, whether it enters one file or ten. So the thread that gets
the lock enters the arrivals of all waiting threads, which find theirs done when they get the lock.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from imgurer_kernel.common.records import Arrival
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.store.ingest.intake import Outcome, Retry

Commit = Callable[[Sequence[Arrival], Retry], list[Outcome]]


@dataclass(slots=True, eq=False)
class _Waiting:
    arrival: Arrival
    retry: Retry
    outcome: Outcome | None = None


class GroupCommit:
    """Enters arrivals of several threads in few transactions.

    Parameters
    ----------
    commit
        Enters some arrivals in one transaction, or none of them, as `Intake.commit` does.
    """

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def commit(self, arrivals: Sequence[Arrival], retry: Retry) -> list[Outcome]:
        """Enter arrivals, with those of other threads that wait meanwhile.

        Raises
        ------
        ImgurerError
            As `commit` does for these arrivals alone: the fault of another one is not theirs.
        """
        mine = [_Waiting(arrival, retry) for arrival in arrivals]
        with self._lock:
            self._waiting += mine
        with self._turn:
            if any(each.outcome is None for each in mine):
                self._enter_all(mine)
        return [each.outcome for each in mine if each.outcome is not None]

    def _enter_all(self, mine: list[_Waiting]) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        others = [each for each in batch if each not in mine]
        try:
            if others:
                # Whose fault an error is shows when each is entered by itself.
                with suppress(ImgurerError):
                    self._enter(batch)
            if any(each.outcome is None for each in mine):
                self._enter(mine)
        finally:
            with self._lock:
                self._waiting = [each for each in others if each.outcome is None] + self._waiting

    def _enter(self, batch: list[_Waiting]) -> None:
        # By what the bytes are: whoever holds the same ones may read them again for another.
        retries = {each.arrival.digest: each.retry for each in batch}
        arrivals = [each.arrival for each in batch]
        outcomes = self._commit(arrivals, lambda arrival: retries[arrival.digest](arrival))
        for each, outcome in zip(batch, outcomes, strict=True):
            each.outcome = outcome
