"""The scope of a search fits the time budget, and is described in words."""

import numpy as np
import pytest

from imgurer_kernel.common import threads
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many, orientations, turned_hashes
from imgurer_kernel.matching.candidates import MAX_NEIGHBORS
from imgurer_kernel.matching.clusters import budget
from imgurer_kernel.matching.clusters.budget import (
    RADII,
    SPOT_RADII,
    THOROUGH_RADIUS,
    SearchScope,
    _neighbors_within,
    choose_scope,
    choose_spots,
    draw_sample,
    usual_spot_radius,
)
from imgurer_kernel.matching.result_cache import hash_rows
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import Spots

GRAYS = np.random.default_rng(1).integers(0, 256, (150, 9, 9), np.uint8)
TURNED = turned_hashes(GRAYS)


def test_a_small_catalog_is_searched_as_far_as_is_usual():
    scope = choose_scope(TURNED)
    assert (scope.radius, scope.windows) == (RADII[0], True)
    assert scope.key == (24, True, 16)


@pytest.mark.long
def test_less_time_never_means_a_wider_search():
    noise = np.random.default_rng(2).integers(-25, 26, (150, 9, 9))
    near = turned_hashes((np.repeat(GRAYS[:10], 15, axis=0) // 2 + 50 + noise).astype(np.uint8))
    ends = choose_scope(near).seconds, choose_scope(near, budget=0).seconds
    budgets = np.linspace(*ends, 40)
    scopes = [choose_scope(near, budget=seconds) for seconds in budgets]
    reach = [(scope.radius, scope.windows) for scope in scopes]
    assert (reach[0], reach[-1]) == ((RADII[0], True), (RADII[-1], False))
    assert reach == sorted(reach, reverse=True)
    assert len(set(reach)) > 3
    for scope, seconds in zip(scopes, budgets, strict=True):
        assert scope.seconds <= seconds


def test_few_pictures_that_are_near_no_other_take_as_long_as_there_are_of_them():
    """Pairs of hashes count only where there are many: a million are compared in less than 1 ms."""
    seconds = [choose_scope(TURNED[:n]).seconds for n in (50, 100, 150)]
    assert seconds == pytest.approx([0.0225, 0.045, 0.0675], rel=0.05)


def test_thorough_takes_its_time():
    scope = choose_scope(TURNED, thorough=True, budget=0)
    assert (scope.radius, scope.windows) == (THOROUGH_RADIUS, True)
    assert scope.window_radius > choose_scope(TURNED).window_radius


@pytest.mark.parametrize("n", [0, 1, 2])
def test_next_to_no_images(n):
    scope = choose_scope(TURNED[:n])
    assert (scope.radius, scope.pairs) == (24, 0)


def test_many_near_pairs_are_expected_where_they_are():
    same = np.repeat(GRAYS[:1], 100, axis=0)
    scope = choose_scope(turned_hashes(same))
    assert scope.pairs == pytest.approx(1.3 * 100 * 99 / 2, rel=0.02)


def test_a_film_does_not_keep_the_rest_from_being_searched():
    """No more pairs are expected of an image than a search keeps of it."""
    frames = np.repeat(GRAYS[:1], 20_000, axis=0)
    scope = choose_scope(turned_hashes(frames))
    assert scope.radius == 24
    assert scope.pairs <= 1.3 * MAX_NEIGHBORS * 20_000


def test_distances_are_those_of_the_nearest_orientation():
    grays = GRAYS[:40].copy()
    grays[7] = orientations(grays[3])[5]
    turned = dhash_many(orientations(grays).reshape(-1, 9, 9)).reshape(8, 40, 2)
    hashes = dhash_many(grays)
    least = np.bitwise_count(turned[:, :, None] ^ hashes[None, None]).sum(3).min(0)
    expected = np.cumsum(np.bincount(least[~np.eye(40, dtype=bool)], minlength=129))
    assert _neighbors_within(turned_hashes(grays)).tolist() == expected.tolist()


def test_neither_order_nor_cores_nor_equals_matter(monkeypatch):
    noise = np.random.default_rng(3).integers(-25, 26, (600, 9, 9))
    near = turned_hashes((np.repeat(GRAYS[:60], 10, axis=0) // 2 + 50 + noise).astype(np.uint8))
    near[5:40] = near[4]
    monkeypatch.setattr(budget, "_AMONG", 400)
    expected = choose_scope(near)
    assert expected.pairs
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(near))
        for count in (1, 8, 64):
            monkeypatch.setattr(threads, "cores", lambda *_, count=count: count)
            monkeypatch.setattr(budget, "cores", lambda *_, count=count: count, raising=False)
            assert choose_scope(near[order]) == expected


@pytest.mark.parametrize("among", [1, 7, 60, 149, 150, 151, 400])
def test_the_sample_is_what_sorting_all_begins_with(among, monkeypatch):
    monkeypatch.setattr(budget, "_AMONG", among)
    monkeypatch.setattr(budget, "_SPOT_AMONG", 1)
    turned = TURNED.copy()
    turned[::3] = turned[0]  # a third of them tie
    words = hash_rows(turned.reshape(len(turned), 16))
    expected = np.argsort(words, kind="stable")[:among]
    sample = draw_sample(turned)
    assert sample.tolist() == expected.tolist()
    assert not len(draw_sample(turned[:0]))


def test_a_few_more_images_change_the_estimate_by_little(monkeypatch):
    noise = np.random.default_rng(3).integers(-25, 26, (3000, 9, 9))
    near = turned_hashes((np.repeat(GRAYS, 20, axis=0) // 2 + 50 + noise).astype(np.uint8))
    near = near[np.random.default_rng(4).permutation(len(near))]
    monkeypatch.setattr(budget, "_AMONG", 1000)
    pairs = [choose_scope(near[:n]).pairs for n in range(2900, 3001, 10)]
    assert pairs[-1] == pytest.approx(1.3 * 10 * 2850, rel=0.5)
    assert max(abs(np.diff(pairs))) < 0.05 * pairs[0]


def noisy_spots(n, count=64, shared=0):
    """Spots at random, of which the first few are those of all pictures."""
    random = np.random.default_rng(7)
    spots = Spots.empty(n)
    spots.count[:] = count
    spots.hashes[:] = random.integers(0, 2**64, (n, 64, 2), np.uint64)
    spots.hashes[:, :shared] = spots.hashes[0, :shared]
    return spots


def test_spots_are_searched_the_less_far_the_more_there_are():
    radii = [usual_spot_radius(n) for n in (0, 1, 1000, 20_000, 90_000, 300_000, 10**7)]
    assert radii == sorted(radii, reverse=True)
    assert (radii[0], radii[-1]) == (SPOT_RADII[0], 0)
    assert len(set(radii)) == 5


def test_spots_that_all_pictures_share_are_not_searched(monkeypatch):
    scope = choose_scope(TURNED)
    assert choose_spots(scope, noisy_spots(150), TURNED).spot_radius == SPOT_RADII[0]
    shared = noisy_spots(150, shared=10)
    expected = budget._matches_within(SpotSegments.of(shared), TURNED)
    assert expected[0] == pytest.approx(10 * 150 * 149 / 2, rel=0.25)
    monkeypatch.setattr(budget, "_MAX_SPOT_MATCHES", 50_000)
    found = choose_spots(scope, shared, TURNED)
    assert (found.spot_radius, found.key) == (0, scope.key)
    assert "most pictures share the same ones" in str(found)
    monkeypatch.setattr(budget, "MOST_PICTURES", 100)
    assert "too many" in str(choose_spots(scope, noisy_spots(150), TURNED))


def test_expected_matches_are_those_that_there_are():
    """If all pictures are in the sample, of which every fourth spot is a query."""
    spots = noisy_spots(40, count=20, shared=4)
    words = spots.hashes[:, :20].reshape(-1, 2)
    distance = np.bitwise_count(words[:, None] ^ words[None]).sum(axis=2)
    picture = np.repeat(np.arange(40), 20)
    distance = distance[picture[:, None] < picture[None]]
    expected = budget._matches_within(SpotSegments.of(spots), TURNED[:40])
    for radius in (0, 12, SPOT_RADII[0]):
        assert expected[radius] == pytest.approx((distance <= radius).sum(), rel=0.05)


def test_the_order_of_pictures_does_not_matter_to_spots(monkeypatch):
    monkeypatch.setattr(budget, "_SPOT_SAMPLE", 20)
    monkeypatch.setattr(budget, "_SPOT_AMONG", 60)
    spots = noisy_spots(150, shared=3)
    turned = TURNED.copy()
    turned[::3] = turned[0]  # equal hashes, other spots
    expected = budget._matches_within(SpotSegments.of(spots), turned).tolist()
    for seed in range(3):
        place = np.random.default_rng(seed).permutation(150)
        moved = Spots.empty(150)
        moved.put(place, spots)
        assert budget._matches_within(SpotSegments.of(moved, place), turned).tolist() == expected


def test_it_says_what_it_is():
    assert "16 bits" in str(SearchScope(radius=16))
    assert "no windows" in str(SearchScope(radius=16, windows=False))
