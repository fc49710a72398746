"""Compile one function for one signature, with a cache on disk if one can be written."""

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
    """Notifies when a function is compiled, and not read from the cache."""

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002 (as numba calls it)
        compile_notice.notify()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Notice())  # type: ignore[no-untyped-call]


def compiled(
    signature: str, *, cache: bool = True, fastmath: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function to be compiled immediately for one signature; it releases the GIL.

    With a signature a function is ready when its module is imported, and other argument types are
    refused instead of compiled for. numba caches the machine code in ``NUMBA_CACHE_DIR``, beside
    the module, or in the user's cache folder; if none of them can be written, each process compiles
    it again. The cache is valid until any compiled function of this package changes. `fastmath`
    allows to reorder sums of floats, which makes vector instructions possible.

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
                # numba checks the function's own file only (documented): it would still use old
                # code of functions in other files, if only these were changed.
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
