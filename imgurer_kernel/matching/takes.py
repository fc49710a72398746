"""Rules for takes: pictures of one scene, taken again, and of one thing that has turned.

A photograph of another moment agrees nearly everywhere. What tells is where it does not: blocks
that are sure of a shift that no bend explains, and places where each has what the other lacks.
`imgurer_kernel.matching.relation` asks these rules; features are named in
`imgurer_kernel.matching.local_agreement`.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.drawings import GRAY_BELOW, LETTERED, PLAIN

_GONE, _GONE_TOO, _STRAY = 0.063, 0.02, 0.05  # shares of the blocks
_RICH = 110  # blocks with texture
_BLURRED = 0.3  # steepness of the steepest blocks
_SMALL_FACE, _SMALL_SHARP = 100, 80  # pixels of the grid
_PHOTO = 0.25  # share of one gray, of which drawings on a ground have more
_UNLIT = 4.0  # levels that a change of light leaves, 98 of 100 cells


def is_other_take(features: Float64s) -> BoolMask:
    """Tell which pairs of pictures that agree are of two moments, or of two sides of a thing.

    Parameters
    ----------
    features
        float64 (n, `local_agreement.FEATURES`).

    Returns
    -------
    bool (n,).
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    agree, stray = of(local.AGREE), of(local.STRAY)
    # Objects that were turned a little: 0.37 and more of their sure blocks stray, of copies 0.21 at
    # most; beyond a change of light a sixth is enough.
    known = agree >= local.STRAY_FROM
    another = known & (((stray > 0.15) & (of(local.LIGHTNESS) > 4)) | (stray > 0.3))
    another |= ((agree >= 30) & (stray > 0.55)) | _turned(features)
    # Along edges of one direction blocks see no shift; a coat has few others, yet enough.
    sure = (of(local.CROSS) > 0.3) | ((of(local.CROSS) > 0.12) & (agree >= _RICH) & (stray > 0.4))
    another &= sure & (of(local.PLAIN) < PLAIN)
    # What is blurred has shifts that no edge holds: where all blocks agree nothing has moved.
    another &= (
        (of(local.BAD) > 0)
        | (of(local.LACK) > 0)
        | (of(local.Q25) < 0.85)
        | (of(local.EDGE) > _BLURRED)
    )
    found: BoolMask = another | _went_on(features)
    return found


def _went_on(features: Float64s) -> BoolMask:
    """Tell where something went on before a camera that moved, and all else agrees.

    Each picture has what the other lacks there, as where something was put on one of them; but of
    stickers and pasted pictures at most 0.04 of the other blocks stray. Of 2,300 pairs of copies of
    photographs none lacks so much and strays; of frames of films with a moving camera most do.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    much = (of(local.LACK) > _GONE) & (of(local.BIG) >= _GONE) & (of(local.STRAY) > _STRAY)
    some = (of(local.LACK) > _GONE_TOO) & (of(local.BIG) > 0) & (of(local.STRAY) > 0.1)
    found: BoolMask = (much | some) & (of(local.LACK) > 0.3 * of(local.BAD))
    found &= (of(local.REST_Q25) >= 0.85) & (of(local.REST_BAD) <= 0.05)
    found &= (of(local.LETTERS) < LETTERED) & (of(local.PLAIN) < PLAIN)
    return found & (of(local.TEXTURE) >= _RICH)


def _turned(features: Float64s) -> BoolMask:
    """Tell which small pictures are of one thing, turned a little: many blocks stray.

    Faces of 92 pixels, whole and at half the size: copies have 0.09 at most, other shots 0.18 and
    more in 19 of 20.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    stray = (of(local.STRAY) > 0.15) & (of(local.SIDE) < _SMALL_FACE)
    # Both small: 0.07 of the blocks of 500 copies stray where light leaves 4 levels, of 2; of other
    # shots that are that much alike two thirds. In one light it leaves 5 levels of copies at most.
    small = (of(local.GROUND) > 0) & (np.maximum(of(local.GROUND), of(local.PLAIN)) < _PHOTO)
    # A JPEG changes colours by more.
    small &= np.maximum(of(local.COLOURED), of(local.OTHER_COLOURED)) < GRAY_BELOW
    stray |= small & (of(local.STRAY) > 0.07) & (of(local.TONE_98) > _UNLIT)
    least = np.where(of(local.SIDE) < _SMALL_SHARP, _UNLIT, 1.4 * _UNLIT)
    in_one_light = np.abs(of(local.GAIN) - 1) <= 0.06
    found: BoolMask = stray | (small & in_one_light & (of(local.TONE_98) > least))
    found &= (of(local.AGREE) >= 20) & (of(local.CROSS) > 0.3) & (of(local.PLAIN) < PLAIN)
    return found & (of(local.GROUND) < PLAIN)
