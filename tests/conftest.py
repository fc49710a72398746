"""Where tests work and how long their forms are; hypothesis; fixtures of the support modules."""

import gc
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Tests run in as many processes as there are cores; threads of BLAS would only wait for each other
# (measured with two processes a core: three times the processor time). It reads this once.
if "OPENBLAS_NUM_THREADS" not in os.environ:
    assert "numpy" not in sys.modules, "something imports numpy before tests/conftest.py"
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
gc.disable()  # until all tests are collected

# Containers set this, and it hides what was not flushed, or could not be; users have it not.
os.environ.pop("PYTHONUNBUFFERED", None)

# Under nohup or in the background these are ignored, by every process that is started, and tests
# wait for their effect.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A new store waits for the disk for a fifth of a second; a file system in memory has nothing to
# wait for, and keeps hard links, modes and times all the same.
MEMORY = Path("/dev/shm")
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

from imgurer_kernel.store.catalog import Catalog  # noqa: E402
from tests.support import (  # noqa: E402
    attached_catalogs,
    begun_catalogs,
    forms,
    shared_decoders,
    stores,
)

# A deadline would make a test fail because the machine is busy; what is found is the same again
# on a machine that decides about a change.
settings.register_profile("imgurer", max_examples=20, deadline=None, derandomize="CI" in os.environ)
settings.register_profile("long", settings.get_profile("imgurer"), max_examples=500)
settings.load_profile("imgurer")

attached_catalogs.install()
begun_catalogs.install()
shared_decoders.install()

# Fixtures of the support modules.
new_place = stores.new_place
new_store = stores.new_store
templates = stores.templates


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory):
    """Keep `find_duplicates` out of the user's cache, which would grow with each run."""
    os.environ["IMGURER_CACHE"] = str(tmp_path_factory.mktemp("cache"))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long forms of tests too")


def pytest_configure(config):
    # Hundreds of stores are closed: what snapshots do is for the tests that ask for them.
    Catalog.takes_snapshots = False
    forms.LONG = config.getoption("--long")
    if forms.LONG:
        settings.load_profile("long")


def pytest_collection_finish():
    # What is imported and collected stays until the end: nobody has to look at it for garbage, now
    # (a fifth of the time of collecting) or later. The usual threshold of 700 objects is passed
    # several times by each statement of pandas: an eighth of the time of a search.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    attached_catalogs.enabled = not item.get_closest_marker("opens_catalogs")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    # pytest removes the folder of a test that has passed, and a lease that is idle looks into it.
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None:
        stores.close_below(folder)


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="a long form; ./run test --long runs it")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)
