"""Slow down password guessing, bound the queue of checks, and bound what is logged of them."""

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
    failed: float = 0.0  # when the last one failed
    pending: int = 0
    begun: float = 0.0  # when the last one began that may be pending


class Throttle:
    """Doubles the wait with each failure of one key, after a few free attempts.

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
        """Return the seconds until this key may try again; 0 when it may now."""
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
        """Note that an attempt begins."""
        with self._lock:
            record = self._touch(key)
            record.pending += 1
            record.begun = self._clock()

    def failed(self, key: Hashable) -> None:
        """Note that an attempt has failed."""
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
        record.pending = max(0, record.pending - 1)  # 0 where the record was the oldest, and went
        return record

    def _drop_empty(self, key: Hashable) -> None:
        record = self._records.get(key)
        if record is not None and not record.failures and not record.pending:
            del self._records[key]


class LogLimiter:
    """Bounds how often events of one kind are logged, so that no client floods the log.

    Parameters
    ----------
    every
        Seconds for which one key is not reported again.
    most
        Keys that are distinguished at one time; all others count as one.
    clock
        Seconds that only grow, such as `time.monotonic`.

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
        self._told: dict[Hashable, tuple[float, int]] = {}  # when, and how many came since

    def add(self, key: Hashable) -> int:
        """Note one event; return how many to report now, 0 where none is to be logged."""
        now = self._clock()
        if key not in self._told and len(self._told) >= self._most:
            self._told = {
                each: entry for each, entry in self._told.items() if entry[0] + self._every > now
            }
            if len(self._told) >= self._most:
                key = None
        at, untold = self._told.get(key, (None, 0))
        if at is not None and at + self._every > now:
            self._told[key] = at, untold + 1
            return 0
        self._told[key] = now, 0
        return untold + 1


class TurnOfLoop:
    """Lets one of many tasks go on in each turn of the event loop, in their order.

    Two hundred requests that come at once are answered one after the other by the loop anyway; in
    between it reads what has come meanwhile, which may be somebody who goes first.
    """

    def __init__(self) -> None:
        self._last: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait for one's turn."""
        before, mine = self._last, asyncio.get_running_loop().create_future()
        self._last = mine
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])  # who gives up waiting does not end the other's turn
            await asyncio.sleep(0)
        finally:
            mine.set_result(None)


_MOST_IN_A_ROW = 4


@dataclass(frozen=True, slots=True)
class _QueuedWork:
    future: "Future[Any]"
    work: Callable[[], Any]


class FairWorker:
    """One thread that works for clients in turn, with few waiting tasks of each.

    Who comes with much does not keep others waiting: the next turn is that of the caller who has
    waited longest for one, and no caller may have more than a share of the queue.

    Parameters
    ----------
    waiting
        How many may wait while one is done.
    share
        How many of these one caller may have.
    name
        The thread's, for whoever looks at the process.
    behind
        Another one, whose work goes first: nothing begins here while there is any, but for one
        after each `_MOST_IN_A_ROW` of it, so that nobody is kept waiting for ever.

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
        self._in_a_row = 0  # what was done since those behind had a turn
        self._followers: list[FairWorker] = []
        if behind is not None:
            behind._followers.append(self)  # noqa: SLF001 - of this class
        self._thread = ThreadPool(1, thread_name_prefix=name)
        self._most = 1 + waiting
        self._share = share
        self._lock = threading.Lock()
        self._busy = self._closed = False
        self._inside: Counter[Hashable] = Counter()  # what each caller has waiting or being done
        self._queues: OrderedDict[Hashable, deque[_QueuedWork]] = OrderedDict()

    def submit(
        self, caller: Hashable, function: Callable[P, T], *arguments: P.args, **keywords: P.kwargs
    ) -> "Future[T]":
        """Queue a task.

        Raises
        ------
        queue.Full
            At once, if that is more than may wait, or more than this caller may have waiting.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._inside.total() >= self._most or self._inside[caller] >= self._share:
                raise Full
            self._inside[caller] += 1
            work = functools.partial(function, *arguments, **keywords)
            self._queues.setdefault(caller, deque()).append(_QueuedWork(future, work))
        # Called as well for what is cancelled while it waits.
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

    def _goes_first(self) -> bool:
        with self._lock:
            if self._inside and self._in_a_row < _MOST_IN_A_ROW:
                return True
            self._in_a_row = 0
            return False

    def _begin_next(self) -> None:
        # Whoever is in front calls this again when its last work is done, or much of it.
        if self._behind is not None and self._behind._goes_first():  # noqa: SLF001 - of this class
            return
        with self._lock:
            while self._queues and not self._busy and not self._closed:
                caller, queue = next(iter(self._queues.items()))
                task = queue.popleft()
                # To the end of the line: one turn for each.
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
        # Outside of the lock: it is called at once where it is done already.
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
            is_much = self._in_a_row >= _MOST_IN_A_ROW
        if is_much:
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
            over = not self._inside
        if over:
            for follower in self._followers:
                follower._begin_next()  # noqa: SLF001 - of this class
