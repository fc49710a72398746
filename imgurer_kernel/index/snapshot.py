"""The state of a BK-tree that one search uses: segments, and a tail of the newest additions."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.hash_arrays import scan
from imgurer_kernel.index.segment import CompiledFunctions, SearchBuffers, Segment

Items = tuple[Int64s, UInt64s, UInt64s]
"""Ids and the two words of their hashes, (n,) each."""

# Additions that are scanned before they become a segment: numpy scans this many in 10 us.
_TAIL = 4096

# A segment is merged into a new one unless it is at least this many times as large, so that each
# hash is moved only a few times, and a search has few segments.
_GROWTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeInfo:
    """The size and parts of an index.

    Attributes
    ----------
    ids, distinct
        Numbers of ids and of entries for distinct hashes.
    segments, nodes
        Numbers of immutable segments, and of tree nodes in all of them; 0 nodes if it scans.
    nbytes
        Bytes of its arrays.
    compiled
        Whether the compiled functions are loaded.
    """

    ids: int
    distinct: int
    segments: int
    nodes: int
    nbytes: int
    compiled: bool


@dataclass(slots=True, eq=False)
class Tail:
    """The newest additions, in order of arrival, in arrays with space for a few thousand.

    `place` maps the ids that are alive to their positions.
    """

    ids: Int64s = field(default_factory=lambda: np.empty(_TAIL, np.int64))
    row: UInt64s = field(default_factory=lambda: np.empty(_TAIL, np.uint64))
    column: UInt64s = field(default_factory=lambda: np.empty(_TAIL, np.uint64))
    alive: BoolMask = field(default_factory=lambda: np.zeros(_TAIL, np.bool_))
    place: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Segments, the largest first, and the filled part of a tail.

    Every addition makes a new snapshot, so that a running search keeps its own. Two parts are
    shared with later snapshots: the tail, which they write only beyond `filled`, and the marks of
    deleted ids.
    """

    segments: tuple[Segment, ...] = ()
    tail: Tail = field(default_factory=Tail)
    filled: int = 0

    def search(
        self,
        hash_: tuple[int, int],
        radius: int,
        compiled: CompiledFunctions | None,
        buffers: SearchBuffers,
    ) -> tuple[Int64s, UInt8s]:
        """Find the ids that are alive within a radius, and their distances, in no order."""
        parts = [segment.search(hash_, radius, compiled, buffers) for segment in self.segments]
        if self.filled or not parts:
            parts.append(self._search_tail(hash_, radius))
        if len(parts) == 1:
            return parts[0]
        ids, distances = (np.concatenate(part) for part in zip(*parts, strict=True))
        return ids, distances

    def _search_tail(self, hash_: tuple[int, int], radius: int) -> tuple[Int64s, UInt8s]:
        tail, filled = self.tail, self.filled
        near, distances = scan(tail.row[:filled], tail.column[:filled], hash_, radius)
        alive = tail.alive[near]
        return tail.ids[near[alive]], distances[alive]

    def info(self, size: int, *, compiled: bool) -> TreeInfo:
        """Describe the index, which has `size` ids."""
        return TreeInfo(
            ids=size,
            distinct=self.distinct,
            segments=len(self.segments),
            nodes=self.nodes,
            nbytes=sum(segment.nbytes for segment in self.segments),
            compiled=compiled,
        )

    @property
    def distinct(self) -> int:
        """Number of entries for distinct hashes; those of the tail count one by one."""
        return sum(len(segment.row) for segment in self.segments) + self.filled

    @property
    def nodes(self) -> int:
        """Number of tree nodes in all segments."""
        return sum(len(segment.tree.nodes) for segment in self.segments if segment.tree)

    def sample(self, size: int) -> UInt64s:
        """Return some of the hashes of the segments, evenly spread, uint64 (size or less, 2)."""
        total = sum(len(segment.row) for segment in self.segments)
        step = max(1, total // size)
        parts = [
            np.column_stack((segment.row[::step], segment.column[::step]))
            for segment in self.segments
        ]
        return np.concatenate([np.empty((0, 2), np.uint64), *parts])[:size]

    def reach(self, hash_: tuple[int, int], radius: int, compiled: CompiledFunctions) -> float:
        """Return the share of all entries, 0..1, that a search must enter at the roots."""
        reached = sum(segment.reach(hash_, radius, compiled) for segment in self.segments)
        return (reached + self.filled) / max(1, self.distinct)

    def hash_of(self, id_: int) -> tuple[int, int] | None:
        """Look up the hash of an id; None if it is not there."""
        place = self.tail.place.get(id_)
        if place is not None:
            return int(self.tail.row[place]), int(self.tail.column[place])
        for segment in self.segments:
            position = segment.find_one(id_)
            if position is not None:
                row, column = segment.hashes_at(np.array([position]))
                return int(row[0]), int(column[0])
        return None

    def hashes_of(self, ids: Int64s) -> tuple[BoolMask, UInt64s]:
        """Look up which ids are there, bool (n,), and their hashes, uint64 (n, 2)."""
        known = np.zeros(len(ids), dtype=bool)
        hashes = np.zeros((len(ids), 2), dtype=np.uint64)
        for segment in self.segments:
            position = segment.find(ids)
            found_rows = np.flatnonzero(position >= 0)
            hashes[found_rows, 0], hashes[found_rows, 1] = segment.hashes_at(position[found_rows])
            known[found_rows] = True
        if self.tail.place:
            found_rows = np.flatnonzero(np.isin(ids, list(self.tail.place)))
            place = [self.tail.place[id_] for id_ in ids[found_rows].tolist()]
            hashes[found_rows, 0], hashes[found_rows, 1] = (
                self.tail.row[place],
                self.tail.column[place],
            )
            known[found_rows] = True
        return known, hashes

    def with_more(self, ids: Int64s, hashes: UInt64s, compiled: CompiledFunctions | None) -> Self:
        """Add new ids: to the tail if there is space, otherwise to a segment."""
        tail, end = self.tail, self.filled + len(ids)
        row, column = hashes[:, 0], hashes[:, 1]
        if end > len(tail.ids):
            alive = np.flatnonzero(tail.alive[: self.filled])
            old = (tail.ids[alive], tail.row[alive], tail.column[alive])
            return type(self)(_merge(self.segments, [old, (ids, row, column)], compiled))
        new = slice(self.filled, end)
        tail.ids[new], tail.row[new], tail.column[new], tail.alive[new] = ids, row, column, True
        tail.place.update(zip(ids.tolist(), range(self.filled, end), strict=True))
        return type(self)(self.segments, tail, end)

    def without(self, id_: int, compiled: CompiledFunctions | None) -> Self | None:
        """Delete one id; None if it is not there.

        The id is marked as deleted for all snapshots; a segment with most ids deleted is rebuilt.
        """
        place = self.tail.place.pop(id_, None)
        if place is not None:
            self.tail.alive[place] = False
            return self
        for at, segment in enumerate(self.segments):
            position = segment.find_one(id_)
            if position is None:
                continue
            if not segment.mark_deleted(position):
                return self
            items = segment.live_items()
            rebuilt = (Segment.of(*items, compiled),) if len(items[0]) else ()
            segments = self.segments[:at] + rebuilt + self.segments[at + 1 :]
            return type(self)(segments, self.tail, self.filled)
        return None

    def with_trees(self, compiled: CompiledFunctions) -> Self:
        """Build a tree for each segment that is large enough for one."""
        segments = tuple(
            Segment.of(*segment.live_items(), compiled) if segment.wants_tree else segment
            for segment in self.segments
        )
        return type(self)(segments, self.tail, self.filled)


def _merge(
    segments: tuple[Segment, ...], parts: list[Items], compiled: CompiledFunctions | None
) -> tuple[Segment, ...]:
    """Merge the parts, and the segments that are not much larger, into one new segment."""
    keep, parts = list(segments), list(parts)
    size = sum(len(part[0]) for part in parts)
    while keep and len(keep[-1]) < _GROWTH * size:
        parts.append(keep.pop().live_items())
        size += len(parts[-1][0])
    ids, row, column = (np.concatenate(words) for words in zip(*parts, strict=True))
    return (*keep, Segment.of(ids, row, column, compiled))
