"""What comparisons gave, by what went into them, so that none is made twice.

Where anything is new a later search makes its decisions anew, as if it were the first, and only
looks up what was compared before. So it comes to the result of a first search, whatever the order
in which images arrived.
"""

from collections.abc import Callable

import numpy as np

from imgurer_kernel.common.types import Float64s, Int64s, UInt64s


def mixed(columns: UInt64s) -> UInt64s:
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


def picture_words(image_ids: Int64s, hashes: UInt64s) -> UInt64s:
    """A word for each picture and its fingerprint, uint64 (n,); hashes are uint64 (n, k)."""
    return mixed(np.column_stack((image_ids.astype(np.uint64), hashes)))


def pair_keys(owners: UInt64s, maps: Float64s) -> UInt64s:
    """Names of comparisons: of which pictures, laid on each other by which map.

    Parameters
    ----------
    owners
        uint64 (k, 2): a word for each of the two pictures and its fingerprint.
    maps
        float64 (k, 6).
    """
    bits = np.ascontiguousarray(maps, np.float64).view(np.uint64)
    return mixed(np.column_stack((owners, bits)))


class ResultCache:
    """Values by key, each about two pictures.

    Parameters
    ----------
    width
        How many numbers belong to a key.
    """

    def __init__(self, width: int) -> None:
        self._keys: UInt64s = np.empty(0, np.uint64)
        self._owners: UInt64s = np.empty((0, 2), np.uint64)
        self._values: Float64s = np.empty((0, width))
        self._new: list[tuple[UInt64s, UInt64s, Float64s]] = []

    def __len__(self) -> int:
        return len(self._keys) + sum(len(keys) for keys, _, _ in self._new)

    def through(
        self, keys: UInt64s, owners: UInt64s, compute: Callable[[Int64s], Float64s]
    ) -> Float64s:
        """Values of keys, float64 (k, width).

        Parameters
        ----------
        keys
            uint64 (k,); what was asked for since `without` made this memory is computed again.
        owners
            uint64 (k, 2): the words of the two pictures that each value is about.
        compute
            Gives the values of those rows that are not known.
        """
        values = np.empty((len(keys), self._values.shape[1]))
        place = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        hit = self._keys[place] == keys if len(self._keys) else np.zeros(len(keys), bool)
        values[hit] = self._values[place[hit]]
        missing = np.flatnonzero(~hit)
        if len(missing):
            values[missing] = compute(missing)
            self._new.append((keys[missing], owners[missing], values[missing]))
        return values

    def without(self, pictures: UInt64s) -> "ResultCache":
        """A memory of its own of all that is not about these pictures, which are gone."""
        found = ResultCache(self._values.shape[1])
        known = self._keys, self._owners, self._values
        if self._new:
            keys, owners, values = map(np.concatenate, zip(*self._new, strict=True))
            keys, first = np.unique(keys, return_index=True)
            place = np.searchsorted(self._keys, keys)
            new = keys, owners[first], values[first]
            known = (
                np.insert(known[0], place, new[0]),
                np.insert(known[1], place, new[1], axis=0),
                np.insert(known[2], place, new[2], axis=0),
            )
        if len(pictures):
            kept = ~np.isin(known[1], pictures).any(axis=1)
            known = known[0][kept], known[1][kept], known[2][kept]
        found._keys, found._owners, found._values = known
        return found
