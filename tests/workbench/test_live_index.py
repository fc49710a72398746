import importlib
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.index import bktree
from imgurer_kernel.store.catalog import Changes, generations
from imgurer_kernel.workbench.pictures.live_index import LiveIndex
from tests.support.forms import rounds

U64 = st.integers(0, 2**64 - 1)
ROW = st.tuples(U64, U64, st.booleans(), st.sampled_from([0, 0, 7]))
STEPS = st.lists(
    st.tuples(st.dictionaries(st.integers(1, 12), ROW, max_size=4), st.sets(st.integers(1, 12))),
    max_size=6,
)


@pytest.fixture(scope="module", autouse=True)
def changes():
    """A fake catalog is its own connection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generations, "changes", lambda fake, *args: fake.changes(*args))
        yield


class Catalog:
    """Fake catalog for a live index; rows may be added, removed and added again changed."""

    def __init__(self):
        self.rows, self.log = {}, []

    def step(self, added, removed):
        for image_id in removed & self.rows.keys():
            del self.rows[image_id]
        self.rows.update({i: row if len(row) == 4 else (*row, 0) for i, row in added.items()})
        self.log.append((set(added), removed - set(added)))

    def run(self, work, *args):
        return work(self, *args)

    def changes(self, since, algorithm=None):
        touched = set().union(*(ids for ids, _ in self.log[since:]))
        gone = set().union(*(ids for _, ids in self.log[since:]))
        ids = sorted(touched & self.rows.keys())
        hashes = np.array([self.rows[i][:2] for i in ids], np.uint64).reshape(-1, 2)
        return Changes(
            generation=len(self.log),
            image_ids=np.array(ids, np.int64),
            hashes=hashes,
            trimmed=hashes ^ np.array([[self.rows[i][3]] for i in ids], np.uint64).reshape(-1, 1),
            informative=np.array([self.rows[i][2] for i in ids], bool),
            removed=np.array(sorted(gone - self.rows.keys()), np.int64),
        )


@pytest.mark.long
@settings(deadline=None, max_examples=rounds(25, 240))
@given(STEPS)
def test_following_the_changes_equals_reading_everything_again(steps):
    catalog = Catalog()
    following = LiveIndex(catalog)
    for added, removed in steps:
        catalog.step(added, removed)
        hashes = following.hashes()
        assert hashes.image_ids.tolist() == sorted(catalog.rows)
        assert [tuple(map(int, pair)) for pair in hashes.plain] == [
            catalog.rows[i][:2] for i in sorted(catalog.rows)
        ]
        check_contents(following, catalog)
        rows = [catalog.rows[i] for i in sorted(catalog.rows)]
        assert hashes.trimmed.tolist() == [[row ^ edge, col ^ edge] for row, col, _, edge in rows]
        fresh = LiveIndex(catalog)
        fresh.hashes()
        for query in [(0, 0), *(row[:2] for row in catalog.rows.values())]:
            for radius in (0, 40, 128):
                assert search(following, query, radius) == search(fresh, query, radius)


def search(index, query, radius):
    image_ids, distances = index.search(query, radius)
    return image_ids.tolist(), distances.tolist()


def state(hashes):
    columns = (hashes.image_ids, hashes.plain, hashes.trimmed, hashes.informative)
    return hashes.generation, *(column.tolist() for column in columns)


@settings(deadline=None, max_examples=rounds(25, 240))
@given(STEPS, st.lists(st.integers(0, 5), max_size=5), st.randoms())
def test_updates_that_are_applied_late_or_out_of_order_do_no_harm(steps, rebuilt, random):
    """As when threads read updates in one order and apply them in another; each has a snapshot."""
    catalog = Catalog()
    index, pending = LiveIndex(catalog), []
    for number, (added, removed) in enumerate(steps):
        catalog.step(added, removed)
        pending.append((index.read_update(catalog), state(LiveIndex(catalog).hashes())))
        if number in rebuilt:
            index.rebuild()
        while pending and random.random() < 0.5:
            update, expected = pending.pop(random.randrange(len(pending)))
            assert state(index.apply(update)) == expected
    random.shuffle(pending)
    for update, expected in pending:
        assert state(index.apply(update)) == expected
    fresh = LiveIndex(catalog)
    assert state(index.hashes()) == state(fresh.hashes())
    for query in [(0, 0), *(row[:2] for row in catalog.rows.values())]:
        for radius in (0, 40, 128):
            assert search(index, query, radius) == search(fresh, query, radius)


def test_a_rebuild_from_an_older_snapshot_takes_no_later_update_in():
    """One thread rebuilds from generation 1 while another one has read from 2 on."""
    catalog = Catalog()
    catalog.step({1: (1, 1, True)}, set())
    index = LiveIndex(catalog)
    older = catalog.changes(0)
    catalog.step({2: (2, 2, True)}, set())
    index.hashes()
    catalog.step({3: (3, 3, True)}, set())
    update = index.read_update(catalog)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "changes", lambda *_: older)
        index.rebuild()
    assert index.apply(update).image_ids.tolist() == [1, 2, 3]
    assert index.hashes().image_ids.tolist() == [1, 2, 3]
    assert search(index, (2, 2), 128)[0] == [2, 3, 1]


def test_what_changes_holdings_only_leaves_the_hashes_as_they_are():
    catalog = Catalog()
    catalog.step({1: (1, 1, True)}, set())
    index = LiveIndex(catalog)
    before = index.hashes()
    catalog.step({}, set())
    update = index.read_update(catalog)
    assert update.is_empty
    after = index.apply(update)
    assert (after.generation, after.plain is before.plain) == (2, True)
    assert index.all_exist(before)
    catalog.step({}, {1})
    assert not index.all_exist(before)


def check_contents(index, catalog):
    """The second tree has what is informative and has another hash without its border."""
    with index.trees() as (whole, contents):
        query = np.array([[0, 0]], np.uint64)
        _, ids, distances = contents.search_many(query, 128)
        assert len(whole) == sum(row[2] for row in catalog.rows.values())
    expected = {
        i: (row ^ edge).bit_count() + (column ^ edge).bit_count()
        for i, (row, column, informative, edge) in catalog.rows.items()
        if informative and edge
    }
    assert dict(zip(ids.tolist(), distances.tolist(), strict=True)) == expected


def test_uninformative_images_are_never_found():
    catalog = Catalog()
    catalog.step({1: (5, 5, False), 2: (5, 5, True)}, set())
    index = LiveIndex(catalog)
    index.hashes()
    assert index.search((5, 5), 128)[0].tolist() == [2]


def test_rebuild_counts_the_images():
    catalog = Catalog()
    catalog.step({1: (1, 1, True), 2: (2, 2, False)}, set())
    index = LiveIndex(catalog)
    assert index.rebuild() == 2
    assert index.hashes().positions(np.array([2])).tolist() == [1]


class Full:
    """A catalog of many images that came all at once."""

    def __init__(self, n):
        self.hashes = np.random.default_rng(0).integers(0, 2**64, (n, 2), dtype=np.uint64)

    def run(self, work, *args):
        return work(self, *args)

    def changes(self, since, algorithm=None):
        n = 0 if since else len(self.hashes)
        return Changes(
            generation=1,
            image_ids=np.arange(n),
            hashes=self.hashes[:n],
            trimmed=self.hashes[:n],
            informative=np.ones(n, bool),
            removed=np.empty(0, np.int64),
        )


def test_a_large_catalog_warms_by_itself_and_a_small_one_does_not(monkeypatch):
    monkeypatch.setattr(bktree, "WARM_FROM", 20_000)
    monkeypatch.setattr(bktree, "_WARM_SECONDS", 300)
    small, large = (LiveIndex(Full(n)).info(4, 24) for n in (19_999, 20_000))
    assert not small.tree.compiled
    assert large.tree.compiled
    assert large.frame["engine"][0] == "BK-tree"


def test_the_tree_of_contents_warms_with_the_other(monkeypatch):
    """Also where that is compiled only after the last update."""
    monkeypatch.setattr(bktree, "WARM_FROM", 20_000)
    monkeypatch.setattr(bktree, "_WARM_SECONDS", 0)
    index = LiveIndex(Bordered(20_000))
    assert len(index.hashes()) == 20_000
    assert index._whole.warm(timeout=300)
    assert index._contents._warming is None
    with index.trees() as (whole, contents):
        assert whole.compiled
        assert len(contents) == 2_000
        assert contents._warming is not None
        assert contents.warm(timeout=300)


@pytest.mark.parametrize(("images", "loaded"), [(16_383, True), (20_000, False), (20_000, True)])
def test_trees_warm_once_numba_is_loaded_and_never_for_a_few_images(monkeypatch, images, loaded):
    if loaded:
        importlib.import_module("numba")
    else:
        for thread in threading.enumerate():
            if thread.name == "imgurer-warm":  # of a test before this one; it may load numba again
                thread.join(timeout=300)
        monkeypatch.delitem(sys.modules, "numba", raising=False)
    index = LiveIndex(Bordered(images))
    assert len(index.hashes()) == images
    for _ in range(2):
        with index.trees() as (whole, contents):
            begun = whole._warming, contents._warming
        assert (None not in begun) == (loaded and images == 20_000)
    if None not in begun:
        assert whole.warm(timeout=300)
        assert whole.plan(4).engine == "BK-tree"


def test_info_counts_what_is_in_the_index():
    catalog = Catalog()
    catalog.step({1: (1, 1, True), 2: (2, 2, False), 3: (1, 1, True)}, set())
    catalog.step({}, {3})
    info = LiveIndex(catalog).info(10, 24)
    assert (info.images, info.informative, info.generation, info.tree.ids) == (2, 1, 2, 1)


def test_the_state_of_a_search_takes_at_most_60_bytes_an_image():
    """With a border around every tenth picture, and ids that fit 32 bits."""
    info = LiveIndex(Bordered(100_000)).info(10, 24)
    assert info.contents.ids == 10_000
    both = info.tree.nbytes + info.contents.nbytes
    assert both + 20 * 100_000 < info.nbytes <= 60 * 100_000


class Bordered(Full):
    def changes(self, since, algorithm=None):
        found = super().changes(since, algorithm)
        trimmed = found.hashes.copy()
        trimmed[::10] ^= np.uint64(1)
        return replace(found, trimmed=trimmed)


def test_large_ids_are_kept_whole():
    catalog = Catalog()
    catalog.step({5: (1, 1, True), 2**40: (2, 2, True), 2**40 + 5: (3, 3, True)}, set())
    index = LiveIndex(catalog)
    assert index.hashes().image_ids.tolist() == [5, 2**40, 2**40 + 5]
    assert index.hashes().positions(np.array([2**40])).tolist() == [1]
    catalog.step({}, {2**40})
    index.hashes()
    assert index.search((2, 2), 128)[0].tolist() == [2**40 + 5, 5]


@pytest.mark.parametrize("count", [0, 3])
def test_len(count):
    catalog = Catalog()
    catalog.step({i: (i, i, True) for i in range(1, count + 1)}, set())
    assert len(LiveIndex(catalog).hashes()) == count


def test_trees_are_filled_when_they_are_searched():
    catalog = Catalog()
    index = LiveIndex(catalog)
    catalog.step({k: (k, 0, True) for k in range(1, 9)}, set())
    index.hashes()
    catalog.step({3: (99, 0, True)}, {5})
    index.hashes()
    assert len(index._whole) == 0, "who asks for clusters only needs none"
    assert index.search((99, 0), 0)[0].tolist() == [3]
    assert len(index._whole) == 7
