"""Searching by plain dHash: radius, flat pictures, exact matches."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgurer_kernel.index import BKTree
from imgurer_kernel.store.catalog import Changes
from imgurer_kernel.workbench.pictures.live_index import CatalogHashes
from imgurer_kernel.workbench.search import hash_search
from imgurer_kernel.workbench.search.hash_search import cluster_by_hash, search_by_hash, with_exact
from tests.support.forms import rounds


class Index:
    def __init__(self, rows):
        ids, row, informative = zip(*rows, strict=True)
        hashes = np.array([(r, 0) for r in row], np.uint64)
        self.known = CatalogHashes.of(
            Changes(
                generation=1,
                image_ids=np.array(ids),
                hashes=hashes,
                trimmed=hashes,
                informative=np.array(informative),
                removed=np.empty(0, np.int64),
            )
        )

    def search(self, dhash, radius):
        tree, kept = BKTree(), self.known.informative
        tree.extend(self.known.image_ids[kept], self.known.plain[kept])
        return tree.search(dhash, radius)


def untold(what, done, total):
    assert 0 <= done <= total


INDEX = Index([(3, 0b0, True), (5, 0b11, True), (6, 0b11, False), (9, 0b11111111, True)])


def query(row, informative=True):
    return SimpleNamespace(fingerprint=SimpleNamespace(dhash=(row, 0), informative=informative))


def test_a_search_gives_all_within_the_radius():
    found = search_by_hash(query(0b1), INDEX.search, 1)
    assert found["image_id"].tolist() == [3, 5]
    assert found["distance"].tolist() == [1, 1]
    assert set(found["verdict"]) == {"unverified"}
    assert search_by_hash(query(0), INDEX.search, 8)["image_id"].tolist() == [3, 5, 9]


def test_a_flat_query_finds_nothing():
    assert search_by_hash(query(0, informative=False), INDEX.search, 128).empty


def test_clusters_count_the_flat_and_leave_them_out():
    grouped = cluster_by_hash(INDEX.known, INDEX.search, 2, untold)
    assert [c.members.tolist() for c in grouped.clusters] == [[3, 5]]
    assert grouped.labels.tolist() == ["medoid", "near by dHash"]
    assert grouped.uninformative == 1
    assert grouped.within_frame.tolist() == [1, 1]
    assert "2 bits" in grouped.plan


def test_no_clusters():
    grouped = cluster_by_hash(INDEX.known, INDEX.search, 0, untold)
    assert [len(c) for c in (grouped.clusters, grouped.labels, grouped.within_frame)] == [0, 0, 0]


def test_exact_matches_are_marked_or_put_in():
    found = search_by_hash(query(0), INDEX.search, 2)
    assert with_exact(found, {}) is found
    both = with_exact(found, {5: "exact", 4: "same pixels"})
    exact = both[both["verdict"].isin(("exact", "same pixels"))]
    assert exact["image_id"].tolist() == [4, 5]
    assert exact["verdict"].tolist() == ["same pixels", "exact"]
    assert exact["distance"].tolist() == [0, 0]
    assert sorted(both["image_id"]) == [3, 4, 5]
    alone = with_exact(found.iloc[:0], {7: "exact"})
    assert isinstance(alone, pd.DataFrame)
    assert alone["image_id"].tolist() == [7]


@settings(max_examples=rounds(15, 160))
@given(st.lists(st.integers(0, 255), min_size=2, max_size=40), st.integers(0, 5))
def test_stars_are_the_same_where_not_all_pairs_fit_into_memory(rows, radius):
    index = Index([(3 * k + 1, row, row % 7 > 0) for k, row in enumerate(rows)])
    if not index.known.informative.any():
        return
    expected = cluster_by_hash(index.known, index.search, radius, untold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hash_search, "_MAX_PAIRS", -1)
        found = cluster_by_hash(index.known, index.search, radius, untold)
    assert [
        (c.members.tolist(), c.distances.tolist(), c.scores.tolist()) for c in found.clusters
    ] == [(c.members.tolist(), c.distances.tolist(), c.scores.tolist()) for c in expected.clusters]
    assert all(
        c.diameter >= e.diameter for c, e in zip(found.clusters, expected.clusters, strict=True)
    )
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.uninformative == expected.uninformative
