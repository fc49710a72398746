"""Time of a search for all hashes near one, and of many at once, against other packages.

Run::

    python benchmarks/search.py

All contestants take turns in one run, ten queries each, in an order that rotates, so that whatever
else the machine does hits all alike; a figure is the median over queries, a ratio the median of the
ratios on the same query. All answers are compared. Half of the queries are copies of
a hash in the set with up to 8 bits flipped, half are hashes that are not in it.

Peers that are not installed are named and left out: ``pip install faiss-cpu pybktree duckdb``.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import hashsets
import numpy as np

from imgurer_kernel.bktree import BKTree
from imgurer_kernel.hashes import scan
from imgurer_kernel.index import neighbors

Query = tuple[int, int]
Search = Callable[[Query, int], int]

# One hash in a node, in pure Python: larger sets take it minutes to build and seconds to search.
_MOST_FOR_PYBKTREE = 20_000

_TURN = 10

_SQL = (
    "SELECT i FROM hashes WHERE bit_count(xor(a, ?::UBIGINT))::SMALLINT"
    " + bit_count(xor(b, ?::UBIGINT))::SMALLINT <= ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one contestant took."""

    hashes: str
    radius: int
    contestant: str
    microseconds: float
    slowest: float
    ratio: float
    build: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=float, nargs="*", help="default 1e4 1e5 1e6")
    parser.add_argument("--radii", type=int, nargs="*", help="default 0 4 8 10 16")
    parser.add_argument("--queries", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--kinds", nargs="*", default=["photo-like", "uniform"])
    parser.add_argument(
        "--quick", action="store_true", help="100,000 hashes, radius 10, 30 queries"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    sizes = [100_000] if chosen.quick else [int(n) for n in chosen.sizes or (1e4, 1e5, 1e6)]
    radii = [10] if chosen.quick else chosen.radii or [0, 4, 8, 10, 16]
    count = 30 if chosen.quick else chosen.queries

    rows: list[Row] = []
    missing: set[str] = set()
    growth: list[dict[str, object]] = []
    for kind in chosen.kinds:
        for n in sizes:
            make = hashsets.photo_like if kind == "photo-like" else hashsets.uniform
            hashes = make(n, 1)
            queries = np.concatenate(
                (hashsets.near(hashes, count - count // 2, 8), make(count // 2, 2))
            )
            rows += race(f"{n:,} {kind}", hashes, queries, radii, missing)
            growth.append(updates(f"{n:,} {kind}", hashes))
    machine = describe_machine(count)
    print(report(machine, sorted(missing), rows, growth))
    if chosen.json:
        figures = {"machine": machine, "missing": sorted(missing), "updates": growth}
        figures["rows"] = [asdict(row) for row in rows]
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


# ---- contestants: each builds from the hashes and returns how many it finds


def bktree(hashes: hashsets.Hashes) -> Search:
    tree = BKTree.of(np.arange(len(hashes)), hashes)
    tree.warm(timeout=600)
    return lambda query, radius: len(tree.search(query, radius)[0])


def numpy_scan(hashes: hashsets.Hashes) -> Search:
    row, column = hashes.T.copy()
    return lambda query, radius: len(scan(row, column, query, radius)[0])


def faiss_flat(hashes: hashsets.Hashes) -> Search:
    import faiss

    index = faiss.IndexBinaryFlat(128)
    index.add(hashes.view(np.uint8))
    faiss.omp_set_num_threads(1)

    def search(query: Query, radius: int) -> int:
        one = np.array([query], dtype=np.uint64).view(np.uint8)
        # Its range search leaves the radius itself out.
        return int(index.range_search(one, radius + 1)[0][1])

    return search


def duckdb_scan(hashes: hashsets.Hashes) -> Search:
    import duckdb
    import pandas as pd

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    frame = pd.DataFrame({"i": np.arange(len(hashes)), "a": hashes[:, 0], "b": hashes[:, 1]})
    connection.register("frame", frame)
    connection.execute("CREATE TABLE hashes AS SELECT * FROM frame")
    return lambda query, radius: len(connection.execute(_SQL, [*query, radius]).fetchall())


def python_tree(hashes: hashsets.Hashes) -> Search:
    import pybktree

    if len(hashes) > _MOST_FOR_PYBKTREE:
        raise LookupError
    whole = [(row << 64) | column for row, column in hashes.tolist()]
    tree = pybktree.BKTree(pybktree.hamming_distance, whole)
    return lambda query, radius: len(tree.find((query[0] << 64) | query[1], radius))


CONTESTANTS: dict[str, tuple[str, Callable[[hashsets.Hashes], Search]]] = {
    "imgurer BKTree": ("imgurer", bktree),
    "scan by numpy": ("numpy", numpy_scan),
    "faiss IndexBinaryFlat": ("faiss-cpu", faiss_flat),
    "DuckDB, SQL scan": ("duckdb", duckdb_scan),
    "pybktree": ("pybktree", python_tree),
}


# ---- measuring


def race(
    name: str,
    hashes: hashsets.Hashes,
    queries: hashsets.Hashes,
    radii: list[int],
    missing: set[str],
) -> list[Row]:
    searches: dict[str, Search] = {}
    built: dict[str, float] = {}
    for contestant, (package, make) in CONTESTANTS.items():
        begun = time.perf_counter()
        try:
            searches[contestant] = make(hashes)
        except ImportError:
            missing.add(package)
            continue
        except LookupError:
            continue
        built[contestant] = time.perf_counter() - begun
    built["imgurer BKTree"] = rebuild(hashes)
    rows = []
    for radius in radii:
        times = take_turns(searches, queries, radius)
        rows += [
            Row(
                hashes=name,
                radius=radius,
                contestant=contestant,
                microseconds=1e6 * statistics.median(taken),
                slowest=1e6 * float(np.percentile(taken, 99)),
                ratio=statistics.median(
                    a / b for a, b in zip(taken, times["imgurer BKTree"], strict=True)
                ),
                build=built[contestant],
            )
            for contestant, taken in times.items()
        ]
        rows.append(batch(name, hashes, queries, radius, times["imgurer BKTree"]))
    return rows


def rebuild(hashes: hashsets.Hashes) -> float:
    """Seconds to build the tree once everything is compiled."""
    tree = BKTree()
    tree.warm(timeout=600)
    begun = time.perf_counter()
    tree.extend(np.arange(len(hashes)), hashes)
    return time.perf_counter() - begun


def take_turns(
    searches: dict[str, Search], queries: hashsets.Hashes, radius: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {contestant: [] for contestant in searches}
    names = list(searches)
    asked = [(row, column) for row, column in queries.tolist()]
    for turn, start in enumerate(range(0, len(asked), _TURN)):
        first, found = turn % len(names), {}
        for contestant in names[first:] + names[:first]:
            found[contestant] = []
            for query in asked[start : start + _TURN]:
                begun = time.perf_counter()
                found[contestant].append(searches[contestant](query, radius))
                times[contestant].append(time.perf_counter() - begun)
        if any(counts != found["imgurer BKTree"] for counts in found.values()):
            sys.exit(f"they disagree in turn {turn} at radius {radius}: {found}")
    return times


def batch(
    name: str, hashes: hashsets.Hashes, queries: hashsets.Hashes, radius: int, single: list[float]
) -> Row:
    """All hashes asked for their neighbours at once, on all cores; the time of each."""
    asked = hashes[: 200_000 if len(hashes) > 200_000 else None]
    neighbors(hashes, queries, radius)
    begun = time.perf_counter()
    neighbors(hashes, asked, radius)
    taken = (time.perf_counter() - begun) / len(asked)
    return Row(
        hashes=name,
        radius=radius,
        contestant=f"imgurer neighbors, {len(asked):,} at once",
        microseconds=1e6 * taken,
        slowest=float("nan"),
        ratio=taken / statistics.median(single),
        build=0.0,
    )


def updates(name: str, hashes: hashsets.Hashes) -> dict[str, object]:
    """What additions and removals take, and the memory of the index."""
    count = min(len(hashes) // 2, 20_000)
    tree = BKTree()
    tree.warm(timeout=600)
    tree.extend(np.arange(len(hashes) - count), hashes[:-count])
    begun = time.perf_counter()
    for number in range(len(hashes) - count, len(hashes)):
        tree.add(number, (int(hashes[number, 0]), int(hashes[number, 1])))
    added = (time.perf_counter() - begun) / count
    begun = time.perf_counter()
    for number in range(0, count, 20):
        tree.remove(number)
    removed = (time.perf_counter() - begun) / (count / 20)
    return {
        "hashes": name,
        "add": 1e6 * added,
        "remove": 1e6 * removed,
        "bytes": tree.info().nbytes / len(tree),
    }


# ---- telling


def describe_machine(queries: int) -> str:
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text("utf-8").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = named[0] if named else processor
    versions = []
    for package in ("numpy", "numba", "faiss-cpu", "duckdb", "pybktree"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python "
        f"{platform.python_version()}, {', '.join(versions)}; {queries} queries, single queries "
        f"on one core each; at most {memory:,.0f} MB"
    )


def report(
    machine: str, missing: list[str], rows: list[Row], growth: list[dict[str, object]]
) -> str:
    lines = [machine, ""]
    if missing:
        lines += [f"Not installed and left out: {', '.join(missing)}.", ""]
    lines += [
        "| hashes | radius | contestant | us a query, median | 99 % | times BKTree | build s |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.hashes} | {row.radius} | {row.contestant} | {row.microseconds:,.1f} | "
        f"{row.slowest:,.0f} | {row.ratio:.2f} | {row.build:.3f} |"
        for row in rows
    ]
    lines += ["", "| hashes | us to add one | us to remove one | bytes a hash |"]
    lines += ["|---|---:|---:|---:|"]
    lines += [
        f"| {row['hashes']} | {row['add']:.1f} | {row['remove']:.1f} | {row['bytes']:.0f} |"
        for row in growth
    ]
    return "\n".join(lines).replace("| nan |", "| |")


if __name__ == "__main__":
    main()
