"""Read the frames after the first: their durations and pixels.

Later frames only distinguish files and are not part of the picture's hashes, so no file is rejected
because of one. As many are decoded as take about a second: see `Frames.complete`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.codecs import pixels, sizes, tiff
from imgurer_kernel.fingerprint.codecs.gate import gate
from imgurer_kernel.fingerprint.hashes.frame_hash import SIDE, STILL, frame_key
from imgurer_kernel.settings import Settings

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Formats with animations or pages. Files with several sizes, views or exposures of one scene, such
# as a JPEG of a stereo camera or a HEIF, are stills.
_ANIMATED = {"AVIF", "GIF", "PNG", "TIFF", "WEBP"}
# GIF takes 5 to 10 ns a pixel, AVIF four times that.
_MOST_PIXELS = {"AVIF": 16_000_000}
_USUAL_MOST_PIXELS = 64_000_000
_MOST_FRAMES = 1000
_KIND, _REDUCED_OR_MASK = 254, 0b101


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a file, or as many as were read.

    Attributes
    ----------
    key
        See `imgurer_kernel.fingerprint.hashes.frame_hash.frame_key`; `STILL` for stills, and if
        all frames are equal.
    duration_ms
        Sum of the durations of all frames, in milliseconds; 0 for pages and stills.
    digest
        SHA-256 of the decoded pixels of all frames, as 64 hex digits; None for a still, and if
        not all were decoded.
    complete
        Whether all were decoded. Otherwise the key is that of the first ones: those within 64
        million pixels (AVIF: 16 million), at most 1,000, or those before a damaged one.
    damage
        Describes the frame that could not be decoded; None if there is none.
    """

    key: bytes = STILL
    duration_ms: int = 0
    digest: str | None = None
    complete: bool = True
    damage: str | None = None


def frames_of(data: bytes, name: str, number: int, limits: Settings) -> Frames:
    """Read all frames of a file whose first frame could be decoded.

    Parameters
    ----------
    data, name, number
        The file, its format, and its number of frames.
    limits
        Settings whose ``max_pixels`` and ``max_tiles`` apply to each page.
    """
    if number < 2 or name not in _ANIMATED:
        return Frames()
    digests: list[str] = []
    grays: list[UInt8s] = []
    durations: list[float] = []
    damage, also_still = None, name == "PNG"
    try:
        with gate(name, data):
            image = decode.open_frames(data, name)
            if image.info.get("default_image"):
                return Frames()  # an image for programs without animation, not one of its frames
            for frame, duration in _decoded(image, data, name, number, limits):
                digests.append(pixels.digest(frame, 1))
                grays.append(_grays(frame))
                durations.append(duration)
    except ImageRejected:
        damage = f"frame {len(digests) + 1} of {number} cannot be decoded"
    complete = len(digests) == number and damage is None
    found = Frames(
        duration_ms=round(sum(durations)),
        digest=hashlib.sha256("".join(digests).encode()).hexdigest() if complete else None,
        complete=complete,
        damage=damage,
    )
    if len(set(digests)) < 2:
        return found
    return replace(found, key=frame_key(grays, durations, also_still=also_still))


def _decoded(
    image: "ImageFile", data: bytes, name: str, number: int, limits: Settings
) -> Iterator[tuple[Image.Image, float]]:
    """Yield frames with their durations, as many as the limits allow."""
    left = _MOST_PIXELS.get(name, _USUAL_MOST_PIXELS)
    source = tiff.parse(data) if name == "TIFF" else None
    places = [] if source is None else list(tiff.pages(source, number))
    for k in range(min(number, _MOST_FRAMES)):
        if source is not None:
            page = replace(source, first=places[k])
            if not _is_safe(page, limits):
                return
        image.seek(k)
        sizes.check(image, name, limits, exact=False)
        left -= image.width * image.height
        if left < 0 and k:
            return
        if source is not None and int(image.tag_v2.get(_KIND, 0)) & _REDUCED_OR_MASK:  # type: ignore[attr-defined]
            continue
        image.load()
        yield image, float(image.info.get("duration") or 0)


def _is_safe(page: tiff.Tiff, limits: Settings) -> bool:
    """Return whether a page's directory and tiles are within the limits for Pillow."""
    tiles = tiff.measure_tiles(page)
    return (
        tiff.claimed_bytes(page) <= _USUAL_MOST_PIXELS + len(page.data)
        and tiff.count_entries(page) <= limits.max_entries
        and tiles.number <= limits.max_tiles
        and tiles.coded <= max(4 * tiles.seen, _USUAL_MOST_PIXELS)
    )


def _grays(frame: Image.Image) -> UInt8s:
    """Reduce a frame to 32x32 grays; transparent pixels become middle gray."""
    factor = max(min(frame.width, frame.height) // (2 * SIDE), 1)
    box = (0, 0, frame.width / factor, frame.height / factor)

    def on(background: pixels.Background) -> Image.Image:
        small, _ = pixels.reduced(frame, factor, background, whole=False)
        return pixels.luma(small).resize((SIDE, SIDE), Image.Resampling.BOX, box=box)

    if not frame.has_transparency_data:
        return np.asarray(on("white"))
    return np.asarray(Image.blend(on("white"), on("black"), 0.5))
