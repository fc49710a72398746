"""Compute the bytes that removing files really frees, on disk and in the store (pure).

Bytes on disk belong to an inode, which may have several names; bytes in the store belong to an
image, which may have several files. Both are freed with the last name or file.
"""

from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.types import BoolMask, Int64s

IN_PLACE = ("link", "reference")
"""How a file is kept if its only bytes are those on disk, at its path."""


def freed(
    files: pd.DataFrame, stays: BoolMask, disk_file: Int64s | None = None
) -> tuple[Int64s, Int64s]:
    """Compute the bytes freed by each file if all files but the kept ones are removed.

    Each inode and each image counts once, with the first of its removed files, and not at all if
    one of them stays. So the sums are the bytes freed in the end. A symbolic link frees nothing.

    Parameters
    ----------
    files
        Columns file_id, image_id, path, kept, bytes, device, inode (both null if unknown), and as
        read from disk links (names of the inode, 0 if unknown, -1 for a symbolic link, which is
        none) and is_blob (whether the store's own copy is one of the names).
    stays
        bool (n,): files that are not removed.
    disk_file
        int64 (n,): `disk_files`, if they are known.

    Returns
    -------
    on_disk, in_store
        int64 (n,) each, in bytes.

    Examples
    --------
    >>> files = pd.DataFrame({"file_id": [1, 2, 3], "image_id": [1, 1, 1],
    ...                       "path": ["/a", "/b", "/c"], "kept": "reference", "bytes": 9,
    ...                       "device": 1, "inode": [5, 7, 7], "links": 0, "is_blob": False})
    >>> freed(files, np.array([True, False, False]))[0].tolist()
    [0, 9, 0]
    """
    size = files["bytes"].to_numpy(np.int64)
    in_place = files["kept"].isin(IN_PLACE).to_numpy(bool)
    image = pd.factorize(files["image_id"])[0]
    image_stays = _any(image, stays)

    inode = disk_files(files) if disk_file is None else disk_file
    links, is_blob = files["links"].to_numpy(np.int64), files["is_blob"].to_numpy(bool)
    names = _names(inode, links >= 0, files["path"])
    # A name unknown to the catalog holds the bytes, and so does the store's copy while needed.
    held = stays | (is_blob & image_stays) | (links > names + is_blob) | (names == 0)
    on_disk = _first_of_each(inode, in_place & (links >= 0) & ~_any(inode, held))
    in_store = _first_of_each(image, ~in_place & ~image_stays)
    return np.where(on_disk, size, 0), np.where(in_store, size, 0)


def disk_files(files: pd.DataFrame) -> Int64s:
    """Number the files on disk by inode; those with unknown inodes by path, uploads by id."""
    inode, device = (pd.factorize(files[name])[0] for name in ("inode", "device"))
    rows = len(files)
    # Each part is below the number of rows, so the three kinds do not collide.
    numbers = (2 + device.astype(np.int64)) * rows + inode
    unknown = np.flatnonzero((inode < 0) | (device < 0))
    if len(unknown):  # only of these, since comparing texts is slow
        path = pd.factorize(files["path"].iloc[unknown])[0]
        by_id = rows + pd.factorize(files["file_id"].iloc[unknown])[0]
        numbers[unknown] = np.where(path >= 0, path, by_id)
    return pd.factorize(numbers)[0].astype(np.int64)


def _names(inode: Int64s, counts: BoolMask, path: "pd.Series[Any]") -> Int64s:
    """Count for each file the distinct paths of its inode, of the files that count."""
    rows = np.bincount(inode[counts], minlength=len(inode))
    # Most have one name, and comparing texts is slow.
    several = np.flatnonzero(counts & (rows[inode] > 1))
    paths = len(several) + 1
    pairs = distinct(inode[several] * paths + _codes(path.iloc[several]))
    names = np.minimum(rows, 1)
    names[rows > 1] = np.bincount(pairs // paths, minlength=len(inode))[rows > 1]
    return names[inode]


def _codes(values: "pd.Series[Any]") -> Int64s:
    """Number the distinct values; missing counts as a value."""
    return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)


def _any(groups: Int64s, mask: BoolMask) -> BoolMask:
    """Mark the rows of groups in which any row is marked."""
    counted = np.bincount(groups, mask, minlength=1)
    return np.asarray(counted[groups] > 0, np.bool_)


def _first_of_each(groups: Int64s, chosen: BoolMask) -> BoolMask:
    """Mark the first chosen row of each group."""
    rows = np.flatnonzero(chosen)
    _, first = np.unique(groups[rows], return_index=True)
    mask = np.zeros(len(groups), np.bool_)
    mask[rows[first]] = True
    return mask
