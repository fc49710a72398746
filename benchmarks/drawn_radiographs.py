"""Radiographs of chests: all show the same, so that strangers are alike wherever nothing is fine.

Dark lungs behind ribs, a heart, a spine, a diaphragm, collar bones and a mark of the side; grain.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from drawn_sets import Drawn, font, smooth, to_image, write_set
from PIL import Image, ImageDraw, ImageFilter

CHESTS, COPIED, SIDE = 120, 0.12, 512


def draw_radiographs(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    rng = random.Random(f"radiographs {seed}")
    drawn = (Drawn(f"x{k:03}", f"x{k:03}", paint(rng)) for k in range(CHESTS))
    write_set(folder, drawn, rng, copied=COPIED)


def paint(rng: random.Random, pixels: int = SIDE) -> Image.Image:
    """Draw one chest, in gray."""
    seed = np.random.default_rng(rng.randrange(2**32))
    height, width = pixels, round(pixels * rng.choice((1, 1, 0.84, 1.17)))
    y, x = np.mgrid[0:height, 0:width]
    u, v = 2 * (x + 0.5) / width - 1 - rng.uniform(-0.06, 0.06), 2 * (y + 0.5) / height - 1
    turn = rng.uniform(-0.05, 0.05)
    u, v = u + turn * v, v - turn * u
    body = _soft(1 - (u / rng.uniform(0.92, 1.05)) ** 6 - np.clip(-v - 0.55, 0, 1) * 3 * abs(u), 6)
    level = 60 + 110 * body
    for side in (-1, 1):
        level -= rng.uniform(85, 105) * _lung(u, v, side, rng) * body
    level += (
        55
        * np.exp(-((u / rng.uniform(0.07, 0.11)) ** 2))
        * (0.7 + 0.3 * np.sin(v * rng.uniform(26, 32)))
    )
    level += rng.uniform(45, 70) * _heart(u, v, rng)
    for bone in _bones(u, v, rng):
        level += bone
    level += 9 * smooth((height, width), 14, seed) + 5 * smooth((height, width), 45, seed)
    level = 128 + rng.uniform(0.8, 1.15) * (level - 118)
    image = to_image(level).filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 1.2)))
    _mark(image, rng)
    return to_image(np.asarray(image, np.float64) + seed.normal(0, 2.5, (height, width)))


def _soft(value: np.ndarray, steepness: float) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(steepness * value, -40, 40)))


def _lung(u: np.ndarray, v: np.ndarray, side: int, rng: random.Random) -> np.ndarray:
    middle, top = side * rng.uniform(0.38, 0.45), rng.uniform(-0.08, 0.02)
    across, down = rng.uniform(0.27, 0.34), rng.uniform(0.6, 0.72)
    round_ = 1 - (abs(u - middle) / across) ** 2.4 - (abs(v - top) / down) ** 2.8
    floor = rng.uniform(0.42, 0.58) + 0.25 * (u - middle) ** 2
    return _soft(round_, 7) * _soft(floor - v, 18)


def _heart(u: np.ndarray, v: np.ndarray, rng: random.Random) -> np.ndarray:
    x, y = u - rng.uniform(0.05, 0.16), v - rng.uniform(0.18, 0.3)
    tilt = rng.uniform(0.3, 0.7)
    x, y = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
    return _soft(1 - (x / rng.uniform(0.26, 0.36)) ** 2 - (y / rng.uniform(0.2, 0.28)) ** 2, 6)


def _bones(u: np.ndarray, v: np.ndarray, rng: random.Random) -> Iterator[np.ndarray]:
    first, step = rng.uniform(-0.75, -0.65), rng.uniform(0.125, 0.15)
    bend, thick = rng.uniform(0.5, 0.8), rng.uniform(0.016, 0.024)
    for side in (-1, 1):
        beside = np.clip(side * u, 0, 1)
        for k in range(9):
            top = first + k * step + rng.uniform(-0.012, 0.012)
            line = top + bend * (beside - 0.35) ** 2 + rng.uniform(0.1, 0.2) * beside
            seen = _soft(beside - 0.07, 60) * _soft(0.82 - beside, 30)
            yield rng.uniform(14, 24) * np.exp(-(((v - line) / thick) ** 2)) * seen
            if k < 6:
                front = top + 0.2 - 0.35 * (beside - 0.15)
                yield 7 * np.exp(-(((v - front) / (1.4 * thick)) ** 2)) * seen
        collar = rng.uniform(-0.72, -0.62) - rng.uniform(0.1, 0.25) * (beside - 0.3)
        yield 30 * np.exp(-(((v - collar) / 0.025) ** 2)) * _soft(beside - 0.08, 60)


def _mark(image: Image.Image, rng: random.Random) -> None:
    x, y = rng.uniform(0.03, 0.1), rng.uniform(0.03, 0.12)
    at = (x * image.width, y * image.height)
    ImageDraw.Draw(image).text(at, rng.choice("RRL"), fill=235, font=font(22, "Sans-Bold"))
