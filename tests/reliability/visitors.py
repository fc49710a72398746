"""``python -m tests.reliability.visitors``: what dashboards that are open at once take.

A server without a login, over a small store; pages are opened one after the other and kept open.
Memory is the sum of the proportional set sizes of the server and all its descendants, of Linux:
what they share counts once. The time is that of a page as the server makes it, until all its cells
have run, without a browser; each comes when a kernel waits for it, unless `--preheat 0` is given.
With `--search` each page also looks for duplicates, of whose answer it shows nothing.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.server.config import find_notebook
from tests.e2e.servers import serving
from tests.e2e.test_http import ask, channels, kernel_of
from tests.support.pictures import jpeg

PICTURES = 30

SEARCH = """
workbench.clusters()
workbench.similar(workbench.files()["image_id"].iloc[0])
None
"""


def main():
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.visitors", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--preheat", type=int, default=1)
    parser.add_argument("--search", action="store_true", help="each page looks for duplicates")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "store")
        fill(root)
        notebook = write_searching(Path(folder, "search.ipynb")) if given.search else None
        _say(measure(root, notebook, given.visitors, given.preheat))


def fill(root):
    """Make a store of some pictures."""
    with Workbench(Settings(root=root)) as workbench:
        for seed in range(PICTURES):
            workbench.upload(f"{seed}.jpg", jpeg(seed, 320, 240))


def write_searching(path):
    """Write the dashboard's notebook with one more cell, which compares all pictures."""
    book = json.loads(find_notebook().read_text(encoding="utf-8"))
    cell = {**book["cells"][-1], "id": "search"}
    cell["source"] = SEARCH
    book["cells"].append(cell)
    path.write_text(json.dumps(book), encoding="utf-8")
    return path


def measure(root, notebook, visitors, preheat):
    """Open so many pages; returns what they took, in a line."""
    with (
        serving(root, notebook=notebook, preheat=preheat, max_kernels=visitors) as server,
        contextlib.ExitStack() as open_pages,
    ):
        all_processes = [psutil.Process(server.process.pid)]
        _settle(all_processes[0])
        first = _processor_seconds(all_processes[0])
        times = []
        for _ in range(visitors):
            started = time.monotonic()
            page = ask(server, "/")
            assert page.status == 200, page.body
            times.append(time.monotonic() - started)
            open_pages.enter_context(channels(server, kernel_of(page)))
            _settle(all_processes[0])
        seconds = (_processor_seconds(all_processes[0]) - first) / visitors
        sizes = sorted(_proportional(each) for each in _family(all_processes[0]))
    return (
        f"{visitors} visitors, {preheat} waiting: {sum(sizes):,.0f} MB in {len(sizes)} processes, "
        f"the median {statistics.median(sizes):.1f}, the largest {sizes[-1]:.0f}; a page takes "
        f"{seconds:.2f} s of the processor, and stands after {statistics.median(times):.2f} s"
    )


def _family(process):
    return [process, *process.children(recursive=True)]


def _processor_seconds(process):
    return sum(sum(each.cpu_times()[:2]) for each in _family(process))


def _settle(process):
    """Wait until all processes are idle: the kernel for the next visitor is ready."""
    quiet, before = 0, -1.0
    while quiet < 4:
        time.sleep(0.5)
        now = _processor_seconds(process)
        quiet = quiet + 1 if now - before < 0.06 else 0
        before = now


def _proportional(process):
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("Pss:")) / 1000


def _say(line):
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
