"""One immutable part of an index: distinct hashes, and the ids that have each of them.

Nothing in a segment ever changes except that ids die, so that any number of threads may search
one without a lock.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.hashes import Distances, Indices, Words, expand, group, scan


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Distinct hashes with their ids, in flat arrays.

    Attributes
    ----------
    row, column
        The words of each distinct hash, (m,).
    starts
        Hash k has ``ids[starts[k]:starts[k + 1]]``, (m + 1,).
    ids
        All ids, (n,).
    by_id
        The positions in `ids` in ascending order of the ids, (n,).
    alive
        False where an id was removed, (n,). The only array that is written to: a search that
        runs at that moment sees the removal or does not.
    """

    row: Words
    column: Words
    starts: NDArray[np.int64]
    ids: Indices
    by_id: NDArray[np.int64]
    alive: NDArray[np.bool_]

    @property
    def dead(self) -> int:
        """How many of the ids were removed."""
        return len(self.ids) - int(np.count_nonzero(self.alive))

    @classmethod
    def of(cls, ids: Indices, row: Words, column: Words) -> Self:
        """Build from ids and the hash of each; the ids are distinct."""
        groups = group(row, column)
        ids = ids[groups.members]
        return cls(
            row=groups.row,
            column=groups.column,
            starts=groups.starts,
            ids=ids,
            by_id=np.argsort(ids, kind="stable"),
            alive=np.ones(len(ids), dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, hash_: tuple[int, int], radius: int) -> tuple[Indices, Distances]:
        """Living ids within a radius and their distances, in no order."""
        entries, distances = scan(self.row, self.column, hash_, radius)
        positions, choice = expand(self.starts, entries)
        living = self.alive[positions]
        return self.ids[positions[living]], distances[choice[living]]

    def find(self, ids: Indices) -> Indices:
        """The position of each id, or -1 where it is not alive here."""
        if not len(self):
            return np.full(len(ids), -1)
        place = np.searchsorted(self.ids, ids, sorter=self.by_id)
        position = self.by_id[np.minimum(place, len(self) - 1)]
        return np.where((self.ids[position] == ids) & self.alive[position], position, -1)

    def hashes_at(self, positions: Indices) -> tuple[Words, Words]:
        """The words of the hashes of the ids at some positions."""
        entry = np.searchsorted(self.starts, positions, side="right") - 1
        return self.row[entry], self.column[entry]

    def living(self) -> tuple[Indices, Words, Words]:
        """Ids that are alive and the words of their hashes."""
        positions = np.flatnonzero(self.alive)
        return self.ids[positions], *self.hashes_at(positions)
