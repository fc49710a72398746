"""The description of the index is correct."""

import dataclasses
import sys

import numpy as np
import pytest

from imgurer_kernel.index import BKTree, bktree
from imgurer_kernel.index.info import IndexInfo


def hashes(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**64, (n, 2), dtype=np.uint64)


def info_of(tree, known, contents=None, radius=10, **more):
    return IndexInfo.of(known, tree, contents or BKTree(), radius, 24, **more)


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch):
    # What other tests, or a tree that is warm, have compiled already would be used for less.
    monkeypatch.setattr(bktree.bulk, "compile_all", lambda: None)
    monkeypatch.delitem(sys.modules, "imgurer_kernel.index._numba.multi_index", raising=False)


def test_a_small_catalog_is_scanned_without_anything_compiled():
    known = hashes(500)
    info = info_of(BKTree.of(np.arange(500), known), known, images=520, generation=7)
    assert info.frame["engine"].tolist() == ["scan"] * 5
    assert info.frame["radius"].tolist() == [10, 24, 24, 10, 10]
    assert (info.frame["seconds"].drop(2) > 0).all()
    assert "520 pictures, 500 of them in the index, level with generation 7" in str(info)
    assert "500 entries, no tree" in str(info)
    assert "not compiled" in str(info)


def test_a_large_one_has_a_tree_for_one_search_and_tables_for_all_pairs():
    known = hashes(60_000)
    known[1] = known[0]
    tree, contents = (BKTree.of(np.arange(n), known[:n]) for n in (60_000, 20_000))
    assert info_of(tree, known).frame["engine"][0] == "scan"
    assert "nothing is compiled yet" in info_of(tree, known).frame["reason"][0]
    assert tree.warm(timeout=300)
    assert contents.warm(timeout=300)
    info = info_of(tree, known, contents, radius=4, nbytes=7)
    engines = ["BK-tree", "compiled scan", "compiled scan", "scan", "multi-index"]
    assert info.frame["engine"].tolist() == engines
    assert "20,000 bordered pictures" in info.frame["work"][2]
    assert info.tree.distinct == 59_999
    assert info.contents.ids == 20_000
    assert info.nbytes == tree.info().nbytes + contents.info().nbytes + 7
    assert f"a tree of {info.tree.nodes:,} node" in str(info)


def test_verified_searches_go_through_the_tree_where_it_leaves_out_enough():
    """Uniform hashes are all in reach of each other within 24 bits; these are in two groups."""
    known = np.where(np.arange(40_000)[:, None] % 2, hashes(40_000), hashes(1)) ^ (
        hashes(40_000, 1) & hashes(40_000, 2) & hashes(40_000, 3)
    )
    tree = BKTree.of(np.arange(40_000), known)
    assert tree.warm(timeout=300)
    frame = info_of(tree, known).frame
    assert frame["engine"][1] == "BK-tree"
    assert "%" in frame["reason"][1]
    assert frame["seconds"][1] > frame["seconds"][0]


def test_a_search_without_a_tree_is_a_scan_once_compiled():
    known = hashes(300)
    tree = BKTree.of(np.arange(300), known)
    assert tree.warm(timeout=300)
    assert info_of(tree, known).frame["engine"][0] == "compiled scan"


@pytest.mark.parametrize("known", [np.empty((0, 2), np.uint64), np.zeros((9, 2), np.uint64)])
def test_there_is_something_to_say_of_any_catalog(known):
    info = info_of(BKTree.of(np.arange(len(known)), known), known)
    assert len(info.frame) == 5
    assert f"{len(known)} of them in the index" in str(info)


def test_text_and_notebook_show_the_same():
    known = hashes(40)
    info = info_of(BKTree.of(np.arange(40), known), known)
    shown = info._repr_html_()
    assert shown.count("<tr>") == 6
    for work in info.works:
        assert work.name in shown
        assert work.name in repr(info)
        assert work.plan.reason in shown
        assert work.plan.reason in repr(info)
    assert max(len(line) for line in repr(info).splitlines()) < 140


def test_it_cannot_be_changed():
    known = hashes(2)
    info = info_of(BKTree.of([1, 2], known), known)
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.generation = 3
