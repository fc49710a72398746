"""Decode bytes to pixels: every use of Pillow's decoders begins here.

`read` decodes a file within limits into a `Decoded`; `Decoded.view` puts it on a background and
turns it upright as a `View`, from which grays of any size and the thumbnail are computed. One
decode is enough for all of them.

The content of a file determines its decoder (`imgurer_kernel.fingerprint.codecs.sniff`), and no
other is tried: Pillow's own `open` would try more, some of which start programs, and its limit on
pixels is a global variable that a library must not change. A JPEG is decoded at an eighth, a
quarter or half of its size if that is enough (Pillow's ``draft``), and a progressive one is then
read only up to the means of its blocks.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PIL import Image

from imgurer_kernel.common.records import Facts
from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.errors import ImageTooLarge
from imgurer_kernel.fingerprint.codecs import exif, jpeg, pixels, png, sizes, sniff
from imgurer_kernel.fingerprint.codecs.gate import gate
from imgurer_kernel.fingerprint.codecs.libtiff import redirect_messages
from imgurer_kernel.fingerprint.codecs.limits import parts_of, refuse_bombs, refuse_too_many
from imgurer_kernel.fingerprint.codecs.pixels import Background, Size
from imgurer_kernel.fingerprint.codecs.profile import Conversion, conversion_of
from imgurer_kernel.fingerprint.codecs.scan_end import WatchedFile
from imgurer_kernel.fingerprint.hashes.dhash import informative
from imgurer_kernel.fingerprint.rendition import THUMBNAIL, View
from imgurer_kernel.settings import Settings

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Least pixels on either side from which grays are computed: 8 for each of the 9 of a dHash.
_LEAST = 72

# Imported when first needed: together they take a tenth of a second to import.
_PLUGINS = {
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "HEIF": ("pillow_heif.as_plugin", "HeifImageFile"),
    "ICO": ("PIL.IcoImagePlugin", "IcoImageFile"),
    "JPEG": ("PIL.JpegImagePlugin", "jpeg_factory"),
    "JPEG2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "PPM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
}


@cache
def usual_limits() -> Settings:
    """Return settings with the default limits; their root is not used."""
    return Settings(root=Path("/"))  # the default root needs the working folder


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded file in its stored form: not yet upright, with transparency.

    Attributes
    ----------
    width, height
        Pixels of the upright picture at its full size.
    format, frames, facts
        As in `imgurer_kernel.common.records.Fingerprint`.
    transparent
        Whether the transparency varies over the picture.
    damage
        Damage that the decoder found, in words; None if it found none.
    profile
        As in `imgurer_kernel.common.records.Fingerprint`.
    """

    width: int
    height: int
    format: str
    frames: int
    facts: Facts
    transparent: bool
    damage: str | None
    profile: str | None
    _image: Image.Image
    _conversion: Conversion
    _need: Size
    _orientation: int
    _content: tuple[float, float]
    _factor: int
    _exact: bool

    def view(self) -> View:
        """Return the upright picture on white, or on black if it would be invisible on white.

        White is the background of the reference package. A white icon on white is flat like any
        other white icon. If the transparency varies, and the picture is informative on black but
        not on white, black is used.
        """
        white = self._on("white")
        if self.transparent and not informative(white.grays(9)):
            black = self._on("black")
            if informative(black.grays(9)):
                return black
        return white

    def digest(self) -> str:
        """Hash the upright picture, if every pixel was decoded; see `pixels.digest`."""
        with gate(self.format, b""):
            return pixels.digest(self._image, self._orientation)

    def middle(self, side: int) -> UInt8s | None:
        """Return `pixels.middle` of it; None, too, if it was decoded at a reduced size."""
        if {*self._image.size} != {self.width, self.height}:
            return None
        with gate(self.format, b""):
            return pixels.middle(self._image, side, coded=self.format in {"JPEG", "MPO"})

    def colours(self, most: int) -> int | None:
        """Count the different colours; None if there are more, or not every pixel was decoded."""
        if {*self._image.size} != {self.width, self.height}:
            return None
        with gate(self.format, b""):
            found = self._image.getcolors(most)
        return None if found is None else len(found)

    def _on(self, background: Background) -> View:
        orientation, factor = self._orientation, self._factor
        box = (0, 0, self._content[0] / factor, self._content[1] / factor)
        with gate(self.format, b""):
            image, native = self._image, self._conversion.native
            small, whole = pixels.reduced(
                image, factor, background, whole=self._exact, native=native
            )
            if self._conversion:
                # Converting colours costs 15 ns a pixel: reduce to the necessary size first.
                size = min(small.width, self._need[0]), min(small.height, self._need[1])
                small = self._conversion.apply(pixels.shrunk(small, size, box))
                box = (0, 0, *size)
            return View(
                _gray=pixels.upright(pixels.luma(small), orientation),
                _box=pixels.upright_box(box, small.size, orientation),
                _whole=None if whole is None else pixels.upright(whole, orientation),
                _colour=small,
                _colour_box=box,
                _orientation=orientation,
                _size=(self.width, self.height),
                _format=self.format,
            )


def read(
    data: bytes,
    limits: Settings | None = None,
    *,
    exact: bool = False,
    colour: bool = True,
    frame: Size = THUMBNAIL,
    least: int = _LEAST,
) -> Decoded:
    """Decode the first frame of a file.

    Parameters
    ----------
    data
        The file.
    limits
        Settings with the limits.
    exact
        Decode every pixel, and compute 9x9 grays from all of them.
    colour
        Whether colours are needed, or grays only.
    frame, least
        The size that the decoder must reach: enough for a JPEG that fits `frame` and for grays of
        `least` x `least` pixels.

    Raises
    ------
    ImageRejected
        If the file is not a picture, over a limit, or damaged.
    """
    limits = limits or usual_limits()
    if len(data) > limits.max_bytes:
        message = f"the file has {len(data):,} bytes; the limit is {limits.max_bytes:,} (max_bytes)"
        raise ImageTooLarge(message)
    with gate("picture", data):
        name = sniff.sniff(data)
    with gate(name, data):
        parts = parts_of(data, limits) if name == "JPEG" else None
        # Looking for bombs takes time for each segment.
        if parts is None or parts.segments <= limits.max_segments:
            refuse_bombs(data, name)
        refuse_too_many(data, name, limits, exact=exact, parts=parts)
        file = io.BytesIO(data) if parts is None else WatchedFile(data, parts.scan)
        image, frames = _open(file, data, name, limits, exact=exact)
    size, scale, factor = image.size, 1, 1
    with gate(name, data, image):
        conversion = conversion_of(image)
        if name == "JPEG" and not exact:
            facts = exif.facts_in(image.info, data, name)
            scale = _scale(size, facts.orientation, frame, least, (8, 4, 2, 1))
            image = _at_scale(image, data, scale, colour=colour or bool(conversion))
        if isinstance(file, WatchedFile):
            file.watch()
        image.load()
        damage = file.damage() if isinstance(file, WatchedFile) else None
        if name == "PNG" and pixels.is_blank_at_its_end(image):
            png.refuse_short(data)
        # The size in a header may differ: a HEIF may be cropped to an aperture beyond its edge, and
        # Pillow turns a TIFF upright by an orientation that only its XMP has.
        if image.size != (-(-size[0] // scale), -(-size[1] // scale)):
            size = image.width * scale, image.height * scale
            sizes.check(image, name, limits, exact=exact)
        if name != "JPEG" or exact:
            facts = exif.facts_in(image.info, data, name)
        # Pillow turns a TIFF upright when it loads it.
        orientation = 1 if name == "TIFF" else facts.orientation
        if name != "JPEG" or exact:
            factor = _scale(size, orientation, frame, least, range(64, 0, -1), reserve=2)
        picture = pixels.without_empty_alpha(image) if name == "BMP" else image
        transparent = pixels.transparency_varies(picture)
    content = size[0] / scale, size[1] / scale
    width, height = size if orientation < 5 else size[::-1]
    return Decoded(
        width=width,
        height=height,
        format=image.format or name,
        frames=frames,
        facts=facts,
        transparent=transparent,
        damage=damage,
        profile=conversion.note,
        _image=picture,
        _conversion=conversion,
        _need=_need(size, orientation, frame, least),
        _orientation=orientation,
        _content=content,
        _factor=factor,
        _exact=exact,
    )


def _scale(
    size: Size, orientation: int, frame: Size, least: int, choices: Iterable[int], reserve: int = 1
) -> int:
    """Choose the first of these factors with enough pixels left for thumbnail and grays."""
    need = _need(size, orientation, frame, 0)
    width, height = max(need[0] * reserve, least), max(need[1] * reserve, least)
    return next((by for by in choices if size[0] // by >= width and size[1] // by >= height), 1)


def _need(size: Size, orientation: int, frame: Size, least: int) -> Size:
    """Compute the size of the stored picture that is enough for thumbnail and grays."""
    need = pixels.fit(size, frame if orientation < 5 else frame[::-1])
    return max(need[0], least), max(need[1], least)


def _plugin(name: str) -> "Callable[[io.BytesIO], ImageFile]":
    if name == "TIFF":
        redirect_messages()
    module, factory = _PLUGINS[name]
    return cast("Callable[[io.BytesIO], ImageFile]", getattr(import_module(module), factory))


def open_frames(data: bytes, name: str) -> "ImageFile":
    """Open a file to read its frames; only after `read` has checked it."""
    return _plugin(name)(io.BytesIO(data))


def size_of(data: bytes, name: str) -> Size:
    """Read the width and height that a file of a format says to have, without decoding it.

    Raises
    ------
    ImageRejected
        If it has none.
    """
    with gate(name, data):
        return open_frames(data, name).size


def _open(
    file: io.BytesIO, data: bytes, name: str, limits: Settings, *, exact: bool
) -> "tuple[ImageFile, int]":
    """Open a file without decoding it; return its image and its number of frames."""
    frames = sniff.count_frames(data, name, limits.max_frames)
    if frames is None or frames <= limits.max_frames:
        image = _plugin(name)(file)
        frames = frames or int(getattr(image, "n_frames", 1))
    if frames > limits.max_frames:
        message = f"the {name} has more than {limits.max_frames:,} frames (max_frames)"
        raise ImageTooLarge(message)
    sizes.check(image, name, limits, exact=exact)
    if name != "JPEG" or exact:
        sizes.check_growth(image, len(data), limits)
    return image, frames


def _at_scale(image: "ImageFile", data: bytes, scale: int, *, colour: bool) -> "ImageFile":
    """Prepare a JPEG to be decoded at a fraction of its size, without conversion of colours.

    Grays are the same with and without colour: the stored luma.
    """
    if scale == 8 and "progressive" in image.info:
        means = jpeg.means_only(data)
        image = image if means is None else _plugin("JPEG")(io.BytesIO(means))
    luma = image.mode == "RGB" and jpeg.stores_luma(
        jfif="jfif" in image.info,
        adobe=image.info.get("adobe_transform"),
        components=[layer[0] for layer in image.layer],  # type: ignore[attr-defined]
    )
    # The size for which `draft` chooses this scale; both round down.
    size = max(image.width // scale, 1), max(image.height // scale, 1)
    wanted = "YCbCr" if colour else "L"
    image.draft(wanted if luma else image.mode, size)
    # All data at once: between blocks Pillow saves the decoder's state and copies the rest.
    image.decodermaxblock = len(data) + 1
    return image


def to_gray(data: bytes, size: int, limits: Settings | None = None) -> UInt8s:
    """Reduce the upright picture to size x size grays, aspect not kept.

    Raises
    ------
    ImageRejected
        As `read`.
    """
    picture = read(data, limits, colour=False, frame=(1, 1), least=max(size, _LEAST))
    return picture.view().grays(size)


def preview(data: bytes, size: int, limits: Settings | None = None) -> bytes:
    """Encode the upright picture as a JPEG, at most `size` pixels long and wide.

    Raises
    ------
    ImageRejected
        As `read`.
    """
    return read(data, limits, frame=(size, size)).view().jpeg((size, size), quality=90)
