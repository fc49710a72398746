"""Make tiles of the rows of any frame, a page at a time, optionally in groups."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import Int64s
from imgurer_kernel.errors import ImgurerError, QueryError
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.ui.models.captions import make_tile
from imgurer_kernel.ui.session import VisitorSession, row_dicts
from imgurer_kernel.ui.widgets.frame_gallery import FrameTile
from imgurer_kernel.ui.widgets.tile_data import Tile
from imgurer_kernel.workbench.pictures.frame_rows import check_frame, images_of
from imgurer_kernel.workbench.pictures.query import bytes_of

if TYPE_CHECKING:
    from imgurer_kernel.settings import Settings

MAX_HEADING = 80


class FramePages:
    """Pages of a frame's rows.

    Parameters
    ----------
    session
        Session of the frame's store.
    frame, group
        As in `imgurer_kernel.Workbench.gallery`.

    Attributes
    ----------
    order
        Positions of the rows in the frame, in the order shown: groups in the order of their first
        rows, and the rows of each group in their own order.

    Raises
    ------
    QueryError
        As raised by `check_frame`.
    """

    def __init__(self, session: VisitorSession, frame: object, group: object = None) -> None:
        self._session = session
        self.frame, self._named = check_frame(frame, group)
        rows = len(self.frame)
        self._codes = np.zeros(rows, np.int64)
        self._groups: list[str] = []
        if group is not None:
            codes, values = _groups_of(self.frame[group])
            self._codes = codes
            self._groups = [_heading(group, value) for value in values]
        self.order: Int64s = np.argsort(self._codes, kind="stable")
        self._sizes = np.bincount(self._codes, minlength=len(self._groups))

    def __len__(self) -> int:
        return len(self.frame)

    def page(self, start: int, stop: int) -> list[FrameTile]:
        """Make the tiles of a slice of `order`, with their thumbnails."""
        places = self.order[start:stop]
        rows = self.frame.iloc[places]
        ids = images_of(self._session.workbench.catalog, self._named, rows[self._named].tolist())
        known = self._session.workbench.images(sorted(set(ids[ids >= 0].tolist())))
        facts = {int(row["image_id"]): row for row in row_dicts(known)}
        thumbnails = dict(zip(facts, self._session.thumbnails(list(facts)), strict=True))
        tiles = []
        for offset, (row, image_id) in enumerate(zip(row_dicts(rows), ids.tolist(), strict=True)):
            if image_id in facts:
                # Two columns of a frame may share a name; a tile needs the catalog's values.
                own = {name: row[name] for name in ("filename", "path") if _is_text(row.get(name))}
                tile = make_tile({**facts[image_id], **own}, thumbnails[image_id])
            else:
                tile = self._unknown_tile(row)
            place = start + offset
            code = int(self._codes[places[offset]])
            first = place == start or code != self._codes[self.order[place - 1]]
            tiles.append(FrameTile(place=place, tile=tile, heading=self._head(code, first)))
        return tiles

    def _head(self, code: int, first: bool) -> str:
        if not first or not self._groups:
            return ""
        return f"{self._groups[code]} · {self._sizes[code]:,}"

    def _unknown_tile(self, row: dict[str, Any]) -> Tile:
        """Make the tile of a row whose picture is not in the store, from the file on disk."""
        value = row[self._named]
        name = str(row["filename"]) if _is_text(row.get("filename")) else str(value)
        thumbnail, detail = b"", f"no {self._named} of this store"
        if self._named == "path":
            name = name.rsplit("/", 1)[-1] or name
            thumbnail, detail = _look(value, self._session.workbench.settings)
        return Tile(
            image_id=-1,
            name=name,
            path=str(value) if self._named == "path" else "",
            detail=detail,
            alt=f"{name}, {detail}",
            thumbnail=thumbnail,
        )


def _look(path: object, settings: "Settings") -> tuple[bytes, str]:
    """Read a file that is not in the store; return its thumbnail and a caption."""
    try:
        picture = decode.read(bytes_of(path, settings), frame=THUMBNAIL, limits=settings)
        return picture.view().jpeg(), "not in the store"
    except QueryError:
        return b"", "no path"
    except ImgurerError:
        return b"", "cannot be read"


def _groups_of(column: pd.Series) -> tuple[Int64s, list[object]]:
    try:
        codes, values = pd.factorize(column, use_na_sentinel=False)
    except TypeError:  # lists and dicts are compared by their text
        codes, values = pd.factorize(column.map(repr), use_na_sentinel=False)
    return codes.astype(np.int64), list(values)


def _heading(group: object, value: Any) -> str:  # noqa: ANN401 - any value of a column
    missing = pd.api.types.is_scalar(value) and pd.isna(value)
    text = f"no {group}" if missing else str(value)
    return text if len(text) <= MAX_HEADING else f"{text[: MAX_HEADING - 3]}..."


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
