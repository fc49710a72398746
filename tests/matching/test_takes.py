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
