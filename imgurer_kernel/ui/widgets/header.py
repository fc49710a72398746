"""The dashboard's header: name, counts, visitor, tabs, and the global keys."""

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages

KEYS = (
    ("/", "go to the search"),
    ("← ↑ → ↓", "move in a gallery"),
    ("Home, End", "to the first and the last picture"),
    ("Space", "look closer, and back"),
    ("Enter", "search for the picture"),
    ("c", "in a search: compare with what is searched for"),
    ("Esc", "select nothing"),
    ("?", "show these keys"),
)


class Header(anywidget.AnyWidget):
    """The header above the panels; handles the keys ``/`` and ``?`` of the whole page.

    Parameters
    ----------
    on_follow
        Called with the fragment, from ``#`` on, of a followed link.

    Traits
    ------
    counts
        Links, each ``{"text": ..., "hash": ...}``.
    tabs
        Each ``{"id": ..., "label": ..., "hash": ...}``.
    current
        The id of the open tab.
    user, logout
        Name of the logged-in user, and URL of the log-out link; empty for none.
    """

    _esm = script("widgets/common.js", "widgets/header.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/header.css")
    counts = traitlets.List(traitlets.Dict()).tag(sync=True)
    tabs = traitlets.List(traitlets.Dict()).tag(sync=True)
    current = traitlets.Unicode().tag(sync=True)
    user = traitlets.Unicode().tag(sync=True)
    logout = traitlets.Unicode().tag(sync=True)
    shortcuts = traitlets.List([list(key) for key in KEYS]).tag(sync=True)

    def __init__(self, on_follow: Callable[[str], None], **traits: object) -> None:
        super().__init__(**traits)
        self._on_follow = on_follow
        receive_messages(self, self._receive)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "go":
            self._on_follow(str(message.get("hash", "")))
