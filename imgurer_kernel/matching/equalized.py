"""Histogram equalization: find pictures whose tones were equalized, and do the same to others.

An equalized copy has other colours than its original all over: each channel was stretched by a
curve of its own, as far as a picture of one thing in other colours differs from it. After the
original is equalized, too, they are the same.
"""

from collections.abc import Mapping
from operator import index
from typing import SupportsIndex

import numpy as np

from imgurer_kernel.common.types import Float64s, UInt8s

_LEVELS = 256
_UNEVEN = 0.125
"""Largest difference of the distribution of a channel to an even one, as a share of the pixels.

Of thumbnails of 700 photographs four are below, of 350 equalized copies 96 %: to make them smaller
takes extremes away. Below 0.1 there is none of the photographs, and 93 % of the copies. To equalize
the other one for nothing does little, since this one is nearly even itself."""


class EqualizedPairs:
    """Pairs of pictures with the same tones; remembers by position which were equalized."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}

    def pair(
        self, pictures: Mapping[int, UInt8s], one: SupportsIndex, other: SupportsIndex
    ) -> tuple[UInt8s, UInt8s]:
        """Return two of the pictures; both equalized if one of the two was."""
        places = index(one), index(other)
        for place in places:
            if place not in self._known:
                self._known[place] = is_equalized(pictures[place])
        first, second = (pictures[place] for place in places)
        is_first, is_second = (self._known[place] for place in places)
        if is_first == is_second:
            return first, second
        return (first, equalized(second)) if is_first else (equalized(first), second)


def is_equalized(picture: UInt8s) -> bool:
    """Return whether every channel of a picture has all levels equally often.

    Parameters
    ----------
    picture
        uint8 (height, width, 3).

    Examples
    --------
    >>> ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    >>> is_equalized(ramp), is_equalized(ramp // 2)
    (True, False)
    """
    even = np.arange(1, _LEVELS + 1) / _LEVELS
    return all(
        np.abs(_distribution(channel) - even).max() < _UNEVEN for channel in _channels(picture)
    )


def equalized(picture: UInt8s) -> UInt8s:
    """Stretch every channel of a picture so that it has all levels about equally often.

    Parameters
    ----------
    picture
        uint8 (height, width, 3).

    Returns
    -------
    uint8 (height, width, 3)

    Examples
    --------
    >>> dark = np.repeat(np.array([[9, 10, 10, 11]], np.uint8)[..., None], 3, axis=2)
    >>> equalized(dark)[0, :, 0].tolist()
    [32, 128, 128, 223]
    """
    found = np.empty_like(picture)
    for number, channel in enumerate(_channels(picture)):
        shares = _distribution(channel)
        # The middle of what a level takes of the whole range.
        middle = (shares + np.append(0, shares[:-1])) / 2
        found[..., number] = np.round(middle * (_LEVELS - 1)).astype(np.uint8)[channel]
    return found


def _channels(picture: UInt8s) -> list[UInt8s]:
    return [picture[..., index] for index in range(3)]


def _distribution(channel: UInt8s) -> Float64s:
    """Return the share of pixels up to each level, float64 (256,)."""
    counts = np.bincount(channel.ravel(), minlength=_LEVELS)
    return np.cumsum(counts) / channel.size
