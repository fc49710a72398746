"""The spots of pictures, not copied: most in one large record, the newest in a small one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt8s, UInt32s, UInt64s
from imgurer_kernel.matching.spot_buckets import SpotBuckets
from imgurer_kernel.matching.spots import MAX_SPOTS, Spots

_TOGETHER = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class SpotSegments:
    """The spots of pictures 0..n-1, none of which is copied.

    Attributes
    ----------
    parts
        Records whose rows are numbered consecutively.
    place
        int64 (n,): the row of each picture; -1 where its spots are not known, as if it had none.
    buckets
        Of each part, None for one that has none.
    """

    parts: tuple[Spots, ...]
    place: Int64s
    buckets: tuple[SpotBuckets | None, ...] = ()

    @classmethod
    def of(cls, spots: "Spots | SpotSegments", place: Int64s | None = None) -> "SpotSegments":
        """Take one record, of which picture k has row ``place[k]``, by default row k."""
        if isinstance(spots, SpotSegments):
            return spots if place is None else spots.at(place)
        return cls((spots,), np.arange(len(spots)) if place is None else place)

    def __len__(self) -> int:
        return len(self.place)

    def at(self, pictures: Int64s) -> "SpotSegments":
        """Renumber the pictures: the new number k is the old number ``pictures[k]``."""
        return replace(self, place=self.place[pictures])

    @property
    def count(self) -> UInt8s:
        """How many spots each picture has, uint8 (n,)."""
        return np.concatenate([*(part.count for part in self.parts), [np.uint8(0)]])[self.place]

    def take(self, pictures: Int64s | BoolMask) -> Spots:
        """Return a copy of the spots of some pictures."""
        place = self.place[pictures]
        if len(self.parts) == 1 and (place >= 0).all():
            return self.parts[0].take(place)
        taken = Spots.empty(len(place))
        for part, rows in zip(self.parts, self._rows(place), strict=True):
            present = np.flatnonzero(rows >= 0)
            taken.put(present, part.take(rows[present]))
        return taken

    def side_by_side(self) -> tuple[UInt32s, UInt64s]:
        """Return all m spots: 64 picture + number, uint32 (m,), and hashes, uint64 (m, 2)."""
        ends = np.concatenate(([0], np.cumsum(self.count, dtype=np.int64)))
        owner, hashes = np.empty(ends[-1], np.uint32), np.empty((ends[-1], 2), np.uint64)
        # In parts: a copy of all would also take room for 64 spots of each picture.
        for start in range(0, len(self), _TOGETHER):
            part = np.arange(start, min(start + _TOGETHER, len(self)))
            own = self.take(part)
            picture, spot = np.nonzero(np.arange(MAX_SPOTS) < own.count[:, None])
            rows = slice(ends[start], ends[part[-1] + 1])
            owner[rows] = (picture + start) * MAX_SPOTS + spot
            hashes[rows] = own.hashes[picture, spot]
        return owner, hashes

    def numbers(self, pictures: Int64s) -> Sequence[Int64s]:
        """Return, by part, which of the given pictures each row belongs to; -1 for none."""
        found = [np.full(len(part), -1) for part in self.parts]
        for numbers, rows in zip(found, self._rows(self.place[pictures]), strict=True):
            present = rows >= 0
            numbers[rows[present]] = pictures[present]
        return found

    def _rows(self, place: Int64s) -> list[Int64s]:
        """Return, by part, the row of each place in it, -1 where it is in none or in another."""
        found, begin = [], 0
        for part in self.parts:
            end = begin + len(part)
            found.append(np.where((place >= begin) & (place < end), place - begin, -1))
            begin = end
        return found
