"""The map of likeness, to view and to select from; the selection is a frame."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import traitlets

from imgurer_kernel.common.text import count
from imgurer_kernel.common.types import BoolMask
from imgurer_kernel.ui.models.captions import make_tile
from imgurer_kernel.ui.panels.base import Panel
from imgurer_kernel.ui.session import row_dicts
from imgurer_kernel.ui.widgets.picture_map import Corners, How, PictureMap
from imgurer_kernel.ui.widgets.tile_data import Tile

if TYPE_CHECKING:
    from imgurer_kernel.report.likeness_map import LikenessMap
    from imgurer_kernel.ui.session import VisitorSession
    from imgurer_kernel.workbench.workbench import Workbench


class MapPanel(Panel):
    """Pictures at their positions on a map of likeness.

    Parameters
    ----------
    workbench
        The store, or a dashboard's session.
    likeness
        As from `imgurer_kernel.Workbench.likeness_map`.

    Traits
    ------
    selection
        The selected rows of the map's frame: image_id, x, y, filename, cluster_id.
        Observable; `select` sets it.

    Examples
    --------
    >>> shown = wb.map(wb.clusters())  # doctest: +SKIP
    >>> wb.gallery(shown.selection)  # doctest: +SKIP
    """

    selection = traitlets.Instance(pd.DataFrame, read_only=True)

    def __init__(self, workbench: "Workbench | VisitorSession", likeness: "LikenessMap") -> None:
        super().__init__(workbench)
        self.likeness = likeness
        frame = likeness.frame
        self._selected: BoolMask = np.zeros(len(frame), np.bool_)
        self.set_trait("selection", frame.iloc[:0])
        self.widget = PictureMap(
            frame[["x", "y"]].to_numpy(np.float64),
            frame["cluster_id"].notna().to_numpy(np.bool_),
            on_pictures=self._tiles,
            on_outline=self._select_within,
            on_points=self._select_points,
            label=f"Map of {count(len(frame), 'picture')}, alike ones near each other",
        )
        self.set_parts(self.widget)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({count(len(self.likeness.frame), 'picture')})"

    def select(self, image_ids: object) -> None:
        """Select exactly these pictures, by image_id; ids that are not on the map are ignored."""
        self._show(self.likeness.frame["image_id"].isin(_listed(image_ids)).to_numpy(np.bool_))

    def _select_within(self, corners: Corners, how: How) -> None:
        self._change(self.likeness.within(corners), how)

    def _select_points(self, points: list[int], how: How) -> None:
        chosen = np.zeros_like(self._selected)
        chosen[points] = True
        self._change(chosen, how)

    def _change(self, chosen: BoolMask, how: How) -> None:
        if how == "more":
            chosen = self._selected | chosen
        elif how == "less":
            chosen = self._selected & ~chosen
        self._show(chosen)

    def _show(self, selected: BoolMask) -> None:
        self._selected = selected
        self.widget.show_selection(selected)
        self.set_trait("selection", self.likeness.frame[selected])

    def _tiles(self, points: list[int]) -> list[Tile]:
        rows = self.likeness.frame.iloc[points]
        known = self.session.workbench.images(sorted(set(rows["image_id"].tolist())))
        facts = {int(row["image_id"]): row for row in row_dicts(known)}
        thumbnails = dict(zip(facts, self.session.thumbnails(list(facts)), strict=True))
        tiles = []
        for row in row_dicts(rows):
            image_id = int(row["image_id"])
            if image_id in facts:
                tiles.append(make_tile(facts[image_id], thumbnails[image_id]))
            else:  # forgotten since the map was made
                name, detail = str(row["filename"]), "no longer in the store"
                tiles.append(Tile(image_id=-1, name=name, detail=detail, alt=name, thumbnail=b""))
        return tiles


def _listed(image_ids: object) -> list[object]:
    given: list[object] = list(image_ids)  # type: ignore[call-overload]
    return given
