"""Plots of a report: sizes, distances, bytes to free, times, kinds of edits."""

import numpy as np
import pandas as pd
from matplotlib.dates import date2num

from imgurer_kernel.common.text import elide_path, human_bytes
from imgurer_kernel.report.clusters import NO_COPY
from imgurer_kernel.report.figures.canvas import (
    NotebookFigure,
    escaped,
    legend,
    plot,
    show_empty,
)

_FOLDERS = 12
_KINDS = 12


def plot_distances(clusters: pd.DataFrame, *, dark: bool = False) -> NotebookFigure:
    """Plot the number of members by their distance in bits from the medoid."""
    distances = clusters.loc[~clusters["is_medoid"].astype(bool), "distance_to_medoid"]
    figure, axis, palette = plot(7, 2.8, "How near copies are to their medoids", dark=dark)
    counts = np.bincount(distances.to_numpy(np.int64), minlength=11)
    axis.bar(np.arange(len(counts)), counts, color=palette.series[0], width=0.8)
    axis.set_xlabel("bits of 128 between a member and its medoid")
    axis.set_ylabel("files")
    return figure


def plot_nearest(
    nearest: pd.Series, random_pairs: pd.Series, radius: int | None = None, *, dark: bool = False
) -> NotebookFigure:
    """Plot the distances of pictures to their nearest neighbor, and of random pairs.

    Parameters
    ----------
    nearest
        For each picture the bits to the nearest other one (`Workbench.neighbor_distances`).
    random_pairs
        Bits between randomly drawn pictures.
    radius
        The search radius, drawn as a line.
    """
    figure, axis, palette = plot(7, 3, "Nearest neighbors and random pairs", dark=dark)
    if not len(nearest):
        show_empty(axis, palette, "There are no two pictures.")
        return figure
    edges = np.arange(-0.5, 129.5)
    for values, name, color in (
        (nearest, "to the nearest neighbor", palette.series[0]),
        (random_pairs, "between random pairs", palette.series[1]),
    ):
        share = 100 * np.histogram(values, edges)[0] / max(len(values), 1)
        axis.stairs(share, edges, fill=True, alpha=0.55, color=color, label=name)
    if radius is not None:
        axis.axvline(radius + 0.5, color=palette.muted, linewidth=1, linestyle="--")
        axis.text(radius + 1.5, 0.95, f"searched: {radius}", color=palette.muted, fontsize=8.5,
                  transform=axis.get_xaxis_transform(), va="top")  # fmt: skip
    axis.set_xlabel("bits of 128")
    axis.set_ylabel("percent of pictures")
    legend(axis, palette)
    return figure


def plot_cluster_sizes(sizes: pd.DataFrame, *, dark: bool = False) -> NotebookFigure:
    """Plot the number of clusters by their number of files; `sizes` as in a report."""
    figure, axis, palette = plot(5.6, 2.8, "Clusters by their number of files", dark=dark)
    if sizes.empty:
        show_empty(axis, palette, "There are no clusters.")
        return figure
    shown = sizes.set_index("size")["clusters"]
    axis.bar(shown.index, shown, color=palette.series[0], width=0.8)
    if shown.max() > 50 * shown.min():
        axis.set_yscale("log")
    if shown.index.max() > 60:
        axis.set_xscale("log")
    else:
        axis.set_xticks(range(2, int(shown.index.max()) + 1, max(1, int(shown.index.max()) // 12)))
    axis.set_xlabel("files of a cluster")
    axis.set_ylabel("clusters")
    return figure


def plot_freed(by_folder: pd.DataFrame, *, dark: bool = False) -> NotebookFigure:
    """Plot the bytes that could be freed by folder; `by_folder` as in a report."""
    frees = by_folder["frees_disk"] + by_folder["frees_store"]
    shown = by_folder.assign(frees=frees)[frees > 0].head(_FOLDERS)
    figure, axis, palette = plot(
        5.6, max(2.0, 0.8 + 0.26 * len(shown)), "Bytes to free by folder", dark=dark
    )
    if shown.empty:
        show_empty(axis, palette, "Nothing could be freed.")
        return figure
    names = [
        elide_path(folder, 34) if isinstance(folder, str) else "uploads"
        for folder in shown["folder"]
    ]
    rows = np.arange(len(shown))[::-1]
    axis.barh(rows, shown["frees"], color=palette.series[0], height=0.7)
    axis.set_yticks(rows, [escaped(name) for name in names])
    for row, frees_here in zip(rows, shown["frees"].tolist(), strict=True):
        axis.annotate(f" {human_bytes(int(frees_here))}", (frees_here, row), va="center",
                      fontsize=8, color=palette.muted)  # fmt: skip
    axis.set_xlim(0, float(shown["frees"].max()) * 1.18)
    axis.xaxis.set_visible(False)
    axis.spines["bottom"].set_visible(False)
    axis.grid(visible=False)
    return figure


def plot_times(by_month: pd.DataFrame, *, dark: bool = False) -> NotebookFigure:
    """Plot when pictures were taken and when copies were made; `by_month` as in a report."""
    figure, axis, palette = plot(7.6, 2.8, "When pictures were taken, and copied", dark=dark)
    # Times of ingest are left out: they are often years later.
    by_month = by_month[(by_month["taken"] > 0) | (by_month["copied"] > 0)]
    if by_month.empty:
        show_empty(axis, palette, "No times are known.")
        return figure
    # Empty months are not in the frame, and lines would join their neighbors.
    months = by_month["month"].dt.tz_localize(None).to_numpy("datetime64[M]")
    every = np.arange(months.min(), months.max() + 1)
    # Stairs instead of lines: a single month would give no visible line.
    last = np.append(every, every[-1] + 1).astype("datetime64[D]")
    edges = date2num(last)  # type: ignore[no-untyped-call]
    for k, (name, words) in enumerate((("taken", "taken"), ("copied", "copies made"))):
        counts = np.zeros(len(every), np.int64)
        counts[np.searchsorted(every, months)] = by_month[name]
        axis.stairs(counts, edges, fill=True, alpha=0.55, color=palette.series[k], label=words)
    axis.xaxis_date()
    axis.set_ylabel("clusters, and copies")
    axis.set_ylim(bottom=0)
    legend(axis, palette)
    return figure


def plot_kinds(files: pd.DataFrame, *, dark: bool = False) -> NotebookFigure:
    """Plot kinds of copies against the keeper; `files` of a report, or a frame of clusters."""
    counts = files.loc[~files["label"].isin(NO_COPY), "label"].astype("str").value_counts()
    # Ties in alphabetical order, so that the order of the rows does not matter.
    shown = counts.sort_index().sort_values(ascending=False, kind="stable").head(_KINDS)
    figure, axis, palette = plot(
        5.6, max(2.0, 0.8 + 0.26 * len(shown)), "Kinds of copies", dark=dark
    )
    if shown.empty:
        show_empty(axis, palette, "There are no copies.")
        return figure
    rows = np.arange(len(shown))[::-1]
    axis.barh(rows, shown, color=palette.series[0], height=0.7)
    axis.set_yticks(rows, [escaped(str(name)) for name in shown.index])
    axis.set_xlabel("files")
    axis.grid(visible=False, axis="y")
    return figure
