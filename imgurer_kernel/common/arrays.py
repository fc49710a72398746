"""Small operations on arrays that several packages need."""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Int64s, UInt64s

# The constants of splitmix64; the first is 2**64 divided by the golden ratio.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def splitmix64(words: UInt64s) -> UInt64s:
    """Mix the bits of each word, so that the results look random.

    The step of the generator splitmix64 [1]_. It is a permutation: different words have different
    results. These are the same on every machine and in every version, so that data sorted or stored
    by them stays valid.

    Parameters
    ----------
    words
        uint64, of any shape.

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood: Fast splittable pseudorandom number generators.
       OOPSLA 2014, 453-472.

    Examples
    --------
    >>> [f"{word:016x}" for word in splitmix64(np.array([0, 1], np.uint64)).tolist()]
    ['e220a8397b1dcdaf', '910a2dec89025cc1']
    """
    mixed: UInt64s = words + _GAMMA
    mixed = (mixed ^ (mixed >> _SHIFTS[0])) * _MULTIPLIERS[0]
    mixed = (mixed ^ (mixed >> _SHIFTS[1])) * _MULTIPLIERS[1]
    return mixed ^ (mixed >> _SHIFTS[2])


def greatest_of_three(values: Float32s) -> Float32s:
    """Return the greatest of three values at each place, (...), of (..., 3).

    `max` over so short an axis takes ten times as long.

    Examples
    --------
    >>> greatest_of_three(np.array([[1, 5, 2], [9, 7, 8]], np.float32)).tolist()
    [5.0, 9.0]
    """
    greatest: Float32s = np.maximum(values[..., 0], values[..., 1])
    return np.maximum(greatest, values[..., 2], out=greatest)


def group_starts(*columns: np.ndarray) -> BoolMask:
    """Mark the first row of each group, where equal rows are adjacent.

    Parameters
    ----------
    columns
        One or more arrays of shape (n,) whose rows are compared.

    Returns
    -------
    bool (n,): True where a row differs in any column from the one before, and for the first.

    Examples
    --------
    >>> group_starts(np.array([5, 5, 5, 7]), np.array([1, 1, 2, 2])).tolist()
    [True, False, True, True]
    """
    starts = np.zeros(len(columns[0]), np.bool_)
    starts[:1] = True
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return starts


# A look-up table of positions is made if it has at most this many times as many entries as numbers.
_SPARSE = 8


def places_of(wanted: Int64s, among: Int64s) -> Int64s:
    """Return the position of each number in a sorted array that has them all, int64 (k,).

    For 400,000 unsorted numbers among 100,000 `numpy.searchsorted` takes 40 ms, and this 3 ms.

    Parameters
    ----------
    among
        int64 (n,), ascending, 0 or more.

    Examples
    --------
    >>> places_of(np.array([7, 3, 7]), np.array([3, 5, 7])).tolist()
    [2, 0, 2]
    """
    if not len(among) or among[-1] > _SPARSE * len(among) or len(wanted) * 2 < len(among):
        return np.searchsorted(among, wanted)
    places = np.empty(int(among[-1]) + 1, np.int64)
    places[among] = np.arange(len(among))
    return places[wanted]


def distinct(*values: Int64s) -> Int64s:
    """Return the distinct numbers of one or more arrays, ascending.

    For 300,000 numbers it takes 3 ms, and `numpy.unique`, which uses a hash table (numpy 2.4),
    84 ms.

    Examples
    --------
    >>> distinct(np.array([3, 1, 3]), np.array([2, 1])).tolist()
    [1, 2, 3]
    """
    found = np.sort(np.concatenate(values))
    return found[group_starts(found)]
