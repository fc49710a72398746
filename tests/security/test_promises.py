"""Each promise of SECURITY.md names tests that exist."""

import ast
import re

import pytest

from tests.e2e.servers import REPOSITORY

TEXT = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
NAMED = re.findall(r"tests/[\w/.]+\.py(?:::\w+)?", TEXT)


def test_promises_name_tests():
    assert len(NAMED) > 40
    in_brackets = re.findall(r"\[([^\]]*tests/[^\]]*)\]", TEXT)
    named = [each for group in in_brackets for each in re.split(r",\s+", group.strip())]
    assert all(re.fullmatch(r"tests/[\w/]+\.py::test_\w+", each) for each in named)


@pytest.mark.parametrize("name", sorted(set(NAMED)))
def test_a_test_that_is_named_is_there(name):
    file, _, function = name.partition("::")
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert not function or function in found
