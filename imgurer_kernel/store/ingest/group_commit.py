"""Group commit: handle requests of several threads in one call, such as adding uploads.

A transaction costs some 15 ms, whether it adds one file or twenty. So the thread that gets the lock
handles the requests of all waiting threads, which find their answers when they get it. It waits
briefly for threads that prepare a request; no thread is answered before the work is done.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from imgurer_kernel.common.records import Arrival
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.store.ingest.intake import Outcome, Retry

Request = TypeVar("Request")
Answer = TypeVar("Answer")

GROUP_SECONDS = 0.1
"""Longest wait for other threads: with 16 of them a transaction adds 8 to 10 files, not 2."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Request, Answer]):
    request: Request
    answers: list[Answer]
    """Empty, or the one answer."""


class GroupedCalls(Generic[Request, Answer]):
    """Answers requests of several threads in few calls.

    Parameters
    ----------
    act
        Answers a list of requests, in their order; if it raises, it has done none of them.

    Examples
    --------
    >>> doubled = GroupedCalls(lambda numbers: [2 * number for number in numbers])
    >>> with doubled.preparing():
    ...     number = 3
    >>> doubled.call(number)
    6
    """

    def __init__(self, act: Callable[[list[Request]], Sequence[Answer]]) -> None:
        self._act = act
        self._turn = threading.Lock()
        self._lock = threading.Condition()
        self._waiting: list[_Waiting[Request, Answer]] = []
        self._preparing = 0

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Mark the preparation of a call: the calls of other threads may wait briefly for it."""
        with self._lock:
            self._preparing += 1
        try:
            yield
        finally:
            with self._lock:
                self._preparing -= 1
                self._lock.notify_all()

    def call(self, request: Request) -> Answer:
        """Handle a request, together with those of other waiting threads.

        Raises
        ------
        ImgurerError
            As `act` does for this request alone, never for an error in another request.
        """
        own: _Waiting[Request, Answer] = _Waiting(request, [])
        with self._lock:
            self._waiting.append(own)
            self._lock.notify_all()
        with self._turn:
            if not own.answers:
                self._answer_all(own)
        return own.answers[0]

    def _answer_all(self, own: _Waiting[Request, Answer]) -> None:
        with self._lock:
            # As many as are still preparing: those continue while this batch is handled.
            self._lock.wait_for(lambda: len(self._waiting) >= self._preparing, GROUP_SECONDS)
            batch, self._waiting = self._waiting, []
        others = [each for each in batch if each is not own]
        try:
            if others:
                # After an error each request is handled alone, to raise only its own error.
                with suppress(ImgurerError):
                    self._answer(batch)
            if not own.answers:
                self._answer([own])
        finally:
            with self._lock:
                self._waiting = [each for each in others if not each.answers] + self._waiting

    def _answer(self, batch: list[_Waiting[Request, Answer]]) -> None:
        answers = self._act([each.request for each in batch])
        for each, answer in zip(batch, answers, strict=True):
            each.answers.append(answer)


Commit = Callable[[Sequence[Arrival], Retry], list[Outcome]]


class GroupCommit(GroupedCalls[tuple[Arrival, Retry], Outcome]):
    """Adds arrivals of several threads in few transactions.

    Parameters
    ----------
    commit
        Adds arrivals in one transaction, all or none, as `Intake.commit` does.
    """

    def __init__(self, commit: Commit) -> None:
        super().__init__(self._enter)
        self._commit = commit

    def commit(self, arrivals: Sequence[Arrival], retry: Retry) -> list[Outcome]:
        """Add arrivals, together with those of other waiting threads.

        Raises
        ------
        ImgurerError
            As `commit` does for these arrivals alone, never for an error in other ones.
        """
        return [self.call((arrival, retry)) for arrival in arrivals]

    def _enter(self, batch: list[tuple[Arrival, Retry]]) -> list[Outcome]:
        # By digest: any thread that has the bytes can read them again for the others.
        retries = {arrival.digest: retry for arrival, retry in batch}
        arrivals = [arrival for arrival, _ in batch]
        return self._commit(arrivals, lambda found: retries[found.digest](found))
