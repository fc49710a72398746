"""Spots sorted by chunks of their bits, to look few up among many without a full scan.

They are kept beside the spots (`imgurer_kernel.workbench.pictures.feature_kinds`): the time of a
search then depends on the number of new pictures, not on that of old ones.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from imgurer_kernel.common.types import Int64s, UInt32s, UInt64s
from imgurer_kernel.matching.spot_cut import Cut, bit_moves, differences
from imgurer_kernel.matching.spots import MAX_SPOTS, Spots

VERSION = 1
"""To be raised whenever the same spots get other buckets."""

CHUNKS = 6
"""Number of chunks, 21 or 22 bits each: five have so many values that a search spends its time on
empty buckets."""


@dataclass(frozen=True, slots=True, eq=False)
class SpotBuckets:
    """The m spots of n pictures, six times, 12 bytes each, and 64 MB of bucket offsets.

    Attributes
    ----------
    starts
        uint32: where each bucket begins, chunk after chunk.
    spots
        uint32 (6, m): row of the picture, times 64, plus number of the spot.
    rests
        uint64 (6, m): the 64 bits behind the chunk.
    """

    starts: UInt32s
    spots: UInt32s
    rests: UInt64s

    @classmethod
    def of(cls, spots: Spots) -> Self:
        """Sort the spots of less than 2**26 pictures; 0.5 us a spot."""
        from imgurer_kernel.matching._numba.spot_buckets import arrange
        from imgurer_kernel.matching._numba.spot_scan import move_all

        picture, spot = np.nonzero(np.arange(MAX_SPOTS) < spots.count[:, None])
        hashes = np.ascontiguousarray(spots.hashes[picture, spot], np.uint64)
        move_all(hashes, bit_moves(CHUNKS))
        names = (picture * MAX_SPOTS + spot).astype(np.uint32)
        widths = Cut.of(CHUNKS, 0).widths
        buckets = cls(
            np.zeros(sum((1 << width) + 2 for width in widths), np.uint32),
            np.empty((CHUNKS, len(names)), np.uint32),
            np.empty((CHUNKS, len(names)), np.uint64),
        )
        at = offset = 0
        for width, ordered, rests in zip(widths, buckets.spots, buckets.rests, strict=True):
            end = at + (1 << width) + 2
            arrange(hashes, names, offset, width, buckets.starts[at:end], ordered, rests)
            at, offset = end, offset + width
        return buckets


def chunk_table(cut: Cut) -> tuple[Int64s, UInt32s]:
    """Return the chunks and the differences within their radii, as machine code reads them.

    Returns
    -------
    int64 (6, 6) and uint32, see `imgurer_kernel.matching._numba.spot_buckets.look_up`.
    """
    rows, masks = [], []
    offset = first = bucket = 0
    for width, radius in zip(cut.widths, cut.radii, strict=True):
        masks.append(differences(width, radius))
        rows.append((offset, width, radius, first, first + len(masks[-1]), bucket))
        offset, first, bucket = (
            offset + width,
            first + len(masks[-1]),
            bucket + (1 << width) + 2,
        )
    return np.array(rows, np.int64), np.concatenate(masks)
