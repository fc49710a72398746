"""Servers for the tests: a real one in a process of its own, on a free port."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

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
def serving(root, *, notebook=None, environment=None, **options):
    """Run ``serve`` in another process until the block ends."""
    import json

    options |= {"root": str(root), "notebook": str(notebook) if notebook else None}
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, json.dumps(options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=root if Path(root).is_dir() else None,
        env={**os.environ, "PYTHONPATH": path, "IMGURER_TOKEN": TOKEN, **(environment or {})},
    )
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
        yield Server(url, Path(root), process, lines)
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
