"""Search for near hashes in a set that grows and shrinks: a bucketed, metric-space tree."""

import threading
from typing import Self

import numpy as np

from imgurer_kernel.common.threads import start
from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.index import bulk
from imgurer_kernel.index.engine import WARM_FROM, EnginePlan, plan_search
from imgurer_kernel.index.hash_arrays import NearPairs, as_hash, as_hashes, as_ids, as_radius
from imgurer_kernel.index.segment import CompiledFunctions, SearchBuffers
from imgurer_kernel.index.snapshot import Snapshot, TreeInfo

# Seconds that adding to a large set waits for the compiled functions: long enough to load them from
# numba's cache, so that a store that was opened before is fast at once.
_WARM_SECONDS = 1.5

# Hashes of the tree that serve as sample queries when a search is planned.
_SAMPLE = 64


class BKTree:
    """Ids by 128-bit hash, searched by Hamming radius, with insertion and deletion.

    The tree of Burkhard and Keller [1]_ keeps one hash in each node and its children by their
    distance from it; by the triangle inequality a search within r of a hash at distance d need
    only visit children d - r to d + r. Our own variations:

    - Buckets: a cell of up to 8,192 hashes is scanned by vector instructions, not split further.
      With one hash in a node a search at radius 10 visits 12-45 % of all nodes and is slower than a
      scan.
    - Two distances, of the row hash and of the column hash. Both obey the triangle inequality,
      and the second is bounded by the radius minus the first.
    - The hash that a node measures from, its vantage point, is not one of its hashes but the
      pattern of bits from which their distances vary most: the signs of their first principal
      component.
    - A query with three quarters of the hashes or more in reach is answered by a scan.
    - Growth by the logarithmic method [2]_: additions are collected in a short tail, which becomes
      an immutable segment; a segment is merged with smaller ones, so that there are few.
    - Deletion by tombstone; a segment is rebuilt when most of it is deleted.
    - One entry for each distinct hash, with all ids that have it.

    Small sets, and all sets until the compiled functions are loaded (see `warm`), are scanned by
    numpy. Every engine gives the same result; `plan` returns the one that a search uses, and why.

    A search takes no lock: it uses the segments at its beginning, while another thread may add and
    remove (writers wait for each other).

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
        self._buffers = SearchBuffers()
        self._compiled: CompiledFunctions | None = None
        self._loaded = threading.Event()
        self._warm = threading.Event()
        self._warming: threading.Thread | None = None

    @classmethod
    def of(cls, ids: object, hashes: object) -> Self:
        """Build a tree of ids (n,) and hashes (n, 2); see `extend`."""
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
            If the id is there with another hash, or an argument has a wrong type.
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
        """Add many ids; all of them, or none if an error is raised.

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
            state = self._state.without(wanted, self._compiled)
            if state is not None:
                self._state = state
                self._size -= 1
                return
        message = f"no image with the id {id_!r} is in the index; it may be removed already"
        raise UnknownImage(message)

    def search(self, hash_: tuple[int, int], radius: int) -> tuple[Int64s, UInt8s]:
        """Find all ids within a Hamming radius of a hash, and their distances.

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
            If the radius is not a whole number from 0 to 128.
        QueryError
            If the hash is not a pair of 64-bit words.
        """
        hash_, radius = as_hash(hash_), as_radius(radius)
        ids, distances = self._state.search(hash_, radius, self._compiled, self._buffers)
        order = np.lexsort((ids, distances))
        return ids[order], distances[order]

    def search_many(self, hashes: object, radius: int) -> NearPairs:
        """Search for a few hashes, one by one, on the same state of the tree.

        For thousands of them `imgurer_kernel.index.neighbors` is faster.

        Parameters
        ----------
        hashes
            (q, 2) uint64, row hash first.
        radius
            0..128 bits.

        Returns
        -------
        query, ids, distances
            (k,) int64, int64 and uint8, ordered by query, distance and id.

        Raises
        ------
        InvalidRadius, QueryError
            As in `search`.
        """
        queries, radius = as_hashes(hashes, "queries"), as_radius(radius)
        state, compiled = self._state, self._compiled
        parts = [
            state.search((row, column), radius, compiled, self._buffers)
            for row, column in queries.tolist()
        ]
        query = np.repeat(np.arange(len(parts)), [len(ids) for ids, _ in parts])
        ids = np.concatenate([np.empty(0, np.int64), *(ids for ids, _ in parts)])
        distances = np.concatenate([np.empty(0, np.uint8), *(bits for _, bits in parts)])
        order = np.lexsort((ids, distances, query))
        return query[order], ids[order], distances[order]

    def plan(self, radius: int, queries: int = 1) -> EnginePlan:
        """Return the engine that most searches of this set use, with its cost.

        Parameters
        ----------
        radius
            0..128 bits.
        queries
            Number of searches that are made one by one.

        Raises
        ------
        InvalidRadius
            If the radius is not a whole number from 0 to 128.
        """
        radius, state, compiled = as_radius(radius), self._state, self._compiled
        reach = None
        if compiled is not None and state.nodes:
            sample = state.sample(_SAMPLE).tolist()
            reach = float(np.median([state.reach((a, b), radius, compiled) for a, b in sample]))
        return plan_search(
            state.distinct, radius, queries, compiled=compiled is not None, reach=reach
        )

    def warm(self, timeout: float = 0.0) -> bool:
        """Compile the functions for searching many hashes in the background.

        Until they are ready, searches scan by numpy. A set that grows beyond 200,000 ids compiles
        them by itself.

        Parameters
        ----------
        timeout
            Seconds to wait for them: 1 is enough if they are in numba's cache, 10 or more if not.

        Returns
        -------
        ready
            Whether they are ready.
        """
        self._start_warming()
        if self._warming is None:  # no thread could be started; searches use numpy
            return False
        return self._warm.wait(timeout) and self._compiled is not None

    @property
    def compiled(self) -> bool:
        """Whether the compiled functions are loaded; see `warm`."""
        return self._compiled is not None

    def info(self) -> TreeInfo:
        """Describe the present parts of the index."""
        return self._state.info(self._size, compiled=self.compiled)

    def _start_warming(self) -> bool:
        """Start compiling in the background; return whether this call started it."""
        with self._writing:
            if self._warming is not None:
                return False
            warming = threading.Thread(target=self._compile, name="imgurer-warm", daemon=True)
            if start(warming):
                self._warming = warming
            return self._warming is not None

    def _compile(self) -> None:
        try:
            self._compiled = CompiledFunctions.load()
            # Before the lock is taken: `_append` holds it while it waits for this.
            self._loaded.set()
            with self._writing:
                self._state = self._state.with_trees(self._compiled)
        finally:
            self._loaded.set()
            self._warm.set()
        # A set of this size is likely to be searched in bulk, too.
        bulk.compile_all()

    def _fresh(self, ids: Int64s, hashes: UInt64s) -> Int64s:
        """Return the positions of new ids, each once; raise for an id with another hash."""
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
        if self._size >= WARM_FROM and self._compiled is None:
            begun = self._start_warming()
            # Wait only once: with an empty cache it takes longer, and searches scan until then.
            self._loaded.wait(_WARM_SECONDS if begun else 0)
        self._state = self._state.with_more(ids, hashes, self._compiled)


def _refuse_other(ids: Int64s, new: UInt64s, old: UInt64s) -> None:
    """Raise `QueryError` for the first id whose new hash differs from the old one."""
    other = np.flatnonzero((new != old).any(axis=1))
    if len(other):
        k = other[0]
        row, column = old[k]
        message = (
            f"the id {ids[k]} is in the index with the hash {row:016x}{column:016x} and cannot "
            f"be added with {new[k, 0]:016x}{new[k, 1]:016x}; remove it first"
        )
        raise QueryError(message)
