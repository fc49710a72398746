"""Name the functions that return pictures of images by their ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgurer_kernel.common.types import Int64s, UInt8s

Load = Callable[[Int64s], UInt8s]
"""Gives the pictures of image ids, int64 (k,), in their order: uint8 (k, side, side)."""

LoadColours = Callable[[Int64s], Sequence[UInt8s]]
"""Gives pictures in colour, uint8 (height, width, 3) each, red, green and blue."""

LoadOriginals = Callable[[Int64s], Sequence[UInt8s | None]]
"""Gives originals in colour, as above, reduced; None for one that cannot be read."""

LoadTimes = Callable[[Int64s], Int64s]
"""Gives when pictures were taken, in seconds of the camera's clock; 0 where that is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureLoaders:
    """Functions that return pictures by image id; None where pictures of a kind are not used.

    Attributes
    ----------
    grays
        Gives 64x64 grays, to align and correlate pictures.
    thumbnails
        Gives 256x256 grays, to compare them block by block.
    colours
        Gives thumbnails in colour.
    taken
        Gives when pictures were taken.
    originals
        Gives originals, reduced to about `imgurer_kernel.matching.judgement.ORIGINAL_SIDE`.
    """

    grays: Load
    thumbnails: Load | None = None
    colours: LoadColours | None = None
    taken: LoadTimes | None = None
    originals: LoadOriginals | None = None
