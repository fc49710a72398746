"""Ctrl-C during acts or undo: the message says how many were done, and how to undo them."""

import re
import signal

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.review import moves
from imgurer_kernel.review.plan import write_plan
from imgurer_kernel.review.runner import STEPS, ActRunner
from imgurer_kernel.review.undo import UNDO_STEPS
from imgurer_kernel.store.trash import Trash
from tests.review.folders import bytes_below, make_folder
from tests.support.forms import rounds
from tests.support.processes import python


@pytest.fixture
def wb(tmp_path):
    folder = make_folder(tmp_path / "in")
    (folder / "sub/a-small.xmp").write_bytes(b"<edits/>")
    with Workbench(Settings(root=tmp_path / "store", store="reference", workers=1)) as wb:
        wb.ingest(folder, progress=False)
        yield wb


def interrupted_runner(store, at, times):
    """A runner that raises KeyboardInterrupt when a step is reached for the n-th time."""
    seen = []

    def step(name):
        seen.append(name)
        if seen.count(at) == times and name == at:
            raise KeyboardInterrupt

    return ActRunner(store, Trash(store), step)


def test_after_any_step_it_says_how_many_went(wb, tmp_path):
    folder = tmp_path / "in"
    before, runner = bytes_below(folder), wb._runner
    plan = wb.plan(progress=False)
    for step in rounds(("prepared", "moved", "followed"), STEPS):
        if step == "linked":
            continue
        for times in (1, 2) if step in {"prepared", "moved"} else (1,):
            wb._runner = interrupted_runner(wb.store, step, times)
            with pytest.raises(KeyboardInterrupt) as stop:
                wb.apply(plan, progress=False)
            went = len(before) - len(bytes_below(folder, trash=False))
            went -= not (folder / "sub/a-small.xmp").exists()
            assert str(stop.value).startswith(f"interrupted: {went} of 2 files were removed")
            assert ("undo" in str(stop.value)) == (went > 0)
            assert not (wb.settings.root / "review.pending").exists()
            wb._runner = runner
            if went:
                [batch] = re.findall(r"undo (\S+)`", str(stop.value))
                assert set(wb.undo(batch=batch, progress=False)["status"]) == {"undone"}
            assert bytes_below(folder) == before


def test_undo_says_how_many_came_back(wb, tmp_path):
    before, runner = bytes_below(tmp_path / "in"), wb._runner
    for step in rounds(UNDO_STEPS[::2], UNDO_STEPS):
        wb.apply(wb.plan(progress=False), progress=False)
        wb._runner = interrupted_runner(wb.store, step, 1)
        with pytest.raises(KeyboardInterrupt, match=r"interrupted: [0-3] of 3 acts were undone"):
            wb.undo(progress=False)
        wb._runner = runner
        wb.undo(progress=False)
        assert bytes_below(tmp_path / "in") == before


def test_the_command_says_it(wb, tmp_path, capsys, monkeypatch):
    plan = write_plan(wb.plan(progress=False), tmp_path / "plan.csv")
    wb.close()
    rename, before = moves.rename, bytes_below(tmp_path / "in")
    calls = []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rename(*arguments)

    root = ["--root", str(wb.settings.root)]
    with monkeypatch.context() as patch:
        patch.setattr(moves, "rename", stopped)
        assert main([*root, "review", "apply", str(plan)]) == 130
    said = capsys.readouterr().err
    assert said.startswith("imgurer: interrupted: 1 of 2 files were removed; `imgurer review undo ")
    [batch] = re.findall(r"undo (\S+)`", said)
    assert main([*root, "review", "undo", batch]) == 0
    assert bytes_below(tmp_path / "in") == before


STOPPED = """
import sys
from imgurer_kernel.review import moves
rename = moves.rename
def slowly(*arguments):
    rename(*arguments)
    print("moved", flush=True)
    sys.stdin.readline()
moves.rename = slowly
from imgurer_kernel.apps.cli.parser import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="there is no Ctrl-C")
def test_a_signal_of_the_system(wb, tmp_path):
    plan = write_plan(wb.plan(progress=False), tmp_path / "plan.csv")
    wb.close()
    with python("-c", STOPPED, "--root", wb.settings.root, "review", "apply", plan) as process:
        assert process.stdout.readline() == "moved\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: 1 of 2 files were removed" in errors
