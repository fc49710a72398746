"""One picture, larger than a tile, with its facts."""

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.tile_board import BOARD_SCRIPTS, BOARD_STYLES


class FactsView(anywidget.AnyWidget):
    """A picture above a list of labels and values.

    Traits
    ------
    empty_text
        Text shown while there is no picture.

    Examples
    --------
    >>> view = FactsView()
    >>> view.show("a.jpg", b"", "a.jpg", [("Pixels", "4032 x 3024")])
    >>> view.clear()
    """

    _esm = script(*BOARD_SCRIPTS, "widgets/facts_view.js")
    _css = static(*BOARD_STYLES, "widgets/facts_view.css")
    empty_text = traitlets.Unicode("Select a picture to see its details.").tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        return {"title": "", "alt": "", "facts": [], "blob": b""}

    def show(
        self, title: str, thumbnail: bytes, alt: str, facts: Sequence[tuple[str, str]]
    ) -> None:
        """Show a picture (JPEG; empty for none) and its facts, each a (label, value)."""
        pairs = [list(fact) for fact in facts]
        self._content = {"title": title, "alt": alt, "facts": pairs, "blob": thumbnail}

    def clear(self) -> None:
        """Show `empty_text` only."""
        self._content = self._empty_content()
