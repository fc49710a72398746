"""A map of pictures on which similar ones are near each other: to draw, and to select from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask, Float64s, Int64s
from imgurer_kernel.errors import StorageError, UnknownImage

if TYPE_CHECKING:
    from imgurer_kernel.report.figures import NotebookFigure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LikenessMap:
    """Pictures and their positions on a map.

    Attributes
    ----------
    frame
        image_id, x and y (0 to 1, up and to the right), filename, and cluster_id (missing for a
        picture in no cluster).
    thumbnail
        Returns the JPEG of an image_id.
    """

    frame: pd.DataFrame
    thumbnail: Callable[[int], bytes]

    def figure(self, pictures: int = 120, *, dark: bool = False) -> "NotebookFigure":
        """Draw the map: a point for each picture, and thumbnails where there is room.

        Parameters
        ----------
        pictures
            Most thumbnails, spread over the map.
        """
        from imgurer_kernel.report.figures import plot_map

        thumbnails = {}
        for image_id in spread(self.frame, pictures).tolist():
            try:
                thumbnails[image_id] = self.thumbnail(image_id)
            except (StorageError, UnknownImage):  # lost or forgotten: draw only its point
                continue
        return plot_map(self.frame, thumbnails, dark=dark)

    def within(self, corners: Sequence[tuple[float, float]]) -> BoolMask:
        """Return which rows of the frame are inside an outline, bool (n,), by the even-odd rule.

        Parameters
        ----------
        corners
            x and y of three or more corners, in order; the last is joined to the first.

        Examples
        --------
        >>> frame = pd.DataFrame({"x": [0.2, 0.8], "y": [0.5, 0.5]})
        >>> shown = LikenessMap(frame=frame, thumbnail=lambda image_id: b"")
        >>> shown.within([(0, 0), (0.5, 0), (0.5, 1), (0, 1)]).tolist()
        [True, False]
        """
        return within(self.frame[["x", "y"]].to_numpy(np.float64), corners)

    def _repr_jpeg_(self) -> bytes:
        return self.figure().jpeg()


def within(places: Float64s, corners: Sequence[tuple[float, float]]) -> BoolMask:
    """Return which positions (n, 2) are inside an outline, bool (n,), by the even-odd rule.

    A ray to the right from a position inside crosses the outline an odd number of times.
    """
    x, y = places[:, 0], places[:, 1]
    inside = np.zeros(len(places), np.bool_)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if y0 == y1:
            continue
        crossed = (y0 > y) != (y1 > y)
        inside ^= crossed & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    return inside


def spread(frame: pd.DataFrame, number: int) -> Int64s:
    """Choose pictures to show as thumbnails, at most one per cell of the map.

    Examples
    --------
    >>> spread(pd.DataFrame({"image_id": [4, 5, 6], "x": [0.1, 0.12, 0.9], "y": 0.5}), 4).tolist()
    [4, 6]
    """
    side = max(1, math.isqrt(max(number, 1)))
    cells = [np.minimum((frame[name].to_numpy() * side).astype(int), side - 1) for name in "xy"]
    first = ~pd.Series(cells[0] * side + cells[1]).duplicated().to_numpy()
    return frame["image_id"].to_numpy(np.int64)[first][:number]
