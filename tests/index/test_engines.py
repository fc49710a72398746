"""All engines give the same answer: scan, BK-tree cold and warm, bulk search, DuckDB."""

import subprocess
import sys

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgurer_kernel.errors import InvalidRadius
from imgurer_kernel.index import (
    BKTree,
    bktree,
    lookup,
    multi_index,
    segment,
    snapshot,
)
from imgurer_kernel.index import (
    hash_arrays as hashes,
)
from imgurer_kernel.index.engine import EnginePlan
from tests.support.forms import rounds

ONES = 2**64 - 1
BULK = ("scan", "compiled scan", "multi-index")
QUERY_BY_SQL = """
    SELECT id, bit_count(xor(a, ?::UBIGINT))::SMALLINT + bit_count(xor(b, ?::UBIGINT))::SMALLINT
    FROM (SELECT unnest(?::BIGINT[]) AS id, unnest(?::UBIGINT[]) AS a, unnest(?::UBIGINT[]) AS b)
    WHERE bit_count(xor(a, ?::UBIGINT))::SMALLINT + bit_count(xor(b, ?::UBIGINT))::SMALLINT <= ?
"""

few = settings(
    max_examples=rounds(10, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def small(monkeypatch):
    """Trees of a few hundred hashes, and tables that are planned by a small sample."""
    monkeypatch.setattr(segment, "TREE_FROM", 300)
    monkeypatch.setattr(segment, "_LEAF", 20)
    monkeypatch.setattr(snapshot, "_TAIL", 64)
    monkeypatch.setattr(multi_index, "_SAMPLE", 1_000)
    monkeypatch.setattr(bktree.bulk, "compile_all", lambda: None)
    return monkeypatch


def in_bulk(monkeypatch, engine, known, queries, radius):
    """Search by `neighbors` with a given engine instead of the planned one."""

    def plan(hashes, asked, radius):
        cut = (
            multi_index.choose_chunking(hashes, asked, radius) if engine == "multi-index" else None
        )
        return EnginePlan(engine=engine, reason="a test wants it", seconds=0, chunking=cut)

    with monkeypatch.context() as patch:
        patch.setattr(lookup, "plan_bulk", plan)
        return lookup.neighbors(known, queries, radius)


def answers(monkeypatch, ids, known, trees, query, radius):
    """Return the sorted (distance, id) of every engine."""
    row, column = query
    near, bits = hashes.scan(known[:, 0], known[:, 1], query, radius)
    yield "scan", sorted(zip(bits.tolist(), ids[near].tolist(), strict=True))
    words = [row, column, ids.tolist(), known[:, 0].tolist(), known[:, 1].tolist()]
    found = duckdb.execute(QUERY_BY_SQL, [*words, row, column, radius]).fetchall()
    yield "DuckDB", sorted((bits, id_) for id_, bits in found)
    for name, tree in trees.items():
        found, bits = tree.search(query, radius)
        yield name, list(zip(bits.tolist(), found.tolist(), strict=True))
    asked = np.array([query], np.uint64)
    for engine in BULK:
        _, near, bits = in_bulk(monkeypatch, engine, known, asked, radius)
        yield engine, sorted(zip(bits.tolist(), ids[near].tolist(), strict=True))


def all_agree(monkeypatch, ids, known, trees, query, radius):
    given = dict(answers(monkeypatch, ids, known, trees, query, radius))
    for name, answer in given.items():
        assert answer == given["scan"], f"{name} differs at radius {radius}"
    return given["scan"]


def crowded(rng, n):
    """Hashes around a few, many of them equal."""
    centres = rng.integers(0, 2**64, (max(1, n // 40), 2), dtype=np.uint64)
    found = centres[rng.integers(0, len(centres), n)]
    for _ in range(int(rng.integers(0, 6))):
        some = rng.random(n) < 0.5
        bit = rng.integers(0, 128, n)
        flip = np.uint64(1) << (bit % 64).astype(np.uint64)
        found[some, bit[some] // 64] ^= flip[some]
    return found


def grown(ids, known, rng, *, warm):
    """A tree that got its hashes in some steps."""
    tree = BKTree()
    for part in np.array_split(rng.permutation(len(ids)), 5):
        tree.extend(ids[part], known[part])
    if warm:
        assert tree.warm(timeout=300)
    return tree


@few
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 1_200),
    removed=st.sampled_from([0.0, 0.3, 0.97, 1.0]),
    radius=st.integers(0, 20) | st.integers(0, 128),
)
def test_all_engines_agree_through_duplicates_and_deletions(small, seed, n, removed, radius):
    rng = np.random.default_rng(seed)
    known = crowded(rng, n)
    ids = rng.permutation(np.arange(-5, n - 5) * 7)
    trees = {f"BK-tree, warm: {warm}": grown(ids, known, rng, warm=warm) for warm in (False, True)}
    gone = rng.random(n) < removed
    for tree in trees.values():
        for id_ in rng.permutation(ids[gone]).tolist():
            tree.remove(id_)
    queries = (tuple(known[0].tolist()), tuple(rng.integers(0, 2**64, 2, np.uint64).tolist()))
    for query in queries:
        all_agree(small, ids[~gone], known[~gone], trees, query, radius)
    back = ids[gone][:200]
    for tree in trees.values():
        tree.extend(back, known[gone][:200])
    ids, known = np.append(ids[~gone], back), np.append(known[~gone], known[gone][:200], axis=0)
    all_agree(small, ids, known, trees, queries[0], radius)


@pytest.mark.long
@pytest.mark.parametrize(
    "known",
    [
        np.zeros((700, 2), np.uint64),
        np.full((700, 2), ONES, np.uint64),
        np.repeat(np.array([[0, 0], [ONES, ONES]], np.uint64), 350, axis=0),
        np.empty((0, 2), np.uint64),
    ],
    ids=["all zero", "all one", "all zero and all one", "none"],
)
def test_the_ends_of_what_hashes_and_radii_can_be(small, known):
    ids = np.arange(len(known))
    rng = np.random.default_rng(1)
    trees = {"cold": grown(ids, known, rng, warm=False), "warm": grown(ids, known, rng, warm=True)}
    for query in ((0, 0), (ONES, ONES), (ONES, 0)):
        for radius in (0, 63, 64, 127, 128):
            found = all_agree(small, ids, known, trees, query, radius)
            reached = np.bitwise_count(known ^ np.array(query, np.uint64)).sum(axis=1) <= radius
            assert len(found) == reached.sum()


@pytest.mark.parametrize("radius", [-1, 129, 2.5, True, None])
def test_all_methods_refuse_an_invalid_radius_in_the_same_words(radius):
    one = np.array([[1, 2]], np.uint64)
    warm = BKTree.of([1], one)
    assert warm.warm(timeout=300)
    said = set()
    for call in (
        lambda: BKTree.of([1], one).search((1, 2), radius),
        lambda: warm.search((1, 2), radius),
        lambda: lookup.neighbors(one, one, radius),
        lambda: lookup.matches(one, one, radius),
        lambda: lookup.pairs(one, radius),
        lambda: lookup.components(one, radius),
    ):
        with pytest.raises(InvalidRadius, match="0 to 128") as refused:
            call()
        said.add(str(refused.value))
    assert len(said) == 1


@pytest.mark.long
def test_compiled_code_is_loaded_for_many_small_searches():
    program = """
import sys
from imgurer_kernel.index.lookup import prepare
module = "imgurer_kernel.index._numba.multi_index"
prepare(1000)
assert module not in sys.modules
prepare(10**9)
assert hasattr(sys.modules[module], "join")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
