"""Rules for takes: pictures of one scene taken again, and of an object that was turned.

A photograph of another moment agrees nearly everywhere. It is recognized where it does not: by
blocks with a sure shift that the fitted warp does not explain, and by places where each has what
the other lacks. `imgurer_kernel.matching.relation` uses these rules; features are named in
`imgurer_kernel.matching.local_agreement`.
"""

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.drawings import GRAY_BELOW, LETTERED, PLAIN
from imgurer_kernel.matching.local_motion import LocalMotion
from imgurer_kernel.matching.moved_content import MovedContent

_GONE, _GONE_TOO, _STRAY = 0.063, 0.02, 0.05  # shares of the blocks
_RICH = 110  # blocks with texture
_BLURRED = 0.3  # steepness of the steepest blocks
_SMALL_FACE, _SMALL_SHARP = 100, 80  # pixels of the grid
_PHOTO = 0.25  # share of one gray, of which drawings on a ground have more
_UNLIT = 4.0  # levels that a change of light leaves, 98 of 100 cells
_OCCASION = 900  # seconds
_FEW_BAD = 0.04
_SAME_VIEW, _UPRIGHT, _SOME_LACK = 0.7, 0.08, 0.3
_LEAST_OVERLAP, _ZOOM = 0.8, 1.25  # of frames 0.4 s apart; crops and collages have other maps
# Dark and pale people before a pale ground: of 800 edited photographs 4 have so much in common.
_ALL_COMMON, _ALL_SHARE, _ALL_LACK, _ALL_LETTERS, _ALL_CUT = 0.75, 0.04, 0.35, 0.92, 0.08
_TEXTURE, _LEAST_SHARE = 90, 0.015  # blocks; share of the blocks
# Captions, watermarks and edited places on photographs have less in 6 of 7, frames in 1 of 20:
# writing leaves most points of a block as they were, a scene changes most of them.
_BY_POINTS, _EXCHANGED, _MOST_POINTS = 0.3, 0.55, 0.65
# Levels: a pale watermark differs by 16; stickers elsewhere on two copies by more than scenes do.
_LEVELS, _MOST_LEVELS = 17.5, 80.0
# Evidence that something moved is a sum, fitted to frames of films by a static camera, against
# stickers, pasted pictures, emoji, speech bubbles and retouched places on photographs.
_BY_LACK, _BY_STRAY, _MOST_STRAY, _BY_SHARE, _ENOUGH = 0.7, 14.5, 0.1, 0.19, 0.92

# Small motion: all frames of a face in which it shows have more blocks that stray slightly, and
# agree less; of copies two in five.
_FEW_STRAY, _ALL_AGREE = 0.05, 0.96
_STRETCHED = 1.18  # two crops on one another, which maps fit badly
_MOVED_BLOCKS, _MOVED_SHARE = 4, 0.035


def is_other_take(features: Float64s) -> BoolMask:
    """Mark pairs that agree but show two moments of a scene, or two sides of an object.

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
    # most. If the light has changed, too, a sixth is enough.
    known = agree >= local.STRAY_FROM
    another = known & (((stray > 0.15) & (of(local.LIGHTNESS) > 4)) | (stray > 0.3))
    another |= ((agree >= 30) & (stray > 0.55)) | _turned(features)
    # Along edges of one direction no shift is measurable; a coat has few other edges, but enough.
    measurable = (of(local.CROSS) > 0.3) | (
        (of(local.CROSS) > 0.12) & (agree >= _RICH) & (stray > 0.4)
    )
    another &= measurable & (of(local.PLAIN) < PLAIN)
    # Shifts in blurred pictures are not reliable: where all blocks agree, nothing has moved.
    another &= (
        (of(local.BAD) > 0)
        | (of(local.LACK) > 0)
        | (of(local.Q25) < 0.85)
        | (of(local.EDGE) > _BLURRED)
    )
    found: BoolMask = another | _moved_with_camera(features)
    return found


def _moved_with_camera(features: Float64s) -> BoolMask:
    """Mark pairs in which something moved before a moving camera, and all else agrees.

    Each picture has what the other lacks there, as where something was put on one of them; but of
    stickers and pasted pictures at most 0.04 of the other blocks stray. Of 2,300 pairs of copies of
    photographs none lacks so much and strays; of frames of films with a moving camera most do.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    large = (of(local.LACK) > _GONE) & (of(local.BIG) >= _GONE) & (of(local.STRAY) > _STRAY)
    small = (of(local.LACK) > _GONE_TOO) & (of(local.BIG) > 0) & (of(local.STRAY) > 0.1)
    found: BoolMask = (large | small) & (of(local.LACK) > 0.3 * of(local.BAD))
    found &= (of(local.REST_Q25) >= 0.85) & (of(local.REST_BAD) <= 0.05)
    found &= (of(local.LETTERS) < LETTERED) & (of(local.PLAIN) < PLAIN)
    return found & (of(local.TEXTURE) >= _RICH)


def may_have_moved(features: Float64s, maps: Float64s) -> BoolMask:
    """Mark the pairs that `have_moved` may mark, before their colours are compared.

    A static camera sees all of the scene each time, at the same angle; copies of its frames may be
    cropped a little, or mirrored.

    Parameters
    ----------
    features, maps
        float64 (n, `local_agreement.FEATURES`), (n, 6).

    Returns
    -------
    bool (n,).
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    # The upper bound: as if all colours were common in a third of the blocks.
    most = 1 + _BY_SHARE * np.log(1 / 3)
    found: BoolMask = most + _from_blocks(features) > _ENOUGH
    found &= of(local.LACK) >= _SOME_LACK * of(local.BAD)
    found &= _has_no_letters(features)
    found |= _may_have_all_common(features)
    turned = np.abs(maps[:, [1, 3]]).max(axis=1) > _UPRIGHT
    found &= (of(local.SHARE) >= _SAME_VIEW) & ~turned
    found &= (of(local.PLAIN) < PLAIN) & (of(local.NEGATIVE) <= 0) & (of(local.CAPTIONS) <= 0)
    # Gray pictures, such as radiographs, have nearly all grays in common.
    found &= np.minimum(of(local.COLOURED), of(local.OTHER_COLOURED)) >= GRAY_BELOW
    return found & (of(local.TEXTURE) >= _TEXTURE)


def have_moved(features: Float64s, moved: Sequence[MovedContent]) -> BoolMask:
    """Mark the pairs in which something moved before a static camera.

    Where they differ, each has the colours of the other, but lacks detail of the other; blocks
    beside it may have moved a little.

    Parameters
    ----------
    features, moved
        float64 (n, `local_agreement.FEATURES`), and one for each pair.

    Returns
    -------
    bool (n,).
    """
    rows = [astuple(each) for each in moved]
    share, difference, common, points, exchanged = np.array(rows, np.float64).reshape(-1, 5).T
    evidence = common + _BY_SHARE * np.log(np.maximum(share, _LEAST_SHARE))
    found: BoolMask = evidence + _from_blocks(features) > _ENOUGH
    found &= _has_no_letters(features)
    found |= _may_have_all_common(features) & (common >= _ALL_COMMON) & (share >= _ALL_SHARE)
    found &= (difference >= _LEVELS) & (difference <= _MOST_LEVELS)
    exchange = (exchanged + _BY_POINTS * points >= _EXCHANGED) | (points >= _MOST_POINTS)
    return found & (share >= _LEAST_SHARE) & exchange


def may_show_motion(features: Float64s, maps: Float64s) -> BoolMask:
    """Mark the pairs that `show_motion` may mark, before their blocks are compared at small shifts.

    Parameters
    ----------
    features, maps
        float64 (n, `local_agreement.FEATURES`), (n, 6).

    Returns
    -------
    bool (n,).
    """
    scales = np.abs(maps[:, [0, 4]])
    found: BoolMask = (scales.max(axis=1) <= _STRETCHED) & (scales.min(axis=1) * _STRETCHED >= 1)
    found &= np.abs(maps[:, [1, 3]]).max(axis=1) <= _UPRIGHT
    # Drawings have fewer blocks with texture, of which few decide.
    found &= (features[:, local.SHARE] >= _SAME_VIEW) & (features[:, local.TEXTURE] >= _TEXTURE)
    found &= (features[:, local.SLIGHT_STRAY] >= _FEW_STRAY) & (features[:, local.Q25] < _ALL_AGREE)
    return found & (features[:, local.NEGATIVE] <= 0) & (features[:, local.CAPTIONS] <= 0)


def show_motion(motions: Sequence[LocalMotion]) -> BoolMask:
    """Mark the pairs in which several blocks moved a little, each with a neighbor, bool (n,).

    Examples
    --------
    >>> show_motion([LocalMotion(blocks=9, share=0.08), LocalMotion(blocks=3, share=0.05)]).tolist()
    [True, False]
    """
    rows = [(each.blocks >= _MOVED_BLOCKS) & (each.share >= _MOVED_SHARE) for each in motions]
    return np.array(rows, np.bool_)


def _has_no_letters(features: Float64s) -> BoolMask:
    """Mark pairs without writing; a few blocks of moving content may resemble letters."""
    few_blocks = (features[:, local.BAD] < _FEW_BAD) & (features[:, local.STRAY] > _STRAY)
    found: BoolMask = (features[:, local.LETTERS] < LETTERED) | few_blocks
    return found


def _may_have_all_common(features: Float64s) -> BoolMask:
    """Mark pairs that common colours alone may decide: each lacks something, but no strip."""
    lack = features[:, local.LACK] >= _ALL_LACK * np.maximum(features[:, local.BAD], _FEW_BAD)
    whole = features[:, local.CUT] <= _ALL_CUT
    found: BoolMask = lack & whole & (features[:, local.LETTERS] <= _ALL_LETTERS)
    return found


def _from_blocks(features: Float64s) -> Float64s:
    """Return what blocks add to the evidence that something moved, float64 (n,)."""
    lack = features[:, local.LACK] / np.maximum(features[:, local.BAD], 0.01)
    stray: Float64s = np.minimum(features[:, local.STRAY], _MOST_STRAY)
    return _BY_LACK * lack + _BY_STRAY * stray


def _turned(features: Float64s) -> BoolMask:
    """Mark small pictures of one object that was turned a little: many blocks stray.

    Faces of 92 pixels, whole and at half the size: copies have 0.09 at most, other shots 0.18 and
    more in 19 of 20.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    stray = (of(local.STRAY) > 0.15) & (of(local.SIDE) < _SMALL_FACE)
    # Both small: of 500 copies 2 have 0.07 of their blocks stray where a fit of light leaves 4
    # levels; of other shots that are so alike, two thirds. In one light it leaves 5 levels of
    # copies at most.
    small = (of(local.GROUND) > 0) & (np.maximum(of(local.GROUND), of(local.PLAIN)) < _PHOTO)
    # Only grays: a JPEG changes colours by more.
    small &= np.maximum(of(local.COLOURED), of(local.OTHER_COLOURED)) < GRAY_BELOW
    stray |= small & (of(local.STRAY) > 0.07) & (of(local.TONE_98) > _UNLIT)
    least = np.where(of(local.SIDE) < _SMALL_SHARP, _UNLIT, 1.4 * _UNLIT)
    in_one_light = np.abs(of(local.GAIN) - 1) <= 0.06
    found: BoolMask = stray | (small & in_one_light & (of(local.TONE_98) > least))
    found &= (of(local.AGREE) >= 20) & (of(local.CROSS) > 0.3) & (of(local.PLAIN) < PLAIN)
    return found & (of(local.GROUND) < PLAIN)


def same_view(maps: Float64s, overlap: Float32s) -> BoolMask:
    """Mark pairs that show a scene from one place, also mirrored, bool (k,).

    Parameters
    ----------
    maps
        float64 (k, 6).
    overlap
        float32 (k,): as `imgurer_kernel.matching.alignment.Comparison` has it.

    Examples
    --------
    >>> same_view(np.array([[1.0, 0, 0, 0, 1, 0], [0.5, 0, 0, 0, 0.5, 0]]), np.ones(2, np.float32))
    array([ True, False])
    """
    a, b, _, d, e, _ = maps.T
    area = np.abs(a * e - b * d)
    near: BoolMask = (overlap >= _LEAST_OVERLAP) & (area <= _ZOOM) & (area * _ZOOM >= 1)
    near &= np.maximum(np.abs(b), np.abs(d)) <= _UPRIGHT
    return near


def times_differ(one: Int64s, other: Int64s) -> BoolMask:
    """Mark pairs of times, in seconds, of two exposures of one occasion, bool (k,).

    0 is unknown. If they are more than a quarter of an hour apart, a clock may have been set
    meanwhile, or an editor has written another time.

    Examples
    --------
    >>> times_differ(np.array([100, 100, 0]), np.array([102, 100, 102])).tolist()
    [True, False, False]
    """
    gap = np.abs(one - other)
    apart: BoolMask = (one > 0) & (other > 0) & (gap > 0) & (gap < _OCCASION)
    return apart
