"""How near the members of clusters are to their medoids."""

import numpy as np
import pandas as pd

from imgurer_kernel.report.figures.canvas import ACCENT, INK, NotebookFigure


def plot_distances(clusters: pd.DataFrame) -> NotebookFigure:
    """Plot how many members lie how many bits from the medoid of their cluster."""
    distances = clusters.loc[~clusters["is_medoid"].astype(bool), "distance_to_medoid"]
    figure = NotebookFigure(figsize=(7, 2.8), layout="constrained")
    axis = figure.subplots()
    counts = np.bincount(distances.to_numpy(np.int64), minlength=11)
    axis.bar(np.arange(len(counts)), counts, color=ACCENT, width=0.8)
    axis.set_xlabel("bits of 128 between a member and its medoid", color=INK)
    axis.set_ylabel("pictures", color=INK)
    axis.spines[["top", "right"]].set_visible(False)
    return figure
