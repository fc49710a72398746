"""What it takes to start: imports, opening a large store, a first search, memory.

Run::

    python benchmarks/startup.py

Each figure is of processes of their own. Imports are measured in a process that has imported
numpy, pandas, duckdb and Pillow; modules compiled by Python, and functions compiled by numba, are
there from an earlier process. The stores hold catalogs of photo-like hashes without originals; the
first search (plain dHash, radius 10) is for a picture that is given as bytes, from an open process
to its frame of results, that is with opening the catalog, reading all hashes and building the tree.
Memory is what the system counts as resident, of Linux.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import describe, table

PACKAGES = ("numpy", "pandas", "duckdb", "pillow", "numba")
Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a store of 200,000; fewer rounds")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--stores", type=Path, help="keep the stores in this folder, or find them")
    chosen = parser.parse_args()
    large, rounds = (200_000, 3) if chosen.quick else (1_000_000, 7)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run = Runner(folder)
        run("readying", folder)
        imports = median([run("loading", folder) for _ in range(rounds + 1)][1:])
        stores = {}
        for images in (100_000, large):
            stores[images] = (chosen.stores or folder) / str(images)
            if not (stores[images] / "catalog.duckdb").exists():
                run("making", stores[images], images)
        opened = {
            images: median([run("opening", store) for _ in range(rounds)])
            for images, store in stores.items()
        }
        memory = {images: run("remembering", store) for images, store in stores.items()}
    goals = compare(imports, opened[large], memory[100_000], large)
    machine = f"{describe(PACKAGES)}; {rounds} rounds"
    sys.stdout.write(report_text(machine, imports, opened, memory, goals) + "\n")
    if chosen.json:
        figures = {"machine": machine, "imports": imports, "opened": opened, "memory": memory}
        chosen.json.write_text(json.dumps(figures | {"goals": goals}, indent=1) + "\n", "utf-8")


class Runner:
    """Runs one part in a process, which finds its compiled modules in a folder."""

    def __init__(self, folder: Path) -> None:
        compiled = {"PYTHONPYCACHEPREFIX": str(folder), "NUMBA_CACHE_DIR": str(folder / "numba")}
        self._environment = os.environ | compiled
        self._environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def __call__(self, part: str, root: Path, images: int = 0) -> Figures:
        """The figures of a part."""
        script = Path(__file__).with_name("startup_parts.py")
        done = subprocess.run(
            [sys.executable, str(script), part, str(root), str(images)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=self._environment,
        )
        figures: Figures = json.loads(done.stdout.splitlines()[-1])
        return figures


def median(runs: list[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def compare(imports: Figures, opened: Figures, memory: Figures, large: int) -> list[dict[str, str]]:
    """The goals, and what was measured."""
    return [
        {"work": work, "must": must, "measured": measured}
        for work, must, measured in (
            (
                "import over numpy, pandas, duckdb and Pillow",
                "0.15 s",
                f"{imports['wall']:.2f} s ({imports['cpu']:.2f} s of the processor)",
            ),
            (
                f"open a store of {large:,} and search first",
                "2 s",
                f"{opened['first']:.2f} s ({opened['first_cpu']:.2f} s of the processors)",
            ),
            (
                "kernel with 100,000 images, before numba",
                "220 MB",
                f"{memory['searched']:.0f} MB",
            ),
            ("kernel with 100,000 images, after", "330 MB", f"{memory['clustered']:.0f} MB"),
            ("search, for each image", "60 bytes", f"{memory['index_bytes']:.0f} bytes"),
        )
    ]


def report_text(
    machine: str,
    imports: Figures,
    opened: dict[int, Figures],
    memory: dict[int, Figures],
    goals: list[dict[str, str]],
) -> str:
    head = ["images", "first search s", "CPU s", "next search s"]
    head += ["imported MB", "searched MB", "clustered MB"]
    rows: list[list[object]] = [
        [
            *(f"{images:,}", f"{took['first']:.2f}", f"{took['first_cpu']:.2f}"),
            *(f"{took['next']:.3f}", f"{memory[images]['imports']:.0f}"),
            *(f"{memory[images]['searched']:.0f}", f"{memory[images]['clustered']:.0f}"),
        ]
        for images, took in opened.items()
    ]
    lines = [machine, "", f"Import: {imports['wall']:.3f} s, {imports['cpu']:.3f} s CPU.", ""]
    lines += table(head, rows, left=())
    keys = ("work", "must", "measured")
    lines += [""]
    lines += table(["work", "at most", "measured"], [[goal[key] for key in keys] for goal in goals])
    return "\n".join(lines)


if __name__ == "__main__":
    main()
