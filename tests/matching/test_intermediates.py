"""Comparison via intermediates: which are chosen, and which pairs it finds."""

from functools import partial

import numpy as np
from PIL import ImageOps

from imgurer_kernel.fingerprint.hashes.dhash import turned_hashes
from imgurer_kernel.matching.affine import invert
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.image_cache import ImageCache
from imgurer_kernel.matching.intermediates import (
    choose_intermediates,
    nearest_links,
    others_of,
    verify_by_intermediates,
)
from imgurer_kernel.matching.pair_table import DIFFERENT, SAME, Pairs
from imgurer_kernel.matching.pair_verifier import verify_candidates
from imgurer_kernel.matching.picture_loaders import PictureLoaders
from imgurer_kernel.matching.regions import SPOT
from tests.support.copies import cropped, gray, picture


def rows(matches):
    """Candidates of (first, second, distance), sorted."""
    first, second, distance = np.array(sorted(matches), np.int64).reshape(-1, 3).T
    zeros = np.zeros(len(first), np.int64)
    return Candidates(first, second, distance, zeros, zeros, zeros)


def test_intermediates_are_far_by_their_hashes_or_agree_best():
    pairs = Pairs.of(rows([(k, 9, k) for k in range(8)]))
    pairs.status[:] = SAME
    pairs.status[7] = DIFFERENT
    pairs.measures[:, 1] = [0.8, 0.99, 0.85, 0.9, 0.95, 0.84, 0.83, 1]
    assert others_of(pairs, 9).tolist() == list(range(8))
    assert set(choose_intermediates(pairs, 9, 4).tolist()) == {6, 5, 1, 4}
    assert len(choose_intermediates(pairs, 9, 100)) == 7
    assert not len(choose_intermediates(pairs.take(slice(0, 0)), 9, 4))


def test_of_each_image_the_links_with_the_nearest_intermediates_are_kept():
    links = rows([(0, 7, 9), (0, 7, 12), (1, 7, 3), (2, 7, 5), (3, 7, 4), (1, 8, 30)])
    links.region[links.first == 3] = SPOT
    kept = nearest_links(links, 2)
    found = list(zip(kept.first.tolist(), kept.second.tolist(), strict=True))
    assert found == [(1, 7), (1, 8), (2, 7)]
    assert len(nearest_links(links, 3)) == 5
    assert len(nearest_links(links, 4)) == len(links)
    assert len(nearest_links(Candidates.none(), 4)) == 0


def step(images, near, ranks, asked=0):
    """Return the pairs of one image, by its own matches and then via intermediates."""
    pictures = np.stack([gray(image) for image in images])
    cache = ImageCache(np.arange(len(images)), PictureLoaders(partial(np.take, pictures, axis=0)))
    own = [match for match in near if asked in match[:2]]
    direct = verify_candidates(rows(own), cache)
    links = verify_candidates(rows([match for match in near if match not in own]), cache)
    small = np.stack([gray(image, 9) for image in images])
    found = verify_by_intermediates(
        direct, links, asked, cache, turned_hashes(small), np.array(ranks, np.int64)
    )
    return direct, found


def test_an_intermediate_leads_to_what_no_hash_of_its_own_does():
    """Whole, a crop, and a crop of the crop; the smallest is asked for, by way of the middle."""
    whole = picture(70)
    middle = cropped(whole, 0.07, 0.07, 0.07, 0.07)
    images = [cropped(middle, 0.07, 0.07, 0.07, 0.07), middle, whole, picture(71)]
    near = [(0, 1, 5), (1, 2, 5), (1, 3, 5)]
    for ranks in ([0, 1, 2, 3], [3, 2, 1, 0]):
        direct, found = step(images, near, ranks)
        assert direct.status.tolist() == [SAME]
        by_other = dict(zip(others_of(found, 0).tolist(), found.status.tolist(), strict=True))
        assert by_other == {1: SAME, 2: SAME}
        [row] = np.flatnonzero(others_of(found, 0) == 2)
        assert (found.first[row] == 0) == (ranks[0] < ranks[2])
        into = found.maps[[row]] if found.first[row] == 0 else invert(found.maps[[row]])
        small = turned_hashes(np.stack([gray(image, 9) for image in images]))
        one, other = found.first[row], found.second[row]
        apart = small[one, found.orientation[row]] ^ small[other, 0]
        assert found.distance[row] == np.bitwise_count(apart).sum()
        # 86 % of 86 % of the sides.
        assert np.allclose(into[0, [0, 4]], 0.86**2, atol=0.03)


def test_through_a_negative_and_back():
    whole = picture(72)
    negative = ImageOps.invert(whole)
    images = [whole, negative, cropped(negative, 0.05, 0.05, 0.05, 0.05)]
    first = rows([(0, 1, 5)])
    flagged = Candidates(*(getattr(first, n) for n in (
        "first", "second", "distance", "orientation", "region", "other_region"
    )), negative=np.array([True]))  # fmt: skip
    pictures = np.stack([gray(image) for image in images])
    cache = ImageCache(np.arange(3), PictureLoaders(partial(np.take, pictures, axis=0)))
    direct = verify_candidates(flagged, cache)
    links = verify_candidates(rows([(1, 2, 5)]), cache)
    assert [direct.status[0], links.status[0]] == [SAME, SAME]
    small = turned_hashes(np.stack([gray(image, 9) for image in images]))
    found = verify_by_intermediates(direct, links, 0, cache, small, np.arange(3))
    assert found.status.tolist() == [SAME, SAME]
    assert found.negative.tolist() == [True, True]


def test_without_links_nothing_changes():
    direct, found = step([picture(73), picture(74)], [(0, 1, 5)], [0, 1])
    assert direct.status.tolist() == found.status.tolist() == [DIFFERENT]
