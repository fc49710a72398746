"""One immutable part of an index: distinct hashes, and the ids that have each of them.

Nothing in a segment ever changes except that ids die, so that any number of threads may search
one without a lock.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.engine import TREE_FROM
from imgurer_kernel.index.hash_arrays import (
    Compact,
    compact,
    expand,
    group,
    scan,
)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledFunctions:
    """The compiled functions that a segment uses."""

    build: Callable[..., Any]
    search: Callable[..., Any]
    scan: Callable[..., Any]

    @classmethod
    def load(cls) -> Self:
        """Compile, or load from numba's cache: from half a second to half a minute."""
        from imgurer_kernel.index._numba import bktree, scan

        return cls(build=bktree.build, search=bktree.search, scan=scan.scan_one)


class Scratch(threading.local):
    """Room for the results of one search, kept by each thread for its next one."""

    def __init__(self) -> None:
        self.resize(4096)
        self.stack = np.empty(256, np.int32)

    def resize(self, size: int) -> None:
        """Make room for so many results."""
        self.near = np.empty(size, np.int64)
        self.distance = np.empty(size, np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nodes and cells as ``kernels.bktree`` lays them out."""

    nodes: UInt64s
    cells: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Distinct hashes with their ids, in flat arrays; whole numbers take 32 bits where they fit.

    Attributes
    ----------
    row, column
        The words of each distinct hash, (m,); in the order of the tree if there is one.
    ids
        All ids, ascending, (n,); a position in this array names one.
    entry
        Which of the hashes each id has, (n,).
    starts, members
        Hash k has the ids at ``members[starts[k]:starts[k + 1]]``, (m + 1,) and (n,).
    tree
        None where the hashes are scanned: they are few, or nothing is compiled yet.
    alive
        False where an id was removed, (n,). A search that runs at that moment sees the removal
        or does not.
    graves
        The number of those, (1,).
    """

    row: UInt64s
    column: UInt64s
    ids: Compact
    entry: Compact
    starts: Compact
    members: Compact
    tree: Tree | None
    alive: BoolMask
    graves: Int64s = field(default_factory=lambda: np.zeros(1, np.int64))

    @classmethod
    def of(
        cls, ids: Int64s, row: UInt64s, column: UInt64s, kernels: CompiledFunctions | None
    ) -> Self:
        """Build from ids and the hash of each; the ids are distinct."""
        if not (ids[1:] > ids[:-1]).all():
            order = np.argsort(ids)
            ids, row, column = ids[order], row[order], column[order]
        groups = group(row, column)
        row, column, starts, members = groups.row, groups.column, groups.starts, groups.members
        tree = None
        if kernels is not None and len(row) >= TREE_FROM:
            order = np.arange(len(row))
            nodes, cells, node_count, cell_count = kernels.build(row, column, order)
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

    def bury(self, position: int) -> bool:
        """Mark the id at a position as dead; returns whether most are dead now."""
        self.alive[position] = False
        self.graves[0] += 1
        return bool(2 * self.graves[0] > len(self))

    @property
    def wants_tree(self) -> bool:
        """Whether it would have a tree, were it built with kernels."""
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
        kernels: CompiledFunctions | None,
        scratch: Scratch,
    ) -> tuple[Int64s, UInt8s]:
        """Living ids within a radius and their distances, in no order."""
        if kernels is None:
            entries, distances = scan(self.row, self.column, hash_, radius)
        else:
            entries, distances = self._search_compiled(hash_, radius, kernels, scratch)
        if len(self.row) < len(self.ids):
            entries, choice = expand(self.starts, entries)
            distances = distances[choice]
        positions = self.members[entries]
        living = self.alive[positions]
        return self.ids[positions[living]].astype(np.int64), distances[living]

    def _search_compiled(
        self, hash_: tuple[int, int], radius: int, kernels: CompiledFunctions, scratch: Scratch
    ) -> tuple[Int64s, UInt8s]:
        row, column = np.uint64(hash_[0]), np.uint64(hash_[1])
        while True:
            near, distance = scratch.near, scratch.distance
            if self.tree is None:
                found = kernels.scan(self.row, self.column, row, column, radius, near, distance)
            else:
                nodes, cells = self.tree.nodes, self.tree.cells
                if len(scratch.stack) < len(nodes):
                    scratch.stack = np.empty(len(nodes), np.int32)
                found = kernels.search(
                    self.row, self.column, nodes, cells, row, column, radius,
                    scratch.stack, near, distance,
                )  # fmt: skip
            if found <= len(near):
                return near[:found], distance[:found]
            scratch.resize(found)

    def find(self, ids: Int64s) -> Int64s:
        """The position of each id, or -1 where it is not alive here."""
        # As wide as what is searched, which numpy would widen otherwise, all of it. An id that
        # wraps around is found to be another one.
        place = np.searchsorted(self.ids, ids.astype(self.ids.dtype))
        position: Int64s = np.minimum(place, len(self) - 1)
        return np.where((self.ids[position] == ids) & self.alive[position], position, -1)

    def find_one(self, id_: int) -> int | None:
        """The position of one id, or None where it is not alive here."""
        position = int(self.find(np.array([id_]))[0])
        return None if position < 0 else position

    def hashes_at(self, positions: Int64s) -> tuple[UInt64s, UInt64s]:
        """The words of the hashes of the ids at some positions."""
        entry = self.entry[positions]
        return self.row[entry], self.column[entry]

    def living(self) -> tuple[Int64s, UInt64s, UInt64s]:
        """Ids that are alive and the words of their hashes."""
        positions = np.flatnonzero(self.alive)
        return self.ids[positions].astype(np.int64), *self.hashes_at(positions)
