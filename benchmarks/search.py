"""Time of a search for all hashes near one, and of many at once, against other packages.

Run::

    python benchmarks/search.py

All contestants take turns in one run, ten queries each, in an order that rotates, so that whatever
else the machine does hits all alike; a figure is the median over queries, a ratio the median of the
ratios on the same query. All answers are compared. Half of the queries are copies of a hash in the
set with up to 8 bits flipped, half are hashes that are not in it, in random order. Single queries
run on one core, batches on all.

Trees in pure Python get smaller sets (to 20,000) and the first ten queries only. Peers that are not
installed are named and left out: see ``requirements.txt``.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import hashsets
import machine
import numpy as np

from imgurer_kernel.index import BKTree, neighbors
from imgurer_kernel.index.hash_arrays import scan

Query = tuple[int, int]
Search = Callable[[Query, int], int]

OURS = "imgurer BKTree"
FAISS = "faiss IndexBinaryFlat"

# One hash in a node, in pure Python: larger sets take it minutes to build and seconds to search.
_MOST_FOR_PYTHON = 20_000

_TURN = 10

# Queries of a batch: for tables it is a small part of the work to be set up, for a scan it is not.
_BATCH = 200_000
_FAISS_BATCH = 500
_ROUNDS = 3

_SQL = (
    "SELECT i FROM hashes WHERE bit_count(xor(a, ?::UBIGINT))::SMALLINT"
    " + bit_count(xor(b, ?::UBIGINT))::SMALLINT <= ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one contestant took.

    `faster` is against faiss in the same mode: single queries, or a batch on all cores.
    """

    hashes: str
    radius: int
    contestant: str
    queries: int
    microseconds: float
    slowest: float | None
    faster: float | None
    build: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One of the targets, and what came of it."""

    work: str
    must: float
    aim: float
    measured: float


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
            near = hashsets.near(hashes, count - count // 2, 8)
            queries = np.random.default_rng(3).permutation(
                np.concatenate((near, make(count // 2, 2)))
            )
            rows += race(f"{n:,} {kind}", hashes, queries, radii, missing)
            growth.append(updates(f"{n:,} {kind}", hashes))
    where = machine.describe(("numpy", "numba", *(package for package, _ in PEERS.values())))
    where += f"; {machine.peak_memory()}"
    goals = compare(rows)
    print(report(where, sorted(missing), rows, growth, goals))
    if chosen.json:
        figures = {"machine": where, "missing": sorted(missing), "updates": growth}
        figures["rows"] = [asdict(row) for row in rows]
        figures["goals"] = [asdict(goal) for goal in goals]
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


def pybktree_tree(hashes: hashsets.Hashes) -> Search:
    import pybktree

    tree = pybktree.BKTree(pybktree.hamming_distance, joined(hashes))
    return lambda query, radius: len(tree.find((query[0] << 64) | query[1], radius))


def imagededup_tree(hashes: hashsets.Hashes) -> Search:
    from imagededup.handlers.search.bktree import BKTree as Tree

    # Its own distance is for 64 bits written as text; this one is faster.
    names = {str(k): hash_ for k, hash_ in enumerate(joined(hashes))}
    tree = Tree(names, lambda one, other: (one ^ other).bit_count())
    return lambda query, radius: len(tree.search((query[0] << 64) | query[1], radius))


def joined(hashes: hashsets.Hashes) -> list[int]:
    return [(row << 64) | column for row, column in hashes.tolist()]


PEERS: dict[str, tuple[str, Callable[[hashsets.Hashes], Search]]] = {
    FAISS: ("faiss-cpu", faiss_flat),
    "DuckDB, SQL scan": ("duckdb", duckdb_scan),
    "pybktree": ("pybktree", pybktree_tree),
    "imagededup BKTree": ("imagededup", imagededup_tree),
}
IN_PYTHON = {"pybktree", "imagededup BKTree"}


# ---- measuring


def race(
    name: str,
    hashes: hashsets.Hashes,
    queries: hashsets.Hashes,
    radii: list[int],
    missing: set[str],
) -> list[Row]:
    searches: dict[str, Search] = {OURS: bktree(hashes), "scan by numpy": numpy_scan(hashes)}
    built = {OURS: rebuild(hashes)}
    for contestant, (package, make) in PEERS.items():
        if contestant in IN_PYTHON and len(hashes) > _MOST_FOR_PYTHON:
            continue
        begun = time.perf_counter()
        try:
            searches[contestant] = make(hashes)
        except ImportError:
            missing.add(package)
            continue
        built[contestant] = time.perf_counter() - begun
    rows = []
    for radius in radii:
        times = take_turns(searches, queries, radius)
        for contestant, taken in times.items():
            faster = [b / a for a, b in zip(taken, times.get(FAISS, []), strict=False)]
            rows.append(
                Row(
                    hashes=name,
                    radius=radius,
                    contestant=contestant,
                    queries=len(taken),
                    microseconds=1e6 * statistics.median(taken),
                    slowest=1e6 * float(np.percentile(taken, 99)) if len(taken) > _TURN else None,
                    faster=statistics.median(faster) if faster else None,
                    build=built.get(contestant),
                )
            )
        rows += batch(name, hashes, radius)
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
    asked = [(row, column) for row, column in queries.tolist()]
    for turn, start in enumerate(range(0, len(asked), _TURN)):
        names = [name for name in searches if turn == 0 or name not in IN_PYTHON]
        first, found = turn % len(names), {}
        for contestant in names[first:] + names[:first]:
            found[contestant] = []
            for query in asked[start : start + _TURN]:
                begun = time.perf_counter()
                found[contestant].append(searches[contestant](query, radius))
                times[contestant].append(time.perf_counter() - begun)
        if any(counts != found[OURS] for counts in found.values()):
            sys.exit(f"they disagree in turn {turn} at radius {radius}: {found}")
    return times


def batch(name: str, hashes: hashsets.Hashes, radius: int) -> list[Row]:
    """Hashes of the set asked for their neighbours at once, on all cores; the time of each."""
    asked = hashes[:_BATCH]
    part = np.ascontiguousarray(asked[:_FAISS_BATCH]).view(np.uint8)
    neighbors(hashes, asked[:1_000], radius)
    try:
        import faiss
    except ImportError:
        index = None
    else:
        faiss.omp_set_num_threads(0)  # as many as there are cores
        index = faiss.IndexBinaryFlat(128)
        index.add(hashes.view(np.uint8))
    ours, theirs = [], []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        neighbors(hashes, asked, radius)
        ours.append((time.perf_counter() - begun) / len(asked))
        if index is not None:
            begun = time.perf_counter()
            index.range_search(part, radius + 1)
            theirs.append((time.perf_counter() - begun) / len(part))
    if index is not None:
        faiss.omp_set_num_threads(1)
    faster = [b / a for a, b in zip(ours, theirs, strict=False)]
    found = {"imgurer neighbors, a batch": (ours, faster, len(asked))}
    if theirs:
        found[f"{FAISS}, a batch"] = theirs, [1.0], len(part)
    return [
        Row(
            hashes=name,
            radius=radius,
            contestant=contestant,
            queries=count,
            microseconds=1e6 * statistics.median(taken),
            slowest=None,
            faster=statistics.median(ratios) if ratios else None,
            build=None,
        )
        for contestant, (taken, ratios, count) in found.items()
    ]


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


def compare(rows: list[Row]) -> list[Goal]:
    """The targets, where what they speak of was measured."""
    at = {row.contestant: row for row in rows if (row.hashes, row.radius) == _MEASURED}
    if FAISS not in at:
        return []
    one, many = at[OURS], at["imgurer neighbors, a batch"]
    where = f"{_MEASURED[0]}, radius {_MEASURED[1]}"
    return [
        Goal(work=f"BK-tree, {where}", must=3, aim=4, measured=one.faster or 0),
        Goal(
            work=f"a query of a batch on all cores, {where}",
            must=30,
            aim=100,
            measured=at[FAISS].microseconds / many.microseconds,
        ),
    ]


_MEASURED = ("1,000,000 photo-like", 10)


def report(
    where: str,
    missing: list[str],
    rows: list[Row],
    growth: list[dict[str, object]],
    goals: list[Goal],
) -> str:
    lines = [where, ""]
    if missing:
        lines += [f"Not installed and left out: {', '.join(missing)}.", ""]
    if goals:
        head = ["faster than one search by faiss", "must reach", "aim", "measured"]
        cells: list[list[object]] = [
            [goal.work, f"{goal.must:g}x", f"{goal.aim:g}x", f"{goal.measured:.1f}x"]
            for goal in goals
        ]
        lines += [*machine.table(head, cells), ""]
    head = ["hashes", "radius", "contestant", "queries", "us a query", "99 % of them"]
    head += ["faster than faiss", "build s"]
    cells = [
        [
            row.hashes,
            row.radius,
            row.contestant,
            f"{row.queries:,}",
            f"{row.microseconds:,.1f}",
            None if row.slowest is None else f"{row.slowest:,.0f}",
            None if row.faster is None else f"{row.faster:.3g}x",
            None if row.build is None else f"{row.build:.3f}",
        ]
        for row in rows
    ]
    lines += [*machine.table(head, cells, left=(0, 2)), ""]
    cells = [
        [row["hashes"], f"{row['add']:.1f}", f"{row['remove']:.1f}", f"{row['bytes']:.0f}"]
        for row in growth
    ]
    lines += machine.table(["hashes", "us to add one", "us to remove one", "bytes a hash"], cells)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
