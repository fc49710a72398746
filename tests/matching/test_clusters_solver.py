"""The solver: which pairs are compared, and that clusters are stars of compared pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.alignment import Comparison
from imgurer_kernel.matching.candidates import Candidates
from imgurer_kernel.matching.clusters.solver import StarSolver
from imgurer_kernel.matching.clusters.star_cover import star_clusters
from imgurer_kernel.matching.limited_judge import LimitedJudge
from imgurer_kernel.matching.pair_table import DIFFERENT, SAME, SAME_LAYOUT, UNTESTED, Pairs
from imgurer_kernel.matching.pair_verifier import PairVerifier
from imgurer_kernel.matching.verify import PreparedPictures
from tests.support.judging import by_agreement, judged_by

UNIT = np.array([1.0, 0, 0, 0, 1, 0])


class Truth:
    """Pictures on a line: two are the same if they are less than a reach apart.

    Their map says how far apart they are, so that maps by way of a third picture add up.
    """

    def __init__(self, places, reach, deceived=()):
        self.places, self.reach = np.asarray(places, float), reach
        self.deceived = {frozenset(pair) for pair in deceived}
        self.seen = []

    def boxes(self, positions):
        n = len(self.places)
        return PreparedPictures(np.zeros((n, 64, 64), np.uint8), np.tile([0, 0, 64, 64], (n, 1)))

    def measure(self, first, second, starts):
        """A deceptive pair is the same only from a start near its map."""
        self.seen += list(zip(first.tolist(), second.tolist(), strict=True))
        apart = self.places[second] - self.places[first]
        maps = np.tile(UNIT, (len(first), 1))
        maps[:, 2] = apart
        same = np.abs(apart) < self.reach
        for k, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
            if frozenset(ends) in self.deceived:
                same[k] &= np.allclose(starts[k], maps[k])
        score = np.where(same, 1 - np.abs(apart) / 100, 0.1)
        measures = np.column_stack((score, score, np.ones(len(first)))).astype(np.float32)
        return Comparison(measures, maps)


def rows_of(pairs, distance):
    first, second = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    zeros = np.zeros(len(first), np.int64)
    return Candidates(first, second, np.asarray(distance, np.int64), zeros, zeros, zeros)


def solve(truth, rows, same_layout=None):
    turned = np.random.default_rng(0).integers(0, 1 << 64, (len(truth.places), 8, 2), np.uint64)
    judge = LimitedJudge(by_agreement if same_layout is None else judged_by(same_layout))
    verifier = PairVerifier(rows, Pairs.of(rows), truth.boxes, truth.measure, judge)
    solver = StarSolver(verifier, turned)
    return solver, solver.run()


def everything(n):
    return [(i, j) for i in range(n) for j in range(i + 1, n)]


def members(clusters):
    return sorted(sorted(c.members.tolist()) for c in clusters)


def test_a_pair_inside_a_proven_star_is_never_compared():
    truth = Truth([0] * 40, 1)
    solver, [cluster] = solve(truth, rows_of(everything(40), [0] * 780))
    assert cluster.size == 40
    assert len(truth.seen) == 39
    assert (solver.pairs.status == UNTESTED).sum() == 780 - 39


def test_different_pictures_are_not_members():
    truth = Truth([0, 0, 50, 50, 99], 1)
    _, clusters = solve(truth, rows_of(everything(5), [3] * 10))
    assert members(clusters) == [[0, 1], [2, 3]]
    assert len(truth.seen) == len(set(truth.seen))


LINE = st.lists(st.integers(0, 30), min_size=2, max_size=14)


@given(LINE, st.integers(1, 6), st.integers(2, 20))
def test_clusters_are_stars_of_what_was_seen(places, reach, far):
    near = [(i, j) for i, j in everything(len(places)) if abs(places[i] - places[j]) < far]
    distance = [abs(places[i] - places[j]) for i, j in near]
    truth = Truth(places, reach)
    solver, clusters = solve(truth, rows_of(near, distance))
    pairs = solver.pairs
    taken = [k for c in clusters for k in c.members.tolist()]
    assert len(taken) == len(set(taken))
    for c in clusters:
        edges = pairs.take(c.edges[1:])
        assert (edges.status == SAME).all()
        assert (np.abs(truth.places[c.members] - truth.places[c.medoid]) < reach).all()
        assert {*edges.first.tolist(), *edges.second.tolist()} == {*c.members.tolist()}
    # They are the clusters of all pairs that hold, as far as these were compared.
    proven = np.flatnonzero(pairs.status == SAME)
    again = star_clusters(pairs.first[proven], pairs.second[proven], pairs.distance[proven],
                  pairs.measures[proven, 1])  # fmt: skip
    assert members(again) == members(clusters)


@given(LINE.map(lambda places: [10 * (place // 5) for place in places]))
def test_groups_that_are_apart_are_found_whole(places):
    """If the relation is transitive, the clusters are unique."""
    near = everything(len(places))
    _, clusters = solve(Truth(places, 1), rows_of(near, [7] * len(near)))
    groups = {}
    for k, place in enumerate(places):
        groups.setdefault(place, []).append(k)
    assert members(clusters) == sorted(g for g in groups.values() if len(g) > 1)


def test_a_neighbor_of_a_member_is_compared_with_the_medoid():
    """0 and 3 are near by no hash; 3 is near 2 only, which is a member of the star around 0."""
    truth = Truth([0, 0.1, 0.2, 0.3], 1, deceived=[(0, 3)])
    rows = rows_of([(0, 1), (0, 2), (1, 2), (2, 3)], [0, 1, 1, 1])
    solver, [cluster] = solve(truth, rows)
    assert cluster.size == 4
    added = solver.pairs.take(slice(4, None))
    assert {*zip(added.first.tolist(), added.second.tolist(), strict=True)} <= {(0, 3), (1, 3)}
    assert added.maps[added.status == SAME][:, 2] == pytest.approx(
        (truth.places[added.second] - truth.places[added.first])[added.status == SAME]
    )


@pytest.mark.parametrize("numbers", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])
def test_a_copy_of_a_member_joins_the_star_whichever_has_the_smaller_number(numbers):
    """The first has three members, which are near it alone; the last is near one of these."""
    truth = Truth(np.zeros(5), 1, deceived=[(numbers[0], numbers[4])])
    near = [sorted((numbers[a], numbers[b])) for a, b in ((0, 1), (0, 2), (0, 3), (3, 4))]
    _, [cluster] = solve(truth, rows_of(near, [1] * 4))
    assert cluster.medoid == numbers[0]
    assert cluster.size == 5


def test_the_next_match_is_tried_where_one_does_not_hold():
    class Second(Truth):
        def measure(self, first, second, starts):
            compared = super().measure(first, second, starts)
            compared.measures[starts[:, 0] > 0, 1] = 0.2  # upright it does not fit
            return compared

    rows = Candidates(*np.array([[0, 1, 5, 0, 0, 0], [0, 1, 9, 1, 0, 0]]).T)
    solver, [cluster] = solve(Second([0, 0], 1), rows)
    assert cluster.size == 2
    assert solver.pairs.orientation.tolist() == [1]
    assert solver.pairs.distance.tolist() == [9]


def test_pairs_of_one_layout_are_struck():
    asked = []

    def shared(first, second, maps):
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return (first == 0) | (second == 0)

    truth = Truth([0, 0, 0, 80], 1)
    solver, clusters = solve(truth, rows_of(everything(4), [1] * 6), shared)
    assert members(clusters) == [[1, 2]]
    status = {
        (i, j): s
        for i, j, s in zip(
            solver.pairs.first.tolist(),
            solver.pairs.second.tolist(),
            solver.pairs.status.tolist(),
            strict=True,
        )
    }
    assert status[0, 1] == status[0, 2] == SAME_LAYOUT
    assert status[1, 2] == SAME
    assert status[0, 3] in {UNTESTED, DIFFERENT}
    assert not any(3 in pair for pair in asked)


def test_it_can_be_stopped_between_comparisons():
    def stop():
        raise KeyboardInterrupt

    truth = Truth([0, 0], 1)
    rows = rows_of([(0, 1)], [0])
    judge = LimitedJudge(by_agreement)
    verifier = PairVerifier(rows, Pairs.of(rows), truth.boxes, truth.measure, judge)
    solver = StarSolver(verifier, np.zeros((2, 8, 2), np.uint64), stop)
    with pytest.raises(KeyboardInterrupt):
        solver.run()
    assert truth.seen == []


def test_no_pairs():
    solver, clusters = solve(Truth([0, 1], 1), rows_of([], []))
    assert list(clusters) == []
    assert len(solver.pairs) == 0
