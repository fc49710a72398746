"""The repository's own promises: files, pins, notebooks."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

ROOT = Path(__file__).parents[1]


def pins(text, separator):
    """name -> version of every pinned line, whatever stands before it."""
    found = re.findall(rf"^[\s-]*([A-Za-z0-9._-]+){separator}([0-9][\w.]*)$", text, re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


def groups(text):
    return [line.strip("# ") for line in text.splitlines() if re.match(r"\s*# [a-z, ]+$", line)]


def test_environment_and_requirements_name_the_same_versions():
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    environment = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert pins(environment, "={1,2}") == pins(requirements, "==")
    assert groups(environment) == groups(requirements)


def test_every_requirement_is_pinned():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in wanted)
    assert wanted


def test_the_package_needs_only_what_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    pinned = pins((ROOT / "requirements.txt").read_text(encoding="utf-8"), "==")
    assert {re.split(r"[<>=]", line)[0] for line in wanted} == set(pinned)


def test_constraints_do_not_repeat_requirements():
    pinned = pins((ROOT / "requirements.txt").read_text(encoding="utf-8"), "==")
    constraints = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"), "==")
    assert constraints
    assert not pinned.keys() & constraints.keys()


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_are_thin(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"], "widget state is stripped"
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = TransformerManager().transform_cell("".join(cell["source"]))
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda), source


def test_the_dashboard_notebook_has_four_cells_and_no_output():
    notebook = json.loads((ROOT / "notebooks" / "dashboard.ipynb").read_text(encoding="utf-8"))
    assert len(notebook["cells"]) == 4
    assert "Dashboard(" in "".join(notebook["cells"][-1]["source"])
    assert not any(cell.get("outputs") for cell in notebook["cells"])


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", "LICENSE", "run", ".ci/run", "environment.yml"]
)
def test_the_files_of_a_repository_exist(name):
    assert (ROOT / name).stat().st_size > 100
