"""Moved content keeps the colours of the scene; pasted content has others."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.moved_content import NOTHING, MovedContent, measure_moved_content
from imgurer_kernel.matching.takes import have_moved, may_have_moved
from tests.support.pictures import scene

ITSELF = np.array([1.0, 0, 0, 0, 1, 0])
WHOLE = np.array([[0, 0, 64, 64], [0, 0, 64, 64]])
THING = np.random.default_rng(7).integers(0, 3, (6, 5, 1)) * np.array([90, 40, 20]) + 30


def with_thing(ground, x, thing=THING):
    picture = ground.copy()
    picture[90:150, x : x + 50] = thing.astype(np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    return picture


def measured(one, other):
    return measure_moved_content(one, other, ITSELF, WHOLE)


@pytest.fixture(scope="module")
def ground():
    return np.ascontiguousarray(scene(5)[:240, :270])


def test_pictures_that_differ_nowhere_have_nothing_that_moved(ground):
    assert measured(ground, ground) == NOTHING


def test_moved_content_has_common_colours_and_pasted_content_has_not(ground):
    moved = measured(with_thing(ground, 60), with_thing(ground, 170))
    pasted = measured(ground, with_thing(ground, 170, np.full((6, 5, 3), (250, 210, 0))))
    assert moved.common > 0.6
    assert pasted.common < 0.5
    assert moved.share > pasted.share > 0.02


def test_writing_leaves_most_points_and_brings_colours_of_its_own(ground):
    one, other = ground.copy(), ground.copy()
    for place in range(30, 230, 24):
        one[30:50, place : place + 4] = 255
        other[190:210, place : place + 4] = 0
    written, moved = measured(one, other), measured(with_thing(ground, 60), with_thing(ground, 170))
    assert written.points < 0.5 < moved.points
    assert written.exchanged < 0.3 < moved.exchanged


@pytest.mark.parametrize("gain", [1.35, 1.6])
def test_what_a_brighter_copy_lost_at_white_has_not_moved(ground, gain):
    brighter = np.minimum(ground * gain, 255).astype(np.uint8)
    assert brighter.max() == 255
    for found in measured(ground, brighter), measured(brighter, ground):
        assert found.difference < 8
        assert found.exchanged == 0


@pytest.mark.parametrize(
    ("points", "exchanged", "moved"),
    [(0.2, 0.49, True), (0.2, 0.48, False), (0.65, 0, True), (0.64, 0, False), (0.64, 0.36, True)],
)
def test_colours_are_exchanged_where_something_moved(points, exchanged, moved):
    features = np.zeros((1, local.FEATURES))
    features[:, [local.BAD, local.LACK]], features[:, local.STRAY] = 0.2, 0.08
    found = MovedContent(0.1, 30, 0.8, points, exchanged)
    assert have_moved(features, [found]).tolist() == [moved]


def test_it_is_compared_in_one_tone_and_either_way(ground):
    one, other = with_thing(ground, 60), with_thing(ground, 170)
    darker = (other * 0.8).astype(np.uint8)
    assert measured(one, darker).common > 0.55
    assert measured(other, one).common == pytest.approx(measured(one, other).common, abs=0.05)


def test_letters_plain_grounds_grays_parts_and_turned_ones_are_not_asked():
    features = np.zeros((8, local.FEATURES))
    features[:, local.TEXTURE], features[:, local.BAD], features[:, local.LACK] = 150, 0.2, 0.18
    features[:, [local.COLOURED, local.OTHER_COLOURED]] = 20
    features[1, local.LETTERS] = 0.95
    features[2, local.PLAIN] = 0.5
    features[3, local.TEXTURE] = 40
    features[4, local.LACK] = 0
    features[5, local.COLOURED] = 1
    features[:, local.SHARE] = 1
    features[6, local.SHARE] = 0.6
    maps = np.tile(ITSELF, (8, 1))
    maps[7, [1, 3]] = 0.1, -0.1
    assert may_have_moved(features, maps).tolist() == [True] + 7 * [False]
    assert have_moved(features, [NOTHING] * 8).tolist() == [False] * 8
