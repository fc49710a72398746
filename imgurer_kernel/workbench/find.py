"""Find duplicates in folders, with a store in the user's cache folder.

Files stay where they are, and nothing is written into the folders. What was read of them is kept
in one store for all folders in the user's cache folder, so that a second look reads only what is
new. Deleting that costs time, nothing else.
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
"""Names a folder that is taken instead of the user's cache folder."""


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
        Folders to look through, with all below them.
    between
        Only clusters with files of two or more of the folders: what of B is in A already?
    reference
        Folders whose files are never offered for removal; they are looked through too.
    exclude
        Patterns of files that are left out, as `imgurer_kernel.Workbench.clusters` takes them.
    min_size
        Fewest bytes of a file that is looked at.
    progress
        True for bars, False for silence.

    Returns
    -------
    DataFrame
        A row for each file of each cluster, as from `imgurer_kernel.Workbench.clusters`, with the
        label that the file has to the one that is kept; medoid_label has what it is to the medoid.
        In ``attrs`` also files and rejected: how many there were to look at, and how many of these
        could not be read as pictures; which, and why, a `Workbench` has in ``rejections`` after it
        has ingested them.

    Raises
    ------
    QueryError
        If no folder is given, or an argument is of no use.
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
    """Open the store that caches what was read of folders.

    Raises
    ------
    SettingsError
        If the settings of the environment are of no use.
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
        # All of them, or the answer would depend on what was measured at earlier times.
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
    clusters.attrs["rejected"] = int((taken["status"] == "rejected").sum())
    return clusters
