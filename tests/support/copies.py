"""Scenes and their copies, reduced to the grays that verification compares."""

import io

import numpy as np
from PIL import Image

from tests.support.pictures import scene

WIDTH, HEIGHT = 360, 270


def picture(seed):
    return Image.fromarray(scene(seed, WIDTH, HEIGHT))


def gray(image, side=64):
    return np.asarray(image.convert("L").resize((side, side), Image.Resampling.LANCZOS))


def recoded(image, quality=50):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def cropped(image, left, top, right, bottom):
    """Cut shares of the width and height off the four sides."""
    w, h = image.size
    return image.crop(
        (round(left * w), round(top * h), round(w - right * w), round(h - bottom * h))
    )


def framed(image, left, top, right, bottom, colour="black"):
    """Add shares of the width and height to the four sides."""
    w, h = image.size
    size = round(w * (1 + left + right)), round(h * (1 + top + bottom))
    canvas = Image.new("RGB", size, colour)
    canvas.paste(image, (round(left * w), round(top * h)))
    return canvas
