"""Arrays of hashes: validation, grouping of equal hashes, the scan."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.errors import InvalidRadius, QueryError
from imgurer_kernel.index.hash_arrays import (
    as_hash,
    as_hashes,
    as_ids,
    as_radius,
    expand,
    group_equal,
    scan,
    scan_many,
)

words = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
hash_lists = st.lists(st.tuples(words, words), max_size=40)


def array(pairs):
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def distance(one, other):
    return (one[0] ^ other[0]).bit_count() + (one[1] ^ other[1]).bit_count()


@pytest.mark.parametrize("radius", [-1, 129, 10.0, True, None, "10", 2**70, np.float64(3)])
def test_an_invalid_radius_is_refused_with_its_value(radius):
    with pytest.raises(InvalidRadius, match="whole number from 0 to 128") as caught:
        as_radius(radius)
    assert repr(radius) in str(caught.value)


@pytest.mark.parametrize("radius", [0, 128, np.uint8(7), np.int64(128)])
def test_a_radius_of_any_integer_type_is_taken(radius):
    assert as_radius(radius) == radius
    assert type(as_radius(radius)) is int


@pytest.mark.parametrize(
    "hashes",
    [
        [(1, 2)],
        np.zeros((3, 2), np.int64),
        np.zeros((3, 2), np.float64),
        np.zeros((3, 3), np.uint64),
        np.zeros(2, np.uint64),
        np.zeros((3, 2), ">u8"),
        None,
    ],
)
def test_hashes_of_another_kind_are_refused(hashes):
    with pytest.raises(QueryError, match=r"uint64 and shape \(n, 2\)"):
        as_hashes(hashes)


@pytest.mark.parametrize(
    "hash_", [(1,), (1, 2, 3), (-1, 0), (0, 2**64), (0.5, 1), "ab", None, 5, np.zeros((2, 2))]
)
def test_a_hash_of_another_kind_is_refused(hash_):
    with pytest.raises(QueryError, match="pair"):
        as_hash(hash_)


@pytest.mark.parametrize("ids", [[1.5], ["a"], [[1]], [2**63], [None], 7, [-(2**63) - 1]])
def test_ids_of_another_kind_are_refused(ids):
    with pytest.raises(QueryError, match=r"ids? "):
        as_ids(ids)


def test_ids_of_any_integer_type_become_int64():
    for dtype in (np.int8, np.uint32, np.uint64, np.int64):
        assert as_ids(np.array([1, 2], dtype=dtype)).dtype == np.int64
    assert as_ids([]).dtype == np.int64
    assert as_ids([-(2**63), 2**63 - 1]).tolist() == [-(2**63), 2**63 - 1]


@given(hash_lists)
def test_groups_hold_every_position_once_and_equal_hashes_only(pairs):
    hashes = array(pairs)
    groups = group_equal(hashes[:, 0], hashes[:, 1])
    seen = []
    for k in range(len(groups)):
        members = groups.members[groups.starts[k] : groups.starts[k + 1]].tolist()
        assert members == sorted(members)
        assert {pairs[m] for m in members} == {(int(groups.row[k]), int(groups.column[k]))}
        seen += members
    assert sorted(seen) == list(range(len(pairs)))
    assert len(groups) == len(set(pairs))


def test_a_hundred_thousand_equal_hashes_are_one_group():
    ones = np.full(100_000, 2**64 - 1, dtype=np.uint64)
    groups = group_equal(ones, ones)
    assert len(groups) == 1
    assert (groups.members == np.arange(100_000)).all()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.data())
def test_expand_lists_the_members_of_the_choices_in_order(sizes, data):
    starts = np.concatenate([[0], np.cumsum(sizes)])
    chosen = data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=9))
    positions, choice = expand(starts, np.array(chosen, dtype=np.int64))
    expected = [
        (p, k) for k, c in enumerate(chosen) for p in range(int(starts[c]), int(starts[c + 1]))
    ]
    assert list(zip(positions.tolist(), choice.tolist(), strict=True)) == expected


@given(hash_lists, st.tuples(words, words), st.integers(0, 128))
def test_scan_finds_what_python_ints_find(pairs, query, radius):
    hashes = array(pairs)
    positions, distances = scan(hashes[:, 0], hashes[:, 1], query, radius)
    expected = [(k, distance(p, query)) for k, p in enumerate(pairs)]
    expected = [(k, d) for k, d in expected if d <= radius]
    assert list(zip(positions.tolist(), distances.tolist(), strict=True)) == expected


@pytest.mark.parametrize("later", [False, True])
def test_scan_many_is_in_order_across_its_blocks(later, monkeypatch):
    monkeypatch.setattr("imgurer_kernel.index.hash_arrays._BLOCK", 100)
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**64, (37, 2), dtype=np.uint64)
    chunks = list(scan_many(hashes[:, 0], hashes[:, 1], hashes, 60, later=later))
    assert len(chunks) > 5
    found = [tuple(int(x) for x in row) for chunk in chunks for row in zip(*chunk, strict=True)]
    distances = np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2)
    expected = [
        (i, j, int(distances[i, j]))
        for i in range(37)
        for j in range(i + 1 if later else 0, 37)
        if distances[i, j] <= 60
    ]
    assert found == expected
