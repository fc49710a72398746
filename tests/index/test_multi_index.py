"""Chunks of bits miss no pair, and those chosen are the cheapest."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.index.multi_index import _distribute, choose_chunking
from tests.support.forms import rounds


def uniform(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), dtype=np.uint64)


def moved(chunking, hash_):
    """The 128 bits of a hash after the permutation, by the lookup table alone."""
    bytes_ = hash_.astype("<u8").view(np.uint8)
    low = high = np.uint64(0)
    for k, byte in enumerate(bytes_):
        low, high = low | chunking.lookup[k, byte, 0], high | chunking.lookup[k, byte, 1]
    return [(int(word) >> b) & 1 for word in (low, high) for b in range(64)]


@settings(max_examples=rounds(6, 48), deadline=None)
@given(
    st.integers(1, 5_000), st.integers(0, 128), st.integers(0, 2**32 - 1), st.integers(1, 5_000_000)
)
def test_the_pigeonhole_holds(n, radius, seed, size):
    chunking = choose_chunking(uniform(n, seed), None, radius, (size, size))
    assert chunking.widths.sum() == 128
    assert (np.diff(chunking.offsets) == chunking.widths[:-1]).all()
    assert (chunking.radii + 1).sum() > radius
    assert (chunking.radii >= -1).all()
    assert (chunking.radii <= chunking.widths).all()


def test_the_lookup_moves_each_bit_to_a_place_of_its_own():
    chunking = choose_chunking(uniform(1_000), None, 10)
    places = []
    for bit in range(128):
        one = np.zeros(2, np.uint64)
        one[bit // 64] = np.uint64(1) << np.uint64(bit % 64)
        bits = moved(chunking, one)
        assert sum(bits) == 1
        places.append(bits.index(1))
    assert sorted(places) == list(range(128))
    assert sum(moved(chunking, np.full(2, 2**64 - 1, np.uint64))) == 128


def test_bits_that_are_always_equal_go_to_different_chunks():
    """Eight copies of sixteen bits: a chunk of copies would have few values."""
    words = np.random.default_rng(1).integers(0, 2**16, (5_000, 1), dtype=np.uint64)
    copies = words * np.uint64(0x0001_0001_0001_0001)
    chunking = choose_chunking(np.repeat(copies, 2, axis=1), None, 10, (100_000, 100_000))
    hash_ = np.zeros(2, np.uint64)
    hash_ |= np.uint64(0x0001_0001_0001_0001)  # the eight copies of one bit
    bits = moved(chunking, hash_)
    inside = [
        sum(bits[o : o + w])
        for o, w in zip(chunking.offsets.tolist(), chunking.widths.tolist(), strict=True)
    ]
    assert max(inside) <= -(-8 // len(chunking.widths)) + 1


def test_masks_are_all_small_differences_once():
    chunking = choose_chunking(uniform(1_000), None, 24, (100_000, 100_000))
    for chunk in range(len(chunking.widths)):
        masks = chunking.masks(chunk).tolist()
        width, radius = int(chunking.widths[chunk]), int(chunking.radii[chunk])
        expected = [v for v in range(1 << width) if v.bit_count() <= radius]
        assert masks == expected


@given(
    st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=4), min_size=1, max_size=4),
    st.integers(0, 8),
)
def test_the_distribution_is_the_cheapest_of_all(steps, radius):
    costs = [[0.0, *np.cumsum(chunk).tolist()] for chunk in steps]
    radii, seconds = _distribute(costs, radius)
    possible = [
        sum(chunk[k] for chunk, k in zip(costs, choice, strict=True))
        for choice in itertools.product(*(range(len(chunk)) for chunk in costs))
        if sum(choice) > radius
    ]
    if not possible:
        assert radii == []
        assert seconds == np.inf
        return
    assert sum(r + 1 for r in radii) == radius + 1
    assert sum(chunk[r + 1] for chunk, r in zip(costs, radii, strict=True)) == pytest.approx(
        seconds
    )
    assert seconds == pytest.approx(min(possible))


def test_equal_hashes_and_one_hash_can_be_cut():
    for hashes in (np.zeros((5, 2), np.uint64), np.full((1, 2), 2**64 - 1, np.uint64)):
        assert choose_chunking(hashes, None, 10) is not None
        assert choose_chunking(hashes, hashes, 10) is not None


@pytest.mark.parametrize("radius", [0, 128])
def test_every_radius_has_a_chunking(radius):
    chunking = choose_chunking(uniform(100), None, radius)
    assert (chunking.radii + 1).sum() == radius + 1
