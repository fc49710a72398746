"""An index as one search sees it: segments, and a tail of the newest additions."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt64s
from imgurer_kernel.index.hash_arrays import scan
from imgurer_kernel.index.segment import CompiledFunctions, Scratch, Segment

Items = tuple[Int64s, UInt64s, UInt64s]

# Additions that a search scans before they become a segment.
_TAIL = 4096

# A segment is merged into a new one unless it is at least this many times as large.
_GROWTH = 4


@dataclass(slots=True, eq=False)
class Tail:
    """The newest additions, in order of arrival, in arrays with room for a few thousand.

    `place` tells where the living ids are.
    """

    ids: Int64s = field(default_factory=lambda: np.empty(_TAIL, np.int64))
    row: UInt64s = field(default_factory=lambda: np.empty(_TAIL, np.uint64))
    column: UInt64s = field(default_factory=lambda: np.empty(_TAIL, np.uint64))
    alive: BoolMask = field(default_factory=lambda: np.zeros(_TAIL, np.bool_))
    place: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Segments, the largest first, and the filled part of a tail.

    Replaced as a whole by every addition, so that a search that runs has one to itself. Two
    things are shared with later snapshots: the tail, which they write only beyond `filled`, and
    the marks of what is dead.
    """

    segments: tuple[Segment, ...] = ()
    tail: Tail = field(default_factory=Tail)
    filled: int = 0

    def search(
        self,
        hash_: tuple[int, int],
        radius: int,
        kernels: CompiledFunctions | None,
        scratch: Scratch,
    ) -> tuple[Int64s, UInt8s]:
        """Living ids within a radius and their distances, in no order."""
        found = [segment.search(hash_, radius, kernels, scratch) for segment in self.segments]
        if self.filled or not found:
            found.append(self._search_tail(hash_, radius))
        if len(found) == 1:
            return found[0]
        ids, distances = (np.concatenate(part) for part in zip(*found, strict=True))
        return ids, distances

    def _search_tail(self, hash_: tuple[int, int], radius: int) -> tuple[Int64s, UInt8s]:
        tail, filled = self.tail, self.filled
        near, distances = scan(tail.row[:filled], tail.column[:filled], hash_, radius)
        living = tail.alive[near]
        return tail.ids[near[living]], distances[living]

    def hash_of(self, id_: int) -> tuple[int, int] | None:
        """The hash of an id, or None where it is not there."""
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
        """Which of the ids are there, and the hash of each that is; (n,) and (n, 2)."""
        known = np.zeros(len(ids), dtype=bool)
        hashes = np.zeros((len(ids), 2), dtype=np.uint64)
        for segment in self.segments:
            position = segment.find(ids)
            here = np.flatnonzero(position >= 0)
            hashes[here, 0], hashes[here, 1] = segment.hashes_at(position[here])
            known[here] = True
        if self.tail.place:
            here = np.flatnonzero(np.isin(ids, list(self.tail.place)))
            place = [self.tail.place[id_] for id_ in ids[here].tolist()]
            hashes[here, 0], hashes[here, 1] = self.tail.row[place], self.tail.column[place]
            known[here] = True
        return known, hashes

    def with_more(self, ids: Int64s, hashes: UInt64s, kernels: CompiledFunctions | None) -> Self:
        """With new ids: in the tail as long as there is room, or in a segment."""
        tail, end = self.tail, self.filled + len(ids)
        row, column = hashes[:, 0], hashes[:, 1]
        if end > len(tail.ids):
            living = np.flatnonzero(tail.alive[: self.filled])
            old = (tail.ids[living], tail.row[living], tail.column[living])
            return type(self)(_merged(self.segments, [old, (ids, row, column)], kernels))
        new = slice(self.filled, end)
        tail.ids[new], tail.row[new], tail.column[new], tail.alive[new] = ids, row, column, True
        tail.place.update(zip(ids.tolist(), range(self.filled, end), strict=True))
        return type(self)(self.segments, tail, end)

    def without(self, id_: int, kernels: CompiledFunctions | None) -> Self | None:
        """Without one id, or None where it is not there.

        The id is marked dead for all; a segment that is mostly dead is built anew.
        """
        place = self.tail.place.pop(id_, None)
        if place is not None:
            self.tail.alive[place] = False
            return self
        for at, segment in enumerate(self.segments):
            position = segment.find_one(id_)
            if position is None:
                continue
            if not segment.bury(position):
                return self
            living = segment.living()
            rebuilt = (Segment.of(*living, kernels),) if len(living[0]) else ()
            segments = self.segments[:at] + rebuilt + self.segments[at + 1 :]
            return type(self)(segments, self.tail, self.filled)
        return None

    def with_trees(self, kernels: CompiledFunctions) -> Self:
        """With a tree in each segment that is large enough for one."""
        segments = tuple(
            Segment.of(*segment.living(), kernels) if segment.wants_tree else segment
            for segment in self.segments
        )
        return type(self)(segments, self.tail, self.filled)


def _merged(
    segments: tuple[Segment, ...], parts: list[Items], kernels: CompiledFunctions | None
) -> tuple[Segment, ...]:
    """Segments, largest first, with the parts and the smaller ones of them in one."""
    keep, parts = list(segments), list(parts)
    size = sum(len(part[0]) for part in parts)
    while keep and len(keep[-1]) < _GROWTH * size:
        parts.append(keep.pop().living())
        size += len(parts[-1][0])
    ids, row, column = (np.concatenate(words) for words in zip(*parts, strict=True))
    return (*keep, Segment.of(ids, row, column, kernels))
