"""Words for what was found: what became of one picture that another came about."""

from typing import Literal

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Int64s, UInt8s
from imgurer_kernel.matching.difference import Closeup, look_closely, plain_sides
from imgurer_kernel.matching.labels import Appearance, Label, label
from imgurer_kernel.matching.pair_table import SAME, SAME_LAYOUT, Pairs
from imgurer_kernel.matching.verify import Prepared

Word = Label | Literal["unverified"]

_CHUNK = 64


def appearance(width: int, height: int, grays: UInt8s, seen: Prepared, position: int) -> Appearance:
    """What a word depends on, of a picture that was prepared."""
    left, top, right, bottom = seen.content[position].tolist()
    return Appearance(
        width=width,
        height=height,
        grays=grays,
        content=(left, top, right, bottom),
        plain_sides=plain_sides(seen.pictures[position]),
    )


def look(pairs: Pairs, seen: Prepared, first: Int64s, second: Int64s) -> list[Closeup]:
    """What lies between the two pictures of each pair, which `seen` has at `first` and `second`."""

    def work(k: int) -> list[Closeup]:
        part = slice(k, k + _CHUNK)
        one, other = first[part], second[part]
        content = np.stack((seen.content[one], seen.content[other]), axis=1)
        pictures = seen.pictures[one], seen.pictures[other]
        return look_closely(*pictures, content, pairs.maps[part], pairs.measures[part, 0])

    if len(pairs) <= _CHUNK:
        return work(0)
    return [found for some in in_order(work, range(0, len(pairs), _CHUNK)) for found in some]


def word_for(pairs: Pairs, row: int, one: Appearance, other: Appearance, close: Closeup) -> Word:
    """The word for one of the pairs."""
    if pairs.status[row] == SAME_LAYOUT:
        return "same layout"
    if pairs.status[row] != SAME:
        return "unverified"
    return label(one, other, int(pairs.orientation[row]), close)
