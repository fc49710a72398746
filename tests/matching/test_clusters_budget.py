"""The plan of a search: as far as the time allows, and said in words."""

import numpy as np
import pytest

from imgurer_kernel.fingerprint.hashes.dhash import dhash_many, orientations, turned_hashes
from imgurer_kernel.matching.candidates import FRIENDS
from imgurer_kernel.matching.clusters.budget import RADII, THOROUGH, SearchScope, _within, make_plan

GRAYS = np.random.default_rng(1).integers(0, 256, (150, 9, 9), np.uint8)
TURNED = turned_hashes(GRAYS)


def test_a_small_catalog_is_searched_as_far_as_is_usual():
    plan = make_plan(TURNED)
    assert (plan.radius, plan.windows) == (RADII[0], True)
    assert plan.search == (24, True, 16)


def test_less_time_never_means_a_wider_search():
    noise = np.random.default_rng(2).integers(-25, 26, (150, 9, 9))
    kin = turned_hashes((np.repeat(GRAYS[:10], 15, axis=0) // 2 + 50 + noise).astype(np.uint8))
    budgets = np.linspace(make_plan(kin).seconds, make_plan(kin, budget=0).seconds, 40)
    plans = [make_plan(kin, budget=budget) for budget in budgets]
    reach = [(plan.radius, plan.windows) for plan in plans]
    assert (reach[0], reach[-1]) == ((RADII[0], True), (RADII[-1], False))
    assert reach == sorted(reach, reverse=True)
    assert len(set(reach)) > 3
    for plan, budget in zip(plans, budgets, strict=True):
        assert plan.seconds <= budget


def test_thorough_takes_its_time():
    plan = make_plan(TURNED, thorough=True, budget=0)
    assert (plan.radius, plan.windows) == (THOROUGH, True)
    assert plan.window_radius > make_plan(TURNED).window_radius


@pytest.mark.parametrize("n", [0, 1, 2])
def test_next_to_no_images(n):
    plan = make_plan(TURNED[:n])
    assert (plan.radius, plan.pairs) == (24, 0)


def test_many_near_pairs_are_expected_where_they_are():
    same = np.repeat(GRAYS[:1], 100, axis=0)
    plan = make_plan(turned_hashes(same))
    assert plan.pairs == pytest.approx(1.3 * 100 * 99 / 2, rel=0.02)


def test_a_film_does_not_keep_the_rest_from_being_searched():
    """No more pairs are expected of an image than a search keeps of it."""
    frames = np.repeat(GRAYS[:1], 20_000, axis=0)
    plan = make_plan(turned_hashes(frames))
    assert plan.radius == 24
    assert plan.pairs <= 1.3 * FRIENDS * 20_000


def test_distances_are_those_of_the_nearest_orientation():
    grays = GRAYS[:40].copy()
    grays[7] = orientations(grays[3])[5]
    turned = dhash_many(orientations(grays).reshape(-1, 9, 9)).reshape(8, 40, 2)
    hashes = dhash_many(grays)
    least = np.bitwise_count(turned[:, :, None] ^ hashes[None, None]).sum(3).min(0)
    expected = np.cumsum(np.bincount(least[~np.eye(40, dtype=bool)], minlength=129))
    assert _within(turned_hashes(grays)).tolist() == expected.tolist()


def test_it_says_what_it_is():
    assert "16 bits" in str(SearchScope(radius=16))
    assert "no windows" in str(SearchScope(radius=16, windows=False))
