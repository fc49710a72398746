"""Undo of files that were edited since, or undone in part."""

import os
import shutil

import pandas as pd
import pytest

from imgurer_kernel.errors import ActRefused
from tests.review.folders import IN_PLACE, LARGE, bytes_below, ingest_folder


@pytest.fixture
def wb(new_place):
    return new_place(ingest_folder, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def remove(wb, act):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    plan = {"file_id": ids["a-copy.jpg"], "keeper_id": ids["a.jpg"], "act": act}
    assert wb.apply(pd.DataFrame([plan]), progress=False)["status"].tolist() == ["done"]


@pytest.mark.parametrize("size", ["same size", "other size"])
def test_a_link_that_was_written_into_is_not_undone(wb, folder, size):
    remove(wb, "link")
    (folder / "a.jpg").unlink()
    linked = folder / "sub/a-copy.jpg"
    edited = LARGE[:-9] + b"new work!" if size == "same size" else b"new work"
    linked.write_bytes(edited)  # in place: the inode is the same
    assert "it was edited since: " in wb.undo()["why"].iloc[0]
    assert linked.read_bytes() == edited
    assert wb.journal()["state"].tolist() == ["done"]
    linked.unlink()
    assert wb.undo()["status"].tolist() == ["undone"]
    assert linked.read_bytes() == LARGE


@pytest.mark.long
@pytest.mark.parametrize("scan", [False, True])
def test_a_link_to_a_file_that_was_saved_again_is_undone(wb, folder, scan):
    shutil.copy(folder / "a.jpg", folder / "new")
    (folder / "new").replace(folder / "a.jpg")  # the same bytes, another inode
    remove(wb, "link")
    if scan:
        wb.ingest(folder, progress=False)
    assert wb.undo()["status"].tolist() == ["undone"]
    assert not (folder / "a.jpg").samefile(folder / "sub/a-copy.jpg")
    assert bytes_below(folder)["sub/a-copy.jpg"] == LARGE


def test_a_file_that_cannot_leave_the_trash_folder_does_not_come_back_by_half(
    wb, folder, monkeypatch
):
    remove(wb, "trash")
    before = bytes_below(folder)
    unlink = os.unlink
    trash = set()

    def refuse(name, *, dir_fd=None):
        if dir_fd is not None:
            # The first folder is that of the trash, which cannot be written.
            here = os.fstat(dir_fd).st_ino
            if not trash:
                trash.add(here)
            if here in trash:
                raise PermissionError(13, "Permission denied")
        unlink(name, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.review.moves.os.unlink", refuse)
        assert "writable" in wb.undo()["why"].iloc[0]
        assert trash
        assert bytes_below(folder) == before
    assert wb.undo()["status"].tolist() == ["undone"]
    assert wb.check(progress=False).empty


@pytest.mark.parametrize("act", ["trash", "link"])
def test_a_file_that_is_in_both_places_is_undone(wb, folder, act):
    before = bytes_below(folder)
    remove(wb, act)
    lies = wb.journal()["target"].iloc[0]
    (folder / "sub/a-copy.jpg").unlink(missing_ok=True)
    os.link(lies, folder / "sub/a-copy.jpg")
    assert wb.undo()["status"].tolist() == ["undone"]
    assert bytes_below(folder) == before
    assert wb.check(progress=False).empty


@pytest.mark.parametrize("back", ["undo", "trash"])
@pytest.mark.parametrize("is_mount_point", [False, True])
def test_a_folder_that_was_renamed_is_told_and_no_file_called_deleted(
    wb, folder, is_mount_point, back
):
    before = bytes_below(folder)
    remove(wb, "trash")
    away = folder.rename(folder.with_name("renamed"))
    if is_mount_point:
        folder.mkdir()
    if back == "undo":
        why = str(wb.undo()["why"].iloc[0])
    else:
        with pytest.raises(ActRefused) as caught:
            wb.trash.restore()
        why = str(caught.value)
    assert f"the folder {folder} is not there, or empty: it was renamed" in why
    assert "not deleted" in why
    [trashed] = away.glob(".imgurer-trash/**/a-copy.jpg")
    assert why.endswith(f"as {trashed.relative_to(away)}")
    if is_mount_point:
        folder.rmdir()
    away.rename(folder)
    assert wb.undo()["status"].tolist() == ["undone"]
    assert bytes_below(folder) == before
