"""The chunks of a PNG file: how many, and the checksums that Pillow passes over (pure bytes)."""

import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Pixels come in as many pieces as they need, of 8 KiB as a rule; those of an animation are counted
# as frames.
_PIXELS, _OF_FRAMES = b"IDAT", {b"fcTL", b"fdAT"}
_SMALL = 1024


def chunks(data: bytes, begin: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk's content, as far as the file that begins there goes."""
    position = begin + len(SIGNATURE)
    while position + 12 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if position + 12 + size > len(data):
            return
        yield data[position + 4 : position + 8], position + 8, position + 8 + size
        position += 12 + size


def count_chunks(data: bytes, enough: int, begin: int = 0) -> int:
    """Chunks, but for pixels in pieces of some size and frames; counting ends at `enough`."""
    number = 0
    for name, start, end in chunks(data, begin):
        number += name not in _OF_FRAMES and (name != _PIXELS or end - start < _SMALL)
        if number >= enough:
            break
    return number


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
        if name != _PIXELS:
            continue
        number += 1
        if zlib.crc32(view[start - 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return f"block {number} of its pixels"
    return None
