"""Which exact engine is the fastest for one query, in each orientation and with each border.

Run::

    python benchmarks/search_engines.py

A verified search asks for its picture in eight orientations and for its content without borders,
among whole pictures and among contents. For each of these this measures, on one core:

- the BK-tree, made to walk through all that is in reach;
- a compiled scan of all hashes, and one by numpy;
- multi-index hashing with tables that are kept: eight parts of 16 bits, with the positions of the
  hashes sorted by each;
- a search as the package makes it: a walk or a scan, as what is in reach says.

And for all of one verified search: the trees against a bulk search of the same hashes.

All take turns on the same queries, in an order that rotates, and their answers are compared; a
figure is the median over queries. Half of the upright queries are copies of a picture in the set
with up to 8 bits flipped, all others are pictures that are not in it. A tenth of the pictures have
a border.
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
from numba import njit

from imgurer_kernel.index import BKTree, neighbors
from imgurer_kernel.index._numba import bktree, multi_index, scan
from imgurer_kernel.index.hash_arrays import scan as scan_by_numpy
from imgurer_kernel.index.multi_index import Chunking
from imgurer_kernel.index.segment import _LEAF

Query = tuple[np.uint64, np.uint64]
Search = Callable[[Query, int], int]

WALK, SCAN, NUMPY, TABLES, OURS = (
    "BK-tree, walked",
    "compiled scan",
    "scan by numpy",
    "multi-index, kept",
    "as searched",
)

_PARTS = 8
_WIDTH = 16
_TURN = 10

# Times that each verified search is made, of which the best counts: it takes so long that on a busy
# machine others are let in meanwhile.
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Microseconds for one query, by contestant; the fastest of them, and what a search takes."""

    hashes: str
    asked: str
    radius: int
    microseconds: dict[str, float]
    fastest: str
    takes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Microseconds for all that one verified search asks for: by trees, and by bulk searches."""

    pictures: int
    radius: int
    trees: float
    bulk: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=float, nargs="*", help="default 1e4 1e5 1e6")
    parser.add_argument("--radii", type=int, nargs="*", help="default 0 4 8 ... 24")
    parser.add_argument("--queries", type=int, default=40, help="how many of each (default 40)")
    parser.add_argument("--quick", action="store_true", help="100,000 hashes, radii 10 and 24")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    sizes = [100_000] if chosen.quick else [int(n) for n in chosen.sizes or (1e4, 1e5, 1e6)]
    radii = [10, 24] if chosen.quick else chosen.radii or [0, 4, 8, 10, 12, 14, 16, 18, 20, 24]
    rows: list[Row] = []
    memory: list[dict[str, object]] = []
    whole: list[Verified] = []
    for n in sizes:
        whole += verified(n, radii, chosen.queries)
        for name, hashes, questions in questions_of(n, chosen.queries):
            searches, tree, nbytes = contestants(hashes)
            memory.append({"hashes": f"{len(hashes):,} {name}", **nbytes})
            for asked, queries in questions.items():
                for radius in radii:
                    taken = take_turns(searches, queries, radius)
                    rows.append(
                        Row(
                            hashes=f"{len(hashes):,} {name}",
                            asked=asked,
                            radius=radius,
                            microseconds=taken,
                            fastest=min(set(taken) - {OURS}, key=lambda name: taken[name]),
                            takes=tree.plan(radius).engine,
                        )
                    )
    where = machine.describe(("numpy", "numba"))
    print(report(where, rows, memory, whole))
    if chosen.json:
        figures = {"machine": where, "memory": memory, "rows": [asdict(row) for row in rows]}
        figures["verified"] = [asdict(row) for row in whole]
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def questions_of(
    n: int, count: int
) -> list[tuple[str, hashsets.Hashes, dict[str, hashsets.Hashes]]]:
    """Sets of hashes, and what a verified search asks of each."""
    whole, contents = hashsets.photo_like(n, 1), hashsets.photo_like(n // 10, 4)
    turned = hashsets.photo_like_turned(count, 2)
    rng = np.random.default_rng(3)
    upright = np.concatenate((hashsets.near(whole, count // 2, 8), turned[: count - count // 2, 0]))
    others = turned[:, 1:].reshape(-1, 2)
    others = others[rng.permutation(len(others))[:count]]
    content = hashsets.photo_like(count, 5)
    return [
        ("pictures", whole, {
            "picture, upright": rng.permutation(upright),
            "picture, turned or mirrored": others,
            "content": content,
        }),
        ("contents", contents, {
            "picture, upright": turned[:, 0],
            "picture, turned or mirrored": others,
            "content": content,
        }),
    ]  # fmt: skip


def contestants(
    hashes: hashsets.Hashes,
) -> tuple[dict[str, Search], BKTree, dict[str, object]]:
    """Searches that return how many they find; the tree as searched; bytes for each hash."""
    ours = BKTree()
    ours.warm(timeout=600)
    ours.extend(np.arange(len(hashes)), hashes)
    row, column = hashes.T.copy()
    tree_row, tree_column = row.copy(), column.copy()
    order = np.arange(len(row))
    nodes, cells, node_count, cell_count = bktree.build(tree_row, tree_column, order, _LEAF)
    nodes, cells = nodes[:node_count].copy(), cells[:cell_count].copy()
    stack = np.empty(max(1, node_count), np.int32)
    near, distance = np.empty(len(row), np.int64), np.empty(len(row), np.uint8)
    find, tables = kept_tables(hashes)
    searches: dict[str, Search] = {
        WALK: lambda query, radius: bktree.search(
            tree_row, tree_column, nodes, cells, *query, radius, len(row), stack, near, distance
        ),
        SCAN: lambda query, radius: scan.scan_one(row, column, *query, radius, near, distance),
        NUMPY: lambda query, radius: len(
            scan_by_numpy(row, column, (int(query[0]), int(query[1])), radius)[0]
        ),
        TABLES: lambda query, radius: find(query, radius, near, distance),
        OURS: lambda query, radius: len(ours.search((int(query[0]), int(query[1])), radius)[0]),
    }
    nbytes = {
        "tree": (nodes.nbytes + cells.nbytes) / len(row),
        "tables": tables / len(row),
        "all": ours.info().nbytes / len(row),
    }
    return searches, ours, nbytes


# ---- multi-index hashing for one query, with tables that are kept


def kept_tables(hashes: hashsets.Hashes) -> tuple[Callable[..., int], int]:
    """A search by tables of eight parts of the bits, and the bytes of the tables."""
    spread = np.random.default_rng(0).permutation(128)  # what is correlated falls apart
    place = np.empty(128, np.int64)
    place[spread] = np.arange(128)
    lookup = np.zeros((16, 256, 2), np.uint64)
    values = np.arange(256)
    for bit, to in enumerate(place):
        lookup[bit // 8, values[(values >> (bit % 8)) & 1 == 1], to // 64] |= np.uint64(
            1
        ) << np.uint64(to % 64)
    words = hashes.T.copy()
    moved = np.empty_like(words)
    multi_index.permute(*words, lookup, *moved)
    starts = np.empty((_PARTS, (1 << _WIDTH) + 2), np.uint32)
    members = np.empty((_PARTS, len(hashes)), np.uint32)
    spare = np.empty_like(moved)
    for part in range(_PARTS):
        multi_index.table(*moved, part * _WIDTH, _WIDTH, starts[part], members[part], *spare)
    masks: dict[int, tuple[np.ndarray, ...]] = {}

    def find(query: Query, radius: int, near: np.ndarray, distance: np.ndarray) -> int:
        if radius not in masks:
            masks[radius] = masks_of(radius)
        one, there = np.array([query], np.uint64).T.copy(), np.empty((2, 1), np.uint64)
        multi_index.permute(*one, lookup, *there)
        query = there[0, 0], there[1, 0]
        return look_up(*moved, starts, members, *masks[radius], *query, radius, near, distance)

    return find, starts.nbytes + members.nbytes


def masks_of(radius: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Radii of the parts by the pigeonhole principle, and all differences that each may have."""
    whole, more = divmod(radius + 1, _PARTS)
    radii = np.full(_PARTS, whole - 1)
    radii[:more] += 1
    cut = Chunking(
        np.empty((16, 256, 2), np.uint64),
        np.arange(_PARTS) * _WIDTH,
        np.full(_PARTS, _WIDTH),
        radii,
        0.0,
    )
    parts = [cut.masks(part) for part in range(_PARTS)]
    ends = np.cumsum([0, *(len(part) for part in parts)])
    return radii, np.concatenate(parts), ends


@njit(cache=False, error_model="numpy", nogil=True)
def look_up(  # noqa: PLR0913, PLR0917 - a compiled function takes arrays alone
    row, column, starts, members, radii, masks, ends, query_row, query_column, radius, near, bits_
):  # fmt: skip
    """Hashes that differ in few bits of any part; each counts for the first part that finds it."""
    found, limit = 0, np.uint64(radius)
    for part in range(radii.size):
        own = _part(query_row, query_column, part)
        for t in range(ends[part], ends[part + 1]):
            value = np.int64(own) ^ np.int64(masks[t])
            for k in range(starts[part, value], starts[part, value + 1]):
                i = members[part, k]
                bits = scan.popcount(row[i] ^ query_row)
                if bits > limit:
                    continue
                bits += scan.popcount(column[i] ^ query_column)
                if bits > limit:
                    continue
                before = False
                for earlier in range(part):
                    differing = _part(row[i] ^ query_row, column[i] ^ query_column, earlier)
                    before |= np.int64(scan.popcount(differing)) <= radii[earlier]
                if not before:
                    if found < near.size:
                        near[found] = i
                        bits_[found] = bits
                    found += 1
    return found


@njit(cache=False, error_model="numpy", nogil=True)
def _part(row, column, part):
    word = row if part < 4 else column
    return (word >> np.uint64(16 * (part % 4))) & np.uint64(0xFFFF)


# ---- measuring and telling


def take_turns(
    searches: dict[str, Search], queries: hashsets.Hashes, radius: int
) -> dict[str, float]:
    """Median microseconds of each contestant."""
    times: dict[str, list[float]] = {name: [] for name in searches}
    asked = list(queries)
    for name, search in searches.items():
        search((asked[0][0], asked[0][1]), radius)  # what is compiled or made at first use
        times[name].clear()
    for turn, start in enumerate(range(0, len(asked), _TURN)):
        names = list(searches)
        first, found = turn % len(names), {}
        for name in names[first:] + names[:first]:
            found[name] = []
            for row, column in asked[start : start + _TURN]:
                begun = time.perf_counter()
                found[name].append(int(searches[name]((row, column), radius)))
                times[name].append(time.perf_counter() - begun)
        if any(counts != found[OURS] for counts in found.values()):
            sys.exit(f"they disagree in turn {turn} at radius {radius}: {found}")
    return {name: 1e6 * statistics.median(taken) for name, taken in times.items()}


def verified(n: int, radii: list[int], count: int) -> list[Verified]:
    """Eight orientations and a content, among pictures and contents."""
    known = hashsets.photo_like(n, 1), hashsets.photo_like(n // 10, 4)
    asked = zip(hashsets.photo_like_turned(count, 2), hashsets.photo_like(count, 5), strict=True)
    questions = [np.concatenate((turned, inner[None])) for turned, inner in asked]
    trees = [BKTree() for _ in known]
    for tree, hashes in zip(trees, known, strict=True):
        tree.warm(timeout=600)
        tree.extend(np.arange(len(hashes)), hashes)
    rows = []
    for radius in radii:
        times: dict[str, list[float]] = {"trees": [], "bulk": []}
        for turn, queries in enumerate(questions):
            found = {}
            for name in sorted(times, reverse=turn % 2 == 0):
                best = float("inf")
                for _ in range(_ROUNDS):
                    begun = time.perf_counter()
                    if name == "trees":
                        parts = [tree.search_many(queries, radius) for tree in trees]
                    else:
                        parts = [neighbors(hashes, queries, radius) for hashes in known]
                    best = min(best, time.perf_counter() - begun)
                times[name].append(best)
                found[name] = [part[1].tolist() for part in parts]
            if found["trees"] != found["bulk"]:
                sys.exit(f"trees and bulk searches disagree in turn {turn} at radius {radius}")
        median = {name: 1e6 * statistics.median(taken) for name, taken in times.items()}
        rows.append(Verified(pictures=n, radius=radius, **median))
    return rows


def report(
    where: str, rows: list[Row], memory: list[dict[str, object]], whole: list[Verified]
) -> str:
    names = [WALK, SCAN, NUMPY, TABLES, OURS]
    head = ["among", "asked for", "radius", *(f"{name}, us" for name in names)]
    cells: list[list[object]] = [
        [
            row.hashes,
            row.asked,
            row.radius,
            *(f"{row.microseconds[name]:,.1f}" for name in names),
            row.fastest,
            row.takes,
        ]
        for row in rows
    ]
    lines = [where, "", *machine.table([*head, "fastest", "a search takes"], cells, left=(0, 1))]
    sizes: list[list[object]] = [
        [one["hashes"], *(f"{one[key]:.1f}" for key in ("all", "tree", "tables"))] for one in memory
    ]
    head = ["hashes", "index, bytes a hash", "of that the tree", "tables would add"]
    lines += ["", *machine.table(head, sizes), ""]
    cells = [
        [f"{one.pictures:,}", one.radius, f"{one.trees:,.0f}", f"{one.bulk:,.0f}"] for one in whole
    ]
    head = ["pictures", "radius", "a verified search by trees, us", "by bulk searches, us"]
    return "\n".join([*lines, *machine.table(head, cells)])


if __name__ == "__main__":
    main()
