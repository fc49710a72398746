"""Figures: a dHash, the difference of two, plots of reports and calibrations.

Every figure is a `NotebookFigure`; those of a report are drawn light or dark. This package only
draws: its input is frames.
"""

from imgurer_kernel.report.figures.calibration import calibration_figure
from imgurer_kernel.report.figures.canvas import DPI, NotebookFigure
from imgurer_kernel.report.figures.clusters import (
    plot_cluster_sizes,
    plot_distances,
    plot_freed,
    plot_kinds,
    plot_nearest,
    plot_times,
)
from imgurer_kernel.report.figures.explanation import FigurePanel, explanation_figure
from imgurer_kernel.report.figures.hashes import comparison_figure, contact_sheet, dhash_figure
from imgurer_kernel.report.figures.likeness import plot_map

__all__ = [
    "DPI",
    "FigurePanel",
    "NotebookFigure",
    "calibration_figure",
    "comparison_figure",
    "contact_sheet",
    "dhash_figure",
    "explanation_figure",
    "plot_cluster_sizes",
    "plot_distances",
    "plot_freed",
    "plot_kinds",
    "plot_map",
    "plot_nearest",
    "plot_times",
]
