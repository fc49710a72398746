"""Read directories of a TIFF file, or of EXIF, at bounded cost.

Pillow reads every entry of a directory. A small file can have 65,535 entries that each claim the
whole file, so the sum of the claims is checked before Pillow opens it (`claimed_bytes`), and EXIF
is read here, only the wanted entries. Layout: TIFF 6.0, section 2; BigTIFF as in libtiff.
"""

import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q"}
_FRACTIONS = {5: "I", 10: "i"}
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_STRIPS, _TILES = 273, 324
# EXIF's details, place and interoperability.
_INNER = frozenset({0x8769, 0x8825, 0xA005})

Value = bytes | tuple[int, ...] | tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Tiff:
    """The bytes of a TIFF and their byte order.

    Attributes
    ----------
    data
        From the byte-order mark on.
    order
        ``"<"`` or ``">"``, as in `struct`.
    big
        True for BigTIFF.
    first
        Offset of the first directory.
    """

    data: bytes
    order: str
    big: bool
    first: int

    def number(self, offset: int, code: str) -> int:
        """Read one integer; raises struct.error beyond the end."""
        if offset > len(self.data):
            message = f"offset {offset} is beyond the end"
            raise struct.error(message)
        return int(struct.unpack_from(self.order + code, self.data, offset)[0])


def parse(data: bytes) -> Tiff | None:
    r"""Read a TIFF header; None if there is none.

    Examples
    --------
    >>> parse(b"II*\0\x08\0\0\0").first
    8
    >>> parse(b"GIF89a") is None
    True
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    magic = struct.unpack_from(order + "H", data, 2)[0]
    if magic == 42:
        return Tiff(data, order, big=False, first=struct.unpack_from(order + "I", data, 4)[0])
    if magic == 43 and len(data) >= 16:
        return Tiff(data, order, big=True, first=struct.unpack_from(order + "Q", data, 8)[0])
    return None


def _entries(tiff: Tiff, offset: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, type, count and offset of the value of each entry."""
    if offset < 8:
        return  # within the header: no directory
    head, form = (8, "HHQ8s") if tiff.big else (2, "HHI4s")
    number = "Q" if tiff.big else "I"
    entry = struct.Struct(tiff.order + form)
    try:
        count = min(tiff.number(offset, "Q" if tiff.big else "H"), 65_535)
    except struct.error:
        return  # beyond the end
    begin = offset + head
    # Only complete entries: the rest of the directory may be cut off.
    count = min(count, max(len(tiff.data) - begin, 0) // entry.size)
    table = memoryview(tiff.data)[begin : begin + count * entry.size]
    for index, (tag, kind, many, field) in enumerate(entry.iter_unpack(table)):
        place = begin + index * entry.size + entry.size - len(field)
        if _SIZES.get(kind, 1) * many > len(field):
            place = struct.unpack(tiff.order + number, field)[0]
        yield tag, kind, many, place


def directory(tiff: Tiff, offset: int, wanted: Container[int]) -> dict[int, Value]:
    r"""Read the values of some tags in the directory at an offset.

    Values longer than 64 KiB, of an unknown kind, or beyond the end are left out. Texts and opaque
    bytes come as bytes, integers as tuples, fractions as tuples of numerator and denominator.

    Examples
    --------
    >>> entry = b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
    >>> exif = parse(b"II*\0\x08\0\0\0" + b"\x01\0" + entry + bytes(4))
    >>> directory(exif, exif.first, {0x0112})
    {274: (6,)}
    """
    found: dict[int, Value] = {}
    for tag, kind, many, place in _entries(tiff, offset):
        if tag not in wanted:
            continue
        size = _SIZES.get(kind, 0) * many
        raw = tiff.data[place : place + size]
        if not 0 < size <= 65_536 or len(raw) < size:
            continue
        if kind in _NUMBERS:
            found[tag] = struct.unpack(f"{tiff.order}{many}{_NUMBERS[kind]}", raw)
        elif kind in _FRACTIONS:
            flat = struct.unpack(f"{tiff.order}{2 * many}{_FRACTIONS[kind]}", raw)
            found[tag] = tuple(zip(flat[::2], flat[1::2], strict=True))
        elif kind in {2, 7}:
            found[tag] = raw
    return found


def claimed_bytes(tiff: Tiff) -> int:
    """Sum up the bytes that the entries of the first directory claim, each counted separately."""
    most = len(tiff.data)
    entries = _entries(tiff, tiff.first)
    return sum(min(_SIZES.get(kind, 0) * many, most) for _, kind, many, _ in entries)


def count_entries(tiff: Tiff) -> int:
    r"""Count the entries of the first directory and of the EXIF directories that it leads to.

    Examples
    --------
    >>> count_entries(parse(b"II*\0\x08\0\0\0" + b"\x01\0" + bytes(12) + bytes(4)))
    1
    """
    inner = directory(tiff, tiff.first, _INNER)
    places = {value[0] for value in inner.values() if len(value) == 1 and isinstance(value[0], int)}
    return sum(1 for place in {tiff.first, *places} for _ in _entries(tiff, place))


@dataclass(frozen=True, slots=True)
class Tiles:
    """The strips or tiles of a page.

    Attributes
    ----------
    number
        Number of strips or tiles.
    coded, seen
        Pixels that a decoder processes, and pixels of the picture.
    """

    number: int
    coded: int
    seen: int


def measure_tiles(tiff: Tiff) -> Tiles:
    """Read the strips or tiles of the first page; zeros if it declares none."""
    number = 0
    for tag, kind, many, _ in _entries(tiff, tiff.first):
        if tag in {_STRIPS, _TILES}:
            # Decoders ignore a count that is larger than the file.
            number = max(number, min(many, len(tiff.data) // _SIZES.get(kind, 1)))
    found = directory(tiff, tiff.first, {_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT})
    width, height, across, down = (
        _first(found.get(tag)) for tag in (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT)
    )
    coded = seen = width * height
    if across and down:
        coded = -(-width // across) * -(-height // down) * across * down
    return Tiles(number, coded, seen)


def _first(value: Value | None) -> int:
    """Read the first integer, or 0."""
    return value[0] if isinstance(value, tuple) and value and isinstance(value[0], int) else 0


def count_pages(tiff: Tiff, limit: int) -> int:
    r"""Count the directories of the chain; stop at limit + 1, or if it forms a loop.

    Examples
    --------
    >>> endless = parse(b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0")
    >>> count_pages(endless, 1000)
    1
    """
    return sum(1 for _ in pages(tiff, limit))


def pages(tiff: Tiff, limit: int) -> Iterator[int]:
    """Yield the offsets of the first limit + 1 directories of the chain, each once."""
    seen: set[int] = set()
    offset = tiff.first
    while offset and offset not in seen and len(seen) <= limit:
        try:
            count = tiff.number(offset, "Q" if tiff.big else "H")
            after = offset + (8 + 20 * count if tiff.big else 2 + 12 * count)
            seen.add(offset)
            yield offset
            offset = tiff.number(after, "Q" if tiff.big else "I")
        except struct.error:
            return  # the chain ends with the file
