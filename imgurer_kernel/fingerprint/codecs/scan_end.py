"""Check whether the coded pixels of a JPEG end where the picture does.

A wrong bit misaligns all Huffman codes after it, so that the codes end before the picture is full,
or the picture is full before the codes end. libjpeg notices and goes on; Pillow ignores its
warnings. So the decoder gets the file in three pieces, of which it requests the next one until the
picture is full:

1. all but the last bytes of the codes, which must not suffice;
2. these bytes and a few bits that are no codes, which must suffice;
3. the end marker and what follows: a decoder that requests it lacks pixels.

A file without an end marker is complete if the second piece sufficed. This costs no decode beyond
the one that is made anyway.

Only files with all pixels in one scan, from top to bottom, can be checked: not progressive ones.
Restart markers realign the codes; files that have them are checked for all markers, in order.
"""

import io
import re

from imgurer_kernel.fingerprint.codecs import jpeg

_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
# Some encoders leave a byte or two between the last code and the end marker.
_SPARE = 3
_ZEROS = 2
# libjpeg fills a register of 64 bits before it looks at the last code. All ones are no code by any
# table (T.81, C.2): hardly a block that is missing can be read out of them.
_AHEAD = b"\xff\0" * 8

TOO_EARLY = "the data of the picture go on behind its end"
TOO_LATE = "the data of the picture end before it does"
OUT_OF_ORDER = "restart markers in the data of the picture are missing or out of order"


class WatchedFile(io.BytesIO):
    """A JPEG file that detects, while it is decoded, damage of its coded pixels.

    Parameters
    ----------
    data
        The file.
    scan
        Its only scan, as `imgurer_kernel.fingerprint.codecs.jpeg.count` finds it; without one
        nothing is told.
    """

    def __init__(self, data: bytes, scan: jpeg.Scan | None) -> None:
        super().__init__(data)
        self._scan = scan
        self._pieces: list[bytes] = []
        self._asked = 0

    def watch(self) -> None:
        """Begin to watch; to be called before the image is loaded."""
        if self._scan is None:
            return
        data, start, end = self.getvalue(), self._scan.start, self._scan.end
        rest = b"" if end is None else data[end:]
        end = _without_fill(data, start, len(data) if end is None else end)
        stop = _without_zeros(data, start, end)
        cut = max(stop - _SPARE, start)
        # The last codes may be zeros; a file that ends in more of them was cut off and filled up.
        end = end if rest else min(end, stop + _ZEROS)
        self._pieces = [data[:cut], data[cut:end] + _AHEAD, rest]

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes; of a watched file the next piece, whatever the size."""
        if not self._pieces:
            return super().read(size)
        self._asked += 1
        return self._pieces[self._asked - 1] if self._asked <= len(self._pieces) else b""

    def damage(self) -> str | None:
        """Describe the damage, once the image is loaded; None where none was found."""
        if self._scan is None or not self._pieces:
            return None
        if self._asked != 2:
            return TOO_EARLY if self._asked < 2 else TOO_LATE
        if self._scan.restarts is not None:
            codes = self._pieces[0][self._scan.start :] + self._pieces[1]
            every = bytes(range(0xD0, 0xD8)) * (self._scan.restarts // 8 + 1)
            if b"".join(_RESTART.findall(codes)) != every[: self._scan.restarts]:
                return OUT_OF_ORDER
        return None


def _without_fill(data: bytes, start: int, end: int) -> int:
    """Return where coded bytes end before fill bytes (255), which may precede any marker."""
    while end > start and data[end - 1] == 0xFF:
        end -= 1
    return end


def _without_zeros(data: bytes, start: int, end: int) -> int:
    """Return where coded bytes end before zeros, except one that follows a byte of 255."""
    while end - 1 > start and data[end - 1] == 0 and data[end - 2] != 0xFF:
        end -= 1
    return end
