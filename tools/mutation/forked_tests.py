"""Run tests again and again in a checkout whose sources change: a process forked for each time.

    cd CHECKOUT && python -P .../forked_tests.py PRELOADED...

What the tests need of other projects is imported once, by this process, which imports nothing of
the checkout. It collects the tests PRELOADED in a child to know what that is, and writes `ready`.
Each line that it then reads is `{"tests": [...], "seconds": ...}`; each that it writes says which
test failed first, or is empty.
"""

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest

OPTIONS = ("-q", "-x", "-p", "no:nbval", "-p", "no:cacheprovider", "--no-header")
# Plugins of pytest are imported already when it begins, which it says as a warning.
OPTIONS = (*OPTIONS, "-W", "ignore::pytest.PytestAssertRewriteWarning")


class FirstFailure:
    """Notes the first test, or module of tests, that fails."""

    noticed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that fails, or cannot be set up."""
        if report.failed and not self.noticed:
            self.noticed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot be imported."""
        if report.failed and not self.noticed:
            self.noticed = report.nodeid


def run_pytest(tests: Sequence[str]) -> str:
    """Run tests in this process, and return which failed first."""
    first = FirstFailure()
    status = pytest.main([*OPTIONS, *tests], plugins=[first])
    if status == pytest.ExitCode.USAGE_ERROR:
        # A test has another name, since it contains what has changed; or nothing can be imported.
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        status = pytest.main([*OPTIONS, *files], plugins=[first])
    return first.noticed or (f"status {int(status)}" if status else "")


def imported_by(tests: Sequence[str]) -> str:
    """Collect tests, and return as JSON which modules from elsewhere this has imported."""
    sys.dont_write_bytecode = False  # what pytest makes of the tests is the same for each child
    before = {*sys.modules}
    pytest.main([*OPTIONS, "--collect-only", *tests])
    here = str(Path.cwd())
    found = [
        name
        for name, module in list(sys.modules.items())
        if name not in before
        if not str(getattr(module, "__file__", None) or here).startswith(here)
    ]
    return json.dumps(found)


def in_child(act: Callable[[], str], seconds: float) -> str:
    """Return what `act` returns in a forked process, which is ended with all that it started."""
    with TemporaryFile() as answer:
        child = os.fork()
        if not child:
            _answer(act, answer)
        end = time.monotonic() + seconds
        ended = 0
        while not ended and time.monotonic() < end:
            time.sleep(0.02)
            ended, _ = os.waitpid(child, os.WNOHANG)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if not ended:
            os.waitpid(child, 0)
            return "no end"
        answer.seek(0)
        text = answer.read().decode()
    return text.removesuffix("\n") if text.endswith("\n") else "died"


def _answer(act: Callable[[], str], answer: IO[bytes]) -> None:
    """Write what `act` returns, and end this process without what Python does at its end."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    try:
        answer.write((act() + "\n").encode())
        answer.flush()
    finally:
        os._exit(0)


def main() -> None:
    """Import what the tests need, and answer requests until the input ends."""
    for name in json.loads(in_child(partial(imported_by, sys.argv[1:]), 600)):
        with suppress(Exception):  # the tests will import it, and say why not
            importlib.import_module(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(in_child(partial(run_pytest, request["tests"]), request["seconds"]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
