"""The markers of a JPEG file: pure bytes, no decoding.

A progressive JPEG has the means of all 8x8 blocks first and the detail afterwards. A picture
reduced eight times consists of these means, so the rest need not be read. Markers as in ITU-T T.81,
annex B.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_END = b"\xff\xd9"
_LAST = 0xD9
_PROGRESSIVE = 0xC2
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_INTERVAL = 0xDD
_SCAN = 0xDA
_EXIF = 0xE1
_TABLES = 0xDB
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Within a scan, 0xFF is followed by a zero or by a restart marker; anything else ends the scan.
# Restart markers, the one for the start and a reserved one have no content.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")


def exif(data: bytes) -> bytes:
    r"""Join all EXIF blocks before the first scan, without their ``Exif`` marks.

    Examples
    --------
    >>> exif(b"\xff\xd8" + b"\xff\xe1\x00\x0cExif\0\0II*\0" + b"\xff\xd9")
    b'II*\x00'
    """
    return b"".join(body[6:] for body in blocks(data, _EXIF) if body.startswith(b"Exif\0\0"))


def blocks(data: bytes, wanted: int) -> Iterator[bytes]:
    r"""Yield the contents of the segments with a marker before the first scan.

    Examples
    --------
    >>> list(blocks(b"\xff\xd8" + b"\xff\xfe\x00\x04ab" + b"\xff\xd9", 0xFE))
    [b'ab']
    """
    for marker, body, _ in _segments(data):
        if marker == _SCAN:
            break
        if marker == wanted:
            yield body


def skipped_bytes(data: bytes) -> int:
    r"""Count the bytes before the first scan that belong to no segment, as fill bytes do.

    Examples
    --------
    >>> skipped_bytes(b"\xff\xd8" + b"\xff\xff\xff\xfe\0\2" + b"\xff\xd9")
    2
    """
    skipped, at = 0, 2
    for marker, body, start in _segments(data):
        skipped += start - at
        if marker in {_SCAN, _LAST}:
            return skipped
        at = start + 4 + len(body)
    return skipped + len(data) - at


def behind(data: bytes) -> bytes:
    r"""Return what stands behind the end of the picture; nothing if it has no end marker.

    Examples
    --------
    >>> behind(b"\xff\xd8" + b"\xff\xd9" + b"a video")
    b'a video'
    """
    end = next((at for marker, _, at in _segments(data) if marker == _LAST), len(data))
    return data[end + len(_END) :]


def quantisation(data: bytes) -> tuple[int, ...] | None:
    r"""Read the first quantisation table, that of the luma: 64 numbers; None without one.

    Examples
    --------
    >>> quantisation(b"\xff\xd8" + b"\xff\xdb\x00\x43\0" + b"\7" * 64 + b"\xff\xd9")[:3]
    (7, 7, 7)
    """
    for marker, body, _ in _segments(data):
        if marker == _SCAN:
            break
        if marker == _TABLES and body:
            size = 2 if body[0] >> 4 else 1
            values = body[1 : 1 + 64 * size]
            if len(values) == 64 * size:
                return tuple(
                    int.from_bytes(values[at : at + size], "big")
                    for at in range(0, 64 * size, size)
                )
    return None


def means_only(data: bytes) -> bytes | None:
    """Cut a progressive JPEG after the scans that hold the means of its 8x8 blocks.

    The result decodes to the same picture at an eighth of its size, except for the lowest bits of
    the means. Damage in the removed part is not detected, but a missing end of the file is.

    The removed scans are replaced by some that set all detail to zero. If they are just missing,
    libjpeg-turbo interpolates the detail from neighbouring means, which takes longer and blurs the
    means themselves.

    Returns
    -------
    A complete, shorter JPEG; None if nothing can be cut: the file is not progressive, does not
    begin with the means of all its colours, or lacks its end.

    Examples
    --------
    >>> means_only(b"not a JPEG") is None
    True
    """
    frame = b""
    waiting: set[int] = set()
    for marker, body, start in _segments(data):
        if frame and not waiting:
            complete = not data.startswith(_END, start) and data.rfind(_END, start) >= 0
            return data[:start] + _no_detail(frame) + _END if complete else None
        if marker in _FRAMES:
            if marker != _PROGRESSIVE or not _describes_colours(body):
                return None
            frame, waiting = body, set(body[6::3])
        elif marker == _SCAN:
            if not frame or not _is_first_dc_scan(body):
                return None
            waiting.difference_update(body[1 : 1 + 2 * body[0] : 2])
    return None


def _describes_colours(frame: bytes) -> bool:
    """Return whether a frame's header is complete and its sampling factors are not zero."""
    factors = frame[7::3]
    whole = len(frame) >= 9 and len(frame) == 6 + 3 * frame[5]
    return whole and all(factor >> 4 and factor & 15 for factor in factors)


def _no_detail(frame: bytes) -> bytes:
    """Build scans that set all coefficients except the means to zero, for each component.

    Runs of empty blocks are coded by the exponent of their length and its lower bits (T.81,
    G.1.2.2), here with codes of four bits for the exponents 0..14.
    """
    table = b"\x10" + bytes([0, 0, 0, 15, *[0] * 12]) + bytes(range(0, 240, 16))
    parts = [b"\xff\xdd\0\4\0\0", b"\xff\xc4", (len(table) + 2).to_bytes(2, "big"), table]
    for name, blocks in _blocks(frame):
        parts.append(b"\xff\xda\0\x08\1" + bytes([name, 0, 1, 63, 0]) + _empty_blocks(blocks))
    return b"".join(parts)


def _blocks(frame: bytes) -> Iterator[tuple[int, int]]:
    """Yield the id and the number of blocks of each component of a frame."""
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    colours = [(frame[i], frame[i + 1] >> 4, frame[i + 1] & 15) for i in range(6, len(frame), 3)]
    widest, tallest = max(h for _, h, _ in colours), max(v for _, _, v in colours)
    for name, across, down in colours:
        yield name, -(-width * across // (8 * widest)) * -(-height * down // (8 * tallest))


def _empty_blocks(count: int) -> bytes:
    bits, length = 0, 0
    while count > 0:
        exponent = min(count.bit_length() - 1, 14)
        run = min(count, (2 << exponent) - 1)
        bits = (bits << 4 | exponent) << exponent | (run - (1 << exponent))
        length += 4 + exponent
        count -= run
    # The last byte is padded with ones, and a byte of ones is followed by a zero (T.81, F.1.2.3).
    spare = -length % 8
    coded = ((bits + 1 << spare) - 1).to_bytes((length + spare) // 8, "big")
    return coded.replace(b"\xff", b"\xff\0")


@dataclass(frozen=True, slots=True)
class Scan:
    """The only scan of a baseline JPEG.

    Attributes
    ----------
    start, end
        Offset of its codes, and of the marker after them; None if there is none.
    restarts
        Number of restart markers that there must be; None if the file declares none.
    """

    start: int
    end: int | None
    restarts: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a JPEG.

    Attributes
    ----------
    segments, scans
        Their numbers, to the end of the first picture.
    blocks
        Number of 8x8 blocks of all its colours, in one scan of all of them.
    scan
        The only scan; None if there are several, or it is of another kind.
    """

    segments: int
    scans: int
    blocks: int
    scan: Scan | None = None


def count(data: bytes, enough: int) -> Parts:
    r"""Count the segments and the scans among them; counting ends at `enough` segments.

    Examples
    --------
    >>> count(b"\xff\xd8" + b"\xff\xfe\0\2" * 3 + b"\xff\xd9", 100)
    Parts(segments=3, scans=0, blocks=0, scan=None)
    >>> frame = b"\xff\xc0\0\x0b\x08\0\x10\0\x10\1\1\x11\0"
    >>> scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\x15\xff\xd9"
    >>> count(b"\xff\xd8" + frame + scan, 100).scan
    Scan(start=25, end=26, restarts=None)
    """
    segments = scans = blocks = interval = 0
    frame, scan, end = b"", None, None
    for marker, body, start in _segments(data):
        if scans and end is None:
            end = start
        if marker == _LAST:
            break
        segments += 1
        if marker in _FRAMES and _describes_colours(body):
            blocks = max(blocks, sum(number for _, number in _blocks(body)))
            # If the height is zero, a marker after the scan has it.
            frame = body if marker in _SEQUENTIAL and any(body[1:3]) else b""
        elif marker == _INTERVAL and len(body) >= 2:
            interval = int.from_bytes(body[:2], "big")
        elif marker == _SCAN:
            scans += 1
            scan = start + 4 + len(body) if frame and body and body[0] == frame[5] else None
        if segments >= enough:
            break
    if scan is None or scans > 1:
        return Parts(segments, scans, blocks)
    restarts = (_units(frame) - 1) // interval if interval and any(frame[3:5]) else None
    return Parts(segments, scans, blocks, Scan(scan, end, restarts))


def _units(frame: bytes) -> int:
    """Count the minimum coded units (MCUs) of a frame."""
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    across, down = max(f >> 4 for f in frame[7::3]), max(f & 15 for f in frame[7::3])
    if frame[5] == 1:
        across = down = 1  # a single component is coded block by block, for any factors
    return -(-width // (8 * across)) * -(-height // (8 * down))


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield marker, content and start of each segment; the last is the end marker.

    The codes after a scan's header are skipped, and so are, as in decoders, bytes that are no
    marker where one should be.
    """
    position = 2
    while (found := _MARKER.search(data, position)) is not None:
        position = found.end() - 2
        marker = data[position + 1]
        if marker == _LAST or position + 4 > len(data):
            if marker == _LAST:
                yield marker, b"", position
            return
        end = position + 2 + max(int.from_bytes(data[position + 2 : position + 4], "big"), 2)
        yield marker, data[position + 4 : end], position
        position = end


def _is_first_dc_scan(scan: bytes) -> bool:
    """Return whether a scan is the first DC scan: coefficient 0 only."""
    tail = scan[1 + 2 * scan[0] :] if scan else b""
    return len(tail) == 3 and tail[:2] == b"\0\0" and tail[2] >> 4 == 0


def stores_luma(*, jfif: bool, adobe: int | None, components: Sequence[int]) -> bool:
    """Return whether a JPEG of three components stores YCbCr rather than RGB.

    The rule is libjpeg's (``default_decompress_parms``).

    Parameters
    ----------
    jfif
        Whether there is a JFIF marker.
    adobe
        The transform in an Adobe marker, or None.
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
