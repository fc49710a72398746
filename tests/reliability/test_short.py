"""The short form: a few kills, failing disks, processes. `python -m tests.reliability --long`."""

import subprocess

import pytest

from tests.reliability import shim
from tests.support.forms import rounds

pytestmark = pytest.mark.skipif(not shim.can_build(), reason="takes Linux and a C compiler")


def test_faults():
    run("--kills", rounds(1, 500), "--disk", rounds(1, 500), "--processes", 0)


def test_a_crowd():
    run("--kills", 0, "--disk", 0, "--processes", rounds(2, 8), "--seconds", rounds(1, 60))


def run(*arguments):
    words, environment = shim.command(*arguments)
    done = subprocess.run(  # noqa: PLW1510 (what it says is told first)
        words, env=environment, cwd=shim.ROOT, capture_output=True, text=True, timeout=3600
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
