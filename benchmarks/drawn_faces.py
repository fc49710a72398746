"""Faces: some people, each in ten shots that differ in turn, look and light, as in one sitting.

Gray, 92 by 112 pixels. A head is an ellipsoid with features painted on it, so that a turn moves
what is near more than what is far. Another shot of a person is another picture.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from drawn_sets import Drawn, smooth, to_image, write_set
from PIL import Image, ImageFilter

PEOPLE, SHOTS, COPIED = 12, 10, 0.1
WIDTH, HEIGHT, FINE = 92, 112, 2


@dataclass(frozen=True)
class Person:
    """What stays from shot to shot; lengths are shares of a head's half width or height."""

    wide: float
    high: float
    skin: float
    hair: float
    line: float
    brow: float
    eyes: float
    eye: float
    nose: float
    mouth: float
    lips: float
    beard: float
    glasses: bool
    cloth: float
    grain: np.ndarray = field(compare=False)


def draw_faces(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    rng = random.Random(f"faces {seed}")
    write_set(folder, _faces(rng), rng, copied=COPIED)


def _faces(rng: random.Random) -> Iterator[Drawn]:
    for number in range(PEOPLE):
        person = invent(rng)
        for shot in range(SHOTS):
            name = f"p{number:02}-{shot}"
            yield Drawn(name, name, paint(person, rng))


def invent(rng: random.Random) -> Person:
    """Invent a person."""
    return Person(
        wide=rng.uniform(0.5, 0.62),
        high=rng.uniform(0.62, 0.74),
        skin=rng.uniform(110, 200),
        hair=rng.uniform(20, 110),
        line=rng.uniform(-0.75, -0.4),
        brow=rng.uniform(0.03, 0.07),
        eyes=rng.uniform(0.34, 0.44),
        eye=rng.uniform(0.09, 0.13),
        nose=rng.uniform(0.16, 0.3),
        mouth=rng.uniform(0.25, 0.38),
        lips=rng.uniform(0.03, 0.06),
        beard=rng.choice((0, 0, 0, 0.3, 0.6)),
        glasses=rng.random() < 0.3,
        cloth=rng.uniform(30, 210),
        grain=smooth((64, 64), 20, np.random.default_rng(rng.randrange(2**32))),
    )


def paint(person: Person, rng: random.Random) -> Image.Image:
    """Take a shot: another turn, look and light each time."""
    seed = np.random.default_rng(rng.randrange(2**32))
    yaw, pitch, roll = rng.uniform(-0.45, 0.45), rng.uniform(-0.15, 0.15), rng.uniform(-0.06, 0.06)
    y, x = np.mgrid[0 : FINE * HEIGHT, 0 : FINE * WIDTH] / (FINE * WIDTH / 2)
    x, y = x - 1 - rng.uniform(-0.08, 0.08), y - HEIGHT / WIDTH - rng.uniform(-0.06, 0.06)
    scale = rng.uniform(0.94, 1.06)
    x, y = (
        (np.cos(roll) * x + np.sin(roll) * y) / scale,
        (np.cos(roll) * y - np.sin(roll) * x) / scale,
    )
    level = rng.uniform(70, 84) + 14 * y + 3 * x
    shoulder = abs(x + 0.1 * yaw) < 0.35 + np.clip(2.5 * (y - 0.72), 0, 1)
    level = np.where((y > 0.72) & shoulder, person.cloth + 12 * np.sin(9 * x), level)
    neck = (abs(x) < 0.3) & (y > 0.3) & (y < 0.85)
    level = np.where(neck, 0.75 * person.skin, level)
    u, v = x / person.wide, y / person.high
    inside = u**2 + v**2 < 1
    w = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
    # Turned back: where the skin that is seen here is on the head.
    p, depth = np.cos(yaw) * u - np.sin(yaw) * w, np.sin(yaw) * u + np.cos(yaw) * w
    q, depth = np.cos(pitch) * v - np.sin(pitch) * depth, np.sin(pitch) * v + np.cos(pitch) * depth
    around = np.where((u / 1.12) ** 2 + ((v + 0.06) / 1.1) ** 2 < 1, person.hair, level)
    level = np.where((y < 0.25) & ~inside, around, level)
    light = 0.62 + 0.38 * np.clip(rng.uniform(-0.5, 0.5) * u - 0.35 * v + 0.9 * w, 0, 1.2)
    level = np.where(inside, _skin(person, p, q, depth, rng) * light, level)
    image = to_image(level).filter(ImageFilter.GaussianBlur(0.8))
    image = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return to_image(np.asarray(image, np.float64) + seed.normal(0, 2, (HEIGHT, WIDTH)))


def _skin(
    person: Person, p: np.ndarray, q: np.ndarray, depth: np.ndarray, rng: random.Random
) -> np.ndarray:
    """Return the levels of a head where it is seen, by the places on it."""
    i, j = (np.clip(31.5 * (at + 1), 0, 63).astype(int) for at in (q, p))
    level = person.skin + 5 * person.grain[i, j]
    open_ = rng.choice((1.0, 1.0, 1.0, 0.7, 0.15))
    smile, gap = rng.uniform(-0.06, 0.14), rng.choice((0, 0, 0, 0.03, 0.08))
    for side in (-1, 1):
        at = p - side * person.eyes
        white = (at / (1.5 * person.eye)) ** 2 + ((q + 0.18) / (person.eye * open_)) ** 2 < 1
        level = np.where(white, 215, level)
        level = np.where(white & (at**2 + (q + 0.18) ** 2 < (0.8 * person.eye) ** 2), 30, level)
        brow = abs(q + 0.36 + rng.uniform(-0.02, 0.02) + 0.25 * at**2) < person.brow
        level = np.where(brow & (abs(at) < 0.2), person.hair, level)
        lid = abs(q + 0.18 + person.eye * open_) < 0.015
        level = np.where(lid & (abs(at) < 1.4 * person.eye), 50, level)
        rim = abs(np.hypot(at, q + 0.16) - 0.23) < 0.025
        level = np.where(person.glasses & rim, 35, level)
        level = level - 40 * np.exp(
            -(((p - side * 0.09) / 0.04) ** 2 + ((q - person.nose) / 0.03) ** 2)
        )
    level = level - 18 * np.exp(-(((p - 0.08) / 0.05) ** 2)) * ((q > -0.15) & (q < person.nose))
    curve = q - 0.48 + smile * (p / person.mouth) ** 2
    mouth = abs(p) < person.mouth
    level = np.where(mouth & (abs(curve) < person.lips + gap), 0.62 * person.skin, level)
    level = np.where(mouth & (abs(curve) < 0.012 + gap), 40, level)
    level = np.where((q > 0.3) & ~(mouth & (abs(curve) < 0.08)), level * (1 - person.beard), level)
    hair = (q < person.line + 0.12 * p**2) | (depth < -0.05)
    return np.where(hair, person.hair + 4 * person.grain[i, j], level)
