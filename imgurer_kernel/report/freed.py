"""Compute what removing files would really free, on disk and in the store (pure).

Bytes on a disk belong to an inode, which may have several names, and bytes in the store to an
image, which may have several files. Both are free when the last of them is gone, and not before.
"""

from typing import Any

import numpy as np
import pandas as pd

from imgurer_kernel.common.arrays import distinct
from imgurer_kernel.common.types import BoolMask, Int64s

IN_PLACE = ("link", "reference")
"""How a file is kept whose bytes are those on disk, where it was found."""


def freed(files: pd.DataFrame, stays: BoolMask) -> tuple[Int64s, Int64s]:
    """Compute the bytes freed by each file if all those not kept are removed.

    Each inode and each image counts once, with the first of its files that goes, and not at all
    while one of them stays. So the sums are what is free in the end, and never promise more.

    Parameters
    ----------
    files
        Columns file_id, image_id, path, kept, bytes, device, inode (both null where unknown), and
        from a look at the disk links (names that the inode has, 0 where unknown, -1 for a symbolic
        link, which is none) and is_blob (whether the store's own copy is one of the names).
    stays
        bool (n,): which files are not removed.

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

    inode = _inodes(files)
    links, is_blob = files["links"].to_numpy(np.int64), files["is_blob"].to_numpy(bool)
    # Names of each inode: the distinct pairs of both, without symbolic links.
    path, paths = _codes(files["path"]), len(files) + 1
    pairs = distinct((inode * paths + path)[links >= 0])
    names = np.bincount(pairs // paths, minlength=len(files))[inode]
    # A name that the catalog does not know keeps the bytes, as the store does while it has them.
    held = stays | (is_blob & image_stays) | (links > names + is_blob) | (names == 0)
    on_disk = _first_of_each(inode, in_place & ~_any(inode, held))
    in_store = _first_of_each(image, ~in_place & ~image_stays)
    return np.where(on_disk, size, 0), np.where(in_store, size, 0)


def _inodes(files: pd.DataFrame) -> Int64s:
    """Number the inodes; files of unknown inodes count by path, uploads by id."""
    inode, device = (pd.factorize(files[name])[0] for name in ("inode", "device"))
    path, rows = pd.factorize(files["path"])[0], len(files)
    by_place = np.where(path >= 0, path, rows + pd.factorize(files["file_id"])[0])
    known = (inode >= 0) & (device >= 0)
    # Each is below the number of rows: none of the three kinds has a number of another.
    numbers = np.where(known, (2 + device.astype(np.int64)) * rows + inode, by_place)
    return pd.factorize(numbers)[0].astype(np.int64)


def _codes(values: "pd.Series[Any]") -> Int64s:
    """Number the distinct values, a missing one among them."""
    return pd.factorize(values, use_na_sentinel=False)[0].astype(np.int64)


def _any(groups: Int64s, mask: BoolMask) -> BoolMask:
    """Mark the rows in whose group any row is marked."""
    counted = np.bincount(groups, mask, minlength=1)
    return np.asarray(counted[groups] > 0, np.bool_)


def _first_of_each(groups: Int64s, chosen: BoolMask) -> BoolMask:
    """Mark the first chosen row of each group."""
    rows = np.flatnonzero(chosen)
    _, first = np.unique(groups[rows], return_index=True)
    mask = np.zeros(len(groups), np.bool_)
    mask[rows[first]] = True
    return mask
