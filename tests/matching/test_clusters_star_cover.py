"""Star clusters against a naive implementation, and their properties."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.matching.clusters import star_cover as module
from imgurer_kernel.matching.clusters.star_cover import (
    _Graph,
    star_clusters,
    star_cover,
    star_cover_lazily,
)

EDGE = st.tuples(
    st.integers(0, 14), st.integers(0, 14), st.integers(0, 128), st.sampled_from([0.9, 0.95, 1.0])
)
EDGES = st.lists(EDGE, max_size=60)


def columns(edges):
    return [list(column) for column in zip(*edges, strict=True)] or [[], [], [], []]


def as_sets(clusters):
    return [(c.medoid, c.members.tolist(), c.distances.tolist(), c.diameter) for c in clusters]


def naive(edges):
    """The greedy star cover as documented, implemented with sets."""
    best = {}
    for one, other, distance, score in edges:
        pair = frozenset((one, other))
        if len(pair) == 2 and (pair not in best or (-score, distance) < best[pair]):
            best[pair] = (-score, distance)
    free = {node for pair in best for node in pair}
    found = []
    while True:
        ranked = []
        for node in sorted(free):
            around = [pair for pair in best if node in pair and pair <= free]
            if around:
                total = sum(round(-best[pair][0] * 1e6) for pair in around)
                ranked.append((-len(around), -total, node, frozenset().union(*around)))
        if not ranked:
            return sorted(found, key=lambda star: (-len(star[1]), star[0]))
        _, _, medoid, members = min(ranked)
        others = sorted((best[frozenset((medoid, m))][1], m) for m in members - {medoid})
        found.append((medoid, [medoid, *(m for _, m in others)], [0, *(d for d, _ in others)]))
        free -= members


COMPILE_FROM = module._COMPILE_FROM


@pytest.mark.parametrize("compile_from", [COMPILE_FROM, 0], ids=["python", "compiled"])
@given(EDGES)
def test_agrees_with_the_naive_cover(compile_from, edges):
    with patch.object(module, "_COMPILE_FROM", compile_from):
        assert [star[:3] for star in as_sets(star_clusters(*columns(edges)))] == naive(edges)


@pytest.mark.parametrize("nodes", [40, 3000])
def test_both_covers_agree_on_large_graphs(nodes):
    random = np.random.default_rng(nodes)
    pairs = np.unique(np.sort(random.integers(0, nodes, (9000, 2)), axis=1), axis=0)
    first, second = pairs[pairs[:, 0] < pairs[:, 1]].T
    scores = random.choice([0.9, 0.95, 1.0], len(first))  # many equals
    with patch.object(module, "_LOADED_FROM", len(first) + 1):
        plain = star_cover(nodes, first, second, scores)
    with patch.object(module, "_COMPILE_FROM", 0):
        assert star_cover(nodes, first, second, scores).tolist() == plain.tolist()


@given(EDGES, st.randoms(use_true_random=False))
def test_neither_order_nor_direction_of_edges_matters(edges, random):
    shuffled = [(b, a, d, s) if random.random() < 0.5 else (a, b, d, s) for a, b, d, s in edges]
    random.shuffle(shuffled)
    assert as_sets(star_clusters(*columns(edges))) == as_sets(star_clusters(*columns(shuffled)))


@given(EDGES)
def test_every_member_has_an_edge_to_the_medoid(edges):
    clusters = star_clusters(*columns(edges))
    for cluster in clusters:
        assert cluster.size == len(cluster.members) >= 2
        assert cluster.edges[0] == -1
        for member, distance, score, edge in zip(
            cluster.members[1:],
            cluster.distances[1:],
            cluster.scores[1:],
            cluster.edges[1:],
            strict=True,
        ):
            one, other, its_distance, its_score = edges[edge]
            assert {one, other} == {member, cluster.medoid}
            assert (its_distance, its_score) == (distance, score)
    everyone = [member for cluster in clusters for member in cluster.members.tolist()]
    assert len(everyone) == len(set(everyone))


@given(EDGES)
def test_no_two_images_outside_of_clusters_are_neighbors(edges):
    clustered = {m for cluster in star_clusters(*columns(edges)) for m in cluster.members.tolist()}
    for one, other, *_ in edges:
        assert one == other or one in clustered or other in clustered


@given(EDGES)
def test_two_medoids_never_have_an_edge(edges):
    medoids = {cluster.medoid for cluster in star_clusters(*columns(edges))}
    assert not any(a != b and a in medoids and b in medoids for a, b, *_ in edges)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_diameter_is_an_upper_bound_and_exact_where_all_pairs_have_edges(seed, radius):
    generator = np.random.default_rng(seed)
    bits = generator.random((12, 128)) < 0.5
    bits[3:] = bits[0] ^ (generator.random((9, 128)) < 0.1)
    table = (bits[:, None] != bits[None]).sum(2)
    first, second = np.nonzero(np.triu(table <= radius, 1))
    for cluster in star_clusters(first, second, table[first, second]):
        among = table[np.ix_(cluster.members, cluster.members)]
        assert among.max() <= cluster.diameter
        if (among <= radius).all():
            assert among.max() == cluster.diameter


def test_ids_may_be_any_and_ties_go_to_the_smaller_one():
    [cluster] = star_clusters([900, 900, 7], [7, 10**12, 10**12], [3, 3, 3])
    assert cluster.members.tolist() == [7, 900, 10**12]


def test_the_better_score_makes_the_medoid():
    path = ([1, 2, 3, 4], [2, 3, 4, 1], [4, 4, 4, 4])
    assert star_clusters(*path, score=[0.9, 0.9, 0.9, 0.9])[0].medoid == 1
    assert star_clusters(*path, score=[0.9, 0.9, 0.99, 0.9])[0].medoid == 3


def test_biggest_first_then_by_medoid():
    first, second = [8, 1, 5, 5], [9, 2, 6, 7]
    assert [c.medoid for c in star_clusters(first, second, [1, 1, 1, 1])] == [5, 1, 8]


def test_no_edges_no_clusters():
    assert list(star_clusters([], [], [])) == []
    assert list(star_clusters([3], [3], [0])) == []


def test_a_panning_clip_is_not_one_cluster():
    # A window that moves over a long smooth picture: each frame is near the next, the ends differ.
    generator = np.random.default_rng(5)
    scene = np.cumsum(generator.normal(size=(9, 72 + 60)), axis=1)
    frames = np.stack([scene[:, start : start + 54 : 6] for start in range(72)])
    rows, columns_ = frames[:, :8, :8] < frames[:, :8, 1:], frames[:, :8, :8] < frames[:, 1:, :8]
    bits = np.concatenate([rows.reshape(72, 64), columns_.reshape(72, 64)], axis=1)
    table = (bits[:, None] != bits[None]).sum(2)
    radius = int(np.diagonal(table, 1).max())
    first, second = np.nonzero(np.triu(table <= radius, 1))
    clusters = star_clusters(first, second, table[first, second])
    assert len(clusters) > 1
    assert max(cluster.size for cluster in clusters) < 72
    for cluster in clusters:
        assert (table[cluster.medoid, cluster.members] <= radius).all()


@pytest.mark.parametrize("size", [2, 3, 500])
def test_identical_images_make_one_star_around_the_first(size):
    first, second = np.triu_indices(size, 1)
    [cluster] = star_clusters(first, second, np.zeros(len(first)))
    assert (cluster.medoid, cluster.size, cluster.diameter) == (0, size, 0)


@pytest.mark.parametrize("compile_from", [COMPILE_FROM, 0], ids=["python", "compiled"])
def test_making_stars_may_be_stopped(monkeypatch, compile_from):
    monkeypatch.setattr(module, "_PROGRESS_STEP", 2)
    monkeypatch.setattr(module, "_COMPILE_FROM", compile_from)
    first = np.arange(0, 12, 2)

    def stop():
        raise KeyboardInterrupt

    times = []
    whole = star_cover(12, first, first + 1, np.ones(6), lambda: times.append(1))
    assert len(times) >= 3, "every two stars"
    assert whole.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]
    with pytest.raises(KeyboardInterrupt):
        star_cover(12, first, first + 1, np.ones(6), stop)


@given(EDGES)
def test_a_cover_whose_neighbors_are_asked_for_one_by_one_is_the_same(edges):
    strengths = {(min(e[:2]), max(e[:2])): e[3] for e in edges if e[0] != e[1]}
    ends, score = np.array([*strengths], np.int64).reshape(-1, 2), np.array([*strengths.values()])
    around = [[(e, s) for e, s in strengths.items() if k in e] for k in range(15)]
    neighbors = [
        (np.array([sum(e) - k for e, _ in each], np.int64), np.array([1e6 * s for _, s in each]))
        for k, each in enumerate(around)
    ]
    degree = np.array([len(each) for each in around])
    total = np.array([strength.sum() for _, strength in neighbors])
    lazily = star_cover_lazily(degree, total, neighbors.__getitem__)
    assert lazily.tolist() == star_cover(15, *ends.T, score).tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 9, 40])
def test_neighbors_are_in_order_with_their_strengths(n):
    random = np.random.default_rng(n)
    ends = np.argwhere(np.triu(random.random((n, n)) < 0.3, 1))
    ends = ends[random.permutation(len(ends))]
    strength = random.integers(0, 9, len(ends))
    graph = _Graph.of(n, *ends.T, strength)
    assert graph.start.tolist()[0] == 0
    assert graph.start.tolist()[-1] == 2 * len(ends)
    known = {frozenset(pair): each for pair, each in zip(ends.tolist(), strength, strict=True)}
    for node in range(n):
        part = slice(graph.start[node], graph.start[node + 1])
        expected = sorted(set().union(*(pair for pair in known if node in pair)) - {node})
        assert graph.neighbor[part].tolist() == expected
        assert graph.strength[part].tolist() == [known[frozenset((node, k))] for k in expected]
