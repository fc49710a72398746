"""Files and folders that are swapped between the check of the disk and the act."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.review.disk_check import ActDiskCheck
from tests.review.folders import OTHER, bytes_below, make_folder
from tests.support.forms import pairs


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    base = tmp_path_factory.mktemp("swaps")
    make_folder(base / "in")
    with Workbench(Settings(root=base / "store", store="reference", workers=1)) as wb:
        wb.ingest(base / "in", progress=False)
        yield wb, base


@pytest.fixture
def place(filled, monkeypatch):
    """The folder as it was at first, one of somebody else, and a trash of the system."""
    _, base = filled
    for name in ("in", "outside", "goal", "sent"):
        shutil.rmtree(base / name, ignore_errors=True)
        if name != "in":
            (base / name).mkdir()
    make_folder(base / "in")
    (base / "outside/a-copy.jpg").write_bytes(b"somebody's")

    def send(path):
        Path(os.fsdecode(path)).rename(base / "sent/it.jpg")

    monkeypatch.setattr("imgurer_kernel.review.runner.send", send)
    return base


def replaced(path, make):
    path.unlink()
    make(path)


def behind_a_link(base):
    (base / "in/sub").rename(base / "in/moved")
    (base / "in/sub").symlink_to(base / "outside")


SWAPS = {
    "another file": lambda base: replaced(
        base / "in/sub/a-copy.jpg", lambda path: path.write_bytes(OTHER)
    ),
    "a link": lambda base: replaced(
        base / "in/sub/a-copy.jpg", lambda path: path.symlink_to(base / "outside/a-copy.jpg")
    ),
    "written into": lambda base: (base / "in/sub/a-copy.jpg").write_bytes(b"my edits"),
    "its folder": behind_a_link,
    "keeper gone": lambda base: (base / "in/a.jpg").unlink(),
    "keeper another file": lambda base: replaced(
        base / "in/a.jpg", lambda path: path.write_bytes(OTHER)
    ),
    "keeper written into": lambda base: (base / "in/a.jpg").write_bytes(b"my edits"),
}


@pytest.mark.parametrize(("act", "swap"), pairs(["trash", "link", "move", "system-trash"], SWAPS))
def test_nothing_goes(filled, place, monkeypatch, act, swap):
    wb = filled[0]
    look, after = ActDiskCheck.look, {}

    def looked(self, stack, act):
        found = look(self, stack, act)
        SWAPS[swap](place)
        after["swap"] = bytes_below(place / "in"), bytes_below(place / "outside")
        return found

    monkeypatch.setattr(ActDiskCheck, "look", looked)
    ids = wb.files().set_index("filename")["file_id"]
    plan = {"file_id": ids["a-copy.jpg"], "keeper_id": ids["a.jpg"], "act": act}
    done = wb.apply(pd.DataFrame([plan]), to=place / "goal", progress=False)
    assert done["status"].tolist() == ["refused"]
    assert (bytes_below(place / "in"), bytes_below(place / "outside")) == after["swap"]
    assert bytes_below(place / "goal") == bytes_below(place / "sent") == {}
    assert not (place / "in/.imgurer-trash").exists()
    assert wb.journal()["state"].iloc[0] == "rolled back"
