"""A grid of pictures."""

from collections.abc import Sequence
from typing import Any

import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.tile_board import BOARD_SCRIPTS, BOARD_STYLES, TileBoard
from imgurer_kernel.ui.widgets.tile_data import Tile, pack


class Gallery(TileBoard):
    """Pictures to view, select and open; has the traits of `TileBoard`.

    Examples
    --------
    >>> gallery = Gallery()
    >>> gallery.show([Tile(image_id=3, name="a.jpg", detail="", alt="a.jpg", thumbnail=b"")])
    >>> len(gallery)
    1
    """

    _esm = script(*BOARD_SCRIPTS, "widgets/gallery.js")
    _css = static(*BOARD_STYLES, "widgets/gallery.css")

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        return {"tiles": [], "blob": b"", "divider": None, "divider_label": ""}

    def __len__(self) -> int:
        return len(self._content["tiles"])

    def show(
        self, tiles: Sequence[Tile], *, divider: int | None = None, divider_label: str = ""
    ) -> None:
        """Replace the tiles; drop a selection that is not among them.

        Parameters
        ----------
        divider
            Number of tiles before the line that separates the rest; None for no line.
        divider_label
            Text on that line, such as ``"not verified"``.
        """
        items, blob = pack(tiles)
        content = {"tiles": items, "blob": blob, "divider": divider}
        self._replace(content | {"divider_label": divider_label}, {t.image_id for t in tiles})

    @property
    def image_ids(self) -> list[int]:
        """The image_ids of the shown tiles, in their order."""
        return [tile["image_id"] for tile in self._content["tiles"]]
