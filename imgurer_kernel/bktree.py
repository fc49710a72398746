"""Search for near hashes in a set that grows and shrinks: a bucketed, metric-space tree."""

import threading
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from imgurer_kernel.errors import QueryError, UnknownImage
from imgurer_kernel.hashes import (
    Distances,
    Indices,
    Words,
    as_hash,
    as_hashes,
    as_ids,
    as_radius,
    scan,
)
from imgurer_kernel.segment import Segment

# Additions that a search scans before they become a segment.
_TAIL = 4096

# A segment takes in the next smaller one unless it is at least this many times as large.
_GROWTH = 4


@dataclass(slots=True, eq=False)
class _Tail:
    """The newest additions, in order of arrival, in arrays with room for `_TAIL`."""

    ids: Indices = field(default_factory=lambda: np.empty(_TAIL, np.int64))
    row: Words = field(default_factory=lambda: np.empty(_TAIL, np.uint64))
    column: Words = field(default_factory=lambda: np.empty(_TAIL, np.uint64))
    alive: np.ndarray = field(default_factory=lambda: np.zeros(_TAIL, np.bool_))
    place: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What a search sees: replaced as a whole, never changed.

    `tail` is shared with later states, which write only beyond `filled`.
    """

    segments: tuple[Segment, ...]
    tail: _Tail
    filled: int


class BKTree:
    """Ids by 128-bit hash, searched by Hamming radius, with insertion and deletion.

    The tree of Burkhard and Keller [1]_ keeps one hash in each node and its children by their
    distance from it; by the triangle inequality a search within r of a hash at distance d need
    only look into children d - r to d + r. Our own variations:

    - Buckets: hashes that are left over in small numbers are scanned, not split further. With
      one hash in a node a search at radius 10 visits 12-45 % of all nodes and loses to a scan.
    - Growth by the logarithmic method [2]_: additions gather in a short tail, which becomes an
      immutable segment; a segment is merged with smaller ones, so that there are few.
    - Deletion by tombstone; a segment is built anew when most of it is dead.
    - One entry for each distinct hash, with all ids that have it.

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
        self._state = _State((), _Tail(), 0)
        self._size = 0
        self._writing = threading.RLock()

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
            return self._hash_of(int(id_)) is not None

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
        row, column = as_hash(hash_)
        self.extend([id_], np.array([[row, column]], dtype=np.uint64))

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
                self._append(ids[fresh], hashes[fresh, 0], hashes[fresh, 1])
                self._size += len(fresh)

    def remove(self, id_: int) -> None:
        """Remove one id.

        Raises
        ------
        UnknownImage
            If it is not there.
        """
        with self._writing:
            place = self._state.tail.place.pop(id_, None)
            if place is not None:
                self._state.tail.alive[place] = False
                self._size -= 1
                return
            wanted = as_ids([id_])
            for segment in self._state.segments:
                position = segment.find(wanted)[0]
                if position >= 0:
                    segment.alive[position] = False
                    self._size -= 1
                    self._bury(segment)
                    return
        message = f"no image with the id {id_!r} is in the index; it may be removed already"
        raise UnknownImage(message)

    def search(self, hash_: tuple[int, int], radius: int) -> tuple[Indices, Distances]:
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
        state = self._state
        found = [segment.search(hash_, radius) for segment in state.segments]
        found.append(_search_tail(state, hash_, radius))
        ids = np.concatenate([part[0] for part in found])
        distances = np.concatenate([part[1] for part in found])
        order = np.lexsort((ids, distances))
        return ids[order], distances[order]

    def _hash_of(self, id_: int) -> tuple[int, int] | None:
        state = self._state
        place = state.tail.place.get(id_)
        if place is not None:
            return int(state.tail.row[place]), int(state.tail.column[place])
        for segment in state.segments:
            position = segment.find(np.array([id_], dtype=np.int64))
            if position[0] >= 0:
                row, column = segment.hashes_at(position)
                return int(row[0]), int(column[0])
        return None

    def _fresh(self, ids: Indices, hashes: Words) -> Indices:
        """Positions of the ids that are not there yet, each once; refuses a changed hash."""
        distinct, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
        _refuse_other(ids, hashes, hashes[first[inverse]])
        missing = np.ones(len(distinct), dtype=bool)
        state = self._state
        for segment in state.segments:
            position = segment.find(distinct)
            known = position >= 0
            row, column = segment.hashes_at(position[known])
            _refuse_other(distinct[known], hashes[first[known]], np.column_stack((row, column)))
            missing &= ~known
        if state.tail.place:
            for k in np.flatnonzero(np.isin(distinct, list(state.tail.place))):
                place = state.tail.place[int(distinct[k])]
                there = np.array([[state.tail.row[place], state.tail.column[place]]])
                _refuse_other(distinct[k : k + 1], hashes[first[k : k + 1]], there)
                missing[k] = False
        return np.sort(first[missing])

    def _append(self, ids: Indices, row: Words, column: Words) -> None:
        state = self._state
        end = state.filled + len(ids)
        if end > _TAIL:
            recent = _living_tail(state)
            ids, row, column = (
                np.concatenate((old, new))
                for old, new in zip(recent, (ids, row, column), strict=True)
            )
            self._state = _State(_merged(state.segments, ids, row, column), _Tail(), 0)
            return
        new = slice(state.filled, end)
        tail = state.tail
        tail.ids[new], tail.row[new], tail.column[new], tail.alive[new] = ids, row, column, True
        tail.place.update(zip(ids.tolist(), range(state.filled, end), strict=True))
        self._state = _State(state.segments, tail, end)

    def _bury(self, segment: Segment) -> None:
        """Build a segment anew if it is mostly dead."""
        if 2 * segment.dead <= len(segment):
            return
        state = self._state
        rebuilt = (Segment.of(*segment.living()),) if segment.dead < len(segment) else ()
        at = state.segments.index(segment)
        segments = state.segments[:at] + rebuilt + state.segments[at + 1 :]
        self._state = _State(segments, state.tail, state.filled)


def _refuse_other(ids: Indices, new: Words, old: Words) -> None:
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


def _living_tail(state: _State) -> tuple[Indices, Words, Words]:
    tail, living = state.tail, np.flatnonzero(state.tail.alive[: state.filled])
    return tail.ids[living], tail.row[living], tail.column[living]


def _search_tail(state: _State, hash_: tuple[int, int], radius: int) -> tuple[Indices, Distances]:
    tail, filled = state.tail, state.filled
    near, distances = scan(tail.row[:filled], tail.column[:filled], hash_, radius)
    living = tail.alive[near]
    return tail.ids[near[living]], distances[living]


def _merged(
    segments: tuple[Segment, ...], ids: Indices, row: Words, column: Words
) -> tuple[Segment, ...]:
    """Segments, largest first, with new ids in one of them."""
    keep = list(segments)
    parts = [(ids, row, column)]
    size = len(ids)
    while keep and len(keep[-1]) < _GROWTH * size:
        part = keep.pop().living()
        size += len(part[0])
        parts.append(part)
    ids, row, column = (np.concatenate(words) for words in zip(*parts, strict=True))
    return (*keep, Segment.of(ids, row, column))
