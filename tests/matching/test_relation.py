"""Rules for what two pictures that agree have in common, by what was measured of a pair."""

import numpy as np
import pytest

from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching import relation

WRITTEN = {
    "LETTERS": 0.8, "AGREE": 40, "REST_Q25": 0.85, "REST_BAD": 0.1, "BAD": 0.85, "LACK": 0.5,
    "BIG": 0.5, "SIDE": 160,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"LETTERS": 0.79}, False),
        ({"AGREE": 30}, True),
        ({"AGREE": 29}, False),
        ({"PLAIN": 1.0}, False),
        ({"REST_Q25": 0.84}, False),
        ({"REST_BAD": 0.11}, False),
        ({"BAD": 0.86}, False),
    ],
)
def test_captions_on_both_leave_one_picture_where_all_beside_them_agrees(changes, found):
    row = np.zeros((1, local.FEATURES))
    for name, value in {**WRITTEN, **changes}.items():
        row[0, getattr(local, name)] = value
    measures = np.zeros((1, 3), np.float32)
    assert relation._same_shape(measures, row, np.ones(1, np.bool_)).tolist() == [found]


COVERED = {
    "REST_Q25": 0.9, "REST_BAD": 0.01, "BIG": 0.4, "AGREE": 60, "BAD": 0.45, "LACK": 0.4,
    "SIDE": 160,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, True),
        ({"REST_Q25": 0.89}, False),
        ({"REST_BAD": 0.011}, False),
        ({"BIG": 0.41}, False),
        ({"AGREE": 59}, False),
        ({"BAD": 0.46}, False),
        ({"PLAIN": relation.PLAIN}, False),
    ],
)
def test_under_a_sticker_much_may_differ_where_all_beside_it_agrees_as_copies_do(changes, found):
    row = np.zeros((1, local.FEATURES))
    for name, value in {**COVERED, **changes}.items():
        row[0, getattr(local, name)] = value
    measures = np.zeros((1, 3), np.float32)
    assert relation._same_shape(measures, row, np.zeros(1, np.bool_)).tolist() == [found]
