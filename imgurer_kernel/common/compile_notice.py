"""Say once that machine code is compiled, for that takes a while and happens once.

Apart from what compiles: whoever wants to be told need not load numba for it.
"""

from collections.abc import Callable

TEXT = "compiling the search, once (about 30 s); `imgurer compile` does it beforehand"

_listeners: list[Callable[[str], None]] = []


def tell_once(listener: Callable[[str], None]) -> None:
    """Have a function called with `TEXT` when the first function is compiled in this process."""
    _listeners[:] = [listener]


def tell() -> None:
    """Tell who wanted to be told; afterwards nobody does.

    Examples
    --------
    >>> tell_once(lambda text: print(text.partition(",")[0]))
    >>> tell()
    compiling the search
    >>> tell()
    """
    while _listeners:
        _listeners.pop()(TEXT)
