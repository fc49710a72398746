"""The shim that kills a process, or has its disk fail, at a step: built once, used by children.

A step is a call that changes a file below one folder: write, fsync, truncate, rename, link, unlink,
mkdir; by Python or by DuckDB. Whoever uses it must have been started with the shim loaded, as
`command` does it; its children are forked, which takes milliseconds.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_LOADED = "IMGURER_RELIABILITY_SHIM"


def can_build():
    """Whether there is a C compiler, and a system on which this works."""
    return sys.platform == "linux" and shutil.which("cc") is not None


def is_loaded():
    return _LOADED in os.environ


def command(*arguments):
    """The command and environment of this harness, started with the shim loaded."""
    library = Path(tempfile.gettempdir()) / f"imgurer-shim-{os.getuid()}-{os.getpid()}.so"
    options = ["-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "shim.c"), "-ldl"]
    subprocess.run(["cc", *options], check=True)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = os.environ | {
        "LD_PRELOAD": str(library),
        _LOADED: str(library),
        "PYTHONPATH": paths,
        "OPENBLAS_NUM_THREADS": "1",
    }
    return [sys.executable, "-m", "tests.reliability", *map(str, arguments)], environment


@dataclass(frozen=True)
class Ended:
    """How a child has ended: what it acknowledged, what it complained of, whether it was killed."""

    said: list
    complaint: str
    killed: bool


def run(work, folder, at=-1, error=0, log=None):
    """Run `work(acknowledge)` in a child whose step number `at` below a folder is its last.

    Parameters
    ----------
    error
        An errno, with which the step and all after it fail instead; 0 to kill.
    log
        A file to which the steps are written.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        os.close(reading)
        try:
            log_descriptor = -1 if log is None else os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
            shim = ctypes.CDLL(os.environ[_LOADED])
            shim.shim_arm.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int]
            shim.shim_arm(os.fsencode(folder), at, error, log_descriptor)
            work(lambda text: os.write(writing, f"said {text}\n".encode()))
            status = 0
        except BaseException as caught:  # noqa: BLE001 - whatever it is, it is told
            from imgurer_kernel.errors import ImgurerError

            if isinstance(caught, ImgurerError):
                words = f"error {type(caught).__name__}"
            else:
                words = "foreign " + traceback.format_exc().replace("\n", " | ")
            os.write(writing, f"{words}\n".encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    said = [line[5:] for line in lines if line.startswith("said ")]
    complaint = next((line for line in lines if not line.startswith("said ")), "")
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return Ended(said, complaint, killed)
