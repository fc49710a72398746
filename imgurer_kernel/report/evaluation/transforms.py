"""53 transforms that make copies of a picture, in 4 tiers: ground truth for near duplicates.

Tier 1 (30) re-encodes, resizes or changes the tone; tier 2 (9) crops up to 2.5 %, writes on the
picture, adds a thin frame or rotates by a degree; tier 3 (8) crops 4 to 10 %, adds borders or
rotates by 2 to 5 degrees; tier 4 (6) flips and rotates by quarters. A strength is random in a range
around the one in the name, and depends on (seed, key, name) alone: the same call makes the same
copy, and different pictures get different strengths.

    >>> from PIL import Image
    >>> [len([t for t in TRANSFORMS if t.tier == tier]) for tier in (1, 2, 3, 4)]
    [30, 9, 8, 6]
    >>> variant(Image.new("RGB", (60, 40)), "rotate90", key="a", seed=1).size
    (40, 60)
"""

import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.fingerprint.codecs.pixels import Picture

Rng = np.random.Generator
Apply = Callable[[Picture, Rng], Picture]

# JPEG quality of copies: high, so that the transform dominates.
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class CopyTransform:
    """One way to copy a picture; `apply` takes and returns an RGB picture."""

    name: str
    tier: int
    apply: Apply


def variant(picture: Picture, name: str, *, key: str, seed: int) -> Picture:
    """Make the copy of a picture under the transform `name`, RGB.

    Parameters
    ----------
    picture
        Picture of any mode.
    key, seed
        Seeds of the strength: which picture it is, and which set of copies.
    """
    # Not `hash`, which differs between processes.
    rng = np.random.default_rng(zlib.crc32(f"{seed}/{key}/{name}".encode()))
    return BY_NAME[name].apply(picture.convert("RGB"), rng).convert("RGB")


# -- tier 1: encoding, size, tone -------------------------------------------------------------


def _recode(picture: Picture, form: str, **options: object) -> Picture:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return Image.open(buffer).convert("RGB")


def _jpeg(quality: int) -> Apply:
    # Above 95 Pillow makes larger files with hardly any gain, as its manual says.
    low, high = round(quality * 0.85), min(95, round(quality * 1.15))
    return lambda p, rng: _recode(p, "JPEG", quality=int(rng.integers(low, high + 1)))


def _webp(quality: int) -> Apply:
    low, high = round(quality * 0.85), round(quality * 1.15)
    return lambda p, rng: _recode(p, "WEBP", quality=int(rng.integers(low, high + 1)), method=2)


def _gif(picture: Picture, rng: Rng) -> Picture:
    colors = int(rng.integers(96, 257))
    return _recode(picture.quantize(colors, method=Image.Quantize.FASTOCTREE), "GIF")


def _scaled(picture: Picture, across: float, down: float) -> Picture:
    # At least the 9 grays per side of a dHash: a smaller picture would be enlarged again.
    size = max(9, round(picture.width * across)), max(9, round(picture.height * down))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _resize(scale: float) -> Apply:
    def apply(picture: Picture, rng: Rng) -> Picture:
        by = scale * rng.uniform(0.9, 1.1)
        return _scaled(picture, by, by)

    return apply


def _stretch(picture: Picture, rng: Rng) -> Picture:
    return _scaled(picture, rng.uniform(1.06, 1.14), 1)


def _enhance(kind: Callable[[Picture], ImageEnhance._Enhance], low: float, high: float) -> Apply:
    return lambda p, rng: kind(p).enhance(rng.uniform(low, high))


def _gamma(low: float, high: float) -> Apply:
    def apply(picture: Picture, rng: Rng) -> Picture:
        curve = 255 * (np.arange(256) / 255) ** rng.uniform(low, high)
        return picture.point(np.rint(curve).astype(int).tolist() * 3)

    return apply


def _autocontrast(picture: Picture, rng: Rng) -> Picture:
    return ImageOps.autocontrast(picture, cutoff=rng.uniform(0.5, 2))


def _equalize(picture: Picture, _: Rng) -> Picture:
    return ImageOps.equalize(picture)


def _gray(picture: Picture, _: Rng) -> Picture:
    return picture.convert("L")


def _sepia(picture: Picture, _: Rng) -> Picture:
    return ImageOps.colorize(picture.convert("L"), "#20140c", "#fff1cc")


def _sharpen(picture: Picture, rng: Rng) -> Picture:
    mask = ImageFilter.UnsharpMask(rng.uniform(1.5, 2.5), int(rng.integers(110, 190)), 2)
    return picture.filter(mask)


def _blur(low: float, high: float) -> Apply:
    return lambda p, rng: p.filter(ImageFilter.GaussianBlur(rng.uniform(low, high)))


def _noise(low: float, high: float) -> Apply:
    def apply(picture: Picture, rng: Rng) -> Picture:
        pixels = np.asarray(picture, np.float32)
        grain = rng.standard_normal(pixels.shape, np.float32) * rng.uniform(low, high)
        return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))

    return apply


def _screenshot(picture: Picture, rng: Rng) -> Picture:
    scale = rng.uniform(0.5, 0.85)
    shown = _recode(_scaled(picture, scale, scale), "JPEG", quality=75)
    scale = rng.uniform(1.05, 1.25)
    return _scaled(shown, scale, scale)


# -- tiers 2 and 3: crops, text, borders, small rotations -------------------------------------


def _crop(low: float, high: float) -> Apply:
    """Crop a share of each dimension, at a random position."""

    def apply(picture: Picture, rng: Rng) -> Picture:
        width = round(picture.width * (1 - rng.uniform(low, high)))
        height = round(picture.height * (1 - rng.uniform(low, high)))
        left = int(rng.integers(0, picture.width - width + 1))
        top = int(rng.integers(0, picture.height - height + 1))
        return picture.crop((left, top, left + width, top + height))

    return apply


def _social(picture: Picture, rng: Rng) -> Picture:
    scale = rng.uniform(0.4, 0.6)
    small = _scaled(_crop(0.015, 0.025)(picture, rng), scale, scale)
    return _recode(small, "JPEG", quality=int(rng.integers(34, 47)))


_TEXT = (
    "summer holiday Lisbon sale best price never again look at this cat market river photo by "
    "Anna original copy draft 2024 final"
)


def _phrase(rng: Rng, words: int) -> str:
    return " ".join(rng.choice(_TEXT.split(), words))


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(8, round(size)))


def _caption(picture: Picture, rng: Rng) -> Picture:
    picture = picture.copy()
    size = picture.height * rng.uniform(0.055, 0.085)
    corner = picture.width * 0.05, picture.height * rng.choice([0.04, 0.88])
    ImageDraw.Draw(picture).text(
        corner, _phrase(rng, 5), "white", _font(size), stroke_width=2, stroke_fill="black"
    )
    return picture


def _watermark(picture: Picture, rng: Rng) -> Picture:
    layer = Image.new("RGBA", picture.size)
    pen, opacity = ImageDraw.Draw(layer), int(rng.integers(80, 131))
    for line in range(4):
        corner = picture.width * 0.1 * (1 + line), picture.height * (0.1 + 0.22 * line)
        text = f"(c) {_phrase(rng, 3)}"
        pen.text(corner, text, (255, 255, 255, opacity), _font(picture.height * 0.08))
    return Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")


def _logo(picture: Picture, rng: Rng) -> Picture:
    picture = picture.copy()
    side = rng.uniform(0.12, 0.18) * min(picture.size)
    left = rng.choice([0.2 * side, picture.width - 1.2 * side])
    top = rng.choice([0.2 * side, picture.height - 1.2 * side])
    pen = ImageDraw.Draw(picture)
    color = tuple(int(level) for level in rng.integers(0, 256, 3))
    pen.ellipse((left, top, left + side, top + side), fill=color)
    pen.text((left + 0.2 * side, top + 0.35 * side), "LOGO", "white", _font(0.25 * side))
    return picture


def _border(low: float, high: float, color: str) -> Apply:
    def apply(picture: Picture, rng: Rng) -> Picture:
        width = max(1, round(rng.uniform(low, high) * min(picture.size)))
        return ImageOps.expand(picture, border=width, fill=color)

    return apply


def _letterbox(picture: Picture, rng: Rng) -> Picture:
    bar = round(picture.height * rng.uniform(0.1, 0.15))
    framed = Image.new("RGB", (picture.width, picture.height + 2 * bar))
    framed.paste(picture, (0, bar))
    return framed


def _meme(picture: Picture, rng: Rng) -> Picture:
    bar = round(picture.height * rng.uniform(0.12, 0.18))
    framed = Image.new("RGB", (picture.width, picture.height + bar), "white")
    framed.paste(picture, (0, bar))
    ImageDraw.Draw(framed).text((10, 0.2 * bar), _phrase(rng, 5), "black", _font(0.5 * bar))
    return framed


def _rotate(low: float, high: float) -> Apply:
    """Rotate about the center in either direction, by degrees; the corners become black."""

    def apply(picture: Picture, rng: Rng) -> Picture:
        angle = rng.uniform(low, high) * rng.choice([-1, 1])
        return picture.rotate(angle, Image.Resampling.BICUBIC, fillcolor="black")

    return apply


def _rotate_and_crop(low: float, high: float) -> Apply:
    """Rotate about the center and crop the black corners."""

    def apply(picture: Picture, rng: Rng) -> Picture:
        angle = rng.uniform(low, high)
        turned = picture.rotate(angle * rng.choice([-1, 1]), Image.Resampling.BICUBIC)
        # Depth of the corner of the rotated picture, as a share of half the adjacent side.
        slope = math.tan(math.radians(angle)) / 2
        across, down = round(picture.height * slope) + 1, round(picture.width * slope) + 1
        return turned.crop((across, down, picture.width - across, picture.height - down))

    return apply


def _transpose(method: Image.Transpose) -> Apply:
    return lambda p, _: p.transpose(method)


TRANSFORMS = (
    *(CopyTransform(f"jpeg{quality}", 1, _jpeg(quality)) for quality in (90, 70, 50, 30, 10)),
    *(CopyTransform(f"webp{quality}", 1, _webp(quality)) for quality in (80, 30)),
    CopyTransform("gif", 1, _gif),
    *(CopyTransform(f"resize{scale}", 1, _resize(scale / 100)) for scale in (200, 75, 50, 25)),
    CopyTransform("stretch", 1, _stretch),
    CopyTransform("brighter", 1, _enhance(ImageEnhance.Brightness, 1.2, 1.4)),
    CopyTransform("darker", 1, _enhance(ImageEnhance.Brightness, 0.6, 0.8)),
    CopyTransform("contrast_up", 1, _enhance(ImageEnhance.Contrast, 1.25, 1.5)),
    CopyTransform("contrast_down", 1, _enhance(ImageEnhance.Contrast, 0.55, 0.75)),
    CopyTransform("gamma_down", 1, _gamma(0.5, 0.7)),
    CopyTransform("gamma_up", 1, _gamma(1.4, 1.8)),
    CopyTransform("autocontrast", 1, _autocontrast),
    CopyTransform("equalize", 1, _equalize),
    CopyTransform("gray", 1, _gray),
    CopyTransform("sepia", 1, _sepia),
    CopyTransform("saturate", 1, _enhance(ImageEnhance.Color, 1.4, 1.8)),
    CopyTransform("sharpen", 1, _sharpen),
    CopyTransform("blur1", 1, _blur(1, 2)),
    CopyTransform("blur4", 1, _blur(3, 4.5)),
    CopyTransform("noise10", 1, _noise(8, 12)),
    CopyTransform("noise25", 1, _noise(20, 28)),
    CopyTransform("screenshot", 1, _screenshot),
    CopyTransform("crop1", 2, _crop(0.005, 0.015)),
    CopyTransform("crop2", 2, _crop(0.015, 0.025)),
    CopyTransform("social", 2, _social),
    CopyTransform("caption", 2, _caption),
    CopyTransform("watermark", 2, _watermark),
    CopyTransform("logo", 2, _logo),
    CopyTransform("border2", 2, _border(0.01, 0.03, "white")),
    CopyTransform("rotate1", 2, _rotate(0.5, 1.5)),
    CopyTransform("rotate1_cropped", 2, _rotate_and_crop(0.5, 1.5)),
    CopyTransform("crop5", 3, _crop(0.04, 0.06)),
    CopyTransform("crop10", 3, _crop(0.08, 0.1)),
    CopyTransform("border5", 3, _border(0.04, 0.07, "black")),
    CopyTransform("letterbox", 3, _letterbox),
    CopyTransform("meme", 3, _meme),
    CopyTransform("rotate2", 3, _rotate(1.5, 2.5)),
    CopyTransform("rotate3", 3, _rotate(2.5, 4)),
    CopyTransform("rotate5", 3, _rotate(4, 5)),
    CopyTransform("rotate90", 4, _transpose(Image.Transpose.ROTATE_90)),
    CopyTransform("rotate180", 4, _transpose(Image.Transpose.ROTATE_180)),
    CopyTransform("rotate270", 4, _transpose(Image.Transpose.ROTATE_270)),
    CopyTransform("flip_sideways", 4, _transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    CopyTransform("flip_upside_down", 4, _transpose(Image.Transpose.FLIP_TOP_BOTTOM)),
    CopyTransform("transpose", 4, _transpose(Image.Transpose.TRANSPOSE)),
)
BY_NAME = {transform.name: transform for transform in TRANSFORMS}


def copy_as_file(pixels: UInt8s, name: str, *, key: str, seed: int) -> bytes:
    """Make the copy of a picture, uint8 (height, width, 3), as a JPEG file."""
    file = io.BytesIO()
    variant(Image.fromarray(pixels), name, key=key, seed=seed).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
