"""Galleries: tiles in a grid or a strip, clusters as rows, and the facts about one picture."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.tile_data import ClusterRow, Tile, pack

__all__ = ["ClusterList", "ClusterRow", "FactsView", "Gallery", "Tile"]


class _Board(anywidget.AnyWidget):
    """What `Gallery` and `ClusterList` share: one selection, one way to open, one wait."""

    selected = traitlets.Int(-1, help="image_id of the selected tile, -1 for none").tag(sync=True)
    busy = traitlets.Bool(False, help="work is going on; what is shown stays").tag(sync=True)
    label = traitlets.Unicode("Pictures", help="name for screen readers").tag(sync=True)
    empty_text = traitlets.Unicode("No pictures here yet.").tag(sync=True)
    tile_size = traitlets.Int(168, min=64, max=512, help="smallest width, pixels").tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits: object) -> None:
        self._openers: list[Callable[[int], None]] = []
        super().__init__(**traits)
        self.on_msg(self._receive)

    def on_open(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the image_id of a tile that is opened.

        Opened is a double click, or Enter on the tile that has the focus.
        """
        self._openers.append(callback)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        image_id = message.get("image_id")
        if message.get("kind") == "open" and image_id in self._shown():
            for callback in self._openers:
                callback(int(image_id))

    def _shown(self) -> set[int]:
        raise NotImplementedError

    def _replace(self, content: dict[str, Any], shown: set[int]) -> None:
        with self.hold_sync():
            self._content = content
            if self.selected not in shown:
                self.selected = -1
            self.busy = False


class Gallery(_Board):
    """Pictures to look at, to select and to open.

    Traits
    ------
    selected
        image_id of the selected tile; -1 for none.
    busy
        True while new results are on their way; `show` sets it back.
    arrangement
        ``"grid"``, or ``"strip"`` for one row whose first tile is marked with `lead`.
    lead
        Mark on the first tile of a strip; empty for none.
    tile_size, empty_text, label
        Smallest width of a tile, what an empty gallery says, its name for screen readers.

    Examples
    --------
    >>> gallery = Gallery()
    >>> gallery.show([Tile(image_id=3, name="a.jpg", detail="", alt="a.jpg", thumbnail=b"")])
    >>> len(gallery)
    1
    """

    _esm = script("widgets/common.js", "widgets/tile_board.js", "widgets/gallery.js")
    _css = static("theme/tokens.css", "widgets/gallery.css")
    arrangement = traitlets.Enum(("grid", "strip"), "grid").tag(sync=True)
    lead = traitlets.Unicode("").tag(sync=True)

    @traitlets.default("_content")
    def _nothing(self) -> dict[str, Any]:
        return {"tiles": [], "blob": b"", "divider": None, "divider_label": ""}

    def __len__(self) -> int:
        return len(self._content["tiles"])

    def show(
        self, tiles: Sequence[Tile], *, divider: int | None = None, divider_label: str = ""
    ) -> None:
        """Replace what is shown; a selection that is no longer there is dropped.

        Parameters
        ----------
        divider
            How many tiles stand before the line that separates the rest; None for no line.
        divider_label
            Words on that line, such as ``"not verified"``.
        """
        items, blob = pack(tiles)
        content = {"tiles": items, "blob": blob, "divider": divider}
        self._replace(content | {"divider_label": divider_label}, {t.image_id for t in tiles})

    def _shown(self) -> set[int]:
        return {tile["image_id"] for tile in self._content["tiles"]}


class ClusterList(_Board):
    """A page of clusters, one row each: a single widget, since 25 galleries are slow to build.

    Takes the traits of `Gallery`, except `arrangement`; arrow keys move through all rows.

    Examples
    --------
    >>> clusters = ClusterList()
    >>> tile = Tile(image_id=3, name="a.jpg", detail="", alt="a.jpg", thumbnail=b"")
    >>> clusters.show([ClusterRow(cluster_id=9, label="1 picture", facts=(), tiles=(tile,))])
    >>> clusters.selected = 3
    >>> clusters.selected_cluster
    9
    """

    _esm = script("widgets/common.js", "widgets/tile_board.js", "widgets/cluster_list.js")
    _css = static("theme/tokens.css", "widgets/gallery.css")
    lead = traitlets.Unicode("Medoid").tag(sync=True)

    @traitlets.default("_content")
    def _nothing(self) -> dict[str, Any]:
        return {"rows": [], "blob": b""}

    def __len__(self) -> int:
        return len(self._content["rows"])

    @property
    def selected_cluster(self) -> int:
        """cluster_id of the row that holds the selected tile; -1 for none."""
        for row in self._content["rows"]:
            if any(tile["image_id"] == self.selected for tile in row["tiles"]):
                return int(row["cluster_id"])
        return -1

    def show(self, rows: Sequence[ClusterRow]) -> None:
        """Replace what is shown; a selection that is no longer there is dropped."""
        packed: list[dict[str, Any]] = []
        blobs: list[bytes] = []
        offset = 0
        for row in rows:
            items, blob = pack(row.tiles, offset)
            offset += len(blob)
            blobs.append(blob)
            packed.append(
                {
                    "cluster_id": row.cluster_id,
                    "label": row.label,
                    "facts": list(row.facts),
                    "tiles": items,
                    "more": row.more,
                }
            )
        shown = {tile.image_id for row in rows for tile in row.tiles}
        self._replace({"rows": packed, "blob": b"".join(blobs)}, shown)

    def _shown(self) -> set[int]:
        return {tile["image_id"] for row in self._content["rows"] for tile in row["tiles"]}


class FactsView(anywidget.AnyWidget):
    """One picture, larger, and what is known about it.

    Examples
    --------
    >>> view = FactsView()
    >>> view.show("a.jpg", b"", "a.jpg", [("Pixels", "4032 x 3024")])
    >>> view.clear()
    """

    _esm = script("widgets/common.js", "widgets/tile_board.js", "widgets/facts.js")
    _css = static("theme/tokens.css", "widgets/gallery.css")
    empty_text = traitlets.Unicode("Select a picture to see its details.").tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)

    @traitlets.default("_content")
    def _nothing(self) -> dict[str, Any]:
        return {"title": "", "alt": "", "facts": [], "blob": b""}

    def show(
        self, title: str, thumbnail: bytes, alt: str, facts: Sequence[tuple[str, str]]
    ) -> None:
        """Show a picture (JPEG; empty for none) and its facts, each a (label, value)."""
        pairs = [list(fact) for fact in facts]
        self._content = {"title": title, "alt": alt, "facts": pairs, "blob": thumbnail}

    def clear(self) -> None:
        """Show nothing but `empty_text`."""
        self._content = self._nothing()
