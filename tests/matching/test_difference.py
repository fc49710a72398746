import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageDraw, ImageEnhance

from imgurer_kernel.matching.difference import (
    ALIGNED,
    _fit_tones,
    measure_difference,
    plain_sides,
)
from tests.support.copies import cropped, framed, gray, picture, recoded

WHOLE = np.tile(np.array([0, 0, 64, 64]), (1, 2, 1))
SAME = np.array([[1.0, 0, 0, 0, 1, 0]])


def measured(one, other, correlation=0.9):
    pictures = gray(one)[None], gray(other)[None]
    [found] = measure_difference(*pictures, WHOLE, SAME, np.array([correlation]))
    return found


def test_a_copy_leaves_nothing():
    found = measured(picture(0), recoded(picture(0), 40))
    assert found.transform == tuple(SAME[0])
    assert found.gain == pytest.approx(1, abs=0.02)
    assert found.residual < 4


@pytest.mark.parametrize("seed", range(4))
def test_a_crop_of_two_hundredths_is_measured(seed):
    found = measured(picture(seed), cropped(picture(seed), 0.02, 0, 0, 0))
    across, _, shift, _, down, fall = found.transform
    assert across == pytest.approx(1 / 0.98, abs=0.006)
    assert shift == pytest.approx(-0.0204, abs=0.006)
    assert (down, fall) == pytest.approx((1, 0), abs=0.006)


def test_well_aligned_pairs_are_not_moved():
    found = measured(picture(1), cropped(picture(1), 0.02, 0, 0, 0), correlation=ALIGNED)
    assert found.transform == tuple(SAME[0])


@pytest.mark.parametrize("strength", [0.6, 1.5])
def test_contrast_is_a_gain_and_no_move(strength):
    found = measured(picture(2), ImageEnhance.Contrast(picture(2)).enhance(strength))
    assert (found.gain - 1) * (1 - strength) > 0.05  # what is clipped takes some of it back
    assert np.abs(np.array(found.transform) - SAME[0]).max() < 0.01


@pytest.mark.parametrize("levels", [-60, -25, 40])
def test_what_is_darker_or_brighter_in_a_part_is_no_gain(levels):
    other = np.random.default_rng(0).normal(128, 30, (1, 64, 64)).astype(np.float32)
    one = 0.8 * other + 10
    one[:, :20] += levels
    gain, rest = _fit_tones(one, other, np.ones((1, 64, 64), np.bool_))
    assert gain == pytest.approx(0.8, abs=0.01)
    assert np.median(rest[0, :20]) - np.median(rest[0, 20:]) == pytest.approx(levels, abs=2)


def test_writing_shows_in_the_worst_block():
    written = picture(3)
    ImageDraw.Draw(written).rectangle((100, 100, 140, 120), fill="white", outline="black")
    assert measured(picture(3), written).residual > 20
    assert measured(picture(3), picture(3)).residual < 0.01


def test_pairs_are_looked_at_one_by_one():
    seeds = range(70)  # more than go at once
    pictures = [picture(seed) for seed in range(5)]
    few = [(gray(each), gray(recoded(each, 20 + 9 * seed))) for seed, each in enumerate(pictures)]
    ones, others = (np.stack([few[seed % 5][k] for seed in seeds]) for k in (0, 1))
    boxes, maps = np.repeat(WHOLE, 70, 0), np.repeat(SAME, 70, 0)
    together = measure_difference(ones, others, boxes, maps, np.full(70, 0.9))
    for k in (0, 63, 64, 69):
        [alone] = measure_difference(
            ones[k : k + 1], others[k : k + 1], boxes[:1], maps[:1], np.array([0.9])
        )
        assert together[k].residual == pytest.approx(alone.residual, rel=1e-3)
    assert measure_difference(ones[:0], others[:0], boxes[:0], maps[:0], np.empty(0)) == []


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_plain_sides_are_found(wanted):
    random = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    for plain, line in zip(
        wanted, (np.s_[:, :2], np.s_[:2], np.s_[:, -2:], np.s_[-2:]), strict=True
    ):
        if plain:
            random[line] = 200
    assert plain_sides(random) == tuple(wanted)


def test_a_frame_has_plain_sides():
    assert plain_sides(gray(framed(picture(0), 0.05, 0.05, 0.05, 0.05))) == (True,) * 4
    assert plain_sides(gray(picture(0))) == (False,) * 4
