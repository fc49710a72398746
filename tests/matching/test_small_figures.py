"""Rules for sprites and icons, by what was measured of a pair."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.small_figures import alike_by_chance, lit_and_written, repainted


def measured(of_pair, changes):
    """What was measured of one pair, with some of it changed."""
    row = np.zeros((1, local.FEATURES))
    for name, value in {**of_pair, **changes}.items():
        row[0, getattr(local, name)] = value
    return row


LIT = {
    "LEFT_GAIN": 1.3, "LEFT_NOISE": 3, "Q50": 0.97, "LEFT_REGION": 200, "BAD": 0.01,
    "GROUND": 0.6, "AGREE": 20,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"LEFT_GAIN": 0.8}, True),
        ({"LEFT_GAIN": 1.05}, False),
        ({"LEFT_GAIN": 0.5}, False),
        ({"LEFT_GAIN": 1.6}, False),
        ({"LEFT_NOISE": 7}, False),
        ({"Q50": 0.95}, False),
        ({"LEFT_INSIDE": 1}, False),
        ({"LEFT_REGION": 100}, False),
        ({"CUT": 0.1}, False),
        ({"BAD": 0.1}, False),
        ({"BAD": 0.1, "LETTERS": 0.6}, True),
        ({"BAD": 0.2, "LETTERS": 0.6}, False),
        ({"GROUND": 0.39}, False),
        ({"AGREE": 60}, False),
    ],
)
def test_a_figure_in_other_light_with_writing_at_its_edge_is_the_same(changes, found):
    assert lit_and_written(measured(LIT, changes)).tolist() == [found]


PAINTED = {
    "SMOOTHED": 16, "LEFT_NOISE": 0.2, "RESIZED": 1, "LEFT_GAIN": 1, "AGREE": 20,
    "COLOURED": 1.0, "GROUND": 0.7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"SMOOTHED": 15.6}, False),
        ({"SMOOTHED": 15.6, "LEFT_NOISE": 0.1}, True),
        ({"SMOOTHED": 12.5, "LEFT_NOISE": 0.1}, False),
        ({"RESIZED": 1.4}, False),
        ({"RESIZED": 1.4, "SMOOTHED": 28.3}, True),
        ({"LEFT_GAIN": 1.15}, False),
        ({"LEFT_GAIN": 1.15, "SMOOTHED": 41}, True),
        ({"LEFT_GAIN": 1.25, "SMOOTHED": 41}, False),
        ({"AGREE": 60}, False),
        ({"AGREE": 60, "SMOOTHED": 41}, True),
        ({"AGREE": 110, "SMOOTHED": 41}, False),
        ({"COLOURED": 0}, False),
        ({"COLOURED": 0, "OTHER_COLOURED": 1.0}, True),
        ({"GROUND": 0.6}, False),
        ({"CUT": 0.1}, False),
    ],
)
def test_a_figure_with_a_part_in_another_colour_is_another_one(changes, found):
    assert repainted(measured(PAINTED, changes)).tolist() == [found]


FIGURE = {"GROUND": 0.81, "AGREE": 29, "Q50": 0.95, "WHOLE": 0.7}
BETTER = {"Q50": 0.96}
PALE = {**BETTER, "GROUND": 0.61, "COLOURED": 0.09, "OTHER_COLOURED": 3, "RESIZED": 1.4}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"AGREE": 30}, False),
        ({"GROUND": 0.8}, False),
        (BETTER, False),
        ({"CUT": 0.1, "INNER_Q25": 0.92}, True),
        ({"CUT": 0.1, "INNER_Q25": 0.93}, False),
        ({**BETTER, "WHOLE": 0.63, "AGREE": 10}, True),
        ({**BETTER, "WHOLE": 0.64, "AGREE": 10}, False),
        ({**BETTER, "WHOLE": 0.63, "AGREE": 11}, False),
        ({**BETTER, "LEFT_NOISE": 8.1}, True),
        ({**BETTER, "LEFT_NOISE": 8}, False),
        (PALE, True),
        ({**PALE, "AGREE": 30}, False),
        ({**PALE, "Q50": 0.97}, False),
        ({**PALE, "GROUND": 0.6}, False),
        ({**PALE, "COLOURED": 0.1}, False),
        ({**PALE, "OTHER_COLOURED": 2.9}, False),
        ({**PALE, "RESIZED": 1.3}, False),
    ],
)
def test_figures_that_agree_no_more_than_any_two_shapes(changes, found):
    of_pair = {**FIGURE, **changes}
    measures = np.array([[0, of_pair.pop("WHOLE"), 0]], np.float32)
    assert alike_by_chance(measures, measured(of_pair, {})).tolist() == [found]
