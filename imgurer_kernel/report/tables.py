"""Build the frames of a report from clusters and the files that took part (pure)."""

from collections.abc import Mapping

import pandas as pd

from imgurer_kernel.report.clusters import (
    NO_COPY,
    cluster_table,
    extra_copies,
    freed_bytes,
    summary,
)
from imgurer_kernel.report.columns import tidy

_NO_PAIRS = ("pairs", "related", "skipped")


def report_frames(
    clusters: pd.DataFrame,
    files: pd.DataFrame | None = None,
    more: Mapping[str, pd.DataFrame] | None = None,
    counts: Mapping[str, int] | None = None,
) -> dict[str, pd.DataFrame]:
    """Build all frames of a report.

    Parameters
    ----------
    clusters
        As from `Workbench.queue`, or from `Workbench.clusters`, which lacks some columns.
    files
        All files that took part: path, user, bytes, format; by default those in clusters.
    more
        ``pairs``, ``related`` and ``skipped``, if known.
    counts
        Additional figures for the summary: files, pictures and bytes that took part.

    Returns
    -------
    dict of DataFrame
        With the names, columns and types of `imgurer_kernel.report.columns.COLUMNS`. clusters,
        files and pairs are in the order of `clusters`; by_folder, by_user and formats are sorted by
        the bytes that they free.
    """
    frees = freed_bytes(clusters)
    rows = clusters.assign(
        frees_disk=frees["frees_disk"],
        frees_store=frees["frees_store"],
        extra_copies=extra_copies(clusters).astype("int64"),
    )
    if "path" not in rows:
        rows["path"] = pd.Series(None, rows.index, "str")
    rows["folder"] = folders_of(rows["path"])
    everything = rows if files is None else files.assign(folder=folders_of(files["path"]))
    known = more or {}
    given = {name: known.get(name, pd.DataFrame()) for name in _NO_PAIRS}
    frames = {
        "summary": _summary(rows, counts or {}, given),
        "clusters": _clusters(rows),
        "files": rows,
        **given,
        "by_folder": _where(rows, everything, "folder"),
        "by_user": _where(rows, everything, "user"),
        "by_month": _by_month(rows),
        "formats": _where(rows, everything, "format"),
        "sizes": _sizes(rows),
    }
    return {name: tidy(name, frame) for name, frame in frames.items()}


def folders_of(paths: "pd.Series[str]") -> "pd.Series[str]":
    r"""Return the folder of each path; missing for a missing path.

    Examples
    --------
    >>> folders_of(pd.Series(["/a/b/x.jpg", "/x.jpg", r"C:\a\x.jpg", None])).tolist()
    ['/a/b', '/', 'C:\\a', nan]
    """
    # Handled as text, since imported paths may be those of another system. Each distinct folder is
    # computed once.
    place = paths.astype("str").str.replace(r"[^/\\]*\Z", "", regex=True)
    bare = place.str.replace(r"(?<=.)[/\\]\Z", "", regex=True)
    return bare.where(place.notna())


def _summary(
    rows: pd.DataFrame, counts: Mapping[str, int], given: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    found = summary(rows)
    figures = dict(counts)
    figures |= {str(name): int(found[name]) for name in found.index}
    figures["compared pairs"] = len(given["pairs"])
    figures["related pairs"] = len(given["related"])
    figures["skipped"] = len(given["skipped"])
    units = {"clusters": "clusters", "compared pairs": "pairs", "related pairs": "pairs"}
    table = [
        (name, value, units.get(name) or ("bytes" if name.startswith("bytes") else "files"))
        for name, value in figures.items()
    ]
    frame = pd.DataFrame(table, columns=["figure", "value", "unit"])
    frame.loc[frame["figure"] == "pictures", "unit"] = "pictures"
    return frame


def _clusters(rows: pd.DataFrame) -> pd.DataFrame:
    groups = rows.groupby("cluster_id")
    table = cluster_table(rows)
    keepers = rows[rows["is_keeper"].astype(bool)].set_index("cluster_id")
    medoids = rows[rows["is_medoid"].astype(bool)].set_index("cluster_id")
    table["images"] = groups["image_id"].nunique()
    table["folders"] = groups["folder"].nunique(dropna=False)
    table["medoid_id"] = medoids["image_id"]
    table["kinds"] = _kinds(rows)
    if "user" in rows:
        table["users"] = groups["user"].nunique()
    if "file_id" in rows:
        table["keeper_id"] = keepers["file_id"].astype("Int64")
    if "keeper_reason" in rows:
        table["keeper_reason"] = keepers["keeper_reason"]
    if "modified_at" in rows:
        table["oldest"], table["newest"] = (
            groups["modified_at"].min(),
            groups["modified_at"].max(),
        )
    for name in ("taken_at", "verdict"):
        if name in rows:
            table[name] = groups[name].min() if name == "taken_at" else groups[name].first()
    return table.reset_index()


def _kinds(rows: pd.DataFrame) -> "pd.Series[str]":
    """Join the labels of each cluster's copies, most frequent first."""
    copies = rows[~rows["label"].isin(NO_COPY)]
    counts = copies.groupby(["cluster_id", "label"], observed=True).size().reset_index(name="n")
    counts = counts.sort_values(["cluster_id", "n", "label"], ascending=[True, False, True])
    words: dict[int, list[str]] = {}
    for cluster_id, label in zip(counts["cluster_id"].tolist(), counts["label"], strict=True):
        words.setdefault(cluster_id, []).append(str(label))
    return pd.Series({key: ", ".join(each) for key, each in words.items()}, dtype="str")


def _where(rows: pd.DataFrame, everything: pd.DataFrame, column: str) -> pd.DataFrame:
    """Sum up what could be freed by folder, by user, or by format."""
    if column not in rows or column not in everything:
        return pd.DataFrame()
    # A missing folder, that of uploads, is a group of its own.
    groups = rows.groupby(column, sort=False, dropna=False)
    found = groups[["extra_copies", "frees_disk", "frees_store"]].sum()
    found["in_clusters"] = groups.size()
    files = everything.groupby(column, sort=False, dropna=False).size().reset_index(name="files")
    table = files.merge(found.reset_index(), on=column, how="outer")
    numbers = table.drop(columns=column).fillna(0)
    table = numbers.assign(
        **{column: table[column], "_frees": numbers["frees_disk"] + numbers["frees_store"]}
    )
    return table.sort_values(
        ["_frees", "extra_copies", column], ascending=[False, False, True], ignore_index=True
    )


def _by_month(rows: pd.DataFrame) -> pd.DataFrame:
    """Count by month when pictures were taken, and copies were made and ingested."""
    copies = rows[rows["extra_copies"] > 0]
    times = {
        "taken": rows.groupby("cluster_id")["taken_at"].min() if "taken_at" in rows else None,
        "copied": copies.get("modified_at"),
        "taken_in": copies.get("taken_in"),
    }
    counts = {}
    for name, given in times.items():
        if given is not None:
            moments = pd.to_datetime(given.dropna(), utc=True)
            # Year and month as one number: pandas would warn that a period drops the zone.
            counts[name] = (moments.dt.year * 12 + moments.dt.month - 1).value_counts()
    if not counts:
        return pd.DataFrame()
    table = pd.DataFrame(counts).fillna(0).sort_index()
    months = table.index.to_numpy()
    table["month"] = pd.to_datetime(
        pd.DataFrame({"year": months // 12, "month": months % 12 + 1, "day": 1}).set_axis(
            table.index
        ),
        utc=True,
    )
    return table


def _sizes(rows: pd.DataFrame) -> pd.DataFrame:
    per = rows.groupby("cluster_id")[["extra_copies", "frees_disk", "frees_store"]].sum()
    per["size"] = rows.groupby("cluster_id").size()
    table = per.groupby("size").sum()
    table["clusters"] = per.groupby("size").size()
    return table.reset_index()
