"""Sets of drawn pictures: the planted pairs, and one set for each seed."""

import csv
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FOLDER = str(Path(__file__).parents[2] / "benchmarks")
sys.path.append(FOLDER)
try:
    import drawn_faces
    import drawn_memes
    import drawn_pages
    import drawn_radiographs
    import drawn_receipts
    import drawn_sets
    import drawn_sprites
    import drawn_takes
finally:
    sys.path.remove(FOLDER)


def photos(folder):
    """Two pictures with detail everywhere."""
    folder.mkdir()
    for k in range(2):
        noise = np.random.default_rng(k).integers(0, 255, (9, 12, 3), np.uint8)
        Image.fromarray(noise).resize((120, 90)).save(folder / f"{k}.png")
    return sorted(folder.iterdir())


DRAW = {
    "sprites": lambda rng, _photos: drawn_sprites.paint(drawn_sprites.invent(rng)),
    "faces": lambda rng, _photos: drawn_faces.paint(drawn_faces.invent(rng), rng),
    "pages": lambda rng, _photos: next(drawn_pages.drawn(rng)).image,
    "receipts": lambda rng, _photos: next(drawn_receipts.drawn(rng)).image,
    "radiographs": lambda rng, _photos: drawn_radiographs.paint(rng, pixels=128),
    "memes": lambda rng, photos: drawn_memes.captioned(Image.open(photos[0]), rng),
    "takes": lambda rng, photos: drawn_takes.Film(
        *map(Image.open, photos), "held", rng, size=(120, 90)
    ).frame(0.4),
}


@pytest.mark.parametrize("kind", DRAW)
def test_a_seed_gives_one_picture_and_another_seed_another(kind, tmp_path):
    pictures = photos(tmp_path / "photos")
    one, again, other = (
        np.asarray(drawn_sets.opaque(DRAW[kind](random.Random(seed), pictures)))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert one.shape != other.shape or np.abs(one.astype(int) - other).max() > 50


def test_copies_have_the_key_of_their_original(tmp_path):
    items = [
        drawn_sets.Drawn(f"p{k}", f"key{k}", Image.new("RGB", (80, 60), (40 * k, 90, 9)))
        for k in range(4)
    ]
    drawn_sets.write_set(tmp_path / "set", items, random.Random(1), copied=0.5)
    with (tmp_path / "set" / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    files = {path.name for path in (tmp_path / "set" / "pictures").iterdir()}
    assert {row["filename"] for row in rows} == files
    assert len(rows) == 4 + 2 * 5
    assert all(row["key"] == f"key{row['filename'][1]}" for row in rows)


def test_transparent_pixels_are_white_in_copies():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert drawn_sets.opaque(image).getpixel((1, 1)) == (255, 255, 255)
