"""Time of comparing two pictures, with and without aligning them, in machine code and in numpy.

Run with a folder of photos::

    python benchmarks/verify.py FOLDER_OF_PHOTOS

Every photo is compared with the seventh after it (strangers, which is what most candidates are),
and with a copy of itself that lacks 3 % of its width. All contestants take turns in one run; times
are processor time of all cores together, the least of the rounds. Targets: 60 us a pair that is not
aligned, 1.2 ms aligned.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import machine
import numpy as np
from PIL import Image

from imgurer_kernel.matching import alignment, verify

_PAIRS = 1000
_ROUNDS = 5
_UNIT = np.array([[1.0, 0, 0, 0, 1, 0]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="photos, at any depth")
    parser.add_argument("--quick", action="store_true", help="100 pairs, one round")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    chosen = parser.parse_args()
    count, rounds = (100, 1) if chosen.quick else (_PAIRS, _ROUNDS)
    whole, cut = _pictures(chosen.folder, count)
    figures = {}
    for name, second in (("strangers", np.roll(whole, 7, axis=0)), ("copies", cut)):
        for aligned in (False, True):
            contest = _contestants(whole, second, aligned=aligned)
            spent = _least(contest, rounds)
            how = "aligned" if aligned else "not aligned"
            figures[f"{name}, {how}"] = tuple(each / len(whole) for each in spent)
    where = machine.describe(("numpy", "numba"))
    print(f"{where}; {len(whole):,} pairs\n")
    print(
        "| pairs | machine code, us a pair | numpy, us a pair | numpy takes |\n|---|---:|---:|---:|"
    )
    for pairs, (kernel, plain) in figures.items():
        print(f"| {pairs} | {kernel:.0f} | {plain:.0f} | {plain / kernel:.1f}x |")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _pictures(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Grays of photos, and of the same without 3 % of their width, uint8 (n, 64, 64) each."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    pictures = []
    for path in found[:count]:
        with Image.open(path) as image:
            gray = image.convert("L")
        box = (0, 0, 0.97 * gray.width, gray.height)
        pictures.append(
            [np.asarray(gray.resize((64, 64), Image.Resampling.HAMMING, b)) for b in (None, box)]
        )
    whole, cut = np.array(pictures, np.uint8).swapaxes(0, 1)
    return whole, cut


def _contestants(
    first: np.ndarray, second: np.ndarray, *, aligned: bool
) -> tuple[Callable[[], object], Callable[[], object]]:
    verify.compile_kernel()
    one, other = verify.prepare(first), verify.prepare(second)
    places, begin = np.arange(len(first)), np.tile(_UNIT, (len(first), 1))
    boxes = np.tile(np.array([0, 0, 64, 64]), (len(first), 2, 1))

    def kernel() -> object:
        return verify.compare(one, places, other, places, begin, align=aligned)

    def plain() -> object:
        return [
            alignment.compare(first[k], second[k], boxes[k], begin[k], aligned)
            for k in (slice(n, n + 64) for n in range(0, len(first), 64))
        ]

    return kernel, plain


def _least(contest: tuple[Callable[[], object], ...], rounds: int) -> tuple[float, ...]:
    """Microseconds of each contestant, the least of some rounds."""
    spent: list[list[float]] = [[] for _ in contest]
    for _ in range(rounds):
        for times, work in zip(spent, contest, strict=True):
            with machine.timed() as taken:
                work()
            times.append(taken.cpu)
    return tuple(min(times) * 1e6 for times in spent)


if __name__ == "__main__":
    main()
