"""Folders and files on a disk that ignores case are one, however their names are written."""

import os

import pytest

from imgurer_kernel.store.ingest.spelling import as_listed
from tests.support.pictures import jpeg
from tests.support.plain_disks import ignore_case

PICTURES = {"A.jpg": 1, "b.jpg": 2, "Sub/A.jpg": 1, "Sub/C.JPG": 3}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of pictures on a disk that ignores case."""
    folder = tmp_path / "Card" / "Pics"
    (folder / "Sub").mkdir(parents=True)
    for name, seed in PICTURES.items():
        (folder / name).write_bytes(jpeg(seed, 32, 24))
    ignore_case(monkeypatch, tmp_path / "Card")
    return folder


def statuses(wb, source):
    return sorted(wb.ingest(source, store="reference", progress=False)["status"])


def test_a_path_is_written_as_its_folders_list_it(folder):
    for written in ("Card/Pics/Sub/A.jpg", "CARD/pics/SUB/a.JPG", "card/PICS/sub/A.JPG"):
        # Only the names below the disk are found by any case.
        path = folder.parents[1] / "Card" / written.partition("/")[2]
        assert as_listed(str(path)) == str(folder / "Sub" / "A.jpg")
    assert as_listed(str(folder / "no such.jpg")) == str(folder / "no such.jpg")


def test_names_that_differ_in_case_are_two_where_the_disk_tells_them_apart(tmp_path):
    for name in ("a.jpg", "A.jpg"):
        (tmp_path / name).touch()
        assert as_listed(str(tmp_path / name)) == str(tmp_path / name)
    assert as_listed(str(tmp_path / "A.JPG")) == str(tmp_path / "A.JPG")


@pytest.mark.long
def test_a_folder_that_is_named_in_another_case_is_the_same(new_store, folder):
    """Each of its files was a duplicate of itself."""
    wb = new_store()
    assert statuses(wb, folder) == ["added", "added", "added", "duplicate"]
    for name in ("pics", "PICS"):
        assert statuses(wb, folder.parent / name) == ["unchanged"] * 4
    assert statuses(wb, folder / "sub" / "a.JPG") == ["unchanged"]
    assert len(wb.files()) == 4
    assert wb.check(progress=False).empty


@pytest.mark.parametrize("has_inodes", [True, False])
def test_a_name_of_which_only_the_case_changes_is_a_move(
    new_store, folder, monkeypatch, has_inodes
):
    """It was a second file beside one that was there no more."""
    monkeypatch.setattr("imgurer_kernel.store.ingest.scan.has_stable_inodes", lambda _: has_inodes)
    wb = new_store()
    statuses(wb, folder)
    (folder / "b.jpg").rename(folder / "B.JPG")
    (folder / "Sub").rename(folder / "SUB")
    found = statuses(wb, folder)
    assert "added" not in found
    assert "duplicate" not in found
    paths = wb.files(state="present")["path"]
    assert sorted(os.path.relpath(path, folder) for path in paths) == [
        *("A.jpg", "B.JPG", "SUB/A.jpg", "SUB/C.JPG")
    ]
    assert statuses(wb, folder) == ["unchanged"] * 4
    assert wb.check(progress=False).empty
