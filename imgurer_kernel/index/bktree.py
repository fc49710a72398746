"""Search for near hashes in a set that grows and shrinks: a bucketed, metric-space tree."""

import threading
from dataclasses import dataclass
from typing import Self

import numpy as np

from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.index import bulk
from imgurer_kernel.index.bktree_snapshot import Snapshot
from imgurer_kernel.index.engine import WARM_FROM, Engine
from imgurer_kernel.index.hash_arrays import (
    as_hash,
    as_hashes,
    as_ids,
    as_radius,
)
from imgurer_kernel.index.segment import CompiledFunctions, Scratch

# Seconds that a large set waits to be warm: long enough to load from numba's cache, so that a
# store that was opened before is fast at once.
_PATIENCE = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeInfo:
    """What an index consists of.

    Attributes
    ----------
    ids, distinct
        Numbers of ids and of entries for distinct hashes.
    segments, nodes
        Numbers of immutable segments, and of tree nodes in all of them; without nodes it scans.
    nbytes
        Bytes of its arrays.
    compiled
        Whether the compiled functions are there.
    engine
        What answers a search: ``"scan"`` by numpy, ``"compiled scan"`` or ``"BK-tree"``.
    """

    ids: int
    distinct: int
    segments: int
    nodes: int
    nbytes: int
    compiled: bool
    engine: Engine


class BKTree:
    """Ids by 128-bit hash, searched by Hamming radius, with insertion and deletion.

    The tree of Burkhard and Keller [1]_ keeps one hash in each node and its children by their
    distance from it; by the triangle inequality a search within r of a hash at distance d need
    only look into children d - r to d + r. Our own variations:

    - Buckets: hashes that are left over in small numbers are scanned, not split further. With
      one hash in a node a search at radius 10 visits 12-45 % of all nodes and loses to a scan.
    - Two distances, of the row hash and of the column hash. Both obey the triangle inequality,
      and what the first leaves of the radius bounds the second.
    - The hash that a node measures from, its vantage, is not one of its hashes but the pattern
      of bits from which their distances vary most: the signs of their first principal component.
    - Growth by the logarithmic method [2]_: additions gather in a short tail, which becomes an
      immutable segment; a segment is merged with smaller ones, so that there are few.
    - Deletion by tombstone; a segment is built anew when most of it is dead.
    - One entry for each distinct hash, with all ids that have it.

    Of 1 million photo-like hashes a search at radius 10 looks at 9 % instead of 19 % with one
    distance from one of the hashes.

    Small sets, and all until the compiled functions are there (see `warm`), are scanned by numpy.
    A search takes no lock: it works on the segments that stood when it began, while another
    thread may add and remove (writers wait for each other).

    References
    ----------
    .. [1] W. A. Burkhard, R. M. Keller: Some approaches to best-match file searching.
       Communications of the ACM 16 (1973) 230-236.
    .. [2] J. L. Bentley, J. B. Saxe: Decomposable searching problems I. Static-to-dynamic
       transformation. Journal of Algorithms 1 (1980) 301-358.

    Examples
    --------
    >>> tree = BKTree()
    >>> tree.add(7, (0b1011, 0))
    >>> tree.extend([5, 9], np.array([[0b0011, 0], [0, 0]], dtype=np.uint64))
    >>> tree.search((0b1011, 0), radius=1)
    (array([7, 5]), array([0, 1], dtype=uint8))
    >>> tree.remove(5)
    >>> len(tree), 5 in tree
    (2, False)
    """

    def __init__(self) -> None:
        self._state = Snapshot()
        self._size = 0
        self._writing = threading.RLock()
        self._scratch = Scratch()
        self._kernels: CompiledFunctions | None = None
        self._loaded = threading.Event()
        self._warm = threading.Event()
        self._warming: threading.Thread | None = None

    @classmethod
    def of(cls, ids: object, hashes: object) -> Self:
        """A tree of these ids and hashes."""
        tree = cls()
        tree.extend(ids, hashes)
        return tree

    def __len__(self) -> int:
        return self._size

    def __contains__(self, id_: object) -> bool:
        if not isinstance(id_, int | np.integer):
            return False
        with self._writing:
            return self._state.hash_of(int(id_)) is not None

    def __repr__(self) -> str:
        parts = ", ".join(str(len(segment)) for segment in self._state.segments)
        return f"BKTree(ids={len(self)}, segments=[{parts}], tail={self._state.filled})"

    def add(self, id_: int, hash_: tuple[int, int]) -> None:
        """Add one id; adding it again with the same hash changes nothing.

        Parameters
        ----------
        id_
            Any whole number that fits int64.
        hash_
            Row hash and column hash, each below 2**64.

        Raises
        ------
        QueryError
            If the id is there with another hash, or an argument is not of its kind.
        """
        ids, pair = as_ids([id_]), as_hash(hash_)
        hashes = np.array([pair], dtype=np.uint64)
        with self._writing:
            known = self._state.hash_of(int(ids[0]))
            if known is not None:
                _refuse_other(ids, hashes, np.array([known], dtype=np.uint64))
                return
            self._append(ids, hashes)

    def extend(self, ids: object, hashes: object) -> None:
        """Add many ids; all of them, or none where an error is raised.

        Parameters
        ----------
        ids
            (n,) whole numbers.
        hashes
            (n, 2) uint64, row hash first.

        Raises
        ------
        QueryError
            If an id is there already, or occurs here twice, with another hash.
        """
        ids, hashes = as_ids(ids), as_hashes(hashes)
        if len(ids) != len(hashes):
            message = f"there are {len(ids)} ids for {len(hashes)} hashes; give as many of both"
            raise QueryError(message)
        if not len(ids):
            return
        with self._writing:
            fresh = self._fresh(ids, hashes)
            if len(fresh):
                self._append(ids[fresh], hashes[fresh])

    def remove(self, id_: int) -> None:
        """Remove one id.

        Raises
        ------
        UnknownImage
            If it is not there.
        """
        wanted = int(as_ids([id_])[0])
        with self._writing:
            state = self._state.without(wanted, self._kernels)
            if state is not None:
                self._state = state
                self._size -= 1
                return
        message = f"no image with the id {id_!r} is in the index; it may be removed already"
        raise UnknownImage(message)

    def search(self, hash_: tuple[int, int], radius: int) -> tuple[Int64s, UInt8s]:
        """All ids within a Hamming radius of a hash, and their distances.

        Parameters
        ----------
        hash_
            Row hash and column hash, each below 2**64.
        radius
            0..128 bits.

        Returns
        -------
        ids
            (k,) int64.
        distances
            (k,) uint8. Both are ordered by distance and then by id.

        Raises
        ------
        InvalidRadius
            If the radius is no whole number from 0 to 128.
        QueryError
            If the hash is no pair of 64-bit words.
        """
        hash_, radius = as_hash(hash_), as_radius(radius)
        ids, distances = self._state.search(hash_, radius, self._kernels, self._scratch)
        order = np.lexsort((ids, distances))
        return ids[order], distances[order]

    def warm(self, timeout: float = 0.0) -> bool:
        """Compile in the background what makes a search of many hashes fast.

        Until that is done a scan by numpy answers. A set that grows beyond 200,000 ids begins
        to compile by itself.

        Parameters
        ----------
        timeout
            Seconds to wait for it: 1 is enough where numba has it in its cache, 10 or more where
            it has not.

        Returns
        -------
        ready
            Whether it is done.
        """
        self._start_warming()
        return self._warm.wait(timeout) and self._kernels is not None

    def info(self) -> TreeInfo:
        """What the index consists of at this moment."""
        state, compiled = self._state, self._kernels is not None
        nodes = sum(len(segment.tree.nodes) for segment in state.segments if segment.tree)
        return TreeInfo(
            ids=self._size,
            distinct=sum(len(segment.row) for segment in state.segments) + state.filled,
            segments=len(state.segments),
            nodes=nodes,
            nbytes=sum(segment.nbytes for segment in state.segments),
            compiled=compiled,
            engine="BK-tree" if nodes else "compiled scan" if compiled else "scan",
        )

    def _start_warming(self) -> bool:
        """Begin to compile in the background; whether that was not begun before."""
        with self._writing:
            if self._warming is not None:
                return False
            self._warming = threading.Thread(target=self._compile, name="imgurer-warm", daemon=True)
            self._warming.start()
            return True

    def _compile(self) -> None:
        try:
            self._kernels = CompiledFunctions.load()
            self._loaded.set()  # who waits for it holds the lock
            with self._writing:
                self._state = self._state.with_trees(self._kernels)
        finally:
            self._loaded.set()
            self._warm.set()
        # Who has so many hashes will also search in bulk.
        bulk.load()

    def _fresh(self, ids: Int64s, hashes: UInt64s) -> Int64s:
        """Positions of the ids that are not there yet, each once; refuses a changed hash."""
        if (ids[1:] > ids[:-1]).all():
            distinct, first = ids, np.arange(len(ids))
        else:
            distinct, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
            _refuse_other(ids, hashes, hashes[first[inverse]])
        known, old = self._state.hashes_of(distinct)
        _refuse_other(distinct[known], hashes[first[known]], old[known])
        return np.sort(first[~known])

    def _append(self, ids: Int64s, hashes: UInt64s) -> None:
        self._size += len(ids)
        if self._size >= WARM_FROM and self._kernels is None:
            begun = self._start_warming()
            # Only once: with an empty cache it takes longer, and a scan does until it is done.
            self._loaded.wait(_PATIENCE if begun else 0)
        self._state = self._state.with_more(ids, hashes, self._kernels)


def _refuse_other(ids: Int64s, new: UInt64s, old: UInt64s) -> None:
    """Raise where an id comes with another hash than before."""
    other = np.flatnonzero((new != old).any(axis=1))
    if len(other):
        k = other[0]
        row, column = old[k]
        message = (
            f"the id {ids[k]} is in the index with the hash {row:016x}{column:016x} and cannot "
            f"be added with {new[k, 0]:016x}{new[k, 1]:016x}; remove it first"
        )
        raise QueryError(message)
