"""Array operations against the same in Python's numbers and lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.common.arrays import distinct, group_starts, splitmix64

MASK = 2**64 - 1
words = st.integers(0, MASK) | st.sampled_from([0, 1, MASK, 2**63])


def reference(word):
    """One step of splitmix64 in whole numbers, as its paper has it."""
    word = (word + 0x9E3779B97F4A7C15) & MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


@given(st.lists(words, max_size=20))
def test_words_are_mixed_as_whole_numbers_would_be(values):
    given_ = np.array(values, np.uint64)
    before = given_.copy()
    assert splitmix64(given_).tolist() == [reference(value) for value in values]
    assert (given_ == before).all()


def test_any_shape_is_kept_and_different_words_stay_different():
    square = np.arange(10_000, dtype=np.uint64).reshape(100, 100)
    mixed = splitmix64(square)
    assert mixed.shape == (100, 100)
    assert len(np.unique(mixed)) == 10_000


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30))
def test_a_group_starts_where_any_column_changes(rows):
    columns = np.array(rows, np.int64).reshape(-1, 2).T
    expected = [k == 0 or rows[k] != rows[k - 1] for k in range(len(rows))]
    assert group_starts(*columns).tolist() == expected
    assert group_starts(columns[0]).tolist() == [
        k == 0 or rows[k][0] != rows[k - 1][0] for k in range(len(rows))
    ]


@pytest.mark.parametrize("dtype", [np.uint64, np.float64, np.bool_])
def test_columns_of_any_kind(dtype):
    assert group_starts(np.array([1, 1, 0], dtype)).tolist() == [True, False, True]


@given(st.lists(st.lists(st.integers(-9, 9)), min_size=1, max_size=3))
def test_distinct_numbers_are_those_of_a_set(lists):
    found = distinct(*(np.array(each, np.int64) for each in lists))
    assert found.tolist() == sorted({number for each in lists for number in each})
