"""Redirect the messages of libtiff from standard error to the log.

libtiff reports errors by a function that a program can replace; Pillow replaces only the one for
warnings. Neither has a Python binding for it, so this module uses `ctypes`, with the library that
Pillow has loaded.
"""

import ctypes
import logging
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["LOG", "redirect_messages"]

LOG = logging.getLogger("imgurer_kernel.decode")
"""Logger of decoder messages; discarded unless the program has set up a log."""
# Otherwise Python writes messages without a handler to standard error.
LOG.addHandler(logging.NullHandler())

_LONGEST = 500
_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_Format = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p
)


@cache
def redirect_messages() -> bool:
    """Make libtiff write to `LOG` from now on; once per process.

    Returns
    -------
    bool
        Whether they were redirected: on Linux, if Pillow has its own libtiff.
    """
    found = _loaded()
    if found is None:
        return False
    # Loading the same file again returns the loaded library, not a second copy.
    library = ctypes.CDLL(found)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        change = getattr(library, name)
        change.argtypes, change.restype = [_Handler], ctypes.c_void_p
        change(_HANDLER)
    return True


def _loaded() -> str | None:
    """Return the path of the libtiff that this process has loaded; None if unknown."""
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    for line in maps.splitlines():
        path = line[73:].strip() if len(line) > 73 else ""
        if Path(path).name.startswith("libtiff") and ".so" in path:
            return path
    return None


def _handler() -> Any:  # noqa: ANN401 - ctypes has no name for it
    """Return the callback for libtiff; None, which silences it, if formatting is impossible."""
    # Only the calling conventions of these two processors pass a `va_list` as a pointer.
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        return None
    print_to = _Format(("vsnprintf", ctypes.CDLL(None)))

    def log_message(_: bytes | None, text: bytes, values: int | None) -> None:
        buffer = ctypes.create_string_buffer(_LONGEST)
        print_to(buffer, _LONGEST, text, values)
        LOG.warning("libtiff: %s", buffer.value.decode("utf-8", "replace"))

    return _Handler(log_message)


# Kept for the life of the process: libtiff stores only the address.
_HANDLER = _handler()
