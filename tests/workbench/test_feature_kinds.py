"""Spots of a store and their buckets: the same answer whatever happens to their files."""

import shutil

import numpy as np
import pytest

from imgurer_kernel.matching import spot_buckets, spot_lookup
from imgurer_kernel.matching.spot_buckets import SpotBuckets
from imgurer_kernel.matching.spot_lookup import InBuckets, find_lookups, matches
from imgurer_kernel.matching.spot_segments import SpotSegments
from imgurer_kernel.matching.spots import Spots
from imgurer_kernel.workbench.pictures import feature_kinds, picture_features
from imgurer_kernel.workbench.pictures.feature_kinds import SpotFeatures
from tests.support.forms import rounds


def spots_of(image_id):
    """Spots of one picture: its own, some near those of every third picture; none of every 7th."""
    random, kin = np.random.default_rng(image_id), np.random.default_rng(image_id % 3)
    spots = Spots.empty(1)
    spots.count[:] = 8 if image_id % 7 else 0
    spots.hashes[0, :4] = random.integers(0, 1 << 64, (4, 2), np.uint64)
    spots.hashes[0, 4:8] = kin.integers(0, 1 << 64, (4, 2), np.uint64)
    spots.hashes[0, 4:8, 0] ^= np.uint64(1) << random.integers(0, 64, 4, np.uint64)
    return spots


class Loader:
    """Gives spots; remembers whose."""

    def __init__(self):
        self.asked = []

    def spots(self, image_ids):
        self.asked += image_ids.tolist()
        return (spots_of(int(image_id)) for image_id in image_ids)


@pytest.fixture
def loader(monkeypatch):
    monkeypatch.setattr(spot_buckets, "CHUNKS", 15)
    monkeypatch.setattr(spot_lookup, "CHUNKS", 15)
    monkeypatch.setattr(spot_lookup, "_SORTED", 1.0)
    monkeypatch.setattr(spot_lookup, "_PROBE", 0.0)
    monkeypatch.setattr(spot_lookup, "_GLANCE", 0.0)
    monkeypatch.setattr(feature_kinds, "_BUCKETS_FROM", 4)
    monkeypatch.setattr(picture_features, "_FEW_CHANGES", 3)
    monkeypatch.setattr(picture_features, "_WORTH_WRITING", 1)
    return Loader()


def words(ids):
    return np.column_stack((ids, ids)).astype(np.uint64)


def asked(features, ids):
    """The segments, checked to be what they should, and the spots of the last two found in them."""
    found = features.segments(ids, words(ids), save=True)
    expected = Spots.empty(len(ids))
    for k, image_id in enumerate(ids.tolist()):
        expected.put(np.array([k]), spots_of(image_id))
    assert found.take(np.arange(len(ids))).hashes.tolist() == expected.hashes.tolist()
    assert found.count.tolist() == expected.count.tolist()
    everybody, fresh = np.arange(len(ids)), np.arange(len(ids)) >= len(ids) - 2
    if fresh.any():
        reaches = ((6, False), (2, True))
        plain = find_lookups(SpotSegments.of(expected), everybody, fresh, reaches)
        ours = matches(find_lookups(found, everybody, fresh, reaches))
        for one, other in zip(ours, matches(plain), strict=True):
            assert one.tolist() == other.tolist()
    return found


def cut(file):
    file.write_bytes(file.read_bytes()[:-3])


def flip(file):
    data = bytearray(file.read_bytes())
    data[-5] ^= 4
    file.write_bytes(data)


def killed(file):
    """The files that a process leaves that was killed while writing."""
    shutil.copytree(file.parent, file.parent.with_name("new-0123"))
    (file.parent.with_name("new-0123") / file.name).unlink()


def other_version(file):
    file.parent.rename(file.parent.with_name("999999999999"))
    cut(file.parent.with_name("999999999999") / "meta.json")


DAMAGE = (
    cut,
    flip,
    killed,
    other_version,
    lambda file: file.unlink(),
    lambda file: shutil.rmtree(file.parent),
)


@pytest.mark.parametrize("seed", range(rounds(2, 8)))
def test_spots_are_found_whatever_happens_to_their_files(seed, loader, tmp_path):
    """Two kernels take turns while pictures come and go and files are damaged."""
    random, ids = np.random.default_rng(seed), np.arange(1, 7)
    kernels = [SpotFeatures(tmp_path, loader) for _ in range(2)]
    for _ in range(9):
        match int(random.integers(4)):
            case 0:
                ids = np.append(ids, ids[-1] + 1 + np.arange(random.integers(1, 6)))
            case 1 if len(ids) > 4:
                ids = np.delete(ids, random.integers(len(ids)))
            case 2:
                kernels[random.integers(2)] = SpotFeatures(tmp_path, loader)
            case _:
                files = sorted((tmp_path / "derived").rglob("*.[jn][sp][oy]*"))
                if files:
                    DAMAGE[random.integers(len(DAMAGE))](files[random.integers(len(files))])
        order = random.permutation(ids) if random.random() < 0.3 else ids
        asked(kernels[random.integers(2)], order)
    del loader.asked[:]
    asked(SpotFeatures(tmp_path, loader), ids)
    del loader.asked[:]
    asked(SpotFeatures(tmp_path, loader), ids)
    assert loader.asked == [], "what was made again was kept"


def test_buckets_are_used_by_all_and_made_once(loader, tmp_path, monkeypatch):
    made = []
    original = SpotBuckets.of
    monkeypatch.setattr(
        feature_kinds.SpotBuckets, "of", lambda spots: made.append(len(spots)) or original(spots)
    )
    ids = np.arange(1, 11)
    for _ in range(2):
        found = asked(SpotFeatures(tmp_path, loader), ids)
        [lookups, _] = find_lookups(
            found, np.arange(10), np.arange(10) > 8, ((6, False), (2, True))
        )
        assert isinstance(lookups[0], InBuckets)
    assert made == [10]
    some = np.append(ids, [11, 12])
    for _ in range(2):
        found = asked(SpotFeatures(tmp_path, loader), some)
        assert [len(part) for part in found.parts] == [10, 2], "few new ones: the large part stays"
    assert (made, loader.asked) == ([10], some.tolist())
    asked(SpotFeatures(tmp_path, loader), np.arange(1, 17))
    assert made == [10, 16]
    shutil.rmtree(tmp_path / "derived" / "spots" / "buckets")
    asked(SpotFeatures(tmp_path, loader), np.arange(1, 17))
    assert made == [10, 16, 16]
    assert loader.asked == list(range(1, 17))


def test_a_disk_that_is_full_still_has_searches(loader, tmp_path):
    (tmp_path / "derived").mkdir()
    (tmp_path / "derived" / "spots").write_text("in the way")
    found = asked(SpotFeatures(tmp_path, loader), np.arange(1, 11))
    assert found.buckets == (None, None)
