"""Convert colours by the file's ICC profile to sRGB.

A picture in Display P3 or Adobe RGB whose values are read as sRGB looks too pale, and paler than
its copies that were saved for the web. Conversions are cached by profile; profiles equal to sRGB
need none. A picture with a broken profile is not rejected.
"""

import io
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np
from PIL import Image, ImageCms

# Profiles of printers have up to 3 MB.
_MOST_BYTES = 4 << 20
_NAME = 60
# Levels by which the many profiles named sRGB differ from it and from each other.
_SAME = 3
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION

_GRAY, _RGB, _CMYK = "GRAY", "RGB ", "CMYK"
_KIND_OF_MODE = {
    **dict.fromkeys(("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"), _GRAY),
    **dict.fromkeys(("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"), _RGB),
    "CMYK": _CMYK,
}
_MODE_OF_KIND: Final = {_GRAY: "L", _RGB: "RGB", _CMYK: "CMYK"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """The conversion from one profile to sRGB.

    Attributes
    ----------
    note
        The name of the profile, or why it is ignored; None for sRGB and without a profile.
    native
        Whether it converts pictures in their own mode, CMYK or LAB.
    """

    note: str | None = None
    native: bool = False
    _mode: str = ""
    _transform: ImageCms.ImageCmsTransform | None = None

    def __bool__(self) -> bool:
        return self._transform is not None

    def apply(self, picture: Image.Image) -> Image.Image:
        """Convert a picture to sRGB; a gray one stays gray."""
        if self._transform is None:
            return picture
        found = self._transform.apply(
            picture if picture.mode == self._mode else picture.convert(self._mode)
        )
        return found.convert("L") if self._mode == "L" else found


NONE = Conversion()


def conversion_of(image: Image.Image) -> Conversion:
    """Return the conversion for the profile of an opened file; `NONE` if it needs none."""
    if image.mode == "LAB":
        return _lab()
    profile = image.info.get("icc_profile")
    kind = _KIND_OF_MODE.get(image.mode)
    if not profile or not isinstance(profile, bytes) or kind is None:
        return NONE
    if len(profile) > _MOST_BYTES:
        return Conversion(f"ignored: a colour profile of {len(profile):,} bytes")
    return _conversion(profile, kind)


# Transforms take up to a megabyte each; a folder usually has pictures of few devices.
@lru_cache(maxsize=32)
def _conversion(profile: bytes, kind: str) -> Conversion:
    mode = _MODE_OF_KIND[kind]
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != kind:
            # Gray pictures often have the profile of their colour original.
            return NONE if kind == _GRAY else Conversion("ignored: a profile of other colours")
        transform = ImageCms.buildTransform(source, _srgb(), mode, "RGB", _INTENT, _FLAGS)
        if mode != "CMYK" and _changes_nothing(transform, mode):
            return NONE
        name = " ".join((source.profile.profile_description or "").split())[:_NAME]
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return Conversion("ignored: a broken colour profile")
    return Conversion(name or "a colour profile", mode == "CMYK", mode, transform)


@lru_cache(maxsize=1)
def _lab() -> Conversion:
    lab = ImageCms.createProfile("LAB")
    transform = ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB", _INTENT, _FLAGS)
    return Conversion("CIELAB", native=True, _mode="LAB", _transform=transform)


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Return whether the conversion changes no colour of a grid visibly."""
    levels = range(0, 256, 17)
    if mode == "L":
        grid = np.array([levels], np.uint8)
        wanted = np.repeat(grid[..., None], 3, axis=2)
    else:
        grid = wanted = np.array([list(product(levels[::3], repeat=3))], np.uint8)
    found = np.asarray(transform.apply(Image.fromarray(grid))).astype(int)
    return bool(np.abs(found - wanted).max() <= _SAME)
