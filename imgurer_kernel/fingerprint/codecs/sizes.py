"""Limit the size of a picture by the memory that its decoder needs per pixel."""

from collections.abc import Mapping
from typing import Any, Protocol

from imgurer_kernel.errors import ImageTooLarge
from imgurer_kernel.settings import Settings

# Peak bytes per pixel of a decoder, if more than the 6 for which `max_pixels` is defined. Measured
# on 24 megapixels; JPEG 2000 takes 20, but counts twice, since it takes ten times as long.
_COST = {"AVIF": 10, "HEIF": 8, "JPEG2000": 40, "WEBP": 18}
_USUAL_COST = 6
_COST_OF_ALL_SCANS = 10
# Pillow decodes a PNM with an unusual highest value and a run-length encoded BMP in Python: these
# limits take 0.6 s for values of the first, 1.2 s for pixels of the second.
_MOST_IN_PYTHON = {"ppm": 1_000_000, "bmp_rle": 10_000_000}
# Bytes of pixels that any file may unpack to: 1.6 s for a PNG of the slowest kind.
_UNPACKED = 400_000_000


class PillowImage(Protocol):
    """The part of a Pillow image that is used here, whether decoded or not."""

    tile: list[Any]

    @property
    def width(self) -> int:
        """Pixels across."""

    @property
    def height(self) -> int:
        """Pixels down."""

    @property
    def mode(self) -> str:
        """Pillow's mode of the pixels."""

    @property
    def info(self) -> Mapping[Any, Any]:
        """Other information from the file."""

    @property
    def has_transparency_data(self) -> bool:
        """Whether the picture may be transparent."""

    def getbands(self) -> tuple[str, ...]:
        """Return the names of the bands."""


def check(image: PillowImage, name: str, limits: Settings, *, exact: bool) -> None:
    """Raise `ImageTooLarge` if a picture has more pixels than ``max_pixels`` allows its format."""
    width, height, most = image.width, image.height, _most_pixels(image, name, limits, exact=exact)
    if width * height > most:
        message = (
            f"the picture has {width:,} x {height:,} pixels, {width * height / 1e6:,.0f} million; "
            f"the limit for {name} is {most / 1e6:,.0f} million (max_pixels)"
        )
        raise ImageTooLarge(message)


def _most_pixels(image: PillowImage, name: str, limits: Settings, *, exact: bool) -> int:
    """Compute the limit on pixels for this file by its decoder's memory per pixel."""
    cost = _COST.get(name, _USUAL_COST)
    if exact and "progressive" in image.info:
        cost = _COST_OF_ALL_SCANS
    most = limits.max_pixels * _USUAL_COST // cost
    decoder = image.tile[0][0] if image.tile else ""
    if decoder in _MOST_IN_PYTHON:
        most = min(most, _MOST_IN_PYTHON[decoder] // len(image.getbands()))
    return most


def check_growth(image: PillowImage, size: int, limits: Settings) -> None:
    """Raise `ImageTooLarge` if a small file unpacks to disproportionately many pixels.

    Parameters
    ----------
    image
        An image that is not decoded yet.
    size
        Bytes of the file.
    limits
        Settings with ``max_growth``.
    """
    number = image.width * image.height * _depth(image)
    # A higher limit on pixels implies that their decoding may take longer, too.
    most = max(_UNPACKED, 2 * limits.max_pixels, size * limits.max_growth)
    if number > most:
        message = (
            f"the file of {size:,} bytes unpacks to {number / 1e6:,.0f} million bytes of pixels; "
            f"the limit for it is {most / 1e6:,.0f} million (max_growth)"
        )
        raise ImageTooLarge(message)


def _depth(image: PillowImage) -> int:
    """Return the bytes per pixel while a picture is processed."""
    if image.mode in {"1", "L", "P"} and not image.has_transparency_data:
        return 1
    coded = image.tile[0][3] if image.tile else ""
    return 8 if ";16" in str(coded) else 4
