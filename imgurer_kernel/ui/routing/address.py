"""The URL fragment behind the ``#``: the open tab, and its parameters.

It has view state only, not the identity of the visitor: everyone who opens the URL sees what they
may see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anywidget

from imgurer_kernel.ui.theme.theme import static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole

_MAX_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Route:
    """A tab, and the parameters of its content.

    Examples
    --------
    >>> Route("search", {"image": "7", "radius": "4"}).hash
    '#search?image=7&radius=4'
    >>> Route.parse("#search?image=7&radius=4").params
    {'image': '7', 'radius': '4'}
    >>> Route.parse("").tab, Route.parse("#browse?=&&seed").params
    ('', {})
    """

    tab: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The route as a URL fragment."""
        query = urlencode(dict(self.params))
        return f"#{self.tab}?{query}" if query else f"#{self.tab}"

    @classmethod
    def parse(cls, text: str) -> "Route":
        """Parse a fragment, ignoring invalid parts: users may edit a URL."""
        tab, _, query = text[:_MAX_LENGTH].removeprefix("#").partition("?")
        # Without a limit on fields, which would raise: the text is short.
        pairs = parse_qsl(query, errors="replace", max_num_fields=None)
        return cls(tab, {name: value for name, value in pairs if name})


def whole_number(text: str | None, default: int, low: int = 0, high: int = 1 << 53) -> int:
    """Parse a number of a fragment; return the default if it is invalid, or outside low..high.

    Examples
    --------
    >>> whole_number("12", 0), whole_number("-1", 5), whole_number("x", 5), whole_number(None, 5)
    (12, 5, 5, 5)
    """
    # 16 digits hold 2**53; int() of a longer text is slow or raises.
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 16:
        return default
    return int(text) if low <= int(text) <= high else default


class AddressBar(anywidget.AnyWidget):
    """Synchronizes the page's URL and the dashboard; invisible.

    In JupyterLab, which owns the URL, it reports an empty route once and changes nothing.

    Parameters
    ----------
    on_navigate
        Called with the route of the URL when a page is opened or reloaded, or the visitor goes back
        or forward.
    """

    _esm = static("routing/address.js")

    def __init__(self, on_navigate: Callable[[Route], None]) -> None:
        self._on_navigate = on_navigate
        self._navigation = 0
        self.current = Route("")
        super().__init__()
        receive_messages(self, self._receive)

    def go(self, route: Route, *, replace: bool = False) -> None:
        """Set the route in the URL; Back leads to the previous one, unless `replace` is set.

        The page drops the message if the visitor has navigated since: `_navigation` is the number
        of navigations that the kernel has received.
        """
        if route != self.current:
            self.current = route
            message = {"kind": "go", "hash": route.hash, "replace": replace}
            self.send(message | {"navigation": self._navigation})

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "navigated":
            self._navigation = whole(message.get("navigation"), 0)
            self.current = Route.parse(str(message.get("hash", "")))
            self._on_navigate(self.current)
