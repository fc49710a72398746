"""Candidates against brute force over every orientation and region."""

import dataclasses
import itertools

import numpy as np
import pytest

from imgurer_kernel.fingerprint.hashes.dhash import dhash_many, orientations, turned_hashes
from imgurer_kernel.matching import candidates, hash_candidates
from imgurer_kernel.matching.affine import INVERSE_ORIENTATION
from imgurer_kernel.matching.candidates import (
    Candidates,
    add_nearest,
    keep_nearest,
    sort_matches,
)
from imgurer_kernel.matching.hash_candidates import (
    NEGATIVE_RADIUS,
    ImageHashes,
    find_candidates,
)
from imgurer_kernel.matching.regions import SPOT, WINDOWS

COLUMNS = ("first", "second", "distance", "region", "other_region", "orientation", "are_negative")


def hashes(grays):
    return dhash_many(grays.reshape(-1, 9, 9)).reshape(*grays.shape[:-2], 2)


def hashes_of_families(seed, n=60):
    """A few families of similar grays, some of them with borders, turned, or flat."""
    random = np.random.default_rng(seed)
    family = random.integers(0, 256, (n // 6, 9, 9))
    grays = family[random.integers(0, len(family), n)] + random.integers(-25, 26, (n, 9, 9))
    grays = grays.clip(0, 255).astype(np.uint8)
    turn = random.integers(0, 8, n) * (random.random(n) < 0.4)
    grays = np.ascontiguousarray(orientations(grays)[turn, np.arange(n)])
    inverted = random.random(n) < 0.15
    grays[inverted] = 255 - grays[inverted]
    content = hashes(grays)
    bordered = random.random(n) < 0.4
    content[bordered] = hashes(grays[random.permutation(n)])[bordered]
    windows = hashes(
        (grays[random.permutation(n), None] + random.integers(-9, 10, (n, len(WINDOWS), 9, 9)))
        .clip(0, 255)
        .astype(np.uint8)
    )
    return ImageHashes(turned_hashes(grays), content, random.random(n) < 0.95, windows)


def bits(one, other):
    return np.bitwise_count(one[:, None] ^ other[None]).sum(axis=2)


def ordered(i, j, distance, region, other_region, orientation, negative=False):
    if i > j:
        i, j, region, other_region = j, i, other_region, region
        orientation = int(INVERSE_ORIENTATION[orientation])
    return i, j, distance, region, other_region, orientation, negative


def searches(p):
    """All distances of each search, with its views, its orientation and which of them count."""
    n = len(p)
    bordered = (p.whole != p.content).any(axis=1)
    for o, turned in enumerate(p.turned.swapaxes(0, 1)):
        yield bits(turned, p.whole), np.triu(np.ones((n, n), bool)), (0, 0, o)
        yield bits(turned, p.content), np.tile(bordered, (n, 1)), (0, 1, o)
    yield bits(p.content, p.content), bordered & bordered[:, None], (1, 1, 0)
    yield 128 - bits(p.whole, p.whole), np.ones((n, n), bool), (0, 0, 0, True)
    for w in range(len(WINDOWS)):
        yield bits(p.windows[:, w], p.whole), np.ones((n, n), bool), (2 + w, 0, 0)


def brute_force(p, radius, window_radius):
    found = set()
    others = p.informative & p.informative[:, None] & ~np.eye(len(p), dtype=bool)
    for distances, counts, seen in searches(p):
        reach = radius if seen[0] < 2 else window_radius
        if seen[3:]:
            reach = min(radius, NEGATIVE_RADIUS)
        for i, j in np.argwhere(others & counts & (distances <= reach)).tolist():
            found.add(ordered(i, j, int(distances[i, j]), *seen))
    pairs = itertools.groupby(sorted(found), key=lambda row: row[:2])
    return [row for _, rows in pairs for row in itertools.islice(rows, 4)]


def table(rows):
    return list(zip(*(getattr(rows, column).tolist() for column in COLUMNS), strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_brute_force(seed, monkeypatch):
    monkeypatch.setattr("imgurer_kernel.matching.hash_candidates._BLOCK", 17)
    p = hashes_of_families(seed)
    found = table(find_candidates(p, 24, window_radius=18))
    assert found == brute_force(p, 24, 18)
    assert len(found) > 100
    assert any(row[-1] for row in found)


def test_without_windows():
    p = hashes_of_families(9)
    bare = ImageHashes(p.turned, p.content, p.informative)
    assert table(find_candidates(bare, 20)) == [
        row for row in table(find_candidates(p, 20, window_radius=0)) if max(row[3:5]) < 2
    ]


@pytest.mark.parametrize("seed", range(3))
def test_windows_may_be_in_another_order(seed):
    p, random = hashes_of_families(seed), np.random.default_rng(seed)
    rows = random.permutation(len(p) + 5)[: len(p)]
    windows = random.integers(0, 1 << 64, (len(p) + 5, len(WINDOWS), 2), np.uint64)
    windows[rows] = p.windows
    moved = dataclasses.replace(p, windows=windows, window_rows=rows)
    assert table(find_candidates(moved, 24)) == table(find_candidates(p, 24))
    some = random.permutation(len(p))[:20]
    assert (moved.take(some).windows == p.take(some).windows).all()
    bare = dataclasses.replace(p, windows=None)
    assert bare.windows_of(some).shape == (20, 0, 2)


@pytest.mark.parametrize("seed", range(3))
def test_fresh_images_meet_all_others(seed, monkeypatch):
    monkeypatch.setattr("imgurer_kernel.matching.hash_candidates._BLOCK", 23)
    p = hashes_of_families(seed)
    fresh = np.random.default_rng(seed).random(len(p)) < 0.3
    everything = find_candidates(p, 24)
    expected = everything.take(fresh[everything.first] | fresh[everything.second])
    assert table(find_candidates(p, 24, fresh=fresh)) == table(expected)
    assert not len(find_candidates(p, 24, fresh=np.zeros(len(p), bool)))


def test_duplicates_are_tied_together_by_few_rows():
    random = np.random.default_rng(3)
    one, other = random.integers(0, 256, (2, 9, 9), np.uint8)
    grays = np.concatenate((np.stack([one] * 500), np.stack([other] * 20)))
    p = ImageHashes(turned_hashes(grays), hashes(grays), np.ones(520, bool))
    found = find_candidates(p, 10)
    assert len(found) < 500 * 5 + 200
    root = np.arange(520)
    for i, j in zip(found.first.tolist(), found.second.tolist(), strict=True):
        a, b = root[i], root[j]
        root[root == max(a, b)] = min(a, b)
    assert set(root[:500]) == {0}
    assert set(root[500:]) == {500}


def film(frames):
    """A zone where every two pictures are near, and no two have the same hash."""
    random = np.random.default_rng(4)
    grays = np.repeat(random.integers(0, 256, (1, 9, 9)), frames, axis=0)
    grays[np.arange(frames), :, 4] = random.integers(0, 256, (frames, 9))
    grays = grays.astype(np.uint8)
    windows = np.zeros((frames, len(WINDOWS), 2), np.uint64)  # near nothing
    return ImageHashes(turned_hashes(grays), hashes(grays), np.ones(frames, bool), windows)


def nearest(p, radius, neighbors):
    """The pairs that are among the nearest of their first or of their second image."""
    rows = [row[:3] for row in brute_force(p, radius, 16)]
    pairs = {(i, j): min(d for a, b, d in rows if (a, b) == (i, j)) for i, j, _ in rows}
    kept = set()
    for side in (0, 1):
        ranked = sorted(pairs, key=lambda pair: (pair[side], pairs[pair], pair[1 - side]))
        for _, group in itertools.groupby(ranked, key=lambda pair: pair[side]):
            kept.update(itertools.islice(group, neighbors))
    return kept


@pytest.fixture
def _few_neighbors(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_NEIGHBORS", 5)
    monkeypatch.setattr(hash_candidates, "_MAX_GATHERED", 40)
    monkeypatch.setattr(hash_candidates, "_BLOCK", 13)


def ends(rows):
    return set(zip(rows.first.tolist(), rows.second.tolist(), strict=True))


@pytest.mark.long
@pytest.mark.usefixtures("_few_neighbors")
def test_of_a_dense_zone_the_nearest_pairs_are_kept():
    p = film(60)
    everything = ends(find_candidates(p, 30))
    assert everything == nearest(p, 30, 5)
    assert len(everything) < 2 * 5 * 60


@pytest.mark.usefixtures("_few_neighbors")
@pytest.mark.parametrize("seed", range(3))
def test_a_dense_zone_may_grow_step_by_step(seed):
    p = film(60)
    late = np.random.default_rng(seed).random(60) < 0.3
    early = find_candidates(dataclasses.replace(p, informative=~late), 30)
    grown = add_nearest(early, find_candidates(p, 30, fresh=late))
    assert ends(grown) == ends(find_candidates(p, 30))


def drawn_rows(random, images, count):
    """Matches between images drawn at random, a third of them by spots."""
    first = random.integers(0, images - 1, count)
    by_spots = random.random(count) < 0.3
    start = np.full((count, 6), np.nan)
    start[by_spots] = random.random((by_spots.sum(), 6))
    return Candidates(
        first,
        first + 1 + random.integers(0, images, count) % (images - 1 - first),
        random.integers(0, 5, count),
        random.integers(0, 3, count),
        np.where(by_spots, SPOT, random.integers(0, 3, count)),
        np.where(by_spots, random.integers(1, 4, count), random.integers(0, 3, count)),
        random.random(count) < 0.1,
        start,
    )


@pytest.mark.parametrize("seed", range(3))
def test_matches_of_a_pair_are_sorted_by_distance_and_those_by_spots_come_last(seed):
    rows = drawn_rows(np.random.default_rng(seed), 10, 300)
    found = sort_matches(rows)
    pairs = list(zip(found.first, found.second, found.region == SPOT, found.distance, strict=True))
    assert pairs == sorted(pairs)
    assert len(found) == len(rows)
    assert {SPOT, 0} <= set(found.region.tolist())


def test_matches_seen_from_the_other_side():
    """Regions change sides; of a match by spots the second is a number of spots, and stays."""
    rows = drawn_rows(np.random.default_rng(0), 10, 300)
    by_spots = rows.region == SPOT
    some = np.arange(len(rows)) % 4 > 0
    turned = rows.reversed(some)
    swapped = some & ~by_spots
    for name, other, where in (
        ("first", "second", some), ("region", "other_region", swapped)
    ):  # fmt: skip
        ours, others = getattr(rows, name), getattr(rows, other)
        assert getattr(turned, name).tolist() == np.where(where, others, ours).tolist()
        assert getattr(turned, other).tolist() == np.where(where, ours, others).tolist()
    back = turned.reversed(some)
    assert table(back) == table(rows)
    np.testing.assert_allclose(back.start, rows.start)
    changed = (turned.start != rows.start).any(axis=1) & by_spots
    assert (changed == some & by_spots).all()


@pytest.mark.parametrize("seed", range(30))
def test_new_rows_leave_what_sorting_all_rows_leaves(seed, monkeypatch):
    """Also where some images are gone, of which others were among the nearest."""
    monkeypatch.setattr(candidates, "MAX_NEIGHBORS", 3)
    monkeypatch.setattr(candidates, "MAX_SPOT_NEIGHBORS", 2)
    random = np.random.default_rng(seed)
    known = keep_nearest(drawn_rows(random, 40, int(random.integers(1, 300))))
    there = random.random(40) < random.choice([0.7, 1])
    known = known.take(there[known.first] & there[known.second])
    new = drawn_rows(random, 40, int(random.integers(0, 30)))
    new = keep_nearest(new.take(random.random(40)[new.first] < 0.8))
    expected = keep_nearest(known.joined(new))
    found = add_nearest(known, new)
    assert table(found) == table(expected)
    for column in (field.name for field in dataclasses.fields(Candidates)):
        ours, others = getattr(found, column), getattr(expected, column)
        if column == "negative":
            ours, others = found.are_negative, expected.are_negative
        np.testing.assert_array_equal(ours, others)


def test_uninformative_images_take_no_part():
    grays = np.zeros((5, 9, 9), np.uint8)
    p = ImageHashes(turned_hashes(grays), hashes(grays), np.array([False] * 4 + [True]))
    assert not len(find_candidates(p, 128))


def test_progress_is_reported_and_may_stop_the_work():
    p, reports = hashes_of_families(1), []
    find_candidates(p, 10, progress=lambda stage, done, total: reports.append((done, total)))
    assert [done for done, _ in reports] == list(range(1, reports[-1][1] + 1))

    def stop(stage, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_candidates(p, 10, progress=stop)


def test_no_images():
    nothing = np.empty((0, 2), np.uint64)
    p = ImageHashes(np.empty((0, 8, 2), np.uint64), nothing, np.empty(0, bool))
    assert not len(find_candidates(p, 24))
    assert not len(Candidates.none())
