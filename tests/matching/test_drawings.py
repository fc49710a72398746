"""Rules for drawings, at their bounds; what they do to pictures is tested by the sets."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.drawings import lit_or_toned

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


def features(changes):
    row = np.zeros((1, 128))
    for place, value in {**TINY_COPY, **changes}.items():
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
