"""Widgets on a store for a notebook cell; they are made in the room above."""

from importlib import import_module
from typing import Any

import pandas as pd

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.report.likeness_map import LikenessMap
from imgurer_kernel.workbench.methods.report import ReportMethods
from imgurer_kernel.workbench.pictures.batch import Several, is_batch


class PanelMethods(ReportMethods):
    """Shows pictures, clusters and maps as widgets, on top of what finds and reports them."""

    def gallery(self, frame: pd.DataFrame, group: str | None = None) -> Any:  # noqa: ANN401
        """Show the pictures of any frame's rows, in pages, to select many of them.

        Parameters
        ----------
        frame
            With a column image_id, file_id or path; a row that names no picture of the store is
            shown as one. Only the page that is looked at is read and sent.
        group
            A column; its values become headings.

        Returns
        -------
        GalleryPanel
            Of `imgurer_kernel.ui`. Its ``selection`` is a frame: the rows that are selected.

        Raises
        ------
        QueryError
            If the frame has no such column, with those that it has.
        """
        return _ui().GalleryPanel(self, frame, group)

    def map(
        self,
        clusters: pd.DataFrame | LikenessMap | None = None,
        *,
        image_ids: "Several | None" = None,
        seed: int = 0,
        progress: ProgressOption = True,
    ) -> Any:  # noqa: ANN401
        """Show a map of likeness in a notebook cell: move, look closer, select by a box or a line.

        Parameters
        ----------
        clusters, image_ids, seed, progress
            As for `likeness_map`; or a map that it has made.

        Returns
        -------
        MapPanel
            Of `imgurer_kernel.ui`. Its ``selection`` is a frame, and observable.

        Raises
        ------
        ImgurerError, UnknownImage
            As for `likeness_map`.
        """
        made = (
            clusters
            if isinstance(clusters, LikenessMap)
            else self.likeness_map(clusters, image_ids=image_ids, seed=seed, progress=progress)
        )
        return _ui().MapPanel(self, made)

    def compare(self, *image_ids: Any) -> object:  # noqa: ANN401
        """Show two to six pictures of the store in a notebook cell, with one zoom for all.

        Their ids one after the other, or a list, array or Series of them.

        Two are also laid on each other: under a slider, blinking, and by what differs. Returns
        the `imgurer_kernel.ui.ComparePanel`.
        """
        several = len(image_ids) == 1 and is_batch(image_ids[0])
        return _ui().ComparePanel(self, image_ids[0] if several else image_ids)

    def review(self, user: str | None = None) -> object:
        """Show the review of duplicates in a notebook cell: decide, remove, undo.

        Returns the `imgurer_kernel.ui.ReviewPanel`.
        """
        return _ui().ReviewPanel(self, user)


def _ui() -> Any:  # noqa: ANN401 - a module of which nothing may be known here
    """Import `imgurer_kernel.ui`, which is above this package and loaded only where it is used."""
    return import_module("imgurer_kernel.ui")
