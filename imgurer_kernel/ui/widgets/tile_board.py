"""The base of boards of tiles: one selection, opening a tile, a busy state."""

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole

BOARD_SCRIPTS = ("widgets/common.js", "widgets/tile_board.js")
BOARD_STYLES = ("theme/tokens.css", "widgets/tile_board.css")


class TileBoard(anywidget.AnyWidget):
    """Base of `Gallery`, whose script lays out the tiles.

    Traits
    ------
    selected
        image_id of the selected tile; -1 for none.
    busy
        True while new results are loading; showing them resets it.
    label
        Name for screen readers.
    empty_text
        Text of an empty board.
    tile_size
        Smallest width of a tile in CSS pixels, 64 to 512.
    """

    _css = static(*BOARD_STYLES)
    selected = traitlets.Int(-1).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode("Pictures").tag(sync=True)
    empty_text = traitlets.Unicode("No pictures here yet.").tag(sync=True)
    tile_size = traitlets.Int(168, min=64, max=512).tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: object) -> None:
        self._callbacks: dict[str, list[Callable[[int], None]]] = {}
        super().__init__(**traits)
        receive_messages(self, self._receive)

    def on_open(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the image_id of a tile that is opened.

        A tile is opened by a double click, or by Enter while it has the focus.
        """
        self._callbacks.setdefault("open", []).append(callback)

    def on_look(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the image_id of a tile to view closely, by Space."""
        self._callbacks.setdefault("look", []).append(callback)

    def on_compare(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the image_id of a tile to compare, by ``c``."""
        self._callbacks.setdefault("compare", []).append(callback)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        image_id = whole(message.get("image_id"))
        # The tile may have been replaced since the browser sent its message.
        if image_id in self.image_ids:
            for callback in self._callbacks.get(str(message.get("kind")), []):
                callback(image_id)

    @property
    def image_ids(self) -> list[int]:
        """The image_ids of the shown tiles, in their order."""
        raise NotImplementedError

    def _replace(self, content: dict[str, Any], image_ids: set[int]) -> None:
        with self.hold_sync():
            # The content first: observers of the selection must see the new tiles.
            self._content = content
            if self.selected not in image_ids:
                self.selected = -1
            self.busy = False
