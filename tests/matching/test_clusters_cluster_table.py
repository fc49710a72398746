"""The table of clusters against a list of them."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.matching.clusters.cluster_table import ClusterTable

SIZES = st.lists(st.integers(2, 5), max_size=6)


def table(sizes, first=0):
    """Clusters of the given sizes, all of whose numbers differ."""
    n = sum(sizes)
    return ClusterTable(
        sizes=np.array(sizes, np.int64),
        diameters=np.arange(len(sizes)) + 500 + first,
        members=np.arange(n) + first,
        distances=np.arange(n) + 1000 + first,
        scores=np.arange(n) / 1000,
        edges=np.arange(n) + 3000 + first,
    )


def as_lists(clusters):
    return [
        (c.members.tolist(), c.distances.tolist(), c.scores.tolist(), c.edges.tolist(), c.diameter)
        for c in clusters
    ]


def test_a_table_is_a_sequence_of_clusters():
    clusters = table([2, 3])
    assert len(clusters) == 2
    assert [c.size for c in clusters] == [2, 3]
    assert as_lists([clusters[1], clusters[-2]]) == as_lists(clusters)[::-1]
    assert as_lists(clusters[1:]) == as_lists(clusters)[1:]
    with pytest.raises(IndexError):
        clusters[2]
    assert (clusters.medoids.tolist(), clusters.numbers.tolist()) == ([0, 2], [0, 0, 1, 1, 1])
    assert clusters.member_edges.tolist() == [3001, 3003, 3004]
    assert clusters[1].medoid == 2


@given(SIZES, st.randoms(use_true_random=False))
def test_some_are_ingested_any_order(sizes, random):
    clusters = table(sizes)
    chosen = random.sample(range(len(sizes)), random.randint(0, len(sizes)))
    taken = clusters.take(np.array(chosen, np.int64))
    assert as_lists(taken) == [as_lists(clusters)[k] for k in chosen]
    rows = clusters.rows(np.array(chosen, np.int64))
    assert clusters.members[rows].tolist() == taken.members.tolist()


@given(SIZES, SIZES)
def test_tables_are_joined(one, other):
    joined = table(one).joined(table(other, 100))
    assert as_lists(joined) == as_lists(table(one)) + as_lists(table(other, 100))


def test_no_clusters():
    none = ClusterTable.none()
    assert list(none) == []
    assert len(none.take(np.empty(0, np.int64)).joined(none)) == 0
    assert all(len(getattr(none, field.name)) == 0 for field in fields(none))
    assert [len(found) for found in (none.medoids, none.numbers, none.member_edges)] == [0, 0, 0]
