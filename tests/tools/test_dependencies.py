"""The pins can be refreshed, every licence is known, and a wheel holds what it should."""

import subprocess
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tools import dependencies

ROOT = Path(__file__).parents[2]
OF_OTHERS = ("requirements.txt", "environment.yml", "constraints.txt")


@pytest.mark.parametrize("name", OF_OTHERS)
def test_putting_in_the_versions_that_are_there_changes_nothing(name):
    text = (ROOT / name).read_text("utf-8")
    assert dependencies.pins(text)
    assert dependencies.with_versions(text, dependencies.pins(text)) == text


def test_versions_are_replaced_wherever_a_name_is_pinned():
    text = "# a note\n  - numpy=2.4.6\n  - pip:\n      - PyYAML==6.0\nother==1\n\n"
    changed = dependencies.with_versions(text, {"numpy": "3.0", "pyyaml": "7.1"})
    assert changed == "# a note\n  - numpy=3.0\n  - pip:\n      - PyYAML==7.1\nother==1\n\n"


def test_every_extra_is_installed_so_that_its_own_needs_are_pinned():
    found = dependencies.extras((ROOT / "pyproject.toml").read_text("utf-8"))
    assert {"excel", "map", "notebooks", "docs", "test"} <= set(found)


def test_constraints_are_the_rest_in_order():
    frozen = {"zlib-ng": "2", "numpy": "3.0", "attrs": "26.1"}
    text = dependencies.as_constraints("# header\n", frozen, {"numpy": "2.4"})
    assert text == "# header\nattrs==26.1\nzlib-ng==2\n"


def test_a_refresh_writes_all_three(tmp_path, monkeypatch):
    for name in OF_OTHERS:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(dependencies, "ROOT", tmp_path)
    monkeypatch.setattr(dependencies, "newest", lambda: {"numpy": "9.9", "attrs": "99.1"})
    dependencies.refresh()
    assert "numpy==9.9\n" in (tmp_path / "requirements.txt").read_text("utf-8")
    assert "- numpy=9.9\n" in (tmp_path / "environment.yml").read_text("utf-8")
    constraints = (tmp_path / "constraints.txt").read_text("utf-8").splitlines()
    assert constraints[0].startswith("# ")
    assert constraints[1:] == ["attrs==99.1"]


def test_every_licence_is_known_and_none_asks_for_our_source():
    rows = list(dependencies.licences())
    assert len(rows) > 100
    assert not [row for row in rows if row[2] == dependencies.UNKNOWN]
    assert not [row for row in rows if "GPL" in row[2].replace("LGPL", "")]


def test_every_python_that_is_promised_can_have_what_is_pinned():
    # Debian 12 has 3.11.2, and some libraries leave out the first releases of a series.
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    oldest = pyproject["project"]["requires-python"].removeprefix(">=") + ".0"
    needs = {
        name: metadata.distribution(name).metadata["Requires-Python"] or ""
        for name, _, _ in dependencies.licences()
    }
    assert not {name: said for name, said in needs.items() if oldest not in SpecifierSet(said)}


def test_a_wheel_holds_the_package_and_nothing_else(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    with zipfile.ZipFile(next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))) as wheel:
        held = set(wheel.namelist())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "imgurer_kernel", "data/pictures"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    tracked = {name for name in listed.stdout.decode().split("\0") if name}
    wanted = {
        f"imgurer_kernel/{name}" if name.startswith("data/") else name for name in tracked
    } | {"imgurer_kernel/ui/dashboard.ipynb"}
    papers = {name for name in held if ".dist-info/" in name}
    assert held - papers == wanted
    assert {Path(name).name for name in papers} == {
        "METADATA", "WHEEL", "RECORD", "LICENSE", "entry_points.txt"
    }  # fmt: skip
