"""Acts that must be refused: files that changed since, and paths that were redirected."""

import errno
import os
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.errors import ActRefused, NotAllowed, PlanInvalid, QueryError, StorageDenied
from imgurer_kernel.review import disk, moves
from imgurer_kernel.review.plan import read_plan, write_plan
from imgurer_kernel.review.script import write_script
from tests.review.folders import IN_PLACE, LARGE, OTHER, SMALL, bytes_below, ingest_folder
from tests.support.forms import long_only
from tests.support.pictures import jpeg


@pytest.fixture
def wb(new_place):
    return new_place(ingest_folder, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def row(wb, name, keeper="a.jpg", **more):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    return {"file_id": ids[name], "keeper_id": ids[keeper], "act": "trash", **more}


def why(wb, *rows, **options):
    """Return why rows of a plan are refused; check that no file was touched."""
    before = bytes_below(Path(wb.files()["path"].iloc[0]).parent)
    answer = wb.apply(pd.DataFrame(rows), progress=False, **options)
    assert set(answer["status"]) == {"refused"}
    assert bytes_below(Path(wb.files()["path"].iloc[0]).parent) == before
    return answer["why"].iloc[0]


def replaced(path, data):
    """Replace the bytes of a file, keeping size and time."""
    facts = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def test_the_file_that_is_kept_is_gone_damaged_or_changed(wb, folder):
    plan = row(wb, "a-copy.jpg")
    replaced(folder / "a.jpg", LARGE[:-9] + b"damaged!!")
    assert "the file that is kept is not sound" in why(wb, plan)
    (folder / "a.jpg").unlink()
    assert "the file that is kept is not sound" in why(wb, plan)
    (folder / "a.jpg").symlink_to(folder / "sub/a-copy.jpg")
    assert "link" in why(wb, plan)


@pytest.mark.parametrize("name", ["a.jpg", "sub/a-copy.jpg"])
def test_a_pipe_in_place_of_a_file_does_not_block(wb, folder, name):
    plan = pd.DataFrame([row(wb, "a-copy.jpg"), row(wb, "a-small.jpg")])
    (folder / name).unlink()
    os.mkfifo(folder / name)
    # Who waits for a writer would wait for ever.
    guard = threading.Timer(60, lambda: os.close(os.open(folder / name, os.O_RDWR)))
    guard.start()
    answer = wb.apply(plan, progress=False)
    assert guard.is_alive()
    guard.cancel()
    assert answer["status"].tolist() == ["refused", "refused" if name == "a.jpg" else "done"]
    assert "is not a regular file" in answer["why"].iloc[0]


def test_the_file_that_goes_is_gone_or_changed(wb, folder):
    plan = row(wb, "a-copy.jpg")
    replaced(folder / "sub/a-copy.jpg", LARGE[:-9] + b"edited!!!")
    assert "has been changed since it was ingested" in why(wb, plan)
    (folder / "sub/a-copy.jpg").unlink()
    assert "No such file" in why(wb, plan)
    wb.ingest(folder, progress=False)
    assert "missing since the last scan" in why(wb, {**plan})


def test_a_change_that_a_scan_does_not_notice_is_said_to_need_a_checksum(wb, folder):
    plan, path = row(wb, "a-copy.jpg"), folder / "sub/a-copy.jpg"
    replaced(path, LARGE[:-9] + b"decayed!!")
    assert set(wb.ingest(folder, progress=False)["status"]) == {"unchanged"}
    reason = why(wb, plan)
    assert "has been changed since it was ingested, but not its size and time" in reason
    assert reason.endswith("scan it again with --checksum (checksum=True)")
    found = wb.ingest(folder, checksum=True, progress=False)
    assert found.loc[found["source"] == str(path), "status"].tolist() != ["unchanged"]


def test_members_do_not_see_paths_of_other_users(wb, folder):
    wb.accounts.create("ann", "a long password")
    wb.upload("mine.jpg", SMALL, "ann")
    ids = wb.files().set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids["mine.jpg"], "keeper_id": ids["a.jpg"]}])
    (folder / "a.jpg").unlink()
    for dry_run in (True, "quick", False):
        [why] = wb.apply(plan, user="ann", dry_run=dry_run, progress=False)["why"]
        assert (
            why == "the file that is kept is not sound: it belongs to local; ask them, or an admin"
        )
    [why] = wb.apply(plan, progress=False)["why"]
    assert str(folder / "a.jpg") in why


def test_another_name_of_the_kept_file_is_left(tmp_path, folder):
    os.link(folder / "a.jpg", folder / "a-name.jpg")
    with Workbench(Settings(root=tmp_path / "s", store="reference", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        assert "another name of the file that is kept" in why(wb, row(wb, "a-name.jpg"))


def test_never_the_last_copy(wb):
    both = [row(wb, "a-copy.jpg"), row(wb, "a.jpg", "a-copy.jpg")]
    assert "would be removed itself" in why(wb, *both)
    assert "it is the file that is kept itself" in why(wb, row(wb, "a.jpg"))
    # A plan that was edited so that a picture goes for a strange one.
    assert "not known to be the same picture" in why(wb, row(wb, "b.jpg"))


def test_reference_folders_are_not_touched(wb, folder):
    plan = row(wb, "a-copy.jpg")
    assert "reference folder" in why(wb, plan, reference=folder / "sub")
    assert wb.plan(reference=folder, progress=False).empty


def test_files_of_others_at_the_same_place(wb, folder):
    wb.accounts.create("ann", "a long password")
    wb.accounts.create("bob", "a long password")
    for user in ("ann", "bob"):
        wb.ingest(folder, user, progress=False)
    files = wb.files(user="ann").set_index("filename")["file_id"]
    plan = {"file_id": files["a-copy.jpg"], "keeper_id": files["a.jpg"], "act": "trash"}
    assert "also belongs to bob" in why(wb, plan, user="ann")
    before = wb.files().drop(columns="last_seen")
    # An admin's act takes the rows of all three along, and undo brings them back.
    assert wb.apply(pd.DataFrame([plan]), progress=False)["status"].tolist() == ["done"]
    assert not (folder / "sub/a-copy.jpg").exists()
    assert "a-copy.jpg" not in set(wb.files()["filename"])
    wb.undo()
    assert wb.files().drop(columns="last_seen").equals(before)
    wb.accounts.disable("ann")
    with pytest.raises(NotAllowed):
        wb.apply(pd.DataFrame([plan]), user="ann", progress=False)


def test_acts_that_do_not_fit(wb, folder):
    assert "it is on disk" in why(wb, row(wb, "a-copy.jpg", act="forget"))
    assert "is not an act" in why(wb, row(wb, "a-copy.jpg", act="rm -rf"))
    assert "exact copies" in why(wb, row(wb, "a-small.jpg", act="link"))
    assert "already" in why(wb, row(wb, "a-copy.jpg", act="move"), to=folder)
    with pytest.raises(PlanInvalid):
        wb.plan(act="rm", progress=False)
    with pytest.raises(PlanInvalid, match="sitting"):
        wb.apply(pd.DataFrame([row(wb, "a-copy.jpg")]), batch="../..", progress=False)


def test_a_plan_with_paths_of_its_own(wb, folder):
    outside = row(wb, "a-copy.jpg", path="/etc/passwd")
    assert "and not /etc/passwd as the plan says" in why(wb, outside)
    assert "there is no file 99" in why(wb, {**row(wb, "a-copy.jpg"), "file_id": 99})
    assert "not there any more" in why(wb, {**row(wb, "a-copy.jpg"), "keeper_id": 99})


def test_a_link_in_the_place_of_a_folder_is_not_followed(wb, folder, tmp_path):
    plan = row(wb, "a-copy.jpg")
    (tmp_path / "elsewhere").mkdir()
    (folder / "sub").rename(tmp_path / "elsewhere/sub")
    (folder / "sub").symlink_to(tmp_path / "elsewhere/sub")
    # It is not followed even where it leads to the very file.
    assert "a link stands there" in why(wb, plan)
    assert (tmp_path / "elsewhere/sub/a-copy.jpg").exists()


def test_the_trash_folder_is_a_link(wb, folder, tmp_path):
    (tmp_path / "theirs").mkdir()
    (folder / ".imgurer-trash").symlink_to(tmp_path / "theirs")
    assert "link" in why(wb, row(wb, "a-copy.jpg"))
    assert list((tmp_path / "theirs").iterdir()) == []


def test_a_file_that_is_swapped_in_the_last_moment_is_put_back(folder):
    """Between the check of the name and the rename, which are not atomic together."""
    root, path = os.fsencode(folder), os.fsencode(folder / "sub/a-copy.jpg")
    target = os.fsencode(folder / "trash/x.jpg")
    before = bytes_below(folder)
    with (
        disk.place_of(root, disk.split(root, path)) as place,
        disk.held(place, path) as file,
        disk.place_of(root, disk.split(root, target), make=True) as goal,
    ):
        (folder / "b.jpg").rename(folder / "sub/a-copy.jpg")
        with pytest.raises(ActRefused, match="was replaced a moment ago"):
            moves.rename(file, goal, path)
        assert goal.facts() is None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(disk.HeldFile, "is_there", lambda _: True)
            with pytest.raises(ActRefused, match="was replaced a moment ago"):
                moves.rename(file, goal, path)
        assert goal.facts() is None
    assert (folder / "sub/a-copy.jpg").read_bytes() == before["b.jpg"] == OTHER


def test_files_at_the_target_of_an_undo_stay(wb, folder):
    wb.apply(pd.DataFrame([row(wb, "a-copy.jpg")]), progress=False)
    (folder / "sub/a-copy.jpg").write_bytes(b"somebody's")
    [answer] = wb.undo().to_dict("records")
    assert answer["status"] == "refused"
    assert "move away what is there" in answer["why"]
    assert (folder / "sub/a-copy.jpg").read_bytes() == b"somebody's"
    (folder / "sub/a-copy.jpg").unlink()
    (folder / "sub/a-small.jpg").unlink()
    (folder / "sub").rmdir()
    assert wb.undo()["status"].tolist() == ["undone"]
    assert (folder / "sub/a-copy.jpg").read_bytes() == LARGE


def test_files_changed_in_or_taken_from_the_trash_folder(wb, folder):
    done = wb.apply(pd.DataFrame([row(wb, "a-copy.jpg")]), progress=False)
    lies = folder / ".imgurer-trash" / done.attrs["batch"] / "sub/a-copy.jpg"
    lies.write_bytes(b"changed")
    assert "changed meanwhile" in wb.undo()["why"].iloc[0]
    lies.unlink()
    assert "is gone" in wb.undo()["why"].iloc[0]
    assert wb.journal()["state"].tolist() == ["done"]
    assert not (folder / "sub/a-copy.jpg").exists()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("EROFS", "writable"),
        ("ENOSPC", "make space"),
        ("EACCES", "writable"),
        ("EXDEV", "another file system"),
    ],
)
def test_a_folder_that_cannot_be_written(wb, folder, monkeypatch, code, remedy):
    def refuse(*arguments, **options):
        raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

    plan = row(wb, "a-copy.jpg")
    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.review.moves.os.rename", refuse)
        assert remedy in why(wb, plan)
    assert not (folder / ".imgurer-trash").exists()
    assert wb.journal()["state"].tolist() == ["rolled back"]
    assert wb.apply(pd.DataFrame([plan]), progress=False)["status"].tolist() == ["done"]


@pytest.mark.long
def test_names_of_any_bytes(tmp_path, folder):
    odd = [b"\xff\xfe.jpg", b"new\nline.jpg", b"<b>&amp;'\".jpg", "übergroß.jpg".encode(), b"-rf"]
    for name in odd:
        Path(os.fsdecode(os.fsencode(folder / "sub") + b"/" + name)).write_bytes(LARGE)
    before = bytes_below(folder)
    with Workbench(Settings(root=tmp_path / "s", store="reference", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        plan = wb.plan(progress=False)
        assert len(plan) == 7
        assert set(wb.apply(plan, progress=False)["status"]) == {"done"}
        assert len(bytes_below(folder, trash=False)) == 2
        assert set(wb.undo()["status"]) == {"undone"}
    assert bytes_below(folder) == before


def test_the_system_trash(wb, folder, monkeypatch, tmp_path):
    sent = []

    def send(path):
        sent.append(path)
        Path(os.fsdecode(path)).rename(tmp_path / "sent.jpg")

    monkeypatch.setattr("imgurer_kernel.review.runner.send", send)
    done = wb.apply(pd.DataFrame([row(wb, "a-copy.jpg", act="system-trash")]), progress=False)
    assert done["status"].tolist() == ["done"]
    assert sent == [os.fsencode(folder / "sub/a-copy.jpg")]
    assert "trash of the system" in wb.undo()["why"].iloc[0]
    # Once restored there, a scan knows it again.
    (tmp_path / "sent.jpg").rename(folder / "sub/a-copy.jpg")
    assert "duplicate" in set(wb.ingest(folder, progress=False)["status"])


def test_without_send2trash(wb, monkeypatch):
    monkeypatch.setitem(sys.modules, "send2trash", None)
    assert "pip install Send2Trash" in why(wb, row(wb, "a-copy.jpg", act="system-trash"))


def test_a_store_that_cannot_be_written(wb, monkeypatch):
    plan = pd.DataFrame([row(wb, "a-copy.jpg")])
    monkeypatch.setattr(Path, "touch", lambda *_: (_ for _ in ()).throw(PermissionError(13, "no")))
    with pytest.raises(StorageDenied):
        wb.apply(plan, progress=False)


@pytest.mark.long
def test_sources_of_copies_go_only_when_asked_for(tmp_path, folder):
    with Workbench(Settings(root=tmp_path / "s", store="copy", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        before = bytes_below(folder)
        wb.apply(wb.plan(progress=False), progress=False)
        assert bytes_below(folder) == before
        wb.undo()
        plan = wb.plan(act="trash", progress=False)
        assert set(wb.apply(plan, progress=False)["status"]) == {"done"}
        assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg"]
        wb.upload("up.jpg", jpeg(3, 320, 240))
        wb.undo()
        assert bytes_below(folder) == before
        assert wb.check(progress=False).empty


@pytest.mark.parametrize("act", ["trash", "forget", *long_only("move")])
def test_a_plan_that_was_carried_out_already(tmp_path, folder, act):
    store = "copy" if act == "forget" else "reference"
    (tmp_path / "goal").mkdir()
    with Workbench(Settings(root=tmp_path / "s", store=store, workers=1)) as wb:
        wb.ingest(folder, progress=False)
        plan = wb.plan(act=act, progress=False)

        def again(**options):
            return wb.apply(plan, to=tmp_path / "goal", progress=False, **options)

        again(batch="monday")
        for options in ({}, {"dry_run": True}):
            assert set(again(**options)["why"]) == {"already removed by sitting monday"}
        wb.undo(batch="monday", progress=False)
        assert set(again(batch="tuesday")["status"]) == {"done"}
        assert set(again()["why"]) == {"already removed by sitting tuesday"}
        wb.trash.empty("0s")
        said = "already removed by sitting tuesday, and deleted when the trash was emptied"
        assert set(again()["why"]) == {said if act != "move" else said.partition(",")[0]}


def test_a_file_of_two_users_is_removed_for_both(wb, folder):
    wb.accounts.create("ann", "a long password")
    wb.ingest(folder, "ann", progress=False)
    files = wb.files(user="ann").set_index("filename")["file_id"]
    ids = wb.files(user="local").set_index("filename")["file_id"]
    plan = {"file_id": ids["a-copy.jpg"], "keeper_id": ids["a.jpg"], "act": "trash"}
    wb.apply(pd.DataFrame([plan]), batch="monday", progress=False)
    hers = {"file_id": files["a-copy.jpg"], "keeper_id": files["a.jpg"], "act": "trash"}
    assert why(wb, hers) == "already removed by sitting monday"


@pytest.mark.parametrize("name", ["holiday.jpg", "plan.csv", "plan.sh"])
def test_a_plan_takes_the_place_of_plans_only(wb, tmp_path, name):
    there = tmp_path / name
    there.write_bytes(LARGE)
    plan = wb.plan(progress=False)
    with pytest.raises(PlanInvalid, match="exists and is not a plan"):
        write_plan(plan, there)
    with pytest.raises(PlanInvalid, match="exists and is not a plan"):
        write_script([], there)
    assert there.read_bytes() == LARGE
    there.unlink()
    for _ in range(2):  # an older one of the same kind is replaced
        assert len(read_plan(write_plan(plan, there))) == len(plan)
    there.unlink()
    assert write_script([], write_script([], there)) == there
    there.unlink()
    there.symlink_to(tmp_path / "nowhere")
    with pytest.raises(PlanInvalid, match="exists and is not a plan"):
        write_plan(plan, there)


@pytest.mark.parametrize("number", ["9" * 19, "9" * 400, str(2**63)])
def test_an_id_that_no_store_has(wb, number):
    with pytest.raises(PlanInvalid, match="whole number"):
        wb.apply(pd.DataFrame([{"file_id": number, "keeper_id": 1}]), progress=False)


def test_a_reference_folder_protects_by_whatever_path_it_is_reached(wb, folder, tmp_path):
    (tmp_path / "link").symlink_to(folder / "sub")
    plan = row(wb, "a-copy.jpg")
    assert "reference" in why(wb, plan, reference=tmp_path / "link")
    assert wb.plan(reference=tmp_path / "link", progress=False)["filename"].tolist() != []
    gone = wb.plan(reference=tmp_path / "link", progress=False)["path"]
    assert not gone.str.startswith(str(folder / "sub")).any()


def test_a_path_with_a_zero_byte_is_refused_before_anything_is_written_down(wb):
    with pytest.raises(QueryError, match="zero byte"):
        wb.apply(pd.DataFrame([row(wb, "a-copy.jpg") | {"act": "move"}]), to="x\0y", progress=False)
    assert wb.journal().empty


def test_two_reviewers_on_one_cluster_who_keep_another_file_each(wb, folder):
    mine, theirs = row(wb, "a-copy.jpg"), row(wb, "a.jpg", keeper="a-copy.jpg")
    # Both have planned; another process acts first.
    with Workbench(wb.settings) as other:
        assert set(other.apply(pd.DataFrame([mine]), progress=False)["status"]) == {"done"}
        sitting = other.sitting
    assert f"that was to be kept was removed by sitting {sitting}" in why(wb, theirs)
    assert why(wb, mine) == f"already removed by sitting {sitting}"
    assert (folder / "a.jpg").exists()
    wb.undo(progress=False)
    assert set(wb.apply(pd.DataFrame([theirs]), progress=False)["status"]) == {"done"}
