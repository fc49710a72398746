"""Load originals for the browser: read and convert them, and deliver them to a widget."""

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
        Session of the store.
    job
        Job in which originals are read; a new one cancels the previous one.
    """

    def __init__(self, session: VisitorSession, job: Job) -> None:
        self._session = session
        self._job = job
        self.widget: OriginalsWidget | None = None
        self._wanted = -1
        job.observe(self._show_failure, "failure")

    def load(self, image_id: int) -> None:
        """Read an original and deliver it, or the error instead."""
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
        # With its id: the visitor may have moved to another picture meanwhile.
        self.widget.deliver(image_id, file, (view.width, view.height), note)

    def _show_failure(self, _: object) -> None:
        # Only of the last one requested: errors of cancelled jobs are dropped.
        if self._job.failure and self.widget is not None:
            text = f"The original cannot be shown, this is its thumbnail. {self._job.failure}"
            self.widget.fail(self._wanted, text)
