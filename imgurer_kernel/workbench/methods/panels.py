"""Show widgets on a store in a notebook cell; they are defined in `imgurer_kernel.ui`."""

from importlib import import_module
from typing import Any

import pandas as pd

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.report.likeness_map import LikenessMap
from imgurer_kernel.workbench.methods.report import ReportMethods
from imgurer_kernel.workbench.pictures.batch import Several, is_batch


class PanelMethods(ReportMethods):
    """Shows pictures, clusters and maps as widgets."""

    def gallery(self, frame: pd.DataFrame, group: str | None = None) -> Any:  # noqa: ANN401
        """Show the pictures of a frame's rows, in pages, and let the user select rows.

        Parameters
        ----------
        frame
            With a column image_id, file_id or path; a row whose picture is not in the store is
            shown as such. Only the visible page is read and sent.
        group
            A column whose values become headings.

        Returns
        -------
        GalleryPanel
            Its ``selection`` is a frame: the selected rows.

        Raises
        ------
        QueryError
            If the frame has no such column; names the columns that it has.
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
        """Show a map of likeness in a notebook cell: pan, zoom, select by a box or a line.

        Parameters
        ----------
        clusters, image_ids, seed, progress
            As for `likeness_map`; or a map returned by it.

        Returns
        -------
        MapPanel
            Its ``selection`` is a frame, and observable.

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

        Two pictures are also overlaid: with a slider, blinking, and as a difference. Returns the
        `imgurer_kernel.ui.ComparePanel`.
        """
        several = len(image_ids) == 1 and is_batch(image_ids[0])
        return _ui().ComparePanel(self, image_ids[0] if several else image_ids)

    def review(self, user: str | None = None) -> object:
        """Show the review of duplicates in a notebook cell: decide, remove, undo.

        Returns the `imgurer_kernel.ui.ReviewPanel`.
        """
        return _ui().ReviewPanel(self, user)


def _ui() -> Any:  # noqa: ANN401 - this layer may not know the type
    """Import `imgurer_kernel.ui`, a layer above this one, at first use."""
    return import_module("imgurer_kernel.ui")
