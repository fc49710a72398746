"""The hashes that the search benchmarks draw are as described in their tables."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "hashsets.py"


def load():
    found = importlib.util.spec_from_file_location("benchmark_hashsets", SOURCE)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


hashsets = load()


@pytest.mark.long
def test_distances_of_photo_like_hashes_are_those_of_photos():
    distances = hashsets.distances(hashsets.photo_like(1 << 18, 1))
    assert abs(distances.mean() - 63) < 1
    assert abs(distances.std() - 9) < 0.7
    assert 100 < 1e6 * (distances <= 24).mean() < 500


def test_distances_of_uniform_hashes_are_binomial():
    distances = hashsets.distances(hashsets.uniform(100_000, 1))
    assert abs(distances.mean() - 64) < 0.1
    assert abs(distances.std() - 32**0.5) < 0.1


def test_the_same_arguments_give_the_same_hashes():
    assert (hashsets.photo_like(20_000, 3) == hashsets.photo_like(20_000, 3)).all()
    assert (hashsets.photo_like(20_000, 3) != hashsets.photo_like(20_000, 4)).any()


def test_turned_hashes_are_those_of_turned_pictures():
    turned = hashsets.photo_like_turned(500, 3)
    assert (turned[:, 0] == hashsets.photo_like(500, 3)).all()
    # A picture without ties is darker to the left where its mirror image is brighter.
    ones = np.bitwise_count(turned[:, :2, 0]).astype(int)
    assert (ones.sum(axis=1) == 64).all()
    # Rows of a transposed picture are columns.
    assert (np.bitwise_count(turned[:, 4, 0]) == np.bitwise_count(turned[:, 0, 1])).all()


def test_near_copies_are_near_and_a_dense_zone_is_dense():
    hashes = hashsets.uniform(5_000, 1)
    copies = hashsets.near(hashes, 500, 8)
    least = np.bitwise_count(copies[:, None] ^ hashes).sum(axis=2).min(axis=1)
    assert least.max() <= 8
    assert len(np.unique(least)) > 5
    dense = hashsets.with_dense_zone(hashes, 1_000)
    assert (np.bitwise_count(dense ^ hashes[0]).sum(axis=1) <= 4).sum() == 1_000
