"""The upload tab: a drop area, a row for each file, and for admins folders of the machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.ui.models.recent_uploads import upload_rows, upload_totals, uploads_frame
from imgurer_kernel.ui.models.upload import UploadModel
from imgurer_kernel.ui.panels.base import (
    Message,
    Panel,
    caption,
    set_visible,
    vbox,
)
from imgurer_kernel.ui.panels.folder_intake import FolderPanel
from imgurer_kernel.ui.widgets.picture_rows import PictureRows
from imgurer_kernel.ui.widgets.upload.control import Upload, UploadControl, Verdict

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench


# Most of the time per file is waiting for the disk and for the shared transaction: 8 threads take
# 22 ms of processor time for 240 kB, 16 take 18, with fewer transactions.
_THREADS = 16


class UploadPanel(Panel):
    """Add pictures to the store.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    user
        The uploading user, if it is shown alone.
    on_open
        Called with the image_id of the picture in a clicked row.
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
        opened = None if on_open is None else self._open_earlier
        self.earlier = PictureRows(
            self.session.thumbnails, opened, on_open, on_clear=self.model.forget
        )
        self._on_open = on_open
        self.set_parts(
            vbox(self.control, self.about, classes="imgurer-shortcut-target"),
            self.earlier,
            self.folder,
        )

        self.control.on_settled(self._note)
        self.control.on_compared(self._note_better)
        self.control.on_cleared(self.model.forget)
        self.model.observe(self._show_earlier, "earlier")
        self._show_earlier(None)
        self.model.load()
        self.control.on_begin(self.model.begin)
        self.control.on_idle(self.model.finish)
        if on_open is not None:
            self.control.on_open(on_open)

    @property
    def taken(self) -> pd.DataFrame:
        """The results of this panel's uploads since its list was cleared, in order.

        Columns: name, status (``added``, ``near``, ``duplicate``, ``rejected``, ``failed``), text,
        image_id, match_id and match (the picture that it resembles, and its description), at (UTC).
        """
        return uploads_frame(list(self.model.taken.values()))

    def _note(self, upload: Upload, verdict: Verdict) -> None:
        self.model.note(str(upload.path), upload.name, verdict)

    def _note_better(self, upload: Upload, verdict: Verdict) -> None:
        if str(upload.path) not in self.model.taken:
            return  # the list was cleared meanwhile
        self._note(upload, verdict)
        self.model.keep_soon()

    def _show_earlier(self, _: object) -> None:
        taken = self.model.earlier
        set_visible(self.earlier, bool(taken))
        self.earlier.title = "Your uploads before"
        self.earlier.show(upload_rows(taken), upload_totals(taken))

    def _open_earlier(self, key: int) -> None:
        row = upload_rows(self.model.earlier)[key]
        if self._on_open is not None:
            self._on_open(row.image_id)


def limits(max_bytes: int) -> str:
    """Describe the limits of uploads, and how files are stored."""
    return (
        f"JPEG, PNG, GIF, WebP, TIFF, BMP, HEIC and AVIF, up to {human_bytes(max_bytes)} each. "
        "A file that is here already is not stored twice."
    )
