"""Load originals for the browser: read, convert and deliver them to a widget."""

from io import BytesIO
from typing import TYPE_CHECKING

from imgurer_kernel.common.text import count
from imgurer_kernel.fingerprint.browser_view import LONGEST, BrowserView
from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.chunks import DownloadFile

if TYPE_CHECKING:
    from imgurer_kernel.ui.widgets.originals import OriginalsWidget


class OriginalLoader:
    """Loads the originals that an `OriginalsWidget` requests, one at a time.

    Parameters
    ----------
    session
        Whose store.
    job
        Where originals are read; a new one cancels the one before.
    """

    def __init__(self, session: VisitorSession, job: Job) -> None:
        self._session = session
        self._job = job
        self.widget: OriginalsWidget | None = None
        self._wanted = -1
        job.observe(self._tell_failure, "failure")

    def load(self, image_id: int) -> None:
        """Read an original and deliver it, or the error in its place."""
        self._wanted = image_id
        self._job.start(
            "Reading the original",
            lambda _: self._session.workbench.browser_view(image_id),
            lambda view: self._deliver(image_id, view),
        )

    def _deliver(self, image_id: int, view: BrowserView) -> None:
        if self.widget is None:
            return
        file = DownloadFile("original", view.mime_type, len(view.data), BytesIO(view.data))
        note = f"Reduced to {count(LONGEST, 'pixel')}" if view.reduced else ""
        # With its id: the visitor may have gone on to another picture while this one was read.
        self.widget.deliver(image_id, file, (view.width, view.height), note)

    def _tell_failure(self, _: object) -> None:
        # Of the one wanted last: a newer one cancels the job before, whose failure nobody hears.
        if self._job.failure and self.widget is not None:
            text = f"The original cannot be shown, this is its thumbnail. {self._job.failure}"
            self.widget.fail(self._wanted, text)
