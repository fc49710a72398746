"""The compiled tree and scan against numpy, on hashes of every shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.index._numba.bktree import build, reach, search
from imgurer_kernel.index._numba.scan import scan_one
from imgurer_kernel.index.hash_arrays import scan
from tests.support.forms import rounds

ONES = np.uint64(2**64 - 1)
LEAF = 512


def uniform(rng, n):
    return rng.integers(0, 2**64, (n, 2), dtype=np.uint64)


def smooth(rng, n):
    """Rows of bits that change seldom, as those of blurred pictures do."""
    bits = rng.integers(0, 4, (n, 128), dtype=np.uint16).cumsum(axis=1) % 17 < 8
    return np.packbits(bits, axis=1).view(np.uint64)


def tight(rng, n):
    """Clusters of a few hundred around one hash each, up to 6 bits away."""
    centres = uniform(rng, max(1, n // 300))
    hashes = centres[rng.integers(0, len(centres), n)]
    for _ in range(6):
        bit = rng.integers(0, 128, n)
        hashes[np.arange(n), bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    return hashes


def one_sided(rng, n):
    """All row hashes equal, and many columns of one bit: one ring holds nearly all."""
    columns = rng.integers(0, 2**13, n, dtype=np.uint64)
    return np.stack((np.zeros(n, np.uint64), columns), axis=1)


def corners(rng, n):
    """All zeros, all ones, and what lies next to them."""
    hashes = np.where(rng.random((n, 1)) < 0.5, np.uint64(0), ONES).repeat(2, axis=1)
    bit = rng.integers(0, 64, (n, 2)).astype(np.uint64)
    return hashes ^ (rng.integers(0, 2, (n, 2), dtype=np.uint64) << bit)


KINDS = {kind.__name__: kind for kind in (uniform, smooth, tight, one_sided, corners)}


def grown(hashes, leaf=LEAF):
    """The tree of the distinct ones of some hashes."""
    hashes = np.unique(hashes, axis=0)
    row, column = np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1])
    order = np.arange(len(row))
    nodes, cells, node_count, cell_count = build(row, column, order, leaf)
    assert (hashes[order] == np.column_stack((row, column))).all()
    assert (np.sort(order) == np.arange(len(row))).all()
    return row, column, nodes[:node_count].copy(), cells[:cell_count].copy()


def walked(tree, query, radius, most=100_000, room=100_000):
    """What a search finds; it scans where more than `most` hashes are in reach."""
    nodes = tree[2]
    near, distance = np.empty(room, np.int64), np.empty(room, np.uint8)
    stack = np.empty(len(nodes), np.int32)
    found = search(*tree, query[0], query[1], radius, most, stack, near, distance)
    return found, near[:found], distance[:found]


@settings(max_examples=rounds(25, 240), deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(1, 20_000),
    st.integers(0, 2**32 - 1),
    st.integers(0, 30) | st.integers(0, 128),
    st.sampled_from([1, 8, 64, LEAF, 8192]),
    st.sampled_from([0, 1_000, 100_000]),
)
def test_the_tree_finds_what_a_scan_finds(kind, n, seed, radius, leaf, most):
    rng = np.random.default_rng(seed)
    hashes = KINDS[kind](rng, n)
    tree = grown(hashes, leaf)
    for query in (hashes[0], tight(rng, 1)[0], ~hashes[-1], np.array([0, ONES], np.uint64)):
        found, near, distance = walked(tree, query, radius, most)
        expected, distances = scan(tree[0], tree[1], (int(query[0]), int(query[1])), radius)
        order = np.argsort(near)
        assert found == len(expected)
        assert (near[order] == expected).all()
        assert (distance[order] == distances).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_leaf_is_small_and_every_hash_is_in_one(kind):
    row, _, nodes, cells = grown(KINDS[kind](np.random.default_rng(7), 50_000))
    seen = np.zeros(len(row), int)
    for node in nodes:
        side, first = (64 >> int(node[2])) + 1, int(node[3])
        starts = cells[first : first + side * side + 1, 0]
        assert (np.diff(starts) >= 0).all()
        for cell in range(side * side):
            size = starts[cell + 1] - starts[cell]
            if cells[first + cell, 1] < 0:
                assert size <= LEAF
                seen[starts[cell] : starts[cell + 1]] += 1
            else:
                assert size > LEAF
    assert (seen == 1).all()


@pytest.mark.long
def test_a_search_visits_few_of_the_hashes():
    """The root alone must leave out most of what a scan would look at."""
    row, column, nodes, cells = grown(smooth(np.random.default_rng(1), 100_000))
    in_reach = [reach(nodes, cells, row[5], column[5], radius) for radius in (0, 4, 8, 128)]
    assert in_reach == sorted(in_reach)
    assert 1 <= in_reach[0] < in_reach[1] < in_reach[2] < 0.4 * len(row)
    assert in_reach[3] == len(row)


@settings(max_examples=rounds(15, 160), deadline=None)
@given(
    st.sampled_from(sorted(KINDS)), st.integers(1, 40_000), st.integers(0, 99), st.integers(0, 128)
)
def test_near_hashes_are_in_reach(kind, n, seed, radius):
    """Whatever the size of the cells, which is coarser for fewer hashes."""
    rng = np.random.default_rng(seed)
    row, column, nodes, cells = grown(KINDS[kind](rng, n))
    for query in (row[0], column[0]), (row[-1], ~column[-1]):
        down, across = (
            np.bitwise_count(words ^ vantage).astype(int)
            for words, vantage in ((row, nodes[0, 0]), (column, nodes[0, 1]))
        )
        own = [
            int(word ^ vantage).bit_count()
            for word, vantage in zip(query, nodes[0, :2], strict=True)
        ]
        bound = abs(down - own[0]) + abs(across - own[1])
        least = np.count_nonzero(bound <= radius)
        width = 1 << int(nodes[0, 2])
        most = np.count_nonzero(bound <= radius + 4 * (width - 1))
        assert least <= reach(nodes, cells, query[0], query[1], radius) <= most


def test_it_counts_on_where_the_results_are_full():
    hashes = tight(np.random.default_rng(3), 5_000)
    tree = grown(hashes)
    full = np.empty(0, np.int64), np.empty(0, np.uint8)
    stack = np.empty(len(tree[2]), np.int32)
    found = search(*tree, hashes[0, 0], hashes[0, 1], 14, 5_000, stack, *full)
    assert found == walked(tree, hashes[0], 14)[0] > 100
    assert scan_one(tree[0], tree[1], hashes[0, 0], hashes[0, 1], 14, *full) == found


@settings(max_examples=rounds(15, 120), deadline=None)
@given(st.integers(0, 3_000), st.integers(0, 2**32 - 1), st.integers(0, 128))
def test_the_compiled_scan_finds_what_numpy_finds(n, seed, radius):
    rng = np.random.default_rng(seed)
    hashes = corners(rng, n) if seed % 2 else smooth(rng, n)
    row, column = np.ascontiguousarray(hashes[:, 0]), np.ascontiguousarray(hashes[:, 1])
    near, distance = np.empty(n, np.int64), np.empty(n, np.uint8)
    found = scan_one(row, column, np.uint64(0), ONES, radius, near, distance)
    expected, distances = scan(row, column, (0, int(ONES)), radius)
    assert near[:found].tolist() == expected.tolist()
    assert distance[:found].tolist() == distances.tolist()
