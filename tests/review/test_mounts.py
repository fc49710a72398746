"""Files in mounts of one device number, such as volumes of a container: a rename fails there."""

import os
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from tests.review.folders import IN_PLACE, bytes_below, make_folder
from tests.support.disks import bound


@pytest.fixture
def folder(tmp_path):
    """A folder with another one mounted in it, and what has to be there after an undo."""
    folder = make_folder(tmp_path / "in")
    (folder / "sub").rename(tmp_path / "outside")
    (tmp_path / "outside/a-copy.jpg.xmp").write_bytes(b"<x/>")
    with bound(tmp_path / "outside", folder / "sub"):
        yield folder


@pytest.fixture
def wb(folder, tmp_path):
    with Workbench(Settings(root=tmp_path / "store", **IN_PLACE)) as wb:
        wb.ingest(folder, progress=False)
        yield wb


def outcomes(wb, act, **options):
    """Apply a plan; its dry run says the same."""
    ids = wb.files(state="present").set_index("filename")["file_id"]
    rows = [(ids["a-copy.jpg"], ids["a.jpg"], act), (ids["a-small.jpg"], ids["a.jpg"], act)]
    plan = pd.DataFrame(rows, columns=["file_id", "keeper_id", "act"])
    if act == "link":
        plan = plan[:1]
    rehearsed = wb.apply(plan, dry_run=True, progress=False, **options)
    done = wb.apply(plan, progress=False, **options)
    assert rehearsed["why"].fillna("").tolist() == done["why"].fillna("").tolist()
    return done


@pytest.mark.long
def test_the_trash_is_at_the_mount_point(wb, folder, tmp_path):
    before = bytes_below(folder)
    assert set(outcomes(wb, "trash")["status"]) == {"done"}
    assert (tmp_path / "outside/.imgurer-trash").is_dir()
    assert sorted(bytes_below(folder).values()) == sorted(before.values())
    assert set(wb.undo()["status"]) == {"undone"}
    assert bytes_below(folder) == before


@pytest.mark.parametrize("inside", [False, True])
def test_a_move_to_another_mount_copies(wb, folder, tmp_path, inside):
    before = bytes_below(folder)
    goal = folder / "goal" if inside else tmp_path / "goal"
    goal.mkdir()
    done = outcomes(wb, "move", to=goal)
    assert set(done["status"]) == {"done"}
    assert done["along"].tolist()[0] == "a-copy.jpg.xmp"
    assert len(bytes_below(goal)) == 3
    assert set(wb.undo()["status"]) == {"undone"}
    assert bytes_below(folder) == before


def test_a_link_to_another_mount_is_refused(wb, folder):
    before = bytes_below(folder)
    assert "another file system" in outcomes(wb, "link")["why"].item()
    assert bytes_below(folder) == before


def test_the_trash_folder_is_a_mount(wb, folder, tmp_path):
    trash = tmp_path / "outside/.imgurer-trash"
    (tmp_path / "elsewhere").mkdir()
    before = bytes_below(folder)
    with bound(tmp_path / "elsewhere", trash), bound(trash, folder / "sub/.imgurer-trash"):
        assert outcomes(wb, "trash")["why"].str.contains("name a folder to move files to").all()
        assert bytes_below(folder) == before


@pytest.mark.parametrize("name", ["a-copy.jpg", "a-copy.jpg.xmp"])
@pytest.mark.parametrize("way", ["there", "back"])
def test_what_cannot_be_deleted_after_it_was_copied_has_no_copy(tmp_path, monkeypatch, name, way):
    """As on a disk that became read-only; a later try would find its own copy in the way."""
    monkeypatch.setattr("imgurer_kernel.review.mounts.mount_of", id)
    folder, goal = make_folder(tmp_path / "in"), tmp_path / "goal"
    goal.mkdir()
    (folder / "sub/a-copy.jpg.xmp").write_bytes(b"<x/>")
    before = bytes_below(folder)
    unlink = os.unlink

    def refuse(path, *, dir_fd=None):
        above = "" if dir_fd is None else str(Path(f"/proc/self/fd/{dir_fd}").readlink())
        if os.fsdecode(path) == name and above.endswith("in/sub" if way == "there" else "goal/sub"):
            raise PermissionError(1, "Operation not permitted")
        unlink(path, dir_fd=dir_fd)

    with Workbench(Settings(root=tmp_path / "store", **IN_PLACE)) as wb:
        wb.ingest(folder, progress=False)
        ids = wb.files().set_index("filename")["file_id"]
        row = {"file_id": ids["a-copy.jpg"], "keeper_id": ids["a.jpg"], "act": "move"}
        if way == "back":
            wb.apply(pd.DataFrame([row]), to=goal, progress=False)
        moved = bytes_below(goal)
        with monkeypatch.context() as patch:
            patch.setattr("imgurer_kernel.review.moves.os.unlink", refuse)
            if way == "there":
                wb.apply(pd.DataFrame([row]), to=goal, progress=False)
                assert f"sub/{name}" not in bytes_below(goal)
            else:
                wb.undo()
                assert bytes_below(goal)[f"sub/{name}"] == moved[f"sub/{name}"]
                assert f"sub/{name}" not in bytes_below(folder)
        while "undone" in set(wb.undo()["status"]):
            pass
        assert bytes_below(folder) == before
        assert bytes_below(goal) == {}
