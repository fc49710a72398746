"""Read messages of a page: they may be anything, whatever our scripts send."""

from collections.abc import Callable
from typing import Any

import anywidget

Receiver = Callable[[object, dict[str, Any], Any], None]
"""Handles a message of a widget: the widget, the message, and its buffers."""

_LARGEST = 1 << 53
"""The largest whole number that a script has exactly."""


def receive_messages(widget: anywidget.AnyWidget, receive: Receiver) -> None:
    """Pass the messages of a widget's page on, if they are objects; ignore others."""

    def check(sender: object, message: object, buffers: list[memoryview]) -> None:
        if isinstance(message, dict):
            receive(sender, message, buffers)

    widget.on_msg(check)


def whole(value: object, default: int = -1) -> int:
    """Return a value of a message if it is a whole number from 0 on, and otherwise the default.

    Examples
    --------
    >>> [whole(each) for each in (7, True, 7.0, -2, "7", None, [7], 1 << 70)]
    [7, -1, -1, -1, -1, -1, -1, -1]
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    return default
