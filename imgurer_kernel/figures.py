"""Figures for notebooks: what a dHash sees, how two pictures differ, pictures side by side.

Other modules import this one where they draw only, so that nothing else pays for matplotlib.
"""

import io
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import imread

from imgurer_kernel.dhash import bit_planes, hamming
from imgurer_kernel.overlay import STRONG, VISIBLE
from imgurer_kernel.records import Fingerprint

Gray = npt.NDArray[np.uint8]
Colours = npt.NDArray[np.uint8]

DPI = 90
INK = "#1f2430"
ACCENT = "#2f6fde"
DIFFERENT = "#c2410c"
MUTED = "#5b6472"
FRAME = "#c9ced6"
PLAIN = "#9a3412"
SAME = "#15803d"
# From hardly visible to strong; it grows darker, so that it can be read without its colours.
HEAT = ("#fde68a", "#fb923c", "#dc2626", "#7f1d1d", "#3b0764")


class NotebookFigure(Figure):
    """A figure that a notebook shows by itself, without pyplot, which keeps every figure alive."""

    def savefig(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  as matplotlib has it
        """Write the figure; a letter that the font lacks is a box, not a warning."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font")
            super().savefig(*args, **options)

    def jpeg(self, dpi: int = DPI) -> bytes:
        """The figure as a file; photos as PNG would make a notebook of megabytes."""
        out = io.BytesIO()
        self.savefig(out, format="jpeg", dpi=dpi, pil_kwargs={"quality": 85})
        return out.getvalue()

    def _repr_jpeg_(self) -> bytes:
        return self.jpeg()


def dhash_figure(found: Fingerprint, title: str = "") -> NotebookFigure:
    """One picture as its dHash sees it: thumbnail, 9x9 grays, the two 8x8 bit planes.

    A bit of the row plane is set where a gray is darker than its right
    neighbour, a bit of the column plane where it is darker than the one below.
    """
    figure, axes = _panels(1, 4, title)
    _show_picture(axes[0, 0], found.thumbnail, f"{found.width} x {found.height}")
    _show_grays(axes[0, 1], _grays(found), "9 x 9 grays")
    for axis, plane, name in zip(
        axes[0, 2:],
        bit_planes(*found.dhash),
        ("row plane: darker than its right", "column plane: darker than below"),
        strict=True,
    ):
        _show_plane(axis, plane, f"{name}\n{int(plane.sum())} of 64 bits set")
    return figure


def comparison_figure(
    first: Fingerprint, second: Fingerprint, names: tuple[str, str] = ("first", "second")
) -> NotebookFigure:
    """Two pictures, their bit planes, and the bits in which they differ."""
    distance = hamming(first.dhash, second.dhash)
    figure, axes = _panels(3, 4, f"distance: {distance} of 128 bits")
    for row, (found, name) in enumerate(zip((first, second), names, strict=True)):
        _show_picture(axes[row, 0], found.thumbnail, name)
        _show_grays(axes[row, 1], _grays(found), "9 x 9 grays")
        for axis, plane, title in zip(
            axes[row, 2:], bit_planes(*found.dhash), ("row plane", "column plane"), strict=True
        ):
            _show_plane(axis, plane, title)
    differing = bit_planes(*first.dhash) ^ bit_planes(*second.dhash)
    for axis in axes[2, :2]:
        axis.set_visible(False)
    for axis, plane in zip(axes[2, 2:], differing, strict=True):
        _show_plane(axis, plane, f"{int(plane.sum())} bits differ", colour=DIFFERENT)
    return figure


def contact_sheet(
    thumbnails: Sequence[bytes], captions: Sequence[str], columns: int = 6, title: str = ""
) -> NotebookFigure:
    """Pictures side by side, fitted and never cropped, each over its caption."""
    rows = max(1, -(-len(thumbnails) // columns))
    figure, axes = _panels(rows, columns, title, size=2.1)
    for axis in axes.flat[len(thumbnails) :]:
        axis.set_visible(False)
    for axis, thumbnail, caption in zip(axes.ravel(), thumbnails, captions, strict=False):
        _show_picture(axis, thumbnail, caption)
    return figure


def _panels(rows: int, columns: int, title: str, size: float = 2.6) -> tuple[NotebookFigure, Any]:
    figure = NotebookFigure(figsize=(size * columns, size * rows + 0.3), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _show_picture(axis: Axes, jpeg: bytes, caption: str) -> None:
    axis.imshow(imread(io.BytesIO(jpeg), format="jpeg"))
    _bare(axis, caption)


def _show_grays(axis: Axes, grays: Gray, caption: str) -> None:
    axis.imshow(grays, cmap="gray", vmin=0, vmax=255)
    _bare(axis, caption)


def _show_plane(
    axis: Axes, plane: npt.NDArray[np.bool_], caption: str, colour: str = ACCENT
) -> None:
    axis.imshow(plane, cmap=ListedColormap(["#eef1f5", colour]), vmin=0, vmax=1)
    axis.set_xticks(np.arange(0.5, 7), minor=True)
    axis.set_yticks(np.arange(0.5, 7), minor=True)
    axis.grid(which="minor", color="white", linewidth=1)
    _bare(axis, caption)


def _bare(axis: Axes, caption: str) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    axis.tick_params(which="minor", length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    # A dollar sign would start a formula.
    axis.set_xlabel(caption.replace("$", r"\$"), fontsize=8, color=INK)


def _grays(found: Fingerprint) -> Gray:
    return np.frombuffer(found.grays, np.uint8).reshape(9, 9)


def plot_distances(clusters: pd.DataFrame) -> NotebookFigure:
    """How many members lie how many bits from the medoid of their cluster."""
    distances = clusters.loc[~clusters["is_medoid"].astype(bool), "distance_to_medoid"]
    figure = NotebookFigure(figsize=(7, 2.8), layout="constrained")
    axis = figure.subplots()
    counts = np.bincount(distances.to_numpy(np.int64), minlength=11)
    axis.bar(np.arange(len(counts)), counts, color=ACCENT, width=0.8)
    axis.set_xlabel("bits of 128 between a member and its medoid", color=INK)
    axis.set_ylabel("pictures", color=INK)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """A picture in a figure: uint8 (height, width, 3), and where it is one at all."""

    pixels: Colours
    title: str
    caption: str = ""
    covered: npt.NDArray[np.bool_] | None = None


def explanation_figure(
    words: tuple[str, str],
    pictures: Sequence[Panel],
    beneath: Panel,
    difference: npt.NDArray[np.float32],
    *,
    good: bool,
) -> NotebookFigure:
    """Pictures side by side, and the last of them under a map of what differs.

    Parameters
    ----------
    words
        The verdict, and what else there is to say.
    pictures
        In their order.
    beneath
        What the map is drawn on; its `covered` says where a difference could be measured.
    difference
        float32 (height, width): colour distances.
    good
        Whether the verdict is that they are the same.
    """
    panels = [*pictures, beneath]
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
        else:
            axis.imshow(panel.pixels, interpolation="antialiased")
        _show_uncovered(axis, panel)
        title = _shortened(panel.title, round(across * 11))
        axis.set_title(title, fontsize=9.5, color=INK, loc="left", parse_math=False)
        _bare(axis, "")
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
    """A text of at most so many letters, the end of which is kept."""
    if len(text) <= length:
        return text
    return f"{text[: length - 10]}\N{HORIZONTAL ELLIPSIS}{text[-9:]}"


def _show_difference(axis: Axes, panel: Panel, difference: npt.NDArray[np.float32]) -> None:
    """What differs, in colour, on the picture in pale gray."""
    pale = 175 + 80 * (panel.pixels.mean(axis=2) / 255)
    axis.imshow(pale, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    strength = np.clip((difference - VISIBLE) / (STRONG - VISIBLE), 0, 1)
    layer = _heat()(strength)
    layer[..., 3] = np.where(difference > VISIBLE, np.minimum(0.55 + strength, 1), 0)
    axis.imshow(layer, interpolation="nearest")


def _show_uncovered(axis: Axes, panel: Panel) -> None:
    if panel.covered is None or panel.covered.all():
        return
    veil = np.zeros((*panel.covered.shape, 4))
    down, across = np.indices(panel.covered.shape)
    stripe = (down + across) // max(panel.covered.shape[1] // 60, 2) % 2
    veil[..., :3] = np.where(stripe[..., None], 0.93, 0.84)
    veil[..., 3] = ~panel.covered
    axis.imshow(veil, interpolation="nearest")


def _legend(figure: NotebookFigure, axis: Axes, scale: float, total: float) -> None:
    """Under the map: from visible to strong, and what stripes mean."""
    box = axis.get_position()
    bar = figure.add_axes((box.x0, 0.2 / total, min(box.width, 1.5 / scale), 0.09 / total))
    mappable = ScalarMappable(Normalize(0, 1), _heat())
    colours = figure.colorbar(mappable, cax=bar, orientation="horizontal")
    colours.set_ticks([])
    colours.outline.set_visible(False)
    for place, text, side in ((0, "slight", "left"), (1, "strong", "right")):
        bar.text(
            place, -0.4, text, transform=bar.transAxes, fontsize=7.5, color=MUTED, va="top", ha=side
        )


def _heat() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("heat", HEAT)


def calibration_figure(frame: pd.DataFrame, radius: int, threshold: float) -> NotebookFigure:
    """Recall and precision of searches: against radius, by tier, and against the threshold.

    Parameters
    ----------
    frame
        As `imgurer_kernel.calibration.Calibration` has it.
    radius, threshold
        What is recommended.
    """
    figure = NotebookFigure(figsize=(12, 3.9), layout="constrained", facecolor="white")
    recall, precision, choice = figure.subplots(1, 3)
    whole = frame[frame["tier"] == 0]
    plain = whole[whole["method"] == "plain"]
    usual = frame[(frame["method"] == "verified") & np.isclose(frame["threshold"], threshold)]
    for axis, name in ((recall, "recall"), (precision, "precision")):
        _show_shares(axis, plain, "radius", name, PLAIN, "plain dHash", "s--")
        verified = usual[usual["tier"] == 0]
        _show_shares(axis, verified, "radius", name, ACCENT, "verified", "o-")
        axis.set_xlabel("radius in bits of 128", color=INK)
    recall.set_title("Copies that are found", loc="left", fontsize=10.5, color=INK)
    precision.set_title("Pairs found that are right", loc="left", fontsize=10.5, color=INK)
    rows = whole[(whole["method"] == "verified") & (whole["radius"] == radius)]
    for name, colour, style in (("recall", ACCENT, "o-"), ("precision", SAME, "^-")):
        _show_shares(choice, rows, "threshold", name, colour, name, style)
    choice.axvline(threshold, color=MUTED, linewidth=0.8, linestyle="--")
    choice.set_xlabel("agreement that is asked for", color=INK)
    choice.set_title(f"Verified within {radius} bits", loc="left", fontsize=10.5, color=INK)
    for axis in (recall, precision, choice):
        axis.set_ylabel("percent", color=INK)
        axis.grid(color="#e6e9ee", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8.5, loc="lower right")
    precision.legend(frameon=False, fontsize=8.5, loc="lower left")
    choice.legend(frameon=False, fontsize=8.5, loc="lower left")
    return figure


def _show_shares(
    axis: Axes, rows: pd.DataFrame, x: str, name: str, colour: str, label: str, style: str
) -> None:
    """A share against something, with its interval."""
    rows = rows.sort_values(x)
    shares = 100 * rows[[name, f"{name}_low", f"{name}_high"]].to_numpy(np.float64).T
    axis.plot(rows[x], shares[0], style, color=colour, label=label, markersize=5)
    axis.fill_between(rows[x], shares[1], shares[2], color=colour, alpha=0.18, linewidth=0)
