"""Map a decoder's exception to a reason that a user understands (pure).

Decoders raise exceptions of any class, with messages for their authors and addresses of objects.
These are not shown to users: a reason describes the fault of the file, how much of it is good if
that is known, and the remedy.
"""

import re
import struct

from imgurer_kernel.errors import (
    DecoderFailed,
    ImageDamaged,
    ImageRejected,
    ImageTooLarge,
    UnknownFormat,
)

_CUT_OFF = re.compile(
    "truncat|unexpected end|end of file|not enough|premature|buffer is too small|EOF|incomplete|"
    "requires a buffer|index out of range|more data|got header but",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    "unsupported|not supported|unknown (mode|compression|colou?r|pixel)|cannot handle|"
    "unimplemented|has not been built|unrecognized (mode|colou?r)|decoder .* not available",
    re.IGNORECASE,
)
# libheif limits memory to little more than a picture of the declared size takes.
_OTHER_SIZE = re.compile("does not have the size|exceeds the maximum image size", re.IGNORECASE)
# libheif reports all of its limits as errors of memory, but they are the same on every machine and
# at every try.
_MANY_PARTS = re.compile("number of [^()]*\\(\\d+\\) exceeds", re.IGNORECASE)
_LIMIT = re.compile("security limit", re.IGNORECASE)
_METADATA = re.compile("MAX_TEXT|text memory|Too much memory used in text", re.IGNORECASE)


def explain(
    name: str,
    error: Exception,
    *,
    rows: float | None = None,
    present: int = 0,
    declared: int | None = None,
) -> ImageRejected:
    """Return the rejection for a decoder's exception.

    Parameters
    ----------
    name
        The format.
    error
        The decoder's exception.
    rows
        The share of the picture's rows that were decoded, 0..1; None if it is not known.
    present, declared
        The number of bytes of the file, and the number that it declares; None if it declares none.

    Examples
    --------
    >>> print(explain("PNG", OSError("image file is truncated"), rows=0.4))
    the PNG file is cut off: the picture ends after about 40 % of its height; get it again from its
    source
    """
    text = str(error)
    if _OTHER_SIZE.search(text):
        message = f"the picture in this {name} has another size than it declares; save it again"
        return ImageDamaged(message)
    known = _too_large(name, error) or _system_failure(name, error)
    if known is not None:
        return known
    if declared is not None and present < declared:
        share = 100 * present // declared
        what = f"cut off: {present:,} of {declared:,} bytes are there ({share} %)"
    elif isinstance(error, (EOFError, IndexError, struct.error)) or _CUT_OFF.search(text):
        what = f"cut off{_how_far(rows)}"
    elif isinstance(error, NotImplementedError) or _UNSUPPORTED.search(text):
        message = f"this {name} is of a rare kind that cannot be read; save it as an ordinary PNG"
        return UnknownFormat(message)
    else:
        what = f"damaged, or not made by the rules of its format{_how_far(rows)}"
    return ImageDamaged(f"the {name} file is {what}; get it again from its source")


def _too_large(name: str, error: Exception) -> ImageTooLarge | None:
    text = str(error)
    if _METADATA.search(text):
        what = f"the texts inside this {name} unpack to more than is safe; save it without metadata"
    elif _MANY_PARTS.search(text):
        what = f"this {name} is made of more parts than its decoder accepts; save it again"
    elif _LIMIT.search(text):
        what = f"this {name} asks for more parts or memory than its decoder accepts; save it again"
    elif type(error).__name__ == "DecompressionBombError":
        what = f"this {name} has more pixels than its decoder accepts; make it smaller"
    else:
        return None
    return ImageTooLarge(what)


def _system_failure(name: str, error: Exception) -> DecoderFailed | None:
    """Return the error for a cause other than the file, which may be decoded later."""
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        what = f"memory does not suffice to decode this {name}; close programs, or make it smaller"
    # Decoders raise OSError for damage, too, but without an errno.
    elif isinstance(error, OSError) and error.errno is not None:
        what = f"the system refused while this {name} was decoded: {error.strerror}; try again"
    else:
        return None
    return DecoderFailed(what)


def _how_far(rows: float | None) -> str:
    if rows is None or rows > 0.99:
        return ""
    if rows < 0.01:
        return ": nothing of the picture is left"
    return f": the picture ends after about {100 * rows:.0f} % of its height"
