"""Work on all cores: results in order, and signs of life while they are waited for."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

PULSE = 0.5
"""Longest time in seconds between two signs of life."""


def in_order(
    work: Callable[[Part], Result],
    parts: Iterable[Part],
    pulse: Callable[[], None] | None = None,
    *,
    workers: int | None = None,
) -> Iterator[Result]:
    """Results of all parts, in their order; the work is done by threads.

    Parameters
    ----------
    work
        What is done with each part; it should let go of the interpreter's lock.
    parts
        Handed out at once.
    pulse
        Called again and again while a result is waited for. What it raises ends everything: parts
        that nobody has begun are dropped, and those that are under way are not waited for.
    workers
        Number of threads; as many as cores by default.

    Examples
    --------
    >>> list(in_order(lambda number: number**2, [3, 1, 2]))
    [9, 1, 4]
    """
    threads = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        waiting = deque(threads.submit(work, part) for part in parts)
        while waiting:
            first = waiting.popleft()
            while pulse is not None and wait([first], PULSE).not_done:
                pulse()
            yield first.result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
