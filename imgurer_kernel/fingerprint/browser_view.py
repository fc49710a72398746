"""Convert an original for a browser: unchanged if it can show the format, otherwise as a JPEG."""

from dataclasses import dataclass

from imgurer_kernel.fingerprint import decode
from imgurer_kernel.settings import Settings

LONGEST = 8192
"""Most pixels of the longer side of a re-encoded picture. Beyond that browsers need several hundred
megabytes, and some show nothing at all."""

# Formats that browsers decode; they apply the EXIF orientation to JPEG only.
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
"""The MIME types of all results."""


@dataclass(frozen=True, slots=True, eq=False)
class BrowserView:
    """A picture in full resolution for a browser.

    Attributes
    ----------
    mime_type
        The type of `data`.
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

    HEIC, TIFF, JPEG 2000, PPM and icons become an upright JPEG, transparent pixels on white.
    Formats that browsers show are returned unchanged, animations included.

    Parameters
    ----------
    data
        The file.
    limits
        Settings with the limits.

    Raises
    ------
    ImageRejected
        If the file is not a picture, over a limit, or damaged.

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
    # Decoded in any case, at a small size, so that damage is reported instead of an empty view.
    picture = decode.read(data, limits)
    width, height = picture.width, picture.height
    upright = picture.facts.orientation == 1 or picture.format == "JPEG"
    if picture.format in _SHOWN and upright:
        return BrowserView(_SHOWN[picture.format], data, width, height)
    frame = (LONGEST, LONGEST)
    jpeg = decode.read(data, limits, frame=frame).view().jpeg(frame, _QUALITY)
    return BrowserView("image/jpeg", jpeg, width, height, reduced=max(width, height) > LONGEST)
