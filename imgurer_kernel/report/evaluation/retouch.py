"""What happens to a picture on its way through phones, chats and editors.

Each function takes an upright RGB picture and a source of chance for its strength, and returns
another picture; `encode` writes one as a file.
"""

import io
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Retouch = Callable[[Image.Image, np.random.Generator], Image.Image]

ORIENTATION, MAKER, MODEL, SOFTWARE = 0x0112, 0x010F, 0x0110, 0x0131
EXIF_FACTS, GPS_FACTS, TAKEN = 0x8769, 0x8825, 0x9003
# The turn that undoes what the EXIF orientation says.
TURNS = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}
CAPTIONS = ("Greetings from here!", "do you remember?", "SUMMER", "me, every Monday", "Day 12")


def resized(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Make it a half to three quarters as wide, as chats do."""
    factor = rng.uniform(0.5, 0.75)
    size = (round(image.width * factor), round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def brightened(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """More light, contrast and colour, as one tap on *Enhance* gives."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(1.08, 1.16))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(1.02, 1.1))
    return ImageEnhance.Color(image).enhance(rng.uniform(1.05, 1.2))


def captioned(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A line of text over the lower part."""
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


def cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Two to six percent cut from each side."""
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


def bordered(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A frame of one colour, or bars that make it square."""
    if rng.random() < 0.5:
        color = ("#ffffff", "#111111", "#f2ead8")[int(rng.integers(3))]
        return ImageOps.expand(image, round(image.height * rng.uniform(0.03, 0.06)), color)
    side = max(image.size)
    canvas = Image.new("RGB", (side, side), ("#000000", "#ffffff")[int(rng.integers(2))])
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return canvas


def flipped(image: Image.Image, rng: np.random.Generator) -> Image.Image:  # noqa: ARG001
    """Left and right changed over, as front cameras do."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def rotated(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A quarter turn of the pixels, to the left or to the right."""
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)
    return image.transpose(turns[int(rng.integers(2))])


RETOUCHES: Mapping[str, Retouch] = MappingProxyType(
    {
        "resized": resized,
        "brightened": brightened,
        "captioned": captioned,
        "cropped": cropped,
        "bordered": bordered,
        "flipped": flipped,
        "rotated": rotated,
    }
)


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


def encode(
    image: Image.Image,
    *,
    quality: int = 90,
    kind: str = "JPEG",
    exif: Image.Exif | None = None,
    orientation: int = 1,
) -> bytes:
    """Write a picture as a file.

    With an `orientation` other than 1 the pixels are stored turned and EXIF says how to turn them
    back, so that viewers show the same picture.
    """
    if orientation != 1:
        exif = Image.Exif() if exif is None else exif
        exif[ORIENTATION] = orientation
        image = image.transpose(TURNS[orientation])
    file = io.BytesIO()
    facts = {} if exif is None else {"exif": exif}
    image.save(file, kind, quality=quality, method=2, **facts)
    return file.getvalue()
