"""Write sets of drawn pictures with planted copies of some, and what generators of them share.

A set is a folder with ``pictures`` and a ``truth.csv`` (filename, key, kind), as `look_alikes.py`
reads it: files with one key are the same picture. Each generator is given a folder, photographs to
draw with and a seed, and yields its pictures to `write_set`.
"""

import csv
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

_PLAIN = 0.25  # share of one gray

Copies = Callable[[Image.Image, str, random.Random], Iterator[tuple[str, Image.Image]]]


class Drawn(NamedTuple):
    """A picture of a set: its own name, and that of what it shows."""

    name: str
    key: str
    image: Image.Image


def copies(image: Image.Image, name: str, rng: random.Random) -> Iterator[tuple[str, Image.Image]]:
    """Half size, 6 % cropped, tone and caption, mirrored, framed."""
    width, height = image.size
    yield "half", image.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    x, y = round(0.03 * width), round(0.03 * height)
    yield "crop", image.crop((x, y, width - x, height - y))
    toned = ImageEnhance.Brightness(image).enhance(rng.choice((0.7, 0.75, 1.25, 1.3)))
    ImageDraw.Draw(toned).text(
        (width / 2, height - 3),
        f"copy {name[:10]}",
        anchor="mb",
        font=ImageFont.load_default(size=max(8, height // 14)),
        fill="white",
        stroke_width=1,
        stroke_fill="black",
    )
    yield "toned", toned
    yield "mirror", ImageOps.mirror(image)
    yield "frame", ImageOps.expand(image, round(0.08 * min(width, height)), "black")


def write_set(
    folder: Path,
    drawn: Iterable[Drawn],
    rng: random.Random,
    *,
    copied: float,
    suffix: str = "png",
    copies: Copies = copies,
    quality: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write pictures to a new folder, with copies of a share of them, and their truth.

    Parameters
    ----------
    copied
        Share of the pictures that have copies.
    suffix
        Of originals; copies are JPEG, on white where an original is transparent.
    quality
        Of the JPEG by kind of copy; of others 86.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    items = list(drawn)
    chosen = set(rng.sample(range(len(items)), round(copied * len(items))))
    rows = [("filename", "key", "kind")]
    for k, (name, key, image) in enumerate(items):
        image.save(pictures / f"{name}.{suffix}", **({"quality": 90} if suffix == "jpg" else {}))
        rows.append((f"{name}.{suffix}", key, "original"))
        for kind, copy in copies(opaque(image), name, rng) if k in chosen else ():
            level = quality.get(kind, 86)
            copy.convert("RGB").save(pictures / f"{name}--{kind}.jpg", quality=level)
            rows.append((f"{name}--{kind}.jpg", key, kind))
    with (folder / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def opaque(image: Image.Image) -> Image.Image:
    """Return a picture in colours, on white where it is transparent."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def font(size: int, style: str = "") -> ImageFont.FreeTypeFont:
    """Load DejaVu, as matplotlib brings it: ``"Sans-Bold"``, ``"Serif"``, ``"SansMono"``."""
    path = Path(get_data_path()) / "fonts" / "ttf" / f"DejaVu{style or 'Sans'}.ttf"
    return ImageFont.truetype(str(path), size)


def photographs(photos: Iterable[Path], count: int, rng: random.Random) -> list[Image.Image]:
    """Open so many photographs, drawn by lot, none of them of a thing on a plain ground."""
    paths, found = sorted(photos), []
    rng.shuffle(paths)
    for path in paths:
        image = Image.open(path).convert("RGB")
        counts = np.array(image.convert("L").histogram())
        if np.convolve(counts, np.ones(9)).max() < _PLAIN * counts.sum():
            found.append(image)
        if len(found) == count:
            break
    return found


def smooth(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth field of about so many waves a side, float64, -1..1 for the most part."""
    coarse = Image.fromarray(rng.normal(0, 0.7, (cells + 1, cells + 1)).astype(np.float32))
    return np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC), np.float64)


def look_up(pixels: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Look pixels up at fractional places, between four of them; beyond the edge it goes on."""
    height, width = pixels.shape[:2]
    x, y = np.clip(x, 0, width - 1.001), np.clip(y, 0, height - 1.001)
    j, i = x.astype(int), y.astype(int)
    u, v = x - j, y - i
    if pixels.ndim == 3:
        u, v = u[..., None], v[..., None]
    top = pixels[i, j] * (1 - u) + pixels[i, j + 1] * u
    return top * (1 - v) + (pixels[i + 1, j] * (1 - u) + pixels[i + 1, j + 1] * u) * v


def to_image(pixels: np.ndarray) -> Image.Image:
    """Make a picture of levels 0..255, cut off."""
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
