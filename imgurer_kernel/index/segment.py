"""One immutable part of an index: distinct hashes, and the ids that have each of them.

Nothing in a segment ever changes except that ids are marked as deleted, so that any number of
threads may search one without a lock.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.engine import TREE_FROM, WORTH_WALKING
from imgurer_kernel.index.hash_arrays import (
    Compact,
    compact,
    expand,
    group_equal,
    scan,
)

# Most hashes of a cell that is scanned instead of getting its own node. Measured from 512 to 16,384
# on 1 million hashes, photo-like and uniform, with and without vector instructions for popcounts:
# with 512 a search within 10 bits takes two to three times as long, since short runs of hashes
# cannot use vector instructions; from 8,192 on it changes little.
_LEAF = 8192


@dataclass(frozen=True, slots=True, eq=False)
class CompiledFunctions:
    """The compiled functions that a segment uses; see `imgurer_kernel.index._numba`."""

    build: Callable[..., Any]
    search: Callable[..., Any]
    reach: Callable[..., Any]
    scan: Callable[..., Any]

    @classmethod
    def load(cls) -> Self:
        """Compile them, or load them from numba's cache: from half a second to half a minute."""
        from imgurer_kernel.index._numba import bktree, scan

        return cls(build=bktree.build, search=bktree.search, reach=bktree.reach, scan=scan.scan_one)


class SearchBuffers(threading.local):
    """Buffers for the results of a search, reused by each thread."""

    def __init__(self) -> None:
        self.resize(4096)
        self.stack = np.empty(256, np.int32)

    def resize(self, size: int) -> None:
        """Resize the buffers."""
        self.near = np.empty(size, np.int64)
        self.distance = np.empty(size, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nodes and cells in the layout of `imgurer_kernel.index._numba.bktree`."""

    nodes: UInt64s
    cells: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Distinct hashes with their ids, in flat arrays; whole numbers have 32 bits if they fit.

    Attributes
    ----------
    row, column
        uint64 (m,): the words of each distinct hash; in the order of the tree if there is one.
    ids
        (n,): all ids, ascending; positions refer to this array.
    entry
        (n,): index of the hash of each id.
    starts, members
        (m + 1,) and (n,): hash k has the ids at ``members[starts[k]:starts[k + 1]]``.
    tree
        None if the hashes are scanned: they are few, or nothing is compiled yet.
    alive
        bool (n,): False for deleted ids. A search that runs at the same time may see the deletion
        or not.
    deleted_count
        int64 (1,): the number of deleted ids.
    """

    row: UInt64s
    column: UInt64s
    ids: Compact
    entry: Compact
    starts: Compact
    members: Compact
    tree: Tree | None
    alive: BoolMask
    deleted_count: Int64s = field(default_factory=lambda: np.zeros(1, np.int64))

    @classmethod
    def of(
        cls, ids: Int64s, row: UInt64s, column: UInt64s, compiled: CompiledFunctions | None
    ) -> Self:
        """Build one from distinct ids (n,) and the words of the hash of each, (n,)."""
        if not (ids[1:] > ids[:-1]).all():
            order = np.argsort(ids)
            ids, row, column = ids[order], row[order], column[order]
        groups = group_equal(row, column)
        row, column, starts, members = groups.row, groups.column, groups.starts, groups.members
        tree = None
        if compiled is not None and len(row) >= TREE_FROM:
            order = np.arange(len(row))
            # The arrays belong to this segment alone, so they may be permuted in place.
            nodes, cells, node_count, cell_count = compiled.build(row, column, order, _LEAF)
            tree = Tree(nodes[:node_count].copy(), cells[:cell_count].copy())
            members = members[expand(starts, order)[0] if len(row) < len(members) else order]
            starts = np.concatenate(([0], np.cumsum(groups.sizes[order])))
        entry = np.empty(len(ids), np.int64)
        entry[members] = np.repeat(np.arange(len(row)), np.diff(starts))
        return cls(
            row=row,
            column=column,
            ids=compact(ids),
            entry=compact(entry),
            starts=compact(starts),
            members=compact(members),
            tree=tree,
            alive=np.ones(len(ids), dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def mark_deleted(self, position: int) -> bool:
        """Mark the id at a position as deleted; return whether most ids are deleted now."""
        self.alive[position] = False
        self.deleted_count[0] += 1
        return bool(2 * self.deleted_count[0] > len(self))

    @property
    def wants_tree(self) -> bool:
        """Whether it is large enough for a tree, which needs compiled functions."""
        return self.tree is None and len(self.row) >= TREE_FROM

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        words = self.row.nbytes + self.column.nbytes
        numbers = (self.ids, self.entry, self.starts, self.members)
        tree = 0 if self.tree is None else self.tree.nodes.nbytes + self.tree.cells.nbytes
        return words + sum(array.nbytes for array in numbers) + self.alive.nbytes + tree

    def search(
        self,
        hash_: tuple[int, int],
        radius: int,
        compiled: CompiledFunctions | None,
        buffers: SearchBuffers,
    ) -> tuple[Int64s, UInt8s]:
        """Find the ids that are alive within a radius, and their distances, in no order."""
        if compiled is None:
            entries, distances = scan(self.row, self.column, hash_, radius)
        else:
            entries, distances = self._search_compiled(hash_, radius, compiled, buffers)
        if len(self.row) < len(self.ids):
            entries, choice = expand(self.starts, entries)
            distances = distances[choice]
        positions = self.members[entries]
        alive = self.alive[positions]
        return self.ids[positions[alive]].astype(np.int64), distances[alive]

    def _search_compiled(
        self,
        hash_: tuple[int, int],
        radius: int,
        compiled: CompiledFunctions,
        buffers: SearchBuffers,
    ) -> tuple[Int64s, UInt8s]:
        """Find entries; search again with larger buffers if they overflow."""
        row, column = np.uint64(hash_[0]), np.uint64(hash_[1])
        while True:
            near, distance = buffers.near, buffers.distance
            if self.tree is None:
                count = compiled.scan(self.row, self.column, row, column, radius, near, distance)
            else:
                nodes, cells = self.tree.nodes, self.tree.cells
                if len(buffers.stack) < len(nodes):
                    buffers.stack = np.empty(len(nodes), np.int32)
                count = compiled.search(
                    self.row, self.column, nodes, cells, row, column, radius,
                    int(WORTH_WALKING * len(self.row)), buffers.stack, near, distance,
                )  # fmt: skip
            if count <= len(near):
                return near[:count], distance[:count]
            buffers.resize(count)

    def reach(self, hash_: tuple[int, int], radius: int, compiled: CompiledFunctions) -> int:
        """Count the hashes in the cells of the root that a search must enter."""
        if self.tree is None:
            return len(self.row)
        words = np.uint64(hash_[0]), np.uint64(hash_[1])
        return int(compiled.reach(self.tree.nodes, self.tree.cells, *words, radius))

    def find(self, ids: Int64s) -> Int64s:
        """Look up the position of each id, (n,); -1 if it is not alive here."""
        # With the dtype of the sorted array, which numpy would convert otherwise. An id that wraps
        # around differs from the id at its position, and is not found below.
        place = np.searchsorted(self.ids, ids.astype(self.ids.dtype))
        position: Int64s = np.minimum(place, len(self) - 1)
        return np.where((self.ids[position] == ids) & self.alive[position], position, -1)

    def find_one(self, id_: int) -> int | None:
        """Look up the position of one id; None if it is not alive here."""
        position = int(self.find(np.array([id_]))[0])
        return None if position < 0 else position

    def hashes_at(self, positions: Int64s) -> tuple[UInt64s, UInt64s]:
        """Return the words of the hashes of the ids at some positions."""
        entry = self.entry[positions]
        return self.row[entry], self.column[entry]

    def live_items(self) -> tuple[Int64s, UInt64s, UInt64s]:
        """Return the ids that are alive and the words of their hashes."""
        positions = np.flatnonzero(self.alive)
        return self.ids[positions].astype(np.int64), *self.hashes_at(positions)
