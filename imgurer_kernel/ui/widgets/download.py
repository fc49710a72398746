"""A button that sends a file to the browser through the kernel: no file has an address."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import anywidget
import traitlets

from imgurer_kernel.errors import StorageError
from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.theme.theme import script, static

CHUNK = 1 << 20
"""Bytes of the file in one message."""
WINDOW = 4
"""Chunks that may be unacknowledged, so that the kernel's queue of messages stays short."""


@dataclass(frozen=True, slots=True, eq=False)
class DownloadFile:
    """A file to send: its name, MIME type, size in bytes, and an open file that is closed after."""

    name: str
    mime_type: str
    size: int
    file: BinaryIO

    @classmethod
    def from_bytes(cls, name: str, mime_type: str, data: bytes) -> "DownloadFile":
        """Make a file of bytes in memory."""
        return cls(name, mime_type, len(data), BytesIO(data))


class Download(anywidget.AnyWidget):
    """A button that saves the file that `prepare` makes, and shows the progress of a large one.

    Parameters
    ----------
    job
        Where `prepare` runs; an error that it raises is shown there.
    prepare
        Makes the file when the button is pressed; runs in a thread.

    Traits
    ------
    label, disabled
        Text on the button, and whether it is out of use.
    """

    _esm = script("widgets/common.js", "widgets/download.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/download.css")
    label = traitlets.Unicode("Download").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(self, job: Job, prepare: Callable[[], DownloadFile], **traits: object) -> None:
        super().__init__(**traits)
        self._job = job
        self._prepare = prepare
        self._sending: DownloadFile | None = None
        self._number = 0  # tells late messages of an earlier download from this one's
        self.on_msg(self._receive)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        kind = message.get("kind")
        if kind == "wanted":
            self._job.start("Preparing the file", lambda _: self._prepare(), self._begin)
        elif kind == "received" and message.get("number") == self._number:
            self._send_chunk()
        elif kind == "stop":
            self._end()

    def _begin(self, file: DownloadFile) -> None:
        self._end()
        self._number += 1
        self._sending = file
        facts = {"name": file.name, "type": file.mime_type, "size": file.size}
        self.send({"kind": "begin", "number": self._number, **facts})
        for _ in range(WINDOW):
            self._send_chunk()

    def _send_chunk(self) -> None:
        if self._sending is None:
            return
        try:
            data = self._sending.file.read(CHUNK)
        except OSError as error:
            message = f"{self._sending.name} cannot be read to its end: {error.strerror}"
            self._end()
            self.send({"kind": "broken", "number": self._number})
            self._job.fail(StorageError(message))
            return
        if data:
            self.send({"kind": "chunk", "number": self._number}, buffers=[data])
        else:
            self.send({"kind": "end", "number": self._number})
            self._end()

    def _end(self) -> None:
        if self._sending is not None:
            with closing(self._sending.file):
                self._sending = None
