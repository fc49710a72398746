"""Figures for notebooks: what a dHash sees, why pictures are duplicates, what a search finds.

Other modules import this package where they draw only, so that nothing else pays for matplotlib.
"""

from imgurer_kernel.figures.calibrating import calibration_figure
from imgurer_kernel.figures.canvas import DPI, NotebookFigure
from imgurer_kernel.figures.explaining import Panel, explanation_figure
from imgurer_kernel.figures.hashes import (
    comparison_figure,
    contact_sheet,
    dhash_figure,
    plot_distances,
)

__all__ = [
    "DPI",
    "NotebookFigure",
    "Panel",
    "calibration_figure",
    "comparison_figure",
    "contact_sheet",
    "dhash_figure",
    "explanation_figure",
    "plot_distances",
]
