"""Shared parts of figures: colours, a figure that notebooks show, axes without ticks."""

import io
import warnings
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 90
LegendPlace = Literal["best", "lower left", "lower right"]
INK = "#1f2430"
MUTED = "#5b6472"
FRAME = "#c9ced6"
ACCENT = "#2f6fde"
SAME = "#15803d"
DIFFERENT = "#c2410c"


class NotebookFigure(Figure):
    """A figure that notebooks display, without pyplot, which never frees figures."""

    def savefig(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  matplotlib's signature
        """Save the figure; show characters missing from the font as boxes, without a warning."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font")
            super().savefig(*args, **options)

    def jpeg(self, dpi: int = DPI) -> bytes:
        """Encode the figure as JPEG; photos as PNG would add megabytes to a notebook."""
        out = io.BytesIO()
        self.savefig(out, format="jpeg", dpi=dpi, pil_kwargs={"quality": 85})
        return out.getvalue()

    def _repr_jpeg_(self) -> bytes:
        return self.jpeg()


def bare(axis: Axes, caption: str) -> None:
    """Remove ticks and spines, and write a caption below."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.tick_params(which="minor", length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.set_xlabel("\n".join(map(escaped, caption.split("\n"))), fontsize=8, color=INK)


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a plot: background, text, lines and series."""

    ground: str
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]


LIGHT = Palette(
    "white", INK, MUTED, "#e6e9ee", (ACCENT, DIFFERENT, SAME, "#7c3aed", "#0e7490", "#a16207")
)
DARK = Palette(
    "#14171b",
    "#e9ebee",
    "#a6aeb8",
    "#31373f",
    ("#8db4ff", "#ff9d76", "#6dd09a", "#c4a7ff", "#67d5ea", "#e5c066"),
)


def plot(
    width: float, height: float, title: str, *, dark: bool = False
) -> tuple[NotebookFigure, Axes, Palette]:
    """Make a figure with one plot in the common style."""
    palette = DARK if dark else LIGHT
    figure = NotebookFigure(figsize=(width, height), layout="constrained", facecolor=palette.ground)
    axis = figure.subplots()
    axis.set_title(escaped(title), loc="left", fontsize=10.5, color=palette.ink)
    styled(axis, palette)
    return figure, axis, palette


def styled(axis: Axes, palette: Palette) -> None:
    """Apply the common style to a plot: a title at the left, a pale grid, no box."""
    axis.set_facecolor(palette.ground)
    axis.grid(color=palette.grid, linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(palette.muted)
    axis.tick_params(colors=palette.muted, labelsize=8.5)
    axis.xaxis.label.set_color(palette.ink)
    axis.yaxis.label.set_color(palette.ink)


def show_empty(axis: Axes, palette: Palette, words: str) -> None:
    """Explain in an empty plot why it is empty."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.text(0.5, 0.5, words, transform=axis.transAxes, ha="center", color=palette.muted)


def legend(axis: Axes, palette: Palette, place: LegendPlace = "best") -> None:
    """Add a legend."""
    shown = axis.legend(frameon=False, fontsize=8.5, loc=place)
    for text in shown.get_texts():
        text.set_color(palette.ink)


def escaped(text: str) -> str:
    r"""Escape a text for matplotlib, so that nothing is parsed as a formula, on one line.

    Examples
    --------
    >>> escaped("a$b\n") == "a\\$b\N{REPLACEMENT CHARACTER}"
    True
    """
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.replace("$", r"\$")
