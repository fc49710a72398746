"""The mutation harness knows for each core module which tests should fail."""

from pathlib import Path

import pytest

from tools.mutation import rooms

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_every_core_module_has_tests_that_may_notice():
    found = rooms.modules(ROOT)
    assert {path.relative_to(ROOT / "imgurer_kernel").parent.as_posix() for path in found} == {
        *rooms.CORE
    }
    for module in found:
        tests = rooms.tests_of(module, ROOT)
        assert tests
        assert all(path.exists() for path in tests)
        assert len({*tests}) == len(tests)


def test_a_modules_own_tests_come_before_its_rooms():
    module = ROOT / "imgurer_kernel" / "matching" / "clusters" / "solver.py"
    names = [path.name for path in rooms.tests_of(module, ROOT)]
    assert names[0] == "test_clusters_solver.py"
    assert "solver.py" in names, "its examples"
    assert names[-1] == "matching"


@pytest.mark.long
def test_a_module_without_tests_of_its_own_is_left_to_its_room():
    """A module with doctests only would be run by no test, which looks like a detected mutation."""
    for module in rooms.modules(ROOT):
        own = rooms.own_tests(module, ROOT)
        assert any(path.is_dir() or path.name.startswith("test_") for path in own), module
    evidence = ROOT / "imgurer_kernel" / "matching" / "evidence.py"
    assert [path.name for path in rooms.own_tests(evidence, ROOT)] == ["evidence.py", "matching"]


def test_tests_that_import_a_module_beside_others_are_among_its_own():
    module = ROOT / "imgurer_kernel" / "store" / "catalog" / "snapshots.py"
    assert "test_recover.py" in {path.name for path in rooms.own_tests(module, ROOT)}
