"""Count the parts of a JPEG 2000 picture from the markers of its codestream (pure bytes).

OpenJPEG allocates an object for each precinct and code-block of a tile before it checks whether
there is anything to decode: a file of 253 bytes made it take 8 GB. Markers as in ITU-T T.800,
annex A.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

MOST_BLOCKS = 500_000
"""Most code-blocks and precincts: 30 megapixels in usual blocks of 64 x 64 have 40,000."""
MOST_PACKETS = 5_000_000
"""Most packets: layers times precincts."""

_Kind = TypeVar("_Kind")

# The size of a picture (SIZ), and the coding style of all of it (COD) or of a component (COC).
# Tiles may have their own styles, so they are searched by pattern in the whole file, and the worst
# match is assumed for the whole picture.
_SIZE = re.compile(rb"\xff\x51(?=([\0-\xc0].{37}))", re.DOTALL)
_STYLE = rb"([\0-\x20])([\0-\x08])([\0-\x08])[\0-\x7f][\0\1]"
_DEFAULT = re.compile(rb"\xff\x52\0[\x0c-\x2d]([\0-\x07])[\0-\x04](..)[\0\1]" + _STYLE, re.DOTALL)
_COMPONENT = re.compile(rb"\xff\x53\0[\x09-\x2b].{1,2}?([\0\1])" + _STYLE, re.DOTALL)

MOST_CODINGS = 32
"""Most different sizes or styles in one file; there is seldom more than one of each."""


@dataclass(frozen=True, slots=True)
class Division:
    """Upper bounds of the numbers of parts; None for unusual files.

    Attributes
    ----------
    codings
        Different sizes or styles; if there are more than `MOST_CODINGS`, the rest is not counted.
    tiles, blocks, packets
        Numbers for the whole picture, in the worst case.
    """

    codings: int = 0
    tiles: int = 0
    blocks: int = 0
    packets: int = 0


@dataclass(frozen=True, slots=True)
class _Size:
    across: int
    down: int
    components: int
    tile: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Style:
    layers: int
    levels: int
    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]


def measure(data: bytes) -> Division:
    """Compute upper bounds of the numbers of parts of a codestream."""
    sizes = _different(filter(None, map(_size, _SIZE.finditer(data))))
    styles = _different(_styles(data))
    most = max(len(sizes), len(styles))
    if most > MOST_CODINGS:
        return Division(most)
    blocks = packets = 0
    for size in sizes:
        number = size.across * size.down * size.components
        for style in styles:
            inside, precincts = _inside(size.tile, style)
            blocks = max(blocks, number * inside)
            packets = max(packets, number * precincts * style.layers)
    tiles = max((size.across * size.down for size in sizes), default=0)
    return Division(most, tiles, blocks, packets)


def _different(found: Iterable[_Kind]) -> set[_Kind]:
    """Collect distinct values; stop at one more than `MOST_CODINGS`."""
    kinds: set[_Kind] = set()
    for kind in found:
        kinds.add(kind)
        if len(kinds) > MOST_CODINGS:
            break
    return kinds


def _size(match: re.Match[bytes]) -> _Size | None:
    length, _, right, bottom, left, top, width, height, x, y, components = struct.unpack(
        ">HH8IH", match[1]
    )
    if length != 38 + 3 * components or not width or not height or right <= left or bottom <= top:
        return None
    return _Size(
        across=-(-(right - x) // width) - (left - x) // width,
        down=-(-(bottom - y) // height) - (top - y) // height,
        components=components,
        tile=(min(width, right - left), min(height, bottom - top)),
    )


def _styles(data: bytes) -> Iterator[_Style]:
    layers = 1
    for match in _DEFAULT.finditer(data):
        own, many, *fields = match.groups()
        layers = max(layers, int.from_bytes(many, "big"))
        yield _style(data, match.end(), layers, own, fields)
    for match in _COMPONENT.finditer(data):
        own, *fields = match.groups()
        yield _style(data, match.end(), layers, own, fields)


def _style(data: bytes, end: int, layers: int, own: bytes, fields: Iterable[bytes]) -> _Style:
    levels, width, height = (field[0] for field in fields)
    # Precincts without a declared size have 2**15 on a side.
    sizes = data[end : end + levels + 1] if own[0] & 1 else b""
    precincts = tuple((size & 15, size >> 4) for size in sizes.ljust(levels + 1, b"\xff"))
    return _Style(layers, levels, (width + 2, height + 2), precincts)


def _inside(tile: tuple[int, int], style: _Style) -> tuple[int, int]:
    """Count code-blocks and precincts together, and precincts alone, of one tile component."""
    parts = precincts = 0
    for level, (across, down) in enumerate(style.precincts):
        width, height = (-(-side >> style.levels - level) for side in tile)
        here = _cells(width, across) * _cells(height, down)
        # All but the lowest resolution have three bands, each of half its sides.
        half = 1 if level else 0
        columns = _cells(width >> half, min(style.block[0], max(across - half, 0)))
        rows = _cells(height >> half, min(style.block[1], max(down - half, 0)))
        parts += here + (3 if half else 1) * columns * rows
        precincts += here
    return parts, precincts


def _cells(side: int, exponent: int) -> int:
    """Count the cells of side 2**power that a side touches."""
    return -(-side >> exponent) or 1
