"""Slows down who guesses passwords, and bounds how many passwords wait to be checked."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Full
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Record:
    failures: int = 0
    failed: float = 0.0  # when the last one failed
    pending: int = 0
    begun: float = 0.0  # when the last one began that may be pending


class Throttle:
    """Doubles the wait with each failure of one key, from a few free tries on.

    A try is reserved before it is checked, and counts as a failure until its end is known: as
    many tries at once get as far as they would in turn. Its end is one of `failed`, `succeeded`
    and `release`; these may be called in any thread.

    Parameters
    ----------
    free
        Failures that cost nothing.
    longest
        Longest wait in seconds.
    clock
        Seconds that only grow, such as `time.monotonic`.
    forget
        Seconds without a failure after which all is forgotten.
    most
        Keys that are remembered; the oldest goes first.

    Examples
    --------
    >>> throttle = Throttle(free=2, longest=60, clock=lambda: 0.0)
    >>> waits = []
    >>> for _ in range(5):
    ...     throttle.reserve("alice")
    ...     throttle.failed("alice")
    ...     waits.append(throttle.wait("alice"))
    >>> waits
    [0.0, 0.0, 2.0, 4.0, 8.0]
    """

    def __init__(
        self,
        *,
        free: int,
        longest: float,
        clock: Callable[[], float],
        forget: float = 3600.0,
        most: int = 10_000,
    ) -> None:
        self._free = free
        self._longest = longest
        self._clock = clock
        self._forget = forget
        self._most = most
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: Hashable) -> float:
        """Seconds until this key may try again; 0 when it may now."""
        with self._lock:
            record = self._records.get(key, _Record())
            beyond = record.failures + record.pending - self._free
            if beyond <= 0:
                return 0.0
            # Beyond 2**40 s the longest wait is long reached; a float has an end.
            pause = min(self._longest, 2.0 ** min(beyond, 40))
            since = max(record.failed, record.begun) if record.pending else record.failed
            return max(0.0, since + pause - self._clock())

    def reserve(self, key: Hashable) -> None:
        """Note that a try begins."""
        with self._lock:
            record = self._touch(key)
            record.pending += 1
            record.begun = self._clock()

    def failed(self, key: Hashable) -> None:
        """Note that a try has failed."""
        with self._lock:
            record = self._end_one(self._touch(key))
            record.failures += 1
            record.failed = self._clock()

    def succeeded(self, key: Hashable) -> None:
        """Forget a key's failures; tries that are still pending may fail yet."""
        with self._lock:
            record = self._end_one(self._records.get(key, _Record()))
            record.failures = 0
            self._drop_empty(key)

    def release(self, key: Hashable) -> None:
        """Forget a try that came to nothing, as if it had never begun."""
        with self._lock:
            self._end_one(self._records.get(key, _Record()))
            self._drop_empty(key)

    def _touch(self, key: Hashable) -> _Record:
        """Return a key's record, and remember it longest."""
        record = self._records.pop(key, None) or _Record()
        if not record.pending and self._clock() - record.failed > self._forget:
            record = _Record()
        self._records[key] = record
        while len(self._records) > self._most:
            self._records.popitem(last=False)
        return record

    @staticmethod
    def _end_one(record: _Record) -> _Record:
        record.pending = max(0, record.pending - 1)  # 0 where the record was the oldest, and went
        return record

    def _drop_empty(self, key: Hashable) -> None:
        record = self._records.get(key)
        if record is not None and not record.failures and not record.pending:
            del self._records[key]


class BoundedWorker:
    """One thread that does one thing after another, with a queue that has an end.

    Parameters
    ----------
    waiting
        How many may wait while one is done.
    name
        The thread's, for whoever looks at the process.

    Examples
    --------
    >>> worker = BoundedWorker(waiting=1, name="sums")
    >>> worker.submit(sum, [1, 2]).result()
    3
    >>> worker.close()
    """

    def __init__(self, *, waiting: int, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._room = threading.BoundedSemaphore(1 + waiting)

    def submit(
        self, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "Future[T]":
        """Have something done.

        Raises
        ------
        queue.Full
            At once, if that is more than may wait.
        """
        if not self._room.acquire(blocking=False):
            raise Full
        future = self._thread.submit(function, *arguments, **keywords)
        # Called as well for what is cancelled while it waits.
        future.add_done_callback(lambda _: self._room.release())
        return future

    def close(self) -> None:
        """Stop after what is being done; what waits is cancelled."""
        self._thread.shutdown(cancel_futures=True)
