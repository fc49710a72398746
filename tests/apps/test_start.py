"""What a process pays for an import alone."""

import subprocess
import sys


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
    program = f"import sys, imgurer_kernel; print(sorted({late} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
