"""The outcomes for the files of a folder: totals that filter, and a row for each."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFile:
    """One row.

    Attributes
    ----------
    name, folder
        Name and folder of the file; the folder may be empty.
    status
        The total that it belongs to.
    meaning
        ``"done"``, ``"attention"`` or ``"failed"``: the icon before the text.
    text
        The outcome in words.
    image_id
        The picture opened by a click on the name; -1 for none.
    """

    name: str
    folder: str
    status: str
    meaning: str
    text: str
    image_id: int = -1


class FolderRows(anywidget.AnyWidget):
    """A list of files, with totals by status above it.

    Parameters
    ----------
    on_open
        Called with the image_id of a row whose name is clicked; None for names without a link.

    Examples
    --------
    >>> rows = FolderRows()
    >>> rows.show("/pictures: 2 files", [("added", "2 added")], [], "2 more files not listed here.")
    >>> rows.content["totals"]
    [['added', '2 added']]
    """

    _esm = script("widgets/common.js", "widgets/upload/folder_rows.js")
    _css = static(
        "theme/tokens.css",
        "widgets/common.css",
        "widgets/rows.css",
        "widgets/upload/folder_rows.css",
    )
    content = traitlets.Dict().tag(sync=True)
    links = traitlets.Bool(False).tag(sync=True)

    def __init__(self, on_open: Callable[[int], None] | None = None) -> None:
        super().__init__(links=on_open is not None)
        self._on_open = on_open
        receive_messages(self, self._receive)

    def show(
        self,
        title: str,
        totals: Sequence[tuple[str, str]],
        files: Sequence[FolderFile],
        remark: str,
    ) -> None:
        """Replace the rows.

        Parameters
        ----------
        title
            Title in one line.
        totals
            Status and text, such as ``("rejected", "3 rejected")``.
        files
            The rows, in order.
        remark
            A line above the rows; empty for none.
        """
        rows = [asdict(file) for file in files]
        sums = [list(each) for each in totals]
        self.content = {"title": title, "totals": sums, "rows": rows, "remark": remark}

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        image_id = whole(message.get("image_id"))
        # Only listed pictures are opened, whatever a page sends.
        shown = {row["image_id"] for row in self.content.get("rows", [])}
        if self._on_open is not None and image_id in shown - {-1}:
            self._on_open(image_id)
