"""Plan multi-index hashing: divide the bits into chunks, and estimate the cost.

If two hashes of 128 bits differ in at most r bits, and the bits are divided into chunks, then at
least one chunk differs in few bits. By the pigeonhole principle it is enough to compare, for each
chunk j, hashes whose chunk differs in at most r_j bits, as long as the sum of all (r_j + 1) is more
than r. Norouzi, Punjani and Fleet [1]_ use chunks of equal length with the same r_j or one less.

Our own variations: bits that are correlated over a sample of the hashes are assigned to different
chunks, so that their values are spread over the table; and the number of chunks and each r_j have
the lowest cost, as estimated from pairs of the sample. A chunk may be left out (r_j = -1).

References
----------
.. [1] M. Norouzi, A. Punjani, D. J. Fleet: Fast search in Hamming space with multi-index hashing.
   CVPR 2012, 3108-3115.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from imgurer_kernel.common.types import Float32s, Float64s, Int64s, UInt8s, UInt32s, UInt64s

# Pairs whose chunks are compared, and hashes whose bits are correlated.
_SAMPLE = 20_000
_CORRELATED = 4_000
_CHUNKS = range(3, 17)

# With more masks than this a scan is faster.
_MOST_MASKS = 20_000

# Measured seconds on one core of 2.4 GHz: compare two hashes of two buckets, load the next hash,
# open the next bucket, skip an empty one, and sort one hash into a table.
_COMPARE = 0.9e-9
_TAKE = 25e-9
_LOOK = 3e-9
_PASS = 1.8e-9
_SORT = 40e-9


@dataclass(frozen=True, slots=True, eq=False)
class Chunking:
    """A division of 128 bits into chunks.

    Attributes
    ----------
    lookup
        uint64 (16, 256, 2): the permuted bits of each value of each byte of a hash, as two words;
        byte k holds bits 8 k to 8 k + 7 of the row hash, byte 8 + k those of the column hash.
    offsets, widths
        int64 (m,): first bit and number of bits of each chunk, after the permutation.
    radii
        int64 (m,): number of bits in which a chunk may differ; -1 leaves it out.
    seconds
        Estimated time on one core.
    """

    lookup: UInt64s
    offsets: Int64s
    widths: Int64s
    radii: Int64s
    seconds: float

    def masks(self, chunk: int) -> UInt32s:
        """List all differences that a chunk may have, ascending, uint32."""
        width, radius = int(self.widths[chunk]), int(self.radii[chunk])
        differing = (
            sum(1 << bit for bit in bits)
            for count in range(radius + 1)
            for bits in combinations(range(width), count)
        )
        return np.array(sorted(differing), dtype=np.uint32)


def choose_chunking(
    hashes: UInt64s, queries: UInt64s | None, radius: int, sizes: tuple[int, int] | None = None
) -> Chunking:
    """Choose the chunking of the lowest estimated cost; deterministic.

    Parameters
    ----------
    hashes, queries
        uint64 (n, 2) and (q, 2), at least one of each; None for all pairs of the hashes.
    radius
        0..128 bits.
    sizes
        Numbers of hashes and of queries, if the arrays are samples of them.
    """
    other = hashes if queries is None else queries
    sizes = sizes or (len(hashes), len(other))
    rng = np.random.default_rng(0)
    sample = hashes[rng.integers(0, len(hashes), _SAMPLE)]
    differing = _bits(sample ^ other[rng.integers(0, len(other), _SAMPLE)])
    correlation = _squared_correlation(_bits(sample[:_CORRELATED]).astype(np.float32))
    within = queries is None
    best: tuple[float, list[Int64s], list[int]] = (np.inf, [], [])
    for count in _promising(radius, sizes, within=within):
        members = _spread(correlation, count)
        costs = [_costs(_shares(differing[bits]), sizes, within=within) for bits in members]
        radii, seconds = _distribute(costs, radius)
        if seconds < best[0]:
            best = seconds, members, radii
    seconds, members, radii = best
    widths = np.array([len(bits) for bits in members], dtype=np.int64)
    return Chunking(
        lookup=_lookup(np.concatenate(members)),
        offsets=np.cumsum(widths) - widths,
        widths=widths,
        radii=np.array(radii, dtype=np.int64),
        seconds=seconds,
    )


def _promising(radius: int, sizes: tuple[int, int], *, within: bool) -> list[int]:
    """List numbers of chunks around the one that is cheapest for uniform hashes.

    Dependent bits have less information, so that fewer and longer chunks are better; sixteen chunks
    are enough for any radius.
    """
    seconds = {}
    for count in _CHUNKS:
        widths = [128 // count + (chunk < 128 % count) for chunk in range(count)]
        known = {width: _costs(_uniform(width), sizes, within=within) for width in set(widths)}
        seconds[count] = _distribute([known[width] for width in widths], radius)[1]
    best = min(seconds, key=lambda count: seconds[count])
    return [count for count in _CHUNKS if best - 2 <= count <= best + 1]


def _uniform(width: int) -> Float64s:
    """Compute the share of all differences of a chunk that have at most 0, 1, 2 ... bits."""
    return np.cumsum([comb(width, radius) / 2.0**width for radius in range(width + 1)])


def _bits(hashes: UInt64s) -> UInt8s:
    """Unpack hashes to (128, n): bit b of the row hash in row b, of the column hash in 64 + b."""
    bytes_ = hashes.astype("<u8").view(np.uint8)
    return np.ascontiguousarray(np.unpackbits(bytes_, axis=1, bitorder="little").T)


def _squared_correlation(bits: Float32s) -> Float32s:
    centered = bits - bits.mean(axis=1, keepdims=True)
    covariance = centered @ centered.T / np.float32(bits.shape[1])
    # A constant bit has a covariance of 0 with all others; avoid a division by zero.
    scale = np.maximum(np.sqrt(np.diag(covariance)), np.float32(1e-3))
    return np.asarray((covariance / np.outer(scale, scale)) ** 2)


def _shares(differing: UInt8s) -> Float64s:
    """Compute the share of sampled pairs that differ in at most 0, 1, 2 ... bits of a chunk.

    A sample does not show rare differences; the share for uniform bits is a lower bound.
    """
    width, pairs = differing.shape
    counts = np.bincount(differing.sum(axis=0, dtype=np.uint8), minlength=width + 1)
    return np.asarray(np.maximum(np.cumsum(counts) / pairs, _uniform(width)))


def _spread(correlation: Float32s, count: int) -> list[Int64s]:
    """Assign bits to chunks greedily: each to the chunk with which it is correlated least."""
    members: list[list[int]] = [[] for _ in range(count)]
    # Sum of squared correlations of each chunk with each bit.
    shared = np.zeros((count, 128))
    room = np.array([128 // count + (chunk < 128 % count) for chunk in range(count)])
    for bit in np.argsort(-correlation.sum(axis=0), kind="stable"):
        open_ = np.flatnonzero(room)
        chunk = open_[np.argmin(shared[open_, bit])]
        members[chunk].append(int(bit))
        shared[chunk] += correlation[bit]
        room[chunk] -= 1
    return [np.array(bits, dtype=np.int64) for bits in members]


def _costs(shares: Float64s, sizes: tuple[int, int], *, within: bool) -> list[float]:
    """Estimate the seconds for one chunk with a radius of -1, 0, 1 ...

    The list ends before radii with too many masks.

    Parameters
    ----------
    shares
        Share of all pairs whose chunk differs in at most 0, 1, 2 ... bits.
    sizes
        Sizes of both sets; the inner loop runs over the buckets of the larger.
    """
    small, large = sorted(sizes)
    width = len(shares) - 1
    buckets = 2.0**width
    filled, met = min(small, buckets), min(1.0, large / buckets)
    tables = _SORT * (large if within else small + large) + _PASS * buckets
    costs, masks = [0.0], 0
    for radius, share in enumerate(shares):
        masks += comb(width, radius)
        if masks > _MOST_MASKS:
            break
        look = masks * (_PASS * buckets + _LOOK * filled)
        work = look + masks * small * met * _TAKE + share * small * large * _COMPARE
        costs.append(tables + (work / 2 if within else work))
    return costs


def _distribute(costs: list[list[float]], radius: int) -> tuple[list[int], float]:
    """Find the radii of the lowest cost whose sum of (radius + 1) is just more than `radius`.

    By dynamic programming over the chunks.

    ``costs[j][k]`` is the cost of chunk j with a radius of k - 1. The total is infinite if even
    the largest radii do not suffice.
    """
    best = np.full(radius + 2, np.inf)
    best[0] = 0.0
    choices = []
    for chunk in costs:
        options = np.full((len(chunk), radius + 2), np.inf)
        for used, cost in enumerate(chunk[: radius + 2]):
            options[used, used:] = best[: radius + 2 - used] + cost
        choices.append(options.argmin(axis=0))
        best = options.min(axis=0)
    if not np.isfinite(best[-1]):
        return [], np.inf
    radii, left = [], radius + 1
    for choice in reversed(choices):
        radii.append(int(choice[left]) - 1)
        left -= int(choice[left])
    return radii[::-1], float(best[-1])


def _lookup(order: Int64s) -> UInt64s:
    """Make the table that moves bit ``order[k]`` to position k, byte by byte."""
    place = np.empty(128, dtype=np.int64)
    place[order] = np.arange(128)
    lookup = np.zeros((16, 256, 2), dtype=np.uint64)
    values = np.arange(256)
    for bit, to in enumerate(place):
        having = values[(values >> (bit % 8)) & 1 == 1]
        lookup[bit // 8, having, to // 64] |= np.uint64(1) << np.uint64(to % 64)
    return lookup
