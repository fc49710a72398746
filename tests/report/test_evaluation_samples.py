"""The sample set: complete, reproducible, with correct truth, and in no other folder."""

import csv
import hashlib
import shutil
import warnings
from pathlib import Path
from typing import NamedTuple

import dhash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import SourceError, StorageDenied
from imgurer_kernel.report.evaluation import samples
from imgurer_kernel.report.evaluation.sample_plan import NEAR, TRANSFORMS, SamplePicture, plan
from imgurer_kernel.report.evaluation.samples import find_pictures, make_samples, read_index
from tests.support.forms import rounds
from tests.support.pictures import jpeg, png


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The ground truth of the default sample set."""
    return make_samples(tmp_path_factory.mktemp("pictures") / "samples")


class Upright(NamedTuple):
    """The tested properties of a picture as displayed."""

    size: tuple[int, int]
    dhash: int
    small: np.ndarray


@pytest.fixture(scope="module")
def upright(truth):
    """Each picture by its name, or in the short form those of every third group, decoded once."""

    def seen(path):
        image = shown(path)
        return Upright(image.size, dhash.dhash_int(image, 8), np.asarray(image.resize((64, 64))))

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Image.Image.getdata", DeprecationWarning)  # PyPI dhash
        return {row.filename: seen(row.path) for row in some(truth).itertuples()}


def some(truth):
    """The rows of every third group, or in the long form all."""
    return truth[truth["group"] % rounds(3, 1) == 0]


def write_pictures(folder, flats=4):
    """Two small photos, another one of the first scene, and flat ones, with their index."""
    folder.mkdir(exist_ok=True)
    taken = "2024-06-12T21:41:07"
    files = [
        ("lake-at-dusk.jpg", "lake-at-dusk", "original", taken, jpeg(1, 160, 120)),
        ("lake-at-dusk-2.jpg", "lake-at-dusk", "near-miss", taken, jpeg(2, 160, 120)),
        ("city.jpg", "city", "original", taken, jpeg(3, 160, 120)),
    ]
    files += [(f"{n}.png", f"flat {n}", "flat", "", png(n, 40, 30)) for n in range(flats)]
    with (folder / "index.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "scene", "kind", "taken", "sha256"])
        for name, scene, kind, when, data in files:
            (folder / name).write_bytes(data)
            rows.writerow([name, scene, kind, when, hashlib.sha256(data).hexdigest()])
    return folder


@pytest.fixture
def few(monkeypatch, tmp_path_factory):
    """Few small pictures instead of the package's own, so that a set is made in no time."""
    folder = write_pictures(tmp_path_factory.mktemp("few"))
    monkeypatch.setattr(samples, "find_pictures", lambda: folder)
    return folder


def shown(path):
    """The picture as a viewer shows it."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def exif_of(path):
    with Image.open(path) as image:
        return image.getexif()


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def distance(first, second):
    return (first ^ second).bit_count()


def test_there_is_enough_of_everything(truth):
    assert len(truth) >= 120
    assert truth["kind"].value_counts()["original"] >= 24
    assert (truth["kind"] == "near-miss").sum() >= 6
    assert (truth["kind"] == "flat").sum() >= 4
    planted = truth.loc[truth["kind"] == "duplicate", "transform"].value_counts()
    assert set(planted.index) == set(TRANSFORMS)
    assert planted.min() >= 5


@pytest.mark.long
def test_every_file_is_there_as_described(truth, upright):
    assert truth["filename"].str.casefold().is_unique  # also where case does not count
    for row in truth.itertuples():
        data = Path(row.path).read_bytes()
        assert Path(row.path).name == row.filename
        assert (len(data), hashlib.sha256(data).hexdigest()) == (row.bytes, row.digest)
        assert upright[row.filename].size == (row.width, row.height)


def test_only_copies_have_the_bytes_of_another(truth):
    for _, same in truth.groupby("digest"):
        assert same["group"].nunique() == 1
        assert (same["transform"] == "copy").sum() == len(same) - 1


def test_groups_are_an_original_and_its_duplicates(truth):
    for _, group in truth.groupby("group"):
        first = group.loc[group["duplicate_of"] == "", "filename"]
        assert len(first) == 1
        assert set(group["duplicate_of"]) <= {"", first.iloc[0]}
    resembled = truth.loc[truth["kind"] == "near-miss", "resembles"]
    assert set(resembled) <= set(truth.loc[truth["kind"] == "original", "filename"])


def test_the_truth_holds_for_an_independent_dhash(truth, upright):
    pictures = some(truth[truth["kind"] != "flat"])
    hashes = {name: seen.dhash for name, seen in upright.items()}
    for row in pictures.itertuples():
        if row.transform in NEAR:
            assert distance(hashes[row.filename], hashes[row.duplicate_of]) <= 10, row.filename
    firsts = pictures[pictures["duplicate_of"] == ""]
    names, groups = pictures["filename"].tolist(), pictures["group"].tolist()
    for first in firsts.itertuples():
        for name, group in zip(names, groups, strict=True):
            if group != first.group:
                assert distance(hashes[first.filename], hashes[name]) > 16, (first.filename, name)


@pytest.mark.long
def test_the_workbench_keeps_no_lesser_copy(truth, tmp_path):
    truth = truth[truth["group"] % rounds(3, 1) == 0]
    transforms = truth.set_index("filename")["transform"]
    with Workbench(Settings(root=tmp_path / "store")) as wb:
        wb.ingest(truth["path"].tolist(), progress=False)
        frame = wb.clusters(progress=False)
    kept = transforms[frame.loc[frame["is_keeper"], "filename"]]
    assert len(kept) >= rounds(7, 24)
    assert not set(kept) & {"bordered", "captioned", "cropped", "re-encoded", "resized"}


def test_pictures_are_not_flat_squares(truth, upright):
    for row in some(truth[truth["kind"] == "original"]).itertuples():
        pixels = upright[row.filename].small.astype(float)
        assert pixels.std() > 12, row.filename
        assert len(np.unique(pixels.round(-1).reshape(-1, 3), axis=0)) > 30, row.filename


def test_exif_turns_the_picture_back(truth):
    by_name = truth.set_index("filename")["path"]
    for row in truth[truth["transform"] == "exif-rotated"].itertuples():
        assert exif_of(row.path)[0x0112] in {3, 6, 8}
        difference = np.asarray(shown(row.path), float) - shown(by_name[row.duplicate_of])
        assert np.abs(difference).mean() < 4


def test_originals_carry_what_cameras_write(truth):
    places = 0
    for row in truth[truth["kind"] == "original"].itertuples():
        exif = exif_of(row.path)
        assert exif.get_ifd(0x8769)[0x9003].startswith("202")
        places += bool(exif.get_ifd(0x8825))
    assert places >= 15


def test_a_complete_set_is_not_made_again(truth):
    folder = Path(truth["path"].iloc[0]).parent
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    pd.testing.assert_frame_equal(make_samples(folder), truth)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_number_of_workers_changes_nothing(few, tmp_path):
    one = make_samples(tmp_path / "one", workers=1)
    four = make_samples(tmp_path / "four", workers=4)
    assert contents(tmp_path / "one") == contents(tmp_path / "four")
    pd.testing.assert_frame_equal(one.drop(columns="path"), four.drop(columns="path"))


def test_another_seed_plants_other_copies_of_the_same_originals(few, tmp_path):
    first, second = make_samples(tmp_path / "a", seed=0), make_samples(tmp_path / "b", seed=1)
    originals = [set(t.loc[t["duplicate_of"] == "", "digest"]) for t in (first, second)]
    assert originals[0] == originals[1]
    copies = [
        set(zip(t["filename"], t["digest"], strict=True))
        for t in (each[each["transform"].isin(TRANSFORMS[1:])] for each in (first, second))
    ]
    assert copies[0] != copies[1]


def test_asking_for_another_seed_replaces_the_set(few, tmp_path):
    make_samples(tmp_path / "set", seed=0)
    replaced = make_samples(tmp_path / "set", seed=1)
    assert set(contents(tmp_path / "set")) == set(replaced["filename"])


@pytest.mark.parametrize("harm", ["missing", "cut off", "changed"])
def test_a_damaged_set_is_rebuilt(few, tmp_path, harm):
    truth = make_samples(tmp_path / "set")
    whole = contents(tmp_path / "set")
    victim = Path(truth["path"].iloc[3])
    data = bytearray(victim.read_bytes())
    if harm == "missing":
        victim.unlink()
    elif harm == "cut off":
        victim.write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    pd.testing.assert_frame_equal(make_samples(tmp_path / "set"), truth)
    assert contents(tmp_path / "set") == whole


@pytest.mark.parametrize("text", [None, "", "nonsense\n1,2\n", "version,seed\n1,0\n"])
def test_a_set_without_a_readable_manifest_is_still_ours(few, tmp_path, text):
    truth = make_samples(tmp_path / "set")
    manifest = tmp_path / "set.csv"
    manifest.unlink() if text is None else manifest.write_text(text)
    pd.testing.assert_frame_equal(make_samples(tmp_path / "set"), truth)


def test_an_older_version_is_replaced(few, tmp_path, monkeypatch):
    make_samples(tmp_path / "set")
    monkeypatch.setattr(samples, "VERSION", samples.VERSION + 1)
    write_pictures(few, flats=2)
    renewed = make_samples(tmp_path / "set")
    assert "3.png" not in contents(tmp_path / "set")
    assert set(contents(tmp_path / "set")) == set(renewed["filename"])


@pytest.mark.parametrize("name", ["mine.jpg", "lake-at-dusk.jpg"])
def test_files_of_others_are_never_touched(few, tmp_path, name):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / name).write_bytes(b"precious")
    with pytest.raises(SourceError, match=name.partition(".")[0]):
        make_samples(tmp_path / "set")
    assert contents(tmp_path / "set") == {name: b"precious"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


def test_a_file_in_the_way_is_an_error_of_ours(few, tmp_path):
    (tmp_path / "set").write_text("a file")
    with pytest.raises(StorageDenied, match="set"):
        make_samples(tmp_path / "set")
    assert (tmp_path / "set").read_text() == "a file"


def test_a_failure_leaves_nothing_behind(few, tmp_path, monkeypatch):
    def fail(*_, **__):
        message = "no light"
        raise RuntimeError(message)

    monkeypatch.setattr(samples, "encode", fail)
    with pytest.raises(RuntimeError, match="no light"):
        make_samples(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("harm", ["missing", "a folder", "cut off"])
@pytest.mark.parametrize("name", ["index.csv", "city.jpg"])
def test_harmed_pictures_of_the_package_are_an_error_that_names_them(few, tmp_path, name, harm):
    path = few / name
    data = path.read_bytes()
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    elif harm == "cut off":
        path.write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=rf"(city\.jpg|{name}).*; reinstall"):
        make_samples(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_package_without_pictures_says_where_they_should_be(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "_PACKAGE", tmp_path / "package")
    with pytest.raises(SourceError, match=r"package.data.pictures nor .*; reinstall"):
        make_samples(tmp_path / "set")


@pytest.mark.parametrize("place", ["package/data/pictures", "data/pictures"])
def test_pictures_are_found_in_a_wheel_and_in_a_repository(tmp_path, monkeypatch, place):
    monkeypatch.setattr(samples, "_PACKAGE", tmp_path / "package")
    (tmp_path / place).parent.mkdir(parents=True)
    write_pictures(tmp_path / place)
    assert find_pictures() == tmp_path / place


def test_an_empty_folder_is_filled(few, tmp_path):
    (tmp_path / "set").mkdir()
    truth = make_samples(str(tmp_path / "set"))
    assert len(contents(tmp_path / "set")) == len(truth)
    shutil.rmtree(tmp_path / "set")
    assert len(make_samples(tmp_path / "set")) == len(truth)


def test_the_plan_has_a_list_for_each_scene_and_one_for_flat_pictures():
    pictures = read_index(find_pictures())
    batches = plan(pictures, seed=3)
    assert plan(pictures, seed=3) == batches
    scenes = {picture.scene for picture in pictures if picture.kind != "flat"}
    assert [batch[0].kind for batch in batches] == ["original"] * len(scenes) + ["flat"]


def test_a_plan_without_flat_pictures_has_no_copy_of_one():
    alone = SamplePicture(file="a.jpg", scene="a", kind="original", taken="2024-01-01", sha256="")
    [photos, flats] = plan([alone])
    assert len(photos) == 1 + len(TRANSFORMS)
    assert flats == []
