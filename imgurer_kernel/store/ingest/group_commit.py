"""Work of several threads that is done together, such as entering uploads into the catalog.

A transaction costs some 15 ms of work, whether it enters one file or twenty. So the thread that
gets the lock does the work of all waiting threads, which find theirs done when they get it. It
waits a moment for threads that are about to ask; nobody is answered before the work is done.
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

LINGER_SECONDS = 0.1
"""Longest to wait for others: with 16 threads 8 to 10 files enter in one transaction, not 2."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Request, Answer]):
    request: Request
    answers: list[Answer]
    """None yet, or the one."""


class GroupedCalls(Generic[Request, Answer]):
    """Answers requests of several threads in few calls.

    Parameters
    ----------
    act
        Answers some requests, in their order, or raises and has done none of them.

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
        """Around what comes before a call: the calls of others may wait a moment for it."""
        with self._lock:
            self._preparing += 1
        try:
            yield
        finally:
            with self._lock:
                self._preparing -= 1
                self._lock.notify_all()

    def call(self, request: Request) -> Answer:
        """Have a request answered, with those of other threads that wait meanwhile.

        Raises
        ------
        ImgurerError
            As `act` does for this request alone: the fault of another one is not its own.
        """
        mine: _Waiting[Request, Answer] = _Waiting(request, [])
        with self._lock:
            self._waiting.append(mine)
            self._lock.notify_all()
        with self._turn:
            if not mine.answers:
                self._answer_all(mine)
        return mine.answers[0]

    def _answer_all(self, mine: _Waiting[Request, Answer]) -> None:
        with self._lock:
            # Half of them: while these are entered, the others go on with their preparations.
            self._lock.wait_for(lambda: len(self._waiting) >= self._preparing, LINGER_SECONDS)
            batch, self._waiting = self._waiting, []
        others = [each for each in batch if each is not mine]
        try:
            if others:
                # Whose fault an error is shows when each is done by itself.
                with suppress(ImgurerError):
                    self._answer(batch)
            if not mine.answers:
                self._answer([mine])
        finally:
            with self._lock:
                self._waiting = [each for each in others if not each.answers] + self._waiting

    def _answer(self, batch: list[_Waiting[Request, Answer]]) -> None:
        answers = self._act([each.request for each in batch])
        for each, answer in zip(batch, answers, strict=True):
            each.answers.append(answer)


Commit = Callable[[Sequence[Arrival], Retry], list[Outcome]]


class GroupCommit(GroupedCalls[tuple[Arrival, Retry], Outcome]):
    """Enters arrivals of several threads in few transactions.

    Parameters
    ----------
    commit
        Enters some arrivals in one transaction, or none of them, as `Intake.commit` does.
    """

    def __init__(self, commit: Commit) -> None:
        super().__init__(self._enter)
        self._commit = commit

    def commit(self, arrivals: Sequence[Arrival], retry: Retry) -> list[Outcome]:
        """Enter arrivals, with those of other threads that wait meanwhile.

        Raises
        ------
        ImgurerError
            As `commit` does for these arrivals alone: the fault of another one is not theirs.
        """
        return [self.call((arrival, retry)) for arrival in arrivals]

    def _enter(self, batch: list[tuple[Arrival, Retry]]) -> list[Outcome]:
        # By what the bytes are: whoever holds the same ones may read them again for another.
        retries = {arrival.digest: retry for arrival, retry in batch}
        arrivals = [arrival for arrival, _ in batch]
        return self._commit(arrivals, lambda found: retries[found.digest](found))
