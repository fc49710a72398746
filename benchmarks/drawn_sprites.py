"""Game sprites of 68 by 56 pixels: small creatures, some in forms that differ in a part or colour.

Pixels are drawn one by one, with a dark outline and three tones of each colour, on a transparent
ground. Forms of one creature are strangers to each other: another hat, other colours, other marks,
another pose, as games have them.
"""

import colorsys
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from drawn_sets import Drawn, write_set
from PIL import Image

WIDTH, HEIGHT = 68, 56
SPECIES, FORMED, COPIED = 70, 12, 0.15
_LEAST = 12  # pixels
FORMS = ("colours", "hat", "marks", "pose", "tail")
_YS, _XS = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5


@dataclass(frozen=True)
class Part:
    """An ellipse or a wedge: middle, reach, turn (radians), and which colour it has."""

    x: float
    y: float
    across: float
    down: float
    turn: float
    colour: int
    wedge: bool = False


@dataclass(frozen=True)
class Creature:
    """What a sprite shows: parts from back to front, colours, eyes, and marks on the body."""

    parts: tuple[Part, ...]
    hues: tuple[tuple[float, float, float], ...]
    eyes: tuple[tuple[float, float], ...]
    marks: int


def draw_sprites(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    rng = random.Random(f"sprites {seed}")
    write_set(folder, _sprites(rng), rng, copied=COPIED)


def _sprites(rng: random.Random) -> Iterator[Drawn]:
    for species in range(SPECIES):
        creature = invent(rng)
        yield Drawn(f"s{species:03}", f"s{species:03}", paint(creature))
        for k in range(rng.randint(2, 5) if species < FORMED else 0):
            kind = FORMS[(species + k) % len(FORMS)]
            image = paint(varied(creature, kind, rng))
            if _is_seen(image, paint(creature)):
                yield Drawn(f"s{species:03}-{kind}{k}", f"s{species:03}-{kind}{k}", image)


def _is_seen(one: Image.Image, other: Image.Image) -> bool:
    """Return whether two sprites differ by more than a few pixels: a hat may be behind the head."""
    return int((np.asarray(one) != np.asarray(other)).any(axis=2).sum()) >= _LEAST


def invent(rng: random.Random) -> Creature:
    """Invent a creature that looks to the left."""
    body = Part(
        rng.uniform(33, 40),
        rng.uniform(35, 40),
        rng.uniform(7, 14),
        rng.uniform(6, 12),
        rng.uniform(-0.5, 0.5),
        0,
    )
    head = Part(
        body.x - rng.uniform(2, 11),
        body.y - body.down - rng.uniform(0, 5),
        rng.uniform(5, 9),
        rng.uniform(5, 8),
        rng.uniform(-0.3, 0.3),
        rng.choice((0, 0, 1)),
    )
    back, front = [], []
    if rng.random() < 0.7:
        back.append(_tail(body, rng))
    if rng.random() < 0.35:
        up = rng.uniform(7, 13)
        back.append(Part(body.x + 5, body.y - 7, up, up / 2, rng.uniform(-1.2, -0.3), 2))
    for side in (-1, 1):
        if rng.random() < 0.85:
            x = head.x + side * head.across * 0.6
            back.append(
                Part(x, head.y - head.down, 2 + 2 * rng.random(), rng.uniform(3, 7), 0.3 * side, 1)
            )
    for k in range(rng.choice((2, 2, 3, 4))):
        x = body.x - body.across * 0.7 + 1.4 * body.across * k / 3
        front.append(
            Part(x, body.y + body.down, rng.uniform(2, 4), rng.uniform(3, 5), 0, rng.choice((0, 1)))
        )
    belly = Part(body.x - 2, body.y + 2, body.across * 0.55, body.down * 0.55, body.turn, 2)
    eyes = ((head.x - head.across * 0.5, head.y), (head.x + head.across * 0.25, head.y))
    hat = Part(head.x, head.y - head.down, rng.uniform(2, 5), rng.uniform(2, 4), 0, 2, True)
    parts = (*back, body, belly, *front, head, *([hat] if rng.random() < 0.4 else []))
    return Creature(parts, _hues(rng), eyes[: rng.choice((1, 2, 2))], rng.choice((0, 0, 1, 2, 3)))


def _tail(body: Part, rng: random.Random) -> Part:
    return Part(
        body.x + body.across + rng.uniform(0, 3),
        body.y - rng.uniform(-4, 8),
        rng.uniform(4, 9),
        rng.uniform(2, 4),
        rng.uniform(-1.2, 0.6),
        rng.choice((0, 1, 2)),
        rng.random() < 0.3,
    )


def _hues(rng: random.Random) -> tuple[tuple[float, float, float], ...]:
    first = rng.random()
    return tuple(
        ((first + turn) % 1, rng.uniform(0.25, 0.9), rng.uniform(0.55, 0.95))
        for turn in (0, rng.choice((0.05, 0.5, 0.33, 0.66)), rng.random())
    )


def varied(creature: Creature, kind: str, rng: random.Random) -> Creature:
    """Return another form of a creature."""
    if kind == "colours":
        return replace(creature, hues=_hues(rng))
    if kind == "marks":
        return replace(creature, marks=(creature.marks + rng.choice((1, 2, 3))) % 4)
    parts = list(creature.parts)
    head = parts[-2] if parts[-1].wedge else parts[-1]
    if kind == "hat":
        x, y = head.x + rng.uniform(-4, 4), head.y - head.down - rng.uniform(-1, 2)
        hat = Part(x, y, rng.uniform(3, 6), rng.uniform(2, 5), rng.uniform(-1, 1), 2)
        return replace(creature, parts=(*parts, hat))
    if kind == "tail":
        return replace(creature, parts=(_tail(parts[-1], rng), *parts))
    moved = [
        replace(part, x=part.x + rng.uniform(-3, 3), turn=part.turn + rng.uniform(-0.6, 0.6))
        for part in parts
    ]
    return replace(creature, parts=tuple(moved))


def paint(creature: Creature) -> Image.Image:
    """Draw a creature, RGBA."""
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    for k, part in enumerate(creature.parts):
        u, v = _own(part)
        inside = (abs(u) + v**2 * 0.6 < 1) if part.wedge else (u**2 + v**2 < 1)
        if part.wedge:
            inside &= v > -1
        light = -0.6 * u - 0.8 * v
        hue = creature.hues[part.colour]
        for tone, where in (
            (1, inside),
            (2, inside & (light > 0.45)),
            (0, inside & (light < -0.5)),
        ):
            pixels[where] = _colour(hue, tone)
        if k == _body(creature) and creature.marks:
            pixels[inside & _marked(u, v, creature.marks)] = _colour(creature.hues[1], 0)
        edge = inside & ~_eroded(inside)
        pixels[edge] = (*(channel // 3 for channel in _colour(hue, 0)[:3]), 255)
    for x, y in creature.eyes:
        i, j = int(y), int(x)
        pixels[i : i + 3, j : j + 2] = (16, 16, 24, 255)
        pixels[i, j] = (255, 255, 255, 255)
    return Image.fromarray(pixels)


def _body(creature: Creature) -> int:
    areas = [part.across * part.down for part in creature.parts]
    return areas.index(max(areas))


def _own(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of all pixels as a part sees them: 1 is its reach."""
    x, y = _XS - part.x, _YS - part.y
    cos, sin = np.cos(part.turn), np.sin(part.turn)
    return (cos * x + sin * y) / part.across, (cos * y - sin * x) / part.down


def _marked(u: np.ndarray, v: np.ndarray, kind: int) -> np.ndarray:
    if kind == 1:
        return np.sin(9 * u) > 0.5
    if kind == 2:
        return (np.sin(7 * u) > 0.3) & (np.sin(7 * v) > 0.3)
    return abs(v + 0.2) < 0.2


def _eroded(inside: np.ndarray) -> np.ndarray:
    padded = np.pad(inside, 1)
    return padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _colour(hue: tuple[float, float, float], tone: int) -> tuple[int, int, int, int]:
    """Return a colour darker (0), as it is (1) or lighter (2)."""
    h, s, v = hue
    v = (0.68, 0.88, 1.0)[tone] * v
    s = (1.0, 0.9, 0.65)[tone] * s
    red, green, blue = colorsys.hsv_to_rgb(h, s, v)
    # Old games had 32 levels of a channel.
    return (*(8 * int(31 * channel) for channel in (red, green, blue)), 255)
