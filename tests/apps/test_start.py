"""Imports load no more modules than they need."""

import subprocess
import sys

import pytest


@pytest.mark.long
def test_importing_the_package_loads_nothing_that_is_needed_later_only():
    late = {
        "numba",
        "llvmlite",
        "voila",
        "ipywidgets",
        "anywidget",
        "tornado",
        "matplotlib",
        "tqdm",
    }
    program = (
        "import sys; from imgurer_kernel import Workbench; "
        f"print(sorted({late} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.long
def test_each_package_loads_only_what_it_needs():
    """Names of the package itself are imported when they are first used."""
    program = (
        "import sys, imgurer_kernel; from imgurer_kernel import index, fingerprint; "
        "print(*{'pandas', 'duckdb', 'imgurer_kernel.workbench'} & sys.modules.keys()); "
        "imgurer_kernel.Workbench; print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout == "\nTrue\n"


@pytest.mark.long
def test_the_server_starts_without_the_slow_optional_package_and_leaves_it_to_others():
    program = (
        "import sys, importlib.util, imgurer_kernel.apps.server, imgurer_kernel.apps.server.app; "
        "assert 'duckdb' not in sys.modules; "
        "print('jsonschema' in sys.modules, 'rfc3987_syntax' in sys.modules, "
        "importlib.util.find_spec('rfc3987_syntax') is None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    imported, slow, missing = done.stdout.decode().split()
    assert (imported, slow) == ("True", "False")
    if missing == "True":
        pytest.skip("rfc3987_syntax is not installed: there is nothing to leave out")
