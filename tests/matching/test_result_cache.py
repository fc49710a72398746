"""The cache of comparisons: computed once, kept while both pictures exist."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.result_cache import ResultCache, hash_rows, pair_keys

KEYS = st.lists(st.integers(0, 20), max_size=12)


class Square:
    def __init__(self, keys):
        self.keys, self.asked = keys, []

    def __call__(self, rows):
        self.asked += self.keys[rows].tolist()
        return np.column_stack((self.keys[rows] ** 2, -self.keys[rows].astype(float)))


def ask(cache, keys):
    """Look numbers up in a cache; each entry is about a number and its tens."""
    keys = np.array(keys, np.uint64)
    square = Square(keys)
    values = cache.get_or_compute(keys, np.column_stack((keys, keys // 10 * 10)), square)
    assert values.tolist() == [[k * k, -k] for k in keys.tolist()]
    return square.asked


@given(st.lists(st.tuples(st.lists(KEYS, max_size=3), st.sets(st.integers(0, 20))), max_size=4))
def test_results_about_existing_pictures_are_not_computed_again(runs):
    cache, known = ResultCache(2), set()
    for run, there in runs:
        for keys in run:
            assert ask(cache, keys) == [k for k in keys if k not in known]
        known = {
            k for k in (*known, *(k for keys in run for k in keys)) if {k, k // 10 * 10} <= there
        }
        cache = cache.drop(np.array(sorted({*range(21)} - there), np.uint64))
        assert len(cache) == len(known)


def test_a_new_cache_does_not_change_the_earlier_one():
    cache = ResultCache(2)
    ask(cache, [1, 2])
    later = cache.drop(np.empty(0, np.uint64))
    assert ask(later, [2, 3]) == [3]
    assert len(later) == 3
    assert len(cache) == 2


def test_a_failed_computation_leaves_no_entry():
    cache = ResultCache(2)

    def fail(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_or_compute(np.array([4], np.uint64), np.zeros((1, 2), np.uint64), fail)
    assert len(cache) == 0


def test_keys_differ_where_anything_does():
    words = hash_rows(np.arange(4, dtype=np.uint64)[:, None])
    assert len({*words.tolist()}) == 4
    unit = np.array([[1.0, 0, 0, 0, 1, 0]])
    moved = unit + np.array([0, 0, 1e-9, 0, 0, 0])
    cases = [(0, 1, unit), (1, 0, unit), (0, 2, unit), (0, 1, moved)]
    keys = [pair_keys(words[[[a, b]]], maps)[0] for a, b, maps in cases]
    assert len({*keys}) == 4
    assert pair_keys(words[[[0, 1]]], unit)[0] == keys[0]
