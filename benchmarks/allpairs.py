"""Time to search a whole set of hashes against itself: all near pairs, and their components.

Run::

    python benchmarks/allpairs.py

Every figure is the median of some rounds (one at 10 million) on all cores; sets take turns, so that
whatever else the machine does hits all alike. A tenth of each set are near copies and a hundredth
equal ones. Others look at all pairs: what they would take is measured on some of the queries and
scaled up, for the time is proportional to their number. The last table is the search that verified
clusters need: each picture in 8 orientations and 2 border states against all pictures.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import hashsets
import machine
import numpy as np

from imgurer_kernel.index import bulk
from imgurer_kernel.index.engine import plan_bulk
from imgurer_kernel.index.lookup import components, matches, pairs

_FAISS_QUERIES = 500
_SQL_QUERIES = 50

# Beyond this size pairs are not handed out, and there is one round.
_MOST = 1_000_000

GOALS = {
    "1,000,000 photo-like": (6.0, 3.0),
    "1,000,000 uniform": (6.0, 3.0),
    "1,000,000 uniform, 200,000 of them within 4 bits of one": (8.0, 4.0),
    "10,000,000 uniform": (25.0, 12.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Seconds that one set took; `cpu` are those of all cores together for the components."""

    hashes: str
    radius: int
    components: float
    cpu: float
    found: int
    pairs: float | None
    count: int | None
    engine: str
    faiss: float | None
    duckdb: float | None


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
    parser.add_argument("--crossings", type=float, nargs="*", help="default 1e4 3e4")
    parser.add_argument("--quick", action="store_true", help="100,000 hashes, crossing of 3,000")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    sizes = [int(n) for n in chosen.sizes or (1e4, 1e5, 1e6, 1e7)]
    crossings = [int(n) for n in chosen.crossings or (1e4, 3e4)]
    if chosen.quick:
        sizes, crossings = [100_000], [3_000]
    warm_up()
    rows = race(sizes, chosen.radius, chosen.rounds)
    crossed = [cross(n, radius) for n in crossings for radius in (16, 20, 24)]
    where = machine.describe(("numpy", "numba", "faiss-cpu", "duckdb"))
    where += f"; {machine.peak_memory()}"
    print(report(where, rows, crossed))
    if chosen.json:
        figures = {"machine": where, "rows": [asdict(row) for row in rows]}
        figures["goals"], figures["growth"] = GOALS, growth(rows)
        figures["crossings"] = [asdict(row) for row in crossed]
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


# ---- measuring


def warm_up() -> None:
    """Compile, or load from the cache, before anything is timed."""
    bulk.compile_all()
    components(hashsets.uniform(60_000), 10)


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
        times: dict[str, list[machine.Taken]] = {name: [] for name in sets}
        labels = {}
        for _ in range(rounds if n <= _MOST else 1):
            for name, hashes in sets.items():
                with machine.timed() as taken:
                    labels[name] = components(hashes, radius)
                times[name].append(taken)
        for name, hashes in sets.items():
            # The pairs of a dense zone would be billions.
            plain = "within" not in name
            seconds, count = count_pairs(hashes, radius) if plain and n <= _MOST else (None, None)
            rows.append(
                Row(
                    hashes=name,
                    radius=radius,
                    components=statistics.median(taken.wall for taken in times[name]),
                    cpu=statistics.median(taken.cpu for taken in times[name]),
                    found=int(labels[name].max()) + 1,
                    pairs=seconds,
                    count=count,
                    engine=plan_bulk(hashes, None, radius).engine,
                    faiss=faiss_seconds(hashes, radius) if plain else None,
                    duckdb=duckdb_seconds(hashes, radius) if plain and n <= _MOST else None,
                )
            )
    return rows


def count_pairs(hashes: hashsets.Hashes, radius: int) -> tuple[float, int]:
    with machine.timed() as taken:
        count = sum(len(i) for i, _, _ in pairs(hashes, radius))
    return taken.wall, count


def faiss_seconds(hashes: hashsets.Hashes, radius: int) -> float | None:
    """What faiss would take on all cores for all pairs, from a part of the queries."""
    try:
        import faiss
    except ImportError:
        return None
    index = faiss.IndexBinaryFlat(128)
    index.add(hashes.view(np.uint8))
    part = np.ascontiguousarray(hashes[:_FAISS_QUERIES]).view(np.uint8)
    with machine.timed() as taken:
        index.range_search(part, radius + 1)
    return taken.wall * len(hashes) / len(part)


def duckdb_seconds(hashes: hashsets.Hashes, radius: int) -> float | None:
    """What a join in SQL would take on all cores, from a part of the queries."""
    try:
        import duckdb
        import pandas as pd
    except ImportError:
        return None
    frame = pd.DataFrame({"a": hashes[:, 0], "b": hashes[:, 1]})
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE hashes AS SELECT * FROM frame")
        connection.execute(f"CREATE TABLE part AS FROM hashes LIMIT {_SQL_QUERIES}")
        with machine.timed() as taken:
            connection.execute(
                "SELECT count(*) FROM hashes h, part s WHERE bit_count(xor(h.a, s.a))::SMALLINT"
                " + bit_count(xor(h.b, s.b))::SMALLINT <= ?",
                [radius],
            ).fetchall()
    return taken.wall * len(hashes) / _SQL_QUERIES


def cross(n: int, radius: int) -> Crossing:
    hashes = hashsets.photo_like(n, 1)
    queries = hashsets.photo_like(16 * n, 2)
    with machine.timed() as taken:
        count = sum(len(i) for i, _, _ in matches(hashes, queries, radius))
    plan = plan_bulk(hashes, queries, radius)
    return Crossing(
        hashes=n,
        queries=len(queries),
        radius=radius,
        seconds=taken.wall,
        count=count,
        engine=plan.engine,
    )


# ---- telling


def report(where: str, rows: list[Row], crossed: list[Crossing]) -> str:
    head = ["hashes", "radius", "components s", "of all cores s", "must reach", "aim", "components"]
    head += ["pairs s", "pairs", "engine", "faiss, scaled s", "DuckDB, scaled s"]
    cells: list[list[object]] = []
    for row in rows:
        must, aim = GOALS.get(row.hashes, (None, None)) if row.radius == 10 else (None, None)
        cells.append(
            [
                row.hashes,
                row.radius,
                f"{row.components:.2f}",
                f"{row.cpu:.2f}",
                must,
                aim,
                f"{row.found:,}",
                None if row.pairs is None else f"{row.pairs:.2f}",
                None if row.count is None else f"{row.count:,}",
                row.engine,
                None if row.faiss is None else f"{row.faiss:,.2f}",
                None if row.duckdb is None else f"{row.duckdb:,.1f}",
            ]
        )
    lines = [where, "", *machine.table(head, cells, left=(0, 9)), ""]
    for found in growth(rows):
        lines.append(f"Growth from 1 to 10 million, {found['hashes']}: exponent")
        lines[-1] += f" {found['exponent']:.2f} (must be at most 1.4, aim 1.2)."
    lines.append("")
    cells = [
        [
            f"{row.hashes:,}",
            f"{row.queries:,}",
            row.radius,
            f"{row.seconds:.2f}",
            f"{row.count:,}",
            row.engine,
        ]
        for row in crossed
    ]
    head = ["pictures", "queries", "radius", "s", "candidates", "engine"]
    return "\n".join(lines + machine.table(head, cells, left=(5,)))


def growth(rows: list[Row]) -> list[dict[str, object]]:
    """The exponent of the time from 1 to 10 million."""
    by_name = {row.hashes: row.components for row in rows}
    found: list[dict[str, object]] = []
    for kind in ("uniform", "photo-like"):
        one, ten = by_name.get(f"1,000,000 {kind}"), by_name.get(f"10,000,000 {kind}")
        if one and ten:
            found.append({"hashes": kind, "exponent": math.log10(ten / one)})
    return found


if __name__ == "__main__":
    main()
