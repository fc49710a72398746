"""The table of pairs: one row for the matches of a pair, and its bookkeeping."""

import numpy as np

from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.pair_table import SAME, UNTESTED, Pairs, pair_starts

ROWS = Candidates(
    first=np.array([0, 0, 0, 1, 3]),
    second=np.array([1, 1, 2, 2, 4]),
    distance=np.array([3, 9, 4, 5, 0]),
    orientation=np.array([0, 6, 1, 2, 3]),
    region=np.zeros(5, np.int64),
    other_region=np.zeros(5, np.int64),
)


def test_a_pair_is_known_by_its_nearest_match():
    assert pair_starts(ROWS).tolist() == [True, False, True, True, True]
    pairs = Pairs.of(ROWS)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, 1), (0, 2), (1, 2), (3, 4)]
    assert pairs.distance.tolist() == [3, 4, 5, 0]
    assert pairs.orientation.tolist() == [0, 1, 2, 3]
    assert (pairs.status == UNTESTED).all()
    assert (pairs.measures.shape, pairs.maps.shape) == ((4, 3), (4, 6))


def test_pairs_do_not_write_into_the_rows_that_they_come_from():
    pairs = Pairs.of(ROWS)
    pairs.distance[:] = 77
    assert ROWS.distance.tolist() == [3, 9, 4, 5, 0]


def test_taking_joining_and_naming():
    pairs = Pairs.of(ROWS)
    pairs.status[2] = SAME
    both = pairs.take(pairs.status == SAME).joined(pairs.take(slice(0, 1)))
    assert list(zip(both.first, both.second, strict=True)) == [(1, 2), (0, 1)]
    assert both.status.tolist() == [SAME, UNTESTED]
    ids = np.array([50, 40, 30, 20, 10])
    assert both.with_ids(ids).first.tolist() == [40, 50]
    assert both.first.tolist() == [1, 0]
    assert len(Pairs.of(Candidates.none())) == 0
