"""Looking few spots up among many, against comparing all pairs."""

import numpy as np
import pytest

from imgurer_kernel.matching import spot_lookup
from imgurer_kernel.matching.spot_buckets import CHUNKS, SpotBuckets, chunk_table
from imgurer_kernel.matching.spot_cut import Cut
from imgurer_kernel.matching.spot_lookup import (
    InBuckets,
    Queries,
    StoredSpots,
    Tables,
    find_lookups,
    matches,
)
from imgurer_kernel.matching.spot_segments import SpotSegments
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
    segments = SpotSegments.of(spots, place)
    [stored] = StoredSpots.of(segments, searched)
    queries, cut = Queries.of(segments, fresh), Cut.of(chunks, radius)
    [found] = matches([[Tables.of(stored, queries, cut, radius, mirror=mirror)]])
    expected = compared(spots, place, searched, fresh, radius, mirror)
    assert expected
    assert found.tolist() == expected


@pytest.mark.parametrize("radius", range(0, 40, 3))
@pytest.mark.parametrize("count", [5, 6, 8, 16])
def test_one_chunk_at_least_is_near(radius, count):
    cut = Cut.of(count, radius)
    assert sum(cut.widths) == 128
    assert sum(r + 1 for r in cut.radii) > radius


@pytest.fixture
def small_buckets(monkeypatch):
    """Fifteen chunks of eight or nine bits: as many buckets as there are spots in a test."""
    monkeypatch.setattr("imgurer_kernel.matching.spot_buckets.CHUNKS", 15)
    monkeypatch.setattr(spot_lookup, "CHUNKS", 15)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("radius", "seed"), [(5, 0), (12, 1), (20, 2), (30, 3)])
def test_buckets_agree_with_comparing_each_with_each(
    radius, seed, mirror, small_buckets, monkeypatch
):
    monkeypatch.setattr(spot_lookup, "_ROOM", 4)
    monkeypatch.setattr(spot_lookup, "_FEW_QUERIES", 5)
    n = 16
    random = np.random.default_rng(seed)
    spots, place = crowded(n, seed), random.permutation(n)
    searched = np.flatnonzero(random.random(n) < 0.9)
    fresh = np.zeros(n, bool)
    fresh[searched[:3]] = True
    segments = SpotSegments.of(spots, place)
    [stored] = StoredSpots.of(segments, searched)
    queries, buckets = Queries.of(segments, fresh), SpotBuckets.of(spots)
    moved, chunks = queries.moved(15, mirror=mirror), chunk_table(Cut.of(15, radius))
    [found] = matches([[InBuckets(stored, buckets, queries, moved, *chunks, radius)]])
    expected = compared(spots, place, searched, fresh, radius, mirror)
    assert expected
    assert found.tolist() == expected


def test_more_entries_are_near_than_are_compared_together(small_buckets):
    """All spots of a white wall are equal: 1,280 in one bucket."""
    n = 20
    spots = Spots.empty(n)
    spots.count[:] = MAX_SPOTS
    spots.hashes[:, :, 0] = 5
    spots.hashes[3, 7, 0] = 7
    fresh = np.arange(n) == 4
    segments, everybody = SpotSegments.of(spots), np.arange(n)
    [stored] = StoredSpots.of(segments, everybody)
    queries, buckets = Queries.of(segments, fresh), SpotBuckets.of(spots)
    moved, chunks = queries.moved(15, mirror=False), chunk_table(Cut.of(15, 3))
    [found] = matches([[InBuckets(stored, buckets, queries, moved, *chunks, 3)]])
    assert found.tolist() == compared(spots, everybody, everybody, fresh, 3, mirror=False)
    assert len(found) == 64 * 64 * 19


@pytest.mark.parametrize("seed", range(6))
def test_segments_are_searched_as_one(seed, small_buckets, monkeypatch):
    """A large segment in buckets, a small one without, and pictures of which nothing is known."""
    monkeypatch.setattr(spot_lookup, "_SORTED", 1.0)
    monkeypatch.setattr(spot_lookup, "_PROBE", 0.0)
    monkeypatch.setattr(spot_lookup, "_GLANCE", 0.0)
    n, random = 18, np.random.default_rng(seed)
    spots, place = crowded(n, seed), random.permutation(n)
    cut = int(random.integers(0, n + 1))
    parts = spots.take(np.arange(cut)), spots.take(np.arange(cut, n))
    unknown = random.random(n) < 0.1
    there = SpotSegments(parts, np.where(unknown, -1, place), (SpotBuckets.of(parts[0]), None))
    searched = np.flatnonzero(random.random(n) < 0.9)
    fresh = np.zeros(n, bool)
    fresh[random.choice(searched, 4, replace=False)] = True
    known = spots.take(np.arange(n))
    known.count[place[unknown]] = 0
    assert there.count.tolist() == known.count[place].tolist()
    radius = int(random.integers(5, 25))
    lookups = find_lookups(there, searched, fresh, ((radius, False), (radius - 4, True)))
    assert [[type(each) for each in some] for some in lookups] == [[InBuckets, Tables]] * 2
    upright, turned = matches(lookups)
    assert upright.tolist() == compared(known, place, searched, fresh, radius, False)
    assert turned.tolist() == compared(known, place, searched, fresh, radius - 4, True)
    whole = SpotSegments.of(known, place)
    owner, hashes = there.side_by_side()
    for ours, others in zip((owner, hashes), whole.side_by_side(), strict=True):
        assert ours.tolist() == others.tolist()
    some = random.permutation(n)[:7]
    assert there.at(some).take(np.arange(7)).count.tolist() == known.count[place[some]].tolist()
    kept = there.take(some)
    for k in range(7):
        row = spots.take(place[some[[k]]])
        if not unknown[some[k]]:
            assert kept.hashes[k].tolist() == row.hashes[0].tolist()


def test_buckets_of_the_usual_width_hold_each_spot_once_a_chunk():
    spots = crowded(6, 3)
    buckets, count = SpotBuckets.of(spots), int(spots.count.sum())
    names = [64 * k + j for k in range(6) for j in range(spots.count[k])]
    assert buckets.spots.shape == buckets.rests.shape == (CHUNKS, count)
    assert all(sorted(row) == names for row in buckets.spots.tolist())
    widths, at = Cut.of(CHUNKS, 12).widths, 0
    for width in widths:
        starts = buckets.starts[at : at + (1 << width) + 1].astype(np.int64)
        assert (starts[0], starts[-1]) == (0, count)
        assert (np.diff(starts) >= 0).all()
        at += (1 << width) + 2
    assert at == len(buckets.starts)


def test_many_queries_are_left_to_the_other_search():
    assert spot_lookup._seconds(Cut.of(6, 12), 100_000 * MAX_SPOTS, 64) < 1
    assert spot_lookup._seconds(Cut.of(6, 20), 640_000, 640_000) == np.inf
    everybody = np.arange(30)
    spots = SpotSegments.of(crowded(30, 1))
    reaches = ((40, False), (36, True))
    assert find_lookups(spots, everybody, np.ones(30, bool), reaches) is None


@pytest.mark.parametrize(
    ("pictures", "queries", "by_buckets"),
    [(1, 1, False), (100, 6400, False), (10_000, 64, True), (10_000, 6400, True)],
)
def test_few_queries_among_many_spots_are_looked_up_by_buckets(pictures, queries, by_buckets):
    nothing = np.empty((0, 2), np.uint64), np.empty(0, np.uint8)
    with_buckets = StoredSpots(*nothing, np.arange(pictures), object())
    assert with_buckets.plan(queries, 16)[2] is by_buckets
    assert StoredSpots(*nothing, np.arange(pictures)).plan(queries, 16)[2] is False


def test_the_way_that_takes_less_time_is_taken():
    spots = crowded(20, 3)
    stored = StoredSpots(spots.hashes, spots.count, np.arange(20), SpotBuckets.of(spots))
    for count in (1, 64, 640):
        asked = np.resize(spots.hashes.reshape(-1, 2), (count, 2))
        queries = Queries(np.ones(20, bool), asked, np.arange(count))
        by_buckets = stored.plan(count, 16)[2]
        assert isinstance(stored.lookup(queries, 16, mirror=False), InBuckets) is by_buckets


@pytest.mark.parametrize("parts", [1, 2])
def test_pictures_whose_spots_are_not_known_have_none(parts):
    spots = crowded(4, 5)
    segments = SpotSegments((spots, spots)[:parts], np.array([2, -1, 0]))
    taken = segments.take(np.arange(3))
    assert taken.count.tolist() == [spots.count[2], 0, spots.count[0]]
    assert (taken.hashes[[0, 2]] == spots.hashes[[2, 0]]).all()
    assert (segments.take(np.array([0, 2])).hashes == spots.hashes[[2, 0]]).all()
