"""The only place that calls decoders: it silences them and maps their exceptions to reasons."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint.codecs import decode_errors, sniff

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


class Quiet:
    """Silences the warnings of image libraries, in several threads, too.

    `warnings.catch_warnings` restores the filters that it found, so two overlapping threads may
    leave them changed permanently. Here the first thread that enters adds a filter, and the last
    one that leaves removes it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filter: object = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\.")
                self._filter = warnings.filters[0]

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._filter in warnings.filters:
                warnings.filters.remove(self._filter)  # type: ignore[attr-defined]


QUIET = Quiet()
# Pillow also logs what it raises. Python writes messages without a handler to standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def gate(name: str, data: bytes, image: "ImageFile | None" = None) -> Iterator[None]:
    """Map all exceptions of a decoder to an `ImageRejected` with a reason for users."""
    try:
        with QUIET:
            yield
    except ImageRejected:
        raise
    except Exception as error:  # Pillow and its libraries raise exceptions of any class
        rows = None if image is None else _decoded_rows(image)
        declared = sniff.declared_bytes(data, name)
        raise decode_errors.explain(
            name, error, rows=rows, present=len(data), declared=declared
        ) from error


def _decoded_rows(image: "ImageFile") -> float | None:
    """Measure the share of rows down to the last that is not blank, for top-down decoders."""
    core = image._im  # noqa: SLF001  `im` raises if nothing was decoded
    top_down = image.format in {"JPEG", "MPO", "PNG", "GIF", "PPM"}
    if core is None or not top_down or {"interlace", "progressive"} & set(image.info):
        return None
    box = core.getbbox()
    return box[3] / image.height if box else 0.0
