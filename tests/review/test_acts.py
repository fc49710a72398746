"""Acts: which files move where, what is refused, and that undo restores them."""

import errno
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel.errors import QueryError
from tests.review.folders import IN_PLACE, LARGE, bytes_below, fill, ingest_folder, tidy
from tests.support.pictures import encode, scene
from tests.support.plain_disks import forbid_links, forbid_syncing_folders


@pytest.fixture
def wb(new_place):
    return new_place(ingest_folder, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def plan_of(wb, **options):
    return wb.plan(progress=False, **options)


def names(frame):
    return sorted(Path(path).name for path in frame["path"])


def test_removed_files_keep_their_path_in_the_trash_folder_and_are_restored(wb, folder):
    before, rows = bytes_below(folder), tidy(wb)
    plan = plan_of(wb)
    assert names(plan) == ["a-copy.jpg", "a-small.jpg"]
    done = wb.apply(plan, progress=False)
    assert done["status"].tolist() == ["done", "done"]
    batch = done.attrs["batch"]
    assert (folder / ".imgurer-trash" / batch / "sub" / "a-copy.jpg").read_bytes() == before[
        "sub/a-copy.jpg"
    ]
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg"]
    assert plan_of(wb).empty
    assert names(wb.files(state="present")) == ["a.jpg", "b.jpg"]
    assert wb.check(progress=False).empty
    # A scan does not see what is in the trash folder.
    assert set(wb.ingest(folder, progress=False)["status"]) == {"unchanged"}
    undone = wb.undo()
    assert undone["status"].tolist() == ["undone", "undone"]
    assert bytes_below(folder) == before
    assert tidy(wb) == rows
    assert wb.check(progress=False).empty
    assert wb.undo().empty
    assert wb.journal()["state"].tolist() == ["undone", "undone"]


def test_one_act_of_a_sitting_can_be_undone(wb, folder):
    done = wb.apply(plan_of(wb), progress=False)
    entry = int(done.loc[done["path"].str.endswith("a-small.jpg"), "entry_id"].iloc[0])
    assert wb.undo(entry)["status"].tolist() == ["undone"]
    assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg", "sub/a-small.jpg"]
    assert wb.undo(entry)["why"].tolist() == ["there is nothing to undo: it is undone"]
    assert wb.undo(batch=done.attrs["batch"])["status"].tolist() == ["undone"]
    for wrong in ({"batch": "nobody"}, {"entries": 99}, {"entries": 1, "batch": "b"}):
        with pytest.raises(QueryError):
            wb.undo(**wrong)


def test_the_trash_lists_restores_and_deletes_what_is_on_disk(wb, folder):
    before = bytes_below(folder)
    wb.apply(plan_of(wb), progress=False)
    listed = wb.trash.list()
    assert names(listed) == ["a-copy.jpg", "a-small.jpg"]
    wb.trash.restore(listed["file_id"])
    assert bytes_below(folder) == before
    wb.apply(plan_of(wb), progress=False)
    assert wb.trash.empty("30d").deleted == 0
    assert wb.trash.empty("0s").deleted == 2
    assert sorted(bytes_below(folder)) == ["a.jpg", "b.jpg"]
    undone = wb.undo()
    assert undone.empty
    last = wb.journal()["batch"].iloc[0]
    assert set(wb.undo(batch=last)["why"]) == {
        "it was deleted permanently when the trash was emptied"
    }
    assert wb.check(progress=False).empty


def test_a_dry_run_does_nothing(wb, folder):
    before, rows = bytes_below(folder), tidy(wb)
    assert wb.apply(plan_of(wb), dry_run=True)["status"].tolist() == ["ready", "ready"]
    assert (bytes_below(folder), tidy(wb)) == (before, rows)
    assert wb.journal().empty


def test_a_dry_run_of_links_leaves_nothing(wb, folder):
    before = bytes_below(folder)
    times = [(path, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))]
    said = wb.apply(plan_of(wb, act="link"), dry_run=True, progress=False)
    assert "ready" in set(said["status"])
    assert bytes_below(folder) == before
    assert [(path, path.stat().st_mtime_ns) for path in (folder, *folder.rglob("*"))] == times


def test_a_dry_run_of_links_that_is_killed_leaves_nothing(wb, folder, monkeypatch):
    before = bytes_below(folder)
    for name in ("unlink", "rmdir"):  # as if it were killed before it tidies up
        monkeypatch.setattr(os, name, lambda *_, **__: None)
    said = wb.apply(plan_of(wb, act="link"), dry_run=True, progress=False)
    assert "ready" in set(said["status"])
    assert bytes_below(folder) == before


def test_a_dry_run_removes_what_a_killed_one_left(wb, folder, monkeypatch):
    monkeypatch.delattr(
        os, "O_TMPFILE", raising=False
    )  # as on FAT, where a test of links needs names
    before = bytes_below(folder)
    old, new, full = (folder / f"sub/.imgurer-probe-{name}" for name in ("7-link", "8", "9"))
    for file in (old, new, full):
        file.write_bytes(b"" if file != full else b"somebody's")
    for file in (old, full):
        os.utime(file, (1_700_000_000, 1_700_000_000))
    wb.apply(plan_of(wb, act="link"), dry_run=True, progress=False)
    assert not old.exists()
    assert new.exists(), "it may be of a check that is running"
    assert full.exists(), "a probe is empty"
    new.unlink()
    full.unlink()
    assert bytes_below(folder) == before


def test_a_folder_that_may_not_be_listed_is_no_obstacle(wb, folder, monkeypatch):
    real = os.listdir

    def refuse(path="."):
        if isinstance(path, int):  # an open folder of pictures
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(os, "listdir", refuse)
    said = wb.apply(plan_of(wb, act="link"), dry_run=True, progress=False)
    assert "ready" in set(said["status"])


def test_hard_links_take_the_place_of_exact_copies_only(wb, folder):
    before, rows = bytes_below(folder), tidy(wb)
    done = wb.apply(plan_of(wb, act="link"), progress=False)
    assert done.set_index("act")["status"].tolist().count("done") == 1
    assert (folder / "a.jpg").samefile(folder / "sub/a-copy.jpg")
    assert set(wb.ingest(folder, progress=False)["status"]) == {"unchanged"}
    assert wb.undo()["status"].tolist() == ["undone"]
    assert not (folder / "a.jpg").samefile(folder / "sub/a-copy.jpg")
    assert (bytes_below(folder), tidy(wb)) == (before, rows)


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_links_refuses_them_and_has_all_other_acts(wb, folder, monkeypatch, number):
    forbid_links(monkeypatch, number)
    forbid_syncing_folders(monkeypatch)
    before, rows = bytes_below(folder), tidy(wb)
    told = [
        wb.apply(plan_of(wb, act="link"), dry_run=dry_run, progress=False)["why"].tolist()
        for dry_run in (True, "quick")
    ]
    said = wb.apply(plan_of(wb, act="link"), progress=False)["why"]
    assert told == [said.tolist()] * 2
    assert said.str.contains("this disk has no hard links; use the trash instead").sum() == 1
    assert bytes_below(folder) == before
    assert set(wb.apply(plan_of(wb), progress=False)["status"]) == {"done"}
    assert set(wb.undo()["status"]) == {"undone"}
    assert (bytes_below(folder), tidy(wb)) == (before, rows)
    assert wb.check(progress=False).empty


def test_files_move_to_a_folder_of_ones_choice(wb, folder, tmp_path):
    goal = tmp_path / "removed"
    goal.mkdir()
    refused = wb.apply(plan_of(wb, act="move"), progress=False)
    assert set(refused["why"]) == {"no folder was named to move it to"}
    done = wb.apply(plan_of(wb, act="move"), to=goal, progress=False)
    assert set(done["status"]) == {"done"}
    assert sorted(bytes_below(goal)) == ["sub/a-copy.jpg", "sub/a-small.jpg"]
    assert wb.trash.empty("0s").deleted == 2  # the rows; what was moved is somebody's
    assert len(bytes_below(goal)) == 2
    assert set(wb.journal()["state"]) == {"emptied"}
    said = wb.undo(batch=done.attrs["batch"])["why"].tolist()
    assert all("move it back, and scan" in why for why in said)
    assert len(bytes_below(goal)) == 2


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_files_move_to_another_file_system_and_back(wb, folder):
    before, known = bytes_below(folder), wb.files().drop(columns=["inode", "last_seen"])
    goal = Path("/dev/shm") / f"imgurer-test-{os.getpid()}"
    if goal.parent.stat().st_dev == folder.stat().st_dev:
        pytest.skip("it is the same file system")
    goal.mkdir()
    try:
        done = wb.apply(plan_of(wb, act="move"), to=goal, progress=False)
        assert set(done["status"]) == {"done"}
        assert {name: before[name] for name in bytes_below(goal)} == bytes_below(goal)
        assert sorted(bytes_below(folder)) == ["a.jpg", "b.jpg"]
        assert set(wb.undo()["status"]) == {"undone"}
        assert bytes_below(folder) == before
        # They are other inodes by now, with the same bytes and times.
        assert wb.files().drop(columns=["inode", "last_seen"]).equals(known)
        assert list(goal.iterdir()) == []
        assert set(wb.ingest(folder, progress=False)["status"]) == {"unchanged"}
    finally:
        shutil.rmtree(goal)


# In the store -------------------------------------------------------------------------------


@pytest.mark.long
def test_stored_copies_go_to_the_trash_and_every_owner_keeps_the_picture(new_store):
    wb = new_store(fill)
    rows = tidy(wb)
    plan = plan_of(wb)
    assert set(plan["act"]) == {"forget"}
    done = wb.apply(plan, progress=False)
    assert set(done["status"]) == {"done"}
    held = wb.files()
    assert set(held["user"]) == {"ann", "local"}
    # ann's smaller one is gone; she has the one that was kept, under the name that she knew.
    [mine] = held.loc[held["user"] == "ann", "filename"]
    assert mine == "small.jpg"
    assert held["image_id"].nunique() == 1
    assert wb.check(progress=False).empty
    assert set(wb.undo()["status"]) == {"undone"}
    assert tidy(wb) == rows
    assert wb.check(progress=False).empty


def test_a_member_acts_on_own_files_only(new_store):
    wb = new_store(fill)
    plan = plan_of(wb)
    wb.accounts.create("bob", "a long password")
    done = wb.apply(plan, user="bob", progress=False)
    assert set(done["status"]) == {"refused"}
    assert "members act on their own files" in done["why"].iloc[0]
    done = wb.apply(plan, user="ann", progress=False)
    by_name = dict(zip(done["path"], done["status"], strict=True))
    assert by_name["small.jpg"] == "done"
    entry = int(done["entry_id"].dropna().iloc[0])
    assert wb.undo(entry, user="bob")["status"].tolist() == ["refused"]
    assert wb.undo(entry, user="ann")["status"].tolist() == ["undone"]


@pytest.mark.long
def test_the_kept_picture_goes_later_and_the_first_act_is_undone(new_store):
    """Then its owners by that act no longer have it."""
    wb = new_store(fill)
    rows = tidy(wb)
    wb.upload("larger.jpg", encode(scene(3, 400, 300)))
    ids = wb.files().set_index("filename")["file_id"]
    acts = [("small.jpg", "large.jpg"), ("large.jpg", "larger.jpg")]
    for gone, kept in acts:
        plan = pd.DataFrame([{"file_id": ids[gone], "keeper_id": ids[kept]}])
        assert wb.apply(plan, progress=False)["status"].tolist() == ["done"]
    first, second = sorted(wb.journal()["entry_id"])
    assert wb.undo(first)["status"].tolist() == ["undone"]
    assert sorted(wb.files()["filename"]) == ["larger.jpg", "small.jpg"]
    assert len(wb.images()) == 2
    assert wb.check(progress=False).empty
    assert wb.undo(second)["status"].tolist() == ["undone"]
    wb.forget(file_id=int(ids["larger.jpg"]))
    wb.trash.empty("0s")
    assert tidy(wb) == rows


def test_the_only_file_of_an_owner_of_the_keeper_is_not_removed(new_store):
    wb = new_store(fill)
    wb.upload("again.jpg", LARGE, "ann")
    ids = wb.files().set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids["again.jpg"], "keeper_id": ids["large.jpg"]}])
    [row] = wb.apply(plan, progress=False).to_dict("records")
    assert row["status"] == "refused"
    assert "by which ann has the kept picture" in row["why"]
