"""Drawings as files: photos with what a camera writes into them, flat pictures, and their index.

``index.csv`` has one row for each file, in the order in which `imgurer_kernel.report.evaluation`
plans the sample set: file, scene, kind (*original*, *near-miss* or *flat*), taken (local time, ISO
8601; empty for flat ones) and sha256.
"""

import csv
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.draw_samples import SCENES, Scene, draw

# Scenes of which there is another picture of the same kind, which is no duplicate.
SECOND_TAKES = (
    "lake-at-dusk", "blue-ridge-morning", "dunes", "pines-in-fog", "city-lights", "skyline",
    "old-table", "tablecloth", "jumper",
)  # fmt: skip
FLATS = ("white", "black", "grey", "another grey", "left to right", "corner to corner")
QUALITY = 90

MAKER, MODEL, SOFTWARE = 0x010F, 0x0110, 0x0131
EXIF_FACTS, GPS_FACTS, TAKEN = 0x8769, 0x8825, 0x9003


class Row(NamedTuple):
    """A row of the index."""

    file: str
    scene: str
    kind: str
    taken: str
    sha256: str


def write_pictures(folder: Path, seed: int = 0, workers: int = 1) -> list[Row]:
    """Draw all pictures into a folder, made if missing, and write their index.

    The same seed gives the same bytes wherever the same versions of numpy and Pillow run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers) as pool:
        photos = list(pool.map(partial(_write_scene, folder, seed), SCENES))
    rows = [row for scene in photos for row in scene]
    for name in FLATS:
        data = flat_picture(name)
        rows.append(_written(folder, f"{name.replace(' ', '-')}.png", name, "flat", "", data))
    with (folder / "index.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows)
    return rows


def _write_scene(folder: Path, seed: int, scene: Scene) -> list[Row]:
    rows = []
    for take in range(1 + (scene.name in SECOND_TAKES)):
        name = f"{scene.name}-2.jpg" if take else f"{scene.name}.jpg"
        kind = "near-miss" if take else "original"
        taken = taken_at(scene, take).isoformat()
        rows.append(_written(folder, name, scene.name, kind, taken, photo(scene, seed, take)))
    return rows


def _written(folder: Path, name: str, scene: str, kind: str, taken: str, data: bytes) -> Row:
    (folder / name).write_bytes(data)
    return Row(name, scene, kind, taken, hashlib.sha256(data).hexdigest())


def taken_at(scene: Scene, take: int = 0) -> datetime:
    """When a scene claims to be photographed; the second take soon after the first."""
    first = datetime.strptime(scene.taken, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - as EXIF, no zone
    return first + timedelta(seconds=47 * take)


def photo(scene: Scene, seed: int = 0, take: int = 0) -> bytes:
    """Draw a scene as a JPEG file with EXIF."""
    file = io.BytesIO()
    exif = camera_facts(taken_at(scene, take), scene.place)
    Image.fromarray(draw(scene, seed, take)).save(file, "JPEG", quality=QUALITY, exif=exif)
    return file.getvalue()


def camera_facts(taken: datetime, place: tuple[float, float] | None) -> Image.Exif:
    """EXIF as a camera writes it: what it is, when it was, and where (degrees north, east)."""
    exif = Image.Exif()
    exif[MAKER], exif[MODEL], exif[SOFTWARE] = "imgurer", "Sample camera", "drawn, not taken"
    exif.get_ifd(EXIF_FACTS)[TAKEN] = taken.strftime("%Y:%m:%d %H:%M:%S")
    if place is not None:
        north, east = place
        exif.get_ifd(GPS_FACTS).update(
            {
                1: "N" if north >= 0 else "S",
                2: _sexagesimal(north),
                3: "E" if east >= 0 else "W",
                4: _sexagesimal(east),
            }
        )
    return exif


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds of an angle without its sign."""
    minutes, seconds = divmod(round(abs(degrees) * 3600), 60)
    return float(minutes // 60), float(minutes % 60), float(seconds)


def flat_picture(name: str, width: int = 800, height: int = 600) -> bytes:
    """Draw one of `FLATS` as a PNG file: a solid color or a gradient."""
    file = io.BytesIO()
    Image.fromarray(_flat(name, width, height)).save(file, "PNG")
    return file.getvalue()


def _flat(name: str, width: int, height: int) -> NDArray[np.uint8]:
    solid = {"white": (255, 255, 255), "black": (3, 3, 4), "grey": (128, 128, 128)}
    if name in solid or name == "another grey":
        return np.full((height, width, 3), solid.get(name, (131, 130, 129)), np.uint8)
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    share = x + 0 * y if name == "left to right" else (x + y) / 2
    first, last = np.array((24, 78, 119)), np.array((181, 228, 140))
    result: NDArray[np.uint8] = np.round(first + (last - first) * share).astype(np.uint8)
    return result
