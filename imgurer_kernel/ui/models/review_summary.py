"""Summarize each cluster of a review from its files (frames only)."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask
from imgurer_kernel.report.freed import IN_PLACE
from imgurer_kernel.review.plan import goes

KINDS: Mapping[str, str] = {
    "identical": "Identical",
    "same pixels": "Same pixels",
    "re-encoded": "Re-encoded",
    "resized": "Resized",
    "cropped": "Cropped",
    "bordered": "Bordered",
    "edited": "Edited",
    "turned": "Turned or mirrored",
}
"""Labels of copies, and their names on the screen."""

KIND_OF = {"rotated": "turned", "flipped": "turned"}


def leaving(files: pd.DataFrame) -> BoolMask:
    """Return which files the visitor can remove: those of a plan that are the visitor's own."""
    own = files["is_own"].to_numpy(bool) if "is_own" in files else np.ones(len(files), bool)
    leaves: BoolMask = goes(files).to_numpy(bool) & own
    return leaves


def with_freed(files: pd.DataFrame) -> pd.DataFrame:
    """Add the bytes freed once all files that a plan has are removed.

    `Workbench.clusters` has counted them for the keepers of the standard policy. A hard link of
    another listed file frees nothing, which these counts show.
    """
    if files.empty:
        return files.assign(is_hard_link=False)
    leaves = leaving(files)
    size = files["bytes"].to_numpy(np.int64)
    in_place = files["kept"].isin(IN_PLACE).to_numpy(bool)
    if "is_hard_link" not in files:
        counted = files["frees_disk"].to_numpy(np.int64) > 0
        files = files.assign(is_hard_link=in_place & ~counted & ~files["is_keeper"].to_numpy(bool))
    is_hard_link = files["is_hard_link"].to_numpy(bool)
    images = files["image_id"].to_numpy(np.int64)
    image_stays = pd.Series(~leaves).groupby(images).transform("any").to_numpy(bool)
    from_store = leaves & ~in_place & ~image_stays
    # The store has the bytes of an image once, however many files it has.
    first = ~pd.Series(
        np.where(from_store, files["image_id"], -1 - np.arange(size.size))
    ).duplicated()
    return files.assign(
        frees_disk=np.where(leaves & in_place & ~is_hard_link, size, 0),
        frees_store=np.where(from_store & first.to_numpy(bool), size, 0),
    )


def summarize(files: pd.DataFrame) -> pd.DataFrame:
    """Make a row for each cluster, with the columns of `ReviewQueue.clusters`."""
    leaves = leaving(files)
    freed = files["frees_disk"] + files["frees_store"]
    kind = files["label"].replace(KIND_OF)
    marked = files.assign(
        leaves=leaves,
        freed=freed,
        kind=kind.where(kind.isin(list(KINDS)), "") if len(files) else kind,
    )
    groups = marked.groupby("cluster_id", sort=True)
    frame = pd.DataFrame(
        {
            "files": groups.size(),
            "goes": groups["leaves"].sum().astype("int64"),
            "frees": groups["freed"].sum().astype("int64"),
            "least_score": groups["score"].min(),
            "taken_at": groups["taken_at"].min(),
            "verdict": groups["verdict"].first(),
            "disputed": groups["disputed"].any(),
            "gained": groups["new_since_decision"].any(),
        }
    )
    for column, name in (
        ("kind", "kinds"),
        ("folder", "folders"),
        ("user", "users"),
        ("camera", "cameras"),
    ):
        frame[name] = _sets(marked, column)
    return frame


class ClusterTexts:
    """The casefolded names and paths of each cluster's files, computed at first use.

    Parameters
    ----------
    files
        cluster_id, filename, path.
    """

    def __init__(self, files: pd.DataFrame) -> None:
        self._files = files

    @cached_property
    def lines(self) -> "pd.Series[str]":
        """The text of each cluster, by cluster_id: a line per file."""
        files = self._files
        names = files["filename"].where(files["path"].isna(), files["path"]).astype("str")
        # Not a pandas `agg`: it makes a series for each cluster, which is slowest.
        found: dict[int, list[str]] = {}
        for each, line in zip(files["cluster_id"].tolist(), names.str.casefold(), strict=True):
            found.setdefault(each, []).append(line)
        return pd.Series({each: "\n".join(found[each]) for each in sorted(found)}, dtype="str")


def _sets(files: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """Collect the distinct values of each cluster, without empty ones."""
    named = files[["cluster_id", column]].dropna().drop_duplicates()
    named = named[named[column].astype("str") != ""]
    found: dict[int, list[object]] = {}
    for cluster_id, value in zip(named["cluster_id"].tolist(), named[column].tolist(), strict=True):
        found.setdefault(cluster_id, []).append(value)
    ids = files["cluster_id"].drop_duplicates().sort_values()
    # Share equal sets: most are equal, and each takes 200 bytes.
    known: dict[frozenset[object], frozenset[object]] = {}
    sets = [known.setdefault(it, it) for it in (frozenset(found.get(k, ())) for k in ids.tolist())]
    return pd.Series(sets, index=pd.Index(ids, name="cluster_id"), dtype=object)


def choices_of(clusters: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """List the choices of the filters, as in `ReviewQueue.choices`."""
    found: dict[str, tuple[Any, ...]] = {
        name: tuple(sorted({str(each) for one in set(clusters[name]) for each in one}))
        for name in ("folders", "users", "cameras")
    }
    years = clusters["taken_at"].dt.year.dropna() if len(clusters) else ()
    return {**found, "years": tuple(sorted({int(year) for year in years}))}
