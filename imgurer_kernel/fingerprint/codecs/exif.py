"""Read EXIF and XMP; an invalid entry is one missing fact, and never rejects the picture.

Tags as in EXIF 2.32 (CIPA DC-008). The cost of reading is bounded; see
`imgurer_kernel.fingerprint.codecs.tiff`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from imgurer_kernel.common.records import Facts
from imgurer_kernel.fingerprint.codecs import tiff
from imgurer_kernel.fingerprint.codecs.tiff import Value

ORIENTATION = 0x0112
_MAKE, _MODEL, _CHANGED = 0x010F, 0x0110, 0x0132
_DETAILS, _PLACE = 0x8769, 0x8825
_TAKEN, _DIGITIZED = 0x9003, 0x9004
_BASE = {ORIENTATION, _MAKE, _MODEL, _CHANGED, _DETAILS, _PLACE}
_NORTH, _LATITUDE, _EAST, _LONGITUDE = 1, 2, 3, 4

_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_DATE = re.compile(r"\s*(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_LONGEST_NAME = 100


def facts_in(info: Mapping[Any, Any], data: bytes, name: str) -> Facts:
    """Read EXIF from the place where a format keeps it; `info` is that of the Pillow image."""
    if name == "TIFF":
        return facts(data)
    packet = info.get("xmp", b"")
    packet = packet if isinstance(packet, bytes) else b""
    raw = info.get("exif", b"")
    if not raw and isinstance(info.get("Raw profile type exif"), str):
        raw = from_text(info["Raw profile type exif"])
    return facts(raw if isinstance(raw, bytes) else b"", packet)


def facts(exif: bytes, xmp: bytes = b"") -> Facts:
    """Read orientation, time, camera and position.

    Parameters
    ----------
    exif
        From the byte-order mark on, or with ``Exif`` and two zeros before it; may be empty.
    xmp
        An XMP packet, used for the orientation only, if EXIF has none.

    Examples
    --------
    >>> facts(b"not EXIF at all")
    Facts(orientation=1, taken_at=None, camera=None, latitude=None, longitude=None)
    >>> facts(b"", b'<rdf:Description tiff:Orientation="6"/>').orientation
    6
    """
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    source = tiff.parse(exif)
    if source is None:
        return Facts(orientation=_orientation({}, xmp))
    base = tiff.directory(source, source.first, _BASE)
    details = tiff.directory(source, _offset(base, _DETAILS), {_TAKEN, _DIGITIZED})
    wanted = {_NORTH, _LATITUDE, _EAST, _LONGITUDE}
    place = tiff.directory(source, _offset(base, _PLACE), wanted)
    latitude, longitude = _position(place)
    return Facts(
        orientation=_orientation(base, xmp),
        taken_at=_time(details.get(_TAKEN))
        or _time(details.get(_DIGITIZED))
        or _time(base.get(_CHANGED)),
        camera=_camera(_text(base.get(_MAKE)), _text(base.get(_MODEL))),
        latitude=latitude,
        longitude=longitude,
    )


def from_text(profile: str) -> bytes:
    r"""Decode the EXIF that ImageMagick writes as hexadecimal text into a PNG.

    Examples
    --------
    >>> from_text("\nexif\n    4\n49492a00\n")
    b'II*\x00'
    """
    try:
        return bytes.fromhex("".join(profile.split("\n")[3:]))
    except ValueError:
        return b""  # not hexadecimal: no EXIF


def _orientation(base: Mapping[int, Value], xmp: bytes) -> int:
    if ORIENTATION in base:
        value = _whole(base[ORIENTATION])
    else:
        match = _XMP_ORIENTATION.search(xmp)
        value = int(match[1]) if match else 1
    return value if 1 <= value <= 8 else 1


def _offset(base: Mapping[int, Value], tag: int) -> int:
    """Return the offset of another directory; 0, that of the header, reads as an empty one."""
    return max(_whole(base.get(tag)), 0)


def _whole(value: Value | None) -> int:
    """Read a single integer, or 0."""
    if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], int):
        return value[0]
    return 0


def _text(value: Value | None) -> str:
    """Read printable characters up to the first zero, blanks collapsed."""
    if not isinstance(value, bytes):
        return ""
    text = value.partition(b"\0")[0].decode("utf-8", "replace").replace("\ufffd", "")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _time(value: Value | None) -> datetime | None:
    match = _DATE.match(_text(value))
    if match is None:
        return None
    try:
        # EXIF times have no zone: they are those of the camera's clock.
        return datetime(*map(int, match.groups()))  # type: ignore[arg-type] # noqa: DTZ001
    except ValueError:
        return None  # such as the 31st of February, or zeros from a clock that was never set


def _camera(make: str, model: str) -> str | None:
    """Join maker and model, without naming the maker twice."""
    known = model if model.casefold().startswith(make.casefold()) else f"{make} {model}"
    return known.strip()[:_LONGEST_NAME].strip() or None


def _position(place: Mapping[int, Value]) -> tuple[float | None, float | None]:
    latitude = _degrees(place.get(_LATITUDE), _text(place.get(_NORTH)), "NS", 90)
    longitude = _degrees(place.get(_LONGITUDE), _text(place.get(_EAST)), "EW", 180)
    # A position needs both, and receivers write 0, 0 before they have a fix.
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None, None
    return latitude, longitude


def _degrees(value: Value | None, side: str, sides: str, limit: int) -> float | None:
    """Convert degrees, minutes and seconds to one signed number."""
    if not isinstance(value, tuple) or not 1 <= len(value) <= 3:
        return None
    degrees = 0.0
    for fraction, unit in zip(value, (1, 60, 3600), strict=False):
        if not isinstance(fraction, tuple) or fraction[1] == 0:
            return None
        degrees += fraction[0] / fraction[1] / unit
    if not 0 <= degrees <= limit or side[:1].upper() not in sides or not side:
        return None
    return -degrees if side[:1].upper() == sides[1] else degrees
