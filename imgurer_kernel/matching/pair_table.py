"""The table of candidate pairs and what is known of each: columns, no behaviour but bookkeeping."""

from dataclasses import dataclass, fields, replace

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching.candidates import Candidates

UNTESTED, SAME, DIFFERENT, SAME_LAYOUT = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of images, one row each; the arrays are written to as pairs are tested.

    Attributes
    ----------
    first, second
        int64 (k,): the two images, first < second.
    distance
        int64 (k,): Hamming distance of the nearest hashes, or of those that led to the verdict.
    orientation
        int64 (k,): how the first is oriented to look like the second.
    status
        uint8 (k,): `UNTESTED`, `SAME`, `DIFFERENT` or `SAME_LAYOUT`.
    measures
        float32 (k, 3): correlation, agreement, overlap; zeros while untested.
    maps
        float64 (k, 6): from the first picture to the second.
    """

    first: Int64s
    second: Int64s
    distance: Int64s
    orientation: Int64s
    status: UInt8s
    measures: Float32s
    maps: Float64s

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, rows: Candidates) -> "Pairs":
        """One untested pair for the ways in which two images are near, from the nearest way."""
        nearest = np.flatnonzero(starts_of_pairs(rows))
        return cls.untested(
            rows.first[nearest],
            rows.second[nearest],
            rows.distance[nearest],
            rows.orientation[nearest],
        )

    @classmethod
    def untested(
        cls, first: Int64s, second: Int64s, distance: Int64s, orientation: Int64s
    ) -> "Pairs":
        """Pairs of which nothing is known yet."""
        size = len(first)
        return cls(
            first.copy(),
            second.copy(),
            distance.copy(),
            orientation.copy(),
            np.zeros(size, np.uint8),
            np.zeros((size, 3), np.float32),
            np.zeros((size, 6)),
        )

    def take(self, rows: Int64s | BoolMask | slice) -> "Pairs":
        """Some of the rows."""
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: "Pairs") -> "Pairs":
        """These rows, then those of another table."""
        columns = (
            (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )
        return Pairs(*(np.concatenate(column) for column in columns))

    def renamed(self, names: Int64s) -> "Pairs":
        """With image k called ``names[k]``; order and direction are kept."""
        return replace(self, first=names[self.first], second=names[self.second])


def reached(first: Int64s, second: Int64s, there: BoolMask) -> BoolMask:
    """Which images are in one connected component with some that are `there`.

    Parameters
    ----------
    first, second
        int64 (k,): images 0..n-1 that belong together.
    there
        bool (n,).

    Examples
    --------
    >>> reached(np.array([0, 3]), np.array([1, 1]), np.array([0, 0, 0, 1, 0], bool)).tolist()
    [True, True, False, True, False]
    """
    there, before = there.copy(), -1
    while before != (before := int(there.sum())):
        either = there[first] | there[second]
        there[first[either]] = there[second[either]] = True
    return there


def starts_of_pairs(rows: Candidates) -> BoolMask:
    """Which rows are the first of their pair."""
    new = np.ones(len(rows), bool)
    new[1:] = (rows.first[1:] != rows.first[:-1]) | (rows.second[1:] != rows.second[:-1])
    return new
