"""Sidecars move with the file that they belong to, and return with it."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Workbench
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.review.script import script
from imgurer_kernel.store.trash import Trash
from tests.review.folders import IN_PLACE, LARGE, OTHER, SMALL, bytes_below, tidy
from tests.support.forms import long_only, pairs

FILES = {
    "a.jpg": LARGE,
    "a.jpg.xmp": b"of the one that is kept",
    "sub/copy.jpg": LARGE,
    "sub/copy.jpg.xmp": b"of the copy alone",
    "sub/COPY.XMP": b"of the copy, by its stem",
    "sub/copy.jpg.supplemental-metadata.json": b"{}",
    "sub/copy.aae": b"edits",
    "sub/copying.xmp": b"of nobody",
    "sub/pair.jpg": SMALL,
    "sub/pair.xmp": b"of both",
    "sub/pair.cr2": b"raw",
    "sub/pair.jpg.xmp": b"of the small one",
    "b.jpg": OTHER,
}
ALONG = ["COPY.XMP", "copy.aae", "copy.jpg.supplemental-metadata.json", "copy.jpg.xmp"]


class Crash(BaseException):
    """An exception that no code of the package catches."""


def ingest_files(wb):
    for name, data in FILES.items():
        path = wb.settings.root.parent / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    wb.ingest(wb.settings.root.parent / "in", progress=False)
    wb.queue(progress=False)  # so that no test has to search and measure


@pytest.fixture
def wb(new_place):
    return new_place(ingest_files, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


def plan_of(wb, *names, act="trash"):
    ids = wb.files().set_index("filename")["file_id"]
    gone = [ids[name] for name in names or ("copy.jpg", "pair.jpg")]
    return pd.DataFrame({"file_id": gone, "act": act, "keeper_id": ids["a.jpg"]})


def here(folder):
    return set(bytes_below(folder, trash=False))


@pytest.mark.parametrize(
    ("act", "way_back"), [("trash", "entry"), ("move", "sitting"), *long_only(("trash", "step"))]
)
def test_sidecars_of_one_file_move_with_it_and_return(wb, folder, tmp_path, act, way_back):
    before = bytes_below(folder), tidy(wb)
    goal = tmp_path / "goal"
    goal.mkdir()
    result = wb.apply(plan_of(wb, act=act), to=goal, progress=False)
    assert set(result["status"]) == {"done"}
    assert len(result) == 2
    stay = {"a.jpg", "a.jpg.xmp", "b.jpg", "sub/copying.xmp", "sub/pair.cr2", "sub/pair.xmp"}
    assert here(folder) == stay
    there = goal if act == "move" else folder / ".imgurer-trash"
    gone = {Path(name).name for name in bytes_below(there)}
    assert gone == {"copy.jpg", "pair.jpg", "pair.jpg.xmp", *ALONG}
    told = wb.journal().query("act == 'companion'")
    assert sorted(told["filename"]) == sorted([*ALONG, "pair.jpg.xmp"])
    assert set(told["state"]) == {"done"}
    match way_back:
        case "step":
            wb.undo(progress=False)
        case "entry":
            wb.undo(result["entry_id"].tolist(), progress=False)
        case "sitting":
            wb.undo(batch=result.attrs["batch"], progress=False)
    assert (bytes_below(folder), tidy(wb)) == before
    assert bytes_below(goal) == {}


@pytest.mark.long
def test_one_of_several_files_takes_it_along_when_all_of_them_go(wb, folder):
    (folder / "sub/pair.cr2").unlink()
    (folder / "sub/pair.png").write_bytes(LARGE)
    wb.ingest(folder, progress=False)
    before = bytes_below(folder)
    wb.apply(plan_of(wb, "pair.jpg"), progress=False)
    assert "sub/pair.xmp" in here(folder)
    wb.undo(progress=False)
    wb.apply(plan_of(wb, "pair.jpg", "pair.png"), progress=False)
    assert "sub/pair.xmp" not in here(folder)
    wb.undo(progress=False)
    assert bytes_below(folder) == before


def test_it_stays_with_a_file_that_is_refused(wb, folder):
    (folder / "sub/copy.jpg").write_bytes(SMALL)
    before = here(folder)
    result = wb.apply(plan_of(wb, "copy.jpg"), progress=False)
    assert result["status"].tolist() == ["refused"]
    assert here(folder) == before
    assert set(wb.journal()["state"]) == {"rolled back"}


def test_it_stays_if_a_file_came_to_it_meanwhile(wb, folder):
    def step(name):
        if name == "moved":
            (folder / "sub/copy.cr2").write_bytes(b"raw")

    wb._runner = ActRunner(wb.store, Trash(wb.store), step)
    wb.apply(plan_of(wb, "copy.jpg"), progress=False)
    left = wb.journal().query("act == 'companion' and state == 'rolled back'")
    assert set(left["filename"]) == {"COPY.XMP", "copy.aae"}
    assert left["reason"].str.contains("it belongs to copy.cr2, too, which stays").all()
    assert {"sub/COPY.XMP", "sub/copy.aae"} <= here(folder)


def test_links_and_folders_of_such_names_are_left_alone(wb, folder, tmp_path):
    (tmp_path / "outside").write_bytes(b"outside")
    (folder / "sub/copy.xmp").symlink_to(tmp_path / "outside")
    (folder / "sub/copy.jpg.json").mkdir()
    wb.apply(plan_of(wb, "copy.jpg"), progress=False)
    assert (folder / "sub/copy.xmp").is_symlink()
    assert (folder / "sub/copy.jpg.json").is_dir()
    assert (tmp_path / "outside").read_bytes() == b"outside"


def test_a_file_that_is_not_restored_keeps_its_sidecars(wb, folder):
    wb.apply(plan_of(wb, "copy.jpg"), progress=False)
    (folder / "sub/copy.jpg").write_bytes(b"another one")
    undone = wb.undo(progress=False)
    assert set(undone["status"]) == {"refused"}
    assert undone["why"].str.contains("move away what is there").sum() == 1
    assert "sub/copy.jpg.xmp" not in here(folder)


@pytest.mark.long
def test_the_trash_restores_and_deletes_both(wb, folder):
    before = bytes_below(folder)
    wb.apply(plan_of(wb), progress=False)
    wb.trash.restore()
    assert bytes_below(folder) == before
    wb.apply(plan_of(wb), progress=False)
    assert wb.trash.empty("0s").left.empty
    assert bytes_below(folder) == bytes_below(folder, trash=False)
    assert set(wb.journal().query("state != 'undone'")["state"]) == {"emptied"}


def test_a_replaced_sidecar_in_the_trash_is_not_deleted(wb, folder, caplog):
    before = (folder / "sub/copy.jpg.xmp").stat()
    wb.apply(plan_of(wb, "copy.jpg"), progress=False)
    [trashed] = folder.glob(".imgurer-trash/**/copy.jpg.xmp")
    assert trashed.stat().st_ino == before.st_ino, "on one disk it is moved, not copied"
    trashed.unlink()
    trashed.write_bytes(b"somebody's own")
    wb.trash.empty("0s")
    [told] = [each.message for each in caplog.records if "stays in the trash" in each.message]
    assert "copy.jpg.xmp" in told
    assert [path.read_bytes() for path in folder.glob(".imgurer-trash/**/*.xmp")] == [
        b"somebody's own"
    ]


@pytest.mark.parametrize(
    ("disks", "at"),
    [(1, "intended"), (1, "moved"), (1, "sidecar moved"), (1, "entered"), (2, "sidecar copied")],
)
def test_a_crash_leaves_none_behind(wb, folder, tmp_path, monkeypatch, at, disks):
    if disks == 2:
        monkeypatch.setattr("imgurer_kernel.review.mounts.mount_of", id)
    goal = tmp_path / "goal"
    goal.mkdir()
    before = bytes_below(folder)

    def step(name):
        if name == at:
            raise Crash

    wb._runner = ActRunner(wb.store, Trash(wb.store), step)
    with pytest.raises(Crash):
        wb.apply(plan_of(wb, "copy.jpg", act="move"), to=goal, progress=False)
    wb.close()
    with Workbench(wb.settings) as again:
        expected = {"sub/copy.jpg", *(f"sub/{name}" for name in ALONG)}
        gone = set() if at == "intended" else expected
        assert set(bytes_below(goal)) == gone
        assert here(folder) == set(before) - gone
        assert set(again.journal()["state"]) == ({"done"} if gone else {"rolled back"})
        if not gone:
            return
        again._runner = ActRunner(again.store, Trash(again.store), step)
        at = "moved back"
        with pytest.raises(Crash):
            again.undo(progress=False)
    with Workbench(wb.settings) as last:
        last.undo(progress=False)
        assert bytes_below(folder) == before
        assert bytes_below(goal) == {}


def test_the_script_takes_them_along(wb, folder, tmp_path):
    acts = wb.acts_of(plan_of(wb))
    (tmp_path / "plan.sh").write_bytes(script(acts))
    subprocess.run(["/bin/sh", tmp_path / "plan.sh"], check=True)
    gone = {path.name for path in (folder / ".imgurer-trash").rglob("*") if path.is_file()}
    assert gone == {"copy.jpg", "pair.jpg", "pair.jpg.xmp", *ALONG}
    assert "sub/pair.xmp" in here(folder)


# Of two files that both go ------------------------------------------------------------------


@pytest.fixture
def shared(wb, folder):
    """A plan of two files with one sidecar, and what is there before."""
    (folder / "sub/pair.cr2").unlink()
    (folder / "sub/pair.png").write_bytes(LARGE)
    wb.ingest(folder, progress=False)
    return plan_of(wb, "pair.jpg", "pair.png"), bytes_below(folder)


@pytest.mark.parametrize(("first", "together"), pairs(["pair.jpg", "pair.png"], [2, 1]))
def test_it_comes_back_with_whichever_comes_back_first(
    wb, folder, shared, first, together, monkeypatch
):
    monkeypatch.setattr("imgurer_kernel.review.runner._CHUNK", together)
    plan, before = shared
    done = wb.apply(plan, progress=False)
    assert "sub/pair.xmp" not in here(folder)
    by_name = {
        Path(path).name: entry for path, entry in zip(done["path"], done["entry_id"], strict=True)
    }
    wb.undo([by_name.pop(first)], progress=False)
    assert {f"sub/{first}", "sub/pair.xmp"} <= here(folder)
    wb.undo(list(by_name.values()), progress=False)
    assert bytes_below(folder) == before


@pytest.mark.long
def test_it_stays_away_if_neither_comes_back(wb, folder, shared):
    wb.apply(shared[0], progress=False)
    for name in ("pair.jpg", "pair.png"):
        (folder / "sub" / name).write_bytes(b"another one")
    wb.undo(progress=False)
    assert "sub/pair.xmp" not in here(folder)
    (folder / "sub/pair.png").unlink()
    wb.undo(progress=False)
    assert "sub/pair.xmp" in here(folder)


def test_it_is_deleted_when_both_are(wb, folder, shared):
    done = wb.apply(shared[0], progress=False)
    [sidecar] = folder.glob(".imgurer-trash/**/pair.xmp")
    # The first one may be the last copy of something else, and stays in the trash.
    (lie,) = folder.glob(".imgurer-trash/**/pair.png")
    lie.write_bytes(b"changed since")
    wb.trash.empty("0s")
    assert sidecar.exists()
    lie.unlink()
    wb.trash.empty("0s")
    assert not sidecar.exists()
    assert len(done) == 2


@pytest.mark.long
@pytest.mark.parametrize("stays", ["pair.jpg", "pair.png", ""])
def test_the_script_takes_it_along_when_both_have_gone(wb, folder, tmp_path, shared, stays):
    plan, before = shared
    (tmp_path / "plan.sh").write_bytes(script(wb.acts_of(plan)))
    original = b""
    if stays:
        original = (folder / "sub" / stays).read_bytes()
        (folder / "sub" / stays).write_bytes(b"changed since")
    run = ["/bin/sh", tmp_path / "plan.sh"]
    for _ in range(2):
        assert subprocess.run(run, check=False).returncode == (1 if stays else 0)
        assert ("sub/pair.xmp" in here(folder)) == bool(stays)
    if stays:
        # Put right, both have gone after the next run, and it follows.
        (folder / "sub" / stays).write_bytes(original)
        subprocess.run(run, check=True)
        assert "sub/pair.xmp" not in here(folder)
    subprocess.run([*run, "--back"], check=True)
    assert bytes_below(folder) == before
