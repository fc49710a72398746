"""A copy of one of several takes joins the take that it agrees with best."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.clusters import take_conflicts
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.clusters.star_state import StarAssignment
from imgurer_kernel.matching.clusters.take_conflicts import (
    untested_among_takes,
    without_other_takes,
)
from imgurer_kernel.matching.judgement import JUDGEMENT_WIDTH
from imgurer_kernel.matching.limited_judge import LimitedJudge
from imgurer_kernel.matching.pair_table import ANOTHER_TAKE, DIFFERENT, SAME, UNTESTED, Pairs
from imgurer_kernel.matching.pair_verifier import PairVerifier
from tests.matching.test_clusters_solver import UNIT, Truth, everything, members, rows_of
from tests.support.judging import by_agreement


def table(rows, scale=1.0):
    """Pairs (first, second, status, agreement)."""
    first, second, status, agreement = (np.array(column) for column in zip(*rows, strict=True))
    zeros = np.zeros(len(rows), np.int64)
    pairs = Pairs.untested(first.astype(np.int64), second.astype(np.int64), zeros, zeros)
    pairs.status[:] = status
    pairs.measures[:] = np.column_stack((agreement, agreement, np.ones(len(rows))))
    pairs.maps[:] = UNIT * [scale, 1, 1, 1, scale, 1]
    return pairs


def kept(pairs):
    """The pairs that are left of those that are the same."""
    left = without_other_takes(pairs, np.flatnonzero(pairs.status == SAME), None)
    return {(int(pairs.first[k]), int(pairs.second[k])) for k in left}


def test_a_copy_joins_the_take_that_it_is_most_like():
    rows = [(0, 1, ANOTHER_TAKE, 0.94), (0, 2, SAME, 0.93), (1, 2, SAME, 0.98)]
    assert kept(table(rows)) == {(1, 2)}


def test_two_edits_of_one_picture_stay_with_it():
    """Stickers on both look like something that has moved, but cost more than each alone."""
    rows = [(0, 1, ANOTHER_TAKE, 0.82), (0, 2, SAME, 0.90), (1, 2, SAME, 0.92)]
    assert kept(table(rows)) == {(0, 2), (1, 2)}
    rows[0] = (0, 1, ANOTHER_TAKE, 0.895)
    assert kept(table(rows)) == {(0, 2), (1, 2)}
    rows[0] = (0, 1, ANOTHER_TAKE, 0.6)
    rows[1] = (0, 2, SAME, 0.55)
    assert kept(table(rows)) == {(0, 2), (1, 2)}


def test_images_of_a_dropped_pair_count_as_takes_themselves():
    """Pictures 2 and 3 are copies of 0 and 1, and agree with each other, too."""
    rows = [(0, 1, ANOTHER_TAKE, 0.93), (0, 2, SAME, 0.98), (0, 3, SAME, 0.92)]
    rows += [(1, 2, SAME, 0.92), (1, 3, SAME, 0.98), (2, 3, SAME, 0.92)]
    assert kept(table(rows)) == {(0, 2), (1, 3)}


@pytest.mark.parametrize("scale", [0.7, 1.3])
def test_parts_of_a_picture_are_not_takes_of_it(scale):
    rows = [(0, 1, ANOTHER_TAKE, 0.94), (0, 2, SAME, 0.93), (1, 2, SAME, 0.98)]
    assert kept(table(rows, scale)) == {(0, 2), (1, 2)}


def test_pictures_without_takes_are_left_alone():
    pairs = table([(0, 1, SAME, 0.9), (1, 2, DIFFERENT, 0.1)])
    assert kept(pairs) == {(0, 1)}
    assert untested_among_takes(pairs, np.zeros(3, np.int64)).tolist() == []
    none = pairs.take(slice(0, 0))
    assert without_other_takes(none, np.arange(0), np.zeros(3, np.int64)).tolist() == []


def test_whether_there_was_a_pair_among_takes_to_compare():
    truth = Truth([0, 0, 0, 0], 1)
    rows = rows_of(everything(4), [1] * 6)
    pairs = table([(*pair, SAME, 0.9) for pair in everything(4)])
    pairs.status[[0, 5]] = ANOTHER_TAKE  # 0 and 1, 2 and 3
    pairs.status[1] = UNTESTED
    judge = LimitedJudge(by_agreement)
    solver = StarSolver(
        PairVerifier(rows, pairs, truth.boxes, truth.measure, judge), np.zeros((4, 8, 2), np.uint64)
    )
    star = StarAssignment(np.zeros(4, np.int64), np.array([-1, 0, 1, 2]), np.array([4, 0, 0, 0]))
    assert solver._compare_takes(star)
    assert truth.seen == [(0, 2)]
    assert not solver._compare_takes(star)


STATUS = st.sampled_from([SAME, SAME, SAME, ANOTHER_TAKE, DIFFERENT])
ROWS = st.integers(2, 7).flatmap(
    lambda n: st.tuples(
        *(
            st.tuples(st.just(i), st.just(j), STATUS, st.sampled_from([0.8, 0.85, 0.9, 0.95]))
            for i, j in everything(n)
        )
    )
)


def test_takes_are_outvoted_by_many_copies_that_are_the_same_as_both():
    """One copy is blurred and one turned, and those are called takes of one another."""
    copies = range(2, 10)
    rows = [(0, 1, ANOTHER_TAKE, 0.95), *((end, k, SAME, 0.9) for k in copies for end in (0, 1))]
    assert kept(table(rows)) == {row[:2] for row in rows[1:]}
    fewer = [row for row in rows if row[1] < 9]
    assert len(kept(table(fewer))) == (len(fewer) - 1) // 2
    # Of takes each has copies that are not the same as the other.
    own = [(end, k, SAME, 0.97) for k, end in ((10, 0), (11, 0), (12, 1))]
    own += [(1 - end, k, ANOTHER_TAKE, 0.95) for end, k, *_ in own]
    assert len(kept(table(rows + own))) == len(copies) + 3


@pytest.mark.parametrize("many", [2, 100])
@given(ROWS, st.randoms())
def test_as_written_plainly_in_any_order(many, rows, rng):
    with (
        mock.patch.object(take_conflicts, "_MANY", many),
        mock.patch.object(take_conflicts, "_TIMES", 1),
    ):
        _compare_with_plain_rules(many, rows, rng)


def _compare_with_plain_rules(many, rows, rng):
    found = {frozenset(row[:2]): row for row in rows}
    takes = [row for row in rows if row[2] == ANOTHER_TAKE]
    left = {ends for ends, row in found.items() if row[2] == SAME}
    while takes:
        dropped = set()
        taken = {frozenset(row[:2]) for row in takes}
        for one, other, _, agreement in takes:
            sides = [[frozenset((k, end)) for end in (one, other)] for k in range(7)]
            same_as_both = sum(left.issuperset(ends) for ends in sides)
            only_one = sum(
                (a in left and b in taken) or (b in left and a in taken) for a, b in sides
            )
            if same_as_both >= many and same_as_both > only_one:
                continue
            for k in range(7):
                ends = frozenset((k, one)), frozenset((k, other))
                if left.issuperset(ends):
                    weaker = min(ends, key=lambda e: (found[e][3], *(-x for x in found[e][:2])))
                    if agreement >= found[weaker][3]:
                        dropped.add(weaker)
        left -= dropped
        takes = [found[ends] for ends in dropped]
    shuffled = list(rows)
    rng.shuffle(shuffled)
    assert kept(table(rows)) == kept(table(shuffled)) == {found[ends][:2] for ends in left}


class Film(Truth):
    """Frames of a scene: places are times; a copy that is written on agrees with any of them."""

    def __init__(self, frames, copies):
        self.frames = frames
        super().__init__([*frames, *copies], 100)

    def measure(self, first, second, starts):
        compared = super().measure(first, second, starts)
        compared.maps[:, 2] = 0
        return compared

    def judge(self, first, second, maps, measures, negative=None):
        n = len(self.frames)
        judged = np.zeros((len(first), JUDGEMENT_WIDTH))
        moved = (first < n) & (second < n) & (self.places[first] != self.places[second])
        judged[:, 0] = np.where(moved, ANOTHER_TAKE, SAME)
        return judged


def test_a_copy_does_not_join_two_frames_of_a_film():
    film = Film([0, 4, 8, 12, 8], [4, 4, 12])
    rows = rows_of(everything(8), [3] * 28)
    turned = np.zeros((8, 8, 2), np.uint64)
    verifier = PairVerifier(
        rows, Pairs.of(rows), film.boxes, film.measure, LimitedJudge(film.judge)
    )
    clusters = StarSolver(verifier, turned).run()
    assert members(clusters) == [[1, 5, 6], [2, 4], [3, 7]]


def test_few_pairs_within_a_star_are_compared():
    """A scene may have thousands of frames: of each as many as copies of one have."""
    n = 100
    rows = [(i, j, UNTESTED, 0) for i, j in everything(n)]
    rows += [(k, n, ANOTHER_TAKE, 0.9) for k in range(n)]
    pairs = table(rows)
    medoid = np.append(np.zeros(n, np.int64), n)
    chosen = untested_among_takes(pairs, medoid)
    assert 0 < len(chosen) <= 2 * 16 * n < len(rows)
    assert (pairs.status[chosen] == UNTESTED).all()
    assert untested_among_takes(pairs, np.arange(n + 1)).tolist() == []
