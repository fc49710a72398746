"""Say once that machine code is compiled, for that takes a while and happens once.

Apart from what compiles: whoever wants to know need not load numba for it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

TEXT = "compiling the search, once (about 30 s); `imgurer compile` does it beforehand"

_listeners: list[Callable[[str], None]] = []


class NotCompiled(Exception):
    """A function would have to be compiled, where that was refused."""


def notify_once(listener: Callable[[str], None]) -> None:
    """Have a function called with `TEXT` when the first function is compiled in this process."""
    _listeners[:] = [listener]


def notify() -> None:
    """Notify whoever asked for it; after that nobody is notified.

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
    """Raise `NotCompiled` within the block where a function would be compiled; load what is kept.

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
