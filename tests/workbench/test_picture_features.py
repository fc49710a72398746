"""Features of pictures: computed once, shared with other processes, recomputed if damaged."""

import numpy as np
import pytest

from imgurer_kernel.matching.spots import Spots
from imgurer_kernel.workbench.pictures import picture_features
from imgurer_kernel.workbench.pictures.feature_kinds import SpotFeatures, Windows
from imgurer_kernel.workbench.pictures.picture_features import PictureFeatures
from tests.support.pictures import jpeg

IDS = np.arange(5) * 3 + 1
HASHES = np.arange(10, dtype=np.uint64).reshape(5, 2)


@pytest.fixture
def made():
    """The ids of the pictures whose features were computed."""
    return []


@pytest.fixture
def features(tmp_path, made, monkeypatch):
    """Function that opens the features as a process does that begins now."""
    monkeypatch.setattr(picture_features, "_FEW_CHANGES", 2)
    monkeypatch.setattr(picture_features, "_CHUNK", 2)

    def compute(image_ids):
        made.extend(image_ids.tolist())
        rows = Windows.empty(len(image_ids))
        rows.hashes[:] = image_ids[:, None, None]
        return rows, image_ids != 666

    def begin(version=1):
        return PictureFeatures(tmp_path / "features", Windows, version, compute)

    return begin


def values(rows):
    return rows.hashes[:, 0, 0].tolist()


def test_each_picture_is_looked_at_once(features, made):
    here = features()
    rows, known = here.rows(IDS, HASHES)
    assert values(rows) == IDS.tolist()
    assert known.all()
    assert made == IDS.tolist()
    for order in (np.arange(5), np.array([3, 0, 4])):
        rows, known = here.rows(IDS[order], HASHES[order])
        assert values(rows) == IDS[order].tolist()
        assert known.all()
    assert made == IDS.tolist()
    changed = HASHES.copy()
    changed[2] += 1
    assert values(here.rows(IDS, changed)[0]) == IDS.tolist()
    assert made == [*IDS.tolist(), IDS[2]]


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_those_of_their_images_in_any_order(features, seed):
    here, random = features(), np.random.default_rng(seed)
    for _ in range(6):
        some = random.permutation(5)[: random.integers(1, 6)]
        some = np.sort(some) if random.random() < 0.5 else some
        rows, known = here.rows(IDS[some], HASHES[some])
        assert values(rows) == IDS[some].tolist()
        assert known.all()


def test_other_processes_need_not_make_them(features, made):
    features().rows(IDS, HASHES, save=True)
    del made[:]
    other = features()
    assert other.exist()
    rows, known = other.rows(IDS, HASHES)
    assert values(rows) == IDS.tolist()
    assert known.all()
    assert made == []
    assert not features(version=2).exist()
    features(version=2).rows(IDS, HASHES)
    assert made == IDS.tolist()


def test_one_that_is_open_sees_what_another_has_made(features, made):
    here = features()
    here.rows(IDS[:1], HASHES[:1])
    features().rows(IDS, HASHES, save=True)
    del made[:]
    here.rows(IDS, HASHES)
    assert made == []


def test_a_search_does_not_make_more_than_it_can_wait_for(features, made):
    here = features()
    rows, known = here.rows(IDS, HASHES, most=4)
    assert made == []
    assert not known.any()
    assert values(rows) == [0] * 5
    here.rows(IDS[:3], HASHES[:3], most=4)
    rows, known = here.rows(IDS, HASHES, most=2)
    assert known.all()
    assert made == IDS.tolist()


def test_what_cannot_be_read_is_reported_and_tried_again(features, made):
    ids = np.array([1, 666])
    here = features()
    for _ in range(2):
        _, known = here.rows(ids, HASHES[:2])
        assert known.tolist() == [True, False]
    assert made == [1, 666, 666]


def test_who_stops_keeps_what_was_made(features, made):
    def stop(_stage, done, _total):
        if done == 4:
            raise KeyboardInterrupt

    here = features()
    with pytest.raises(KeyboardInterrupt):
        here.rows(IDS, HASHES, progress=stop)
    assert made == IDS[:4].tolist()
    here.rows(IDS, HASHES)
    assert made == IDS.tolist()


@pytest.mark.parametrize("harm", ["cut", "gone", "renamed"])
def test_damaged_files_are_made_again(features, made, tmp_path, harm):
    features().rows(IDS, HASHES, save=True)
    [file] = (tmp_path / "features").glob("*/rows.hashes.npy")
    if harm == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    elif harm == "gone":
        file.unlink()
    else:
        file.rename(file.with_name("rows.other.npy"))
    del made[:]
    assert values(features().rows(IDS, HASHES)[0]) == IDS.tolist()
    assert made == IDS.tolist()


def test_a_place_that_cannot_be_written_does_no_harm(features, made, tmp_path):
    (tmp_path / "features").write_text("in the way")
    here = features()
    assert values(here.rows(IDS, HASHES, save=True)[0]) == IDS.tolist()
    here.rows(IDS, HASHES)
    assert made == IDS.tolist()


def fill(wb):
    for seed in range(4):
        wb.upload(f"{seed}.jpg", jpeg(seed))


def test_a_thumbnail_that_is_lost_has_no_spots(new_store):
    wb = new_store(fill)
    digests = wb.images()["digest"].tolist()
    [thumbnail] = wb.settings.root.glob(f"thumbs/**/{digests[1]}*")
    thumbnail.unlink()
    wb.clusters(progress=False)
    loader = wb._search._loader
    spots, known = SpotFeatures(wb.settings.root, loader).rows(
        np.arange(1, 5), np.arange(8, dtype=np.uint64).reshape(4, 2)
    )
    assert known.tolist() == [True, False, True, True]
    assert isinstance(spots, Spots)
    assert spots.count[1] == 0 < spots.count[0]


def test_a_few_new_pictures_write_little(features, made, tmp_path, monkeypatch):
    monkeypatch.setattr(picture_features, "_WORTH_WRITING", 1)
    features().rows(IDS[:3], HASHES[:3], save=True)
    [most] = (tmp_path / "features").glob("0*")
    features().rows(IDS, HASHES, save=True)
    assert list((tmp_path / "features").glob("0*")) == [most]
    del made[:]
    rows, known = features().rows(IDS, HASHES)
    assert values(rows) == IDS.tolist()
    assert known.all()
    assert made == []
    more = np.append(IDS, [100])
    hashes = np.vstack((HASHES, [[7, 7]])).astype(np.uint64)
    features().rows(more, hashes, save=True)
    assert made == [100]
    assert list((tmp_path / "features").glob("0*")) != [most], "those are too many to be late"
    assert values(features().rows(more, hashes)[0]) == more.tolist()
    assert made == [100]
