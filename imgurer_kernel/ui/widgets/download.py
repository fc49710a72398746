"""A button that hands a file to the browser, through the kernel: nothing is served by address."""

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
WINDOW = 4
"""Chunks that may be on their way unacknowledged, so that the kernel's queue stays short."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A file to hand out: what it is to be called, its kind, its size, and its bytes."""

    name: str
    kind: str
    size: int
    file: BinaryIO

    @classmethod
    def of(cls, name: str, kind: str, data: bytes) -> "Parcel":
        """A file made of bytes in memory."""
        return cls(name, kind, len(data), BytesIO(data))


class Download(anywidget.AnyWidget):
    """A button that saves what `prepare` makes; it shows how far it is.

    Parameters
    ----------
    job
        Where `prepare` runs; an error that it raises is shown there.
    prepare
        Makes the file when the button is pressed; runs in a thread.

    Traits
    ------
    label, disabled
        Words on the button, and whether it is out of use.
    """

    _esm = script("widgets/common.js", "widgets/download.js")
    _css = static("theme/tokens.css", "widgets/controls.css")
    label = traitlets.Unicode("Download").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(self, job: Job, prepare: Callable[[], Parcel], **traits: object) -> None:
        super().__init__(**traits)
        self._job = job
        self._prepare = prepare
        self._sending: Parcel | None = None
        self._number = 0
        self.on_msg(self._receive)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        kind = message.get("kind")
        if kind == "wanted":
            self._job.start("Preparing the file", lambda _: self._prepare(), self._begin)
        elif kind == "received" and message.get("number") == self._number:
            self._send_chunk()
        elif kind == "stop":
            self._end()

    def _begin(self, parcel: Parcel) -> None:
        self._end()
        self._number += 1
        self._sending = parcel
        facts = {"name": parcel.name, "type": parcel.kind, "size": parcel.size}
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
