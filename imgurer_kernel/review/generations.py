"""Find files of a cluster that were saved again, at finer quality, from another one of it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.fingerprint.recompression import TURNED

# Adjacent qualities, which histograms cannot always separate, differ by 1 to 8 % in their steps;
# qualities five apart differ by 10 % and more.
_SAME_STEPS = 0.08
# A copy has at most as many pixels as its source; one row more proves nothing.
_AS_LARGE = 0.98


def saved_again(view: pd.DataFrame, measured: Mapping[str, OriginalFacts]) -> BoolMask:
    """Find files that are copies of another one saved at a higher quality, bool (n,).

    The earlier quantization steps of a file that was compressed twice are those of another JPEG of
    its cluster, which is present, undamaged and not smaller.

    Parameters
    ----------
    view
        cluster_id, digest, state, damaged, width, height.
    """
    found = np.zeros(len(view), np.bool_)
    if not measured:
        return found
    facts = [measured.get(digest) for digest in view["digest"].tolist()]
    copies = np.array([it is not None and bool(it.earlier_steps) for it in facts], np.bool_)
    if not copies.any():
        return found
    good = (view["state"] == "present").to_numpy(bool) & ~view["damaged"].to_numpy(bool)
    jpegs = np.array([it is not None and bool(it.steps) for it in facts], np.bool_) & good
    clusters = view["cluster_id"].to_numpy()
    pixels = view["width"].to_numpy(np.float64) * view["height"].to_numpy(np.float64)
    sources = np.flatnonzero(jpegs & np.isin(clusters, clusters[copies]))
    by_cluster: dict[int, list[int]] = {}
    for row in sources.tolist():
        by_cluster.setdefault(clusters[row], []).append(row)
    for row in np.flatnonzero(copies).tolist():
        copy = facts[row]
        assert copy is not None  # noqa: S101 (the loop visits copies only)
        found[row] = any(
            source is not None
            and pixels[other] >= _AS_LARGE * pixels[row]
            and has_steps(copy.earlier_steps, source.steps)
            for other in by_cluster.get(clusters[row], [])
            if (source := facts[other]) is not copy
        )
    return found


def has_steps(earlier: Sequence[int], steps: Sequence[int]) -> bool:
    """Return whether a file's steps match earlier steps, where 0 means unknown.

    Examples
    --------
    >>> has_steps((8, 0, 6, 7, 0), (8, 6, 6, 7, 6)), has_steps((8, 0, 6, 7, 0), (5, 3, 4, 4, 4))
    (True, False)
    """
    first, second = np.array(earlier, np.float64), np.array(steps, np.float64)
    known = np.flatnonzero(first)
    if not len(known):
        return False
    turned = second[list(TURNED)] if len(second) == len(TURNED) else second
    off = [np.mean(np.abs(first[known] / each[known] - 1)) for each in (second, turned)]
    return bool(min(off) <= _SAME_STEPS)
