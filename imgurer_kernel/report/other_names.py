"""Find which files of clusters are other names of others: hard links and symbolic links (pure)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from imgurer_kernel.common.types import BoolMask, Int64s


def links_of(
    disk_files: Int64s,
    paths: Sequence[object],
    targets: Sequence[object],
    is_symbolic: BoolMask,
    *preferred: BoolMask,
) -> npt.NDArray[np.object_]:
    """Return for each file the path of the file that it is another name of, objects (n,).

    One name of each file on disk stands for it, and has None: no symbolic link, of the others the
    first preferred one. A symbolic link to a file that has no row has the path that it leads to.

    Parameters
    ----------
    disk_files
        int64 (n,): numbers of the files on disk, the same for all names of one; -1 if unknown.
    paths, targets
        Of the names, and what symbolic links lead to.
    is_symbolic
        bool (n,): symbolic links.
    preferred
        bool (n,) each: names to prefer, by the first one that tells them apart; then by row.

    Examples
    --------
    >>> symbolic, kept = np.array([True, False, False]), np.array([False, False, True])
    >>> links_of(np.array([5, 5, 5]), ["/s", "/a", "/b"], ["/b", None, None], symbolic, kept)
    array(['/b', '/b', None], dtype=object)
    """
    rows = np.arange(len(disk_files))
    # Files that are unknown on disk are names of nothing else.
    numbers = np.where(disk_files < 0, -1 - rows, disk_files)
    order = np.lexsort((*(~mask for mask in reversed(preferred)), is_symbolic, numbers))
    _, first, group = np.unique(numbers[order], return_index=True, return_inverse=True)
    stands = np.empty_like(rows)
    stands[order] = order[first[group]]
    found = np.full(len(rows), None, object)
    for row in np.flatnonzero((stands != rows) | is_symbolic).tolist():
        stand = stands[row]
        found[row] = targets[row] if is_symbolic[stand] else paths[stand]
    return found
