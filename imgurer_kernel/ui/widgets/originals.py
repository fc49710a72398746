"""The base of widgets that show originals, which they request and receive in chunks."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.shown_error import shown_error
from imgurer_kernel.ui.widgets.chunks import ChunkSender, DownloadFile
from imgurer_kernel.ui.widgets.messages import receive_messages, whole

STAGE_SCRIPTS = ("widgets/common.js", "widgets/chunks.js", "widgets/picture_stage.js")
STAGE_STYLES = ("theme/tokens.css", "widgets/picture_stage.css")


class OriginalsWidget(anywidget.AnyWidget):
    """Base of `Viewer` and `Compare`, which show the ``tiles`` of `_content`.

    Parameters
    ----------
    on_wanted
        Called with the image_id of an original that the browser needs; `deliver` or `fail` answers.
    """

    _content = traitlets.Dict().tag(sync=True)

    def __init__(self, on_wanted: Callable[[int], None], **traits: object) -> None:
        super().__init__(**traits)
        self._on_wanted = on_wanted
        self._sent = -1
        self._sender = ChunkSender(
            self._send_piece,
            lambda error: self.fail(self._sent, shown_error(error)),
        )
        receive_messages(self, self._receive)

    @property
    def image_ids(self) -> set[int]:
        """The shown pictures; other originals are not sent."""
        return {tile["image_id"] for tile in self._content["tiles"]}

    def deliver(
        self, image_id: int, file: DownloadFile, size: tuple[int, int], note: str = ""
    ) -> None:
        """Send a requested original; `note` is shown below it."""
        self._sent = image_id
        width, height = size
        self._sender.begin(file, image_id=image_id, width=width, height=height, note=note)

    def fail(self, image_id: int, text: str) -> None:
        """Show why an original cannot be shown; its thumbnail stays."""
        self.send({"kind": "failed", "image_id": image_id, "text": text})

    # Looks up `ipywidgets.Widget.send` at each call: tests replace it by a browser.
    def _send_piece(self, message: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.send(message, buffers)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        kind = message.get("kind")
        if kind == "wanted":
            image_id = whole(message.get("image_id"))
            if image_id in self.image_ids:
                self._on_wanted(image_id)
        elif kind == "received":
            self._sender.acknowledge(message.get("number"))
        elif kind == "stop":
            self._sender.stop()
