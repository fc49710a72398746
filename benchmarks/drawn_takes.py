"""Frames of films, 0.4 seconds apart: other takes of one scene, each of them a picture of its own.

A photograph is the scene. The camera stands, turns, comes nearer or is held in a hand, near things
move farther than far ones, and something goes across. Each frame has noise and a light of its own.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from drawn_sets import Drawn, look_up, photographs, smooth, to_image, write_set
from PIL import Image, ImageOps

SCENES, FRAMES, COPIED = 16, 7, 0.1
SIZE = 480, 360
CAMERAS = ("stands", "turns", "nears", "held")


def draw_takes(folder: Path, photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder."""
    rng = random.Random(f"takes {seed}")
    write_set(folder, _frames(photos, rng), rng, copied=COPIED, suffix="jpg")


def _frames(photos: list[Path], rng: random.Random) -> Iterator[Drawn]:
    pictures = photographs(photos, 2 * SCENES, rng)
    for scene in range(SCENES):
        large = ImageOps.fit(pictures[2 * scene], (640, 480), Image.Resampling.LANCZOS)
        other = ImageOps.fit(pictures[2 * scene + 1], (640, 480), Image.Resampling.LANCZOS)
        film = Film(large, other, CAMERAS[scene % len(CAMERAS)], rng)
        for k in range(FRAMES):
            name = f"scene{scene:02}-{k}"
            yield Drawn(name, name, film.frame(0.4 * k))


class Film:
    """A scene, a camera, and what goes across: cut out of another photograph."""

    def __init__(
        self,
        scene: Image.Image,
        other: Image.Image,
        camera: str,
        rng: random.Random,
        size: tuple[int, int] = SIZE,
    ) -> None:
        width, height = size
        self._y, self._x = np.mgrid[0:height, 0:width].astype(np.float64)
        self._size = size
        self._rng = np.random.default_rng(rng.randrange(2**32))
        self._scene, self._other = (np.asarray(p, np.float64) for p in (scene, other))
        down = np.linspace(0.3, 1, height)[:, None]  # the ground is near at the bottom
        self._near = np.clip(down + 0.25 * smooth((height, width), 4, self._rng), 0.1, 1.3)
        self._camera = camera
        self._pan = rng.choice((-1, 1)) * rng.uniform(25, 60)  # pixels in a second, of near things
        self._zoom = rng.uniform(0.04, 0.12)
        self._thing = [
            (rng.uniform(0.1, 0.9), rng.uniform(0.35, 0.8), rng.uniform(0.08, 0.16))
            for _ in range(rng.choice((1, 2, 2, 3)))
        ]
        self._speed = [rng.choice((-1, 1)) * rng.uniform(0.08, 0.3) for _ in self._thing]

    def frame(self, seconds: float) -> Image.Image:
        """Take the picture at some time."""
        (width, height), x, y = self._size, self._x, self._y
        across, down, zoom = 0.0, 0.0, 1.0
        if self._camera == "turns":
            across = self._pan * seconds
        elif self._camera == "nears":
            zoom = 1 / (1 + self._zoom * seconds)
        elif self._camera == "held":
            across, down = 14 * np.sin(2.1 * seconds + 1), 9 * np.sin(3.3 * seconds)
            zoom = 1 + 0.02 * np.sin(1.7 * seconds)
        grown = 1 + (zoom - 1) * self._near
        u = 320 + (x - width / 2) * grown + across * self._near
        v = 240 + (y - height / 2) * grown + down * self._near
        picture = look_up(self._scene, u, v)
        for (left, top, size), speed in zip(self._thing, self._speed, strict=True):
            self._put(picture, (left + speed * seconds) % 1.0, top, size, seconds)
        light = 1 + 0.02 * self._rng.normal()
        return to_image(light * picture + self._rng.normal(0, 3, picture.shape))

    def _put(
        self, picture: np.ndarray, left: float, top: float, size: float, seconds: float
    ) -> None:
        """Put a thing as high as twice its width into a picture, on legs that move."""
        (width, height), x, y = self._size, self._x, self._y
        u, v = (x / width - left) / size, (y / height - top) / (1.6 * size)
        sway = 0.25 * np.sin(5 * seconds) * np.clip(v, 0, 1)
        mask = 1 / (1 + np.exp(-12 * (1 - np.hypot(u - sway, v))))
        thing = look_up(self._other, 320 + 90 * u, 240 + 90 * v)
        picture += mask[..., None] * (thing - picture)
