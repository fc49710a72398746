"""Contents that lie apart, point by point, and against the rule for compared pictures."""

import numpy as np
import pytest

from imgurer_kernel.matching.shared_content import areas, lie_apart

SIDE, POINTS = 64, 24


def drawn(seed, n=40):
    """Content boxes of pairs, and maps that shift, scale and turn a little."""
    random = np.random.default_rng(seed)
    low = random.integers(0, 24, (n, 2, 2))
    content = np.concatenate((low, random.integers(30, 65, (n, 2, 2))), axis=2)
    maps = np.tile(np.array([1.0, 0, 0, 0, 1, 0]), (n, 1))
    maps[:, [0, 4]] *= random.uniform(0.5, 1.6, (n, 1))
    maps[:, [1, 3]] += random.uniform(-0.1, 0.1, (n, 2))
    maps[:, [2, 5]] += random.uniform(-0.7, 0.7, (n, 2))
    return content, maps


def share_within(own, other, mapping):
    """Count the points of one content that a map lays within the other."""
    left, top, right, bottom = (each / 32 - 1 for each in own)
    a, b, c, d, e, f = mapping
    within = 0
    for k in range(POINTS):
        for m in range(POINTS):
            u = left + (k + 0.5) / POINTS * (right - left)
            v = top + (m + 0.5) / POINTS * (bottom - top)
            x, y = a * u + b * v + c, d * u + e * v + f
            ends = [each / 32 - 1 for each in other]
            within += ends[0] < x < ends[2] and ends[1] < y < ends[3]
    return within / POINTS**2


@pytest.mark.parametrize("seed", range(3))
def test_contents_lie_apart_where_neither_covers_three_quarters_of_the_other(seed):
    content, maps = drawn(seed)
    found = lie_apart(content, maps)
    assert 0 < found.sum() < len(found)
    for (own, other), mapping, apart in zip(content, maps, found, strict=True):
        share = share_within(own, other, mapping)
        # What the map makes of the first content's area, in areas of the second one.
        size = abs(np.linalg.det(mapping.reshape(2, 3)[:, :2])) * areas(own) / areas(other)
        assert apart == (max(share, share * size) < 0.75)
