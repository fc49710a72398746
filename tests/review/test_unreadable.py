"""Files and folders of acts that cannot be read now: one stops no other, and none is given up."""

import contextlib
import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Workbench
from imgurer_kernel.review.runner import ActRunner
from imgurer_kernel.store.trash import Trash
from tests.review.folders import IN_PLACE, bytes_below, ingest_folder
from tests.support.forms import pairs


class Crash(BaseException):
    pass


@pytest.fixture
def wb(new_place):
    return new_place(ingest_folder, **IN_PLACE)


@pytest.fixture
def folder(wb):
    return wb.settings.root.parent / "in"


@contextlib.contextmanager
def failing(call, name, code=errno.EIO):
    """Have a call of `os` fail for files whose path ends with a name, or with one of several."""
    real = getattr(os, call)

    def fail(first, *arguments, **options):
        is_open = isinstance(first, int)
        path = str(Path(f"/proc/self/fd/{first}").readlink()) if is_open else os.fsdecode(first)
        if path.endswith(name):
            raise OSError(code, os.strerror(code))
        return real(first, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, call, fail)
        yield


needs_names = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="names of open files are known on Linux only"
)


def plan_of(wb, act="trash"):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    rows = [(ids[name], ids["a.jpg"], act) for name in ("a-copy.jpg", "a-small.jpg")]
    return pd.DataFrame(rows, columns=["file_id", "keeper_id", "act"])


def crash_at(wb, name):
    """A runner of a store that stops after a step."""

    def step(done):
        if done == name:
            raise Crash

    return ActRunner(wb.store, Trash(wb.store), step)


@needs_names
@pytest.mark.parametrize("act", ["trash", "move", "system-trash"])
def test_an_unreadable_file_stops_no_other(wb, folder, tmp_path, monkeypatch, act):
    monkeypatch.setattr("imgurer_kernel.review.runner.send", os.unlink)
    plan = plan_of(wb, act)
    for dry in (True, False):
        with failing("pread", "a-copy.jpg"):
            done = wb.apply(plan, to=tmp_path, dry_run=dry, progress=False)
        assert done["status"].tolist() == ["refused", "ready" if dry else "done"]
        assert "Input/output error; the disk failed" in done["why"].iloc[0]
    assert (folder / "sub/a-copy.jpg").exists()
    assert not (folder / "sub/a-small.jpg").exists()


@needs_names
def test_an_unreadable_kept_file_stops_no_other(wb, folder):
    ids = wb.files(state="present").set_index("filename")["file_id"]
    plan = plan_of(wb)
    plan["keeper_id"] = [ids["a.jpg"], ids["b.jpg"]]
    before = bytes_below(folder)
    with failing("pread", "/a.jpg"):
        why = wb.apply(plan, progress=False)["why"].tolist()
    assert "the file that is kept is not sound" in why[0]
    assert bytes_below(folder) == before


@needs_names
def test_an_unreadable_file_in_the_trash_stops_no_undo(wb, folder):
    before = bytes_below(folder)
    wb.apply(plan_of(wb), progress=False)
    with failing("pread", "a-copy.jpg"):
        undone = wb.undo().set_index("path")
    assert sorted(undone["status"]) == ["refused", "undone"]
    assert (folder / "sub/a-small.jpg").exists()
    assert wb.undo()["status"].tolist() == ["undone"]
    assert bytes_below(folder) == before


@needs_names
@pytest.mark.parametrize(
    ("step", "failure"),
    pairs(
        ["moved", "moved back"],
        [("pread", errno.EIO), ("open", errno.EIO), ("open", errno.EMFILE), ("open", errno.EACCES)],
    ),
)
def test_recovery_waits_for_what_cannot_be_read(wb, folder, step, failure):
    """Otherwise the act of a file that has moved is rolled back, and its place forgotten."""
    call, code = failure
    expected = "intended" if step == "moved" else "undoing"
    before = bytes_below(folder)
    if step == "moved back":
        wb.apply(plan_of(wb), progress=False)
    wb._runner = crash_at(wb, step)
    with pytest.raises(Crash):
        wb.undo() if step == "moved back" else wb.apply(plan_of(wb), progress=False)
    wb.close()
    names = "a-copy.jpg", "a-small.jpg"
    with failing(call, names, code), Workbench(wb.settings) as opened:
        states = opened.journal().set_index("filename")["state"]
        assert states["a-copy.jpg" if step == "moved" else "a-small.jpg"] == expected
    with Workbench(wb.settings) as opened:
        assert not {"intended", "undoing"} & set(opened.journal()["state"])
        with contextlib.suppress(Exception):
            while "undone" in set(opened.undo()["status"]):
                pass
    assert bytes_below(folder) == before


@pytest.mark.parametrize("act", ["empty", "restore"])
def test_another_process_has_crashed_while_it_undid(wb, folder, act):
    """Its rows are in the trash, and its files are not."""
    before = bytes_below(folder)
    wb.apply(plan_of(wb), progress=False)
    runner, wb._runner = wb._runner, crash_at(wb, "moved back")
    with pytest.raises(Crash):
        wb.undo()
    wb._runner = runner  # of a process that was open before
    wb.trash.empty("0s") if act == "empty" else wb.trash.restore()
    if act == "empty":
        assert wb.undo()["status"].tolist() == ["undone"]
    assert bytes_below(folder) == before
    assert len(wb.files(state="present")) == 4
    assert wb.check(progress=False).empty


@needs_names
def test_emptying_leaves_what_cannot_be_reached(wb, folder):
    wb.apply(plan_of(wb), progress=False)
    with failing("open", "sub", errno.EACCES):
        left = wb.trash.empty("0s").left
    assert len(left) == 2
    assert left["why"].str.contains("make the folder writable").all()
    assert set(wb.undo()["status"]) == {"undone"}
