"""A notebook workbench that finds, shows and resolves duplicate images.

Examples
--------
>>> import tempfile
>>> from imgurer_kernel import Settings, Workbench
>>> with Workbench(Settings(root=tempfile.mkdtemp())) as wb:
...     wb.statistics().images
0
"""

from importlib import import_module
from typing import TYPE_CHECKING

from imgurer_kernel.common.blas_threads import limit_blas_threads
from imgurer_kernel.common.lazy_names import lazy_names

if TYPE_CHECKING:
    from imgurer_kernel.common.records import Fingerprint
    from imgurer_kernel.errors import ImgurerError
    from imgurer_kernel.settings import Settings
    from imgurer_kernel.workbench.find import find_duplicates
    from imgurer_kernel.workbench.workbench import Workbench

_MODULES = {
    "Fingerprint": "common.records",
    "ImgurerError": "errors",
    "Settings": "settings",
    "Workbench": "workbench.workbench",
    "find_duplicates": "workbench.find",
}

__all__ = ["Fingerprint", "ImgurerError", "Settings", "Workbench", "find_duplicates"]


limit_blas_threads()

# Loaded on first use: children that decode must not pay for the workbench, pandas and DuckDB.
__getattr__, __dir__ = lazy_names(__name__, _MODULES)


def load_ipython_extension(shell: object) -> None:
    """Add the line magic ``%duplicates FOLDER``; ``%load_ext imgurer_kernel`` calls this."""
    import_module("imgurer_kernel.apps.notebook").load(shell)
