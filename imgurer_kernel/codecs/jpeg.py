"""The markers of a JPEG file: pure bytes, no decoding.

A progressive JPEG tells the mean of every 8x8 block first and the detail afterwards. A picture
reduced eight times is made of these means alone, so all after them can be left unread. Markers
as in ITU-T T.81, annex B.
"""

import re
from collections.abc import Iterator, Sequence

_END = b"\xff\xd9"
_PROGRESSIVE = 0xC2
_SCAN = 0xDA
_EXIF = 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Within a scan, 0xFF is followed by a zero or by a restart marker; anything else ends the scan.
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


def exif(data: bytes) -> bytes:
    r"""All EXIF blocks before the first scan, one after the other, without their ``Exif`` marks.

    Examples
    --------
    >>> exif(b"\xff\xd8" + b"\xff\xe1\x00\x0cExif\0\0II*\0" + b"\xff\xd9")
    b'II*\x00'
    """
    blocks = []
    for marker, body, _ in _segments(data):
        if marker == _SCAN:
            break
        if marker == _EXIF and body.startswith(b"Exif\0\0"):
            blocks.append(body[6:])
    return b"".join(blocks)


def means_only(data: bytes) -> bytes | None:
    """A progressive JPEG cut after the scans that hold the means of its 8x8 blocks.

    The result decodes to the same picture at an eighth of its size, but for the lowest bits of
    the means. Damage in what is cut off goes unseen; that the file reaches its end is checked.

    Returns
    -------
    A complete, shorter JPEG; None where there is nothing to cut: the file is not progressive, does
    not begin with the means of all its colours, or lacks its end.

    Examples
    --------
    >>> means_only(b"not a JPEG") is None
    True
    """
    waiting: set[int] | None = None
    for marker, body, start in _segments(data):
        if waiting is not None and not waiting:
            return _cut(data, start)
        if marker in _FRAMES:
            if marker != _PROGRESSIVE or len(body) < 6:
                return None
            waiting = set(body[6::3][: body[5]])
        elif marker == _SCAN:
            if waiting is None or not _tells_means(body):
                return None
            waiting.difference_update(body[1 : 1 + 2 * body[0] : 2])
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, content and start of each segment; what is coded after a scan's header is skipped."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield marker, data[position + 4 : end], position
        position = end
        if marker == _SCAN:
            following = _NEXT_MARKER.search(data, position)
            if following is None:
                return
            position = following.start()


def _tells_means(scan: bytes) -> bool:
    """Whether a scan's header announces the means: coefficient 0 only, for the first time."""
    tail = scan[1 + 2 * scan[0] :] if scan else b""
    return len(tail) == 3 and tail[:2] == b"\0\0" and tail[2] >> 4 == 0


def _cut(data: bytes, position: int) -> bytes | None:
    if data.startswith(_END, position) or data.rfind(_END, position) < 0:
        return None
    return data[:position] + _END


def stores_luma(*, jfif: bool, adobe: int | None, components: Sequence[int]) -> bool:
    """Whether a JPEG of three components stores luma and chroma rather than red, green and blue.

    The rule is libjpeg's (``default_decompress_parms``).

    Parameters
    ----------
    jfif
        Whether there is a JFIF marker.
    adobe
        The transform that an Adobe marker names, or None.
    components
        The identifiers of the components.

    Examples
    --------
    >>> stores_luma(jfif=False, adobe=None, components=b"RGB")
    False
    >>> stores_luma(jfif=False, adobe=None, components=(1, 2, 3))
    True
    """
    if jfif:
        return True
    if adobe is not None:
        return adobe != 0
    return tuple(components) != tuple(b"RGB")
