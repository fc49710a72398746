"""Line icons in families that differ by a sign within one body, with five planted copies of some.

A set with a known truth that needs no pictures from elsewhere; see `drawn_sets.py`.
"""

import random
from pathlib import Path

from drawn_sets import Drawn, write_set
from PIL import Image, ImageDraw

SIDE, FINE = 96, 3  # pixels of an icon; how much finer it is drawn
COPIED = 0.12

Points = list[tuple[float, float]]
# In 24ths of the side: bodies, each with the middle and the reach of its sign, and signs around it.
BODIES: dict[str, tuple[list[Points], float, float, float]] = {
    "page": ([[(14, 2), (6, 2), (5, 21), (19, 21), (19, 7), (14, 2), (14, 7), (19, 7)]], 12, 15, 1),
    "battery": ([[(2, 6), (18, 6), (18, 18), (2, 18), (2, 6)], [(22, 10), (22, 14)]], 10, 12, 1),
    "bell": (
        [[(5, 17), (7, 9), (12, 4), (17, 9), (19, 17), (5, 17)], [(10, 20), (14, 20)]],
        12,
        11,
        0.7,
    ),
    "telephone": ([[(6, 1), (18, 1), (18, 23), (6, 23), (6, 1)], [(11, 20), (13, 20)]], 12, 10, 1),
    "cloud": ([[(6, 19), (3, 15), (8, 7), (16, 7), (21, 15), (18, 19), (6, 19)]], 12, 14, 1),
    "heart": ([[(12, 21), (3, 8), (7, 4), (12, 8), (17, 4), (21, 8), (12, 21)]], 12, 11, 0.9),
    "shield": ([[(12, 22), (5, 17), (4, 5), (12, 2), (20, 5), (19, 17), (12, 22)]], 12, 12, 1),
    "folder": ([[(2, 19), (2, 5), (8, 5), (11, 8), (22, 8), (22, 19), (2, 19)]], 12, 14, 0.9),
    "square": ([[(3, 3), (21, 3), (21, 21), (3, 21), (3, 3)]], 12, 12, 1),
    "cup": (
        [[(3, 8), (4, 20), (15, 20), (16, 8), (3, 8)], [(16, 10), (21, 13), (15, 17)]],
        9.5,
        14,
        0.9,
    ),
}
SIGNS: dict[str, list[Points]] = {
    "nothing": [],
    "plus": [[(0, -3), (0, 3)], [(-3, 0), (3, 0)]],
    "minus": [[(-3, 0), (3, 0)]],
    "cross": [[(-2.5, -2.5), (2.5, 2.5)], [(2.5, -2.5), (-2.5, 2.5)]],
    "tick": [[(-3, 0), (-1, 2.5), (3, -2.5)]],
    "arrow": [[(-3, 0), (3, 0), (1, -2)], [(3, 0), (1, 2)]],
    "up": [[(0, 3), (0, -3), (-2, -1)], [(0, -3), (2, -1)]],
    "lines": [[(-3, -2), (3, -2)], [(-3, 2), (3, 2)]],
    "question": [[(-2, -2), (0, -3), (2, -2), (2, -0.5), (0, 1)], [(0, 2.5), (0, 3)]],
}


def draw_icons(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    names = [f"{body}-{sign}" for body in BODIES for sign in SIGNS]
    icons = (Drawn(name, name, draw(*name.split("-"))) for name in names)
    write_set(folder, icons, random.Random(seed), copied=COPIED)


def draw(body: str, sign: str) -> Image.Image:
    """One icon, black on white."""
    unit = SIDE * FINE / 24
    image = Image.new("RGB", (SIDE * FINE, SIDE * FINE), "white")
    pen = ImageDraw.Draw(image)
    outline, x, y, reach = BODIES[body]
    inner = [[(x + reach * u, y + reach * v) for u, v in line] for line in SIGNS[sign]]
    for line in (*outline, *inner):
        points = [(u * unit, v * unit) for u, v in line]
        pen.line(points, fill="black", width=round(2 * unit), joint="curve")
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
