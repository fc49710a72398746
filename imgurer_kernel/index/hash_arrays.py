"""Arrays of 128-bit hashes: check them, group equal ones, and scan them by numpy.

A hash is two unsigned 64-bit words, row hash first; n of them are an array of shape (n, 2) and
dtype uint64. Distances are Hamming distances over all 128 bits, 0..128.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgurer_kernel.common.arrays import group_starts
from imgurer_kernel.common.types import Int64s, UInt8s, UInt64s
from imgurer_kernel.errors import InvalidRadius, QueryError

Compact = Int64s | NDArray[np.int32]
"""Whole numbers in 32 bits if all of them fit; see `compact`."""

NearPairs = tuple[Int64s, Int64s, UInt8s]
"""Pairs that are near each other: two numbers and a distance for each, (k,) each."""

# Distances that one numpy call computes, so that its temporary arrays stay in a core's cache.
_BLOCK = 1 << 17

# Two odd constants of 64 bits: multiplying by them spreads differences in low bits to high ones.
_MULTIPLIERS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


def as_radius(radius: object) -> int:
    """Check a Hamming radius and make it an int from 0 to 128.

    Raises
    ------
    InvalidRadius
        If it is not a whole number (a bool or a float is not one), or out of range.

    Examples
    --------
    >>> as_radius(np.int64(10))
    10
    >>> as_radius(129)
    Traceback (most recent call last):
    imgurer_kernel.errors.InvalidRadius: radius is 129; it must be a whole number from 0 to 128
    """
    whole = isinstance(radius, int | np.integer) and not isinstance(radius, bool)
    if not whole or not 0 <= int(radius) <= 128:  # type: ignore[call-overload]
        message = f"radius is {radius!r}; it must be a whole number from 0 to 128"
        raise InvalidRadius(message)
    return int(radius)  # type: ignore[call-overload, no-any-return]


def as_hashes(hashes: object, name: str = "hashes") -> UInt64s:
    """Check an array of hashes; it is not copied.

    Raises
    ------
    QueryError
        If it is not an array of uint64 and shape (n, 2).
    """
    if (
        not isinstance(hashes, np.ndarray)
        or hashes.dtype != np.uint64
        or hashes.ndim != 2
        or hashes.shape[1] != 2
    ):
        seen = (
            f"an array of {hashes.dtype} and shape {hashes.shape}"
            if isinstance(hashes, np.ndarray)
            else f"a {type(hashes).__name__}"
        )
        message = f"{name} is {seen}; it must be an array of uint64 and shape (n, 2)"
        raise QueryError(message)
    return hashes


def as_hash(hash_: object) -> tuple[int, int]:
    """Check one hash and make it two ints, row hash first.

    Raises
    ------
    QueryError
        If it is not a pair of whole numbers from 0 to 2**64 - 1.

    Examples
    --------
    >>> as_hash(np.array([1, 2], dtype=np.uint64))
    (1, 2)
    """
    if isinstance(hash_, tuple | list | np.ndarray) and len(hash_) == 2:
        row, column = hash_
        if all(isinstance(word, int | np.integer) for word in (row, column)):
            pair = int(row), int(column)
            if all(0 <= word < 1 << 64 for word in pair):
                return pair
    message = f"a hash is {hash_!r}; it must be a pair (row, column) of whole numbers below 2**64"
    raise QueryError(message)


def as_ids(ids: object) -> Int64s:
    """Make ids an array of int64, copied only if the dtype differs.

    Raises
    ------
    QueryError
        If they are not whole numbers in one dimension, or too large for int64.
    """
    array = np.asarray(ids)
    if array.ndim == 1 and array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        message = (
            f"ids are an array of {array.dtype} and shape {array.shape}; "
            "they must be whole numbers of 64 bits in one dimension"
        )
        raise QueryError(message)
    if array.dtype == np.uint64 and int(array.max()) >= 1 << 63:
        message = f"an id is {int(array.max())}; the largest that fits is 2**63 - 1"
        raise QueryError(message)
    return array.astype(np.int64, copy=False)


def compact(numbers: Int64s) -> Compact:
    """Convert integers to 32 bits if all of them fit.

    Examples
    --------
    >>> compact(np.array([1, 2**31 - 1])).dtype, compact(np.array([1, 2**31])).dtype
    (dtype('int32'), dtype('int64'))
    """
    limits = np.iinfo(np.int32)
    fits = not len(numbers) or (limits.min <= numbers.min() and numbers.max() <= limits.max)
    return numbers.astype(np.int32) if fits else numbers


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Distinct hashes, and the positions of all that are equal to each.

    Attributes
    ----------
    row, column
        uint64 (g,): the two words of each distinct hash.
    starts, members
        int64 (g + 1,) and (n,): group k holds the positions
        ``members[starts[k]:starts[k + 1]]``, ascending.
    """

    row: UInt64s
    column: UInt64s
    starts: Int64s
    members: Int64s

    def __len__(self) -> int:
        return len(self.row)

    @property
    def sizes(self) -> Int64s:
        """Number of hashes in each group, int64 (g,)."""
        return np.diff(self.starts)


def group_equal(row: UInt64s, column: UInt64s) -> Groups:
    """Group equal hashes, so that a search compares each only once.

    The order of the groups depends on the hashes alone. They are sorted by one mixed word, which is
    five times faster than by two. If two different hashes mix to the same word, one of them may get
    a second group: a search then compares it twice, but still finds each position once.

    Examples
    --------
    >>> words = np.array([7, 5, 7], dtype=np.uint64)
    >>> grouped = group_equal(words, words)
    >>> sorted(grouped.members[a:b].tolist() for a, b in zip(grouped.starts, grouped.starts[1:]))
    [[0, 2], [1]]
    """
    mixed = (row ^ (row >> np.uint64(29))) * _MULTIPLIERS[0]
    mixed += (column ^ (column >> np.uint64(31))) * _MULTIPLIERS[1]
    order = np.argsort(mixed)  # twice as fast as a stable sort; equal hashes are sorted below
    row, column = row[order], column[order]
    first = group_starts(row, column)
    starts = np.append(np.flatnonzero(first), len(row))
    if len(starts) <= len(row):
        number = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        shared = np.flatnonzero(np.diff(starts)[number] > 1)
        order[shared] = order[shared][np.lexsort((order[shared], number[shared]))]
    return Groups(row[first], column[first], starts, order)


def group_each(row: UInt64s, column: UInt64s) -> Groups:
    """Make each hash a group of its own, for searches that are faster than grouping."""
    one_each = np.arange(len(row) + 1)
    row, column = np.array(row), np.array(column)
    return Groups(row, column, one_each, one_each[:-1])


def expand(starts: Compact, chosen: Int64s) -> tuple[Int64s, Int64s]:
    """List the positions of all members of the chosen groups, and the index of each one's choice.

    Examples
    --------
    >>> expand(np.array([0, 2, 3]), np.array([1, 0]))
    (array([2, 0, 1]), array([0, 1, 1]))
    """
    sizes = starts[chosen + 1] - starts[chosen]
    choice = np.repeat(np.arange(len(chosen)), sizes)
    before = np.cumsum(sizes) - sizes
    return np.arange(len(choice)) - before[choice] + starts[chosen][choice], choice


def scan(
    row: UInt64s, column: UInt64s, hash_: tuple[int, int], radius: int
) -> tuple[Int64s, UInt8s]:
    """Find positions and distances of all hashes within a radius of one, by comparing each."""
    distances = np.bitwise_count(row ^ np.uint64(hash_[0]))
    distances += np.bitwise_count(column ^ np.uint64(hash_[1]))
    near = np.flatnonzero(distances <= radius)
    return near, distances[near]


def scan_many(
    row: UInt64s, column: UInt64s, queries: UInt64s, radius: int, *, later: bool = False
) -> Iterator[NearPairs]:
    """Scan for many queries; yield (query, position, distance), ordered by query and position.

    Parameters
    ----------
    queries
        (q, 2) uint64.
    later
        Only positions after the query's own: for a set of hashes against itself.
    """
    step = max(1, _BLOCK // max(1, len(row)))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        skip = start + 1 if later else 0
        near = np.bitwise_count(block[:, :1] ^ row[skip:])
        near += np.bitwise_count(block[:, 1:] ^ column[skip:])
        query, position = np.nonzero(near <= radius)
        distances = near[query, position]
        query, position = query + start, position + skip
        if later:
            keep = position > query
            query, position, distances = query[keep], position[keep], distances[keep]
        if len(query):
            yield query, position, distances
