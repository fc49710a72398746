"""Find files of a cluster that were made from another one of it: saved again, or with loss."""

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
_LOSSLESS = 100.0
# Of PNG files made from JPEG of these qualities and sizes, all of 12 photographs had traces of it;
# at quality 95 and more none had.
_TRACED_QUALITY, _TRACED_PIXELS = 92.0, 150_000
_SAME_PIXELS = frozenset({"medoid", "identical", "same pixels", "re-encoded"})


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


def made_with_loss(view: pd.DataFrame, measured: Mapping[str, OriginalFacts]) -> BoolMask:
    """Find JPEG files of which the cluster has the picture without loss, bool (n,).

    The file without loss has the same size and no trace of a compression, so it was not made from
    this JPEG: that was made from it, or both from one scan or raw file. Traces of higher
    qualities cannot be relied on to be found, but there is little to lose by them either. A camera
    writes no such file: where only the JPEG names one, the other may be an edit of it.

    Parameters
    ----------
    view
        cluster_id, digest, state, damaged, label, width, height, camera.
    """
    found = np.zeros(len(view), np.bool_)
    if not measured:
        return found
    facts = [measured.get(digest) for digest in view["digest"].tolist()]
    direct = view["label"].isin(_SAME_PIXELS).to_numpy(bool)
    masters = direct & (view["state"] == "present").to_numpy(bool)
    masters &= ~view["damaged"].to_numpy(bool)
    masters &= np.array([it is not None and _is_without_loss(it) for it in facts], np.bool_)
    masters &= (view["width"] * view["height"] >= _TRACED_PIXELS).to_numpy(bool)
    if not masters.any():
        return found
    sides = np.sort(view[["width", "height"]].to_numpy(np.int64), axis=1)
    clusters, of_camera = view["cluster_id"].to_numpy(), view["camera"].notna().to_numpy(bool)
    for row in np.flatnonzero(direct & np.isin(clusters, clusters[masters])).tolist():
        own = facts[row]
        if own is None or not own.steps or (own.quality or 100) > _TRACED_QUALITY:
            continue
        others = masters & (clusters == clusters[row]) & (sides == sides[row]).all(axis=1)
        found[row] = (others & (of_camera >= of_camera[row])).any()
    return found


def _is_without_loss(facts: OriginalFacts) -> bool:
    return facts.worst_quality == _LOSSLESS and facts.colours is None


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
