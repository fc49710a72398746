"""Measure the quality of originals, to choose the best of several copies.

This takes longer than a fingerprint, since nearly every pixel is decoded. So only pictures with
duplicates are measured, once each.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, fields
from typing import Any, Self
from xml.sax.saxutils import unescape

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.fingerprint import recompression
from imgurer_kernel.fingerprint.borders import within_frame
from imgurer_kernel.fingerprint.codecs import jpeg, tiff
from imgurer_kernel.fingerprint.decode import Decoded, read
from imgurer_kernel.fingerprint.recompression import Earlier, quality_of
from imgurer_kernel.settings import Settings

VERSION = "original-4"
"""Changes with what is measured: what was remembered under another name is measured again."""

SIDE = 1600
"""What is decoded at least, in pixels: finer detail than half of that is not resolved."""
BLOCKS = 24
"""Sides of the grid of `OriginalFacts.relief`, each block of `_BLOCK` pixels a side."""

_BLOCK = 20
_BLACK, _WHITE = 5, 250
_LOSSLESS = {"PNG", "TIFF", "BMP", "GIF", "PPM", "ICO"}
# Sum of the luminance table of Annex K of ITU T.81, which is quality 50 by the usual scale.
_TABLE_AT_50 = 3688
_RATING = re.compile(rb"""xmp:Rating(?:\s*=\s*["']|>)\s*(-?\d)""")
_SUBJECT = re.compile(rb"<dc:subject>.*?</dc:subject>", re.DOTALL)
_ITEM = re.compile(rb"<rdf:li[^>]*>([^<]{1,200})</rdf:li>")
# Edges of 60 levels within 3 pixels (of 7, that is, in `_extreme`), 50 of them at least.
_REACH, _STRONG, _FEWEST, _LEAST = 3, 60, 50, 64


@dataclass(frozen=True, slots=True)
class OriginalFacts:
    """What was measured of one original; None for what its format does not tell.

    Attributes
    ----------
    steepness, measured_pixels
        How steep edges are, 0..1: the more the picture was enlarged, the less; and how many pixels
        it was looked at with, at most as many as it has. None where there are no edges.
    is_gray
        Whether it has no colour.
    quality
        Of a JPEG 0..100, by its quantisation table; 100 for what is kept without loss.
    steps
        The beginning of a JPEG's quantisation table, at `recompression.MODES`.
    earlier_quality, earlier_steps
        The same of an earlier compression that its pixels tell of
        (`imgurer_kernel.fingerprint.recompression`); None and empty where they tell of none.
    metadata
        How many facts EXIF and XMP have.
    rating, keywords
        Of XMP.
    within_frame
        Share of the area within a frame of one gray, 1 without.
    relief
        uint8, `BLOCKS` x `BLOCKS`, row by row: mean steepness of the grays in each block of the
        upright picture, its aspect not kept, in quarters of a level.
    texture
        Difference between neighbouring pixels, in levels: the median of the means of blocks.
    clipped
        Share of the pixels that are nearly black or white (clipped).
    """

    steepness: float | None = None
    measured_pixels: int = 0
    is_gray: bool = False
    quality: float | None = None
    steps: tuple[int, ...] = ()
    earlier_quality: float | None = None
    earlier_steps: tuple[int, ...] = ()
    metadata: int = 0
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    within_frame: float = 1.0
    relief: bytes = b""
    texture: float = 0.0
    clipped: float = 0.0

    @property
    def worst_quality(self) -> float | None:
        """The worst quality that it was saved with, as far as that is known."""
        if self.quality is None or self.earlier_quality is None:
            return self.quality
        return min(self.quality, self.earlier_quality)

    def as_dict(self) -> dict[str, Any]:
        """Return all measures as JSON values."""
        # A thousand of them are read faster as text than as lists of numbers.
        return {**asdict(self), "relief": b64encode(self.relief).decode("ascii")}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Read what `as_dict` returned; unknown keys are ignored."""
        known = {field.name for field in fields(cls)} & facts.keys()
        lists = {"keywords", "steps", "earlier_steps"}
        values: dict[str, Any] = {
            key: tuple(facts[key]) if key in lists else facts[key] for key in known
        }
        values["relief"] = b64decode(facts.get("relief", ""))
        return cls(**values)


def measure_original(data: bytes, limits: Settings | None = None) -> OriginalFacts:
    """Measure one file.

    Raises
    ------
    ImageRejected
        If it cannot be decoded.
    """
    picture = read(data, limits, frame=(SIDE, SIDE), least=BLOCKS * _BLOCK)
    view = picture.view()
    found = _SUBJECT.search(data)
    rating = _RATING.search(data)
    keywords = () if found is None else tuple(
        unescape(item.decode("utf-8", "replace")).strip() for item in _ITEM.findall(found[0])[:50]
    )  # fmt: skip
    gray = view.gray()
    table = jpeg.quantisation(data) if picture.format in {"JPEG", "MPO"} else None
    steps = () if table is None or not all(table) else table[: len(recompression.MODES)]
    earlier = _earlier(picture, data, limits, steps)
    steepness, measured_pixels = _steepness(gray)
    return OriginalFacts(
        steepness=steepness,
        measured_pixels=measured_pixels,
        is_gray=view.is_gray(),
        quality=_quality(table, picture.format),
        steps=steps,
        earlier_quality=None if earlier is None else earlier.quality,
        earlier_steps=() if earlier is None else earlier.steps,
        metadata=_entries(data, picture.format) + len(keywords) + (rating is not None),
        rating=None if rating is None else int(rating[1]),
        keywords=keywords,
        within_frame=float(within_frame(view.grays(64)[None])[0]),
        relief=_relief(view.grays(BLOCKS * _BLOCK)).tobytes(),
        texture=round(_texture(gray), 3),
        clipped=round(float(((gray <= _BLACK) | (gray >= _WHITE)).mean()), 4),
    )


def _earlier(
    picture: Decoded, data: bytes, limits: Settings | None, steps: tuple[int, ...]
) -> Earlier | None:
    """Find an earlier compression, for which every pixel of the middle is needed."""
    middle = picture.middle(recompression.SIDE)
    if middle is None and picture.format in {"JPEG", "MPO"}:
        size = max(picture.width, picture.height)
        whole = read(data, limits, colour=False, frame=(size, size))
        middle = whole.middle(recompression.SIDE)
    return None if middle is None else recompression.find_earlier(middle, steps)


def _quality(table: tuple[int, ...] | None, name: str) -> float | None:
    if name in _LOSSLESS:
        return 100.0
    return None if table is None else quality_of(100 * sum(table) / _TABLE_AT_50)


def _entries(data: bytes, name: str) -> int:
    source = tiff.parse(data if name == "TIFF" else jpeg.exif(data) if name == "JPEG" else b"")
    return 0 if source is None else tiff.count_entries(source)


def _relief(gray: UInt8s) -> UInt8s:
    values = gray.astype(np.float32)
    down, right = np.gradient(values)
    steep = np.hypot(down, right).reshape(BLOCKS, _BLOCK, BLOCKS, _BLOCK).mean(axis=(1, 3))
    quarters: UInt8s = np.clip(np.round(steep * 4), 0, 255).astype(np.uint8).ravel()
    return quarters


def _texture(gray: UInt8s) -> float:
    height, width = (size // BLOCKS for size in gray.shape)
    if not height or not width:
        return 0.0
    part = gray[: height * BLOCKS, : width * BLOCKS].astype(np.int16)
    steps = np.abs(np.diff(part, axis=1, append=part[:, -1:]))
    means = steps.reshape(BLOCKS, height, BLOCKS, width).mean(axis=(1, 3))
    return float(np.median(means))


def _steepness(gray: UInt8s) -> tuple[float | None, int]:
    """Measure how steep a picture's edges are; return that and the picture's pixels.

    The steepest step from one pixel to the next beside a strong edge, as a share of that edge: an
    edge of a picture that was enlarged takes as many pixels as it was enlarged by. Noise and
    blocks of compression do not count, since they are no strong edges. Where hardly any edge is
    strong within a few pixels, the picture is looked at in half of its size.
    """
    reduced = gray
    while min(reduced.shape) >= _LEAST:
        steps = _steps(reduced)
        if len(steps) >= _FEWEST:
            return round(float(np.percentile(steps, 95)), 4), reduced.size
        height, width = reduced.shape[0] // 2 * 2, reduced.shape[1] // 2 * 2
        quads = reduced[:height, :width].reshape(height // 2, 2, width // 2, 2)
        reduced = quads.mean(axis=(1, 3)).astype(np.uint8)
    return None, 0


def _steps(gray: UInt8s) -> Float64s:
    """Measure the steps between pixels beside strong edges, as shares of the edges' heights."""
    inner = gray[_REACH:-_REACH, _REACH:-_REACH]
    edge = _extreme(gray, np.maximum) - _extreme(gray, np.minimum)
    steepest = np.zeros_like(inner)
    # Of unsigned bytes, whose difference would not be below 0.
    for one, other, place in (
        (inner[:-1], inner[1:], steepest[:-1]),
        (inner[:, :-1], inner[:, 1:], steepest[:, :-1]),
    ):
        np.maximum(place, np.maximum(one, other) - np.minimum(one, other), out=place)
    strong = edge > _STRONG
    shares: Float64s = steepest[strong] / edge[strong]
    return shares


def _extreme(gray: UInt8s, choose: np.ufunc) -> UInt8s:
    """Compute the least or largest gray in the square of 7x7 around each pixel that has one."""
    for _ in range(2):
        pairs = choose(gray[:-1], gray[1:])
        fours = choose(pairs[:-2], pairs[2:])
        gray = choose(fours[:-3], fours[3:]).T
    return gray
