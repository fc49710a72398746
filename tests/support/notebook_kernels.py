"""A plugin for nbval: kernels of notebooks are forked from one process with their imports.

Importing the package, and loading its machine code, takes each kernel almost two seconds of
processor time. They share what they find in files (`kept_results`). Kernels that are started as
usual are in tests/notebooks/test_widget_protocol.py and tests/e2e/test_jupyterlab.py; in the long
form of tests/notebooks/test_notebooks.py papermill starts them.
"""

import os
import shutil
import tempfile
from pathlib import Path

import nbval.kernel
from jupyter_client.manager import KernelManager
from traitlets.config import Config, Configurable

from imgurer_kernel.apps.server import forked_kernels

# With all machine code at once, not when it is idle later.
FORKS = """
import sys
from importlib import import_module
from pkgutil import iter_modules
import pandas
from imgurer_kernel.apps import fork_server
from tests.support import kept_results

kept_results.install({kept!r})
pandas.set_option("display.max_columns", 20)  # it finds out on import whether this is a notebook
fork_server.MODULES += ("matplotlib.pyplot", "imgurer_kernel.workbench.workbench")
for package in map(import_module, fork_server.COMPILED):
    fork_server.MODULES += tuple(
        f"{{package.__name__}}.{{found.name}}" for found in iter_modules(package.__path__)
    )
fork_server.COMPILED = ()
fork_server.main()
"""


class Forking(Configurable):
    """What a kernel manager asks for the process that forks."""

    fork_server = None
    kept = ""


def pytest_configure():
    if not forked_kernels.AVAILABLE:
        return
    path = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    Forking.kept = tempfile.mkdtemp()
    program = FORKS.format(kept=Forking.kept)
    Forking.fork_server = forked_kernels.ForkServer(
        {**os.environ, "PYTHONPATH": path}, str(Path.cwd()), program=["-P", "-c", program]
    )
    forked_kernels.register()
    config = Config()
    config.KernelProvisionerFactory.default_provisioner_name = forked_kernels.PROVISIONER
    parent = Forking(config=config)
    nbval.kernel.KernelManager = lambda **options: KernelManager(parent=parent, **options)


def pytest_unconfigure():
    if Forking.fork_server is not None:
        Forking.fork_server.close()
        shutil.rmtree(Forking.kept, ignore_errors=True)
