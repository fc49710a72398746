"""How the bits of hashes of spots are moved and cut into chunks, for multi-index hashing.

Of two hashes that differ in few bits some chunk differs in fewer (Norouzi, Punjani and Fleet, "Fast
exact search in Hamming space with multi-index hashing", 2014).
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from imgurer_kernel.common.types import UInt32s, UInt64s

# Probability that a bit differs between spots of two pictures, fitted to how often chunks of 11,000
# pictures are near: within a fifth of the counts for 5 and 6 chunks.
_DIFFERS = 0.42


@dataclass(frozen=True, slots=True)
class Cut:
    """How 128 bits are cut into chunks.

    Attributes
    ----------
    widths, radii
        Bits of each chunk, and in how many of them it may differ: the sum of all (radius + 1) is
        more than the radius of the search, so that one chunk at least differs in no more.
    """

    widths: tuple[int, ...]
    radii: tuple[int, ...]

    @classmethod
    def of(cls, count: int, radius: int) -> "Cut":
        """Cut evenly into this number of chunks.

        Examples
        --------
        >>> Cut.of(5, 12)
        Cut(widths=(26, 26, 26, 25, 25), radii=(2, 2, 2, 1, 1))
        """
        width, wider = divmod(128, count)
        least, more = divmod(radius + 1, count)
        return cls(
            tuple(width + (k < wider) for k in range(count)),
            tuple(least - 1 + (k < more) for k in range(count)),
        )

    def entries(self) -> list[int]:
        """Count the values under which each chunk of a query has an entry."""
        return [
            sum(comb(width, bits) for bits in range(radius + 1))
            for width, radius in zip(self.widths, self.radii, strict=True)
        ]

    def chance(self) -> float:
        """Estimate how many chunks of two spots of different pictures are near."""
        return sum(
            comb(width, bits) * _DIFFERS**bits * (1 - _DIFFERS) ** (width - bits)
            for width, radius in zip(self.widths, self.radii, strict=True)
            for bits in range(radius + 1)
        )


def bit_moves(count: int) -> UInt64s:
    """Return the permuted bits of each byte of a hash, uint64 (16, 256, 2), by number of chunks.

    Adjacent bits depend on each other, and those of one direction are mostly the same: so each
    chunk has bits from all parts of both words. Chunks of one word each would be near by chance
    twenty times as often.
    """
    bits = np.arange(128)
    order = np.lexsort((bits, (bits + bits // 64) % count))
    # Chunks differ in width by one at most; where the borders lie makes no difference.
    to = np.empty(128, np.int64)
    to[order] = bits
    lookup = np.zeros((16, 256, 2), np.uint64)
    for bit in range(128):
        byte, within = divmod(bit, 8)
        has = (np.arange(256) >> within) & 1 == 1
        word, place = divmod(int(to[bit]), 64)
        lookup[byte, has, word] |= np.uint64(1 << place)
    return lookup


def differences(width: int, radius: int) -> UInt32s:
    """List all differences within a radius that a chunk may have, uint32, ascending."""
    differing = (
        sum(1 << bit for bit in bits)
        for count in range(radius + 1)
        for bits in combinations(range(width), count)
    )
    return np.array(sorted(differing), np.uint32)
