"""Slow down password guessing, and limit the queue of checks and their log entries."""

import asyncio
import functools
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Full
from typing import Any, ParamSpec, TypeVar

from imgurer_kernel.common.threads import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Record:
    failures: int = 0
    failed: float = 0.0  # time of the last failure
    pending: int = 0
    begun: float = 0.0  # start of the last attempt that may be pending


class Throttle:
    """Doubles the wait with each failure of a key, after some free attempts.

    A try is reserved before it is checked, and counts as a failure until its outcome is known, so
    that simultaneous tries gain nothing over sequential ones. The outcome is one of `failed`,
    `succeeded` and `release`, callable from any thread.

    Parameters
    ----------
    free
        Failures without a wait.
    longest
        Longest wait in seconds.
    clock
        Monotonic clock in seconds, such as `time.monotonic`.
    forget
        Seconds without a failure after which a key is forgotten.
    most
        Most keys kept; the oldest is dropped first.

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
        """Return the seconds until this key may try again; 0 if it may now."""
        with self._lock:
            record = self._records.get(key, _Record())
            beyond = record.failures + record.pending - self._free
            if beyond <= 0:
                return 0.0
            # Capped: 2**40 s is far beyond the longest wait, and a float would overflow.
            pause = min(self._longest, 2.0 ** min(beyond, 40))
            since = max(record.failed, record.begun) if record.pending else record.failed
            return max(0.0, since + pause - self._clock())

    def reserve(self, key: Hashable) -> None:
        """Record that an attempt begins."""
        with self._lock:
            record = self._touch(key)
            record.pending += 1
            record.begun = self._clock()

    def failed(self, key: Hashable) -> None:
        """Record that an attempt has failed."""
        with self._lock:
            record = self._end_one(self._touch(key))
            record.failures += 1
            record.failed = self._clock()

    def succeeded(self, key: Hashable) -> None:
        """Forget a key's failures; pending attempts may still fail."""
        with self._lock:
            record = self._end_one(self._records.get(key, _Record()))
            record.failures = 0
            self._drop_empty(key)

    def release(self, key: Hashable) -> None:
        """Forget an attempt that was never checked."""
        with self._lock:
            self._end_one(self._records.get(key, _Record()))
            self._drop_empty(key)

    def _touch(self, key: Hashable) -> _Record:
        """Return a key's record, and mark it as the most recently used."""
        record = self._records.pop(key, None) or _Record()
        if not record.pending and self._clock() - record.failed > self._forget:
            record = _Record()
        self._records[key] = record
        while len(self._records) > self._most:
            self._records.popitem(last=False)
        return record

    @staticmethod
    def _end_one(record: _Record) -> _Record:
        record.pending = max(0, record.pending - 1)  # 0 if the record was dropped as the oldest
        return record

    def _drop_empty(self, key: Hashable) -> None:
        record = self._records.get(key)
        if record is not None and not record.failures and not record.pending:
            del self._records[key]


class LogLimiter:
    """Limits how often events of one kind are logged, so that no client floods the log.

    Parameters
    ----------
    every
        Seconds before a key is reported again.
    most
        Most keys tracked at one time; all others count as one.
    clock
        Monotonic clock in seconds, such as `time.monotonic`.

    Examples
    --------
    >>> limiter = LogLimiter(every=60, most=20, clock=lambda: 0.0)
    >>> limiter.add("192.0.2.1"), limiter.add("192.0.2.1"), limiter.add("192.0.2.2")
    (1, 0, 1)
    """

    def __init__(self, *, every: float, most: int, clock: Callable[[], float]) -> None:
        self._every = every
        self._most = most
        self._clock = clock
        self._reported: dict[
            Hashable, tuple[float, int]
        ] = {}  # time of the report, and count since

    def add(self, key: Hashable) -> int:
        """Count one event; return how many to report now, 0 if it is not to be logged."""
        now = self._clock()
        if key not in self._reported and len(self._reported) >= self._most:
            self._reported = {
                each: entry
                for each, entry in self._reported.items()
                if entry[0] + self._every > now
            }
            if len(self._reported) >= self._most:
                key = None
        at, unreported = self._reported.get(key, (None, 0))
        if at is not None and at + self._every > now:
            self._reported[key] = at, unreported + 1
            return 0
        self._reported[key] = now, 0
        return unreported + 1


class TurnOfLoop:
    """Lets one of many tasks continue per iteration of the event loop, in order.

    The loop would answer two hundred simultaneous requests in sequence anyway; in between it now
    reads new requests, which may have priority.
    """

    def __init__(self) -> None:
        self._last: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait for the turn of the calling task."""
        before, own = self._last, asyncio.get_running_loop().create_future()
        self._last = own
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])  # cancelling this wait does not cancel that future
            await asyncio.sleep(0)
        finally:
            own.set_result(None)


_MOST_IN_A_ROW = 4


@dataclass(frozen=True, slots=True)
class _QueuedWork:
    future: "Future[Any]"
    work: Callable[[], Any]


class FairWorker:
    """One thread that works for clients in turn, with a limited queue.

    A caller with many tasks does not delay others: the next task is that of the caller who has
    waited longest for a turn, and no caller may have more than a share of the queue.

    Parameters
    ----------
    waiting
        Most tasks that wait while one runs.
    share
        Most tasks of one caller, waiting or running.
    name
        Name of the thread.
    behind
        A worker with priority: this one begins no task while that one has any, except one after
        every `_MOST_IN_A_ROW` of its tasks, so that this one always makes progress.

    Examples
    --------
    >>> worker = FairWorker(waiting=1, share=1, name="sums")
    >>> worker.submit("ann", sum, [1, 2]).result()
    3
    >>> worker.close()
    """

    def __init__(
        self, *, waiting: int, share: int, name: str, behind: "FairWorker | None" = None
    ) -> None:
        self._behind = behind
        self._in_a_row = 0  # tasks done since the workers behind had a turn
        self._followers: list[FairWorker] = []
        if behind is not None:
            behind._followers.append(self)  # noqa: SLF001 - of this class
        self._thread = ThreadPool(1, thread_name_prefix=name)
        self._most = 1 + waiting
        self._share = share
        self._lock = threading.Lock()
        self._busy = self._closed = False
        self._inside: Counter[Hashable] = Counter()  # tasks of each caller, waiting or running
        self._queues: OrderedDict[Hashable, deque[_QueuedWork]] = OrderedDict()

    def submit(
        self, caller: Hashable, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "Future[T]":
        """Queue a task.

        Raises
        ------
        queue.Full
            If the queue is full, or the caller has its share of it.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._inside.total() >= self._most or self._inside[caller] >= self._share:
                raise Full
            self._inside[caller] += 1
            work = functools.partial(function, *arguments, **keywords)
            self._queues.setdefault(caller, deque()).append(_QueuedWork(future, work))
        # Also called for tasks that are cancelled while they wait.
        future.add_done_callback(functools.partial(self._leave, caller))
        self._begin_next()
        return future

    def close(self) -> None:
        """Stop after the current task; waiting ones are cancelled."""
        with self._lock:
            self._closed = True
            waiting = [task.future for queue in self._queues.values() for task in queue]
        for future in waiting:
            future.cancel()
        self._thread.shutdown()

    def _has_priority(self) -> bool:
        with self._lock:
            if self._inside and self._in_a_row < _MOST_IN_A_ROW:
                return True
            self._in_a_row = 0
            return False

    def _begin_next(self) -> None:
        # The worker with priority calls this again when it is idle, or has done several tasks.
        if self._behind is not None and self._behind._has_priority():  # noqa: SLF001 - of this class
            return
        with self._lock:
            while self._queues and not self._busy and not self._closed:
                caller, queue = next(iter(self._queues.items()))
                task = queue.popleft()
                # To the end of the queue: one task per turn.
                if queue:
                    self._queues.move_to_end(caller)
                else:
                    del self._queues[caller]
                if task.future.set_running_or_notify_cancel():
                    self._busy = True
                    done = self._thread.submit(task.work)
                    break
            else:
                return
        # Outside the lock: a callback on a finished future runs immediately.
        done.add_done_callback(functools.partial(self._end, task.future))

    def _end(self, future: "Future[Any]", done: "Future[Any]") -> None:
        error = done.exception()
        if error is None:
            future.set_result(done.result())
        else:
            future.set_exception(error)
        with self._lock:
            self._busy = False
            self._in_a_row += 1
            is_share_done = self._in_a_row >= _MOST_IN_A_ROW
        if is_share_done:
            for follower in self._followers:
                follower._begin_next()  # noqa: SLF001 - of this class
        self._begin_next()

    def _leave(self, caller: Hashable, future: "Future[Any]") -> None:
        with self._lock:
            self._inside[caller] -= 1
            if not self._inside[caller]:
                del self._inside[caller]
            queue = self._queues.get(caller)
            if queue and future.cancelled():
                kept = deque(task for task in queue if task.future is not future)
                self._queues[caller] = kept
                if not kept:
                    del self._queues[caller]
            is_idle = not self._inside
        if is_idle:
            for follower in self._followers:
                follower._begin_next()  # noqa: SLF001 - of this class
