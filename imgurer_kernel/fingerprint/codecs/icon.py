"""Read the directory of an ICO file: the picture that a decoder shows, and its size.

Pillow decodes it when it opens the file, at the size that the picture itself declares.
"""

import struct
from dataclasses import dataclass

from imgurer_kernel.fingerprint.codecs import png

MOST_PIXELS = 4096 * 4096
"""Icons have 256 pixels on a side, seldom 1,024."""


@dataclass(frozen=True, slots=True)
class IconImage:
    """The picture that is shown.

    Attributes
    ----------
    number
        Number of pictures in the file.
    offset
        Its offset in the file.
    width, height
        The size that the picture itself declares, not the directory; 0 if it is cut off.
    """

    number: int
    offset: int
    width: int
    height: int


def shown(data: bytes) -> IconImage:
    r"""Choose the picture that Pillow shows: the largest, then the fewest colours, then the first.

    Examples
    --------
    >>> shown(b"\0\0\1\0\0\0")
    IconImage(number=0, offset=0, width=0, height=0)
    """
    number = int.from_bytes(data[4:6], "little")
    table = memoryview(data)[6 : 6 + 16 * number]
    entries = struct.Struct("<BBBBHHII").iter_unpack(table[: len(table) // 16 * 16])
    best, offset = (1, 0), 0
    for width, height, colours, _, _, bits, _, place in entries:
        depth = bits or (colours and (colours - 1).bit_length()) or 256
        rank = -(width or 256) * (height or 256), depth
        if rank < best:
            best, offset = rank, place
    return IconImage(number, offset, *_size(data, offset))


def _size(data: bytes, offset: int) -> tuple[int, int]:
    """Read the declared size of a PNG, or of a Windows bitmap, which declares twice the height."""
    if data.startswith(png.SIGNATURE, offset):
        field = data[offset + 16 : offset + 24]
        return struct.unpack(">II", field) if len(field) == 8 else (0, 0)
    if data[offset : offset + 4] == b"\x0c\0\0\0":
        field = data[offset + 4 : offset + 8]
        width, height = struct.unpack("<HH", field) if len(field) == 4 else (0, 0)
    else:
        field = data[offset + 4 : offset + 12]
        width, height = struct.unpack("<ii", field) if len(field) == 8 else (0, 0)
    return abs(width), abs(height) // 2
