"""Send a file to the browser in acknowledged chunks, since no file has a URL."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from imgurer_kernel.errors import StorageError

CHUNK = 1 << 20
"""Bytes of the file per message."""
WINDOW = 4
"""Most unacknowledged chunks, which keeps the kernel's message queue short."""


@dataclass(frozen=True, slots=True, eq=False)
class DownloadFile:
    """A file to send: name, MIME type, size in bytes, and an open file, closed at the end."""

    name: str
    mime_type: str
    size: int
    file: BinaryIO

    @classmethod
    def from_bytes(cls, name: str, mime_type: str, data: bytes) -> "DownloadFile":
        """Make a file from bytes in memory."""
        return cls(name, mime_type, len(data), BytesIO(data))


class ChunkSender:
    """Sends one file at a time; a new one cancels the previous one.

    The messages are ``begin`` with the facts of the file, ``chunk`` with a buffer, and ``end`` or
    ``broken``; each has the number of the transfer. `widgets/chunks.js` receives them.

    Parameters
    ----------
    send
        Sends a message, optionally with buffers.
    on_error
        Called with the error if a file cannot be read to its end.
    """

    def __init__(self, send: Callable[..., None], on_error: Callable[[StorageError], None]) -> None:
        self._send = send
        self._on_error = on_error
        self._sending: DownloadFile | None = None
        self._number = 0  # distinguishes late messages of an earlier transfer

    def begin(self, file: DownloadFile, **facts: Any) -> None:  # noqa: ANN401 - whatever JSON has
        """Send a file, with additional fields for the browser."""
        self.stop()
        self._number += 1
        self._sending = file
        known = {"name": file.name, "type": file.mime_type, "size": file.size}
        self._send({"kind": "begin", "number": self._number, **known, **facts})
        for _ in range(WINDOW):
            self._send_chunk()

    def acknowledge(self, number: object) -> None:
        """Send the next chunk, if the acknowledged one belongs to this transfer."""
        if number == self._number:
            self._send_chunk()

    def stop(self) -> None:
        """Cancel the transfer."""
        if self._sending is not None:
            with closing(self._sending.file):
                self._sending = None

    def _send_chunk(self) -> None:
        if self._sending is None:
            return
        try:
            data = self._sending.file.read(CHUNK)
        except OSError as error:
            message = f"{self._sending.name} cannot be read to its end: {error.strerror}"
            self.stop()
            self._send({"kind": "broken", "number": self._number})
            self._on_error(StorageError(message))
            return
        if data:
            self._send({"kind": "chunk", "number": self._number}, [data])
        else:
            self._send({"kind": "end", "number": self._number})
            self.stop()
