"""Emptying the trash keeps files that no act put there, and last copies."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Settings, Workbench
from tests.review.folders import IN_PLACE, bytes_below, ingest_folder, tidy
from tests.support.forms import pairs
from tests.support.pictures import encode, jpeg, scene


@pytest.fixture
def wb(new_place):
    return new_place(ingest_folder, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def remove(wb, name, keeper="a.jpg", act="trash"):
    """Remove a file in favour of another one; return its path in the trash."""
    ids = wb.files(state="present").set_index("filename")["file_id"]
    plan = pd.DataFrame([{"file_id": ids[name], "keeper_id": ids[keeper], "act": act}])
    done = wb.apply(plan, progress=False)
    assert done["status"].tolist() == ["done"], done["why"].tolist()
    return Path(wb.journal()["target"].fillna("").iloc[0])


def is_left(wb, lies):
    """Whether emptying leaves the file, and its entry as it was."""
    data = lies.read_bytes()
    wb.trash.empty("0s")
    there = lies.exists()
    assert not there or lies.read_bytes() == data
    assert wb.journal()["state"].iloc[0] == ("done" if there else "emptied")
    return there


HARMS = ("edited", "replaced", "a folder", "a link")


@pytest.mark.parametrize(("how", "act"), pairs(HARMS, ["trash", "link"]))
def test_files_that_no_act_put_into_the_trash_folder_stay(wb, folder, act, how, caplog):
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


@pytest.mark.parametrize("how", ["gone", "changed", "a pipe", "gone after a chain"])
def test_the_last_copy_stays(wb, folder, how, caplog):
    # The smaller one goes for the copy, that for the original: both depend on the original.
    lies = [remove(wb, "a-small.jpg", "a-copy.jpg" if "chain" in how else "a.jpg")]
    lies.append(remove(wb, "a-copy.jpg"))
    kept = folder / "a.jpg"
    if how == "changed":
        facts = kept.stat()
        kept.write_bytes(kept.read_bytes()[:-9] + b"changed!!")
        os.utime(kept, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    else:
        kept.unlink()
        if how == "a pipe":
            os.mkfifo(kept)
    left = wb.trash.empty("0s").left
    assert left["path"].tolist() == [str(path) for path in lies]
    assert left["why"].str.contains("a.jpg, which was kept, is gone or changed").all()
    assert all(path.exists() for path in lies)
    assert set(wb.journal()["state"]) == {"done"}
    assert "may be the last copy" in caplog.text
    if how == "a pipe":
        kept.unlink()
    # It is back: the next time they go.
    shutil.copy(lies[1], kept)
    wb.trash.empty("0s")
    assert not any(path.exists() for path in lies)
    assert set(wb.journal()["state"]) == {"emptied"}


def test_a_keeper_that_went_for_another_one(wb, folder):
    lies = [remove(wb, "a-small.jpg", "a-copy.jpg"), remove(wb, "a-copy.jpg")]
    wb.trash.empty("0s")
    assert not any(path.exists() for path in lies)
    assert sorted(bytes_below(folder)) == ["a.jpg", "b.jpg"]


def test_another_copy_will_do(wb, folder):
    shutil.copy(folder / "a.jpg", folder / "third.jpg")
    wb.ingest(folder, progress=False)
    lies = remove(wb, "a-copy.jpg")
    (folder / "a.jpg").unlink()
    assert not is_left(wb, lies)
    assert sorted(bytes_below(folder)) == ["b.jpg", "sub/a-small.jpg", "third.jpg"]


def test_the_link_in_its_place_will_do(wb, folder):
    lies = remove(wb, "a-copy.jpg", act="link")
    (folder / "a.jpg").unlink()
    assert not is_left(wb, lies)
    assert "sub/a-copy.jpg" in bytes_below(folder)


def test_a_copy_in_a_trash_folder_is_none(wb, folder):
    lies = remove(wb, "a-copy.jpg")
    wb.ingest(lies, progress=False)
    (folder / "a.jpg").unlink()
    assert is_left(wb, lies)


def test_a_link_into_a_trash_folder_is_not_a_copy(wb, folder):
    lies = remove(wb, "a-copy.jpg")
    (folder.parent / "link").symlink_to(lies.parent)
    wb.ingest(folder.parent / "link", progress=False)
    (folder / "a.jpg").unlink()
    assert is_left(wb, lies)


def test_a_copy_in_the_store_will_do(tmp_path, folder):
    with Workbench(Settings(root=tmp_path / "s", store="copy", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        wb.apply(wb.plan(act="trash", progress=False), progress=False)
        (folder / "a.jpg").unlink()
        wb.trash.empty("0s")
        assert sorted(bytes_below(folder)) == ["b.jpg"]
        assert wb.check(progress=False).empty


def test_a_later_act_at_the_same_name_keeps_its_file(wb, folder, monkeypatch):
    # As in journals of the time when all acts of a sitting had one folder.
    monkeypatch.setattr("imgurer_kernel.workbench.methods.acts.sittings.steps_of", lambda *_: 0)

    def again():
        ids = wb.files(state="present").set_index("filename")["file_id"]
        plan = [{"file_id": ids["a-copy.jpg"], "keeper_id": ids["a.jpg"], "act": "trash"}]
        done = wb.apply(pd.DataFrame(plan), batch="x", progress=False)
        assert done["status"].tolist() == ["done"]
        return Path(wb.journal()["target"].iloc[0])

    lies = again()
    lies.replace(folder / "sub/a-copy.jpg")  # restored by hand
    wb.ingest(folder, progress=False)
    assert again() == lies
    ended = wb.journal().set_index("entry_id")["ended_at"]
    moment = (ended[1] + (ended[2] - ended[1]) / 2).to_pydatetime().replace(tzinfo=None)
    # Only the first is old enough.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imgurer_kernel.review.trash.now", lambda: moment)
        wb.trash.empty("0s")
    assert lies.exists()
    assert wb.journal().set_index("entry_id")["state"].to_dict() == {1: "emptied", 2: "done"}


@pytest.mark.long
def test_files_left_in_the_trash_can_be_restored(wb, folder):
    before = bytes_below(folder), tidy(wb)
    remove(wb, "a-copy.jpg")
    remove(wb, "a-small.jpg")
    (folder / "a.jpg").rename(folder.parent / "a.jpg")
    emptied = wb.trash.empty("0s")
    assert (emptied.deleted, len(emptied.left)) == (0, 2)
    assert sorted(wb.trash.list()["file_id"]) == sorted(emptied.left["file_id"])
    (folder.parent / "a.jpg").rename(folder / "a.jpg")
    assert wb.undo(batch=wb.sitting)["status"].tolist() == ["undone"] * 2
    assert (bytes_below(folder), tidy(wb)) == before


def test_a_forgotten_keeper_is_reported(wb, folder):
    lies = remove(wb, "a-copy.jpg")
    [kept] = wb.files(state="present").query("filename == 'a.jpg'")["file_id"]
    wb.forget(file_id=int(kept))
    emptied = wb.trash.empty("0s")
    assert emptied.left["path"].tolist() == [str(lies)]
    assert f"the store has forgotten {folder / 'a.jpg'}" in emptied.left["why"].iloc[0]
    assert emptied.deleted == 1  # the row of what was forgotten, which no act is about
    wb.ingest(folder, progress=False)
    assert wb.trash.empty("0s").left.empty
    assert not lies.exists()


@pytest.mark.parametrize("how", ["gone", "changed", "gone after a chain"])
def test_the_last_copy_in_the_store_stays(wb, folder, how):
    # An upload goes for a file on disk, which is then lost.
    data = encode(scene(3, 200, 150))
    wb.upload("upload.jpg", data)
    if "chain" in how:
        remove(wb, "upload.jpg", "a-copy.jpg", act="forget")
        remove(wb, "a-copy.jpg", act="trash").unlink()
    else:
        (folder / "sub" / "a-copy.jpg").unlink()
        remove(wb, "upload.jpg", act="forget")
    kept = folder / "a.jpg"
    large = kept.read_bytes()
    kept.unlink() if "gone" in how else kept.write_bytes(b"x" * len(large))
    emptied = wb.trash.empty("0s")
    assert "upload.jpg" in emptied.left["path"].tolist()
    assert "may be the last copy" in emptied.left["why"].iloc[-1]
    file_id = emptied.left.set_index("path").loc["upload.jpg", "file_id"]
    if how == "changed":
        # It is back: the next time it goes.
        kept.write_bytes(large)
        assert wb.trash.empty("0s").left.empty
        assert wb.trash.list().empty
    else:
        wb.trash.restore(file_id)  # an integer of NumPy
        image_id = wb.files().set_index("filename").loc["upload.jpg", "image_id"]
        with wb.original(image_id) as file:
            assert file.read() == data


def test_forgetting_the_keeper_too_lets_both_be_deleted(wb):
    wb.upload("large.jpg", jpeg(9, 320, 240))
    wb.upload("small.jpg", encode(scene(9, 160, 120)))
    remove(wb, "small.jpg", "large.jpg", act="forget")
    [kept] = wb.files().query("filename == 'large.jpg'")["file_id"]
    wb.forget(file_id=int(kept))
    emptied = wb.trash.empty("0s")
    assert (emptied.deleted, len(emptied.left)) == (2, 0)


@pytest.mark.long
def test_a_picture_that_is_not_the_same_does_not_stand_for_it_through_a_third(wb, folder):
    wb.decide((1, 2), "same")
    small, b = (
        wb.files().set_index("filename").loc[it, "image_id"] for it in ("a-small.jpg", "b.jpg")
    )
    large = wb.files().set_index("filename").loc["a.jpg", "image_id"]
    wb.decide((int(large), int(b)), "same")
    wb.decide((int(small), int(b)), "different")
    lies = [remove(wb, "a-small.jpg")]
    lies += [remove(wb, "a-copy.jpg", "b.jpg"), remove(wb, "a.jpg", "b.jpg")]
    left = wb.trash.empty("0s").left
    assert left["path"].tolist() == [str(lies[0])]
    assert "decided that the two are different pictures" in left["why"].item()
    assert [path.exists() for path in lies] == [True, False, False]
    assert wb.undo(left["entry_id"].tolist(), progress=False)["status"].tolist() == ["undone"]
