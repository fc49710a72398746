"""Borders end along one line; each side is measured separately."""

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel.matching.border_depths import are_borders, border_depths
from tests.support.copies import cropped, framed, picture, recoded
from tests.support.forms import rounds

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])


def measured(image, side=270):
    """Depths of the borders of a thumbnail."""
    small = recoded(image, 90)
    small.thumbnail((side, side))
    return border_depths(np.asarray(small))


@pytest.mark.parametrize("colour", ["white", "black", "#14488c"])
@pytest.mark.parametrize("sides", [(0.01,) * 4, (0.05,) * 4, (0, 0.12, 0, 0.12), (0.2, 0, 0, 0)])
def test_borders_are_as_deep_as_they_were_made(sides, colour):
    for seed in range(rounds(1, 4)):
        left, top, right, bottom = sides
        across, down = 1 + left + right, 1 + top + bottom
        wanted = np.array([left / across, top / down, right / across, bottom / down])
        found = measured(framed(picture(seed), *sides, colour))
        assert found == pytest.approx(wanted, abs=0.009)
        assert (found[wanted == 0] == 0).all()


def test_a_thin_border_is_measured_to_the_pixel_on_each_side():
    noise = np.random.default_rng(0).integers(0, 255, (100, 100), np.uint8)
    for side in range(4):
        margins = np.zeros((2, 2), np.int64)
        margins[1 - side % 2, side // 2] = 3
        wanted = np.zeros(4)
        wanted[side] = 3 / 103
        assert border_depths(np.pad(noise, margins)) == pytest.approx(wanted, abs=0.001)


def test_a_sky_is_not_a_border():
    sky = np.array(picture(2))
    for x in range(sky.shape[1]):  # ends on a slope, as roofs and hills do
        sky[: 40 + x // 4, x] = 210
    assert measured(Image.fromarray(sky)).tolist() == [0, 0, 0, 0]


def test_a_crop_has_no_border_on_the_side_that_was_cut():
    framed_whole = framed(picture(1), 0.05, 0.05, 0.05, 0.05)
    found = measured(cropped(framed_whole, 0.2, 0, 0, 0))
    assert found[0] == 0
    assert (found[1:] > 0.03).all()


def test_a_border_is_what_lies_beyond_if_it_is_as_deep():
    none, tenth = np.zeros((1, 4)), np.array([[0.1, 0, 0.1, 0]])
    # The first picture fills the middle four fifths of the second one's width.
    within = np.array([[0.8, 0, 0, 0, 1.0, 0]])
    assert are_borders(none, tenth, within).tolist() == [0b0101_0000]
    beyond = np.array([[1 / 0.8, 0, 0, 0, 1.0, 0]])
    assert are_borders(tenth, none, beyond).tolist() == [0b0000_0101]
    # A thin border of the whole is not what a crop of a fifth has lost.
    assert are_borders(none, tenth / 8, within).tolist() == [0]
    # Where a border is so thin that maps pass over it, it is one all the same.
    assert are_borders(none, tenth / 8, IDENTITY).tolist() == [0b0101_0000]
