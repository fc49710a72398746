"""The measures of the accuracy benchmark, against their definitions over all pairs."""

import importlib.util
from dataclasses import astuple
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).parents[2] / "benchmarks" / "metrics.py"


def load():
    found = importlib.util.spec_from_file_location("benchmark_metrics", SOURCE)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


metrics = load()

clusterings = st.integers(1, 14).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 4), min_size=n, max_size=n).map(np.array),
        st.lists(st.integers(-3, 3), min_size=n, max_size=n).map(np.array),
    )
)


def together(values):
    return {(i, j) for i, j in combinations(range(len(values)), 2) if values[i] == values[j]}


def ratio(part, whole):
    return part / whole if whole else 1.0


def harmonic(one, other):
    return 2 * one * other / (one + other) if one + other else 0.0


@given(clusterings)
def test_pair_scores_are_those_of_the_sets_of_pairs(case):
    truth, labels = case
    real, claimed = together(truth), together(labels)
    scores = metrics.compare(truth, labels)
    precision = ratio(len(real & claimed), len(claimed))
    recall = ratio(len(real & claimed), len(real))
    assert scores.precision == pytest.approx(precision)
    assert scores.recall == pytest.approx(recall)
    assert scores.f1 == pytest.approx(harmonic(precision, recall))


@given(clusterings)
def test_bcubed_is_the_mean_over_items(case):
    truth, labels = case
    items = range(len(truth))
    precisions, recalls = [], []
    for i in items:
        mates = [j for j in items if labels[j] == labels[i]]
        kin = [j for j in items if truth[j] == truth[i]]
        both = sum(truth[j] == truth[i] for j in mates)
        precisions.append(both / len(mates))
        recalls.append(both / len(kin))
    expected = harmonic(np.mean(precisions), np.mean(recalls))
    assert metrics.compare(truth, labels).bcubed == pytest.approx(expected)


@given(clusterings)
def test_rand_index_is_agreement_beyond_chance(case):
    truth, labels = case
    real, claimed = together(truth), together(labels)
    pairs = len(truth) * (len(truth) - 1) // 2
    # Of the four kinds of pairs, after Hubert and Arabie in the form of Steinley (2004).
    a = len(real & claimed)
    b, c = len(real - claimed), len(claimed - real)
    d = pairs - a - b - c
    above = 2 * (a * d - b * c)
    below = (a + b) * (b + d) + (a + c) * (c + d)
    assert metrics.compare(truth, labels).rand == pytest.approx(ratio(above, below))


@given(clusterings)
def test_false_merges_are_pairs_of_classes_that_share_a_cluster(case):
    truth, labels = case
    met = {frozenset((truth[i], truth[j])) for i, j in together(labels) if truth[i] != truth[j]}
    assert metrics.compare(truth, labels).false_merges == len(met)


@given(clusterings)
def test_the_home_of_a_class_is_its_largest_cluster(case):
    truth, labels = case
    home = metrics.at_home(truth, labels)
    for name in set(truth.tolist()):
        kin = [k for k in range(len(truth)) if truth[k] == name]
        inside = {labels[k] for k in kin if home[k]}
        counts = {label: sum(labels[k] == label for k in kin) for label in labels[kin].tolist()}
        [chosen] = inside
        best = max(counts.values())
        assert chosen == next(labels[k] for k in kin if counts[labels[k]] == best)
        assert sum(home[kin]) == best


@given(clusterings, st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=20))
def test_claimed_pairs_count_once_and_never_with_themselves(case, claims):
    truth, _ = case
    claims = [(i % len(truth), j % len(truth)) for i, j in claims]
    claimed = {(min(c), max(c)) for c in claims if c[0] != c[1]}
    real = together(truth)
    first, second = (np.array([c[k] for c in claims], np.int64) for k in (0, 1))
    precision, recall, f1 = metrics.compare_pairs(truth, first, second)
    assert precision == pytest.approx(ratio(len(real & claimed), len(claimed)))
    assert recall == pytest.approx(ratio(len(real & claimed), len(real)))
    assert f1 == pytest.approx(harmonic(precision, recall))


@given(clusterings, st.permutations(range(7)))
def test_names_of_clusters_mean_nothing(case, names):
    truth, labels = case
    renamed = np.array(names)[labels + 3]
    one, other = (astuple(metrics.compare(truth, found)) for found in (labels, renamed))
    assert one == pytest.approx(other)


def test_a_clustering_that_gets_everything_wrong_scores_nothing():
    scores = metrics.compare(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert (scores.precision, scores.recall, scores.f1, scores.false_merges) == (0, 0, 0, 1)
    assert scores.rand < 0


def test_the_truth_itself_scores_all():
    scores = metrics.compare(np.array([3, 3, 1, 2]), np.array([9, 9, 8, 7]))
    assert (scores.f1, scores.bcubed, scores.rand, scores.false_merges) == (1, 1, 1, 0)
