"""Convert an original to what a browser can show: itself where possible, else a JPEG."""

from dataclasses import dataclass

from imgurer_kernel.fingerprint import decode
from imgurer_kernel.settings import Settings

LONGEST = 8192
"""Pixels of the longer side of a picture that has to be re-encoded. Beyond that browsers have
textures of several hundred megabytes, and some show nothing at all."""

# What browsers decode themselves, upright by EXIF in a JPEG only.
_SHOWN = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
}
_QUALITY = 92
MIME_TYPES = frozenset(_SHOWN.values())
"""Of all that is passed on or encoded."""


@dataclass(frozen=True, slots=True, eq=False)
class BrowserView:
    """A picture in full resolution for a browser.

    Attributes
    ----------
    mime_type
        Of `data`.
    data
        The file.
    width, height
        Pixels of the upright picture at its full size.
    reduced
        Whether `data` has fewer pixels than that.
    """

    mime_type: str
    data: bytes
    width: int
    height: int
    reduced: bool = False


def for_browser(data: bytes, limits: Settings | None = None) -> BrowserView:
    """Return an original in a format that browsers show.

    HEIC, TIFF, JPEG 2000, PPM and icons become a JPEG, upright, on white where they are
    transparent. What a browser can show itself is passed on as it is, animations included.

    Parameters
    ----------
    data
        The file.
    limits
        Settings whose limits hold.

    Raises
    ------
    ImageRejected
        If the file is no picture, over a limit, or damaged.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("RGB", (30, 20)).save(file, "TIFF")
    >>> view = for_browser(file.getvalue())
    >>> view.mime_type, view.width, view.height
    ('image/jpeg', 30, 20)
    """
    # Decoded in any case, if only small: damage is reported here, not by an empty frame.
    picture = decode.read(data, limits)
    width, height = picture.width, picture.height
    upright = picture.facts.orientation == 1 or picture.format == "JPEG"
    if picture.format in _SHOWN and upright:
        return BrowserView(_SHOWN[picture.format], data, width, height)
    frame = (LONGEST, LONGEST)
    jpeg = decode.read(data, limits, frame=frame).view().jpeg(frame, _QUALITY)
    return BrowserView("image/jpeg", jpeg, width, height, reduced=max(width, height) > LONGEST)
