"""Run the compiled bulk engines over all cores: a scan, or multi-index hashing.

Work is divided into tasks, which run in any order and yield their results in a fixed one, so that
the order is the same in each run. A task stops when its buffer is full and continues after that was
yielded, so that memory is bounded, however many pairs there are.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Self

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import cores, thread_pool
from imgurer_kernel.common.types import Int64s, UInt8s, UInt32s, UInt64s
from imgurer_kernel.index.hash_arrays import Groups
from imgurer_kernel.index.multi_index import Chunking

PairChunk = tuple[UInt32s, UInt32s, UInt8s]
"""Some of the near pairs: numbers of two groups and a distance for each, (k,) each."""

STAGE = "comparing hashes"
"""Name of the stage in reports of progress."""

_THREADS = "imgurer-search"

# Results that a task collects before they are yielded: 2.3 MB.
_BUFFER = 1 << 18

# Tasks of one chunk for each core, so that none is idle for long at the end of the chunk.
_TASKS = 16

# Bytes of the hashes that one block of buckets is compared with: they stay in the L2 cache.
_BLOCK_BYTES = 1 << 16


def compile_all() -> None:
    """Compile the functions of bulk searches, or load them from numba's cache."""
    for module in ("scan", "multi_index", "components"):
        import_module(f"imgurer_kernel.index._numba.{module}")


@dataclass(slots=True, eq=False)
class _Task:
    """A compiled function with its arguments except the result arrays, and its state.

    The function updates `state`; the task is done when ``state[0]`` reaches `end`.
    """

    function: Callable[..., int]
    end: int
    state: Int64s

    @classmethod
    def of(cls, function: Callable[..., int], start: int, end: int) -> Self:
        """Make a task that has not begun."""
        return cls(function, end, np.array([start, 0, 0, 0, 0], dtype=np.int64))

    def step(self) -> PairChunk:
        """Continue until the buffer is full or the task is done."""
        query, hash_ = np.empty(_BUFFER, np.uint32), np.empty(_BUFFER, np.uint32)
        distance = np.empty(_BUFFER, np.uint8)
        count = self.function(self.end, self.state, query, hash_, distance)
        return query[:count].copy(), hash_[:count].copy(), distance[:count].copy()

    @property
    def done(self) -> bool:
        return bool(self.state[0] >= self.end)


def _run_in_order(
    executor: Executor, tasks: Iterator[_Task], total: int, progress: Progress | None
) -> Iterator[PairChunk]:
    """Yield the results of the tasks in their order, while some tasks run ahead.

    `total` is an upper bound of their number, for the progress.
    """
    waiting: deque[tuple[_Task, Future[PairChunk]]] = deque()
    finished, most = 0, 2 * cores()
    while True:
        while len(waiting) < most:
            task = next(tasks, None)
            if task is None:
                break
            waiting.append((task, executor.submit(task.step)))
        if not waiting:
            break
        task, future = waiting.popleft()
        chunk = future.result()
        if not task.done:
            waiting.appendleft((task, executor.submit(task.step)))
        else:
            finished += 1
            if progress is not None:
                progress(STAGE, finished, total)
        if len(chunk[0]):
            yield chunk
    if progress is not None:
        progress(STAGE, total, total)


def scan(
    hashes: Groups, queries: Groups | None, radius: int, progress: Progress | None = None
) -> Iterator[PairChunk]:
    """Find pairs within a radius by comparing all; arguments and results as in `join`."""
    from imgurer_kernel.index._numba.scan import scan_many

    others = hashes if queries is None else queries
    function = partial(
        scan_many, hashes.row, hashes.column, others.row, others.column, radius, queries is None
    )
    step = max(256, len(others) // (_TASKS * cores()))
    starts = range(0, len(others), step)
    tasks = (_Task.of(function, start, min(start + step, len(others))) for start in starts)
    with thread_pool(name=_THREADS) as executor:
        yield from _run_in_order(executor, tasks, len(starts), progress)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Hashes in the order of one chunk; see `imgurer_kernel.index._numba.multi_index`.

    `largest` is the size of the largest bucket.
    """

    row: UInt64s
    column: UInt64s
    members: UInt32s
    starts: UInt32s
    largest: int

    @classmethod
    def of(cls, row: UInt64s, column: UInt64s, offset: int, width: int) -> Self:
        from imgurer_kernel.index._numba.multi_index import table

        starts = np.empty((1 << width) + 2, np.uint32)
        members = np.empty(len(row), np.uint32)
        sorted_row, sorted_column = np.empty_like(row), np.empty_like(column)
        table(row, column, offset, width, starts, members, sorted_row, sorted_column)
        return cls(sorted_row, sorted_column, members, starts, int(np.diff(starts).max()))

    @property
    def buckets(self) -> int:
        return len(self.starts) - 2

    @property
    def arguments(self) -> tuple[UInt64s, UInt64s, UInt32s, UInt32s]:
        return self.row, self.column, self.members, self.starts

    def block(self) -> int:
        """Compute the number of buckets, a power of two, that hold `_BLOCK_BYTES` of hashes."""
        buckets = _BLOCK_BYTES * self.buckets // (16 * max(1, len(self.row)))
        return int(min(max(16, 1 << buckets.bit_length() - 1), self.buckets))

    def shares(self, block: int) -> list[tuple[int, int]]:
        """Divide the buckets into ranges of whole blocks with about equal numbers of hashes."""
        wanted = np.linspace(0, len(self.row), _TASKS * cores() + 1)[1:-1]
        inner = np.searchsorted(self.starts[: self.buckets], wanted) // block * block
        edges = np.unique(np.concatenate(([0], inner, [self.buckets])))
        return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _permuted(groups: Groups, chunking: Chunking) -> tuple[UInt64s, UInt64s]:
    """Permute the bits of the hashes so that those of a chunk are adjacent."""
    from imgurer_kernel.index._numba.multi_index import permute

    row, column = np.empty_like(groups.row), np.empty_like(groups.column)
    permute(groups.row, groups.column, chunking.lookup, row, column)
    return row, column


def _build_ahead(
    executor: Executor, build: Callable[[int], Any], chunking: Chunking
) -> Iterator[tuple[int, Any]]:
    """Yield the result of `build` for each chunk in use; the next one is built meanwhile."""
    used = np.flatnonzero(chunking.radii >= 0).tolist()
    coming = {chunk: executor.submit(build, chunk) for chunk in used[:1]}
    for place, chunk in enumerate(used):
        built = coming.pop(chunk).result()
        for after in used[place + 1 : place + 2]:
            coming[after] = executor.submit(build, after)
        yield chunk, built


def join(
    hashes: Groups,
    queries: Groups | None,
    radius: int,
    chunking: Chunking,
    progress: Progress | None = None,
) -> Iterator[PairChunk]:
    """Find pairs within a radius by multi-index hashing, each once.

    Parameters
    ----------
    hashes, queries
        Distinct hashes; None for all pairs of the hashes.
    chunking
        Division of the bits, made for this radius.
    progress
        Called repeatedly by the thread that iterates; may raise to stop.

    Yields
    ------
    query, hash, distance
        (k,) numbers of groups, and bits.
    """
    from imgurer_kernel.index._numba import multi_index

    # The inner loop runs over the buckets of the larger set, which have more hashes.
    larger, smaller, swapped = hashes, queries, False
    if queries is not None and len(queries) > len(hashes):
        larger, smaller, swapped = queries, hashes, True
    larger_words = _permuted(larger, chunking)
    smaller_words = larger_words if smaller is None else _permuted(smaller, chunking)

    def tables(chunk: int) -> tuple[_Table, _Table]:
        cut = int(chunking.offsets[chunk]), int(chunking.widths[chunk])
        table = _Table.of(*larger_words, *cut)
        return table, table if smaller is None else _Table.of(*smaller_words, *cut)

    def tasks(executor: Executor) -> Iterator[_Task]:
        for chunk, (table, other_table) in _build_ahead(executor, tables, chunking):
            block = table.block()
            function = partial(
                multi_index.join, *table.arguments, *other_table.arguments,
                chunking.masks(chunk), chunk, chunking.offsets, chunking.widths, chunking.radii,
                radius, smaller is None, block,
            )  # fmt: skip
            for start, end in other_table.shares(block):
                yield _Task.of(function, start, end)

    total = int((chunking.radii >= 0).sum()) * _TASKS * cores()
    with thread_pool(name=_THREADS) as executor:
        for query, hash_, distance in _run_in_order(executor, tasks(executor), total, progress):
            yield (hash_, query, distance) if swapped else (query, hash_, distance)


def union_find(
    hashes: Groups, radius: int, chunking: Chunking | None, progress: Progress | None = None
) -> UInt32s:
    """Find which hashes are connected by pairs within a radius, as a union-find forest.

    Parameters
    ----------
    chunking
        Division of the bits; None compares all pairs, on one core.
    progress
        Called after each chunk; may raise to stop.

    Returns
    -------
    parent
        uint32 (g,): the parent of each; the root of a component is its smallest hash.
    """
    from imgurer_kernel.index._numba import components

    # One forest for each thread, so that no thread waits for another; merged at the end.
    parents: SimpleQueue[UInt32s] = SimpleQueue()
    workers = cores()
    for _ in range(workers):
        parents.put(np.arange(len(hashes), dtype=np.uint32))

    def connect(table: _Table, masks: UInt32s, block: int, share: tuple[int, int]) -> None:
        room = np.empty((4, table.largest), np.uint64), np.empty((2, table.largest), np.uint32)
        parent = parents.get()
        components.connect(*table.arguments, masks, radius, block, *share, *room, parent)
        parents.put(parent)

    if chunking is None:
        starts = np.array([0, len(hashes), len(hashes)], dtype=np.uint32)
        members = np.arange(len(hashes), dtype=np.uint32)
        table = _Table(hashes.row, hashes.column, members, starts, len(hashes))
        connect(table, np.zeros(1, np.uint32), 1, (0, 1))
        return _merged(parents)
    row, column = _permuted(hashes, chunking)

    def build(chunk: int) -> _Table:
        return _Table.of(row, column, int(chunking.offsets[chunk]), int(chunking.widths[chunk]))

    with thread_pool(workers, name=_THREADS) as executor:
        for chunk, table in _build_ahead(executor, build, chunking):
            block, masks = table.block(), chunking.masks(chunk)
            list(executor.map(partial(connect, table, masks, block), table.shares(block)))
            if progress is not None:
                progress(STAGE, chunk + 1, len(chunking.radii))
    if progress is not None:
        progress(STAGE, len(chunking.radii), len(chunking.radii))
    return _merged(parents)


def _merged(parents: SimpleQueue[UInt32s]) -> UInt32s:
    """Merge the forests of all threads into one."""
    from imgurer_kernel.index._numba import components

    parent = parents.get()
    while not parents.empty():
        components.merge(parent, parents.get())
    return parent
