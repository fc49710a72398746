"""What is measured on an original when it is to be told which of several copies is the better one.

More than a fingerprint needs, and slower: nearly every pixel is decoded. So it is done for the few
pictures that have duplicates, and remembered.
"""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s
from imgurer_kernel.fingerprint.codecs import jpeg, tiff
from imgurer_kernel.fingerprint.decode import read
from imgurer_kernel.settings import Settings

VERSION = "original-1"
"""Changes with what is measured: what was remembered under another name is measured anew."""

SIDE = 1600
"""What is decoded at least, in pixels: finer detail than half of that is not told apart."""
BLOCKS = 24
"""Sides of the grid of `OriginalFacts.relief`, each block of `_BLOCK` pixels a side."""

_BLOCK = 20
_LOSSLESS = {"PNG", "TIFF", "BMP", "GIF", "PPM", "ICO"}
# Sum of the luminance table of Annex K of ITU T.81, which is quality 50 by the usual scale.
_TABLE_AT_50 = 3688
_RATING = re.compile(rb"""xmp:Rating(?:\s*=\s*["']|>)\s*(-?\d)""")
_SUBJECT = re.compile(rb"<dc:subject>.*?</dc:subject>", re.DOTALL)
_ITEM = re.compile(rb"<rdf:li[^>]*>([^<]{1,200})</rdf:li>")
# A colour is a difference of channels by more than chroma subsampling and rounding make of gray.
_COLOURED = 12
# Measured on photographs enlarged 1.3 to 6 times: what interpolation leaves beyond the old limit is
# 30 times below the power that photographs have there, by their own slope.
_CLIFF = 1 / 30


@dataclass(frozen=True, slots=True)
class OriginalFacts:
    """What was measured; None for what cannot be told of this format.

    Attributes
    ----------
    detail
        Pixels that the picture would need for the detail it has, where these are fewer than it
        has: it was enlarged, or is not sharp.
    is_gray
        Whether it has no colour.
    quality
        Of a JPEG 0..100, by its quantisation table; 100 for what is kept without loss.
    metadata
        How many facts EXIF and XMP have.
    rating, keywords
        Of XMP.
    relief
        uint8, `BLOCKS` x `BLOCKS` as a list: mean steepness of the grays in each block of the
        upright picture, its aspect not kept, in quarters of a level.
    """

    detail: float | None = None
    is_gray: bool = False
    quality: float | None = None
    metadata: int = 0
    rating: int | None = None
    keywords: tuple[str, ...] = ()
    relief: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """All of it as values of JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """The reverse of `as_dict`; what is not known is left out."""
        known = {field.name for field in fields(cls)} & facts.keys()
        lists = {"keywords", "relief"}
        values: dict[str, Any] = {
            key: tuple(facts[key]) if key in lists else facts[key] for key in known
        }
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
    gray = view.gray()
    found = _SUBJECT.search(data)
    rating = _RATING.search(data)
    keywords = () if found is None else tuple(
        item.decode("utf-8", "replace").strip() for item in _ITEM.findall(found[0])[:50]
    )  # fmt: skip
    return OriginalFacts(
        detail=_detail(gray, picture.width * picture.height),
        is_gray=_is_gray(view.rgb((96, 96))),
        quality=_quality(data, picture.format),
        metadata=_entries(data, picture.format) + len(keywords) + (rating is not None),
        rating=None if rating is None else int(rating[1]),
        keywords=keywords,
        relief=tuple(_relief(view.grays(BLOCKS * _BLOCK)).tolist()),
    )


def _is_gray(colours: UInt8s) -> bool:
    spread = colours.max(axis=2).astype(int) - colours.min(axis=2)
    return bool(np.percentile(spread, 99) < _COLOURED)


def _quality(data: bytes, name: str) -> float | None:
    if name in _LOSSLESS:
        return 100.0
    table = jpeg.quantisation(data) if name in {"JPEG", "MPO"} else None
    if table is None:
        return None
    # The scale of the Independent JPEG Group, backwards.
    percent = 100 * sum(table) / _TABLE_AT_50
    return round((200 - percent) / 2 if percent <= 100 else 5000 / percent, 1)


def _entries(data: bytes, name: str) -> int:
    source = tiff.parse(data if name == "TIFF" else jpeg.exif(data) if name == "JPEG" else b"")
    return 0 if source is None else tiff.count_entries(source)


def _relief(gray: UInt8s) -> UInt8s:
    values = gray.astype(np.float32)
    down, right = np.gradient(values)
    steep = np.hypot(down, right).reshape(BLOCKS, _BLOCK, BLOCKS, _BLOCK).mean(axis=(1, 3))
    quarters: UInt8s = np.clip(np.round(steep * 4), 0, 255).astype(np.uint8).ravel()
    return quarters


def _detail(gray: UInt8s, pixels: int) -> float | None:
    """Pixels that are needed for the detail of a picture; None where it needs what it has."""
    if min(gray.shape) < 64:
        return None
    limits = [_limit(_spectrum(lines), lines.shape[1]) for lines in (gray, gray.T)]
    if min(limits) > 0.45:
        return None
    share = min(limits[0] / 0.5, 1.0) * min(limits[1] / 0.5, 1.0)
    # What was decoded smaller than it is may have more detail than can be seen here.
    return min(share * gray.size, float(pixels))


def _spectrum(lines: UInt8s) -> Float64s:
    """Power by frequency along the rows, of at most 256 of them, 0 to 0.5 cycles a pixel."""
    rows = lines[np.linspace(0, len(lines) - 1, min(len(lines), 256)).astype(int)].astype(float)
    window = np.hanning(rows.shape[1])
    power: Float64s = (
        np.abs(np.fft.rfft((rows - rows.mean(axis=1, keepdims=True)) * window)) ** 2
    ).mean(axis=0)
    return power


def _limit(power: Float64s, width: int) -> float:
    """The frequency beyond which there is nothing, in cycles a pixel; 0.5 for none."""
    frequency = np.arange(len(power)) / width
    bands = np.linspace(0.02, 0.5, 49)
    centres = (bands[1:] + bands[:-1]) / 2
    which = np.digitize(frequency, bands) - 1
    means = np.array(
        [power[which == k].mean() if (which == k).any() else np.nan for k in range(48)]
    )
    if np.isnan(means).any() or means.min() <= 0:
        return 0.5
    log_power, log_frequency = np.log(means), np.log(centres)
    best = 0.5
    for end in range(6, 46):
        # The slope of what is below, carried on beyond.
        slope, level = np.polyfit(log_frequency[:end], log_power[:end], 1)
        beyond = level + slope * log_frequency[end + 1 :]
        if np.all(log_power[end + 1 :] < beyond + np.log(_CLIFF)):
            best = float(centres[end])
            break
    return best
