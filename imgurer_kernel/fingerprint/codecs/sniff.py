"""Recognize the format of a file by its bytes, and read sizes and counts from its header.

The file's name is not used: it is wrong too often. Formats outside `SUPPORTED` are named if they
are recognized, so that the user knows what to do, and never passed to a decoder.
"""

import re
from collections.abc import Iterator

from imgurer_kernel.errors import ImageDamaged, ImageTooLarge, UnknownFormat
from imgurer_kernel.fingerprint.codecs import tiff

SUPPORTED = (
    "AVIF",
    "BMP",
    "GIF",
    "HEIF",
    "ICO",
    "JPEG",
    "JPEG2000",
    "PNG",
    "PPM",
    "TIFF",
    "WEBP",
)

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"\0\0\1\0", "ICO"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
)
_NETPBM = re.compile(rb"P[456f]\s")
# Pixels as decimal numbers: not supported, since Pillow takes minutes for a small file of comments.
# Spaces, a comment, or a number (or something else that the decoder refuses).
_PART_OF_HEADER = re.compile(rb"\s+|#[^\r\n]*|([^\s#]+)")
_NETPBM_TEXT = re.compile(rb"P[123]\s")

_RAW = "a camera's raw file"
_OTHERS = (
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"SIMPLE  =", "a FITS file"),
    (b"DDS ", "a DirectDraw texture"),
    (b"qoif", "a QOI picture"),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"IIU\0", _RAW),
    (b"IIRO", _RAW),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"PK\3\4", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "a database"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound or video file"),
)
_TEXTS = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
)
_NO_PICTURES = {"a program", "a database", "a sound file", "a text file"}
# Most blocks of a GIF, which have up to 255 bytes: a gigabyte of full blocks has fewer.
_MOST_BLOCKS = 5_000_000
_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_REDUCED, _INNER_PAGES, _DNG_VERSION = 254, 330, 50706
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}
_GENERIC_BRANDS = {b"mif1", b"msf1"}


def sniff(data: bytes) -> str:
    """Return Pillow's name of the format, one of `SUPPORTED`.

    Raises
    ------
    ImageDamaged
        If there are no bytes, or nothing but zeros.
    UnknownFormat
        If it is none of them; the message names the recognized format, if any.

    Examples
    --------
    >>> sniff(b"GIF89a...")
    'GIF'
    >>> sniff(b"%PDF-1.7")
    Traceback (most recent call last):
    imgurer_kernel.errors.UnknownFormat: this is a PDF document, which cannot be ingested; save it
    as JPEG or PNG
    """
    if not data:
        message = "the file is empty"
        raise ImageDamaged(message)
    name = next((name for magic, name in _MAGIC if data.startswith(magic)), None)
    if name == "TIFF" and _is_raw(data):
        raise _refusal(_RAW)
    if name is not None:
        return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if _NETPBM.match(data):
        return "PPM"
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & (_HEIF_BRANDS | _GENERIC_BRANDS):
        return "HEIF"
    if data[:5].strip(b"\x89\x09\0\r\n")[:3] == b"PNG":
        message = "the PNG file was changed on its way, as if it were text; copy it again as binary"
        raise ImageDamaged(message)
    if not data.strip(b"\0"):
        message = "the file holds nothing but zeros; copy it again from its source"
        raise ImageDamaged(message)
    raise _refusal(_describe(data))


def _refusal(what: str) -> UnknownFormat:
    """Make the error that names the kind of an unsupported file and a remedy."""
    remedy = "save it as JPEG or PNG"
    if what in _NO_PICTURES:
        remedy = "choose a picture"
    elif "archive" in what:
        remedy = "unpack it first"
    elif what == "a web page":
        remedy = "download the picture itself"
    elif what == _RAW:
        remedy = "develop it to JPEG or PNG"
    return UnknownFormat(f"this is {what}{_UNSUPPORTED}; {remedy}")


_UNSUPPORTED = ", which cannot be ingested"


def kind_in(reason: str) -> str:
    """Return the kind of file that the reason of a rejection names; empty if it names none.

    Examples
    --------
    >>> kind_in("this is a PDF document, which cannot be ingested; save it as JPEG or PNG")
    'a PDF document'
    >>> kind_in("the file is empty")
    ''
    """
    named, unsupported, _ = reason.partition(_UNSUPPORTED)
    return named.removeprefix("this is ") if unsupported else ""


def header_bytes(data: bytes, enough: int) -> int:
    r"""Measure the header of a PPM, with its spaces and comments, up to about as many bytes.

    Examples
    --------
    >>> header_bytes(b"P6 # text\n2 1 255\n" + bytes(6), 99)
    17
    >>> header_bytes(b"P4 2 1\n\0", 99), header_bytes(b"P6" + b" " * 9_999, 99)
    (6, 101)
    """
    at, numbers = 2, 2 if data.startswith(b"P4") else 3
    while numbers and at <= enough and at < len(data):
        found = _PART_OF_HEADER.match(data, at, enough + 2)
        assert found is not None  # noqa: S101 (it matches any byte)
        at = found.end()
        numbers -= found[1] is not None
    return at


def _is_raw(data: bytes) -> bool:
    """Return whether a TIFF is a raw file (DNG, NEF, ARW, CR2), whose first page is a preview."""
    source = tiff.parse(data)
    if source is None:
        return False
    tags = tiff.directory(source, source.first, {_REDUCED, _INNER_PAGES, _DNG_VERSION})
    preview = tags.get(_REDUCED) == (1,) and _INNER_PAGES in tags
    return preview or _DNG_VERSION in tags or data[8:10] == b"CR"


def _brands(data: bytes) -> set[bytes]:
    """Read the brands of an ISO base media file (HEIF, AVIF, MP4)."""
    if data[4:8] != b"ftyp":
        return set()
    box = data[8 : min(int.from_bytes(data[:4], "big"), 1024)]
    return {box[i : i + 4] for i in range(0, len(box), 4) if i != 4}


def _describe(data: bytes) -> str:
    for magic, what in _OTHERS:
        if data.startswith(magic):
            return what
    if data[4:8] in {b"ftyp", b"moov", b"mdat", b"wide"}:
        return "a video"
    if data.startswith(b"RIFF"):
        return "a sound or video file"
    if _NETPBM_TEXT.match(data):
        return "a picture written as text"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for mark, what in _TEXTS:
        if mark in head[: len(mark)] or (mark == b"<svg" and mark in head):
            return what
    printable = all(byte >= 0x20 or byte in b"\t\r\n\f" for byte in head) and b"\x7f" not in head
    return "a text file" if printable else "a file of an unknown kind"


def declared_bytes(data: bytes, name: str) -> int | None:
    r"""Read the length that the file declares; None if it declares none.

    Examples
    --------
    >>> declared_bytes(b"RIFF\x64\0\0\0WEBP", "WEBP")
    108
    """
    if name == "WEBP":
        return 8 + int.from_bytes(data[4:8], "little")
    if name == "BMP":
        return int.from_bytes(data[2:6], "little") or None
    if name in {"AVIF", "HEIF"}:
        return _media_bytes(data)
    return None


def _media_bytes(data: bytes) -> int | None:
    """Find the end of the last top-level box, as far as boxes can be followed."""
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size < 8:
            return None
        position += size
    return position


def count_frames(data: bytes, name: str, limit: int) -> int | None:
    """Count frames of a GIF or pages of a TIFF, at most limit + 1; None for other formats.

    Pillow would parse all of them into objects, which takes minutes if a hostile file has millions.

    Raises
    ------
    ImageTooLarge
        If a GIF has so many blocks that reading it would take long.
    """
    if name == "GIF":
        return max(_count_gif_frames(data, limit), 1)
    source = tiff.parse(data) if name == "TIFF" else None
    return max(tiff.count_pages(source, limit), 1) if source else None


def count_extensions(data: bytes, enough: int) -> int:
    """Count the extensions before the first frame of a GIF; stop at `enough`."""
    number = 0
    for kind in _gif_parts(data):
        if kind == _FRAME or number >= enough:
            break
        number += 1
    return number


def _count_gif_frames(data: bytes, limit: int) -> int:
    frames = 0
    for kind in _gif_parts(data):
        frames += kind == _FRAME
        if frames > limit:
            break
    return frames


def _gif_parts(data: bytes) -> Iterator[int]:
    """Yield the kinds of a GIF's blocks, frames and extensions (GIF89a, appendix A)."""
    position = 13 + _colour_table(data[10:11])
    blocks = 0
    while position < len(data):
        kind = data[position]
        if kind == _EXTENSION:
            position += 2
        elif kind == _FRAME:
            position += 11 + _colour_table(data[position + 9 : position + 10])
        elif kind == _END:
            return
        else:
            position += 1
            continue
        yield kind
        while position < len(data) and data[position]:
            position += 1 + data[position]
            blocks += 1
        position += 1
        blocks += 1
        if blocks > _MOST_BLOCKS:
            message = f"the GIF is made of over {_MOST_BLOCKS:,} scraps; save it again"
            raise ImageTooLarge(message)


def _colour_table(flags: bytes) -> int:
    """Compute the bytes of the colour table that a flag byte declares."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0
