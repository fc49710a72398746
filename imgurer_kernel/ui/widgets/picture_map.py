"""Pictures as points of a map to pan, zoom and select."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias, get_args

import anywidget
import numpy as np
import traitlets

from imgurer_kernel.common.types import BoolMask, Float64s
from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages
from imgurer_kernel.ui.widgets.tile_data import Tile, pack

Corners: TypeAlias = list[tuple[float, float]]

How = Literal["new", "more", "less"]
"""Effect of an outline on the selection: replace, add, or remove."""

_HOW: tuple[How, ...] = get_args(How)

MAX_PICTURES = 96
"""Most pictures sent at once; of a larger request the first ones are sent."""

MAX_CORNERS = 2000


class PictureMap(anywidget.AnyWidget):
    """A map of points, with thumbnails of those in view, as far as they fit.

    Dragging pans, or selects by a box or a lasso; Ctrl or Meta adds, Alt removes. The wheel zooms
    once the map has the focus, and always with Ctrl. Keys: arrows pan, ``+`` and ``-`` zoom, ``0``
    shows all, ``v`` selects what is in view, Ctrl+A all, Escape nothing.

    Parameters
    ----------
    places
        float (n, 2): positions of the points, 0 to 1, to the right and up.
    marked
        bool (n,): points with the other color, described by ``mark``.
    on_pictures
        Returns the tiles for point numbers.
    on_outline, on_points
        Called with the corners of an outline, or with point numbers, and the effect on the
        selection.

    Traits
    ------
    label
        Name for screen readers.
    mark, no_mark
        Meaning of the two colors.
    """

    _esm = script("widgets/common.js", "widgets/map_view.js", "widgets/picture_map.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/picture_map.css")
    label = traitlets.Unicode("Map of pictures").tag(sync=True)
    mark = traitlets.Unicode("has duplicates").tag(sync=True)
    no_mark = traitlets.Unicode("no duplicate").tag(sync=True)
    _content = traitlets.Dict().tag(sync=True)
    _selected = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        places: Float64s,
        marked: BoolMask,
        *,
        on_pictures: Callable[[list[int]], Sequence[Tile]],
        on_outline: Callable[[Corners, How], None],
        on_points: Callable[[list[int], How], None],
        **traits: object,
    ) -> None:
        self._total = len(places)
        self._on_pictures = on_pictures
        self._on_outline = on_outline
        self._on_points = on_points
        content = {
            "total": self._total,
            "places": places.astype("<f4").tobytes(),
            "marked": marked.astype(np.uint8).tobytes(),
        }
        super().__init__(_content=content, _selected=bytes(self._total), **traits)
        receive_messages(self, self._receive)

    def show_selection(self, selected: BoolMask) -> None:
        """Mark points as selected, bool (n,)."""
        self._selected = selected.astype(np.uint8).tobytes()

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        kind = message.get("kind")
        how = next((each for each in _HOW if each == message.get("how")), None)
        if kind == "pictures":
            self._send_pictures(self._points_of(message)[:MAX_PICTURES])
        elif how is None:
            return
        elif kind == "points":
            self._on_points(self._points_of(message), how)
        elif kind == "outline" and (corners := corners_of(message.get("corners"))):
            self._on_outline(corners, how)

    def _points_of(self, message: dict[str, Any]) -> list[int]:
        """Return the valid point numbers of a message; a page may send anything."""
        given = message.get("points")
        if not isinstance(given, list):
            return []
        return [each for each in given if type(each) is int and 0 <= each < self._total]

    def _send_pictures(self, points: list[int]) -> None:
        items, blob = pack(self._on_pictures(points))
        for item, point in zip(items, points, strict=True):
            item["point"] = point
        self.send({"kind": "pictures", "items": items}, [blob])


def corners_of(given: object) -> Corners:
    """Parse the corners of an outline from a page; empty if they are invalid.

    Examples
    --------
    >>> corners_of([[0, 0], [1, 0], [1, 1.5]])
    [(0.0, 0.0), (1.0, 0.0), (1.0, 1.5)]
    >>> corners_of([[0, 0], [1, "x"], [1, 1]]), corners_of([[0, 0], [1, 1]])
    ([], [])
    """
    if not isinstance(given, list) or not 3 <= len(given) <= MAX_CORNERS:
        return []
    corners: Corners = []
    for each in given:
        if not isinstance(each, list) or len(each) != 2:
            return []
        if not all(type(n) in {int, float} and math.isfinite(n) for n in each):
            return []
        corners.append((float(each[0]), float(each[1])))
    return corners
