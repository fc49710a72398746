"""Compile one function for one signature, with a cache on disk where that can be written."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import event

from imgurer_kernel.common import compile_notice

_PACKAGE = Path(__file__).parents[1]


class _Notice(event.Listener):
    """Tells of the first function that is compiled, and not read from the cache."""

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002 (as numba calls it)
        compile_notice.notify()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]


def compiled(
    signature: str, *, cache: bool = True, fastmath: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function to be compiled at once for one signature, without the interpreter's lock.

    A signature given beforehand means that a module is ready as soon as it is imported, and that
    other arguments are refused instead of compiled for. numba keeps the machine code in
    ``NUMBA_CACHE_DIR``, beside the module, or in the user's cache folder; where none of them can
    be written, each process compiles for itself. What was kept holds while no compiled function of
    this package has changed. `fastmath` lets sums of floats be reordered, which turns them into
    vector instructions.

    Examples
    --------
    >>> @compiled("int64(int64)", cache=False)
    ... def double(x):
    ...     return 2 * x
    >>> double(4)
    8
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def ready(*, cached: bool) -> Callable[..., Any]:
            made: Any = njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
            if cached:
                made.enable_caching()
                # numba looks at the function's own file only, and says so: it would go on with the
                # old code of what is called in another file, where that alone was changed.
                kept = made._cache._cache_file  # noqa: SLF001 - there is no public way
                kept._source_stamp = (kept._source_stamp, _sources())  # noqa: SLF001
            made.compile(signature)
            made.disable_compile()
            result: Callable[..., Any] = made
            return result

        if cache:
            try:
                return ready(cached=True)
            except (RuntimeError, OSError):
                # RuntimeError: numba found no folder. OSError: it found one, then could not write.
                pass
        return ready(cached=False)

    return decorate


@lru_cache(1)
def _sources() -> str:
    """Hash all sources that are compiled in this package."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.glob("*/_numba/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
