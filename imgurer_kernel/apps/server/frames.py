"""Check a WebSocket frame from a page before passing it to the kernel."""

import json
import struct
from itertools import pairwise

from imgurer_kernel.errors import ServerError

PROTOCOL = "v1.kernel.websocket.jupyter.org"
"""The only protocol accepted from pages; every front end since JupyterLab 3.5 has it."""

MOST_BYTES = 2 << 20
"""Longest frame accepted. Our pages send at most a chunk of an upload: 1 MiB and some words."""

READ_BYTES = 2 * MOST_BYTES
"""Longest frame read, so that a page that sends a longer one than accepted gets the reason.

If a connection is closed with unread bytes in it, the last message to the page is lost, too.
"""

# Passing on a buffer costs some 2 us, even an empty one: a frame of 250,000 buffers in 2 MiB
# blocked the server for 0.6 s.
_MOST_BUFFERS = 1000

_MOST_HEADER_BYTES = 16 << 10
"""Longest header, the only part that is parsed here. Those of our pages have 250 bytes."""

_PARTS = 4
"""Header, parent header, metadata and content; buffers follow."""

_CHANNELS = (b"shell", b"control", b"stdin")
"""Channels that a page may send to. iopub has no receiver: messages would pile up."""

_WRONG_KIND, _MALFORMED, _TOO_BIG = 1003, 1007, 1009
"""Close codes of WebSockets (RFC 6455, section 7.4.1)."""


class BadFrame(ServerError):
    """A page sent a frame that is not a message to a kernel.

    Attributes
    ----------
    code
        Close code of the page's socket; the message is the reason, ASCII of at most 123 bytes.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(reason)


def check_frame(frame: str | bytes) -> None:
    """Check that a frame is a message of the protocol v1, at bounded cost of time and memory.

    Parameters
    ----------
    frame
        The number of offsets, the offsets, and the parts between them: the channel, the message's
        four parts in JSON, and its buffers. All numbers are 64-bit, little endian; offsets count
        from the frame's start, and the last one is its length.

    Raises
    ------
    BadFrame
        If it is text, too long, or malformed.

    Examples
    --------
    >>> check_frame(bytes([255] * 8))
    Traceback (most recent call last):
    imgurer_kernel.apps.server.frames.BadFrame: 18446744073709551615 offsets; a message has 6 to
    1006
    """
    if isinstance(frame, str):
        raise BadFrame(_WRONG_KIND, "a text; messages to a kernel are binary")
    size = len(frame)
    if size > MOST_BYTES:
        raise BadFrame(_TOO_BIG, f"{size} bytes; a message may have {MOST_BYTES}")
    offsets = _read_offsets(frame)
    channel = frame[offsets[0] : offsets[1]]
    if channel not in _CHANNELS:
        raise BadFrame(_MALFORMED, "no such channel; there are shell, control and stdin")
    _check_header(frame[offsets[1] : offsets[2]])


def _read_offsets(frame: bytes) -> tuple[int, ...]:
    size = len(frame)
    if size < 8:
        raise BadFrame(_MALFORMED, f"{size} bytes; a message begins with 8 for a number")
    count = int.from_bytes(frame[:8], "little")
    least = _PARTS + 2  # the starts of the channel and of each part, and the end
    if not least <= count <= least + _MOST_BUFFERS:
        reason = f"{count} offsets; a message has {least} to {least + _MOST_BUFFERS}"
        raise BadFrame(_MALFORMED, reason)
    start = 8 * (1 + count)
    if start > size:
        raise BadFrame(_MALFORMED, f"{size} bytes; {count} offsets alone take {start}")
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    if offsets[0] != start or offsets[-1] != size:
        reason = f"offsets from {offsets[0]} to {offsets[-1]}; they must go from {start} to {size}"
        raise BadFrame(_MALFORMED, reason)
    if any(first > second for first, second in pairwise(offsets)):
        raise BadFrame(_MALFORMED, "an offset is less than the one before it")
    return offsets


def _check_header(header: bytes) -> None:
    """Check the header, which Jupyter uses to decide whether to pass the message on."""
    if len(header) > _MOST_HEADER_BYTES:
        reason = f"a header of {len(header)} bytes; it may have {_MOST_HEADER_BYTES}"
        raise BadFrame(_MALFORMED, reason)
    try:
        values = json.loads(header.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadFrame(_MALFORMED, "the header is not JSON in UTF-8") from error
    if not isinstance(values, dict) or not isinstance(values.get("msg_type"), str):
        raise BadFrame(_MALFORMED, "the header has no msg_type")
    # Jupyter parses it again at a deeper call stack, where nesting accepted here may overflow.
    if any(isinstance(value, dict | list) for value in values.values()):
        raise BadFrame(_MALFORMED, "the header has lists or objects in it")
