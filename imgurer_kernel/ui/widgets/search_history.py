"""The query pictures so far, in a row; each leads back to its search."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole


class SearchHistory(anywidget.AnyWidget):
    """Show the query pictures, the current one last; hidden with fewer than two.

    Parameters
    ----------
    on_return
        Called with the position, from 0, of a clicked earlier picture.
    """

    _esm = script("widgets/common.js", "widgets/search_history.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/search_history.css")
    _content = traitlets.Any({"names": [], "lengths": [], "blob": b""}).tag(sync=True)

    def __init__(self, on_return: Callable[[int], None]) -> None:
        super().__init__()
        self._on_return = on_return
        receive_messages(self, self._receive)

    def show(self, steps: Sequence[tuple[str, bytes]]) -> None:
        """Show the steps, each a name and a JPEG (empty for none)."""
        self._content = {
            "names": [name for name, _ in steps],
            "lengths": [len(thumbnail) for _, thumbnail in steps],
            "blob": b"".join(thumbnail for _, thumbnail in steps),
        }

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "return":
            self._on_return(whole(message.get("step")))
