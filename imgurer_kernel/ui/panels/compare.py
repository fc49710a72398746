"""Compare pictures: side by side, with a slider, blinking, and by their difference."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from imgurer_kernel.ui.models.compare import NOT_STORED, compare_pictures, compare_with_query
from imgurer_kernel.ui.models.originals import OriginalLoader
from imgurer_kernel.ui.panels.base import Panel
from imgurer_kernel.ui.widgets.compare import Compare
from imgurer_kernel.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from imgurer_kernel.ui.models.search_history import SearchQuery
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench


class ComparePanel(Panel):
    """Shows two or more pictures with one zoom for all.

    Parameters
    ----------
    workbench
        The store, or the session of the dashboard that the panel belongs to. In a notebook cell the
        panel is inline, in a dashboard it covers the page.
    image_ids
        The pictures to compare; `show` replaces them.
    """

    def __init__(
        self,
        workbench: "Workbench | VisitorSession",
        image_ids: Sequence[int] = (),
        user: str | None = None,
    ) -> None:
        super().__init__(workbench, user)
        self.job = self.session.job()
        job = self.session.job()
        self.originals = OriginalLoader(self.session, job)
        self.widget = Compare(self._load, inline=self.standalone)
        self.originals.widget = self.widget
        self.set_parts(ProgressLine(self.job), self.widget)
        if image_ids:
            self.show(image_ids)

    def show(
        self,
        image_ids: Sequence[int],
        files: Mapping[int, tuple[str, str]] = MappingProxyType({}),
    ) -> None:
        """Compare other pictures; see `compare_pictures` for valid ids and for `files`."""
        ids = list(image_ids)
        self.job.start(
            "Comparing", lambda _: compare_pictures(self.session, ids, files), self.widget.show
        )

    def show_query(self, query: "SearchQuery", image_id: int) -> None:
        """Compare a picture that is not stored with one of the store."""
        self.job.start(
            "Comparing",
            lambda _: compare_with_query(self.session, query, image_id),
            self.widget.show,
        )

    def _load(self, image_id: int) -> None:
        if image_id == NOT_STORED:
            self.widget.fail(image_id, "Of what was dropped here only this thumbnail is kept.")
        else:
            self.originals.load(image_id)
