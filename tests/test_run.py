"""The script `run`, with a Python that only notes what it is asked for."""

import shutil
import subprocess

import pytest

from tests.support.processes import ROOT

SETTINGS = ("requirements.txt", "constraints.txt", "pyproject.toml")


@pytest.fixture
def clone(tmp_path):
    """A folder with the script, one compiled module, and an environment that is set up."""
    shutil.copy(ROOT / "run", tmp_path)
    for name in SETTINGS:
        (tmp_path / name).write_text(f"# {name}\n")
    module = tmp_path / "imgurer_kernel" / "index" / "_numba" / "search.py"
    python = tmp_path / ".venv" / "bin" / "python"
    for file in (module, python):
        file.parent.mkdir(parents=True)
    module.write_text("first\n")
    python.write_text(
        '#!/bin/sh\necho "$*" >>"$(dirname "$0")/asked"\n'
        'case "$*" in *compile) [ ! -e "$(dirname "$0")/fails" ] ;; esac\n'
    )
    python.chmod(0o755)
    run(tmp_path)
    return tmp_path


def run(clone):
    """Set up; return what Python was asked for, without paths."""
    asked = clone / ".venv" / "bin" / "asked"
    asked.unlink(missing_ok=True)
    subprocess.run(["./run", "setup"], cwd=clone, check=True, capture_output=True, timeout=60)
    return asked.read_text().splitlines() if asked.exists() else []


def test_nothing_is_done_again(clone):
    assert run(clone) == []


def test_what_was_changed_is_compiled_once(clone):
    """As after a pull: otherwise each process compiles it while somebody waits."""
    (clone / "imgurer_kernel/index/_numba/search.py").write_text("second\n")
    assert run(clone) == ["-m imgurer_kernel compile"]
    assert run(clone) == []


def test_another_requirement_is_installed_and_all_is_compiled_with_it(clone):
    (clone / "requirements.txt").write_text("more\n")
    asked = run(clone)
    assert any(line.startswith("-m pip install") for line in asked)
    assert asked[-1] == "-m imgurer_kernel compile"
    assert run(clone) == []


def test_what_cannot_be_compiled_now_keeps_nobody_from_starting(clone):
    (clone / "imgurer_kernel/index/_numba/search.py").write_text("second\n")
    fails = clone / ".venv" / "bin" / "fails"
    fails.touch()
    assert run(clone) == ["-m imgurer_kernel compile"]
    fails.unlink()
    assert run(clone) == ["-m imgurer_kernel compile"], "tried again"
