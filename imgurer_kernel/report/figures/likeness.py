"""Draw a map of similar pictures: a point for each, thumbnails on some of them."""

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.image import imread
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from imgurer_kernel.report.figures.canvas import (
    NotebookFigure,
    legend,
    plot,
    show_empty,
)

_SIDE = 40
"""Pixels of the longer side of a thumbnail on a map."""


def plot_map(
    frame: pd.DataFrame, thumbnails: Mapping[int, bytes], *, dark: bool = False
) -> NotebookFigure:
    """Draw the map.

    Parameters
    ----------
    frame
        image_id, x, y, and cluster_id, which is missing for pictures in no cluster.
    thumbnails
        JPEGs of some pictures, by image_id.
    """
    figure, axis, palette = plot(9, 8, "Pictures that are alike lie near each other", dark=dark)
    axis.grid(visible=False)
    if frame.empty:
        show_empty(axis, palette, "There are no pictures.")
        return figure
    size = float(np.clip(4000 / len(frame), 2, 40))
    copies = frame["cluster_id"].notna().to_numpy(bool)
    for rows, color, words in (
        (~copies, palette.muted, "no duplicate"),
        (copies, palette.series[1], "has duplicates"),
    ):
        part = frame[rows]
        axis.scatter(part["x"], part["y"], s=size, color=color, label=words, linewidths=0)
    for image_id, x, y, copy in zip(
        frame["image_id"].tolist(), frame["x"], frame["y"], copies.tolist(), strict=True
    ):
        if image_id in thumbnails:
            pixels = imread(io.BytesIO(thumbnails[image_id]), format="jpeg")
            step = max(1, max(pixels.shape[:2]) // (2 * _SIDE))
            picture = OffsetImage(
                pixels[::step, ::step], zoom=_SIDE / max(pixels[::step, ::step].shape[:2]),
                cmap="gray",
            )  # fmt: skip
            edge = palette.series[1] if copy else palette.muted
            frame_of = {"edgecolor": edge, "linewidth": 1.2, "facecolor": palette.ground}
            axis.add_artist(AnnotationBbox(picture, (x, y), pad=0.06, bboxprops=frame_of))
    axis.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05), xticks=[], yticks=[])
    axis.spines[["left", "bottom"]].set_visible(False)
    legend(axis, palette)
    return figure
