"""A crash after any step of any act: what was begun is finished or rolled back, nothing is lost."""

import os
import shutil
import signal
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from imgurer_kernel import Workbench
from imgurer_kernel.errors import StorageDenied
from imgurer_kernel.review import recovery
from imgurer_kernel.review.runner import STEPS, ActRunner
from imgurer_kernel.review.undo import UNDO_STEPS
from imgurer_kernel.store.trash import Trash
from tests.review.folders import IN_PLACE, bytes_below, fill, ingest_folder, tidy
from tests.support.forms import rounds
from tests.support.processes import python


class Crash(BaseException):
    """An exception that no code of the package catches."""


def crashing(store, at):
    """A runner that raises when a step is first reached, and the steps so far."""
    seen = []

    def step(name):
        seen.append(name)
        if name == at:
            raise Crash

    return ActRunner(store, Trash(store), step), seen


@pytest.fixture
def settings(new_place):
    with new_place(ingest_folder, **IN_PLACE) as wb:
        return wb.settings


@pytest.fixture
def folder(settings):
    return settings.root.parent / "in"


def plan_of(wb, act):
    """The copies go, a.jpg stays."""
    ids = wb.files().set_index("filename")["file_id"]
    gone = ["a-copy.jpg"] if act == "link" else ["a-copy.jpg", "a-small.jpg"]
    return pd.DataFrame({"file_id": ids[gone].tolist(), "act": act, "keeper_id": ids["a.jpg"]})


def check_after_a_crash(settings, folder, before, goal):
    """Reopen the store, check that no act is unfinished, and return it."""
    wb = Workbench(settings)
    assert not (settings.root / "review.pending").exists()
    states = set(wb.journal()["state"]) if len(wb.journal()) else set()
    assert states <= {"done", "undone", "rolled back"}
    # Each original is somewhere, once.
    left = Counter(data for place in (folder, goal) for data in bytes_below(place).values())
    needed = Counter(before[0].values())
    # A link is another name of what stays; the copy that it stands for waits in the trash.
    linked = len(wb.journal()) and set(wb.journal()["act"]) == {"link"}
    assert left >= needed if linked else left == needed
    here = {Path(path).relative_to(folder) for path in wb.files(state="present")["path"]}
    assert {str(path) for path in here} == set(bytes_below(folder, trash=False))
    assert wb.check(progress=False).empty
    assert set(wb.ingest(folder, progress=False)["status"]) == {"unchanged"}
    return wb


def crash_everywhere(settings, act, goal, *, steps, undo_steps):
    folder = settings.root.parent / "in"
    with Workbench(settings) as wb:
        before = bytes_below(folder), tidy(wb)
    for at in steps:
        with Workbench(settings) as wb:
            plan = plan_of(wb, act)
            wb._runner, seen = crashing(wb.store, at)
            with pytest.raises(Crash):
                wb.apply(plan, to=goal, progress=False)
            assert seen[-1] == at
        with check_after_a_crash(settings, folder, before, goal) as wb:
            for batch in wb.journal().query("state == 'done'")["batch"].unique():
                assert set(wb.undo(batch=batch)["status"]) == {"undone"}
            assert (bytes_below(folder), tidy(wb)) == before
    for at in undo_steps:
        with Workbench(settings) as wb:
            assert set(wb.apply(plan_of(wb, act), to=goal, progress=False)["status"]) == {"done"}
            wb._runner, seen = crashing(wb.store, at)
            with pytest.raises(Crash):
                wb.undo()
            assert seen[-1] == at
        with check_after_a_crash(settings, folder, before, goal) as wb:
            wb.undo()
            assert (bytes_below(folder), tidy(wb)) == before


@pytest.mark.parametrize("act", ["trash", "link", "move"])
def test_on_disk(settings, tmp_path, act):
    goal = tmp_path / "goal"
    goal.mkdir()
    # What comes before and after is the same for all of them. The short form has one step of each
    # outcome: nothing was begun, it is rolled back, or it is finished.
    steps = {
        "trash": rounds(["prepared", "moved"], [step for step in STEPS if step != "linked"]),
        "link": rounds(["linked"], ["prepared", "moved", "linked"]),
        "move": ["moved"],
    }
    undo_steps = rounds(UNDO_STEPS[1::2], UNDO_STEPS) if act == "trash" else ["moved back"]
    crash_everywhere(settings, act, goal, steps=steps[act], undo_steps=undo_steps)
    assert bytes_below(goal) == {}


def test_between_two_disks(settings, monkeypatch, tmp_path):
    """The second disk is simulated by another device number."""
    goal = tmp_path / "goal"
    goal.mkdir()
    monkeypatch.setattr("imgurer_kernel.review.mounts.mount_of", id)
    # A copy is another inode, with which the store is content: only that differs afterwards.
    monkeypatch.setattr("tests.review.test_crashes.tidy", lambda wb: len(wb.files()))
    crash_everywhere(
        settings,
        "move",
        goal,
        steps=rounds(["copied"], ["copied", "moved"]),
        undo_steps=rounds(["copied back"], ["copied back", "moved back"]),
    )


@pytest.mark.parametrize("disks", [1, 2])
def test_a_copy_of_the_user_at_the_target_stays(settings, folder, tmp_path, monkeypatch, disks):
    goal = tmp_path / "goal"
    (goal / "sub").mkdir(parents=True)
    own = goal / "sub" / "a-copy.jpg"
    if disks == 2:
        monkeypatch.setattr("imgurer_kernel.review.mounts.mount_of", id)

    def put_there(step):
        # After the plan was looked at, and of an own time.
        if step == "prepared":
            own.write_bytes((folder / "a.jpg").read_bytes())
            raise Crash

    with Workbench(settings) as wb:
        wb._runner = ActRunner(wb.store, Trash(wb.store), put_there)
        with pytest.raises(Crash):
            wb.apply(plan_of(wb, "move").head(1), to=goal, progress=False)
    with Workbench(settings) as wb:
        assert wb.journal()["state"].tolist() == ["rolled back"]
        assert own.read_bytes() == (folder / "sub" / "a-copy.jpg").read_bytes()
        # What is there beforehand is not even begun.
        result = wb.apply(plan_of(wb, "move").head(1), to=goal, progress=False)
        assert "something is there already" in result["why"].iloc[0]
        assert len(wb.journal()) == 1


def test_between_two_names(settings, folder, tmp_path, monkeypatch):
    """A file comes back by a second name, and loses the first one then."""
    with Workbench(settings) as wb:
        before = bytes_below(folder), tidy(wb)
        wb.apply(plan_of(wb, "trash"), progress=False)

        def crash(*_, **__):
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr("imgurer_kernel.review.moves.os.unlink", crash)
            with pytest.raises(Crash):
                wb.undo()
    with check_after_a_crash(settings, folder, before, tmp_path / "none") as wb:
        assert sorted(wb.journal()["state"]) == ["done", "undone"]
        wb.undo()
        assert (bytes_below(folder), tidy(wb)) == before


def test_in_the_store(new_store):
    wb = new_store(fill)
    settings = wb.settings
    ids = wb.files().set_index("filename")["file_id"]
    before = tidy(wb)
    plan = pd.DataFrame([{"file_id": ids["small.jpg"], "keeper_id": ids["large.jpg"]}])
    wb.close()
    for at in rounds(("intended", "followed"), ("marked", "intended", "entered", "followed")):
        with Workbench(settings) as wb:
            wb._runner, _ = crashing(wb.store, at)
            with pytest.raises(Crash):
                wb.apply(plan, progress=False)
        with Workbench(settings) as wb:
            expected = "done" if at in {"entered", "followed"} else "rolled back"
            if at != "marked":
                assert wb.journal()["state"].iloc[0] == expected
            assert wb.check(progress=False).empty
            wb._runner, _ = crashing(wb.store, "restored")
            if expected == "done":
                with pytest.raises(Crash):
                    wb.undo()
        with Workbench(settings) as wb:
            assert tidy(wb) == before
            assert wb.check(progress=False).empty


@pytest.mark.long
def test_a_process_that_is_killed(settings, folder, tmp_path):
    """As where "moved" fails in `test_on_disk`, by a signal that nothing can catch."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, sys\n"
        "from imgurer_kernel import Settings, Workbench\n"
        "from tests.review.test_crashes import ActRunner, Trash, plan_of\n"
        "wb = Workbench(Settings(root=sys.argv[1], store='reference', workers=1))\n"
        "def step(name):\n"
        "    if name == 'moved':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "plan = plan_of(wb, 'trash')\n"
        "wb._runner = ActRunner(wb.store, Trash(wb.store), step)\n"
        "wb.apply(plan, progress=False)\n"
    )
    with Workbench(settings) as wb:
        before = bytes_below(folder), tidy(wb)
    process = python(program, settings.root)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    with check_after_a_crash(settings, folder, before, tmp_path / "none") as wb:
        assert sorted(wb.journal()["state"]) == ["done", "rolled back"]
        wb.undo()
        assert (bytes_below(folder), tidy(wb)) == before


def test_one_acts_while_another_has_crashed_before(settings, folder):
    """The next act in any process recovers first."""
    with Workbench(settings) as wb, Workbench(settings) as other:
        plan = plan_of(wb, "trash")
        wb._runner, _ = crashing(wb.store, "moved")
        with pytest.raises(Crash):
            wb.apply(plan, progress=False)
        done = other.apply(plan, progress=False)
        assert sorted(done["status"]) == ["done", "refused"]
        assert sorted(bytes_below(folder, trash=False)) == ["a.jpg", "b.jpg"]
        assert sorted(other.journal()["state"]) == ["done", "done", "rolled back"]


def test_acts_on_an_unmounted_disk_wait_for_it(settings, folder, tmp_path):
    with Workbench(settings) as wb:
        before = bytes_below(folder), tidy(wb)
        plan = plan_of(wb, "trash")
        wb._runner, _ = crashing(wb.store, "moved")
        with pytest.raises(Crash):
            wb.apply(plan, progress=False)
    folder.rename(tmp_path / "away")
    folder.mkdir()  # as a place is where nothing is mounted
    with Workbench(settings) as wb:
        assert set(wb.journal()["state"]) == {"intended"}
        assert (settings.root / "review.pending").exists()
        wb.decide((1, 2), "later")
        assert set(wb.apply(plan, progress=False)["status"]) == {"refused"}
        assert (settings.root / "review.pending").exists()
    folder.rmdir()
    with Workbench(settings) as wb:
        assert "intended" in set(wb.journal()["state"])
    (tmp_path / "away").rename(folder)
    with check_after_a_crash(settings, folder, before, tmp_path / "none") as wb:
        assert wb.undo()["decision_id"].notna().all()
        wb.undo()
        assert (bytes_below(folder), tidy(wb)) == before


def test_the_trash_is_emptied_while_a_disk_is_away(settings, folder, tmp_path):
    with Workbench(settings) as wb:
        wb.apply(plan_of(wb, "trash"), progress=False)
        folder.rename(tmp_path / "away")
        folder.mkdir()
        emptied = wb.trash.empty("0s")
        assert emptied.deleted == 0
        assert emptied.left["why"].str.contains("its disk is not mounted").all()
        assert set(wb.journal()["state"]) == {"done"}
        assert set(wb.undo()["status"]) == {"refused"}
        folder.rmdir()
        (tmp_path / "away").rename(folder)
        assert len(bytes_below(folder)) == 4
        # What could not be deleted then is deleted the next time.
        assert wb.trash.empty("0s").deleted == 2
        assert len(bytes_below(folder)) == 2
        assert set(wb.journal()["state"]) == {"emptied"}


def test_a_crash_and_then_the_kept_file_is_forgotten(settings, folder):
    for act, at in (("trash", "moved"), ("link", "linked"), ("link", "moved")):
        with Workbench(settings) as wb:
            rows = tidy(wb)
            plan = plan_of(wb, act).head(1)
            wb._runner, _ = crashing(wb.store, at)
            with pytest.raises(Crash):
                wb.apply(plan, progress=False)
            Trash(wb.store).forget(None, file_id=int(plan["keeper_id"].iloc[0]))
        with Workbench(settings) as wb:
            assert not (settings.root / "review.pending").exists()
            assert set(wb.journal()["state"]) <= {"done", "undone", "rolled back"}
            wb.trash.restore(int(plan["keeper_id"].iloc[0]))
            wb.undo()
            assert tidy(wb) == rows
            assert len(bytes_below(folder)) == 4
            assert not (folder / "a.jpg").samefile(folder / "sub/a-copy.jpg")


def test_a_read_only_store_can_be_opened(settings, monkeypatch):
    with Workbench(settings) as wb:
        plan = plan_of(wb, "trash")
        wb._runner, _ = crashing(wb.store, "intended")
        with pytest.raises(Crash):
            wb.apply(plan, progress=False)

    def refuse(*_):
        message = "read-only"
        raise StorageDenied(message)

    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.review.runner.LockFile", refuse)
        with Workbench(settings) as wb:
            assert len(wb.files()) == 4
    with Workbench(settings) as wb:
        assert set(wb.journal()["state"]) == {"rolled back"}


@pytest.mark.parametrize("error", [ValueError("embedded null byte"), OSError(5, "input/output")])
def test_an_act_that_cannot_be_looked_at_keeps_no_store_closed(settings, monkeypatch, error):
    with Workbench(settings) as wb:
        wb._runner, _ = crashing(wb.store, "intended")
        with pytest.raises(Crash):
            wb.apply(plan_of(wb, "trash"), progress=False)
    is_reachable = recovery.is_reachable

    def fail(entry):
        if entry.entry_id == 1:
            raise error
        return is_reachable(entry)

    with monkeypatch.context() as patch:
        patch.setattr("imgurer_kernel.review.recovery.is_reachable", fail)
        with Workbench(settings) as wb:
            states = wb.journal().set_index("entry_id")["state"].to_dict()
            assert states == {1: "intended", 2: "rolled back"}
            assert len(wb.files(state="present")) == 4
    with Workbench(settings) as wb:
        assert set(wb.journal()["state"]) == {"rolled back"}


def test_a_path_that_no_system_has_keeps_no_store_closed(settings, tmp_path, monkeypatch):
    # Entries of other versions may have one: today it is refused before the journal is written.
    monkeypatch.setattr(
        "imgurer_kernel.workbench.methods.acts.folder_key", lambda to, _: os.fsencode(to)
    )
    with Workbench(settings) as wb:
        plan = plan_of(wb, "move")
        answer = wb.apply(plan, to=f"{tmp_path}/x\0y", progress=False)
        assert set(answer["status"]) == {"refused"}
        assert "is not a path" in answer["why"].iloc[0]
    with Workbench(settings) as wb:
        assert len(wb.files(state="present")) == 4
        assert set(wb.apply(plan_of(wb, "trash"), progress=False)["status"]) == {"done"}


def test_the_trash_is_emptied_whatever_crashes(settings, folder, monkeypatch):
    with Workbench(settings) as wb:
        wb.apply(plan_of(wb, "trash"), progress=False)

        def crash(*_):
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr("imgurer_kernel.review.trash._undeletable", crash)
            with pytest.raises(Crash):
                wb.trash.empty("0s")
        wb.trash.empty("0s")
        assert sorted(bytes_below(folder)) == ["a.jpg", "b.jpg"]
        assert set(wb.journal()["state"]) == {"emptied"}
    shutil.rmtree(folder)
    assert [path.name for path in folder.parent.iterdir()] == ["store"]
