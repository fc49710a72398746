"""Time of a fingerprint against the decoder's own and against other packages.

Run with a folder of photos, or without one on drawn scenes::

    python benchmarks/fingerprint.py ../shared/corpus/photos/kodak

The photos are enlarged to 12 megapixels with grain, as a camera has it, and saved at four sizes.
All contestants take turns on each picture in one run, in an order that rotates, so that whatever
else the machine does hits all alike. Times are processor time of the whole process; a ratio is the
median over pictures and rounds of the contestant's time over the floor's on the same picture in the
same round. The floor is libjpeg-turbo decoding grays at an eighth of the size, without a hash.

Peers that are not installed are named and left out: ``pip install simplejpeg dhash imagehash imgdd
imagededup`` into an environment of its own brings them all.
"""

import argparse
import importlib.metadata
import io
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import machine
import numpy as np
from PIL import Image, features

from imgurer_kernel.fingerprint.extract import dhash_of, fingerprint
from imgurer_kernel.fingerprint.hashes.dhash import hamming
from tools import draw_samples

FLOOR = "libjpeg-turbo, grays at 1/8"
FULL = (4000, 3000)
SETS = {
    "12 MP": (FULL, {"quality": 90}),
    "12 MP progressive": (FULL, {"quality": 90, "progressive": True}),
    "2 MP": ((1632, 1224), {"quality": 85}),
    "0.2 MP": ((512, 384), {"quality": 80}),
}
GOALS = [
    ("hash only, 12 MP, over the floor", 1.25, 1.05),
    ("hash, thumbnail and grays, 12 MP, over the floor", 1.6, 1.4),
    ("12 MP progressive over the same file not progressive", 2.0, 1.6),
]

Work = Callable[[bytes, str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one contestant took on one set of pictures."""

    pictures: str
    contestant: str
    milliseconds: float
    ratio: float | None
    bits_off: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="photos; drawn scenes without it")
    parser.add_argument("--pictures", type=int, default=16, help="how many (default 16)")
    parser.add_argument("--rounds", type=int, default=7, help="how often each (default 7)")
    parser.add_argument("--quick", action="store_true", help="3 pictures, 3 rounds")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    count, rounds = (3, 3) if chosen.quick else (chosen.pictures, chosen.rounds)

    contestants, missing = find_contestants()
    with tempfile.TemporaryDirectory() as folder:
        sets = make_sets(chosen.folder, count, Path(folder))
        rows = [row for name in sets for row in race(name, sets[name], contestants, rounds)]
    goals = compare(rows)
    jpeg = features.version_feature("libjpeg_turbo")
    where = machine.describe(("pillow", "numpy"))
    where += f", libjpeg-turbo {jpeg}; {count} pictures, {rounds} rounds"
    print(report(where, missing, rows, goals))
    if chosen.json:
        figures = {"machine": where, "missing": missing, "rows": [asdict(row) for row in rows]}
        chosen.json.write_text(json.dumps(figures | {"goals": goals}, indent=1) + "\n", "utf-8")


# ---- pictures


def make_sets(photos: Path | None, count: int, folder: Path) -> dict[str, list[Path]]:
    """Files of each set, of the same pictures in the same order."""
    sets: dict[str, list[Path]] = {name: [] for name in SETS}
    for number, picture in enumerate(take(photos, count)):
        large = enlarge(picture, seed=number)
        for name, (size, options) in SETS.items():
            image = large if size == FULL else large.resize(size, Image.Resampling.LANCZOS)
            # A folder for each, since one peer hashes folders only.
            path = folder / name.replace(" ", "-") / str(number) / "picture.jpg"
            path.parent.mkdir(parents=True)
            # As from a camera: most upright, some turned, with EXIF.
            exif = Image.Exif()
            exif[0x0112] = (1, 1, 1, 6, 1, 8, 3, 1)[number % 8]
            exif[0x010F], exif[0x0110] = "Maker", "Model"
            image.save(path, "JPEG", subsampling="4:2:0", exif=exif, **options)
            sets[name].append(path)
    return sets


def take(photos: Path | None, count: int) -> list[Image.Image]:
    if photos is None:
        return [
            Image.fromarray(
                draw_samples.draw(draw_samples.SCENES[n % len(draw_samples.SCENES)], seed=n)
            )
            for n in range(count)
        ]
    kinds = {".jpg", ".jpeg", ".png", ".webp"}
    paths = sorted(path for path in photos.rglob("*") if path.suffix.lower() in kinds)
    step = max(len(paths) // count, 1)
    found = []
    for path in paths[::step][:count]:
        with Image.open(path) as image:
            found.append(image.convert("RGB"))
    return found


def enlarge(picture: Image.Image, seed: int) -> Image.Image:
    """The middle of a picture at 12 megapixels, with grain of brightness and of colour."""
    random = np.random.default_rng(seed)
    if picture.height > picture.width:
        picture = picture.rotate(90, expand=True)
    width = min(picture.width, picture.height * 4 // 3)
    height = width * 3 // 4
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    box = (left, top, left + width, top + height)
    pixels = np.asarray(picture.resize(FULL, Image.Resampling.BICUBIC, box=box)).astype(np.int16)
    pixels += random.normal(0, 2.2, (*pixels.shape[:2], 1)).astype(np.int16)
    pixels += random.integers(-1, 2, pixels.shape, np.int16)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


# ---- contestants


def find_contestants() -> tuple[dict[str, Work], list[str]]:
    """What can run here, and the names of what cannot."""
    found: dict[str, Work] = {}
    missing = []
    for name, package, make in (
        (FLOOR, "simplejpeg", floor),
        ("dhash {}", "dhash", dhash_peer),
        ("imagehash {}, dhash and dhash_vertical", "imagehash", imagehash_peer),
        ("imgdd {}, dhash", "imgdd", imgdd_peer),
        ("imagededup {}, DHash", "imagededup", imagededup_peer),
    ):
        try:
            work = make()
        except ImportError:
            missing.append(package)
            continue
        found[name.format(importlib.metadata.version(package))] = work
    ours: dict[str, Work] = {
        "imgurer, hash only": lambda data, _: dhash_of(data),
        "imgurer, fingerprint": lambda data, _: fingerprint(data),
        "imgurer, fingerprint, exact": lambda data, _: fingerprint(data, exact=True),
    }
    return found | ours, missing


def floor() -> Work:
    import simplejpeg

    return lambda data, _: simplejpeg.decode_jpeg(
        data, "GRAY", min_height=1, min_width=1, fastdct=True
    )


def dhash_peer() -> Work:
    import dhash

    def work(data: bytes, _: str) -> object:
        with Image.open(io.BytesIO(data)) as image:
            return dhash.dhash_row_col(image)

    return work


def imagehash_peer() -> Work:
    import imagehash

    def work(data: bytes, _: str) -> object:
        with Image.open(io.BytesIO(data)) as image:
            return imagehash.dhash(image), imagehash.dhash_vertical(image)

    return work


def imgdd_peer() -> Work:
    import imgdd

    return lambda _, path: imgdd.hash(path=str(Path(path).parent), algo="dHash")


def imagededup_peer() -> Work:
    from imagededup.methods import DHash

    hasher = DHash(verbose=False)
    return lambda _, path: hasher.encode_image(image_file=path)


# ---- measuring


def race(name: str, paths: list[Path], contestants: dict[str, Work], rounds: int) -> list[Row]:
    times: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    names = list(contestants)
    files = [path.read_bytes() for path in paths]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what peers call and Pillow has deprecated
        for turn in range(rounds):
            for number, (path, data) in enumerate(zip(paths, files, strict=True)):
                first = (turn + number) % len(names)
                for contestant in names[first:] + names[:first]:
                    times[contestant].append(timed(contestants[contestant], data, str(path)))
    base = times.get(FLOOR)
    off = bits_off(files)
    return [
        Row(
            pictures=name,
            contestant=contestant,
            milliseconds=1000 * statistics.median(taken),
            ratio=median_ratio(taken, base) if base else None,
            bits_off=off if contestant == "imgurer, fingerprint" else "",
        )
        for contestant, taken in times.items()
    ]


def timed(work: Work, data: bytes, path: str) -> float:
    begun = time.process_time()
    work(data, path)
    return time.process_time() - begun


def median_ratio(taken: list[float], base: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(taken, base, strict=True))


def bits_off(files: list[bytes]) -> str:
    """How many bits of the fast hash differ from the exact one: median, 95th percentile, most."""
    off = [hamming(fingerprint(data).dhash, fingerprint(data, exact=True).dhash) for data in files]
    return f"{np.median(off):g}, {np.percentile(off, 95):g}, {max(off)}"


def compare(rows: list[Row]) -> list[dict[str, object]]:
    """The goals: what must be reached, what is aimed at, what was measured."""
    found = {(row.pictures, row.contestant): row for row in rows}
    whole = "imgurer, fingerprint"
    progressive = found["12 MP progressive", whole].milliseconds
    measured = [
        found["12 MP", "imgurer, hash only"].ratio,
        found["12 MP", whole].ratio,
        progressive / found["12 MP", whole].milliseconds,
    ]
    return [
        {"work": work, "must": must, "aim": aim, "measured": ratio}
        for (work, must, aim), ratio in zip(GOALS, measured, strict=True)
    ]


# ---- telling


def report(where: str, missing: list[str], rows: list[Row], goals: list[dict[str, object]]) -> str:
    lines = [where, ""]
    if missing:
        lines += [f"Not installed and left out: {', '.join(missing)}.", ""]
    lines += [
        "| pictures | contestant | ms | over the floor | bits off: median, 95 %, most |",
        "|---|---|---:|---:|---|",
    ]
    lines += [
        f"| {row.pictures} | {row.contestant} | {row.milliseconds:.2f} | {ratio_text(row.ratio)} | "
        f"{row.bits_off} |"
        for row in rows
    ]
    lines += ["", "| work | must reach | aim | measured |", "|---|---:|---:|---:|"]
    lines += [
        f"| {goal['work']} | {goal['must']}x | {goal['aim']}x | {ratio_text(goal['measured'])} |"
        for goal in goals
    ]
    return "\n".join(lines)


def ratio_text(ratio: object) -> str:
    return f"{ratio:.2f}x" if isinstance(ratio, float) else ""


if __name__ == "__main__":
    main()
