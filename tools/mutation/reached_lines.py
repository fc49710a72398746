"""Record which lines of the core each test comes to: a pytest plugin, with the project's Python.

    python -m pytest -p tools.mutation.reached_lines --reached-lines FILE tests/index

Only these tests can notice that a line has changed. What a test starts as another process, and what
an earlier test has left in a cache, is not seen. Tests that fail are left out: they would seem to
notice everything.
"""

import json
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path

import coverage
import pytest

PACKAGE = "imgurer_kernel"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where to write."""
    parser.addoption("--reached-lines", type=Path, help="a file for tests by module and line")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record."""
    config.pluginmanager.register(_Recorder(config.rootpath, config.getoption("--reached-lines")))


class _Recorder:
    def __init__(self, root: Path, out: Path) -> None:
        self.root, self.out = root, out
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(root / PACKAGE / "*")]
        )
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.coverage.switch_context(item.nodeid)
        result = yield
        self.coverage.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        found = {
            Path(file).relative_to(self.root).as_posix(): {
                line: [test for test in tests if test and test not in self.failed]
                for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        self.out.write_text(json.dumps({"lines": found, "seconds": self.seconds}), "utf-8")
