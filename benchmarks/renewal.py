"""Time of finding the duplicates of a store again after a few new pictures.

Run on a store that `clusters.py` has made and kept; it is copied, and stays as it is::

    python benchmarks/clusters.py --made --sizes 100000 --keep FOLDER
    python benchmarks/renewal.py FOLDER/store-100000-1

In each round a kernel that shows the last answer gets 1 and then 100 more pictures, and a new one
100. With `--rows` the answers are written to a folder, to be compared with those of other code.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
import numpy as np
from clusters import Maker, enter, timed

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.store.catalog import Catalog

COPIED = "catalog.duckdb", "derived", "snapshots"


def copy_store(store, root):
    """Copy a store; thumbnails, which are never written to, by hard links."""
    shutil.copytree(
        store / "thumbs", root / "thumbs", copy_function=lambda a, b: Path(b).hardlink_to(a)
    )
    for name in COPIED:
        if (store / name).is_dir():
            shutil.copytree(store / name, root / name)
        elif (store / name).exists():
            shutil.copy2(store / name, root / name)


def find(workbench, rows, name):
    """Find the clusters; what it took on the clock and of the processor."""
    frame, seconds, cpu = timed(lambda: workbench.clusters(progress=False))
    if rows:
        frame.to_pickle(Path(rows) / f"{name}-file.pkl")
        workbench.clusters(by="image", progress=False).to_pickle(Path(rows) / f"{name}-image.pkl")
    return seconds, cpu


def old_kernel(store, maker, rows):
    """A kernel that has answered: after 1 new picture, and after 100 more."""
    figures = {}
    with tempfile.TemporaryDirectory(dir=store.parent) as folder:
        copy_store(store, Path(folder))
        with Workbench(Settings(root=folder)) as workbench:
            figures["nothing new"] = find(workbench, rows, "nothing")
            size = len(workbench.images())
            for new in (1, 100):
                enter(workbench.catalog, Path(folder), maker, range(size, size + new))
                size += new
                figures[f"{new} new"] = find(workbench, rows, f"after-{new}")
    return figures


def new_kernel(store, maker, rows):
    """A kernel that begins, after 100 new pictures."""
    with tempfile.TemporaryDirectory(dir=store.parent) as folder:
        copy_store(store, Path(folder))
        with Catalog(Path(folder)) as catalog:
            size = catalog.run(lambda it: it.execute("SELECT count(*) FROM images").fetchone()[0])
            enter(catalog, Path(folder), maker, range(size, size + 100))
        command = [sys.executable, __file__, folder, "--begin", *(["--rows", rows] if rows else [])]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return {"100 new, a new kernel": json.loads(done.stdout)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="that the store was made with")
    parser.add_argument("--rows", help="write the answers to this folder")
    parser.add_argument("--begin", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.begin:
        with Workbench(Settings(root=args.store)) as workbench:
            print(json.dumps(find(workbench, args.rows, "new-kernel")))
        return
    if args.rows:
        Path(args.rows).mkdir(parents=True, exist_ok=True)
    maker = Maker(np.load(args.store.parent / "photos.npy"), args.seed)
    runs = [
        old_kernel(args.store, maker, args.rows) | new_kernel(args.store, maker, args.rows)
        for _ in range(args.rounds)
    ]
    print(f"{machine.describe(('numpy', 'duckdb', 'numba'))}; median of {args.rounds}\n")
    head = ["", "s", "CPU s", "CPU s, least"]
    rows = []
    for name in runs[0]:
        seconds, cpu = zip(*(run[name] for run in runs), strict=True)
        figures = statistics.median(seconds), statistics.median(cpu), min(cpu)
        rows.append([name, *(f"{it:.2f}" for it in figures)])
    print("\n".join(machine.table(head, rows)))


if __name__ == "__main__":
    main()
