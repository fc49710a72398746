"""Memes: photographs that many people wrote on, each with other captions.

All captions of one photograph are the same picture, as its planted copies are: what differs is what
was written on it, and clusters join edited copies. White letters with a black outline at the top
and the bottom, as large as fits, and sometimes where the joke is.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from drawn_pages import words_of
from drawn_sets import Drawn, font, photographs, write_set
from PIL import Image, ImageDraw, ImageOps

TEMPLATES, CAPTIONS, COPIED = 26, 5, 0.12


def draw_memes(folder: Path, photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder."""
    rng = random.Random(f"memes {seed}")
    write_set(folder, _memes(photos, rng), rng, copied=COPIED, suffix="jpg")


def _memes(photos: list[Path], rng: random.Random) -> Iterator[Drawn]:
    for template, photo in enumerate(photographs(photos, TEMPLATES, rng)):
        shape = rng.choice(((500, 500), (480, 360), (600, 450), (400, 520), photo.size))
        image = ImageOps.fit(photo, shape, Image.Resampling.LANCZOS)
        key = f"t{template:02}"
        for k in range(rng.randint(2, CAPTIONS)):
            # A few were passed on without any.
            meme = image if k == 0 and rng.random() < 0.4 else captioned(image, rng)
            yield Drawn(f"{key}-{k}", key, meme)


def captioned(image: Image.Image, rng: random.Random) -> Image.Image:
    """Write on a picture: at the top, at the bottom, or at a place of its own."""
    image = image.copy()
    pen = ImageDraw.Draw(image)
    width, height = image.size
    places = rng.choice((("top", "bottom"), ("top", "bottom"), ("bottom",), ("top",), ("own",)))
    for place in places:
        size = max(14, round(width / rng.uniform(8, 16)))
        letters = font(size, "Sans-Bold")
        lines = list(
            _wrapped(" ".join(words_of(rng, rng.randint(2, 9))).upper(), letters, 0.92 * width)
        )
        lines = lines[: 3 if place != "own" else 2]
        y = {"top": 0.02 * height, "bottom": 0.97 * height - 1.15 * size * len(lines)}.get(
            place, rng.uniform(0.2, 0.7) * height
        )
        x = width / 2 if place != "own" else rng.uniform(0.35, 0.65) * width
        for line in lines:
            stroke = max(1, size // 14)
            pen.text(
                (x, y),
                line,
                font=letters,
                anchor="ma",
                fill="white",
                stroke_width=stroke,
                stroke_fill="black",
            )
            y += 1.15 * size
    return image


def _wrapped(text: str, letters, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and letters.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    yield line
