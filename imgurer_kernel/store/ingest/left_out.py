"""Decide which folders a walk leaves out: trash, caches, thumbnails, repositories and stores.

A copy in one of them cannot be relied on: emptying the trash or the cache deletes it. If it were
kept, and the copy in the user's own folder removed, the picture would be lost. A folder that the
user names is walked, whatever it is called.
"""

import os
from collections.abc import Iterable

from imgurer_kernel.common.globs import Exclusion
from imgurer_kernel.store.place import CATALOG, SNAPSHOTS

TRASH_FOLDER = ".imgurer-trash"
"""The folder to which duplicates of a folder are moved; nothing is ingested from it."""

LEFT_OUT = Exclusion(
    (
        # Trash of desktops, of Windows, of Android (files, too), of servers and of programs.
        *(TRASH_FOLDER, ".Trash", ".Trash-*", ".Trashes", ".trash", "*/share/Trash", ".trashed-*"),
        *("$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", "#recycle", "@Recycle", ".recycle"),
        *("files_trashbin", ".dtrash", ".stversions", ".dropbox.cache"),
        # What programs make again when they need it.
        *(".cache", ".thumbnails", "@eaDir", ".@__thumb"),
        # The contents of repositories, whose files are checked out beside them.
        *(".git", ".hg", ".svn", ".bzr", ".dvc"),
    )
)
"""Names of files and folders below a given one that are never walked."""


def is_store_folder(files: Iterable[str], folders: Iterable[str]) -> bool:
    """Return whether a folder with these entries is a store, possibly without its catalog.

    Examples
    --------
    >>> is_store_folder(["catalog.duckdb"], []), is_store_folder(["a.jpg"], ["thumbs"])
    (True, False)
    """
    return CATALOG in files or {SNAPSHOTS, "thumbs"} <= set(folders)


def in_left_out_folder(folder: str, root: str) -> bool:
    """Return whether a walk from a root would not reach a folder.

    Examples
    --------
    >>> in_left_out_folder("/a/.cache/b", "/a"), in_left_out_folder("/a/.git/b", "/a/.git")
    (True, False)
    """
    return folder.startswith(root.rstrip(os.sep) + os.sep) and LEFT_OUT.leaves_out(folder, root)
