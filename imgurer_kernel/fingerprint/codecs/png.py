"""The chunks of a PNG file: count them, and check checksums and rows, which Pillow does not.

Pure bytes.
"""

import zlib
from collections.abc import Iterator

from imgurer_kernel.errors import ImageDamaged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Pixels have as many chunks as they need, usually of 8 KiB; those of an animation are counted as
# frames.
_PIXELS, _OF_FRAMES = b"IDAT", {b"fcTL", b"fdAT"}
_SMALL = 1024
_STEP = 1 << 20
# Samples of a pixel, by colour type.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# The seven passes of an interlaced picture: first column and row, and the steps from there.
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)


def chunks(data: bytes, begin: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk's content, to the end of the PNG."""
    position = begin + len(SIGNATURE)
    while position + 12 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if position + 12 + size > len(data):
            return
        yield data[position + 4 : position + 8], position + 8, position + 8 + size
        position += 12 + size


def count_chunks(data: bytes, enough: int, begin: int = 0) -> int:
    """Count the chunks except frames and large pieces of pixels; stop at `enough`."""
    number = 0
    for name, start, end in chunks(data, begin):
        number += name not in _OF_FRAMES and (name != _PIXELS or end - start < _SMALL)
        if number >= enough:
            break
    return number


def damaged_chunk(data: bytes) -> str | None:
    """Name the first chunk of pixels with a wrong checksum; None if all are right.

    Such a file may decode without an error, but to wrong pixels.

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


def refuse_short(data: bytes) -> None:
    """Raise `ImageDamaged` if rows of a picture are missing."""
    share = share_present(data)
    if share < 1:
        message = (
            f"the PNG file is damaged: only {100 * share:.0f} % of its pixels are in it; get it "
            "again from its source"
        )
        raise ImageDamaged(message)


def share_present(data: bytes) -> float:
    """Measure the share of the declared pixels that a PNG with sound chunks has, 0..1.

    A stream that ends properly may have too few; decoders leave the rest of the picture black.
    This decompresses the pixels once more.

    Examples
    --------
    >>> share_present(b"too short")
    1.0
    """
    wanted = _unpacked_bytes(data[16:29])
    unpacking, view, unpacked = zlib.decompressobj(), memoryview(data), 0
    for name, start, end in chunks(data):
        if name != _PIXELS or unpacking.eof:
            continue
        rest = bytes(view[start:end])
        while rest and unpacked < wanted:
            unpacked += len(unpacking.decompress(rest, _STEP))
            rest = unpacking.unconsumed_tail
    unpacked += len(unpacking.flush()) if unpacked < wanted else 0
    return min(unpacked / wanted, 1.0) if wanted else 1.0


def _unpacked_bytes(header: bytes) -> int:
    """Compute the bytes of all rows unpacked; 0 for an invalid header."""
    if len(header) < 13 or header[9] not in _SAMPLES:
        return 0
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _SAMPLES[header[9]]
    passes = _PASSES if header[12] else ((0, 0, 1, 1),)
    sizes = (
        (-(-(width - x) // across), -(-(height - y) // down))
        for x, y, across, down in passes
        if x < width and y < height
    )
    # Each row begins with the number of its filter.
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes)
