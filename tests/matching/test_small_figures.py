"""Rules for sprites and icons, by what was measured of a pair."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.small_figures import lit_and_written, repainted


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
