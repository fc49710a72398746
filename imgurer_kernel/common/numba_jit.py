"""Compile one function for one signature, with a cache on disk where that can be written."""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit


def compiled(
    signature: str, *, cache: bool = True, fastmath: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function to be compiled at once for one signature, without the interpreter's lock.

    A signature given beforehand means that a module is ready as soon as it is imported, and that
    other arguments are refused instead of compiled for. numba keeps the machine code in
    ``NUMBA_CACHE_DIR``, beside the module, or in the user's cache folder; where none of them can
    be written, each process compiles for itself. `fastmath` lets sums of floats be reordered, which
    turns them into vector instructions.

    Examples
    --------
    >>> @compiled("int64(int64)", cache=False)
    ... def double(x):
    ...     return 2 * x
    >>> double(4)
    8
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        options = partial(njit, signature, nogil=True, error_model="numpy", fastmath=fastmath)
        if cache:
            try:
                return options(cache=True)(function)
            except (RuntimeError, OSError):
                # RuntimeError: numba found no folder. OSError: it found one, then could not write.
                pass
        return options()(function)

    return decorate
