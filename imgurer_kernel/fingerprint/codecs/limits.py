"""Count the parts of a file, and check them against limits, before a decoder reads it.

Scans, segments, entries and tiles cost a decoder time, even if they are small, and a file of a
megabyte can have a hundred thousand of them. Counting costs a fraction of a microsecond each;
counting segments stops at ten times the limit.
"""

from collections.abc import Iterator

from imgurer_kernel.errors import ImageDamaged, ImageTooLarge
from imgurer_kernel.fingerprint.codecs import boxes, icon, jpeg, jpeg2000, png, sniff, tiff
from imgurer_kernel.settings import Settings

Count = tuple[int, str, int, str]
"""Number of parts, their name, the limit, and the name of its setting, empty without one."""

_ENOUGH = 10
# A scan costs 20 to 34 ns for each 8x8 block of the picture even if it changes none, so 30 million
# take a second. Cameras and optimizers write 10 scans, rarely 16: that many are always allowed,
# except in a small file of which all are decoded, which is flat, or made to take long.
_MOST_BLOCKS = 30_000_000
_USUAL_SCANS = 16
_SMALL = 1 << 20
# Tiles may extend beyond the picture: this many pixels take 0.1 to 0.2 s.
_MOST_UNSEEN = 64_000_000
# Bytes of metadata beyond those of the file: several entries may claim the same bytes.
_MOST_CLAIMED = 64_000_000
# Bytes that belong to nothing, which Pillow skips one at a time: this many take 0.3 to 1 s.
_MOST_SKIPPED = 300_000


def refuse_bombs(data: bytes, name: str) -> None:
    """Refuse files that would keep Pillow busy before the size of the picture is known."""
    sources = [data] if name == "TIFF" else [jpeg.exif(data)] if name == "JPEG" else []
    for source in filter(None, map(tiff.parse, sources)):
        if tiff.claimed_bytes(source) > _MOST_CLAIMED + len(data):
            message = f"the metadata of this {name} claims more than there is; save it without"
            raise ImageDamaged(message)
    skipped = _skipped(data, name)
    if skipped > _MOST_SKIPPED:
        message = (
            f"the {name} has {skipped:,} bytes before its pixels that mean nothing; the limit is "
            f"{_MOST_SKIPPED:,}; save it again"
        )
        raise ImageDamaged(message)
    bad = png.damaged_chunk(data) if name == "PNG" else None
    if bad is not None:
        message = f"the PNG file is damaged: the checksum of {bad} is wrong; get it again"
        raise ImageDamaged(message)


def _skipped(data: bytes, name: str) -> int:
    """Count bytes that belong to nothing before the pixels, in a JPEG or a PPM."""
    if name == "JPEG":
        return jpeg.skipped_bytes(data)
    return sniff.header_bytes(data, _MOST_SKIPPED) if name == "PPM" else 0


def parts_of(data: bytes, limits: Settings) -> jpeg.Parts:
    """Count the parts of a JPEG, as far as the limits require."""
    return jpeg.count(data, _ENOUGH * limits.max_segments)


def refuse_too_many(
    data: bytes, name: str, limits: Settings, *, exact: bool, parts: jpeg.Parts | None = None
) -> None:
    """Raise `ImageTooLarge` if a file has more parts than the settings allow.

    Parameters
    ----------
    data, name
        The file and its format.
    limits
        Settings with ``max_scans``, ``max_segments``, ``max_entries`` and ``max_tiles``.
    exact
        Whether all scans of a JPEG will be decoded at its full size.
    parts
        For a JPEG, the result of `parts_of`, if known.
    """
    for many, what, most, setting in _counts(data, name, limits, exact, parts):
        if many > most:
            name_of_limit = f" ({setting})" if setting else ""
            more = " or more" if setting == "max_segments" and many >= _ENOUGH * most else ""
            message = f"the {name} has {many:,}{more} {what}; the limit is {most:,}{name_of_limit}"
            raise ImageTooLarge(message)


def _counts(
    data: bytes, name: str, limits: Settings, exact: bool, parts: jpeg.Parts | None
) -> Iterator[Count]:
    segments = limits.max_segments
    enough = _ENOUGH * segments
    if name == "JPEG":
        found = parts or parts_of(data, limits)
        yield found.segments, "segments", segments, "max_segments"
        scans = min(limits.max_scans, _MOST_BLOCKS // max(found.blocks, 1))
        if not exact or len(data) > _SMALL:
            scans = max(scans, min(limits.max_scans, _USUAL_SCANS))
        yield found.scans, f"scans for {found.blocks:,} blocks", scans, "max_scans"
        yield _entries(jpeg.exif(data), limits)
    elif name == "PNG":
        yield png.count_chunks(data, enough), "small chunks", segments, "max_segments"
    elif name == "GIF":
        number = sniff.count_extensions(data, enough)
        yield number, "extensions before its first frame", segments, "max_segments"
    elif name == "WEBP":
        yield boxes.count_chunks(data, enough), "chunks", segments, "max_segments"
    elif name in {"AVIF", "HEIF"}:
        yield boxes.count(data, enough), "boxes", segments, "max_segments"
        yield boxes.count_tiles(data), "tiles", limits.max_tiles, "max_tiles"
    elif name == "JPEG2000":
        yield from _counts_of_jpeg2000(data, limits)
    elif name == "TIFF":
        yield from _counts_of_tiff(data, limits)
    elif name == "ICO":
        yield from _counts_of_icon(data, limits)


def _counts_of_jpeg2000(data: bytes, limits: Settings) -> Iterator[Count]:
    segments = limits.max_segments
    yield boxes.count(data, _ENOUGH * segments), "boxes", segments, "max_segments"
    found = jpeg2000.measure(data)
    yield found.codings, "ways of coding", jpeg2000.MOST_CODINGS, ""
    yield found.tiles, "tiles", limits.max_tiles, "max_tiles"
    yield found.blocks, "code-blocks and precincts", jpeg2000.MOST_BLOCKS, ""
    yield found.packets, "packets", jpeg2000.MOST_PACKETS, ""


def _counts_of_tiff(data: bytes, limits: Settings) -> Iterator[Count]:
    yield _entries(data, limits)
    source = tiff.parse(data)
    if source is None:
        return
    tiles = tiff.measure_tiles(source)
    yield tiles.number, "strips or tiles", limits.max_tiles, "max_tiles"
    most = max(4 * tiles.seen, _MOST_UNSEEN)
    yield tiles.coded, "pixels in its tiles", most, ""


def _counts_of_icon(data: bytes, limits: Settings) -> Iterator[Count]:
    entry = icon.shown(data)
    yield entry.number, "pictures", limits.max_frames, "max_frames"
    yield entry.width * entry.height, "pixels", icon.MOST_PIXELS, ""
    if data.startswith(png.SIGNATURE, entry.offset):
        chunks = png.count_chunks(data, _ENOUGH * limits.max_segments, entry.offset)
        yield chunks, "small chunks", limits.max_segments, "max_segments"


def _entries(data: bytes, limits: Settings) -> Count:
    source = tiff.parse(data)
    number = 0 if source is None else tiff.count_entries(source)
    return number, "entries in its metadata", limits.max_entries, "max_entries"
