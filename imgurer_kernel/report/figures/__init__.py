"""Figures for notebooks: what a dHash sees, why pictures are duplicates, what a search finds.

Other modules import this package where they draw only, so that nothing else pays for matplotlib.
"""

from imgurer_kernel.report.figures.calibration import calibration_figure
from imgurer_kernel.report.figures.canvas import DPI, NotebookFigure
from imgurer_kernel.report.figures.clusters import plot_distances
from imgurer_kernel.report.figures.explanation import FigurePanel, explanation_figure
from imgurer_kernel.report.figures.hashes import (
    comparison_figure,
    contact_sheet,
    dhash_figure,
)

__all__ = [
    "DPI",
    "FigurePanel",
    "NotebookFigure",
    "calibration_figure",
    "comparison_figure",
    "contact_sheet",
    "dhash_figure",
    "explanation_figure",
    "plot_distances",
]
