"""A page of duplicate clusters, one row of pictures each."""

from collections.abc import Sequence
from typing import Any

import traitlets

from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.tile_board import BOARD_SCRIPTS, BOARD_STYLES, TileBoard
from imgurer_kernel.ui.widgets.tile_data import ClusterRow, pack


class ClusterList(TileBoard):
    """Clusters of duplicates; takes the traits of `TileBoard`.

    One widget shows all rows, since a page of 25 galleries is slow to build; so the arrow keys
    also move from row to row.

    Traits
    ------
    lead
        Mark on the first tile of each row, the medoid's.

    Examples
    --------
    >>> from imgurer_kernel.ui.widgets.tile_data import Tile
    >>> clusters = ClusterList()
    >>> tile = Tile(image_id=3, name="a.jpg", detail="", alt="a.jpg", thumbnail=b"")
    >>> clusters.show([ClusterRow(cluster_id=9, label="1 picture", facts=(), tiles=(tile,))])
    >>> clusters.selected = 3
    >>> clusters.selected_cluster
    9
    """

    _esm = script(*BOARD_SCRIPTS, "widgets/cluster_list.js")
    _css = static(*BOARD_STYLES, "widgets/cluster_list.css")
    lead = traitlets.Unicode("Medoid").tag(sync=True)

    @traitlets.default("_content")
    def _empty_content(self) -> dict[str, Any]:
        return {"rows": [], "blob": b""}

    def __len__(self) -> int:
        return len(self._content["rows"])

    @property
    def selected_cluster(self) -> int:
        """cluster_id of the row that holds the selected tile; -1 for none."""
        for row in self._content["rows"]:
            if any(tile["image_id"] == self.selected for tile in row["tiles"]):
                return int(row["cluster_id"])
        return -1

    def show(self, rows: Sequence[ClusterRow]) -> None:
        """Replace what is shown; a selection that is no longer there is dropped."""
        packed: list[dict[str, Any]] = []
        blobs: list[bytes] = []
        offset = 0  # all rows share one blob
        for row in rows:
            items, blob = pack(row.tiles, offset)
            offset += len(blob)
            blobs.append(blob)
            packed.append(
                {
                    "cluster_id": row.cluster_id,
                    "label": row.label,
                    "facts": list(row.facts),
                    "tiles": items,
                    "more": row.more,
                }
            )
        image_ids = {tile.image_id for row in rows for tile in row.tiles}
        self._replace({"rows": packed, "blob": b"".join(blobs)}, image_ids)

    @property
    def image_ids(self) -> list[int]:
        """image_ids of the tiles that are shown, in their order."""
        tiles = (tile for row in self._content["rows"] for tile in row["tiles"])
        return list(dict.fromkeys(tile["image_id"] for tile in tiles))
