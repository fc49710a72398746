"""Few spots among many: against comparing each with each."""

import numpy as np
import pytest

from imgurer_kernel.matching import spot_lookup
from imgurer_kernel.matching.spot_lookup import Cut, FewSpots
from imgurer_kernel.matching.spots import MAX_SPOTS, Spots, mirrored


def crowded(n, seed):
    """Spots of n pictures, many of them near each other, some equal."""
    random = np.random.default_rng(seed)
    spots = Spots.empty(n)
    spots.count[:] = random.integers(0, MAX_SPOTS + 1, n)
    seeds = random.integers(0, 1 << 64, (40, 2), np.uint64)
    seeds = np.concatenate((seeds, mirrored(seeds)))
    spots.hashes[:] = seeds[random.integers(0, len(seeds), (n, MAX_SPOTS))]
    changed = random.random((n, MAX_SPOTS, 1))
    for _ in range(7):
        bit = np.uint64(1) << random.integers(0, 64, (n, MAX_SPOTS, 2), np.uint64)
        flips = random.random((n, MAX_SPOTS, 2)) < changed
        spots.hashes[:] ^= np.where(flips, bit, np.uint64(0))
    return spots


def compared(spots, place, searched, fresh, radius, mirror):
    """All matches, by looking at each two spots."""
    found = []
    for one in searched.tolist():
        for other in searched.tolist():
            if one >= other or not (fresh[one] or fresh[other]):
                continue
            i, j = place[one], place[other]
            a, b = spots.hashes[i, : spots.count[i]], spots.hashes[j, : spots.count[j]]
            a = mirrored(a) if mirror else a
            bits = np.bitwise_count(a[:, None] ^ b[None]).sum(axis=2)
            for s, t in zip(*np.nonzero(bits <= radius), strict=True):
                found.append(
                    one << 44 | other << 24 | int(s) << 18 | int(t) << 12 | int(bits[s, t])
                )
    return sorted(found)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("chunks", [5, 6, 9])
@pytest.mark.parametrize("radius", [5, 12, 20])
def test_agrees_with_comparing_each_with_each(radius, chunks, mirror, monkeypatch):
    monkeypatch.setattr(spot_lookup, "_ROOM", 4)
    monkeypatch.setattr(spot_lookup, "_BLOCK", 5)
    n = 16
    random = np.random.default_rng(radius + chunks)
    spots, place = crowded(n, radius), random.permutation(n)
    searched = np.flatnonzero(random.random(n) < 0.9)
    fresh = np.zeros(n, bool)
    fresh[searched[:3]] = True
    few = FewSpots.of(spots, place, searched, fresh)
    found = few._cut(Cut.of(chunks, radius), radius, mirror=mirror).matches()
    expected = compared(spots, place, searched, fresh, radius, mirror)
    assert expected
    assert found.tolist() == expected


@pytest.mark.parametrize("radius", range(0, 40, 3))
@pytest.mark.parametrize("count", [5, 6, 8, 16])
def test_one_chunk_at_least_is_near(radius, count):
    cut = Cut.of(count, radius)
    assert sum(cut.widths) == 128
    assert sum(r + 1 for r in cut.radii) > radius


def test_many_queries_are_left_to_the_other_search():
    spots, everybody = crowded(30, 1), np.arange(30)
    one = FewSpots.of(spots, everybody, everybody, everybody < 1)
    assert Cut.of(6, 12).seconds(100_000 * MAX_SPOTS, len(one.asked)) < 1
    assert Cut.of(6, 20).seconds(10_000 * MAX_SPOTS, 10_000 * MAX_SPOTS) == np.inf
    all_ = FewSpots.of(spots, everybody, everybody, np.ones(30, bool))
    assert all_.tables(40, mirror=False) is None
