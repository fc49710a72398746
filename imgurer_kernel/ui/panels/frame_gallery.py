"""A gallery of the rows of any frame, whose selection is a frame again."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import traitlets

from imgurer_kernel.common.text import count
from imgurer_kernel.ui.models.frame_pages import FramePages
from imgurer_kernel.ui.panels.base import Panel
from imgurer_kernel.ui.widgets.frame_gallery import FrameGallery
from imgurer_kernel.ui.widgets.progress_line import ProgressLine

if TYPE_CHECKING:
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.ui.widgets.frame_gallery import FrameTile
    from imgurer_kernel.workbench.workbench import Workbench


class GalleryPanel(Panel):
    """The pictures of a frame's rows, a page at a time.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    frame, group
        As in `imgurer_kernel.Workbench.gallery`.

    Traits
    ------
    selection
        The selected rows as a frame: in the order of the given frame, with its columns and index.
        Observable; `select` sets it.

    Raises
    ------
    QueryError
        If the frame cannot be shown; names what it lacks.

    Examples
    --------
    >>> gallery = wb.gallery(wb.browse(200))  # doctest: +SKIP
    >>> gallery.observe(lambda change: print(len(change["new"])), "selection")  # doctest: +SKIP
    """

    selection = traitlets.Instance(pd.DataFrame, read_only=True)

    def __init__(
        self, workbench: "Workbench | VisitorSession", frame: object, group: object = None
    ) -> None:
        super().__init__(workbench)
        self._pages = FramePages(self.session, frame, group)
        self.set_trait("selection", self._pages.frame.iloc[:0])
        self.job = self.session.job()
        self.widget = FrameGallery(self.open_page, total=len(self._pages))
        self.set_parts(ProgressLine(self.job), self.widget)
        self.widget.observe(self._follow, "ranges")
        # The first page is read immediately: an error is shown in the cell.
        self.widget.show(0, self._read(0))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({count(len(self._pages), 'picture')})"

    def open_page(self, number: int) -> None:
        """Show a page, from 0."""
        self.job.start(
            "Reading", lambda _: self._read(number), lambda tiles: self.widget.show(number, tiles)
        )

    def select(self, rows: object) -> None:
        """Select rows by position in the frame from 0, such as ``range(10)`` or an array.

        A boolean array, as long as the frame, marks the rows to select.
        """
        given = np.asarray(list(rows) if isinstance(rows, range | set) else rows)
        places = np.flatnonzero(given) if given.dtype == bool else given.astype(np.int64)
        shown = np.flatnonzero(np.isin(self._pages.order, places))
        breaks = np.flatnonzero(np.diff(shown) > 1) + 1
        runs = [part for part in np.split(shown, breaks) if len(part)]
        self.widget.ranges = [[int(run[0]), int(run[-1]) + 1] for run in runs]

    def _read(self, number: int) -> "list[FrameTile]":
        start = number * self.widget.page_size
        return self._pages.page(start, start + self.widget.page_size)

    def _follow(self, _: object) -> None:
        parts = [self._pages.order[start:stop] for start, stop in self.widget.ranges]
        places = np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        self.set_trait("selection", self._pages.frame.iloc[places])
