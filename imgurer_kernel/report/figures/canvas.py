"""What all figures share: colors, a figure that a notebook shows, axes without ticks."""

import io
import warnings
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 90
INK = "#1f2430"
MUTED = "#5b6472"
FRAME = "#c9ced6"
ACCENT = "#2f6fde"
SAME = "#15803d"
DIFFERENT = "#c2410c"


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


def bare(axis: Axes, caption: str) -> None:
    """Take ticks and spines off, and write a caption below."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.tick_params(which="minor", length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
    # A dollar sign would start a formula.
    axis.set_xlabel(caption.replace("$", r"\$"), fontsize=8, color=INK)
