"""Rules for other takes, by what was measured of a pair."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.takes import is_other_take


def measured(**of_pair):
    """What was measured of one pair of sharp, rather large pictures."""
    row = np.zeros((1, local.FEATURES))
    for name, value in {"SIDE": 160, "CROSS": 0.5, "EDGE": 1.0, "BAD": 0.1, **of_pair}.items():
        row[0, getattr(local, name)] = value
    return row


@pytest.mark.parametrize(
    ("agree", "stray", "other"),
    [(60, 0.31, True), (60, 0.29, False), (59, 0.5, False), (59, 0.6, True), (30, 0.6, True),
     (29, 0.9, False)],
)  # fmt: skip
def test_the_fewer_blocks_agree_the_more_of_them_must_stray(agree, stray, other):
    assert is_other_take(measured(AGREE=agree, STRAY=stray)).tolist() == [other]


GONE = {
    "LACK": 0.064, "BIG": 0.063, "STRAY": 0.06, "BAD": 0.2, "REST_Q25": 0.85, "REST_BAD": 0.05,
    "TEXTURE": 110, "AGREE": 20,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        ({}, True),
        ({"LACK": 0.063}, False),
        ({"BIG": 0.064}, True),
        ({"BIG": 0.062}, False),
        ({"STRAY": 0.05}, False),
        ({"BIG": 0.01, "STRAY": 0.11}, True),
        ({"BIG": 0, "STRAY": 0.11}, False),
        ({"BAD": 0.22}, False),
        ({"REST_Q25": 0.84}, False),
        ({"REST_BAD": 0.06}, False),
        ({"LETTERS": 0.8}, False),
        ({"PLAIN": 0.4}, False),
        ({"TEXTURE": 109}, False),
    ],
)
def test_what_is_gone_where_all_else_moved_with_the_camera(changes, other):
    assert is_other_take(measured(**{**GONE, **changes})).tolist() == [other]


@pytest.mark.parametrize(
    ("changes", "other"),
    [({}, True), ({"STRAY": 0.15}, False), ({"SIDE": 100}, False), ({"PLAIN": 0.4}, False),
     ({"CROSS": 0.3}, False)],
)  # fmt: skip
def test_many_blocks_of_a_small_picture_stray_where_an_object_was_turned(changes, other):
    turned = {"SIDE": 99, "STRAY": 0.16, "AGREE": 20}
    assert is_other_take(measured(**{**turned, **changes})).tolist() == [other]
