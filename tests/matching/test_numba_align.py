"""The machine code and the numpy code have the same results."""

import numpy as np
import pytest

from imgurer_kernel.matching import alignment
from imgurer_kernel.matching._numba import align
from tests.support.copies import cropped, framed, gray, picture, recoded


@pytest.fixture(scope="module")
def pairs():
    """Copies in many degrees and strangers, with boxes and starts of all kinds."""
    random = np.random.default_rng(1)
    one, other, boxes, starts = [], [], [], []
    for seed in range(12):
        whole = picture(seed)
        copies = [
            recoded(whole, 30),
            cropped(whole, *random.uniform(0, 0.1, 4)),
            whole.rotate(random.uniform(-6, 6)),
            framed(whole, *random.uniform(0, 0.2, 4)),
            picture(seed + 20),
        ]
        for copy in copies:
            one.append(gray(whole))
            other.append(gray(copy))
            low, high = random.integers(0, 9, (2, 2)), random.integers(50, 65, (2, 2))
            boxes.append(np.concatenate((low, high), axis=1) if random.random() < 0.5 else WHOLE)
            start = np.array([1, 0, 0, 0, 1, 0]) + random.uniform(-0.05, 0.05, 6)
            start[random.random() < 0.3] *= -1
            starts.append(start)
    return np.stack(one), np.stack(other), np.stack(boxes), np.stack(starts)


WHOLE = np.array([[0, 0, 64, 64]] * 2)


@pytest.mark.parametrize("aligned", [False, True])
def test_same_measures_maps_and_verdicts(pairs, aligned):
    one, other, boxes, starts = pairs
    compared = alignment.compare(one, other, boxes, starts, aligned)
    expected, expected_maps = compared.measures, compared.maps
    measures, maps = np.empty((len(one), 3), np.float32), np.empty((len(one), 6))
    order = np.random.default_rng(2).permutation(len(one))
    places = np.stack((np.argsort(order), np.arange(len(one))), axis=1)
    shuffled = one[order]
    shuffled.flags.writeable = other.flags.writeable = False
    align.compare(shuffled, other, places, boxes, starts, aligned, measures, maps)
    assert measures == pytest.approx(expected, abs=2e-3)
    assert maps == pytest.approx(expected_maps, abs=2e-3)
    verdicts = measures[:, 1] >= alignment.AGREEMENT
    assert (verdicts == (expected[:, 1] >= alignment.AGREEMENT)).all()
    if aligned:
        assert 10 < verdicts.sum() < 50, "the pairs are of both kinds"
        assert (maps != starts).any(axis=1).sum() > 10, "some were aligned"


def test_flat_pictures():
    flat = np.stack([np.full((64, 64), level, np.uint8) for level in (0, 9, 255)])
    starts = np.tile(np.array([1.0, 0, 0, 0, 1, 0]), (3, 1))
    measures, maps = np.empty((3, 3), np.float32), np.empty((3, 6))
    places, boxes = np.array([[0, 2], [1, 1], [2, 0]]), np.stack([WHOLE] * 3)
    align.compare(flat, flat, places, boxes, starts, True, measures, maps)
    assert np.isfinite(measures).all()
    assert (measures[:, 1] == 0).all()
