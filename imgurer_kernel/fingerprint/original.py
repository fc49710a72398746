"""Measure the quality of originals, to choose the best of several copies.

This takes longer than a fingerprint, since nearly every pixel is decoded. Therefore only pictures
with duplicates are measured, once each.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.fingerprint import recompression
from imgurer_kernel.fingerprint.borders import within_frame
from imgurer_kernel.fingerprint.carried import (
    count_attached,
    count_exif,
    count_written,
    read_written,
)
from imgurer_kernel.fingerprint.codecs import jpeg
from imgurer_kernel.fingerprint.decode import Decoded, read
from imgurer_kernel.fingerprint.recompression import quality_of
from imgurer_kernel.fingerprint.repeated import repeats
from imgurer_kernel.settings import Settings

VERSION = "original-6"
"""Version of the measurements: stored ones with another version are measured again."""

SIDE = 1600
"""Least pixels of the longer side that are decoded; detail beyond half of that is not resolved."""
BLOCKS = 24
"""Blocks on each side of the grid of `OriginalFacts.relief`, of `_BLOCK` pixels a side."""
MOST_COLOURS = 4096
"""Most different colours that are counted."""

_BLOCK = 20
_BLACK, _WHITE = 5, 250
_LOSSLESS = {"PNG", "TIFF", "BMP", "GIF", "PPM", "ICO"}
# Sum of the luminance table of Annex K of ITU T.81, which is quality 50 by the usual scale.
_TABLE_AT_50 = 3688
_RATING = re.compile(rb"""xmp:Rating(?:\s*=\s*["']|>)\s*(-?\d)""")
# Strong edges have 60 levels within 3 pixels on each side (7 in `_extreme`); at least 50 of them.
_REACH, _STRONG, _FEWEST, _LEAST = 3, 60, 50, 64


@dataclass(frozen=True, slots=True)
class OriginalFacts:
    """The measurements of one original; None if its format does not have them.

    Attributes
    ----------
    steepness, measured_pixels
        Steepness of edges, 0..1, which decreases with enlargement; and the number of pixels at
        which it was measured, at most those of the picture. None without edges.
    is_gray
        Whether it has no colour.
    quality
        For a JPEG 0..100, by its quantisation table; 100 for lossless formats.
    steps
        The beginning of a JPEG's quantisation table, at `recompression.MODES`.
    earlier_quality, earlier_steps
        The same of an earlier compression that was found in its pixels
        (`imgurer_kernel.fingerprint.recompression`); None and empty if there was none.
    repeats
        How many pixels in each direction are one (`imgurer_kernel.fingerprint.repeated`).
    metadata
        Number of entries in EXIF, keywords and rating.
    written, attached
        Number of what people wrote into it, and of contents beside the picture
        (`imgurer_kernel.fingerprint.carried`).
    rating, keywords, title, caption, persons
        What people wrote, from XMP, IPTC and EXIF.
    within_frame
        Share of the area within a frame of one gray; 1 without a frame.
    relief
        uint8, `BLOCKS` x `BLOCKS`, row by row: mean steepness of the grays in each block of the
        upright picture, its aspect not kept, in quarters of a level.
    texture
        Difference between neighbouring pixels, in levels: the median of the means of blocks.
    clipped
        Share of the pixels that are nearly black or white (clipped).
    colours
        Number of different colours of a picture that was saved without loss; None if it has more
        than `MOST_COLOURS`.
    """

    steepness: float | None = None
    measured_pixels: int = 0
    is_gray: bool = False
    quality: float | None = None
    steps: tuple[int, ...] = ()
    earlier_quality: float | None = None
    earlier_steps: tuple[int, ...] = ()
    repeats: int = 1
    metadata: int = 0
    written: int = 0
    attached: int = 0
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""
    persons: tuple[str, ...] = ()
    within_frame: float = 1.0
    relief: bytes = b""
    texture: float = 0.0
    clipped: float = 0.0
    colours: int | None = None

    @property
    def worst_quality(self) -> float | None:
        """The lowest known quality that it was saved with."""
        if self.quality is None or self.earlier_quality is None:
            return self.quality
        return min(self.quality, self.earlier_quality)

    def as_dict(self) -> dict[str, Any]:
        """Return all measurements as JSON values."""
        # As text, which is read faster than a list of numbers.
        return {**asdict(self), "relief": b64encode(self.relief).decode("ascii")}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Make from the values of `as_dict`; unknown keys are ignored."""
        known = {field.name for field in fields(cls)} & facts.keys()
        lists = {"keywords", "persons", "steps", "earlier_steps"}
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
    rating = _RATING.search(data)
    written = read_written(data, picture.format)
    gray = view.gray()
    table = jpeg.quantisation(data) if picture.format in {"JPEG", "MPO"} else None
    steps = () if table is None or not all(table) else table[: len(recompression.MODES)]
    middle = _middle(picture, data, limits)
    earlier = None if middle is None else recompression.find_earlier(middle, steps)
    steepness, measured_pixels = _steepness(gray)
    return OriginalFacts(
        steepness=steepness,
        measured_pixels=measured_pixels,
        is_gray=view.is_gray(),
        quality=_quality(table, picture.format),
        steps=steps,
        earlier_quality=None if earlier is None else earlier.quality,
        earlier_steps=() if earlier is None else earlier.steps,
        repeats=1 if middle is None else repeats(middle),
        metadata=count_exif(data, picture.format) + len(written.keywords) + (rating is not None),
        written=count_written(data, picture.format),
        attached=count_attached(data, picture.format),
        rating=None if rating is None else int(rating[1]),
        keywords=written.keywords,
        title=written.title,
        caption=written.caption,
        persons=written.persons,
        within_frame=float(within_frame(view.grays(64)[None])[0]),
        relief=_relief(view.grays(BLOCKS * _BLOCK)).tobytes(),
        texture=round(_texture(gray), 3),
        clipped=round(float(((gray <= _BLACK) | (gray >= _WHITE)).mean()), 4),
        colours=picture.colours(MOST_COLOURS) if picture.format in _LOSSLESS else None,
    )


def _middle(picture: Decoded, data: bytes, limits: Settings | None) -> UInt8s | None:
    """Return every pixel of the middle."""
    middle = picture.middle(recompression.SIDE)
    if middle is None and picture.format in {"JPEG", "MPO"}:
        size = max(picture.width, picture.height)
        whole = read(data, limits, colour=False, frame=(size, size))
        middle = whole.middle(recompression.SIDE)
    return middle


def _quality(table: tuple[int, ...] | None, name: str) -> float | None:
    if name in _LOSSLESS:
        return 100.0
    return None if table is None else quality_of(100 * sum(table) / _TABLE_AT_50)


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
    """Measure the steepness of a picture's edges; return it and the number of pixels.

    The steepest step from one pixel to the next beside a strong edge, as a share of that edge: in
    an enlarged picture an edge is as many pixels wide as the factor of enlargement. Noise and
    compression blocks do not count, since they are not strong edges. If there are too few strong
    edges, the picture is measured at half of its size, repeatedly.
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
    # Maximum minus minimum: the difference of unsigned bytes would wrap around.
    for one, other, place in (
        (inner[:-1], inner[1:], steepest[:-1]),
        (inner[:, :-1], inner[:, 1:], steepest[:, :-1]),
    ):
        np.maximum(place, np.maximum(one, other) - np.minimum(one, other), out=place)
    strong = edge > _STRONG
    shares: Float64s = steepest[strong] / edge[strong]
    return shares


def _extreme(gray: UInt8s, choose: np.ufunc) -> UInt8s:
    """Compute the least or largest gray in the 7x7 square around each pixel with a full square."""
    for _ in range(2):
        pairs = choose(gray[:-1], gray[1:])
        fours = choose(pairs[:-2], pairs[2:])
        gray = choose(fours[:-3], fours[3:]).T
    return gray
