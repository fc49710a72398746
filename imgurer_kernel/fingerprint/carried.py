"""Read what a file carries besides its picture: EXIF, what people wrote into it, and attachments.

Copies of equal pixels may differ in these: programs that send, convert or clean pictures drop the
caption, the names of faces, the video of a motion photo and the map of its bright parts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import unescape

from imgurer_kernel.fingerprint.codecs import jpeg, tiff

_JPEGS = {"JPEG", "MPO"}
# Where PNG, WebP, HEIF and AVIF keep EXIF, which begins like a TIFF file.
_EXIF = re.compile(rb"(?:Exif\0\0|EXIF.{4}|eXIf)(?=II\*\0|MM\0\*)", re.DOTALL)

# Lengths within patterns are bounded: a file that repeats their beginnings would take hours.
# Properties of XMP that people fill in; programs write many more, such as the history of edits.
_WRITTEN = (
    rb"(?:xmp:(?:Rating|Label)|photoshop:(?:Headline|City|State|Country)|mwg-rs:Name"
    rb"|MPReg:PersonDisplayName|Iptc4xmpCore:Location|acdsee:(?:caption|notes))"
)
_VALUE = re.compile(_WRITTEN + rb"""(?:\s*=\s*["'][^"']|>\s*[^<\s])""")
_LIST = re.compile(
    rb"<(dc:(?:subject|title|description)|Iptc4xmpExt:PersonInImage|lr:hierarchicalSubject"
    rb"|digiKam:TagsList)\b[^>]{0,999}>"
)
_ITEM = re.compile(rb"<rdf:li\b[^>]{0,999}>\s*([^<\s][^<]{0,1999})")
_FACE = re.compile(
    rb"""(?:mwg-rs:Name|MPReg:PersonDisplayName)(?:\s*=\s*["']|>\s*)([^"'<\s][^"'<]{0,199})"""
)

# IPTC-IIM, record 2: title, keyword, author, city, place, state, country, headline, caption.
_DATASETS = frozenset((5, 25, 80, 90, 92, 95, 101, 105, 120))
_TITLE, _KEYWORD, _CAPTION = 5, 25, 120
_DESCRIPTION = 0x010E
# What cameras write where a person's description belongs.
_BY_CAMERA = re.compile(r"DIGITAL CAMERA|SONY DSC|^DCIM|^\W*$", re.IGNORECASE)
_MOST = 50
_IPTC_BLOCK = b"8BIM\x04\x04"
_TEXT = re.compile(rb"(?:tEXt|iTXt|zTXt)(?:Title|Author|Description|Comment)\0")
_PHOTOSHOP = 0xED

_FILE_TYPE = re.compile(rb"\0\0[\0-\x01].ftyp", re.DOTALL)
_SAMSUNG = b"SEFT"
_AUXILIARY = re.compile(rb"urn:[\w:.]{0,99}aux:(?!alpha)\w+")


def count_exif(data: bytes, name: str) -> int:
    """Count the entries of EXIF, wherever a format keeps it."""
    source = _exif(data, name)
    return 0 if source is None else tiff.count_entries(source)


def _exif(data: bytes, name: str) -> tiff.Tiff | None:
    if name == "TIFF":
        exif = data
    elif name in _JPEGS:
        exif = jpeg.exif(data)
    else:
        found = _EXIF.search(data)
        exif = b"" if found is None else data[found.end() :]
    return tiff.parse(exif)


def count_written(data: bytes, name: str) -> int:
    """Count captions, titles, keywords, names of faces, places and ratings, in XMP, IPTC and PNG.

    Examples
    --------
    >>> count_written(b'<a xmp:Rating="4"/><dc:title><rdf:li>Sea</rdf:li></dc:title>', "PNG")
    2
    """
    lists = (len(_ITEM.findall(content)) for _, content in _lists(data))
    texts = len(_TEXT.findall(data)) if name == "PNG" else 0
    return len(_VALUE.findall(data)) + sum(lists) + texts + sum(1 for _ in _datasets(data, name))


def count_attached(data: bytes, name: str) -> int:
    """Count the kinds of contents behind or beside the picture: video, further pictures, depth."""
    if name in _JPEGS:
        rest = jpeg.behind(data)
        kinds = (_FILE_TYPE.search(rest), b"\xff\xd8\xff" in rest, _SAMSUNG in rest[-64:])
        return sum(map(bool, kinds))
    if name in {"HEIF", "AVIF"}:
        return len(set(_AUXILIARY.findall(data))) + (b"mpvd" in data)
    return 0


@dataclass(frozen=True, slots=True)
class Written:
    """Texts that people wrote; empty where there is none."""

    title: str = ""
    caption: str = ""
    keywords: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()


def read_written(data: bytes, name: str) -> Written:
    """Read title, caption, keywords and names of persons, from XMP, then IPTC, then EXIF.

    Examples
    --------
    >>> read_written(b"<dc:title><rdf:Alt><rdf:li>Sea</rdf:li></rdf:Alt></dc:title>", "PNG").title
    'Sea'
    """
    texts: dict[bytes, list[str]] = {}
    for tag, content in _lists(data):
        items = (unescape(_text(item)) for item in _ITEM.findall(content)[:_MOST])
        texts.setdefault(tag, []).extend(items)
    iptc: dict[int, list[str]] = {}
    for number, value in _datasets(data, name):
        iptc.setdefault(number, []).append(_text(value))

    def first(xmp: bytes, number: int) -> str:
        return next(iter([*texts.get(xmp, []), *iptc.get(number, [])]), "")

    keywords = [*texts.get(b"dc:subject", []), *iptc.get(_KEYWORD, [])]
    faces = [unescape(_text(face)) for face in _FACE.findall(data)]
    return Written(
        title=first(b"dc:title", _TITLE),
        caption=first(b"dc:description", _CAPTION) or _description(data, name),
        keywords=tuple(dict.fromkeys(keywords))[:_MOST],
        persons=tuple(dict.fromkeys([*texts.get(b"Iptc4xmpExt:PersonInImage", []), *faces]))[
            :_MOST
        ],
    )


def _lists(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names and contents of the lists in XMP that people fill in."""
    at, unclosed = 0, set[bytes]()
    while found := _LIST.search(data, at):
        at = found.end()
        if found[1] in unclosed:
            continue
        end = data.find(b"</" + found[1] + b">", at)
        if end < 0:
            unclosed.add(found[1])
        else:
            yield found[1], data[at:end]
            at = end


def _description(data: bytes, name: str) -> str:
    source = _exif(data, name)
    found = {} if source is None else tiff.directory(source, source.first, {_DESCRIPTION})
    value = found.get(_DESCRIPTION)
    text = _text(value) if isinstance(value, bytes) else ""
    return "" if _BY_CAMERA.search(text) else text


def _text(value: bytes) -> str:
    """Decode a text; programs that do not write UTF-8 write the code page of Windows."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("cp1252", "replace")
    return text.replace("\0", "").strip()


def _datasets(data: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield number and text of the filled IPTC entries of a JPEG that people write."""
    if name not in _JPEGS:
        return
    for block in jpeg.blocks(data, _PHOTOSHOP):
        at = block.find(_IPTC_BLOCK)
        if at < 0:
            continue
        # The name of the block is padded to an even length; usually it is empty.
        at += len(_IPTC_BLOCK)
        at += (block[at] + 2) // 2 * 2 if at < len(block) else 0
        end = at + 4 + int.from_bytes(block[at : at + 4], "big")
        at += 4
        while at + 5 <= min(end, len(block)) and block[at] == 0x1C:
            size = int.from_bytes(block[at + 3 : at + 5], "big")
            if block[at + 1] == 2 and block[at + 2] in _DATASETS and size:
                yield block[at + 2], block[at + 5 : at + 5 + size]
            at += 5 + size
