"""Say once that machine code is compiled, for that takes a while and happens once.

Apart from what compiles: whoever wants to know need not load numba for it.
"""

from collections.abc import Callable

TEXT = "compiling the search, once (about 30 s); `imgurer compile` does it beforehand"

_listeners: list[Callable[[str], None]] = []


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
