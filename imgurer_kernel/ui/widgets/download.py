"""A button that saves a file made by the kernel."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.chunks import ChunkSender, DownloadFile
from imgurer_kernel.ui.widgets.messages import receive_messages


class Download(anywidget.AnyWidget):
    """A button that saves the file that `prepare` makes, and shows the progress of a large one.

    Parameters
    ----------
    job
        Job in which `prepare` runs; its errors are shown there.
    prepare
        Makes the file when the button is pressed; runs in a thread.

    Traits
    ------
    label, disabled
        Text of the button, and whether it is disabled.
    """

    _esm = script("widgets/common.js", "widgets/chunks.js", "widgets/download.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/download.css")
    label = traitlets.Unicode("Download").tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    def __init__(self, job: Job, prepare: Callable[[], DownloadFile], **traits: object) -> None:
        super().__init__(**traits)
        self._job = job
        self._prepare = prepare
        self._sender = ChunkSender(self._send_piece, job.fail)
        receive_messages(self, self._receive)

    def start(self) -> None:
        """Make the file and send it, as a click on the button does."""
        self._job.start("Preparing the file", lambda _: self._prepare(), self._sender.begin)

    # Looks up `ipywidgets.Widget.send` at each call: tests replace it by a browser.
    def _send_piece(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.send(message, buffers)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        kind = message.get("kind")
        if kind == "wanted":
            self.start()
        elif kind == "received":
            self._sender.acknowledge(message.get("number"))
        elif kind == "stop":
            self._sender.stop()
