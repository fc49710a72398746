"""Which picture of a cluster the standard policy keeps."""

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask, Int64s


def keeper(members: pd.DataFrame) -> int:
    """The image_id that the standard policy keeps: most pixels, then most bytes, then the oldest.

    Pixels of a frame around the picture do not count: `within_frame` is the share of the area that
    surely lies within it, 0..1.

    Examples
    --------
    >>> keeper(pd.DataFrame({"image_id": [1, 2, 3], "width": [640, 800, 900],
    ...                      "height": [480, 600, 700],
    ...                      "within_frame": [1, 1, 0.7], "bytes": [9000, 8000, 9500]}))
    2
    """
    return int(members["image_id"].iloc[_ranking(members)[0]])


def _ranking(members: pd.DataFrame) -> Int64s:
    """Rows in the order in which the standard policy would keep them."""
    pixels = members["width"].to_numpy(np.int64) * members["height"].to_numpy(np.int64)
    shown = pixels * members["within_frame"].to_numpy(np.float64)
    return np.lexsort((members["image_id"], -members["bytes"].to_numpy(np.int64), -shown))


def keepers(members: pd.DataFrame) -> BoolMask:
    """Which rows are kept, bool (n,): one of each ``cluster_id``; columns as `keeper` takes them.

    Examples
    --------
    >>> keepers(pd.DataFrame({"cluster_id": [0, 0, 1], "image_id": [1, 2, 3],
    ...                       "width": [640, 800, 900], "height": [480, 600, 700],
    ...                       "within_frame": [1, 1, 1], "bytes": [9000, 8000, 9500]})).tolist()
    [False, True, True]
    """
    order = _ranking(members)
    _, first = np.unique(members["cluster_id"].to_numpy(np.int64)[order], return_index=True)
    return np.isin(np.arange(len(members)), order[first])
