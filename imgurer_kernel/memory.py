"""What comparisons gave, by what went into them, so that none is made twice.

A later search makes all its decisions anew, as if it were the first, and only looks up what was
compared before. So it comes to the result of a first search, whatever the order in which images
arrived.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


def mixed(columns: NDArray[np.uint64]) -> Words:
    """One word for each row of words, uint64 (n, k) to (n,); different rows give different words.

    Sixty-four bits, mixed by splitmix64 (Steele, Lea and Flood 2014): of ten million rows two meet
    with a probability of three in a million.

    Examples
    --------
    >>> a, b, c = mixed(np.array([[1, 2], [2, 1], [1, 2]], np.uint64)).tolist()
    >>> a == c != b
    True
    """
    words = np.full(len(columns), 0x9E3779B97F4A7C15, np.uint64)
    for column in columns.T:
        words = (words ^ column) + np.uint64(0x9E3779B97F4A7C15)
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        words ^= words >> np.uint64(31)
    return words


def pair_keys(tokens: Words, first: Ints, second: Ints, maps: Doubles) -> Words:
    """Names of comparisons: of which pictures, laid on each other by which map.

    Parameters
    ----------
    tokens
        uint64 (n,): a word for each image and its fingerprint.
    first, second
        int64 (k,): positions of images.
    maps
        float64 (k, 6).
    """
    bits = np.ascontiguousarray(maps, np.float64).view(np.uint64)
    return mixed(np.column_stack((tokens[first], tokens[second], bits)))


class Memory:
    """Values by key; what a run has neither asked for nor added is forgotten after it.

    Parameters
    ----------
    width
        How many numbers belong to a key.
    """

    def __init__(self, width: int) -> None:
        self._keys: Words = np.empty(0, np.uint64)
        self._values: Doubles = np.empty((0, width))
        self._used = np.zeros(0, bool)
        self._new: list[tuple[Words, Doubles]] = []

    def __len__(self) -> int:
        return len(self._keys)

    def through(self, keys: Words, compute: Callable[[Ints], Doubles]) -> Doubles:
        """Values of keys, float64 (k, width); `compute` gives those of the rows that are new."""
        values = np.empty((len(keys), self._values.shape[1]))
        place = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        hit = self._keys[place] == keys if len(self._keys) else np.zeros(len(keys), bool)
        values[hit] = self._values[place[hit]]
        self._used[place[hit]] = True
        missing = np.flatnonzero(~hit)
        if len(missing):
            values[missing] = compute(missing)
            self._new.append((keys[missing], values[missing]))
        return values

    def kept(self) -> "Memory":
        """For the next run: what was asked for in this one."""
        found = Memory(self._values.shape[1])
        keys = np.concatenate((self._keys[self._used], *(new[0] for new in self._new)))
        values = np.concatenate((self._values[self._used], *(new[1] for new in self._new)))
        found._keys, first = np.unique(keys, return_index=True)
        found._values = values[first]
        found._used = np.zeros(len(first), bool)
        return found

    def copied(self) -> "Memory":
        """The same values, none asked for yet: a run that is stopped spoils nothing."""
        found = Memory(self._values.shape[1])
        found._keys, found._values = self._keys, self._values
        found._used = np.zeros(len(self._keys), bool)
        return found
