"""Pictures in pages, with a selection of many."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole
from imgurer_kernel.ui.widgets.tile_board import BOARD_SCRIPTS, BOARD_STYLES
from imgurer_kernel.ui.widgets.tile_data import Tile, pack


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTile:
    """A tile and its position.

    Attributes
    ----------
    place
        Position from 0, over all pages.
    heading
        A line before the tile; empty for none.
    """

    place: int
    tile: Tile
    heading: str = ""


class FrameGallery(anywidget.AnyWidget):
    """One page of many tiles, and a selection over all pages.

    A click selects; Ctrl or Meta adds or removes, Shift selects all between; the arrow keys move,
    Space adds or removes, Ctrl+A selects everything, Escape nothing.

    Parameters
    ----------
    on_page
        Called with the number of a requested page, from 0.

    Traits
    ------
    total, page, page_size
        Number of tiles, current page, and tiles per page.
    ranges
        The selection: pairs of the first position and the one after the last, ascending.
    label, empty_text
        Name for screen readers, and the text of an empty gallery.
    """

    _esm = script(*BOARD_SCRIPTS, "widgets/frame_gallery.js")
    _css = static(
        *BOARD_STYLES, "widgets/gallery.css", "widgets/rows.css", "widgets/frame_gallery.css"
    )
    total = traitlets.Int().tag(sync=True)
    page = traitlets.Int().tag(sync=True)
    page_size = traitlets.Int(48, min=1).tag(sync=True)
    ranges: traitlets.List[list[int]] = traitlets.List().tag(sync=True)
    label = traitlets.Unicode("Pictures").tag(sync=True)
    empty_text = traitlets.Unicode("The frame has no rows.").tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)

    def __init__(self, on_page: Callable[[int], None], **traits: object) -> None:
        self._on_page = on_page
        super().__init__(**traits)
        receive_messages(self, self._receive)

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        return {"tiles": [], "blob": b""}

    def show(self, page: int, tiles: Sequence[FrameTile]) -> None:
        """Show a page."""
        items, blob = pack([each.tile for each in tiles])
        for item, each in zip(items, tiles, strict=True):
            item |= {"place": each.place, "heading": each.heading}
        with self.hold_sync():
            self.page = page
            self._content = {"tiles": items, "blob": blob}

    @traitlets.validate("ranges")
    def _whole_ranges(self, proposal: dict[str, Any]) -> list[list[int]]:
        """Normalize the ranges that a page sends: sorted, disjoint, within 0..total."""
        return joined(proposal["value"], self.total)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        number = whole(message.get("value"))
        last = max(0, self.total - 1) // self.page_size
        if message.get("kind") == "page" and 0 <= number <= last:
            self._on_page(number)


def joined(ranges: Iterable[Any], total: int) -> list[list[int]]:
    """Sort and merge ranges within 0..total; invalid ones are left out.

    Examples
    --------
    >>> joined([[7, 9], [0, 2], [1, 4], [8, 99], "x"], 10)
    [[0, 4], [7, 10]]
    """
    kept = []
    for each in ranges:
        if isinstance(each, list | tuple) and len(each) == 2 and all(type(n) is int for n in each):
            start, stop = max(0, each[0]), min(total, each[1])
            if start < stop:
                kept.append([start, stop])
    whole: list[list[int]] = []
    for start, stop in sorted(kept):
        if whole and start <= whole[-1][1]:
            whole[-1][1] = max(stop, whole[-1][1])
        else:
            whole.append([start, stop])
    return whole
