"""Find duplicates in folders, with a store in the user's cache folder.

Files stay where they are, and nothing is written to their folders. Their fingerprints are cached in
one store for all folders, in the user's cache folder, so that a second run reads new files only.
Deleting the cache costs time only.
"""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path

import pandas as pd
import platformdirs

from imgurer_kernel.common.progress import ProgressOption
from imgurer_kernel.errors import QueryError
from imgurer_kernel.settings import Settings
from imgurer_kernel.workbench.clusters.file_selection import FileSelection, Folder
from imgurer_kernel.workbench.workbench import Workbench

CACHE_VARIABLE = "IMGURER_CACHE"
"""Environment variable that names a folder to use instead of the user's cache folder."""


def find_duplicates(
    *folders: Folder,
    between: bool = False,
    reference: Folder | Iterable[Folder] = (),
    exclude: str | Iterable[str] = (),
    min_size: int = 0,
    progress: ProgressOption = True,
) -> pd.DataFrame:
    """Find duplicates in folders; nothing is copied, moved or changed.

    Parameters
    ----------
    folders
        Folders to search, with all folders below them.
    between
        Only clusters with files of two or more of the folders: which files of B are in A already?
    reference
        Folders whose files are never offered for removal; they are searched too.
    exclude
        Patterns of files to leave out, as in `imgurer_kernel.Workbench.clusters`.
    min_size
        Smallest file to read, in bytes.
    progress
        True for bars, False for silence.

    Returns
    -------
    DataFrame
        A row for each file of each cluster, as from `imgurer_kernel.Workbench.clusters`, with the
        label of the file against its keeper, and in medoid_label against the medoid. ``attrs`` also
        has files and rejected: the number of files read, and of those among them that are no
        readable pictures. For their names and reasons ingest them with a `Workbench`, and see its
        ``rejections``.

    Raises
    ------
    QueryError
        If no folder is given, or an argument is invalid.
    SourceError
        If a folder does not exist.
    """
    with open_cache() as workbench:
        return find_in(
            workbench,
            *folders,
            between=between,
            reference=reference,
            exclude=exclude,
            min_size=min_size,
            progress=progress,
        )


def open_cache() -> AbstractContextManager[Workbench]:
    """Open the store that caches the fingerprints of folders.

    Raises
    ------
    SettingsError
        If the settings of the environment are invalid.
    """
    return Workbench(Settings.from_env(root=cache_folder(), store="reference"))


def cache_folder() -> Path:
    """Return the folder of that store: ``imgurer/find`` in the user's cache folder."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE]).expanduser().absolute() / "find"
    return platformdirs.user_cache_path("imgurer", appauthor=False) / "find"


def find_in(
    workbench: Workbench,
    *folders: Folder,
    between: bool,
    reference: Folder | Iterable[Folder],
    exclude: str | Iterable[str],
    min_size: int,
    progress: ProgressOption,
) -> pd.DataFrame:
    """Ingest the folders and cluster their pictures; see `find_duplicates`."""
    if not folders:
        message = "no folder was given; name one or more to look through"
        raise QueryError(message)
    selection = FileSelection.parse(
        folders=folders,
        between=between,
        reference=reference,
        exclude=exclude,
        min_size=min_size,
    )
    taken = workbench.ingest(
        selection.roots, progress=progress, exclude=selection.exclude, min_size=min_size
    )
    clusters = workbench.clusters(
        folders=folders,
        between=between,
        reference=[os.fsdecode(folder) for folder in selection.reference],
        exclude=selection.exclude,
        min_size=min_size,
        # Measure all: otherwise the answer would depend on what earlier runs have measured.
        measure=True,
        progress=progress,
    )
    if len(clusters):
        labels = workbench.queue(clusters, reference=reference, progress=progress)
        clusters = clusters.assign(
            label=clusters["file_id"].map(labels.set_index("file_id")["label"]).astype("str"),
            medoid_label=clusters["label"],
        )
    clusters.attrs["files"] = len(taken)
    for name in taken.attrs.keys() & {"left_out", "left_out_examples"}:
        clusters.attrs[name] = taken.attrs[name]
    clusters.attrs["rejected"] = int((taken["status"] == "rejected").sum())
    return clusters
