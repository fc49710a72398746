"""Time and memory of taking folders in, from files to a store that can be searched.

Run with a folder of photos, or without one on drawn scenes::

    python benchmarks/ingest.py ../shared/corpus/photos/kodak

The photos are enlarged to 12 megapixels as in `fingerprint.py`; files of 0.2 megapixels and small
ones are cut out of them. All contestants take turns on each folder, in an order that rotates, each
time in a process of its own. imgurer reads, hashes twice (dHash and SHA-256), draws thumbnails,
copies the originals, waits until they are on the disk, and commits; peers read and hash. The work
that is common to all is that of "fingerprints only": as many threads as there are cores make dHash,
grays and thumbnail of bytes in memory. Ratios are of processor time to that, medians over rounds.

Peers that are not installed are named and left out: ``pip install imgdd czkawka difPy imagededup``
into an environment of its own brings them all.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from fingerprint import enlarge, take
from ingest_contestants import FINGERPRINT, IN_PLACE, OURS, PEERS, UNTRUSTED, name_of
from machine import describe, table
from PIL import Image

PACKAGES = ("pillow", "numpy", "pandas", "duckdb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything."""

    pictures: int
    large: int
    middle: int
    small: int
    rounds: int


FULL = Sizes(pictures=12, large=96, middle=600, small=10_000, rounds=3)
QUICK = Sizes(pictures=3, large=12, middle=100, small=1_000, rounds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one contestant took on one folder: medians over rounds."""

    files: str
    contestant: str
    cpu_ms: float
    wall_ms: float
    files_per_second: float
    ratio: float | None
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="photos; drawn scenes without it")
    parser.add_argument("--quick", action="store_true", help="a tenth of the files, once")
    parser.add_argument(
        "--untrusted", action="store_true", help="only what decoding in processes costs"
    )
    parser.add_argument(
        "--in-place", type=int, metavar="FILES", help="only a second scan of so many files in place"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    sizes = QUICK if chosen.quick else FULL
    peers = {peer: name for peer in PEERS if (name := name_of(peer))}
    missing = [peer for peer in PEERS if peer not in peers]

    with tempfile.TemporaryDirectory() as scratch:
        if chosen.untrusted:
            sys.stdout.write(compare_untrusted(chosen.folder, sizes, Path(scratch)) + "\n")
            return
        if chosen.in_place:
            sys.stdout.write(rescan(chosen.folder, chosen.in_place, Path(scratch)) + "\n")
            return
        folders = make_folders(chosen.folder, sizes, Path(scratch))
        rows = []
        for name in ("12 MP", "0.2 MP"):
            contestants = {OURS: OURS, FINGERPRINT: FINGERPRINT} | peers
            rows += race(name, folders[name], contestants, sizes.rounds)
        again = run_again(folders["small"], sizes.small, OURS, 2 * sizes.rounds - 1)
    goals = compare(rows, again)
    machine = f"{describe(PACKAGES)}; {sizes.rounds} rounds"
    report = report_text(machine, missing, rows, again, goals)
    sys.stdout.write(report + "\n")
    if chosen.json:
        figures = {"machine": machine, "missing": missing, "rows": [asdict(row) for row in rows]}
        figures |= {"again": again, "goals": goals}
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


# ---- files


def make_folders(photos: Path | None, sizes: Sizes, scratch: Path) -> dict[str, Path]:
    """Folders of JPEGs, no two with the same bytes."""
    folders = {name: scratch / name.replace(" ", "-") for name in ("12 MP", "0.2 MP", "small")}
    for folder in folders.values():
        folder.mkdir()
    large = [enlarge(each, seed=n) for n, each in enumerate(take(photos, sizes.pictures))]
    for number in range(sizes.large):
        path = folders["12 MP"] / f"{number:03}.jpg"
        if number < len(large):
            large[number].save(path, "JPEG", quality=90, subsampling="4:2:0")
        else:  # a byte after the end makes another file of the same picture
            first = folders["12 MP"] / f"{number % len(large):03}.jpg"
            path.write_bytes(first.read_bytes() + number.to_bytes(1, "big"))
    smaller = [picture.resize((1600, 1200), Image.Resampling.BOX) for picture in large]
    cut(smaller, folders["0.2 MP"], sizes.middle, (512, 384))
    cut(smaller, folders["small"], sizes.small, (96, 72))
    return folders


def cut(pictures: list[Image.Image], folder: Path, count: int, size: tuple[int, int]) -> None:
    """Files of random parts of the pictures, 500 in a folder."""
    random = np.random.default_rng(0)
    for number in range(count):
        picture = pictures[number % len(pictures)]
        left = int(random.integers(0, picture.width - size[0]))
        top = int(random.integers(0, picture.height - size[1]))
        part = picture.crop((left, top, left + size[0], top + size[1]))
        path = folder / f"{number // 500:02}" / f"{number:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        part.save(path, "JPEG", quality=82)


# ---- measuring


def race(name: str, folder: Path, contestants: dict[str, str], rounds: int) -> list[Row]:
    runs: dict[str, list[dict[str, float]]] = {contestant: [] for contestant in contestants}
    names = list(contestants)
    for turn in range(rounds):
        first = turn % len(names)
        for contestant in names[first:] + names[:first]:
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                runs[contestant].append(measure(contestant, folder, Path(scratch)))
    count = sum(1 for path in folder.rglob("*.jpg"))
    base = [run["cpu"] for run in runs[FINGERPRINT]]

    def median(contestant: str, figure: Callable[[dict[str, float]], float]) -> float:
        return statistics.median(figure(run) for run in runs[contestant])

    return [
        Row(
            files=name,
            contestant=contestants[contestant],
            cpu_ms=1000 * median(contestant, lambda run: run["cpu"]) / count,
            wall_ms=1000 * median(contestant, lambda run: run["wall"]) / count,
            files_per_second=count / median(contestant, lambda run: run["wall"]),
            ratio=statistics.median(
                run["cpu"] / own for run, own in zip(runs[contestant], base, strict=True)
            ),
            peak_mb=median(contestant, lambda run: run["peak_mb"]),
        )
        for contestant in names
    ]


def compare_untrusted(photos: Path | None, sizes: Sizes, scratch: Path) -> str:
    """What `ingest --untrusted` takes in addition: of the photos as they are, and of large ones."""
    folders = make_folders(photos, replace(sizes, small=0), scratch)
    rows = []
    for name in ("12 MP", "0.2 MP"):
        runs: dict[str, list[dict[str, float]]] = {OURS: [], UNTRUSTED: []}
        for turn in range(2 * sizes.rounds):
            for contestant in sorted(runs, reverse=bool(turn % 2)):
                with tempfile.TemporaryDirectory(dir=scratch) as store:
                    runs[contestant].append(measure(contestant, folders[name], Path(store)))
        for figure in ("cpu", "wall"):
            plain, apart = (
                statistics.median(run[figure] for run in runs[each]) for each in (OURS, UNTRUSTED)
            )
            ratios = [b[figure] / a[figure] for a, b in zip(*runs.values(), strict=True)]
            ratio = f"{statistics.median(ratios):.3f}x"
            rows.append([name, figure, f"{plain:.2f}", f"{apart:.2f}", ratio])
        child = statistics.median(run["child_mb"] for run in runs[UNTRUSTED])
        rows.append([name, "PSS of a child, MB", "", f"{child:.0f}", ""])
    head = ["files", "figure", "trusted", "untrusted", "ratio"]
    machine = f"{describe(PACKAGES)}; {2 * sizes.rounds} rounds"
    return "\n".join([machine, "", *table(head, rows, left=(0, 1))])


def rescan(photos: Path | None, count: int, scratch: Path) -> str:
    """What it takes to ingest files of 32x32 pixels in place, and to scan them again, unchanged."""
    folder = scratch / "files"
    folder.mkdir()
    pictures = [each.resize((800, 600)) for each in take(photos, QUICK.pictures)]
    cut(pictures, folder, count, (32, 32))
    rows = figures_of(f"{count:,} files in place", run_again(folder, count, IN_PLACE, 5))
    head = ["imgurer", "s", "CPU s", "memory +MB"]
    return "\n".join([f"{describe(PACKAGES)}; median of 5", "", *table(head, rows)])


def run_again(folder: Path, count: int, contestant: str, times: int) -> dict[str, float]:
    """The first ingest of many small files, and later ones, when none has changed."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        first, *later = (measure(contestant, folder, Path(scratch)) for _ in range(1 + times))
    return {
        "files": count,
        "first_wall": first["wall"],
        "first_cpu": first["cpu"],
        "first_growth_mb": first["peak_mb"] - first["before_mb"],
        "wall": statistics.median(run["wall"] for run in later),
        "cpu": statistics.median(run["cpu"] for run in later),
        "growth_mb": statistics.median(run["peak_mb"] - run["before_mb"] for run in later),
    }


def measure(contestant: str, folder: Path, scratch: Path) -> dict[str, float]:
    script = Path(__file__).with_name("ingest_contestants.py")
    command = [sys.executable, str(script), contestant, str(folder), str(scratch)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def compare(rows: list[Row], again: dict[str, float]) -> list[dict[str, object]]:
    """The goals: what must be reached, what is aimed at, what was measured."""
    [large] = [row for row in rows if (row.files, row.contestant) == ("12 MP", OURS)]
    return [
        {
            "work": "ingest of 12 MP, processor time over fingerprints alone",
            "must": "1.35x",
            "aim": "1.15x",
            "measured": f"{large.ratio:.2f}x",
        },
        {
            "work": f"second ingest of {again['files']:,.0f} unchanged files",
            "must": "3 s",
            "aim": "1 s",
            "measured": f"{again['wall']:.2f} s",
        },
    ]


# ---- telling


def report_text(
    machine: str,
    missing: list[str],
    rows: list[Row],
    again: dict[str, float],
    goals: list[dict[str, object]],
) -> str:
    lines = [machine, ""]
    if missing:
        lines += [f"Not installed and left out: {', '.join(missing)}.", ""]
    head = ["files", "contestant", "CPU ms/file", "ms/file", "files/s", "CPU ratio", "peak MB"]
    lines += table(
        head,
        [
            [
                *(row.files, row.contestant, f"{row.cpu_ms:.1f}", f"{row.wall_ms:.1f}"),
                *(f"{row.files_per_second:.0f}", f"{row.ratio:.2f}x", f"{row.peak_mb:.0f}"),
            ]
            for row in rows
        ],
        left=(0, 1),
    )
    count = f"{again['files']:,.0f} small files"
    lines += ["", *table(["imgurer", "s", "CPU s", "memory +MB"], figures_of(count, again)), ""]
    keys = ("work", "must", "aim", "measured")
    lines += table(
        ["work", "must reach", "aim", "measured"], [[goal[key] for key in keys] for goal in goals]
    )
    return "\n".join(lines)


def figures_of(count: str, again: dict[str, float]) -> list[list[object]]:
    return [
        [name, f"{again[wall]:.2f}", f"{again[cpu]:.2f}", f"{again[memory]:.0f}"]
        for name, wall, cpu, memory in (
            (f"first ingest of {count}", "first_wall", "first_cpu", "first_growth_mb"),
            (f"second ingest of {count}", "wall", "cpu", "growth_mb"),
        )
    ]


if __name__ == "__main__":
    main()
