"""Boxes of ISO base media files (HEIF, AVIF, JPEG 2000) and chunks of RIFF (WebP): pure bytes.

Layout: ISO/IEC 14496-12, section 4.2; items and references of pictures as in ISO/IEC 23008-12.
"""

from collections.abc import Iterator

_WITH_BOXES = frozenset(
    {b"meta", b"iprp", b"ipco", b"iinf", b"iref", b"dinf", b"grpl", b"jp2h", b"res ", b"moov"}
    | {b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta"}
)
# Bytes before the inner boxes: version and flags, and in some boxes the number of items.
_FULL = {b"meta": 4, b"iref": 4}
_DEEPEST = 12


def count(data: bytes, enough: int) -> int:
    r"""Count the boxes at all levels; stop at `enough`.

    Examples
    --------
    >>> count(b"\0\0\0\x10jp2h" + b"\0\0\0\x08free" + b"\0\0\0\x08free", 100)
    3
    """
    number = 0
    for _ in _walk(data, 0, len(data), 0):
        number += 1
        if number >= enough:
            break
    return number


def _walk(data: bytes, begin: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each box, a box before those in it."""
    while begin + 8 <= end:
        size, head = int.from_bytes(data[begin : begin + 4], "big"), 8
        kind = data[begin + 4 : begin + 8]
        if size == 1:
            size, head = int.from_bytes(data[begin + 8 : begin + 16], "big"), 16
        elif size == 0:
            size = end - begin
        if size < head:
            return
        after = min(begin + size, end)
        yield kind, begin + head, after
        if kind in _WITH_BOXES and depth < _DEEPEST:
            yield from _walk(
                data, begin + head + _skipped(data, kind, begin + head), after, depth + 1
            )
        begin += size


def _skipped(data: bytes, kind: bytes, begin: int) -> int:
    """Count the bytes of a box's content before the boxes in it."""
    if kind == b"iinf":
        return 8 if data[begin : begin + 1] > b"\0" else 6
    return _FULL.get(kind, 0)


def count_tiles(data: bytes) -> int:
    """Count the tiles that a HEIF or AVIF is composed of (grids, overlays)."""
    number = 0
    for kind, begin, end in _walk(data, 0, len(data), 0):
        if kind == b"dimg":
            number += _references(data, begin, end)
    return number


def _references(data: bytes, begin: int, end: int) -> int:
    """Count the items in a reference box."""
    for width in (2, 4):
        number = int.from_bytes(data[begin + width : begin + width + 2], "big")
        if width + 2 + width * number <= end - begin:
            return number
    return 0


def count_chunks(data: bytes, enough: int) -> int:
    r"""Count the chunks of a RIFF file; stop at `enough`.

    Examples
    --------
    >>> count_chunks(b"RIFF\x1c\0\0\0WEBP" + b"VP8X\1\0\0\0x\0" + b"EXIF\0\0\0\0", 100)
    2
    """
    number, position = 0, 12
    while position + 8 <= len(data) and number < enough:
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + (size & 1)
        number += 1
    return number
