"""Notify once that machine code is being compiled, which takes a while and happens once.

Separate from the compiling, so that listeners need not import numba.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

TEXT = "compiling the search, once (about 30 s); `imgurer compile` does it beforehand"

_listeners: list[Callable[[str], None]] = []


class NotCompiled(Exception):
    """A function would have to be compiled inside a `refused` block."""


def notify_once(listener: Callable[[str], None]) -> None:
    """Register a function to be called with `TEXT` at the first compilation in this process."""
    _listeners[:] = [listener]


def notify() -> None:
    """Call the registered listener, if any, and remove it.

    Examples
    --------
    >>> notify_once(lambda text: print(text.partition(",")[0]))
    >>> notify()
    compiling the search
    >>> notify()
    """
    while _listeners:
        _listeners.pop()(TEXT)


@contextmanager
def refused() -> Iterator[None]:
    """Raise `NotCompiled` inside the block if a function would be compiled; load cached ones.

    Examples
    --------
    >>> try:
    ...     with refused():
    ...         notify()
    ... except NotCompiled as text:
    ...     print(str(text).partition(",")[0])
    compiling the search
    """

    def refuse(text: str) -> None:
        raise NotCompiled(text)

    before = _listeners[:]
    notify_once(refuse)
    try:
        yield
    finally:
        _listeners[:] = before
