"""Time to search a whole set of hashes against itself: all near pairs, and their components.

Run::

    python benchmarks/allpairs.py

Every figure is the median of some rounds, on all cores; sets take turns, so that whatever else the
machine does hits all alike. A tenth of each set are near copies and a hundredth equal ones. What
faiss would take is measured on a part of the queries and scaled: it is proportional. The last table
is the search that verified clusters need: each picture in 8 orientations and 2 border states
against all pictures.
"""

import argparse
import importlib.metadata
import json
import math
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import hashsets
import numpy as np

from imgurer_kernel.index import components, matches, pairs
from imgurer_kernel.planner import plan_bulk

_FAISS_QUERIES = 500

GOALS = {
    "1,000,000 photo-like": (6.0, 3.0),
    "1,000,000 uniform": (6.0, 3.0),
    "1,000,000 uniform, 200,000 of them within 4 bits of one": (8.0, 4.0),
    "10,000,000 uniform": (25.0, 12.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one set took."""

    hashes: str
    radius: int
    components: float
    found: int
    pairs: float | None
    count: int | None
    engine: str
    faiss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What the search for candidates took."""

    hashes: int
    queries: int
    radius: int
    seconds: float
    count: int
    engine: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=float, nargs="*", help="default 1e4 1e5 1e6 1e7")
    parser.add_argument("--radius", type=int, default=10, help="bits (default 10)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (default 3)")
    parser.add_argument("--crossings", type=float, nargs="*", help="default 1e4 3e4 1e5")
    parser.add_argument("--quick", action="store_true", help="100,000 hashes, crossing of 3,000")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    sizes = [int(n) for n in chosen.sizes or (1e4, 1e5, 1e6, 1e7)]
    crossings = [int(n) for n in chosen.crossings or (1e4, 3e4, 1e5)]
    if chosen.quick:
        sizes, crossings = [100_000], [3_000]
    warm_up()
    rows = race(sizes, chosen.radius, chosen.rounds)
    crossed = [cross(n, radius) for n in crossings for radius in (16, 20, 24)]
    machine = describe_machine(chosen.rounds)
    print(report(machine, rows, crossed))
    if chosen.json:
        figures = {"machine": machine, "rows": [asdict(row) for row in rows]}
        figures["crossings"] = [asdict(row) for row in crossed]
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


# ---- measuring


def warm_up() -> None:
    """Compile, or load from the cache, before anything is timed."""
    hashes = hashsets.with_copies(hashsets.uniform(60_000))
    components(hashes, 10)
    sum(len(i) for i, _, _ in pairs(hashes, 10))
    sum(len(i) for i, _, _ in matches(hashes, hashes, 60))


def make_sets(n: int) -> dict[str, Callable[[], hashsets.Hashes]]:
    sets: dict[str, Callable[[], hashsets.Hashes]] = {
        f"{n:,} uniform": lambda: hashsets.with_copies(hashsets.uniform(n, 1)),
        f"{n:,} photo-like": lambda: hashsets.with_copies(hashsets.photo_like(n, 1)),
    }
    if n <= 1_000_000:
        name = f"{n:,} uniform, {n // 5:,} of them within 4 bits of one"
        sets[name] = lambda: hashsets.with_dense_zone(hashsets.uniform(n, 1), n // 5)
    return sets


def race(sizes: list[int], radius: int, rounds: int) -> list[Row]:
    rows = []
    for n in sizes:
        sets = {name: make() for name, make in make_sets(n).items()}
        times: dict[str, list[float]] = {name: [] for name in sets}
        labels = {}
        for _ in range(rounds):
            for name, hashes in sets.items():
                begun = time.perf_counter()
                labels[name] = components(hashes, radius)
                times[name].append(time.perf_counter() - begun)
        for name, hashes in sets.items():
            dense = "within" in name  # its pairs would be billions
            taken, count = (None, None) if dense else count_pairs(hashes, radius)
            rows.append(
                Row(
                    hashes=name,
                    radius=radius,
                    components=statistics.median(times[name]),
                    found=int(labels[name].max()) + 1,
                    pairs=taken,
                    count=count,
                    engine=plan_bulk(hashes, None, radius).engine,
                    faiss=None if dense else faiss_seconds(hashes, radius),
                )
            )
    return rows


def count_pairs(hashes: hashsets.Hashes, radius: int) -> tuple[float, int]:
    begun = time.perf_counter()
    count = sum(len(i) for i, _, _ in pairs(hashes, radius))
    return time.perf_counter() - begun, count


def faiss_seconds(hashes: hashsets.Hashes, radius: int) -> float | None:
    """What faiss would take on all cores for all pairs, from a part of the queries."""
    try:
        import faiss
    except ImportError:
        return None
    index = faiss.IndexBinaryFlat(128)
    index.add(hashes.view(np.uint8))
    part = np.ascontiguousarray(hashes[:_FAISS_QUERIES]).view(np.uint8)
    begun = time.perf_counter()
    index.range_search(part, radius + 1)
    return (time.perf_counter() - begun) * len(hashes) / len(part)


def cross(n: int, radius: int) -> Crossing:
    hashes = hashsets.photo_like(n, 1)
    queries = hashsets.photo_like(16 * n, 2)
    begun = time.perf_counter()
    count = sum(len(i) for i, _, _ in matches(hashes, queries, radius))
    taken = time.perf_counter() - begun
    plan = plan_bulk(hashes, queries, radius)
    return Crossing(
        hashes=n,
        queries=len(queries),
        radius=radius,
        seconds=taken,
        count=count,
        engine=plan.engine,
    )


# ---- telling


def describe_machine(rounds: int) -> str:
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text("utf-8").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = named[0] if named else processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python "
        f"{platform.python_version()}, numpy {np.__version__}, numba "
        f"{importlib.metadata.version('numba')}; {rounds} rounds; at most {memory:,.0f} MB"
    )


def report(machine: str, rows: list[Row], crossed: list[Crossing]) -> str:
    lines = [machine, ""]
    lines += ["| hashes | radius | components s | must | aim | components | pairs s | pairs |"]
    lines[-1] += " engine | faiss, scaled s |"
    lines += ["|---|---:|---:|---:|---:|---:|---:|---:|---|---:|"]
    for row in rows:
        must, aim = GOALS.get(row.hashes, (None, None)) if row.radius == 10 else (None, None)
        cells = [
            row.hashes,
            row.radius,
            f"{row.components:.2f}",
            must,
            aim,
            f"{row.found:,}",
            None if row.pairs is None else f"{row.pairs:.2f}",
            None if row.count is None else f"{row.count:,}",
            row.engine,
            None if row.faiss is None else f"{row.faiss:,.1f}",
        ]
        lines.append("| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |")
    lines += growth(rows)
    lines += ["", "| pictures | queries | radius | s | candidates | engine |"]
    lines += ["|---:|---:|---:|---:|---:|---|"]
    lines += [
        f"| {row.hashes:,} | {row.queries:,} | {row.radius} | {row.seconds:.2f} | "
        f"{row.count:,} | {row.engine} |"
        for row in crossed
    ]
    return "\n".join(lines)


def growth(rows: list[Row]) -> list[str]:
    """The exponent of the time from 1 to 10 million."""
    by_name = {row.hashes: row.components for row in rows}
    lines = []
    for kind in ("uniform", "photo-like"):
        one, ten = by_name.get(f"1,000,000 {kind}"), by_name.get(f"10,000,000 {kind}")
        if one and ten:
            exponent = math.log10(ten / one)
            lines += ["", f"Growth from 1 to 10 million, {kind}: exponent {exponent:.2f}"]
            lines[-1] += " (must be at most 1.4, aim 1.2)."
    return lines


if __name__ == "__main__":
    main()
