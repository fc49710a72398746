"""Servers for the tests: real ones in processes of their own, on free ports."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imgurer_kernel.apps.server import forked_kernels
from tests.e2e.forked_servers import fork

TOKEN = "the-token-of-servers-that-are-tested"
"""Of those without a login; a browser's first request shows it, and gets a cookie for the rest."""

REPOSITORY = Path(__file__).parents[2]

PROGRAM = """
import json, sys
from imgurer_kernel.apps.server import serve
from imgurer_kernel.settings import Settings
options = json.loads(sys.argv[1])
root, notebook = options.pop("root"), options.pop("notebook")
if notebook:
    from pathlib import Path
    options["notebook"] = Path(notebook)
serve(Settings(root=root), port=0, open_browser=False, **options)
"""


@dataclass(frozen=True)
class Server:
    """A running server: its address, the folder of its store, its process, its output."""

    url: str
    root: Path
    process: subprocess.Popen
    lines: list[str]


@contextlib.contextmanager
def serving(root, *, notebook=None, environment=None, forked=True, **options):
    """Run ``serve`` in another process until the block ends.

    It is forked from one with the imports that all of them need. With variables of its own, or
    without `forked`, it is started as by a user.
    """
    import json

    options |= {"root": str(root), "notebook": str(notebook) if notebook else None}
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    variables = {**os.environ, "PYTHONPATH": path, "IMGURER_TOKEN": TOKEN, **(environment or {})}
    folder = root if Path(root).is_dir() else None
    with contextlib.ExitStack() as stack:
        if forked and not environment and forked_kernels.AVAILABLE:
            out = Path(stack.enter_context(TemporaryDirectory())) / "out"
            process = fork(
                PROGRAM,
                json.dumps(options),
                environment=variables,
                folder=folder or Path.cwd(),
                out=out,
            )
        else:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(options)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=folder,
                env=variables,
            )
        yield from _running(process, Path(root))


def _running(process, root):
    """A server once it is there, until it has ended."""
    lines, said = [], queue.Queue()

    def listen():
        for line in process.stdout:
            lines.append(line.rstrip())
            said.put(line)
        said.put("")

    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    try:
        while "imgurer is at " not in (line := said.get(timeout=60)):
            assert line, "the server ended: " + "\n".join(lines)
        url = line.split("imgurer is at ")[1].strip().partition("?token=")[0]
        yield Server(url, root, process, lines)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        reader.join(5)
        process.stdout.close()
