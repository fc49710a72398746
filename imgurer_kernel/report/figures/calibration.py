"""Plot recall and precision of searches."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from imgurer_kernel.report.figures.canvas import DARK, LIGHT, NotebookFigure, legend, styled


def calibration_figure(
    frame: pd.DataFrame, radius: int, threshold: float, *, dark: bool = False
) -> NotebookFigure:
    """Plot recall and precision of searches: against radius, by tier, and against the threshold.

    Parameters
    ----------
    frame
        As in `imgurer_kernel.report.evaluation.metrics.Calibration`.
    radius, threshold
        Recommended settings.
    """
    palette = DARK if dark else LIGHT
    figure = NotebookFigure(figsize=(12, 3.9), layout="constrained", facecolor=palette.ground)
    recall, precision, choice = figure.subplots(1, 3)
    accent, plain_color, same = palette.series[:3]
    whole = frame[frame["tier"] == 0]
    plain = whole[whole["method"] == "plain"]
    usual = frame[(frame["method"] == "verified") & np.isclose(frame["threshold"], threshold)]
    for axis, name in ((recall, "recall"), (precision, "precision")):
        _show_shares(axis, plain, "radius", name, plain_color, "plain dHash", "s--")
        verified = usual[usual["tier"] == 0]
        _show_shares(axis, verified, "radius", name, accent, "verified", "o-")
        axis.set_xlabel("radius in bits of 128", color=palette.ink)
    recall.set_title("Copies that are found", loc="left", fontsize=10.5, color=palette.ink)
    precision.set_title("Pairs found that are right", loc="left", fontsize=10.5, color=palette.ink)
    rows = whole[(whole["method"] == "verified") & (whole["radius"] == radius)]
    for name, color, style in (("recall", accent, "o-"), ("precision", same, "^-")):
        _show_shares(choice, rows, "threshold", name, color, name, style)
    choice.axvline(threshold, color=palette.muted, linewidth=0.8, linestyle="--")
    choice.set_xlabel("agreement that is asked for", color=palette.ink)
    choice.set_title(f"Verified within {radius} bits", loc="left", fontsize=10.5, color=palette.ink)
    for axis in (recall, precision, choice):
        axis.set_ylabel("percent", color=palette.ink)
        styled(axis, palette)
        legend(axis, palette, "lower right")
    legend(precision, palette, "lower left")
    legend(choice, palette, "lower left")
    return figure


def _show_shares(
    axis: Axes, rows: pd.DataFrame, x: str, name: str, color: str, label: str, style: str
) -> None:
    """Plot a share with its confidence interval."""
    rows = rows.sort_values(x)
    shares = 100 * rows[[name, f"{name}_low", f"{name}_high"]].to_numpy(np.float64).T
    axis.plot(rows[x], shares[0], style, color=color, label=label, markersize=5)
    axis.fill_between(rows[x], shares[1], shares[2], color=color, alpha=0.18, linewidth=0)
