"""Work on all cores: count them, open a pool of threads, yield results in order.

A system may limit the number of threads (``ulimit -u``, a container's limit on processes). The work
is then done by fewer threads, or by the calling one.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Thread
from typing import ParamSpec, TypeVar

_NO_THREAD = "can't start new thread"  # CPython's words; RuntimeError is raised for faults, too

Part = TypeVar("Part")
Given = ParamSpec("Given")
Result = TypeVar("Result")

POLL_SECONDS = 0.5
"""Longest time between two calls of `in_order`'s `poll`."""


def cores(workers: int = 0) -> int:
    """Return how many CPU-bound threads to run at once, 1 or more.

    Parameters
    ----------
    workers
        The number wanted, such as ``Settings.workers``; 0 for one for each core that this process
        may use, by its CPU affinity (``taskset``, a container's cpuset) and, from Python 3.13 on,
        ``PYTHON_CPU_COUNT``.

    Examples
    --------
    >>> cores(3), 1 <= cores() <= os.cpu_count()
    (3, True)
    """
    if workers:
        return workers
    # Not os.cpu_count(): on 2 of a server's 64 cores that would start 64 threads.
    process_cpu_count = getattr(os, "process_cpu_count", None)
    if process_cpu_count is not None:
        return process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def start(thread: Thread) -> bool:
    """Start a thread; return False if the system allows no more threads.

    Examples
    --------
    >>> start(Thread(target=print, args=("at work",)))
    at work
    True
    """
    try:
        thread.start()
    except RuntimeError as error:
        # The same class is raised if a thread is started twice, which is a bug.
        if _NO_THREAD not in str(error):
            raise
        return False
    return True


class ThreadPool(ThreadPoolExecutor):
    """A pool of as many threads as the system allows; without any, `submit` does the work.

    Examples
    --------
    >>> with ThreadPool(2) as pool:
    ...     pool.submit(pow, 2, 10).result()
    1024
    """

    def submit(
        self,
        work: Callable[Given, Result],
        /,
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Future[Result]:
        """Call a function in a thread, or directly if there is none; return its future."""
        future = super().submit(work, *args, **kwargs)
        # A cancelled task stays in the queue, and a thread that gets it skips it.
        if self._threads or not future.cancel():
            return future
        done: Future[Result] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 (as a thread of the pool would)
            done.set_exception(error)
        return done

    def _adjust_thread_count(self) -> None:
        # The base class starts threads here, one for each task that is submitted.
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if _NO_THREAD not in str(error):
                raise


@contextmanager
def thread_pool(
    workers: int = 0, *, name: str = "imgurer", wait_at_end: bool = True
) -> Iterator[ThreadPool]:
    """Open a pool of threads for one job; tasks not begun at its end are dropped.

    Parameters
    ----------
    workers
        As for `cores`.
    name
        Prefix of the names of the threads.
    wait_at_end
        Whether to wait for running tasks when the block ends, also by an error.
    """
    pool = ThreadPool(cores(workers), thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=wait_at_end, cancel_futures=True)


def in_order(
    work: Callable[[Part], Result],
    parts: Iterable[Part],
    poll: Callable[[], None] | None = None,
    *,
    workers: int = 0,
) -> Iterator[Result]:
    """Do the work on all parts in threads, and yield the results in the order of the parts.

    Parameters
    ----------
    work
        Called with each part; threads help only if it releases the GIL.
    parts
        All are submitted at once.
    poll
        Called twice a second while a result is waited for, to show progress or to stop. If it
        raises, parts that are not begun are dropped, and running ones are not waited for.
    workers
        As for `cores`.

    Examples
    --------
    >>> list(in_order(lambda number: number**2, [3, 1, 2]))
    [9, 1, 4]
    """
    # Without waiting: a cancelled search must end immediately, though a part may take seconds more.
    with thread_pool(workers, wait_at_end=False) as pool:
        waiting = deque(pool.submit(work, part) for part in parts)
        while waiting:
            first = waiting.popleft()
            while poll is not None and wait([first], POLL_SECONDS).not_done:
                poll()
            yield first.result()
