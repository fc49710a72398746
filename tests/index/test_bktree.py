"""The BK-tree against brute force and PyPI pybktree, in every order of additions and removals."""

import threading

import numpy as np
import pybktree
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imgurer_kernel.errors import InvalidRadius, QueryError, UnknownImage
from imgurer_kernel.index import BKTree, bktree, segment, snapshot
from tests.support.forms import rounds

ONES = 2**64 - 1
words = st.integers(0, 3) | st.sampled_from([0, ONES, 2**63]) | st.integers(0, ONES)
hashes = st.tuples(words, words)
ids = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9)


def array(pairs):
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def distance(one, other):
    return (one[0] ^ other[0]).bit_count() + (one[1] ^ other[1]).bit_count()


def brute(content, query, radius):
    near = [(distance(hash_, query), id_) for id_, hash_ in content.items()]
    return sorted(pair for pair in near if pair[0] <= radius)


def found(tree, query, radius):
    ids, distances = tree.search(query, radius)
    assert ids.dtype == np.int64
    assert distances.dtype == np.uint8
    return list(zip(distances.tolist(), ids.tolist(), strict=True))


def random_hashes(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), dtype=np.uint64)


def near(hashes, seed=0, bits=12):
    """The same hashes with up to so many bits flipped."""
    rng = np.random.default_rng(seed)
    flipped = hashes.copy()
    for k in range(len(hashes)):
        for bit in rng.integers(0, 128, rng.integers(0, bits + 1)):
            flipped[k, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return flipped


@given(st.dictionaries(ids, hashes, max_size=60), hashes, st.integers(0, 128))
def test_agrees_with_brute_force(content, query, radius):
    tree = BKTree.of(list(content), array(list(content.values())))
    assert len(tree) == len(content)
    assert found(tree, query, radius) == brute(content, query, radius)


@settings(max_examples=rounds(15, 160))
@given(st.lists(hashes, min_size=1, max_size=60), hashes, st.integers(0, 128))
def test_agrees_with_pybktree(pairs, query, radius):
    whole = [(row << 64) | column for row, column in pairs]
    oracle = pybktree.BKTree(pybktree.hamming_distance, whole)
    expected = oracle.find((query[0] << 64) | query[1], radius)
    tree = BKTree.of(range(len(pairs)), array(pairs))
    got = [(d, whole[id_]) for d, id_ in found(tree, query, radius)]
    assert sorted(got) == sorted(expected)


class Interleaved(RuleBasedStateMachine):
    """Additions, removals and searches in any order, on tails and segments of a few."""

    def __init__(self):
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(snapshot, "_TAIL", 5)
        self.tree = BKTree()
        self.content = {}

    def teardown(self):
        self.patch.undo()

    @rule(id_=ids, hash_=hashes)
    def add(self, id_, hash_):
        if self.content.get(id_, hash_) != hash_:
            with pytest.raises(QueryError, match="remove it first"):
                self.tree.add(id_, hash_)
            return
        self.tree.add(id_, hash_)
        self.content[id_] = hash_

    @rule(new=st.dictionaries(ids, hashes, max_size=14))
    def extend(self, new):
        refused = any(self.content.get(id_, hash_) != hash_ for id_, hash_ in new.items())
        if refused:
            with pytest.raises(QueryError, match="remove it first"):
                self.tree.extend(list(new), array(list(new.values())))
            return
        self.tree.extend(list(new), array(list(new.values())))
        self.content.update(new)

    @precondition(lambda self: self.content)
    @rule(data=st.data())
    def remove(self, data):
        id_ = data.draw(st.sampled_from(sorted(self.content)))
        self.tree.remove(id_)
        del self.content[id_]

    @precondition(lambda self: self.content)
    @rule(data=st.data(), hash_=hashes)
    def replace(self, data, hash_):
        id_ = data.draw(st.sampled_from(sorted(self.content)))
        self.tree.remove(id_)
        self.tree.add(id_, hash_)
        self.content[id_] = hash_

    @rule(id_=ids)
    def remove_unknown(self, id_):
        if id_ not in self.content:
            with pytest.raises(UnknownImage, match=str(id_)):
                self.tree.remove(id_)

    @rule(query=hashes, radius=st.integers(0, 128))
    def search(self, query, radius):
        assert found(self.tree, query, radius) == brute(self.content, query, radius)

    @invariant()
    def same_size(self):
        assert len(self.tree) == len(self.content)
        assert all(id_ in self.tree for id_ in self.content)


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(
    max_examples=rounds(25, 240), stateful_step_count=40, deadline=None
)


def test_an_empty_tree_finds_nothing():
    tree = BKTree()
    assert found(tree, (0, 0), 128) == []
    tree.extend([], np.empty((0, 2), np.uint64))
    assert len(tree) == 0
    assert 3 not in tree


@pytest.mark.parametrize("n", [1, 100_000])
def test_equal_hashes(n):
    tree = BKTree.of(np.arange(n)[::-1], np.full((n, 2), 5, dtype=np.uint64))
    got, distances = tree.search((5, 4), 1)
    assert (got == np.arange(n)).all()
    assert (distances == 1).all()
    assert found(tree, (5, 4), 0) == []


def test_all_zero_against_all_one_is_a_distance_of_128():
    tree = BKTree.of([1, 2], array([(0, 0), (ONES, ONES)]))
    assert found(tree, (0, 0), 127) == [(0, 1)]
    assert found(tree, (0, 0), 128) == [(0, 1), (128, 2)]


def test_adding_the_same_again_changes_nothing():
    tree = BKTree()
    tree.add(3, (1, 2))
    tree.add(3, (1, 2))
    tree.extend([3, 4, 4], array([(1, 2), (5, 6), (5, 6)]))
    assert found(tree, (1, 2), 128) == [(0, 3), (distance((1, 2), (5, 6)), 4)]


def test_an_id_with_another_hash_is_refused_and_nothing_is_added():
    tree = BKTree()
    tree.add(3, (1, 2))
    with pytest.raises(QueryError, match=r"id 3 .*00000000000000010000000000000002.*remove it"):
        tree.extend([9, 3], array([(0, 0), (1, 3)]))
    with pytest.raises(QueryError, match="id 5 "):
        tree.extend([5, 5], array([(0, 0), (1, 3)]))
    assert len(tree) == 1
    assert 9 not in tree


@pytest.mark.parametrize("radius", [-1, 129, 3.0])
def test_a_bad_radius_is_refused(radius):
    with pytest.raises(InvalidRadius):
        BKTree().search((0, 0), radius)


def test_bad_arguments_are_refused():
    tree = BKTree()
    with pytest.raises(QueryError, match="2 ids for 1 hashes"):
        tree.extend([1, 2], array([(0, 0)]))
    with pytest.raises(QueryError, match="pair"):
        tree.search((0, -1), 3)
    with pytest.raises(QueryError, match="ids are"):
        tree.add(1.5, (0, 0))
    with pytest.raises(QueryError, match="uint64"):
        tree.extend([1], [[0, 0]])


def test_removal_of_most_entries_gives_their_memory_back():
    hashes = random_hashes(20_000)
    tree = BKTree.of(np.arange(20_000), hashes)
    for id_ in range(19_000):
        tree.remove(id_)
    assert sum(len(segment) for segment in tree._state.segments) < 3_000
    expected = brute({k: tuple(hashes[k].tolist()) for k in range(19_000, 20_000)}, (0, 0), 60)
    assert found(tree, (0, 0), 60) == expected


def test_there_are_few_segments_whatever_the_order_of_growth():
    tree = BKTree()
    hashes = random_hashes(60_000)
    for k in range(0, 60_000, 1_500):
        tree.extend(np.arange(k, k + 1_500), hashes[k : k + 1_500])
    assert len(tree._state.segments) <= 4
    assert found(tree, tuple(hashes[77].tolist()), 10)[0] == (0, 77)


def test_a_search_during_additions_and_removals_sees_all_that_stays():
    hashes = random_hashes(6_000, seed=3)
    hashes[:1_000] = near(np.repeat(hashes[:1], 1_000, axis=0), bits=8)
    query = tuple(hashes[0].tolist())
    tree = BKTree.of(np.arange(1_000), hashes[:1_000])
    expected, stop, wrong = found(tree, query, 16), threading.Event(), []

    def look():
        while not stop.is_set():
            got = [pair for pair in found(tree, query, 16) if pair[1] < 1_000]
            if got != expected:
                wrong.append(got)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for k in range(1_000, 6_000, 10):
        tree.extend(np.arange(k, k + 10), hashes[k : k + 10])
        tree.remove(k)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(tree) == 5_500


def test_repr_says_what_is_in_it():
    tree = BKTree.of(np.arange(5_000), random_hashes(5_000))
    tree.add(7_000, (0, 0))
    assert repr(tree) == "BKTree(ids=5001, segments=[5000], tail=1)"


@pytest.fixture
def small_trees(monkeypatch):
    """Trees for segments of a few hundred, so that their growth is tried as well."""
    monkeypatch.setattr(segment, "TREE_FROM", 300)
    monkeypatch.setattr(segment, "_LEAF", 20)
    monkeypatch.setattr(snapshot, "_TAIL", 100)


@pytest.mark.long
@settings(
    max_examples=rounds(10, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 128))
def test_a_warm_tree_agrees_with_brute_force_through_additions_and_removals(
    small_trees, seed, rounds, radius
):
    rng = np.random.default_rng(seed)
    pool = random_hashes(1 + seed % 50, seed)
    tree, content, next_id = BKTree(), {}, -1_000
    for turn in range(rounds):
        n = int(rng.integers(1, 400))
        hashes = near(pool[rng.integers(0, len(pool), n)], seed + turn, bits=6)
        new = dict(zip(range(next_id, next_id + n), map(tuple, hashes.tolist()), strict=True))
        next_id += n
        tree.extend(list(new), array(list(new.values())))
        content.update(new)
        if turn == rounds // 3:
            assert tree.warm(timeout=300)
        for id_ in rng.choice(list(content), int(rng.integers(0, len(content))), replace=False):
            tree.remove(int(id_))
            del content[int(id_)]
    query = tuple(pool[0].tolist())
    assert len(tree) == len(content)
    assert found(tree, query, radius) == brute(content, query, radius)
    assert found(tree, query, 5) == brute(content, query, 5)


@settings(
    max_examples=rounds(10, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.booleans(), st.integers(0, 128))
def test_many_searches_are_one_after_the_other(small_trees, seed, count, warm, radius):
    pool = random_hashes(1 + seed % 900, seed)
    tree = BKTree.of(np.arange(len(pool)) * 3 - 5, near(pool, seed, bits=3))
    assert not warm or tree.warm(timeout=300)
    queries = near(pool[:count], seed + 1)
    query, ids, distances = tree.search_many(queries, radius)
    assert (query.dtype, ids.dtype, distances.dtype) == (np.int64, np.int64, np.uint8)
    expected = [
        (k, id_, bits)
        for k, one in enumerate(queries.tolist())
        for bits, id_ in found(tree, tuple(one), radius)
    ]
    got = list(zip(query.tolist(), ids.tolist(), distances.tolist(), strict=True))
    assert got == expected


def test_many_searches_of_what_is_not_a_hash_are_refused():
    tree = BKTree()
    assert [len(part) for part in tree.search_many(np.empty((0, 2), np.uint64), 3)] == [0, 0, 0]
    with pytest.raises(QueryError, match="queries is"):
        tree.search_many([(0, 0)], 3)
    with pytest.raises(InvalidRadius):
        tree.search_many(array([(0, 0)]), 129)


@pytest.mark.parametrize("most", [0.0, 0.3, 1.0])
def test_walk_and_scan_give_the_same(small_trees, monkeypatch, most):
    """For any share of hashes at which a search changes to a scan."""
    monkeypatch.setattr(segment, "WORTH_WALKING", most)
    pool = near(np.repeat(random_hashes(30), 40, axis=0), bits=20)
    tree = BKTree.of(np.arange(len(pool)), pool)
    assert tree.warm(timeout=300)
    content = dict(enumerate(map(tuple, pool.tolist())))
    for query in map(tuple, random_hashes(2, 9).tolist() + pool[:3].tolist()):
        for radius in (0, 10, 14, 15, 24, 60):
            assert found(tree, query, radius) == brute(content, query, radius)


def test_the_plan_follows_what_is_in_reach():
    hashes = random_hashes(40_000)
    tree = BKTree.of(np.arange(40_000), hashes)
    assert tree.plan(4).engine == "scan"
    assert tree.warm(timeout=300)
    plans = [tree.plan(radius) for radius in (0, 4, 16, 40)]
    assert [plan.engine for plan in plans] == ["BK-tree"] * 2 + ["compiled scan"] * 2
    assert plans[0].seconds < plans[1].seconds < tree.plan(4, 8).seconds
    assert "40,000 hashes" in plans[0].reason
    assert "leaves out 0% only" in plans[3].reason
    with pytest.raises(InvalidRadius):
        tree.plan(-1)


def test_warming_turns_a_scan_into_a_tree():
    hashes = random_hashes(40_000)
    tree = BKTree.of(np.arange(40_000), hashes)
    query = tuple(hashes[9].tolist())
    before = found(tree, query, 45)
    assert not tree.info().compiled
    assert tree.info().nodes == 0
    assert tree.plan(10).engine == "scan"
    assert tree.warm(timeout=300)
    assert tree.warm()
    info = tree.info()
    assert info.compiled
    assert info.nodes > 0
    assert tree.plan(0).engine == "BK-tree"
    assert info.ids == info.distinct == 40_000
    assert 16 * 40_000 < info.nbytes < 60 * 40_000
    assert found(tree, query, 45) == before
    assert len(before) > 1


def test_a_large_set_warms_by_itself(monkeypatch):
    monkeypatch.setattr(bktree, "WARM_FROM", 20_000)
    monkeypatch.setattr(bktree, "_WARM_SECONDS", 300)
    tree = BKTree.of(np.arange(20_000), random_hashes(20_000))
    assert tree.info().nodes > 0


def test_a_compiled_search_makes_room_for_as_many_results_as_there_are():
    tree = BKTree.of(np.arange(30_000), random_hashes(30_000))
    assert tree.warm(timeout=300)
    ids, distances = tree.search((0, 0), 128)
    assert len(ids) == 30_000
    assert (np.diff(distances.astype(int)) >= 0).all()
    assert (np.sort(ids) == np.arange(30_000)).all()


def test_only_the_addition_that_begins_to_compile_waits_for_it(monkeypatch):
    go_on, load, waited = threading.Event(), segment.CompiledFunctions.load, []

    def slow():
        go_on.wait(300)
        return load()

    monkeypatch.setattr(bktree, "WARM_FROM", 5_000)
    monkeypatch.setattr(bktree, "_WARM_SECONDS", 0.01)
    monkeypatch.setattr(segment.CompiledFunctions, "load", slow)
    hashes = random_hashes(20_000)
    tree = BKTree()
    wait = tree._loaded.wait
    monkeypatch.setattr(tree._loaded, "wait", lambda timeout: waited.append(timeout) or wait(0))
    tree.extend(np.arange(4_999), hashes[:4_999])
    assert waited == []
    for k in range(4_999, 5_010):
        tree.add(k, tuple(hashes[k].tolist()))
    assert waited == [0.01] + [0] * 10
    assert not tree.warm()
    assert tree.plan(2).engine == "scan"
    tree.extend(np.arange(5_010, 20_000), hashes[5_010:])
    query = tuple(hashes[3].tolist())
    before = found(tree, query, 50)
    go_on.set()
    assert tree.warm(timeout=300)
    assert tree.plan(2).engine == "BK-tree"
    assert found(tree, query, 50) == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_scan_goes_on_where_nothing_can_be_compiled(monkeypatch):
    def broken():
        message = "no compiler here"
        raise ImportError(message)

    monkeypatch.setattr(segment.CompiledFunctions, "load", broken)
    monkeypatch.setattr(bktree, "WARM_FROM", 100)
    monkeypatch.setattr(bktree, "_WARM_SECONDS", 300)
    hashes = random_hashes(20_000)
    tree = BKTree.of(np.arange(20_000), hashes)
    assert not tree.warm(timeout=300)
    tree._warming.join()  # what it raises at its end is this test's to ignore
    assert tree.plan(10).engine == "scan"
    assert found(tree, tuple(hashes[8].tolist()), 0) == [(0, 8)]


def test_functions_for_bulk_searches_are_compiled_next(monkeypatch):
    asked = threading.Event()
    monkeypatch.setattr(bktree.bulk, "compile_all", asked.set)
    tree = BKTree.of([1], array([(1, 2)]))
    assert not asked.is_set()
    assert tree.warm(timeout=300)
    assert asked.wait(300)
