"""The upload tab: a drop area, what became of each file, and for admins folders of the machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.ui.models.upload import UploadModel
from imgurer_kernel.ui.panels.base import (
    Message,
    Panel,
    caption,
    vbox,
)
from imgurer_kernel.ui.panels.folder_intake import FolderPanel
from imgurer_kernel.ui.widgets.upload.control import Upload, UploadControl, Verdict

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench


# A third of the work of taking a file in is waiting for the disk.
_THREADS = 4


class UploadPanel(Panel):
    """Add pictures to the store.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        Who brings them, where it is shown alone.
    on_open
        Called with the image_id of a picture in a row that is clicked.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        user: str | None = None,
        on_open: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.model = UploadModel(self.session)
        settings = self.session.workbench.settings
        self.control = UploadControl(
            settings.root / "tmp",
            self.model.judge,
            settings.max_bytes,
            compare=self.model.compare,
            threads=_THREADS,
        )
        self.about = Message(value=caption(limits(settings.max_bytes)))
        self.folder = FolderPanel(self.session, on_open=on_open)
        self.set_parts(
            vbox(self.control, self.about, classes="imgurer-shortcut-target"), self.folder
        )

        self.control.on_settled(self._count)
        self.control.on_begin(self.model.begin)
        self.control.on_idle(self.model.finish)
        if on_open is not None:
            self.control.on_open(on_open)

    def _count(self, _: Upload, verdict: Verdict) -> None:
        self.model.note(verdict)


def limits(max_bytes: int) -> str:
    """What is taken in, and how it is kept."""
    return (
        f"JPEG, PNG, GIF, WebP, TIFF, BMP, HEIC and AVIF, up to {human_bytes(max_bytes)} each. "
        "A file that is here already is not stored twice."
    )
