"""The tiles of galleries as plain records, packed for the browser."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imgurer_kernel.ui.theme.theme import Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One picture with its caption.

    Attributes
    ----------
    image_id
        Sent back when the tile is selected or opened; tiles of one image are selected together.
    name
        File name, unchanged; shown as text, its middle elided.
    folder, path
        The file's folder, shown with its middle elided, and the whole path, shown on demand.
    detail
        Second line, such as ``"4032 x 3024 · 2.1 MB"``.
    alt
        Text for screen readers, such as ``"NAME, 4032 by 3024, same picture"``.
    thumbnail
        JPEG; empty if there is none.
    badge, meaning
        Text on the picture's corner, and the meaning that sets its icon and color.
    note
        Difference from the medoid; shown bold.
    """

    image_id: int
    name: str
    detail: str
    alt: str
    thumbnail: bytes
    folder: str = ""
    path: str = ""
    badge: str = ""
    meaning: Meaning = ""
    note: str = ""


def pack(tiles: Sequence[Tile], start: int = 0) -> tuple[list[dict[str, Any]], bytes]:
    """Pack tiles into JSON and one blob of thumbnails, with the position of each in the blob.

    Parameters
    ----------
    start
        Bytes in the blob before these tiles.

    Examples
    --------
    >>> tile = Tile(image_id=7, name="a", detail="", alt="a", thumbnail=b"xyz")
    >>> items, blob = pack([tile, tile])
    >>> [(item["offset"], item["length"]) for item in items], blob
    ([(0, 3), (3, 3)], b'xyzxyz')
    """
    items: list[dict[str, Any]] = []
    offset = start
    for tile in tiles:
        item = asdict(tile)
        del item["thumbnail"]
        items.append(item | {"offset": offset, "length": len(tile.thumbnail)})
        offset += len(tile.thumbnail)
    return items, b"".join(tile.thumbnail for tile in tiles)
