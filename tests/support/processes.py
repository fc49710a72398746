"""Start other Python processes that find this package from any folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Process(subprocess.Popen):
    """A process that ends with its block, whatever a test finds: waiting for it has no end."""

    def __exit__(self, *error):
        self.kill()
        return super().__exit__(*error)


def python(*arguments):
    """A Python process with pipes for input, output and errors, as text."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return Process(
        [sys.executable, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
