"""One picture against all: every way of being near, and the orientations of real files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.fingerprint.hashes.dhash import ORIENTATIONS, dhash_many, orientations
from imgurer_kernel.matching.query_candidates import ways_to
from imgurer_kernel.matching.regions import CONTENT, WHOLE
from tests.support.catalogs import TURNS, saved
from tests.support.copies import framed, picture


def bits(one, other):
    return int(np.bitwise_count(one ^ other).sum())


def column(found):
    names = ("second", "distance", "region", "other_region", "orientation")
    return list(zip(*(getattr(found, name).tolist() for name in names), strict=True))


@given(st.integers(0, 50), st.sampled_from([0, 20, 45, 70, 128]))
def test_agrees_with_brute_force(seed, radius):
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (9, 9))
    grays = (base + random.integers(-60, 61, (20, 9, 9))).clip(0, 255).astype(np.uint8)
    whole = dhash_many(grays)
    contents = np.where(random.random((20, 1)) < 0.5, whole, whole[::-1])
    query = base.astype(np.uint8)
    content = [dhash_many(query[None])[0], contents[3]][seed % 2]
    turned = dhash_many(np.ascontiguousarray(orientations(query)))
    bordered = (whole != contents).any(axis=1)
    expected = []
    for k in range(20):
        for o in range(8):
            expected.append((k + 1, bits(turned[o], whole[k]), WHOLE, WHOLE, o))
            if bordered[k]:
                expected.append((k + 1, bits(turned[o], contents[k]), WHOLE, CONTENT, o))
        if bordered[k]:
            expected.append((k + 1, bits(content, contents[k]), CONTENT, CONTENT, 0))
        if (content != turned[0]).any():
            expected.append((k + 1, bits(content, whole[k]), CONTENT, WHOLE, 0))
    found = ways_to(query, tuple(content.tolist()), whole, contents, radius)
    assert sorted(column(found)) == sorted(row for row in expected if row[1] <= radius)
    order = [row[:2] for row in column(found)]
    assert order == sorted(order)
    assert (found.first == 0).all()


def asked(image):
    found = fingerprint(saved(image))
    return np.frombuffer(found.grays, np.uint8).reshape(9, 9), found.trimmed_dhash, found.dhash


@pytest.mark.parametrize("seed", range(5))
def test_stored_grays_find_the_file_that_was_turned(seed):
    """Flips and half turns bit for bit, quarter turns nearly: a filter works on rows first."""
    image = picture(70 + seed)
    grays, content, _ = asked(image)
    files = [image if turn is None else image.transpose(turn) for turn in TURNS]
    hashes = np.array([asked(file)[2] for file in files], np.uint64)
    found = ways_to(grays, content, hashes, hashes, 4)
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
        assert ways_to(grays, content, *arrays, 8).distance.min() <= 8


def test_nothing_to_search():
    none = np.empty((0, 2), np.uint64)
    assert len(ways_to(np.zeros((9, 9), np.uint8), (1, 2), none, none, 128)) == 0
