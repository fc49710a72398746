"""The part of the page's address behind the ``#``: which tab, showing what.

View state only, never identity: whoever opens the address sees what they may see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import anywidget

from imgurer_kernel.ui.theme.theme import static

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """A tab, and what of it.

    Examples
    --------
    >>> Place("search", {"image": "7", "radius": "4"}).hash
    '#search?image=7&radius=4'
    >>> Place.parse("#search?image=7&radius=4").details
    {'image': '7', 'radius': '4'}
    >>> Place.parse("").tab, Place.parse("#browse?=&&seed").details
    ('', {})
    """

    tab: str
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """As it stands in the address."""
        query = urlencode(dict(self.details))
        return f"#{self.tab}?{query}" if query else f"#{self.tab}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Whatever stands in an address, as far as it makes sense; anybody may write it."""
        tab, _, query = text[:_LONGEST].removeprefix("#").partition("?")
        pairs = parse_qsl(query, errors="replace", max_num_fields=None)
        return cls(tab, {name: value for name, value in pairs if name})


def whole_number(text: str | None, default: int, low: int = 0, high: int = 1 << 53) -> int:
    """A number out of an address, or the default where it is none or out of range.

    Examples
    --------
    >>> whole_number("12", 0), whole_number("-1", 5), whole_number("x", 5), whole_number(None, 5)
    (12, 5, 5, 5)
    """
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 16:
        return default
    return int(text) if low <= int(text) <= high else default


class Address(anywidget.AnyWidget):
    """Keeps the page's address and the dashboard level with each other; shows nothing.

    In JupyterLab, whose address is not ours, it says that it is there and does nothing else.

    Parameters
    ----------
    on_arrival
        Called with the place in the address when a page is opened, reloaded, or walked back to.
    """

    _esm = static("routing/address.js")

    def __init__(self, on_arrival: Callable[[Place], None]) -> None:
        self._on_arrival = on_arrival
        self._arrival = 0
        self.current = Place("")
        super().__init__()
        self.on_msg(self._receive)

    def go(self, place: Place, *, replace: bool = False) -> None:
        """Write another place into the address; Back leads to the one before unless replaced.

        The page drops it if somebody arrived elsewhere before it came.
        """
        if place != self.current:
            self.current = place
            message = {"kind": "go", "hash": place.hash, "replace": replace}
            self.send(message | {"arrival": self._arrival})

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "arrived":
            self._arrival = message.get("arrival", 0)
            self.current = Place.parse(str(message.get("hash", "")))
            self._on_arrival(self.current)
