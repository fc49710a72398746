"""The mutation harness runs the tests that come to what is changed, and says which fails first."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools.mutation import forked_tests, reach

ROOT = Path(__file__).parents[2]
SOURCE = textwrap.dedent(
    """\
    LIMIT = 3

    @decorated
    def choose(
        value, most=LIMIT,
    ):
        if value > most or (
            value is None
        ):
            return (
                most
            )
        # a comment
        return value
    """
)


@pytest.mark.parametrize(
    ("line", "inside", "first", "last"),
    [(1, False, 1, 1), (3, False, 3, 6), (5, False, 3, 6), (8, True, 7, 9), (11, True, 10, 12)],
)
def test_a_line_belongs_to_a_statement_that_runs_with_its_function_or_before(
    line, inside, first, last
):
    assert reach.statement(SOURCE, line) == (inside, range(first, last + 1))


def test_the_changed_line_is_the_first_that_differs():
    assert reach.first_changed_line(SOURCE, SOURCE.replace("value > most", "value < most")) == 7


@pytest.mark.parametrize(
    ("line", "changed", "counts"),
    [
        ("    value, most=LIMIT,", "    value, /, most=LIMIT,", True),
        ("    value, most=LIMIT,", "    value, >>, most=LIMIT,", False),
        ("value is None", "value is 3", False),
    ],
)
def test_what_no_python_would_run_is_no_mutation(line, changed, counts):
    assert reach.is_python(SOURCE)
    assert reach.is_python(SOURCE.replace(line, changed)) is counts


@pytest.fixture
def checkout(tmp_path):
    """Make a small checkout with two modules, one of which has the other's limit."""
    files = {
        "imgurer_kernel/__init__.py": "",
        "imgurer_kernel/index/__init__.py": "",
        "imgurer_kernel/index/limits.py": "LIMIT = 3\n",
        "imgurer_kernel/index/info.py": (
            "from imgurer_kernel.index.limits import LIMIT\n\n"
            "def small(value):\n    return value <= LIMIT\n\n"
            "def doubled(value):\n    return 2 * value\n"
        ),
        "tests/__init__.py": "",
        "tests/index/__init__.py": "",
        "tests/index/test_info.py": (
            "from imgurer_kernel.index.info import doubled, small\n\n"
            "def test_small():\n    assert small(1)\n\n"
            "def test_doubled():\n    assert doubled(3) == 6\n"
        ),
        "tests/index/test_all.py": (
            "from imgurer_kernel.index import info\n\n"
            "def test_all():\n    assert info.small(3)\n    assert info.doubled(0) == 0\n\n"
            "def test_that_fails():\n    assert info.doubled(1) == 3\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


@pytest.mark.long
def test_tests_that_come_to_a_line_are_chosen_the_modules_own_first(checkout):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout), str(ROOT)])}
    found = reach.record(
        "index", checkout, Path(sys.executable), environment, checkout / "reached.json"
    )
    module = checkout / "imgurer_kernel" / "index" / "info.py"
    text = module.read_text("utf-8")

    def chosen(before, after):
        return found.tests(module, text, text.replace(before, after), checkout)

    of_small = ["tests/index/test_info.py::test_small", "tests/index/test_all.py::test_all"]
    assert chosen("<=", "<") == of_small
    assert chosen("2 *", "3 *") == [each.replace("_small", "_doubled") for each in of_small]
    limits = module.with_name("limits.py")
    chosen_by_import = found.tests(limits, "LIMIT = 3\n", "LIMIT = 2\n", checkout)
    assert {*of_small} <= {*chosen_by_import}, "a constant matters where it is imported"


@pytest.mark.long
def test_each_change_of_a_source_is_seen_by_the_next_run(checkout):
    """A process that imports nothing of the checkout is forked for each."""
    # As the tool does: a changed source may have the size and the time of the one before.
    compiled = ["compileall", "-q", "--invalidation-mode", "checked-hash", "imgurer_kernel"]
    subprocess.run([sys.executable, "-m", *compiled], cwd=checkout, check=True)
    process = subprocess.Popen(
        [sys.executable, "-P", forked_tests.__file__, "tests/index/test_info.py"],
        cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    module = checkout / "imgurer_kernel" / "index" / "info.py"
    text = module.read_text("utf-8")

    def noticed(source, seconds=60, tests="tests/index/test_info.py"):
        module.write_text(source, "utf-8")
        request = {"tests": [tests], "seconds": seconds}
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    assert not noticed(text)
    assert noticed(text.replace("2 *", "3 *")) == "tests/index/test_info.py::test_doubled"
    assert noticed(text.replace("<=", ">")) == "tests/index/test_info.py::test_small"
    assert noticed("import nothing_of_that_name\n") == "tests/index/test_info.py"
    assert noticed(text.replace("return 2", "while 1: value\n    return 2"), 1) == "no end"
    assert not noticed(text)
    # A name may contain a number that was changed.
    assert not noticed(text, tests="tests/index/test_info.py::test_small[3]")
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()
