"""A table of pictures: a row for each, with its status and its nearest duplicate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import Meaning, script, static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole

PAGE = 50
"""Rows sent at first, and with each *Show more*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """One row.

    Attributes
    ----------
    key
        Sent back when the row is clicked.
    name
        File name, unchanged; shown as text.
    status
        The total that it belongs to.
    meaning, text
        The outcome: the icon and the text beside it.
    thumbnail, image_id
        JPEG; if it is empty, the thumbnail of this image of the store is used; -1 for none.
    opens
        Whether a click has an effect.
    match_id, match_text
        The picture beside it and its caption; -1 for none.
    """

    key: int
    name: str
    status: str
    meaning: Meaning
    text: str
    thumbnail: bytes = b""
    image_id: int = -1
    opens: bool = False
    match_id: int = -1
    match_text: str = ""


class PictureRows(anywidget.AnyWidget):
    """Rows below totals that filter them; only the first rows are sent.

    Parameters
    ----------
    thumbnails
        Reads thumbnails of images of the store, JPEG, in the order of the ids.
    on_open
        Called with the key of a clicked row.
    on_match
        Called with the image_id of a clicked picture beside a row; None to ignore clicks.
    on_clear
        Called when the user clears the list; None for no such button.

    Traits
    ------
    title
        A line above the table.
    shown
        The status whose rows are shown; empty for all.

    Examples
    --------
    >>> rows = PictureRows(lambda ids: [b""] * len(ids))
    >>> row = PictureRow(key=0, name="a.jpg", status="new", meaning="done", text="New")
    >>> rows.show([row] * 80, [("new", "80 new")])
    >>> len(rows.content["rows"]), rows.content["more"]
    (50, 30)
    """

    _esm = script("widgets/common.js", "widgets/picture_rows.js")
    _css = static("theme/tokens.css", "widgets/rows.css", "widgets/picture_rows.css")
    title = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Unicode().tag(sync=True)
    can_clear = traitlets.Bool(False).tag(sync=True)
    totals: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    content = traitlets.Dict({"rows": [], "blob": b"", "more": 0, "matches": False}).tag(sync=True)

    def __init__(
        self,
        thumbnails: Callable[[Sequence[int]], Sequence[bytes]],
        on_open: Callable[[int], None] | None = None,
        on_match: Callable[[int], None] | None = None,
        on_clear: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(can_clear=on_clear is not None)
        self._on_clear = on_clear
        self._thumbnails, self._on_open, self._on_match = thumbnails, on_open, on_match
        self._rows: Sequence[PictureRow] = []
        self._limit = PAGE
        self._sent: list[PictureRow] = []
        self.observe(self._change_filter, "shown")
        receive_messages(self, self._receive)

    def show(self, rows: Sequence[PictureRow], totals: Sequence[tuple[str, str]]) -> None:
        """Replace rows and totals; a total is a status and a text, as in ``("new", "3 new")``."""
        self._rows = rows
        if self.shown not in {"", *(status for status, _ in totals)}:
            self.shown = ""  # no rows of that status are left
        with self.hold_sync():
            self.totals = [list(each) for each in totals]
            self._send_rows()

    def _change_filter(self, _: object) -> None:
        self._limit = PAGE
        self._send_rows()

    def _send_rows(self) -> None:
        wanted = [row for row in self._rows if self.shown in {"", row.status}]
        page, more = wanted[: self._limit], max(0, len(wanted) - self._limit)
        if page == self._sent:  # rows were only appended: do not send the pictures again
            if more != self.content["more"]:
                self.content = self.content | {"more": more}
            return
        self._sent = page
        # One query of the catalog for all thumbnails of the page.
        ids = sorted(
            {row.image_id for row in page if not row.thumbnail} | {r.match_id for r in page}
        )
        ids = [image_id for image_id in ids if image_id >= 0]
        stored = dict(zip(ids, self._thumbnails(ids), strict=True))
        parts: list[bytes] = []
        rows = []
        for row in page:
            pictures = (
                row.thumbnail or stored.get(row.image_id, b""),
                stored.get(row.match_id, b""),
            )
            rows.append(
                {
                    "key": row.key,
                    "name": row.name,
                    "meaning": row.meaning,
                    "text": row.text,
                    "opens": row.opens and self._on_open is not None,
                    "lengths": [len(picture) for picture in pictures],
                    "match": row.match_id,
                    "match_text": row.match_text,
                }
            )
            parts += pictures
        matches = self._on_match is not None
        self.content = {"rows": rows, "blob": b"".join(parts), "more": more, "matches": matches}

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        kind, value = message.get("kind"), whole(message.get("value"))
        if kind == "more":
            self._limit += PAGE
            self._send_rows()
        # Only listed rows are opened, whatever a page sends.
        keys = {row.key for row in self._sent if row.opens}
        matches = {row.match_id for row in self._sent} - {-1}
        if kind == "open" and self._on_open is not None and value in keys:
            self._on_open(value)
        if kind == "clear" and self._on_clear is not None:
            self._on_clear()
        if kind == "match" and self._on_match is not None and value in matches:
            self._on_match(value)
