"""Cache the results of comparisons by their inputs, so that none is repeated.

A later search makes all its decisions again, and only looks up the results of earlier comparisons.
So its result is that of a first search, whatever the order in which images arrived.
"""

from collections.abc import Callable
from typing import Self

import numpy as np

from imgurer_kernel.common.arrays import splitmix64
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt64s
from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.judgement import judge
from imgurer_kernel.matching.original_judgement import judge_originals

MEASURES = 3
COMPARISON_WIDTH = MEASURES + 6
"""Numbers of one comparison: its measures, then its map."""


def hash_rows(columns: UInt64s) -> UInt64s:
    """Hash each row of words to one word, uint64 (n, k) to (n,).

    Sixty-four bits, mixed by splitmix64 (Steele, Lea and Flood 2014): of ten million rows two
    collide with a probability of three in a million.

    Examples
    --------
    >>> a, b, c = hash_rows(np.array([[1, 2], [2, 1], [1, 2]], np.uint64)).tolist()
    >>> a == c != b
    True
    """
    words = np.full(len(columns), 0x9E3779B97F4A7C15, np.uint64)
    for column in columns.T:
        words = splitmix64(words ^ column)
    return words


def image_keys(image_ids: Int64s, hashes: UInt64s) -> UInt64s:
    """Make a key of each image and its fingerprint, uint64 (n,); hashes are uint64 (n, k)."""
    return hash_rows(np.column_stack((image_ids.astype(np.uint64), hashes)))


def pair_keys(owners: UInt64s, maps: Float64s) -> UInt64s:
    """Make keys of comparisons from two images and the map between them, uint64 (k,).

    Parameters
    ----------
    owners
        uint64 (k, 2): the keys of the two images.
    maps
        float64 (k, 6); one that differs in a single bit gives another key.
    """
    bits = np.ascontiguousarray(maps, np.float64).view(np.uint64)
    return hash_rows(np.column_stack((owners, bits)))


class ResultCache:
    """Numbers by key; each entry is about two images.

    Parameters
    ----------
    width
        How many numbers belong to a key.
    """

    def __init__(self, width: int) -> None:
        # Sorted by key. A search looks no key up twice: new entries are merged by `drop` only, for
        # the next search.
        self._keys: UInt64s = np.empty(0, np.uint64)
        self._owners: UInt64s = np.empty((0, 2), np.uint64)
        self._values: Float64s = np.empty((0, width))
        self._new: list[tuple[UInt64s, UInt64s, Float64s]] = []

    @classmethod
    def of(cls, keys: UInt64s, owners: UInt64s, values: Float64s) -> Self:
        """Rebuild a cache from its `columns`."""
        cache = cls(values.shape[1])
        cache._keys, cache._owners, cache._values = keys, owners, values
        return cache

    def columns(self) -> tuple[UInt64s, UInt64s, Float64s]:
        """Return all that is kept, by key: uint64 (k,), uint64 (k, 2), float64 (k, width)."""
        if not self._new:
            return self._keys, self._owners, self._values
        keys, owners, values = map(np.concatenate, zip(*self._new, strict=True))
        keys, first = np.unique(keys, return_index=True)
        place = np.searchsorted(self._keys, keys)
        return (
            np.insert(self._keys, place, keys),
            np.insert(self._owners, place, owners[first], axis=0),
            np.insert(self._values, place, values[first], axis=0),
        )

    def __len__(self) -> int:
        return len(self._keys) + sum(len(keys) for keys, _, _ in self._new)

    def get_or_compute(
        self, keys: UInt64s, owners: UInt64s, compute: Callable[[Int64s], Float64s]
    ) -> Float64s:
        """Look values up, and compute and keep those that are missing.

        Parameters
        ----------
        keys
            uint64 (k,); what was computed since `drop` made this cache is computed again.
        owners
            uint64 (k, 2): the keys of the two images that each value is about.
        compute
            Gives the values of those rows that are missing, float64 (m, width). Where it raises
            nothing is kept.

        Returns
        -------
        float64 (k, width).
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

    def drop(self, images: UInt64s) -> "ResultCache":
        """Return a new cache without the entries about these images, uint64 (m,)."""
        # A new one: when a search is stopped half way, the cache of the last result is unchanged.
        columns = self.columns()
        if len(images):
            stay = ~np.isin(columns[1], images).any(axis=1)
            columns = columns[0][stay], columns[1][stay], columns[2][stay]
        return ResultCache.of(*columns)


class CachedComparer:
    """Compares the pictures of an image cache, each pair from each start once.

    Parameters
    ----------
    images
        The pictures.
    keys
        uint64 (n,): the key of each image, see `image_keys`.
    comparisons, judgements, original_judgements
        Caches that are read and added to, of width `COMPARISON_WIDTH` and, the others,
        `imgurer_kernel.matching.judgement.JUDGEMENT_WIDTH`.
    progress
        Called with the number of pairs that were compared since its last call; may raise to stop.
    """

    def __init__(
        self,
        images: ImageCache,
        keys: UInt64s,
        comparisons: ResultCache,
        judgements: ResultCache,
        original_judgements: ResultCache,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._images = images
        self._keys = keys
        self._comparisons = comparisons
        self._judgements = judgements
        self._original_judgements = original_judgements
        self._progress = progress

    def measure(
        self, first: Int64s, second: Int64s, starts: Float64s, negative: BoolMask | None = None
    ) -> Comparison:
        """Compare pairs, as `imgurer_kernel.matching.image_cache.ImageCache.compare` does."""

        def compute(new: Int64s) -> Float64s:
            inverted = None if negative is None else negative[new]
            ends = first[new], second[new]
            compared = self._images.compare(*ends, starts[new], self._progress, inverted)
            return np.hstack((compared.measures, compared.maps))

        known = self._get_or_compute(self._comparisons, first, second, starts, negative, compute)
        return Comparison(known[:, :MEASURES].astype(np.float32), known[:, MEASURES:])

    def judge(
        self,
        first: Int64s,
        second: Int64s,
        maps: Float64s,
        measures: Float32s,
        negative: BoolMask | None = None,
    ) -> Float64s:
        """Judge pairs aligned by maps, as `imgurer_kernel.matching.judgement.judge`."""

        def compute(new: Int64s) -> Float64s:
            inverted = None if negative is None else negative[new]
            ends = first[new], second[new]
            return judge(self._images, *ends, maps[new], measures[new], inverted)

        return self._get_or_compute(self._judgements, first, second, maps, negative, compute)

    def judge_originals(
        self, first: Int64s, second: Int64s, maps: Float64s, judged: Float64s
    ) -> Float64s:
        """Judge pairs by originals, as `imgurer_kernel.matching.original_judgement`."""

        def compute(new: Int64s) -> Float64s:
            return judge_originals(self._images, first[new], second[new], maps[new], judged[new])

        cache = self._original_judgements
        return self._get_or_compute(cache, first, second, maps, None, compute)

    def _get_or_compute(
        self,
        cache: ResultCache,
        first: Int64s,
        second: Int64s,
        maps: Float64s,
        negative: BoolMask | None,
        compute: Callable[[Int64s], Float64s],
    ) -> Float64s:
        owners = np.column_stack((self._keys[first], self._keys[second]))
        keys = pair_keys(owners, maps)
        if negative is not None:
            keys = np.where(negative, ~keys, keys)
        return cache.get_or_compute(keys, owners, compute)
