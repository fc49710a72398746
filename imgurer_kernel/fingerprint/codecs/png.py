"""The chunks of a PNG file: the checksums that Pillow passes over (pure bytes)."""

import zlib
from collections.abc import Iterator

_SIGNATURE = 8


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk's content, as far as the file goes."""
    position = _SIGNATURE
    while position + 12 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if position + 12 + size > len(data):
            return
        yield data[position + 4 : position + 8], position + 8, position + 8 + size
        position += 12 + size


def damaged_chunk(data: bytes) -> str | None:
    """The first chunk of pixels whose checksum is wrong, as words; None if all are right.

    Such a file decodes, to something else than what was saved.

    Examples
    --------
    >>> damaged_chunk(b"too short") is None
    True
    """
    view = memoryview(data)
    number = 0
    for name, start, end in chunks(data):
        if name != b"IDAT":
            continue
        number += 1
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return f"block {number} of its pixels"
    return None
