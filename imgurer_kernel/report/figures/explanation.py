"""Draw two pictures, the overlay and their difference."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb

from imgurer_kernel.common.types import BoolMask, Float32s, UInt8s
from imgurer_kernel.report.explain.overlay import STRONG, VISIBLE, outline
from imgurer_kernel.report.explain.pictures import APART, HEAT
from imgurer_kernel.report.figures.canvas import (
    DIFFERENT,
    FRAME,
    INK,
    MUTED,
    SAME,
    NotebookFigure,
    bare,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FigurePanel:
    """A picture in a figure: uint8 (height, width, 3), and a mask of its covered pixels."""

    pixels: UInt8s
    title: str
    caption: str = ""
    covered: BoolMask | None = None


def explanation_figure(
    words: tuple[str, str],
    pictures: Sequence[FigurePanel],
    beneath: FigurePanel,
    difference: Float32s,
    apart: BoolMask,
    *,
    good: bool,
) -> NotebookFigure:
    """Draw pictures side by side, and a map of differences on the last of them.

    Parameters
    ----------
    words
        The verdict and further text.
    pictures
        In order.
    beneath
        Background of the map; its `covered` marks where a difference could be measured.
    difference
        float32 (height, width): colour distances.
    apart
        bool (height, width): areas without a match, which are outlined.
    good
        Whether the verdict is that they are the same.
    """
    panels = [*pictures, beneath]
    # All in inches from here on. Extreme aspect ratios are clipped.
    shapes = [np.clip(p.pixels.shape[1] / p.pixels.shape[0], 0.45, 2.2) for p in panels]
    height = float(np.clip(11.2 / sum(shapes), 1.7, 3.2))
    headline, rest = textwrap.wrap(words[0], 96), textwrap.wrap(words[1], 128)
    top = 0.25 * len(headline) + 0.2 * len(rest) + 0.58
    bottom = 0.62
    width = height * sum(shapes) + 0.22 * (len(panels) - 1) + 0.5
    total = height + top + bottom
    figure = NotebookFigure(figsize=(max(width, 8.6), total), facecolor="white")
    scale = max(width, 8.6)
    figure.text(
        0.25 / scale,
        1 - 0.16 / total,
        "\n".join(headline),
        color=SAME if good else DIFFERENT,
        fontsize=13,
        fontweight="bold",
        va="top",
        parse_math=False,
    )
    figure.text(
        0.25 / scale,
        1 - (0.22 + 0.25 * len(headline)) / total,
        "\n".join(rest),
        color=INK,
        fontsize=10,
        va="top",
        parse_math=False,
    )
    left = 0.25
    for panel, shape in zip(panels, shapes, strict=True):
        across = height * shape
        axis = figure.add_axes((left / scale, bottom / total, across / scale, height / total))
        if panel is beneath:
            _show_difference(axis, panel, difference)
            _show_apart(axis, apart)
        else:
            axis.imshow(panel.pixels, interpolation="antialiased")
        _show_uncovered(axis, panel)
        # About 11 characters of this size per inch (DejaVu Sans).
        title = _shortened(panel.title, round(across * 11))
        axis.set_title(title, fontsize=9.5, color=INK, loc="left", parse_math=False)
        bare(axis, "")
        for spine in axis.spines.values():
            spine.set(visible=True, color=FRAME, linewidth=0.8)
        axis.text(
            0,
            -0.1 / height,
            panel.caption,
            transform=axis.transAxes,
            fontsize=8.5,
            color=MUTED,
            va="top",
            parse_math=False,
        )
        left += across + 0.22
    _legend(figure, axis, scale, total)
    return figure


def _shortened(text: str, length: int) -> str:
    """Shorten a text to a number of characters, keeping its end."""
    if len(text) <= length:
        return text
    return f"{text[: length - 10]}\N{HORIZONTAL ELLIPSIS}{text[-9:]}"


def _show_difference(axis: Axes, panel: FigurePanel, difference: Float32s) -> None:
    """Draw the difference in colour on the picture in pale gray."""
    pale = 175 + 80 * (panel.pixels.mean(axis=2) / 255)
    axis.imshow(pale, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    strength = np.clip((difference - VISIBLE) / (STRONG - VISIBLE), 0, 1)
    layer = _heat()(strength)
    layer[..., 3] = np.where(difference > VISIBLE, np.minimum(0.55 + strength, 1), 0)
    axis.imshow(layer, interpolation="nearest")


def _show_apart(axis: Axes, apart: BoolMask) -> None:
    """Draw a line around areas without a match."""
    if not apart.any():
        return
    line = np.zeros((*apart.shape, 4))
    line[..., :3] = to_rgb(APART)
    line[..., 3] = outline(apart)
    axis.imshow(line, interpolation="nearest")


def _show_uncovered(axis: Axes, panel: FigurePanel) -> None:
    if panel.covered is None or panel.covered.all():
        return
    veil = np.zeros((*panel.covered.shape, 4))
    down, across = np.indices(panel.covered.shape)
    # Stripes, since any plain gray could be part of the picture.
    stripe = (down + across) // max(panel.covered.shape[1] // 60, 2) % 2
    veil[..., :3] = np.where(stripe[..., None], 0.93, 0.84)
    veil[..., 3] = ~panel.covered
    axis.imshow(veil, interpolation="nearest")


def _legend(figure: NotebookFigure, axis: Axes, scale: float, total: float) -> None:
    """Draw the legend of the map."""
    box = axis.get_position()
    bar = figure.add_axes((box.x0, 0.2 / total, min(box.width, 1.5 / scale), 0.09 / total))
    mappable = ScalarMappable(Normalize(0, 1), _heat())
    colors = figure.colorbar(mappable, cax=bar, orientation="horizontal")
    colors.set_ticks([])
    colors.outline.set_visible(False)
    for place, text, side in ((0, "slight", "left"), (1, "strong", "right")):
        bar.text(
            place, -0.4, text, transform=bar.transAxes, fontsize=7.5, color=MUTED, va="top", ha=side
        )


def _heat() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("heat", HEAT)
