"""Candidates of one picture: every kind of match, by every engine, and rotated files."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS, dhash_many, orientations
from imgurer_kernel.index import BKTree, neighbors, segment, snapshot
from imgurer_kernel.matching.query_candidates import (
    QueryPicture,
    StoredPictures,
    picture_candidates,
    query_candidates,
)
from imgurer_kernel.matching.regions import CONTENT, WHOLE
from imgurer_kernel.matching.spot_candidates import SpotTable
from tests.matching.test_spot_candidates import spots_of
from tests.support.catalogs import TURNS, saved
from tests.support.copies import framed, picture
from tests.support.forms import rounds, thinned


def bits(one, other):
    return int(np.bitwise_count(one ^ other).sum())


def column(found):
    names = ("second", "distance", "region", "other_region", "orientation")
    return list(zip(*(getattr(found, name).tolist() for name in names), strict=True))


def scans(whole, contents):
    """Searches by scan: of all pictures, and of the contents that differ; numbered from 1."""
    bordered = np.flatnonzero((whole != contents).any(axis=1))

    def search(queries, radius, hashes, numbers):
        query, hit, distance = neighbors(hashes, queries, radius)
        return query, numbers[hit] + 1, distance

    return (
        partial(search, hashes=whole, numbers=np.arange(len(whole))),
        partial(search, hashes=contents[bordered], numbers=bordered),
    )


def trees(whole, contents, *, warm):
    """The same searches by BK-trees."""
    bordered = np.flatnonzero((whole != contents).any(axis=1))
    both = [
        BKTree.of(np.arange(len(whole)) + 1, whole),
        BKTree.of(bordered + 1, np.ascontiguousarray(contents[bordered])),
    ]
    for tree in both:
        assert not warm or tree.warm(timeout=300)
    return tuple(tree.search_many for tree in both)


def brute(query, content, whole, contents, radius):
    turned = dhash_many(np.ascontiguousarray(orientations(query)))
    for k in range(len(whole)):
        bordered = (whole[k] != contents[k]).any()
        for o in range(8):
            yield k + 1, bits(turned[o], whole[k]), WHOLE, WHOLE, o
            if bordered:
                yield k + 1, bits(turned[o], contents[k]), WHOLE, CONTENT, o
        if bordered:
            yield k + 1, bits(content, contents[k]), CONTENT, CONTENT, 0
        if (content != turned[0]).any():
            yield k + 1, bits(content, whole[k]), CONTENT, WHOLE, 0


@settings(
    max_examples=rounds(10, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.sampled_from([1, 20, 150]),
    bordered=st.sampled_from([0.0, 0.5, 1.0]),
    most=st.sampled_from([0.0, 0.75, 1.0]),
    radius=st.integers(0, 24) | st.sampled_from([45, 70, 128]),
)
def test_trees_and_scans_agree_with_brute_force(monkeypatch, seed, n, bordered, most, radius):
    """In each orientation and with each combination of borders, walking or not."""
    monkeypatch.setattr(segment, "TREE_FROM", 30)
    monkeypatch.setattr(segment, "_LEAF", 8)
    monkeypatch.setattr(segment, "WORTH_WALKING", most)
    monkeypatch.setattr(snapshot, "_TAIL", 16)
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (9, 9))
    noise = random.integers(-60, 61, (n, 9, 9)) * random.random((n, 1, 1))
    grays = (base + noise).clip(0, 255).astype(np.uint8)
    turn = random.integers(0, 8, n)
    whole = dhash_many(np.ascontiguousarray(orientations(grays)[turn, np.arange(n)]))
    contents = np.where(random.random((n, 1)) < bordered, whole[::-1], whole)
    query = base.astype(np.uint8)
    content = [dhash_many(query[None])[0], contents[-1]][seed % 2]
    expected = [row for row in brute(query, content, whole, contents, radius) if row[1] <= radius]
    engines = {
        "scan": scans(whole, contents),
        "cold": trees(whole, contents, warm=False),
        "warm": trees(whole, contents, warm=True),
    }
    tables = {
        name: query_candidates(query, tuple(content.tolist()), *searches, radius)
        for name, searches in engines.items()
    }
    for name, found in tables.items():
        assert column(found) == column(tables["scan"]), name
        assert sorted(column(found)) == sorted(expected), name
        order = [row[:2] for row in column(found)]
        assert order == sorted(order)
        assert (found.first == 0).all()


def asked(image):
    found = fingerprint(saved(image))
    return np.frombuffer(found.grays, np.uint8).reshape(9, 9), found.trimmed_dhash, found.dhash


@pytest.mark.parametrize("seed", thinned(range(5), 3))
def test_stored_grays_find_the_file_that_was_turned(seed):
    """Flips and half turns bit for bit, quarter turns nearly: a filter works on rows first."""
    image = picture(70 + seed)
    grays, content, _ = asked(image)
    files = [image if turn is None else image.transpose(turn) for turn in TURNS]
    hashes = np.array([asked(file)[2] for file in files], np.uint64)
    found = query_candidates(grays, content, *scans(hashes, hashes), 4)
    nearest = {}
    for second, distance, _, _, orientation in column(found):
        nearest.setdefault(second, (distance, ORIENTATIONS[orientation]))
    assert sorted(nearest) == list(range(1, 9))
    names = {TURNS[k - 1]: name for k, (_, name) in nearest.items()}
    assert sorted(names.values()) == sorted(ORIENTATIONS)
    assert names[None] == "upright"
    exact = {None, *(t for t in TURNS[1:] if t in {0, 1, 3})}
    for k, (distance, _) in nearest.items():
        assert distance <= (0 if TURNS[k - 1] in exact else 3)


def test_a_frame_on_either_side_is_looked_behind():
    plain, bordered = picture(80), framed(picture(80), 0.2, 0.2, 0.2, 0.2)
    for query, other in ((plain, bordered), (bordered, plain), (bordered, bordered)):
        grays, content, _ = asked(query)
        _, inner, whole = asked(other)
        arrays = (np.array([h], np.uint64) for h in (whole, inner))
        found = query_candidates(grays, content, *scans(*arrays), 8)
        assert found.distance.min() <= 8


def test_a_turned_copy_is_found_by_its_spots_alone():
    images = [picture(91), picture(90).rotate(10, Image.Resampling.BICUBIC, expand=True)]
    spots, (grays, content, _) = spots_of([picture(90), *images]), asked(picture(90))
    stored = StoredPictures(
        windowed=np.arange(0), windows=np.empty((0, 24, 2), np.uint64), spotted=np.array([3, 5]),
        spots=SpotTable.of(spots.take([1, 2])), spot_radius=16, spot_votes=2,
        hashes=np.array([asked(image)[2] for image in images], np.uint64),
    )  # fmt: skip
    none = np.empty((0, 2), np.uint64)

    def found(its_spots, stored):
        query = QueryPicture(grays, content, np.zeros((24, 2), np.uint64), its_spots)
        rows = picture_candidates(query, *scans(none, none), stored, 10, 10)
        return np.unique(rows.second).tolist()

    assert found(spots.take([0]), stored) == [5]
    assert found(None, stored) == []
    assert found(spots.take([0]), replace(stored, spot_radius=0)) == []


def test_nothing_to_search():
    none = np.empty((0, 2), np.uint64)
    searches = scans(none, none)
    assert len(query_candidates(np.zeros((9, 9), np.uint8), (1, 2), *searches, 128)) == 0
