"""Check whether the coded pixels of a JPEG end where the picture does.

A wrong bit misaligns all Huffman codes after it, so that the codes end before the picture is
complete, or the picture is complete before the codes end. libjpeg continues with a warning, which
Pillow ignores. So the decoder gets the file in three pieces, and requests the next one until the
picture is complete:

1. all but the last bytes of the codes, which must not be enough;
2. these bytes and a few bits that are not codes, which must be enough;
3. the end marker and the rest: a decoder that requests it lacks pixels.

A file without an end marker is complete if the second piece was enough. This needs no additional
decode.

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
# libjpeg fills a register of 64 bits before it reads the last code. All ones are not a code in any
# table (T.81, C.2), so hardly any missing block can be decoded from them.
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
        Its only scan, as found by `imgurer_kernel.fingerprint.codecs.jpeg.count`; without one no
        damage is detected.
    """

    def __init__(self, data: bytes, scan: jpeg.Scan | None) -> None:
        super().__init__(data)
        self._scan = scan
        self._pieces: list[bytes] = []
        self._requests = 0

    def watch(self) -> None:
        """Begin to watch; must be called before the image is loaded."""
        if self._scan is None:
            return
        data, start, end = self.getvalue(), self._scan.start, self._scan.end
        rest = b"" if end is None else data[end:]
        end = _without_fill(data, start, len(data) if end is None else end)
        stop = _without_zeros(data, start, end)
        cut = max(stop - _SPARE, start)
        # The last codes may be zeros; a file that ends in more of them was cut off and padded.
        end = end if rest else min(end, stop + _ZEROS)
        self._pieces = [data[:cut], data[cut:end] + _AHEAD, rest]

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes; a watched file returns the next piece, for any size."""
        if not self._pieces:
            return super().read(size)
        self._requests += 1
        return self._pieces[self._requests - 1] if self._requests <= len(self._pieces) else b""

    def damage(self) -> str | None:
        """Describe the damage, after the image was loaded; None if none was found."""
        if self._scan is None or not self._pieces:
            return None
        if self._requests != 2:
            return TOO_EARLY if self._requests < 2 else TOO_LATE
        if self._scan.restarts is not None:
            codes = self._pieces[0][self._scan.start :] + self._pieces[1]
            every = bytes(range(0xD0, 0xD8)) * (self._scan.restarts // 8 + 1)
            if b"".join(_RESTART.findall(codes)) != every[: self._scan.restarts]:
                return OUT_OF_ORDER
        return None


def _without_fill(data: bytes, start: int, end: int) -> int:
    """Return the end of the coded bytes before fill bytes (255), which may precede any marker."""
    while end > start and data[end - 1] == 0xFF:
        end -= 1
    return end


def _without_zeros(data: bytes, start: int, end: int) -> int:
    """Return the end of the coded bytes before zeros, except a zero that follows a byte of 255."""
    while end - 1 > start and data[end - 1] == 0 and data[end - 2] != 0xFF:
        end -= 1
    return end
