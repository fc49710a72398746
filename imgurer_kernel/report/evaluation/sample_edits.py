"""Edits of the sample pictures, as phones and chat programs make them.

Each function takes an upright RGB picture and a random generator for its strength, and returns
another picture; `encode` writes one as a file.
"""

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Edit = Callable[[Image.Image, np.random.Generator], Image.Image]

ORIENTATION = 0x0112
# The rotation that undoes each EXIF orientation.
TURNS = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
CAPTIONS = ("Greetings from here!", "do you remember?", "SUMMER", "me, every Monday", "Day 12")


def resize(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Reduce to a half to three quarters of the width, as chat programs do."""
    factor = rng.uniform(0.5, 0.75)
    size = (round(image.width * factor), round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def brighten(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Increase light, contrast and colour, as an *Enhance* button does."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(1.08, 1.16))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(1.02, 1.1))
    return ImageEnhance.Color(image).enhance(rng.uniform(1.05, 1.2))


def caption(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Write a line of text over the lower part."""
    text = CAPTIONS[int(rng.integers(len(CAPTIONS)))]
    height = round(image.height * rng.uniform(0.055, 0.075))
    font = ImageFont.load_default(height)
    image = image.copy()
    place = (image.width / 2, image.height * 0.93)
    ImageDraw.Draw(image).text(
        place,
        text,
        fill="white",
        font=font,
        anchor="ms",
        stroke_width=max(1, height // 14),
        stroke_fill="#202020",
    )
    return image


def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut two to six percent from each side."""
    left, top, right, bottom = rng.uniform(0.02, 0.06, 4)
    width, height = image.size
    return image.crop(
        (
            round(left * width),
            round(top * height),
            round((1 - right) * width),
            round((1 - bottom) * height),
        )
    )


def add_border(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Add a frame of one colour, or bars to make it square."""
    if rng.random() < 0.5:
        color = ("#ffffff", "#111111", "#f2ead8")[int(rng.integers(3))]
        return ImageOps.expand(image, round(image.height * rng.uniform(0.03, 0.06)), color)
    side = max(image.size)
    canvas = Image.new("RGB", (side, side), ("#000000", "#ffffff")[int(rng.integers(2))])
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return canvas


def flip(image: Image.Image, rng: np.random.Generator) -> Image.Image:  # noqa: ARG001
    """Mirror left and right, as front cameras do."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def rotate(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Rotate the pixels by a quarter, to the left or to the right."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
    return image.transpose(turns[int(rng.integers(2))])


EDITS: Mapping[str, Edit] = MappingProxyType(
    {
        "resized": resize,
        "brightened": brighten,
        "captioned": caption,
        "cropped": crop,
        "bordered": add_border,
        "flipped": flip,
        "rotated": rotate,
    }
)


def encode(image: Image.Image, *, quality: int, kind: str = "JPEG", orientation: int = 1) -> bytes:
    """Write a picture as a file.

    With an `orientation` other than 1 the pixels are stored rotated, and EXIF records the
    orientation, so that viewers show the same picture.
    """
    facts = {}
    if orientation != 1:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        image = image.transpose(TURNS[orientation])
        facts["exif"] = exif
    file = io.BytesIO()
    image.save(file, kind, quality=quality, method=2, **facts)
    return file.getvalue()
