"""Pictures of the accuracy benchmark: distinct ones, planted copies of some, hard negatives."""

import csv
import hashlib
import os
import shutil
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from imgurer_kernel.report.evaluation import transforms

KINDS = {".avif", ".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A picture that differs from all others: a class of its own.

    Attributes
    ----------
    name
        Path below the folder that it was found in; names the picture in results.
    group
        The first folder of that path: originals are taken from all groups in equal numbers.
    """

    path: Path
    name: str
    group: str
    digest: str
    hard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file that takes part; tier 0 and no transform for an original."""

    path: Path
    name: str
    origin: int
    transform: str
    tier: int

    def __str__(self) -> str:
        return f"{self.name} under {self.transform}" if self.transform else self.name


def gather(folder: Path, hard: list[Path], known: Path | None) -> tuple[list[Original], list[str]]:
    """All distinct pictures, and the names of those left out because they repeat others."""
    repeats = _repeats(known)
    found: list[Original] = []
    left_out: list[str] = []
    digests: set[str] = set()
    for root in (folder, *hard):
        for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in KINDS):
            inside = path.relative_to(root)
            name = inside.as_posix() if root == folder else f"{root.name}/{inside.as_posix()}"
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest in digests or name in repeats:
                left_out.append(name)
                continue
            digests.add(digest)
            group = name.partition("/")[0]
            found.append(
                Original(path=path, name=name, group=group, digest=digest, hard=root != folder)
            )
    return found, left_out


def _repeats(known: Path | None) -> set[str]:
    """All but the first name of each group in a CSV file with the columns name and group."""
    if known is None:
        return set()
    with known.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first: dict[str, str] = {}
    return {
        row["name"] for row in rows if first.setdefault(row["group"], row["name"]) != row["name"]
    }


def choose(originals: list[Original], count: int, seed: int) -> list[int]:
    """Which pictures get copies: from all groups in equal numbers, as far as they have them."""
    draw = np.random.default_rng(seed)
    groups: dict[str, list[int]] = {}
    for k, original in enumerate(originals):
        if not original.hard:
            groups.setdefault(original.group, []).append(k)
    left = [list(draw.permutation(members)) for _, members in sorted(groups.items())]
    chosen: list[int] = []
    while len(chosen) < count and any(left):
        for members in left:
            if members and len(chosen) < count:
                chosen.append(int(members.pop()))
    return sorted(chosen)


def plant(originals: list[Original], chosen: list[int], seed: int, work: Path) -> list[Item]:
    """The originals and all copies of the chosen ones; copies that are there are not made again."""
    items = [
        Item(path=original.path, name=original.name, origin=k, transform="", tier=0)
        for k, original in enumerate(originals)
    ]
    jobs = [(originals[k], seed, _folder(originals[k], seed, work)) for k in chosen]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        for k, job, _ in zip(chosen, jobs, processes.map(_copy_all, jobs), strict=True):
            progress(f"planting copies: {len(items) - len(originals):,}")
            items += [
                Item(
                    path=job[2] / f"{transform.name}.jpg",
                    name=originals[k].name,
                    origin=k,
                    transform=transform.name,
                    tier=transform.tier,
                )
                for transform in transforms.TRANSFORMS
            ]
    progress("")
    return items


def _folder(original: Original, seed: int, work: Path) -> Path:
    """Where the copies of a picture lie; another one for whatever they depend on."""
    source = Path(transforms.__file__).read_bytes()
    depends = f"{original.digest}/{original.name}/{seed}/{PIL.__version__}/{zlib.crc32(source)}"
    return work / "copies" / hashlib.sha256(depends.encode()).hexdigest()[:24]


def _copy_all(job: tuple[Original, int, Path]) -> None:
    """Make the copies of one picture, as JPEG of quality 95; a folder is whole or not there."""
    original, seed, folder = job
    if folder.exists():
        return
    unfinished = folder.with_suffix(f".{os.getpid()}")
    unfinished.mkdir(parents=True)
    with Image.open(original.path) as image:
        picture = image.convert("RGB")
    for transform in transforms.TRANSFORMS:
        copy = transforms.variant(picture, transform.name, key=original.name, seed=seed)
        copy.save(unfinished / f"{transform.name}.jpg", "JPEG", quality=95, subsampling=0)
    try:
        unfinished.rename(folder)
    except OSError:  # another run was quicker
        shutil.rmtree(unfinished)


def progress(text: str) -> None:
    """Progress on one line of the terminal, which the next text takes the place of."""
    end = "\r" if text and sys.stderr.isatty() else "\n" if text else ""
    if sys.stderr.isatty():
        text = f"\x1b[2K{text}"
    if text:
        print(text, end=end, file=sys.stderr, flush=True)
