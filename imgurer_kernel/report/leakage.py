"""Find copies across the splits of a data set: test pictures in train, conflicting labels.

A model tested on pictures that it was trained with seems better than it is. This counts the
duplicates, exact and near, found by a search; a class is the first folder below a split, as in
torchvision's ``ImageFolder``.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write, mapped_os_errors
from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.text import count
from imgurer_kernel.errors import QueryError
from imgurer_kernel.report.writers import to_csv

Conflicts = Literal["drop", "keep"]

FILES: Mapping[str, str] = {
    "path": "str",
    "split": "category",
    "class_name": "str",
    "cluster_id": "Int64",
    "is_leak": "bool",
    "is_conflict": "bool",
    "twin_path": "str",
    "twin_class": "str",
    "keep": "bool",
    "reason": "str",
}
"""Columns of `Leakage.files` and their types."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leakage:
    """Pictures that two splits of a data set share.

    Attributes
    ----------
    files
        A row for each file of both splits, by split and path, `FILES`: twin_path and twin_class
        belong to a copy in the other split (or, if there is none, in its own); keep and reason tell
        whether the file stays in a data set without leaks, and why not.
    by_class
        For each class: test (files), leaked (test files with a twin in train), share (0 to 1),
        train_before, train_after, test_before, test_after (files, before and after dropping).
    conflicts
        A row for each pair of files that show the same picture under two classes: path, split,
        class_name, twin_path, twin_split, twin_class.
    roots
        Folders of the splits ``train`` and ``test``.
    """

    files: pd.DataFrame
    by_class: pd.DataFrame
    conflicts: pd.DataFrame
    roots: Mapping[str, str]

    @property
    def keep(self) -> pd.DataFrame:
        """The files of the data set without leaks: path, split, class_name."""
        rows = self.files[self.files["keep"]]
        return rows[["path", "split", "class_name"]].reset_index(drop=True)

    @property
    def drop(self) -> pd.DataFrame:
        """The files to leave out: path, split, class_name, twin_path, reason."""
        rows = self.files[~self.files["keep"]]
        columns = ["path", "split", "class_name", "twin_path", "reason"]
        return rows[columns].reset_index(drop=True)

    @property
    def exclusion(self) -> list[str]:
        """Paths to leave out, for ``ImageFolder(..., is_valid_file=lambda path: ...)``."""
        return [str(path) for path in self.drop["path"]]

    def save(self, folder: str | Path) -> Path:
        """Write ``keep.csv``, ``drop.csv`` and ``exclude.json`` (a list of paths) into a folder.

        The folder is made if missing. The files of the data set are neither changed nor removed.

        Raises
        ------
        SourceError
            If the path is invalid.
        StorageError, StorageDenied, StorageFull
            If they cannot be written.
        """
        target = given_path(folder, "the folder")
        with mapped_os_errors(target):
            target.mkdir(parents=True, exist_ok=True)
        # JSON, since names may contain line breaks.
        listed = json.dumps(self.exclusion, ensure_ascii=False, indent=1)
        for name, text in (
            ("keep.csv", "\ufeff" + to_csv(self.keep)),
            ("drop.csv", "\ufeff" + to_csv(self.drop)),
            ("exclude.json", listed),
        ):
            with atomic_write(target / name) as file:
                file.write(text.encode("utf-8", "backslashreplace"))
        return target

    @property
    def words(self) -> str:
        """The findings in two sentences."""
        test = self.files["split"] == "test"
        leaked = int(self.files.loc[test, "is_leak"].sum())
        total = int(test.sum())
        share = 100 * leaked / total if total else 0
        return (
            f"{leaked:,} of {count(total, 'test picture')} ({share:.1f} %) "
            f"{'has a twin' if leaked == 1 else 'have a twin'} in train. "
            f"{count(len(self.conflicts), 'pair')} of copies bear two labels."
        )

    def __repr__(self) -> str:
        return self.words

    def _repr_html_(self) -> str:
        return f"<div><p>{self.words}</p>{self.by_class.to_html(border=0, index=False)}</div>"


def leakage(
    clusters: pd.DataFrame,
    files: pd.DataFrame,
    train: str | os.PathLike[str],
    test: str | os.PathLike[str],
    *,
    conflicts: Conflicts = "drop",
) -> Leakage:
    """Find what two splits of a data set share.

    Test keeps all pictures, each once; copies of a test picture leave train; of several copies
    within a split the keeper of `clusters` stays, or else the first.

    Parameters
    ----------
    clusters
        Clusters of both folders, as from ``Workbench.clusters(folders=[train, test])``: cluster_id,
        path,
        is_keeper.
    files
        All files of both: path.
    train, test
        Folders of the splits.
    conflicts
        ``"drop"`` drops train pictures that have two labels in train; ``"keep"`` keeps one.

    Raises
    ------
    QueryError
        If one split is inside the other, or has no files.

    Examples
    --------
    >>> clusters = pd.DataFrame({"cluster_id": 0, "path": ["/t/cat/1.png", "/e/cat/2.png"],
    ...                          "is_keeper": [True, False]})
    >>> found = leakage(clusters, pd.DataFrame({"path": clusters["path"]}), "/t", "/e")
    >>> found
    1 of 1 test picture (100.0 %) has a twin in train. 0 pairs of copies bear two labels.
    >>> found.exclusion
    ['/t/cat/1.png']
    """
    if conflicts not in ("drop", "keep"):
        message = f"conflicts is {conflicts!r}; it must be 'drop' or 'keep'"
        raise QueryError(message)
    roots = {
        name: os.path.abspath(os.fspath(folder))  # noqa: PTH100  the catalog's form of paths
        for name, folder in (("train", train), ("test", test))
    }
    _require_apart(roots)
    table = _of_splits(files, roots)
    known = clusters[["cluster_id", "path", "is_keeper"]].dropna(subset=["path"])
    table = table.merge(known.drop_duplicates("path"), on="path", how="left")
    table["cluster_id"] = table["cluster_id"].astype("Int64")
    table["is_keeper"] = table["is_keeper"].fillna(False).astype(bool)
    table = table.sort_values(["split", "path"], ascending=[False, True], ignore_index=True)
    pairs = _conflicts(table)
    table = _with_twins(table)
    mixed = table.groupby("cluster_id")["class_name"].transform("nunique") > 1
    table["is_conflict"] = mixed.fillna(False).astype(bool)
    table = _with_choice(table, conflicts)
    for name, root in roots.items():
        if not (table["split"] == name).any():
            message = f"no file of {root!r} is known; ingest the folder first"
            raise QueryError(message)
    return Leakage(
        files=table[list(FILES)].astype(dict(FILES)),
        by_class=_by_class(table),
        conflicts=pairs,
        roots=roots,
    )


def _require_apart(roots: Mapping[str, str]) -> None:
    one, other = (root.rstrip(os.sep) + os.sep for root in roots.values())
    if one.startswith(other) or other.startswith(one):
        message = f"train is {roots['train']!r} and test {roots['test']!r}; neither may hold both"
        raise QueryError(message)


def _of_splits(files: pd.DataFrame, roots: Mapping[str, str]) -> pd.DataFrame:
    """List path, split and class_name of the files of both splits."""
    paths = files["path"].dropna().drop_duplicates().astype("str")
    parts = []
    for name, root in roots.items():
        start = root.rstrip(os.sep) + os.sep
        below = paths[paths.str.startswith(start)]
        inner = [path[len(start) :].partition(os.sep) for path in below.tolist()]
        # A file directly in a split has no class.
        classes = [first if separator else "" for first, separator, _ in inner]
        parts.append(
            pd.DataFrame({"path": below.to_numpy(), "split": name}).assign(
                class_name=pd.Series(classes, dtype="str")
            )
        )
    return pd.concat(parts, ignore_index=True)


def _conflicts(table: pd.DataFrame) -> pd.DataFrame:
    """List pairs of files in one cluster with different classes."""
    rows = table.dropna(subset=["cluster_id"])[["cluster_id", "path", "split", "class_name"]]
    rows = rows[rows.groupby("cluster_id")["class_name"].transform("nunique") > 1]
    rows = rows.assign(place=range(len(rows)))
    pairs = rows.merge(rows, on="cluster_id", suffixes=("", "_twin"))
    pairs = pairs[
        (pairs["place"] < pairs["place_twin"]) & (pairs["class_name"] != pairs["class_name_twin"])
    ]
    pairs = pairs.rename(
        columns={
            "path_twin": "twin_path",
            "split_twin": "twin_split",
            "class_name_twin": "twin_class",
        }
    )
    columns = ["path", "split", "class_name", "twin_path", "twin_split", "twin_class"]
    return pairs.sort_values(["place", "place_twin"])[columns].reset_index(drop=True)


def _with_twins(table: pd.DataFrame) -> pd.DataFrame:
    """Add is_leak, twin_path and twin_class: the first copy in the other split, or in its own."""
    firsts = table.dropna(subset=["cluster_id"]).drop_duplicates(["cluster_id", "split"])
    other_firsts = firsts[["cluster_id", "split", "path", "class_name"]]
    other_firsts = other_firsts.assign(
        split=other_firsts["split"].map({"train": "test", "test": "train"})
    )
    names = {"path": "twin_path", "class_name": "twin_class"}
    table = table.merge(other_firsts.rename(columns=names), on=["cluster_id", "split"], how="left")
    table["is_leak"] = table["twin_path"].notna() & table["cluster_id"].notna()
    # In its own split the twin is the first copy, or the second for the first.
    rest = table.dropna(subset=["cluster_id"])
    place = rest.groupby(["cluster_id", "split"]).cumcount()
    for number, wanted in ((0, place > 0), (1, place == 0)):
        other = rest[place == number].set_index(["cluster_id", "split"])
        rows = rest[wanted & rest["twin_path"].isna()]
        found = other.reindex(pd.MultiIndex.from_frame(rows[["cluster_id", "split"]]))
        table.loc[rows.index, "twin_path"] = found["path"].to_numpy()
        table.loc[rows.index, "twin_class"] = found["class_name"].to_numpy()
    return table


def _with_choice(table: pd.DataFrame, conflicts: Conflicts) -> pd.DataFrame:
    """Add keep and reason."""
    clustered = table["cluster_id"].notna()
    # The keeper comes first, then the order of the table.
    order = table.sort_values("is_keeper", ascending=False, kind="stable")
    again = order.duplicated(["cluster_id", "split"]).reindex(table.index) & clustered
    in_train = table["split"] == "train"
    leaks = table["is_leak"] & in_train
    labels = table.groupby(["cluster_id", "split"])["class_name"].transform("nunique")
    unclear = (labels > 1).fillna(False) & in_train if conflicts == "drop" else again & False
    reason = pd.Series("", table.index, "str")
    reason[again] = "another copy of it is kept"
    reason[unclear.astype(bool)] = "it bears two labels"
    reason[leaks] = "a copy of it is in test"
    return table.assign(keep=reason == "", reason=reason)


def _by_class(table: pd.DataFrame) -> pd.DataFrame:
    parts = {}
    for split in ("train", "test"):
        rows = table[table["split"] == split]
        parts[f"{split}_before"] = rows.groupby("class_name").size()
        parts[f"{split}_after"] = rows[rows["keep"]].groupby("class_name").size()
    test = table[table["split"] == "test"]
    parts["leaked"] = test[test["is_leak"]].groupby("class_name").size()
    frame = pd.DataFrame(parts).fillna(0).astype("int64").sort_index()
    frame.insert(0, "test", frame["test_before"])
    share = (frame["leaked"] / frame["test"].where(frame["test"] > 0)).fillna(0.0)
    frame = frame.assign(share=share.round(6)).rename_axis("class_name").reset_index()
    columns = ["class_name", "test", "leaked", "share", "train_before", "train_after"]
    return frame[[*columns, "test_before", "test_after"]].astype({"class_name": "str"})
