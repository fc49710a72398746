"""Judge pages by their originals: only these show whether the writing is the same."""

from typing import TYPE_CHECKING

import numpy as np

from imgurer_kernel.common.types import Float64s, Int64s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.covers import is_covered
from imgurer_kernel.matching.judgement import (
    COMPARED,
    IF_SAME,
    ORIGINALS,
    PAGE_AGREE,
    RELATION,
    UNREADABLE,
    UNSURE,
    WIDENED,
)
from imgurer_kernel.matching.relation import Relation
from imgurer_kernel.matching.shared_content import widened

if TYPE_CHECKING:
    from imgurer_kernel.matching.image_cache import ImageCache

_LITTLE_BAD = 0.1  # of originals with the same writing, half of them reduced
# What disagrees beside the three largest regions: nothing in copies with a note or a sticker, 0.003
# where one was reduced as well; 0.008 and more of forms with other entries, both of half the size.
_SCATTERED = 0.005
_SIDED = 0.2  # of what disagrees; a page with a sticker lacks 0.05 of it, other receipts 0.32
_OTHER_WRITING = 0.01  # lack in the originals: receipts that differ have 0.011 and more


def judge_originals(
    images: "ImageCache", first: Int64s, second: Int64s, maps: Float64s, judged: Float64s
) -> Float64s:
    """Judge pairs that ask for their originals.

    Parameters
    ----------
    images
        The pictures at the positions `first` and `second`, int64 (n,).
    maps
        float64 (n, 6).
    judged
        float64 (n, `JUDGEMENT_WIDTH`): judgements by `imgurer_kernel.matching.judgement.judge`.

    Returns
    -------
    The judgements, `COMPARED` or `UNREADABLE`; the relation of what is unreadable does not change.
    """
    content = images.contents(first, second)
    wide = judged[:, WIDENED] > 0
    content[wide] = widened(content[wide], maps[wide])
    measured, readable = images.originals.compare(first, second, maps, content)
    final = judged.copy()
    final[:, ORIGINALS] = np.where(readable, COMPARED, UNREADABLE)
    for row in np.flatnonzero(readable).tolist():
        found = measured[row]
        if judged[row, ORIGINALS] == UNSURE:
            same = _has_same_writing(found)
        else:
            same = not _has_other_writing(found) or is_covered(found)
        final[row, RELATION] = judged[row, IF_SAME] if same else Relation.SAME_LAYOUT
    return final


def _has_same_writing(found: Float64s) -> bool:
    if found[local.REST_BAD] > _SCATTERED:
        return False
    alike = found[local.LACK] < _OTHER_WRITING and found[local.BAD] <= _LITTLE_BAD
    return bool(alike and found[local.AGREE] >= PAGE_AGREE) or is_covered(found)


def _has_other_writing(found: Float64s) -> bool:
    least = max(_OTHER_WRITING, _SIDED * found[local.BAD])
    return bool(found[local.LACK] >= least)
