"""Find files of a cluster that were reduced to few colours, such as a GIF made from a photograph.

They are saved without loss, so by their format they would seem to be better than their source.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from imgurer_kernel.common.types import BoolMask
from imgurer_kernel.fingerprint.original import OriginalFacts
from imgurer_kernel.review.measure import SAME_PLACE

# Photographs of 200,000 pixels have 20,000 colours and more; 16 tones for each of red, green and
# blue make 4,096. Smaller pictures have fewer by themselves, and so have gray ones.
_FEW, _FEW_GRAYS, _PIXELS_OF_EACH = 4096, 16, 8
# Levels between neighbouring pixels. Drawings, texts and screens are flat in most blocks: they have
# few colours from the start, and what else a JPEG of them shows came with its compression.
_TEXTURED = 1.0
_AS_LARGE = 0.9


def with_few_colours(view: pd.DataFrame, measured: Mapping[str, OriginalFacts]) -> BoolMask:
    """Find files with few colours where another one of their cluster has many, bool (n,).

    Parameters
    ----------
    view
        cluster_id, digest, state, damaged, label, width, height, is_gray.
    """
    found = np.zeros(len(view), np.bool_)
    facts = [measured.get(digest) for digest in view["digest"].tolist()] if measured else []
    pixels = view["width"].to_numpy(np.float64) * view["height"].to_numpy(np.float64)
    few = np.array([it is not None and it.colours is not None for it in facts], np.bool_)
    if not few.any():
        return found
    grays = view["is_gray"].to_numpy(bool)
    counts = np.array([np.inf if it is None or it.colours is None else it.colours for it in facts])
    few &= counts <= np.where(grays, _FEW_GRAYS, _FEW)
    few &= counts * _PIXELS_OF_EACH <= pixels
    good = (view["state"] == "present").to_numpy(bool) & ~view["damaged"].to_numpy(bool)
    good &= view["label"].isin(SAME_PLACE).to_numpy(bool) & ~few
    good &= np.array([it is not None and it.texture >= _TEXTURED for it in facts], np.bool_)
    clusters = view["cluster_id"].to_numpy()
    sources: dict[int, list[int]] = {}
    for row in np.flatnonzero(good & np.isin(clusters, clusters[few])).tolist():
        sources.setdefault(clusters[row], []).append(row)
    for row in np.flatnonzero(few).tolist():
        found[row] = any(
            pixels[other] >= _AS_LARGE * pixels[row] and grays[other] <= grays[row]
            for other in sources.get(clusters[row], [])
        )
    return found
