"""Rules for drawings, at their bounds; what they do to pictures is tested by the sets."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.drawings import captioned, lit_or_toned, share_stripes

TINY_COPY = {
    local.SIDE: 35,
    local.FLAT: 19,
    local.AGREE: 40,
    local.LIGHT_90: 16,
    local.LIGHT_98: 25,
    local.OFFSET: 75,
    local.COLOURED: 20,
    local.OTHER_COLOURED: 20,
}
"""Another brightness of a tiny icon with too few flat places, just within all bounds."""


def features(changes, of_pair=TINY_COPY):
    row = np.zeros((1, 128))
    for place, value in {**of_pair, **changes}.items():
        row[0, place] = value
    return row


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.AGREE: 39}, False),
        ({local.AGREE: 41}, True),
        ({local.AGREE: 39, local.LIGHT_90: 15}, True),
        ({local.AGREE: 39, local.LIGHT_90: 15.1}, False),
        ({local.LIGHT_98: 25.1}, False),
        ({local.OFFSET: 75.1}, False),
        ({local.OFFSET: -75.1}, False),
        ({local.FLAT: 20, local.FLAT_OFF: 1, local.FLAT_REGION: 6}, False),
        ({local.SIDE: 36}, False),
        ({local.SIDE: 36, local.LIGHT_98: 15, local.LIGHT_90: 15, local.AGREE: 0}, True),
    ],
)
def test_a_brighter_icon_with_few_flat_places(changes, same):
    assert lit_or_toned(features(changes)).tolist() == [same]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.FLAT_REGION: 8.1}, False),
        ({local.FLAT_REGION: 8.1, local.FLAT: 410}, True),
        ({local.LIGHT_98: 15.1}, False),
        ({local.FLAT_SLIGHTLY: 0.31}, False),
        ({local.FLAT_SLIGHTLY: 0.31, local.FLAT_COLOURS: 8}, True),
    ],
)
def test_blocks_of_a_wrong_colour_all_over_are_those_of_a_jpeg(changes, same):
    poor = {
        local.SIDE: 100, local.FLAT: 400, local.FLAT_REGION: 8, local.FLAT_OFF: 0.1,
        local.LIGHT_98: 15, local.FLAT_SLIGHTLY: 0.3, local.FLAT_GAIN: 1, local.COLOURED: 20,
    }  # fmt: skip
    assert lit_or_toned(features(changes, poor)).tolist() == [same]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.CUT_TOP: 0}, False),
        ({local.CUT_TOP: 0, local.CUT_BOTTOM: 0.1}, True),
        ({local.CUT: 0.35}, False),
        ({local.CUT_LEFT: 0.1}, False),
        ({local.LETTERS: 0.59}, False),
        ({local.INNER_BAD: 0.1}, False),
        ({local.INNER_Q25: 0.93}, False),
        ({local.INNER_AGREE: 9}, False),
        ({local.SIDE: 80}, False),
        ({local.GROUND: 0.39}, False),
    ],
)
def test_small_drawings_with_writing_from_side_to_side(changes, same):
    written = {
        local.SIDE: 79, local.GROUND: 0.4, local.CUT_TOP: 0.1, local.CUT: 0.34, local.LETTERS: 0.6,
        local.INNER_BAD: 0.09, local.INNER_Q25: 0.94, local.INNER_AGREE: 10,
    }  # fmt: skip
    assert captioned(features(changes, written)).tolist() == [same]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.FLAT_OFF: 0.021}, False),
        ({local.FLAT_REGION: 6}, False),
        ({local.FLAT_SLIGHTLY: 0.11}, False),
        ({local.LIGHT_98: 21}, False),
        ({local.FLAT: 149}, False),
        ({local.SHARE: 0.49}, False),
        ({local.AGREE: 11}, False),
        ({local.FLAT_COLOURS: 1}, False),
        ({local.FLAT_GAIN: 1.1}, False),
        ({local.FLAT_GAIN: 1.1, local.FLAT_COLOURS: 3}, True),
        ({local.OTHER_COLOURED: 19}, False),
    ],
)
def test_flags_with_the_same_stripes(changes, same):
    striped = {
        local.FLAT_OFF: 0.02, local.FLAT_REGION: 5, local.FLAT_SLIGHTLY: 0.1, local.LIGHT_98: 20,
        local.FLAT: 150, local.SHARE: 0.5, local.AGREE: 12, local.FLAT_COLOURS: 2,
        local.FLAT_GAIN: 1, local.COLOURED: 20, local.OTHER_COLOURED: 20,
    }  # fmt: skip
    assert share_stripes(features(changes, striped)).tolist() == [same]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.SIDE: 79}, False),
        ({local.AGREE: 59}, False),
        ({local.FLAT_COLOURS: 6}, False),
        ({local.FLAT_COLOURS: 5, local.OFFSET: 12}, True),
        ({local.FLAT_COLOURS: 4, local.OFFSET: 12}, False),
        ({local.FLAT_TONE: 6}, False),
        ({local.TONE_98: 12.1}, False),
    ],
)
def test_a_product_in_few_colours_with_brighter_shadows(changes, same):
    product = {
        local.SIDE: 80, local.AGREE: 60, local.FLAT: 200, local.FLAT_OFF: 0.5,
        local.FLAT_REGION: 100, local.FLAT_COLOURS: 7, local.FLAT_TONE: 5, local.GAIN: 0.78,
        local.OFFSET: 63, local.SATURATION: 1, local.TONE_98: 12, local.COLOURED: 9,
        local.OTHER_COLOURED: 9, local.MONO: 99,
    }  # fmt: skip
    assert lit_or_toned(features(changes, product)).tolist() == [same]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.OFFSET: 16}, False),
        ({local.BAD: 0.02}, False),
        ({local.STRAY: 0.11}, False),
        ({local.GAIN: 1.7}, False),
        ({local.SATURATION: 0.4}, False),
        ({local.SIDE: 79}, False),
        ({local.AGREE: 39}, False),
    ],
)
def test_a_product_without_flat_places_with_a_little_more_contrast(changes, same):
    product = {
        local.SIDE: 80, local.AGREE: 40, local.FLAT: 19, local.OFFSET: 15, local.LIGHT_98: 16,
        local.LIGHT_90: 16, local.GAIN: 1.2, local.SATURATION: 0.7, local.TONE_98: 12,
        local.HUE_SHARE: 1, local.MONO: 99, local.COLOURED: 9, local.OTHER_COLOURED: 9,
    }  # fmt: skip
    assert lit_or_toned(features(changes, product)).tolist() == [same]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({local.LIGHTNESS: 6.1}, False),
        ({local.BAD: 0.02}, False),
        ({local.STRAY: 0.11}, False),
    ],
)
def test_sepia_of_which_all_agrees(changes, same):
    sepia = {
        local.SIDE: 80, local.AGREE: 60, local.MONO: 0.6, local.LIGHTNESS: 6, local.TONE_98: 31,
        local.LIGHT_98: 50, local.HUE_SHARE: 1, local.COLOURED: 9, local.OTHER_COLOURED: 9,
    }  # fmt: skip
    assert lit_or_toned(features(changes, sepia)).tolist() == [same]
