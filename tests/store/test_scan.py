"""Ingesting a folder again: what was changed, moved or deleted, and what cannot be known."""

import os
import shutil
from pathlib import Path

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import BlobDamaged, BlobMissing, SettingsError
from imgurer_kernel.store.ingest import scan
from tests.support.forms import pairs
from tests.support.pictures import jpeg

QUIET = {"progress": False}
MODES = ["copy", "link", "reference"]
A, B, C, D = (jpeg(seed, 60, 50) for seed in range(4))


@pytest.fixture
def wb(new_store):
    return new_store(workers=1)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(A)
    (folder / "b.jpg").write_bytes(B)
    (folder / "sub" / "c.jpg").write_bytes(C)
    return folder


def scanned(wb, folder, **options):
    """The results of a scan except unchanged files: (name, status)."""
    frame = wb.ingest(folder, **QUIET, **options)
    rows = zip(frame["source"], frame["status"], strict=True)
    return [(Path(name).name, status) for name, status in rows if status != "unchanged"]


def states(wb):
    frame = wb.files()
    return dict(
        zip(
            frame["path"].str.rpartition("/")[2],
            zip(frame["state"], frame["source_state"], strict=True),
            strict=True,
        )
    )


@pytest.mark.parametrize("mode", MODES)
def test_nothing_has_changed(wb, folder, mode, monkeypatch):
    first = wb.ingest(folder, store=mode, **QUIET)
    assert first.attrs == {"added": 3}
    monkeypatch.setattr("imgurer_kernel.store.ingest.ingest_files.fingerprint", pytest.fail)
    again = wb.ingest(folder, store=mode, **QUIET)
    assert again.attrs == {"unchanged": 3}
    assert again["file_id"].tolist() == first["file_id"].tolist()
    assert set(wb.files()["kept"]) == {mode}


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_deleted_file(wb, folder, mode):
    wb.ingest(folder, store=mode, **QUIET)
    (folder / "b.jpg").unlink()
    assert scanned(wb, folder) == [("b.jpg", "missing")]
    state = "present" if mode == "copy" else "missing"
    assert states(wb)["b.jpg"] == (state, "missing")
    active = {"copy": 3}.get(mode, 2)
    assert len(wb.browse(9)) == active, "it is still looked at, or no longer"
    assert scanned(wb, folder) == [], "it is told once"
    (folder / "b.jpg").write_bytes(B)
    assert scanned(wb, folder) == []
    assert states(wb)["b.jpg"] == ("present", "present")
    assert len(wb.browse(9)) == 3


@pytest.mark.parametrize("mode", MODES)
def test_a_moved_and_a_renamed_file(wb, folder, mode, monkeypatch):
    before = wb.ingest(folder, store=mode, **QUIET).set_index("source")["file_id"]
    (folder / "a.jpg").rename(folder / "sub" / "z.jpg")
    (folder / "b.jpg").rename(folder / "é.jpg")
    monkeypatch.setattr("imgurer_kernel.store.ingest.ingest_files.fingerprint", pytest.fail)
    assert scanned(wb, folder, store=mode) == [("é.jpg", "moved"), ("z.jpg", "moved")]
    after = wb.files().set_index("path")
    assert after.loc[str(folder / "sub" / "z.jpg"), "file_id"] == before[str(folder / "a.jpg")]
    assert len(after) == 3
    for image_id, data in ((1, A), (2, B), (3, C)):
        with wb.original(image_id) as file:
            assert file.read() == data
    assert scanned(wb, folder) == []


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_was_copied_elsewhere_and_deleted_is_moved(wb, folder, mode):
    wb.ingest(folder, store=mode, **QUIET)
    shutil.copy(folder / "a.jpg", folder / "sub" / "z.jpg")
    (folder / "a.jpg").unlink()
    assert scanned(wb, folder, store=mode) == [("z.jpg", "moved")]
    assert len(wb.files()) == 3


@pytest.mark.parametrize("options", [{"store": "copy"}, {"checksum": True}], ids=str)
def test_a_moved_file_that_is_read_all_the_same_is_moved(wb, folder, options):
    """To be copied, or since its bytes are asked for: its path is found by the inode before."""
    first = wb.ingest(folder, store="reference", **QUIET).set_index("source")["file_id"]
    (folder / "a.jpg").rename(folder / "sub" / "z.jpg")
    again = wb.ingest(folder, **QUIET, **options).set_index("source")
    moved = again.loc[str(folder / "sub" / "z.jpg")]
    assert (moved["status"], moved["file_id"]) == ("moved", first[str(folder / "a.jpg")])
    assert len(wb.files()) == 3


def test_a_file_that_is_found_later_than_it_was_missed_is_moved(wb, folder, tmp_path):
    wb.ingest(folder, store="reference", **QUIET)
    (folder / "a.jpg").unlink()
    assert scanned(wb, folder) == [("a.jpg", "missing")]
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "a.jpg").write_bytes(A)
    assert scanned(wb, tmp_path / "else", store="reference") == [("a.jpg", "moved")]
    assert set(wb.files()["state"]) == {"present"}


@pytest.mark.parametrize("mode", MODES)
def test_another_name_of_a_file_is_a_file_of_its_own(wb, folder, mode):
    wb.ingest(folder, store=mode, **QUIET)
    (folder / "y.jpg").hardlink_to(folder / "a.jpg")
    assert scanned(wb, folder, store=mode) == [("y.jpg", "duplicate")]
    frame = wb.files(image_id=1)
    assert frame["inode"].nunique() == 1
    assert len(frame) == 2


@pytest.mark.parametrize(("mode", "how"), pairs(MODES, ["replace", "write"]))
def test_a_changed_file(wb, folder, mode, how):
    wb.ingest(folder, store=mode, **QUIET)
    if how == "replace":
        (folder / "b.jpg").unlink()
    (folder / "b.jpg").write_bytes(D)
    if mode == "reference" or (mode, how) == ("link", "write"):
        with pytest.raises(BlobDamaged, match="has been changed"):
            wb.original(2)
    assert scanned(wb, folder, store=mode) == [("b.jpg", "changed")]
    frame = wb.files()
    now = frame[frame["state"] == "present"].set_index("filename")
    assert now.loc["b.jpg", ["file_id", "image_id"]].tolist() == [2, 4]
    assert frame[frame["state"] == "changed"]["image_id"].tolist() == [2]
    with wb.original(4) as file:
        assert file.read() == D
    kept = mode == "copy" or (mode, how) == ("link", "replace")
    if kept:
        with wb.original(2) as file:
            assert file.read() == B
    else:
        with pytest.raises((BlobDamaged, BlobMissing)):
            wb.original(2)


@pytest.mark.parametrize("mode", MODES)
def test_a_file_that_is_not_a_picture_any_more(wb, folder, mode):
    wb.ingest(folder, store=mode, **QUIET)
    facts = (folder / "b.jpg").stat()
    (folder / "b.jpg").write_bytes(b"x" * len(B))
    assert scanned(wb, folder) == [("b.jpg", "rejected")]
    assert states(wb)["b.jpg"] == ("present" if mode == "copy" else "changed", "changed")
    (folder / "b.jpg").write_bytes(B)
    os.utime(folder / "b.jpg", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert scanned(wb, folder) == []
    assert states(wb)["b.jpg"] == ("present", "present")


def test_a_touched_file_is_unchanged_and_its_original_can_be_had(wb, folder):
    for mode in ("link", "reference"):
        wb.ingest(folder, store=mode, **QUIET)
        os.utime(folder / "b.jpg", (1, 1))
        with wb.original(2) as file:
            assert file.read() == B
    assert scanned(wb, folder) == []


@pytest.mark.parametrize("checksum", [False, True])
def test_an_edit_that_leaves_size_and_time_is_found_by_reading(wb, folder, checksum):
    wb.ingest(folder, store="reference", **QUIET)
    facts = (folder / "b.jpg").stat()
    with (folder / "b.jpg").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")
    os.utime(folder / "b.jpg", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    found = scanned(wb, folder, checksum=checksum)
    assert [name for name, _ in found] == (["b.jpg"] if checksum else [])


def test_a_file_that_took_the_place_of_another_with_its_size_and_time_is_read(wb, folder):
    wb.ingest(folder, store="reference", **QUIET)
    facts = (folder / "b.jpg").stat()
    other = D[: len(B)] + b"\0" * (len(B) - len(D))
    (folder / "new").write_bytes(other)
    os.utime(folder / "new", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (folder / "new").rename(folder / "b.jpg")
    assert [name for name, _ in scanned(wb, folder)] == ["b.jpg"]


# What cannot be told ------------------------------------------------------------------------


@pytest.mark.parametrize("away", ["empty", "gone"])
def test_an_absent_root_marks_nothing_without_prune(wb, folder, away):
    wb.ingest(folder, store="reference", **QUIET)
    shutil.move(folder, folder.with_name("safe"))
    if away == "empty":
        folder.mkdir()
    frame = wb.ingest(folder, **QUIET)
    assert frame["status"].tolist() == ["rejected"]
    assert "3 files were ingested from it: is the drive mounted?" in frame["reason"][0]
    assert set(wb.files()["state"]) == {"present"}
    frame = wb.ingest(folder, prune=True, **QUIET)
    assert frame["status"].tolist() == ["missing"] * 3
    assert set(wb.files()["state"]) == {"missing"}
    if away == "empty":
        folder.rmdir()
    shutil.move(folder.with_name("safe"), folder)
    assert wb.ingest(folder, **QUIET).attrs == {"unchanged": 3}
    assert set(wb.files()["state"]) == {"present"}


def test_an_unmounted_drive_below_the_root_marks_nothing_without_prune(wb, folder, monkeypatch):
    real = os.stat

    def stat(path, *args, **kwargs):
        facts = real(path, *args, **kwargs)
        if not isinstance(path, int) and "/sub/" in os.fsdecode(path):
            facts = os.stat_result(
                (*facts[:2], 4711, *facts[3:10]), {"st_mtime_ns": facts.st_mtime_ns}
            )
        return facts

    monkeypatch.setattr(os, "stat", stat)
    frame = wb.ingest(folder, store="reference", **QUIET)
    assert wb.files()["device"].nunique() == 2
    monkeypatch.undo()
    (folder / "sub" / "c.jpg").unlink()
    (folder / "a.jpg").unlink()
    frame = wb.ingest(folder, **QUIET)
    assert sorted(frame["status"]) == ["missing", "rejected", "unchanged"]
    assert "another drive" in frame.set_index("status").loc["rejected", "reason"]
    assert wb.files(state="missing")["filename"].tolist() == ["a.jpg"]
    assert scanned(wb, folder, prune=True) == [("c.jpg", "missing")]


def test_a_drive_that_vanishes_during_the_walk_marks_nothing(wb, folder, monkeypatch):
    wb.ingest(folder, store="reference", **QUIET)
    real = scan.FileScan.compare

    def compare(self, found, survey, *, prune):
        shutil.move(folder, folder.with_name("safe"))
        folder.mkdir()
        return real(self, found[:1], survey, prune=prune)

    monkeypatch.setattr(scan.FileScan, "compare", compare)
    frame = wb.ingest(folder, **QUIET)
    assert "missing" not in set(frame["status"])
    assert frame["reason"].str.contains("changed while it was walked").any()
    assert set(wb.files()["state"]) == {"present"}


def test_nothing_is_judged_below_a_folder_that_cannot_be_listed(wb, folder, monkeypatch):
    wb.ingest(folder, store="reference", **QUIET)
    (folder / "sub" / "c.jpg").unlink()
    real = os.scandir

    def scandir(path):
        if str(path).endswith("sub"):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert scanned(wb, folder) == [("sub", "rejected")]
    assert set(wb.files()["state"]) == {"present"}


def test_a_scan_of_one_folder_says_nothing_of_another(wb, folder):
    wb.ingest(folder, store="reference", **QUIET)
    (folder / "a.jpg").unlink()
    assert scanned(wb, folder / "sub") == []
    assert set(wb.files()["state"]) == {"present"}
    assert scanned(wb, folder / "a.jpg") == [("a.jpg", "missing")]


def test_a_stopped_scan_misses_nothing(wb, folder):
    import threading

    wb.ingest(folder, store="reference", **QUIET)
    (folder / "a.jpg").unlink()
    stop = threading.Event()
    stop.set()
    assert wb.ingest(folder, stop=stop, **QUIET).empty
    assert set(wb.files()["state"]) == {"present"}


# Choices ------------------------------------------------------------------------------------


def test_excluded_files_are_not_missing(wb, folder):
    wb.ingest(folder, store="reference", **QUIET)
    assert scanned(wb, folder, exclude="sub") == []
    assert scanned(wb, folder, min_size=1 << 20) == []
    assert set(wb.files()["state"]) == {"present"}
    assert wb.ingest(folder, exclude=["a*", "b*"], **QUIET).attrs == {"unchanged": 1}


def test_a_file_that_is_to_be_kept_better_is_stored(wb, folder):
    wb.ingest(folder, store="reference", **QUIET)
    wb.ingest(folder, store="link", **QUIET)
    wb.ingest(folder, **QUIET)
    assert set(wb.files()["kept"]) == {"link"}, "nothing else was asked for"
    wb.ingest(folder, store="copy", **QUIET)
    assert set(wb.files()["kept"]) == {"copy"}
    wb.ingest(folder, store="reference", checksum=True, **QUIET)
    assert set(wb.files()["kept"]) == {"copy"}
    shutil.rmtree(folder)
    with wb.original(1) as file:
        assert file.read() == A
    with pytest.raises(SettingsError, match="store is 'move'"):
        wb.ingest(folder, store="move", **QUIET)


def test_an_upload_of_what_is_only_referred_to_is_kept(wb, folder):
    wb.ingest(folder, store="reference", **QUIET)
    wb.upload("mine.jpg", bytearray(A))
    shutil.rmtree(folder)
    with wb.original(1) as file:
        assert file.read() == A


def test_another_copy_stands_in_for_an_original_that_is_gone(wb, folder):
    (folder / "z.jpg").write_bytes(A)
    wb.ingest(folder, store="reference", **QUIET)
    (folder / "a.jpg").unlink()
    assert scanned(wb, folder) == [("a.jpg", "missing")]
    with wb.original(1) as file:
        assert file.read() == A


def test_lost_images_are_dropped_after_the_grace_period(tmp_path, folder):
    with Workbench(Settings(root=tmp_path / "store", workers=1, grace_days=0)) as wb:
        wb.ingest(folder, store="reference", **QUIET)
        wb.ingest(folder / "b.jpg", store="copy", **QUIET)
        for name in ("a.jpg", "b.jpg"):
            (folder / name).unlink()
        wb.ingest(folder, **QUIET)
        assert wb.images()["image_id"].tolist() == [2, 3], "of b the store has a copy"
        assert wb.check(progress=False).empty
    with Workbench(Settings(root=tmp_path / "store", workers=1)) as wb:
        (folder / "sub" / "c.jpg").unlink()
        wb.ingest(folder, prune=True, **QUIET)
        assert wb.images()["image_id"].tolist() == [2, 3], "it may come back for 30 days"


def test_an_image_whose_bytes_are_still_there_keeps_no_other_one(tmp_path, folder, monkeypatch):
    with Workbench(Settings(root=tmp_path / "store", workers=1, grace_days=0)) as wb:
        wb.ingest(folder, store="reference", **QUIET)
        first, blobs = wb.images()["digest"].iloc[0], wb.store.blobs
        exists = blobs.exists
        monkeypatch.setattr(
            blobs, "exists", lambda digest, *mode: digest == first or exists(digest, *mode)
        )
        for name in ("a.jpg", "b.jpg"):
            (folder / name).unlink()
        wb.ingest(folder, **QUIET)
        assert wb.images()["image_id"].tolist() == [1, 3]


@pytest.mark.parametrize("name", ["half \ud800.jpg", "nul \0.jpg", "é.jpg"])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_name_and_any_kind_of_bytes_can_be_uploaded(wb, name, kind):
    frame = wb.upload(name, kind(A))
    assert frame["status"].tolist() == ["added"]
    assert wb.files()["filename"].str.len().tolist() != [0]


@pytest.mark.parametrize("workers", [1.5, True, "2"])
def test_an_invalid_number_of_workers(tmp_path, workers):
    with pytest.raises(SettingsError, match="workers is"):
        Settings(root=tmp_path, workers=workers)
