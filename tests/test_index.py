"""The bulk engine against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import InvalidRadius, QueryError
from imgurer_kernel.index import components, matches, neighbors, pairs

ONES = 2**64 - 1
words = st.integers(0, 3) | st.sampled_from([0, ONES, 2**63]) | st.integers(0, ONES)
hash_lists = st.lists(st.tuples(words, words), max_size=30)


def array(pairs):
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def distance(one, other):
    return (one[0] ^ other[0]).bit_count() + (one[1] ^ other[1]).bit_count()


def rows(chunk):
    return list(zip(*(part.tolist() for part in chunk), strict=True))


def brute_components(pairs, radius):
    labels = list(range(len(pairs)))
    for i, j in itertools.combinations(range(len(pairs)), 2):
        if distance(pairs[i], pairs[j]) <= radius and labels[i] != labels[j]:
            old, new = labels[j], labels[i]
            labels = [new if label == old else label for label in labels]
    first = list(dict.fromkeys(labels))
    return [first.index(label) for label in labels]


@given(hash_lists, hash_lists, st.integers(0, 128))
def test_neighbors_agree_with_brute_force(hashes, queries, radius):
    got = neighbors(array(hashes), array(queries), radius)
    assert [part.dtype for part in got] == [np.int64, np.int64, np.uint8]
    expected = sorted(
        (q, distance(query, hash_), h)
        for q, query in enumerate(queries)
        for h, hash_ in enumerate(hashes)
        if distance(query, hash_) <= radius
    )
    assert [(q, d, h) for q, h, d in rows(got)] == expected


@given(hash_lists, st.integers(0, 128))
def test_pairs_agree_with_brute_force(hashes, radius):
    got = [row for chunk in pairs(array(hashes), radius) for row in rows(chunk)]
    expected = [
        (i, j, distance(hashes[i], hashes[j]))
        for i, j in itertools.combinations(range(len(hashes)), 2)
        if distance(hashes[i], hashes[j]) <= radius
    ]
    assert sorted(got) == expected


@given(hash_lists, st.integers(0, 128))
def test_components_agree_with_brute_force(hashes, radius):
    labels = components(array(hashes), radius)
    assert labels.dtype == np.int64
    assert labels.tolist() == brute_components(hashes, radius)


@pytest.mark.parametrize("n", [1, 100_000])
def test_equal_hashes_are_one_component(n):
    assert (components(np.full((n, 2), ONES, dtype=np.uint64), 0) == 0).all()


def test_empty_sets():
    empty, one = array([]), array([(1, 2)])
    for hashes, queries in ((empty, one), (one, empty), (empty, empty)):
        assert [len(part) for part in neighbors(hashes, queries, 128)] == [0, 0, 0]
    assert list(pairs(empty, 128)) == []
    assert list(pairs(one, 128)) == []
    assert components(empty, 5).tolist() == []


@pytest.mark.parametrize("radius", [-1, 129, 2.0])
def test_a_bad_radius_is_refused_before_the_first_chunk(radius):
    one = array([(1, 2)])
    for call in (
        lambda: neighbors(one, one, radius),
        lambda: matches(one, one, radius),
        lambda: pairs(one, radius),
        lambda: components(one, radius),
    ):
        with pytest.raises(InvalidRadius, match=str(radius)):
            call()


def test_arrays_of_another_kind_are_refused_by_name():
    one, bad = array([(1, 2)]), np.zeros((4, 2))
    with pytest.raises(QueryError, match="hashes is an array of float64"):
        neighbors(bad, one, 3)
    with pytest.raises(QueryError, match="queries is an array of float64"):
        matches(one, bad, 3)
    with pytest.raises(QueryError, match="hashes is a list"):
        pairs([1, 2], 3)
    with pytest.raises(QueryError, match="hashes is an array of float64"):
        components(bad, 3)
