"""Pictures in full resolution, one after the other, over the whole page."""

from collections.abc import Sequence
from typing import Any

import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.originals import STAGE_SCRIPTS, STAGE_STYLES, OriginalsWidget
from imgurer_kernel.ui.widgets.tile_data import Tile, pack


class Viewer(OriginalsWidget):
    """A viewer over the page; Escape closes it and returns the focus.

    Zoom by wheel, pinch, ``+`` and ``-``; ``0`` fits, ``1`` is pixel for pixel; the arrows go to
    the previous and next picture, or move the one that is zoomed; ``i`` shows its facts.

    Traits
    ------
    position
        Which of the pictures is open, from 0; -1 for none.
    facts
        Labels and values of the open one.
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
            Shown until the originals are there.
        sizes
            Width and height of each upright original.
        position
            Which one.
        """
        items, blob = pack(tiles)
        # In one message: the position is one of these pictures, not of those before.
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
