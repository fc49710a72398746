"""What emptying the trash leaves: files that no act put there, and last copies."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from tests.review.folders import bytes_below, make_folder


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "in")


@pytest.fixture
def wb(tmp_path, folder):
    with Workbench(Settings(root=tmp_path / "store", store="reference", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        yield wb


def remove(wb, name, keeper="a.jpg", act="trash"):
    """Let one file go for another; returns where it lies."""
    ids = wb.files(state="present").set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids[name], "keeper_id": ids[keeper], "act": act}])
    done = wb.apply(plan, progress=False)
    assert done["status"].tolist() == ["done"], done["why"].tolist()
    return Path(wb.journal()["target"].iloc[0])


def is_left(wb, lies):
    """Whether emptying leaves the file, and its entry as it was."""
    data = lies.read_bytes()
    wb.trash.empty("0s")
    there = lies.exists()
    assert not there or lies.read_bytes() == data
    assert wb.journal()["state"].iloc[0] == ("done" if there else "emptied")
    return there


@pytest.mark.parametrize("act", ["trash", "link"])
@pytest.mark.parametrize("how", ["edited", "replaced", "a folder", "a link"])
def test_what_no_act_put_into_the_trash_folder_stays(wb, folder, act, how, caplog):
    lies = remove(wb, "a-copy.jpg", act=act)
    if how == "edited":
        with lies.open("r+b") as file:
            file.write(b"somebody's work")
        assert is_left(wb, lies)
    elif how == "replaced":
        (folder / "new").write_bytes(b"somebody's work")
        (folder / "new").replace(lies)
        assert is_left(wb, lies)
    else:
        lies.unlink()
        if how == "a folder":
            lies.mkdir()
        else:
            lies.symlink_to(folder / "b.jpg")
        wb.trash.empty("0s")
        assert os.path.lexists(lies)
        assert wb.journal()["state"].iloc[0] == "done"
    assert "stays in the trash" in caplog.text
    if act == "trash":
        assert str(lies) in wb.undo()["why"].iloc[0]


def test_the_same_bytes_in_another_file_are_deleted(wb, folder):
    lies = remove(wb, "a-copy.jpg")
    shutil.copy(lies, folder / "new")
    (folder / "new").replace(lies)
    assert not is_left(wb, lies)
    assert "a.jpg" in bytes_below(folder)
