"""The bulk engines against brute force and against each other."""

import itertools
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgurer_kernel.errors import InvalidRadius, QueryError
from imgurer_kernel.index import bulk, lookup, multi_index
from imgurer_kernel.index.engine import EnginePlan
from imgurer_kernel.index.lookup import components, matches, neighbors, pairs
from tests.support.forms import rounds

ONES = 2**64 - 1
words = st.integers(0, 3) | st.sampled_from([0, ONES, 2**63]) | st.integers(0, ONES)
hash_lists = st.lists(st.tuples(words, words), max_size=30)
ENGINES = ("scan", "compiled scan", "multi-index")


def array(pairs):
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def distance(one, other):
    return (one[0] ^ other[0]).bit_count() + (one[1] ^ other[1]).bit_count()


def rows(chunk):
    return list(zip(*(part.tolist() for part in chunk), strict=True))


def clustered(rng, n, bits, size=20):
    """Hashes around n / size centres, up to so many bits away; with bits = 0 many are equal."""
    centres = rng.integers(0, 2**64, (max(1, n // size), 2), dtype=np.uint64)
    hashes = centres[rng.integers(0, len(centres), n)]
    for _ in range(bits):
        bit = rng.integers(0, 128, n)
        hashes[np.arange(n), bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    return hashes


def brute(hashes, queries, radius):
    """(k, 3) of query, hash and distance, ordered by query, distance and hash."""
    found = []
    for q, query in enumerate(queries):
        bits = np.bitwise_count(hashes ^ query).sum(axis=1).astype(np.int64)
        near = np.flatnonzero(bits <= radius)
        near = near[np.argsort(bits[near], kind="stable")]
        found.append(np.column_stack((np.full(len(near), q), near, bits[near])))
    return np.concatenate([np.empty((0, 3), np.int64), *found])


def brute_components(edges, n):
    label = np.arange(n)
    while True:
        smallest = label.copy()
        np.minimum.at(smallest, edges[:, 0], label[edges[:, 1]])
        np.minimum.at(smallest, edges[:, 1], label[edges[:, 0]])
        if (smallest == label).all():
            break
        label = smallest
    first = list(dict.fromkeys(label.tolist()))
    place = {root: k for k, root in enumerate(first)}
    return [place[root] for root in label.tolist()]


def joined(chunks):
    parts = [np.column_stack(chunk).astype(np.int64) for chunk in chunks]
    return np.concatenate([np.empty((0, 3), np.int64), *parts])


def force(monkeypatch, engine):
    """Have everything done by one engine, whatever the size."""
    monkeypatch.setattr(multi_index, "_SAMPLE", 2_000)

    def plan(hashes, queries, radius):
        cut = (
            multi_index.choose_chunking(hashes, queries, radius)
            if engine == "multi-index"
            else None
        )
        return EnginePlan(engine=engine, reason="a test wants it", seconds=0, chunking=cut)

    monkeypatch.setattr(lookup, "plan_bulk", plan)
    monkeypatch.setattr(lookup, "worth_grouping", lambda n, queries: engine != "scan")


@given(hash_lists, hash_lists, st.integers(0, 128))
def test_neighbors_agree_with_brute_force(hashes, queries, radius):
    got = neighbors(array(hashes), array(queries), radius)
    assert [part.dtype for part in got] == [np.int64, np.int64, np.uint8]
    expected = sorted(
        (q, distance(query, hash_), h)
        for q, query in enumerate(queries)
        for h, hash_ in enumerate(hashes)
        if distance(query, hash_) <= radius
    )
    assert [(q, d, h) for q, h, d in rows(got)] == expected


@given(hash_lists, st.integers(0, 128))
def test_pairs_agree_with_brute_force(hashes, radius):
    got = [row for chunk in pairs(array(hashes), radius) for row in rows(chunk)]
    expected = [
        (i, j, distance(hashes[i], hashes[j]))
        for i, j in itertools.combinations(range(len(hashes)), 2)
        if distance(hashes[i], hashes[j]) <= radius
    ]
    assert sorted(got) == expected


@given(hash_lists, st.integers(0, 128))
def test_components_agree_with_brute_force(hashes, radius):
    labels = components(array(hashes), radius)
    assert labels.dtype == np.int64
    edges = brute(array(hashes), array(hashes), radius)
    assert labels.tolist() == brute_components(edges, len(hashes))


@pytest.mark.parametrize("engine", ENGINES)
@settings(
    max_examples=rounds(10, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    n=st.integers(2, 1500),
    bits=st.integers(0, 12),
    radius=st.integers(0, 20) | st.integers(0, 45),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_engine_finds_exactly_the_near_pairs(engine, n, bits, radius, seed, monkeypatch):
    force(monkeypatch, engine)
    rng = np.random.default_rng(seed)
    hashes = clustered(rng, n, bits)
    queries = np.concatenate((hashes[: n // 3], clustered(rng, 1 + seed % 700, 2)))
    expected = brute(hashes, queries, radius)
    assert (np.column_stack(neighbors(hashes, queries, radius)) == expected).all()
    expected = brute(hashes, hashes, radius)
    expected = expected[expected[:, 0] < expected[:, 1]]
    got = joined(pairs(hashes, radius))
    assert len(got) == len(expected)
    order, wanted = np.lexsort(got.T[::-1]), np.lexsort(expected.T[::-1])
    assert (got[order] == expected[wanted]).all()
    assert components(hashes, radius).tolist() == brute_components(expected, n)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("radius", [0, 100, 128])
def test_the_ends_of_the_radius(engine, radius, monkeypatch):
    force(monkeypatch, engine)
    hashes = array([(0, 0), (ONES, ONES), (0, 0), (0, ONES), (2**63, 1)])
    assert (
        np.column_stack(neighbors(hashes, hashes, radius)) == brute(hashes, hashes, radius)
    ).all()
    assert len(set(components(hashes, radius).tolist())) == (4 if radius == 0 else 1)


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_full_buffers_lose_nothing_and_repeat_nothing(engine, monkeypatch):
    force(monkeypatch, engine)
    hashes = clustered(np.random.default_rng(4), 2_000, 3, size=200)
    whole = joined(pairs(hashes, 12))
    assert len(whole) > 100_000
    monkeypatch.setattr(bulk, "_BUFFER", 4_096)
    monkeypatch.setattr(lookup, "_CHUNK", 4_096)
    chunks = list(pairs(hashes, 12))
    assert max(len(chunk[0]) for chunk in chunks) <= 4_096
    got = joined(chunks)
    assert (got[np.lexsort(got.T)] == whole[np.lexsort(whole.T)]).all()
    again = joined(pairs(hashes, 12))
    assert (again == got).all()
    monkeypatch.setattr(bulk, "cores", lambda: 1)
    alone = joined(pairs(hashes, 12))
    assert (alone[np.lexsort(alone.T)] == whole[np.lexsort(whole.T)]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_products_of_equal_hashes_come_in_small_chunks(engine, monkeypatch):
    force(monkeypatch, engine)
    monkeypatch.setattr(lookup, "_CHUNK", 100)
    hashes = array([(0, 0)] * 40 + [(1, 0)] * 30 + [(ONES, 7)])
    chunks = list(pairs(hashes, 1))
    assert max(len(chunk[0]) for chunk in chunks) <= 100
    assert len({(i, j) for chunk in chunks for i, j, _ in rows(chunk)}) == 70 * 69 // 2
    got = joined(matches(hashes, hashes[35:45], 1))
    assert len(np.unique(got[:, :2], axis=0)) == len(got) == 10 * 70


@pytest.mark.parametrize("n", [1, 100_000])
def test_equal_hashes_are_one_component(n):
    assert (components(np.full((n, 2), ONES, dtype=np.uint64), 0) == 0).all()


def test_pairs_of_a_hundred_thousand_equal_hashes_can_be_begun():
    """There are five billion pairs; a chunk must not take the memory of all."""
    hashes = np.full((100_000, 2), 3, dtype=np.uint64)
    i, j, bits = next(pairs(hashes, 0))
    assert len(i) == 1 << 20
    assert (i < j).all()
    assert not bits.any()
    query, position, _ = neighbors(hashes, hashes[:1], 0)
    assert not query.any()
    assert (position == np.arange(100_000)).all()


def test_a_dense_zone_is_one_component(monkeypatch):
    """It has two billion pairs, or in the short form two hundred million."""
    force(monkeypatch, "multi-index")
    rng = np.random.default_rng(5)
    size = rounds(20_000, 60_000)
    zone = clustered(rng, size, 4, size=size)
    far = rng.integers(0, 2**64, (5_000, 2), dtype=np.uint64)
    labels = components(np.concatenate((far[:10], zone, far[10:])), 8)
    assert labels[:10].tolist() == list(range(10))
    assert (labels[10 : 10 + len(zone)] == 10).all()
    assert labels[10 + len(zone) :].tolist() == list(range(11, 5_001))


def test_a_chain_across_dense_buckets_holds_together(monkeypatch):
    """Neighbours are 2 bits apart, the ends 128: breadth first must follow it all the way."""
    force(monkeypatch, "multi-index")
    rng = np.random.default_rng(6)
    steps = [((1 << 2 * k) - 1) for k in range(65)]
    chain = array([(step & ONES, step >> 64) for step in steps])
    hashes = np.repeat(chain, 400, axis=0)
    for _ in range(2):
        bit = rng.integers(0, 128, len(hashes))
        hashes[np.arange(len(hashes)), bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    hashes = np.concatenate((hashes, chain))
    assert (components(hashes, 4) == 0).all()
    force(monkeypatch, "compiled scan")
    assert (components(hashes, 4) == 0).all()


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_progress_goes_up_to_the_total(engine, monkeypatch):
    force(monkeypatch, engine)
    hashes = clustered(np.random.default_rng(7), 3_000, 3)
    works = [neighbors] if engine == "compiled scan" else [neighbors, components]
    for work in works:
        calls = []
        arguments = (hashes, hashes) if work is neighbors else (hashes,)
        work(*arguments, 8, progress=lambda *call, calls=calls: calls.append(call))
        stages, done, totals = zip(*calls, strict=True)
        assert set(stages) == {bulk.STAGE}
        assert len(set(totals)) == 1
        assert list(done) == sorted(done)
        assert 0 < done[0] < done[-1] == totals[0]


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_a_progress_function_may_stop_a_search(engine, monkeypatch):
    force(monkeypatch, engine)
    hashes = clustered(np.random.default_rng(7), 3_000, 3)

    def stop(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbors(hashes, hashes, 8, progress=stop)
    assert not [t for t in threading.enumerate() if t.name.startswith("imgurer-search")]


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_leaving_the_iterator_stops_the_threads(engine, monkeypatch):
    force(monkeypatch, engine)
    monkeypatch.setattr(bulk, "_BUFFER", 1_024)
    hashes = clustered(np.random.default_rng(8), 5_000, 3, size=1_000)
    chunks = pairs(hashes, 12)
    next(chunks)
    chunks.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("imgurer-search")]


def test_arrays_of_any_layout(monkeypatch):
    whole = clustered(np.random.default_rng(9), 600, 3)
    expected = brute(whole[::2], whole[::3], 9)
    wide = np.zeros((600, 5), np.uint64)
    wide[:, 1:4:2] = whole
    for hashes in (whole, np.asfortranarray(whole), wide[:, 1:4:2]):
        hashes.flags.writeable = False
        for engine in ENGINES:
            force(monkeypatch, engine)
            got = np.column_stack(neighbors(hashes[::2], hashes[::3], 9))
            assert (got == expected).all()


def test_empty_sets():
    empty, one = array([]), array([(1, 2)])
    for hashes, queries in ((empty, one), (one, empty), (empty, empty)):
        assert [len(part) for part in neighbors(hashes, queries, 128)] == [0, 0, 0]
    assert list(pairs(empty, 128)) == []
    assert list(pairs(one, 128)) == []
    assert components(empty, 5).tolist() == []
    assert components(one, 5).tolist() == [0]


@pytest.mark.parametrize("radius", [-1, 129, 2.0])
def test_a_bad_radius_is_refused_before_the_first_chunk(radius):
    one = array([(1, 2)])
    for call in (
        lambda: neighbors(one, one, radius),
        lambda: matches(one, one, radius),
        lambda: pairs(one, radius),
        lambda: components(one, radius),
    ):
        with pytest.raises(InvalidRadius, match=str(radius)):
            call()


def test_arrays_of_another_kind_are_refused_by_name():
    one, bad = array([(1, 2)]), np.zeros((4, 2))
    with pytest.raises(QueryError, match="hashes is an array of float64"):
        neighbors(bad, one, 3)
    with pytest.raises(QueryError, match="queries is an array of float64"):
        matches(one, bad, 3)
    with pytest.raises(QueryError, match="hashes is a list"):
        pairs([1, 2], 3)
    with pytest.raises(QueryError, match="hashes is an array of float64"):
        components(bad, 3)
