"""Render a decoded picture as grays of any size, and as JPEGs."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile

from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.fingerprint.borders import Box
from imgurer_kernel.fingerprint.codecs import pixels
from imgurer_kernel.fingerprint.codecs.gate import gate
from imgurer_kernel.fingerprint.codecs.pixels import FloatBox, Size

THUMBNAIL = (240, 270)
_THUMBNAIL_QUALITY = 80
_COLOURS = (96, 96)
# Difference of channels above which a pixel is coloured: chroma subsampling and rounding of gray
# stay below.
_COLOURED = 12
# A dHash is a Lanczos reduction by definition. For all else Hamming takes 2/5 of the time: the PSNR
# of thumbnails against those by Lanczos of all pixels is 39 dB, and gradients of 64x64 grays of one
# picture at two sizes correlate to 0.9965 instead of 0.9970.
_FILTER = Image.Resampling.HAMMING
_FILTERS = {9: Image.Resampling.LANCZOS}


@dataclass(frozen=True, slots=True)
class View:
    """One upright picture on one background, reduced; source of grays and the thumbnail.

    Methods raise `imgurer_kernel.errors.ImageRejected` if they fail, with a reason.
    """

    _gray: Image.Image
    _box: FloatBox
    _whole: Image.Image | None
    _colour: Image.Image
    _colour_box: FloatBox
    _orientation: int
    _size: Size
    _format: str

    def grays(self, side: int, within: Box | None = None) -> UInt8s:
        """Reduce the picture to side x side grays; aspect not kept.

        Parameters
        ----------
        side
            Pixels of the result's sides.
        within
            Only this part: left, top, right, bottom in pixels of `gray`.
        """
        with gate(self._format, b""):
            return np.asarray(self._part(side, within))

    def gray(self) -> UInt8s:
        """Return the reduced picture as grays, uint8 (height, width)."""
        return np.asarray(self._gray)

    def rgb(self, frame: Size) -> UInt8s:
        """Fit the picture to a frame, in colour: uint8 (height, width, 3); see `jpeg`."""
        with gate(self._format, b""):
            return np.asarray(self._fitted(frame).convert("RGB"))

    def is_gray(self) -> bool:
        """Return whether the picture has no colour: less than a hundredth of its pixels has."""
        colours = self.rgb(_COLOURS)
        spread = colours.max(axis=2).astype(np.int16) - colours.min(axis=2)
        return bool(np.percentile(spread, 99) < _COLOURED)

    def jpeg(self, frame: Size = THUMBNAIL, quality: int = _THUMBNAIL_QUALITY) -> bytes:
        """Encode the picture as a JPEG that fits a frame, never enlarged."""
        file = io.BytesIO()
        with gate(self._format, b""):
            fitted = self._fitted(frame)
            if isinstance(fitted, ImageFile.ImageFile):
                # For a picture that Pillow has opened, saving asks for the working folder, which
                # may have been removed.
                fitted = fitted.copy()
            fitted.save(file, "JPEG", quality=quality, comment=b"")
        return file.getvalue()

    def _part(self, side: int, within: Box | None) -> Image.Image:
        """Return the image behind `grays`."""
        source, box = self._gray, self._box
        if within is not None:
            # Crop first: a filter reads pixels beyond its box.
            source = source.crop(within)
            left, top = max(box[0] - within[0], 0), max(box[1] - within[1], 0)
            right, bottom = min(box[2], within[2]), min(box[3], within[3])
            box = (left, top, right - within[0], bottom - within[1])
        elif self._whole is not None and side == 9:
            source, box = self._whole, (0, 0, *self._whole.size)
        return source.resize((side, side), _FILTERS.get(side, _FILTER), box=box)

    def _fitted(self, frame: Size) -> Image.Image:
        """Fit the upright picture to a frame, never enlarged."""
        size = pixels.fit(self._size, frame)
        if self._orientation > 4:
            size = size[1], size[0]
        small = self._colour
        if small.size != size:
            small = small.resize(size, _FILTER, box=self._colour_box)
        return pixels.upright(small, self._orientation)
