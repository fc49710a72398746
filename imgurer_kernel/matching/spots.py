"""Spots (keypoints): small parts of a picture with hashes invariant to turning and scaling.

A spot is a corner of the thumbnail with a dHash of its surroundings: 9x9 grays, 4 pixels apart,
turned to where the surroundings are brightest. Pictures of which one shows a part of the other, or
has something laid over it, share few hashes of the whole, but many of their spots. They are found
on seven levels, each smaller by a third of an octave, since a copy may be smaller. Corners beside
captions, white letters with black edges, are taken last.

Corners are those of Harris and Stephens, "A combined corner and edge detector" (1988), by the
harmonic mean of the eigenvalues; the direction is that of the centroid of brightness, after Rosin,
"Measuring corner properties" (1999).

The middle row and the middle column of the 9x9 grays are not compared, so that the comparisons of a
mirrored picture are those of the picture itself in another order.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s, UInt64s

MAX_SPOTS = 64
"""Of each picture. Half of them find 10 to 20 % fewer parts of collages, twice as many take three
times as long to search (benchmarks/candidates.md)."""

LEVELS = 7
STEP = 2 ** (1 / 3)
"""Ratio of the sides of two levels; half octaves lose 10 to 30 % of crops and turns."""

SPACING = 4.0
DIRECTIONS = 256
VERSION = 2
"""To be raised whenever the same thumbnail gets other spots."""

UInt16s = NDArray[np.uint16]

_MOVED_TOGETHER = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """The spots of n pictures; rows beyond the number of spots of a picture are zeros.

    Attributes
    ----------
    count
        uint8 (n,): how many spots each picture has, 0..64.
    size
        uint16 (n, 2): width and height of each thumbnail in pixels.
    hashes
        uint64 (n, 64, 2): of the surroundings, row hash first.
    place
        uint16 (n, 64, 2): x and y, in 1/65535 of the longer side.
    level, direction
        uint8 (n, 64): 0..6, and the angle in 1/256 of a turn.
    """

    count: UInt8s
    size: UInt16s
    hashes: UInt64s
    place: UInt16s
    level: UInt8s
    direction: UInt8s

    def __len__(self) -> int:
        return len(self.count)

    @classmethod
    def empty(cls, n: int) -> Self:
        """Allocate arrays for n pictures without spots."""
        return cls(
            count=np.zeros(n, np.uint8),
            size=np.ones((n, 2), np.uint16),
            hashes=np.zeros((n, MAX_SPOTS, 2), np.uint64),
            place=np.zeros((n, MAX_SPOTS, 2), np.uint16),
            level=np.zeros((n, MAX_SPOTS), np.uint8),
            direction=np.zeros((n, MAX_SPOTS), np.uint8),
        )

    def take(self, images: Int64s | BoolMask) -> "Spots":
        """Return the spots of some of the pictures."""
        return Spots(*(getattr(self, field.name)[images] for field in fields(self)))

    def put(self, images: Int64s | BoolMask, other: "Spots") -> None:
        """Write the spots of some pictures, in place."""
        for field in fields(self):
            getattr(self, field.name)[images] = getattr(other, field.name)

    @property
    def points(self) -> Float32s:
        """Return what votes use, float32 (n, 64, 4): x, y, size of a pixel of the level, direction.

        The first three are shares of the longer side, the last is in radians.
        """
        points = np.empty((*self.level.shape, 4), np.float32)
        points[..., :2] = self.place / np.float32(65535)
        longer = self.size.max(axis=1).astype(np.float32)
        scales = (STEP ** np.arange(256)).astype(np.float32)
        points[..., 2] = scales[self.level] / longer[:, None]
        points[..., 3] = self.direction * np.float32(2 * np.pi / DIRECTIONS)
        return points


def find_spots(gray: UInt8s) -> Spots:
    """Find the spots of one picture.

    Parameters
    ----------
    gray
        uint8 (height, width), up to 65,535 pixels each.

    Returns
    -------
    One row, the same on all machines.

    Examples
    --------
    >>> picture = np.zeros((200, 240), np.uint8)
    >>> picture[70:120, 100:170] = 200
    >>> int(find_spots(picture).count[0]) > 4
    True
    """
    from imgurer_kernel.matching._numba.spots import find

    spots = Spots.empty(1)
    height, width = gray.shape
    spots.size[0] = width, height
    spots.count[0] = find(
        np.ascontiguousarray(gray, np.uint8),
        TESTS,
        spots.hashes[0],
        spots.place[0],
        spots.level[0],
        spots.direction[0],
    )
    return spots


def mirrored(hashes: UInt64s) -> UInt64s:
    """Return the hashes of spots as they would be had the picture been mirrored, uint64 (m, 2).

    Examples
    --------
    >>> hashes = np.array([[5, 7]], np.uint64)
    >>> mirrored(mirrored(hashes)).tolist()
    [[5, 7]]
    """
    return _permuted(hashes, *_MIRROR)


def negative(hashes: UInt64s) -> UInt64s:
    """Return the hashes of spots as they would be in the negative, uint64 (m, 2).

    There the surroundings are brightest on the other side, so that they are turned by half a turn.
    """
    return _permuted(hashes, *_NEGATIVE)


def _tests() -> Float32s:
    """Return the compared points around a spot, float32 (128, 4): x, y of one and of the other."""
    at = (np.arange(9) - 4) * SPACING
    lines = (0, 1, 2, 3, 5, 6, 7, 8)
    rows = [(at[i], at[j], at[i + 1], at[j]) for j in lines for i in range(8)]
    columns = [(at[j], at[i], at[j], at[i + 1]) for j in lines for i in range(8)]
    return np.array(rows + columns, np.float32)


def _permutation(flip_x: int, flip_y: int) -> tuple[Int64s, BoolMask]:
    """Compute how the comparisons permute when flipped, and which swap their sides."""
    number = {tuple(row): k for k, row in enumerate(TESTS.tolist())}
    moved = (TESTS * np.array([flip_x, flip_y] * 2, np.float32) + 0.0).tolist()
    swapped = np.array([tuple(row) not in number for row in moved])
    place = [
        number[tuple(row[2:] + row[:2] if swap else row)]
        for row, swap in zip(moved, swapped, strict=True)
    ]
    return np.array(place), swapped


def _permuted(hashes: UInt64s, place: Int64s, changed: BoolMask) -> UInt64s:
    """Move the bits of hashes and complement some."""
    words = np.ascontiguousarray(hashes, np.uint64)
    moved = np.empty_like(words)
    # Few at a time: each bit takes a byte meanwhile, and the spots of a store would take 2 GB.
    for start in range(0, len(words), _MOVED_TOGETHER):
        # Byte k of a word, the lowest first, whatever the machine's order is.
        octets = words[start : start + _MOVED_TOGETHER].astype("<u8").view(np.uint8)
        bits = np.unpackbits(octets, bitorder="little").reshape(-1, 128)
        packed = np.packbits(bits[:, place] ^ changed, axis=1, bitorder="little")
        moved[start : start + _MOVED_TOGETHER] = np.ascontiguousarray(packed).view("<u8")
    return moved


TESTS = _tests()
"""Which grays around a spot are compared; bit k of its hash says which one is brighter."""

# Turned to the brightest side, a mirrored picture is mirrored up and down.
_MIRROR = _permutation(1, -1)
_HALF_TURN = _permutation(-1, -1)
_NEGATIVE = _HALF_TURN[0], ~_HALF_TURN[1]


def half_sizes(spots: Spots) -> Float64s:
    """Return half of width and height of each picture, in longer sides, float64 (n, 2)."""
    longer = spots.size.max(axis=1).astype(np.float64)
    half: Float64s = spots.size / longer[:, None] / 2
    return half
