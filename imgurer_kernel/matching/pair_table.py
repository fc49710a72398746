"""The table of candidate pairs: columns of the results for each."""

from dataclasses import dataclass, fields, replace

import numpy as np

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.relation import DETAILS, Relation

UNTESTED, SAME, DIFFERENT, SAME_LAYOUT, ANOTHER_TAKE, PART_OF, SAME_COVER = (
    Relation.UNTESTED,
    Relation.SAME,
    Relation.DIFFERENT,
    Relation.SAME_LAYOUT,
    Relation.ANOTHER_TAKE,
    Relation.PART_OF,
    Relation.SAME_COVER,
)
"""The most frequent relations of a pair."""

NOT_LOOKED_AT = 255
"""The first detail of a pair that was not judged, or not by its originals, since others were more
likely. No pair that was judged has all of these bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of images, one row each; the arrays are written to as pairs are compared.

    Attributes
    ----------
    first, second
        int64 (k,): the two images, first < second.
    distance
        int64 (k,): Hamming distance, 0..128, of the nearest hashes, or of those that led to the
        verdict.
    orientation
        int64 (k,): 0..7, how the first is oriented to look like the second.
    status
        uint8 (k,): a `imgurer_kernel.matching.relation.Relation` each.
    measures
        float32 (k, 3): correlation, agreement, overlap, as
        `imgurer_kernel.matching.alignment.Comparison` has them; zeros while untested.
    maps
        float64 (k, 6): from the first picture to the second, as `imgurer_kernel.matching.affine`
        stores maps; zeros while untested.
    negative
        bool (k,): whether the negative of the first was compared.
    details
        uint8 (k, 4): what else was done to a copy, see `imgurer_kernel.matching.relation.details`.
    """

    first: Int64s
    second: Int64s
    distance: Int64s
    orientation: Int64s
    status: UInt8s
    measures: Float32s
    maps: Float64s
    negative: BoolMask
    details: UInt8s

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, candidates: Candidates) -> "Pairs":
        """Make one untested pair of all matches between two images, with the nearest match."""
        nearest = candidates.take(pair_starts(candidates))
        return cls.untested(nearest.first, nearest.second, nearest.distance, nearest.orientation)

    @classmethod
    def untested(
        cls, first: Int64s, second: Int64s, distance: Int64s, orientation: Int64s
    ) -> "Pairs":
        """Make pairs that are not compared yet; the columns are copied."""
        size = len(first)
        # Copies: verifying writes to the table, and candidates must not change.
        return cls(
            first.copy(),
            second.copy(),
            distance.copy(),
            orientation.copy(),
            np.zeros(size, np.uint8),
            np.zeros((size, 3), np.float32),
            np.zeros((size, 6)),
            np.zeros(size, np.bool_),
            np.zeros((size, DETAILS), np.uint8),
        )

    def count_not_looked_at(self, relation: Relation = DIFFERENT) -> int:
        """Count the pairs that have a relation only because they were not judged, or by originals.

        Those are `DIFFERENT`; with `SAME_LAYOUT` pages of which only thumbnails were compared.
        """
        left = (self.status == relation) & (self.details[:, 0] == NOT_LOOKED_AT)
        return int(np.count_nonzero(left))

    def take(self, rows: Int64s | BoolMask | slice) -> "Pairs":
        """Return some of the rows."""
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: "Pairs") -> "Pairs":
        """Return these rows, then those of another table."""
        columns = (
            (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )
        return Pairs(*(np.concatenate(column) for column in columns))

    def with_ids(self, ids: Int64s) -> "Pairs":
        """Replace image k by ``ids[k]``; order and direction are kept."""
        return replace(self, first=ids[self.first], second=ids[self.second])


def connected_to(seeds: BoolMask, first: Int64s, second: Int64s) -> BoolMask:
    """Mark the images that are in one connected component with any of the seeds, bool (n,).

    Parameters
    ----------
    seeds
        bool (n,): marks images 0..n-1.
    first, second
        int64 (k,): the two ends of each edge.

    Examples
    --------
    >>> connected_to(np.array([0, 0, 0, 1, 0], bool), np.array([0, 3]), np.array([1, 1])).tolist()
    [True, True, False, True, False]
    """
    # Every round extends by one edge, over all edges at once, until it reaches no more images.
    reached, before = seeds.copy(), -1
    while before != (before := int(reached.sum())):
        either = reached[first] | reached[second]
        reached[first[either]] = reached[second[either]] = True
    return reached


def pair_starts(candidates: Candidates) -> BoolMask:
    """Mark the first match of each pair, those of a pair being together, bool (k,)."""
    return group_starts(candidates.first, candidates.second)
