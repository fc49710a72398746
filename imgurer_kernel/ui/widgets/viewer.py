"""Pictures in full resolution, one after the other, covering the page."""

from collections.abc import Sequence
from typing import Any

import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.originals import STAGE_SCRIPTS, STAGE_STYLES, OriginalsWidget
from imgurer_kernel.ui.widgets.tile_data import Tile, pack


class Viewer(OriginalsWidget):
    """A viewer that covers the page; Escape closes it and restores the focus.

    Zoom by wheel, pinch, ``+`` and ``-``; ``0`` fits, ``1`` shows pixel for pixel; the arrow keys
    go to the previous and next picture, or pan a zoomed one; ``i`` shows its facts.

    Traits
    ------
    position
        Position of the open picture, from 0; -1 for none.
    facts
        Labels and values of the open picture.
    """

    _esm = script(*STAGE_SCRIPTS, "widgets/viewer.js")
    _css = static(*STAGE_STYLES)
    position = traitlets.Int(-1).tag(sync=True)
    facts: traitlets.List[list[str]] = traitlets.List().tag(sync=True)

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        return {"tiles": [], "blob": b"", "sizes": []}

    def show_pictures(
        self, tiles: Sequence[Tile], sizes: Sequence[tuple[int, int]], position: int = 0
    ) -> None:
        """Open one of several pictures.

        Parameters
        ----------
        tiles
            Shown until the originals are loaded.
        sizes
            Width and height of each upright original.
        position
            Position of the picture to open.
        """
        items, blob = pack(tiles)
        # In one message, so that the position refers to these pictures.
        with self.hold_sync():
            self._content = {"tiles": items, "blob": blob, "sizes": [list(s) for s in sizes]}
            self.position = position

    def close_picture(self) -> None:
        """Close the viewer."""
        self.position = -1

    @property
    def image_id(self) -> int:
        """The image_id of the open picture; -1 for none."""
        tiles = self._content["tiles"]
        return tiles[self.position]["image_id"] if 0 <= self.position < len(tiles) else -1
