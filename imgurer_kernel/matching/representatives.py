"""Let one of many images with the same hash represent the others in the search.

A folder of blank pages would otherwise have more pairs than memory has room for.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Int64s, UInt64s

# Of more images than this with one hash only the first few are searched for.
MAX_DUPLICATES = 32
_REPRESENTATIVES = 4


def represented(
    whole: UInt64s, content: UInt64s, informative: BoolMask, frames: UInt64s | None = None
) -> BoolMask:
    """Mark the images that are represented by others, bool (n,); as `represent_duplicates`."""
    searched, _, _ = represent_duplicates(whole, content, informative, frames)
    mask = informative.copy()
    mask[searched] = False
    return mask


def represent_duplicates(
    whole: UInt64s, content: UInt64s, informative: BoolMask, frames: UInt64s | None = None
) -> tuple[Int64s, Int64s, Int64s]:
    """Choose the images that take part in the search, and pair the others with them.

    Parameters
    ----------
    whole, content, informative, frames
        As in `imgurer_kernel.matching.hash_candidates.ImageHashes`.

    Returns
    -------
    int64 (k,): images that take part, ascending; and int64 (m,) twice: each represented image with
    each representative of its hashes.
    """
    images = np.flatnonzero(informative)
    # Few images share even a row hash, and only those need the costly comparison of all columns.
    _, group, size = np.unique(whole[images, 0], return_inverse=True, return_counts=True)
    crowded = images[size[group] > MAX_DUPLICATES]
    # Animations that begin alike do not represent each other.
    columns = [whole, content] if frames is None else [whole, content, frames]
    both = np.concatenate([column[crowded] for column in columns], axis=1)
    _, group, size = np.unique(both, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    starts = np.cumsum(size) - size
    rank = np.empty(len(crowded), np.int64)
    rank[order] = np.arange(len(crowded)) - np.repeat(starts, size)
    others = (size[group] > MAX_DUPLICATES) & (rank >= _REPRESENTATIVES)
    first = order[starts[group[others]][:, None] + np.arange(_REPRESENTATIVES)]
    searched = np.setdiff1d(images, crowded[others], assume_unique=True)
    return searched, np.repeat(crowded[others], _REPRESENTATIVES), crowded[first].ravel()
