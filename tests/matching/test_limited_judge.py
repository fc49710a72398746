"""Limits on judged pairs: those that are most alike, whatever else there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.judgement import (
    COMPARED,
    IF_SAME,
    IN_DOUBT,
    JUDGEMENT_WIDTH,
    LIKENESS,
    ORIGINALS,
    UNREADABLE,
)
from imgurer_kernel.matching.limited_judge import MAX_ORIGINALS, LimitedJudge, PairLimit
from imgurer_kernel.matching.pair_table import DIFFERENT, NOT_LOOKED_AT, SAME, SAME_LAYOUT

ALL = [(one, other) for one in range(6) for other in range(one + 1, 6)]


def judged(limit, ends, likeness, is_rejected=lambda one, other: True):
    """Judge pairs; return those that were judged, in their order."""
    first, second = np.array(ends, np.int64).reshape(-1, 2).T
    seen = []

    def judge(rows):
        seen.extend(ends[row] for row in rows.tolist())
        return np.array([is_rejected(*ends[row]) for row in rows.tolist()], bool)

    left = limit.judge(first, second, np.array(likeness, float), judge)
    assert sorted(seen + [ends[row] for row in left.tolist()]) == sorted(ends)
    return seen


def test_each_image_has_those_judged_that_are_most_like_it():
    likeness = [1 / (one + other) for one, other in ALL]
    assert set(judged(PairLimit(1), ALL, likeness)) == {(0, other) for other in range(1, 6)}


def test_each_image_has_its_likeliest_pairs_judged_wherever_they_are():
    likeness = {(0, 1): 0.1, (0, 2): 0.5, (0, 3): 0.9, (1, 2): 0.6, (1, 3): 0.3, (2, 3): 0.2}
    seen = judged(PairLimit(1), list(likeness), list(likeness.values()))
    assert sorted(seen) == [(0, 3), (1, 2)]


def test_a_likely_pair_is_judged_however_many_others_were_before():
    limit = PairLimit(1)
    for likeness in (0.5, 0.6, 0.7):
        assert judged(limit, ALL[:-1], [likeness] * (len(ALL) - 1)), "asked again, it counts once"
    assert judged(limit, ALL[-1:], [0.9])
    assert not judged(limit, ALL[-2:-1], [0.1])


def test_accepted_pairs_do_not_count_however_many_there_are():
    likeness = [0.9 - 0.1 * max(ends) - 0.01 * min(ends) for ends in ALL]
    seen = judged(PairLimit(1), ALL, likeness, lambda _, other: other > 3)
    assert {ends for ends in ALL if max(ends) < 4} < set(seen) < set(ALL)


def test_no_pairs_and_no_room():
    assert judged(PairLimit(1), [], []) == []
    assert judged(PairLimit(0), ALL, [1.0] * len(ALL)) == []


pairs_and_likeness = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)).filter(
        lambda it: it[0] < it[1]
    ),
    unique_by=lambda it: it[:2],
    max_size=15,
)


def chosen_by_brute_force(limit, rejected, asked):
    """Choose by the definition: less than `limit` pairs of either image are more alike."""
    others = {pair: alike for pair, alike in rejected.items() if pair not in asked}

    def rank(image, pair):
        mine = [(it, k) for k, it in (others | asked).items() if image in k and k != pair]
        other = sum(pair) - image
        ahead = [
            k
            for it, k in mine
            if it > asked[pair] or (it == asked[pair] and sum(k) - image < other)
        ]
        return len(ahead)

    return {pair for pair in asked if min(rank(image, pair) for image in pair) < limit}


@given(pairs_and_likeness, pairs_and_likeness, st.integers(1, 3), st.randoms())
def test_the_choice_is_that_of_brute_force_in_any_order(before, asked, most, random):
    limit = PairLimit(most)
    if before:
        first, second, alike = np.array(before).T
        limit.reject(first, second, alike.astype(float))
    rejected = {(one, other): alike for one, other, alike in before}
    ends = {(one, other): float(alike) for one, other, alike in asked}
    expected = chosen_by_brute_force(most, rejected, ends)
    random.shuffle(asked)
    first, second, alike = (
        (np.array(it, np.int64) for it in zip(*asked, strict=True))
        if asked
        else (np.empty(0, np.int64),) * 3
    )
    chosen = limit.choose(first, second, alike.astype(float))
    assert {ends[:2] for ends, it in zip(asked, chosen, strict=True) if it} == expected


def in_doubt(first, second, maps, measures):
    """A judge that takes all pairs for the same, and asks for originals."""
    found = np.zeros((len(first), JUDGEMENT_WIDTH))
    found[:, 0] = found[:, IF_SAME] = SAME
    found[:, ORIGINALS], found[:, LIKENESS] = IN_DOUBT, measures[:, 1]
    return found


@pytest.mark.parametrize("state", [COMPARED, UNREADABLE])
def test_originals_are_compared_up_to_the_limit_and_unreadable_ones_do_not_count(state):
    compared = []

    def judge_originals(first, second, maps, before):
        compared.extend(zip(first.tolist(), second.tolist(), strict=True))
        final = before.copy()
        final[:, ORIGINALS] = state
        if state == COMPARED:
            final[:, 0] = SAME_LAYOUT
        return final

    n = 3 * MAX_ORIGINALS
    ends = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    likeness = np.random.default_rng(1).permutation(np.linspace(0.9, 0.99, len(ends)))
    measures = np.column_stack((likeness,) * 3).astype(np.float32)
    limited = LimitedJudge(in_doubt, judge_originals)
    negative = np.zeros(len(ends), bool)
    maps = np.zeros((len(ends), 6))
    status, details = limited.judge(ends[:, 0], ends[:, 1], maps, measures, negative, agreeing=True)
    left = details[:, 0] == NOT_LOOKED_AT
    if state == UNREADABLE:
        assert len(compared) == len(ends)
        assert (status == SAME).all()
        assert not left.any()
        return
    is_compared = np.array([pair in compared for pair in map(tuple, ends.tolist())])
    assert (left == ~is_compared).all()
    assert (status[is_compared] == SAME_LAYOUT).all()
    # Those that agree least were not judged by thumbnails either.
    assert set(status[left].tolist()) == {SAME_LAYOUT, DIFFERENT}
    assert likeness[status == DIFFERENT].max() < likeness[is_compared].max()
    per_image = np.bincount(np.array(compared).ravel(), minlength=n)
    assert per_image.min() >= MAX_ORIGINALS
    assert len(compared) <= n * MAX_ORIGINALS
    assert left.any()
