"""The relations between two pictures, and the only function that decides which one holds.

Clusters join pairs that are the `SAME`; `imgurer_kernel.matching.labels` finds out what was done to
the copy. The others are related, or different.

`decide` is a list of rules over measures: of the whole pictures at 64x64
(`imgurer_kernel.matching.alignment`), and of blocks of their thumbnails
(`imgurer_kernel.matching.local_agreement`). Thresholds were set by hand, each on half of the
pictures of each set named beside it, and checked on the other half.
"""

from enum import IntEnum

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.alignment import AGREEMENT
from imgurer_kernel.matching.drawings import (
    GRAY_BELOW,
    LETTERED,
    PLAIN,
    TINTED,
    brighter,
    captioned,
    captioned_across,
    lit_or_toned,
    pale_page,
    redrawn,
    share_stripes,
)
from imgurer_kernel.matching.small_figures import alike_by_chance, repainted
from imgurer_kernel.matching.takes import is_other_take


class Relation(IntEnum):
    """The relation of a pair; untested at first.

    UNTESTED
        Nothing yet.
    SAME
        One picture, whatever was done to a copy of it.
    DIFFERENT
        No relation.
    SAME_LAYOUT
        The same form, page or screen with other content.
    ANOTHER_TAKE
        The same scene, taken again: another exposure or frame.
    COLOUR_VARIANT
        The same drawing or thing in other colours.
    PART_OF
        One shows little of the other: a collage, a feed, or less than 45 % of the area.
    SAME_COVER
        The same first page or frame, and others after it.
    """

    UNTESTED = 0
    SAME = 1
    DIFFERENT = 2
    SAME_LAYOUT = 3
    ANOTHER_TAKE = 4
    COLOUR_VARIANT = 5
    PART_OF = 6
    SAME_COVER = 7

    @property
    def word(self) -> str:
        """The word for it in frames and on pages.

        Examples
        --------
        >>> Relation.ANOTHER_TAKE.word
        'another take'
        """
        return self.name.lower().replace("_", " ")


RELATED = (
    Relation.SAME_LAYOUT,
    Relation.ANOTHER_TAKE,
    Relation.COLOUR_VARIANT,
    Relation.PART_OF,
    Relation.SAME_COVER,
)
"""Relations of pictures that are neither the same nor unrelated."""

NO_DUPLICATE = frozenset({"different", *(relation.word for relation in RELATED)})
"""Words for pictures of which neither is a copy of the other."""

DOUBTFUL = 0.5
"""Agreement from which a pair that does not reach `AGREEMENT` is judged by its thumbnails: stickers
on a fifth of the picture have more, 99 of 100 unrelated ones less."""

LIKELY = 0.2
"""The same where spots agree on a map: a sticker on a third leaves 0.36 and more, a collage of
cropped pictures 0.25. A tenth of the few unrelated ones with common spots have more."""

PART = 0.45
"""Share of the larger content below which one picture is only a part of the other."""

LARGE_PART = 0.36
"""Share from which two pictures are the same where a third is the same as both: a feed with a copy
that lost a fifth shows less than `PART` of the original."""

# Agreeing blocks, below which a picture counts as a drawing, an icon or a page, which have few.
_RICH = 110
_BESIDE_LETTERS = 30  # agreeing blocks beside captions on both
_FEW = 4  # agreeing blocks that prove nothing
_FAINT = 12  # blocks with texture, fewer than which are not enough for a verdict


def decide(measures: Float32s, features: Float64s) -> UInt8s:
    """Decide the relations of pairs of aligned pictures.

    Parameters
    ----------
    measures
        float32 (n, 3): correlation, agreement and overlap at 64x64.
    features
        float64 (n, `local_agreement.FEATURES`).

    Returns
    -------
    uint8 (n,): a `Relation` each, never `UNTESTED`.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    agree = of(local.AGREE)
    poor = (agree < _RICH) | (of(local.PLAIN) >= PLAIN)
    same_shape = _same_shape(measures, features, poor) & ~alike_by_chance(measures, features)
    captions = of(local.CAPTIONS) > 0
    same_shape |= captions
    # Pages: neither gain and offset nor curves that keep the hues explain the colours.
    paged = (of(local.TONE_SHARE) > 0.10) & ((of(local.HUE_SHARE) > 0.1) | (of(local.TURN) > 20))
    paged &= ~pale_page(features)
    recoloured_drawing = np.where(agree < _RICH, ~lit_or_toned(features), paged)
    variant = np.where(poor, recoloured_drawing, _recoloured(features)) | repainted(features)
    # A single straight edge agrees with any other straight edge.
    edge = (of(local.CROSS) < 0.08) & (of(local.SHARE) < 0.8) & ~share_stripes(features)
    result = np.full(len(features), Relation.SAME, np.uint8)
    result[is_other_take(features) & ~captions] = Relation.ANOTHER_TAKE
    result[edge] = Relation.SAME_LAYOUT
    result[variant] = Relation.COLOUR_VARIANT
    # A part in other colours still has all its edges; a part of another shape has not.
    is_redrawn = redrawn(features) & ~variant & ~captions
    result[is_redrawn & (of(local.BAD) <= 0.03)] = Relation.COLOUR_VARIANT
    result[is_redrawn & (of(local.BAD) > 0.03)] = Relation.DIFFERENT
    result[~same_shape] = Relation.DIFFERENT
    result[agree < _FEW] = Relation.DIFFERENT
    # Night photographs and pale drawings are too faint for single blocks, so the agreement of the
    # whole picture counts.
    faint = (of(local.TEXTURE) < _FAINT) & (measures[:, 1] >= AGREEMENT) & (of(local.BAD) <= 0.06)
    faint &= (of(local.CONTRAST) < local.PALE) & (of(local.SHARE) >= 0.8)
    result[faint & (of(local.LIGHT_98) <= 20)] = Relation.SAME
    part = (result == Relation.SAME) & (of(local.SHARE) < PART)
    result[part] = Relation.PART_OF
    return result


def _same_shape(measures: Float32s, features: Float64s, poor: BoolMask) -> BoolMask:
    """Mark pairs that show the same apart from colours; one may be covered in part."""

    def of(k: int) -> Float64s:
        return features[:, k]

    bad, lack = of(local.BAD), of(local.LACK)
    poor_ground = of(local.PLAIN) >= PLAIN
    # A half-covered photograph has few agreeing blocks, too, but is not a drawing.
    poor = poor & (poor_ground | (of(local.TEXTURE) < _RICH) | (of(local.AGREE) < local.STRAY_FROM))
    whole = (of(local.Q25) >= 0.7) & (bad <= np.where(poor, 0.06, 0.12))
    covered = (of(local.BIG) <= 0.45) & (of(local.REST_BAD) <= np.where(poor, 0.03, 0.06))
    covered &= of(local.REST_Q25) >= np.where(poor, 0.85, 0.80)
    covered &= ~poor | ((of(local.AGREE) >= 12) & (lack <= 0.10) & (bad <= 0.5))
    # Motion in a scene leaves one gap and fills another: frames of a burst of products have 0.88
    # beside it, and 0.75.
    covered &= (lack <= 0.10) | ((of(local.REST_Q25) >= 0.85) & (lack <= 0.68 * bad))
    # A garment has few blocks with texture: it is enough that all blocks beside the sticker agree
    # as copies do, unless a plain ground agrees by itself (bottles with different labels).
    clean = (of(local.REST_Q25) >= 0.90) & (of(local.REST_BAD) <= 0.01) & (of(local.BIG) <= 0.4)
    covered |= clean & (of(local.AGREE) >= 60) & ~poor_ground & (bad <= 0.45)
    added = (of(local.AGREE) >= 60) & (lack <= 0.06) & (of(local.Q50) >= 0.5)
    added &= bad <= np.where(poor, 0.5, 0.55)
    # Large letters on pale pictures with few other edges: everything that disagrees is in one
    # picture only.
    sided = (of(local.REST_Q25) >= 0.90) & (of(local.REST_BAD) <= 0.01) & (of(local.BIG) <= 0.4)
    sided &= (lack <= 0.01) & (bad <= 0.7) & (of(local.AGREE) >= 45) & ~poor_ground
    added |= sided & (of(local.TEXTURE) >= _RICH)
    # Watermarked all over, as by a stock agency: the copy lacks only what the watermark covers, a
    # fifth of what disagrees where it covers half of the picture.
    tiled = (of(local.AGREE) >= 60) & ~poor_ground & (lack <= 0.2 * bad) & (lack <= 0.09)
    added |= tiled & (bad <= 0.6)
    # One picture only has fewer grays, or more noise.
    noisy = (measures[:, 1] >= AGREEMENT) & (of(local.AGREE) >= 30) & (lack <= 0.005)
    added |= noisy & (of(local.TEXTURE) >= _RICH)
    # With much texture the agreement of the whole picture is reliable.
    trusted = (measures[:, 1] >= AGREEMENT) & (of(local.TEXTURE) >= _RICH) & ~poor_ground
    # Copies with two captions lack each other's caption, and no more.
    captions = (of(local.REST_Q25) >= 0.90) & (of(local.Q50) >= 0.90) & (lack <= 0.30)
    trusted &= ((lack <= 0.15) | captions) & (bad <= 0.35)
    # Captions as large as on memes cover up to half, on both pictures: all else agrees.
    written = (of(local.LETTERS) >= LETTERED) & (of(local.AGREE) >= _BESIDE_LETTERS) & ~poor_ground
    written &= (of(local.REST_Q25) >= 0.85) & (of(local.REST_BAD) <= 0.1) & (bad <= 0.85)
    # In a small drawing a mouth or a hat is a tenth of all blocks, as is a caption. If each of two
    # emoji has detail that the other lacks, they are different, unless all the rest differs by one
    # factor of brightness.
    other = (of(local.AGREE) < _RICH) & (of(local.SIDE) < 80) & ~brighter(features)
    other &= (bad >= 0.02) & (lack > 0.04)
    other &= ~captioned(features)
    # Two coats of arms on the same stripes.
    arms = share_stripes(features) & (of(local.AGREE) < 60) & (bad > 0.2) & (lack > 0.04)
    other |= arms & ~(written & (of(local.TEXTURE) >= _RICH))
    written |= captioned(features) | captioned_across(features)
    return (whole | covered | added | trusted | written) & ~other


def _recoloured(features: Float64s) -> BoolMask:
    """Mark recoloured photographs: neither rising curves nor a turn of hues explains them."""

    def of(k: int) -> Float64s:
        return features[:, k]

    turned = (of(local.TURN) > 60) & (of(local.CHROMA) > 6) & (of(local.MOVED) > 0.15)
    return ((of(local.HUE_SHARE) > 0.35) | turned) & (of(local.MONO) > TINTED)


NEGATIVE, GRAY, TONED, COLOURED, LARGE, SHARPNESS, SMALL, SLIGHT = 1, 2, 4, 8, 16, 32, 64, 128
"""Bits of the first detail: what else was done to a copy; whether a part is a `LARGE_PART`; whether
one is less sharp than the other, as a smaller copy is, too; whether the poorer one is small; and
whether the change of colours is a `SLIGHT` one, as a JPEG of quality 10 has, too."""

_PLACES = (
    "",
    "at the upper left",
    "at the top",
    "at the upper right",
    "on the left",
    "in the middle",
    "on the right",
    "at the lower left",
    "at the bottom",
    "at the lower right",
)
_CAPTIONS_PLACE = len(_PLACES)
CAPTIONS_DIFFER = "captions differ"
"""Words for copies of which all that differs is under captions."""
# Root mean square of colours, from which they are seen, and of pale ones; and by how much the
# change of saturation differs from that of contrast: a JPEG of quality 5 loses pale colours wholly,
# of others a third.
_COLOURED_FROM, _PALE_FROM, _PALE_TO = 6.0, 3.0, 10.0
_MUCH_COLOUR, _LITTLE_COLOUR = 0.35, 0.15
_LEAST_COVERED = 0.02  # share of the blocks
# Pixels of the thumbnail. Blurred by 1 to 2 pixels of 480, and sharpened: 0.4 and more; JPEG of
# quality 10 has 0.1 at most, noise 0.3.
_BLURRED = 0.35
DETAILS = 4


def details(features: Float64s) -> UInt8s:
    """Record what else was done to copies, for `detail_words`.

    Parameters
    ----------
    features
        As in `decide`.

    Returns
    -------
    uint8 (n, 4): bits, a place among nine (0 for none, 10 for captions), per cent covered there,
    and 0 in place of `imgurer_kernel.matching.border_depths.are_borders`, which is measured in
    thumbnails.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    found = np.zeros((len(features), DETAILS), np.uint8)
    gray, colour = (fold(of(local.COLOURED), of(local.OTHER_COLOURED)) for fold in _LESSER_GREATER)
    gain = of(local.GAIN)
    toned = (gain > 0) & ((np.abs(gain - 1) > 0.06) | (np.abs(of(local.OFFSET)) > 8))
    lost = (gray < GRAY_BELOW) & (colour >= _COLOURED_FROM)
    change = np.where(gain > 0, np.abs(of(local.SATURATION) - gain), 0)
    coloured = ~lost & (change > _MUCH_COLOUR) & (colour >= _COLOURED_FROM)
    slight = (change > _LITTLE_COLOUR) & (colour >= _PALE_FROM) & ~lost & ~coloured
    found[:, 0] = NEGATIVE * (of(local.NEGATIVE) > 0) + GRAY * lost + TONED * toned
    found[:, 0] += (COLOURED * (coloured | slight)).astype(np.uint8)
    pale = lost & (colour < _PALE_TO)
    found[:, 0] += (SLIGHT * (slight | pale)).astype(np.uint8)
    found[:, 0] += (SMALL * (of(local.SIDE) < 100)).astype(np.uint8)
    found[:, 0] += (SHARPNESS * (of(local.SIGMA) >= _BLURRED)).astype(np.uint8)
    third = [np.clip((3 * of(k)).astype(int), 0, 2) for k in (local.WHERE_Y, local.WHERE_X)]
    covered = (of(local.BIG) >= _LEAST_COVERED) & (of(local.LACK) < of(local.BAD))
    captions = of(local.CAPTIONS) > 0
    covered |= captions
    place = np.where(captions, _CAPTIONS_PLACE, 1 + 3 * third[0] + third[1])
    found[:, 1] = np.where(covered, place, 0)
    found[:, 2] = np.where(covered, np.rint(100 * of(local.BIG)), 0)
    return found


_LESSER_GREATER = (np.minimum, np.maximum)


def was_edited(found: UInt8s, *, compressed: bool = False, plain: bool = False) -> bool:
    """Return whether the details of one pair, uint8 (4,), are those of an edited copy.

    Slight changes of colour do not count where a picture is `compressed` so much that all of it
    differs, nor does the contrast of thin lines on a `plain` ground.
    """
    coloured = found[0] & (GRAY | COLOURED) and not (compressed and found[0] & SLIGHT)
    toned = found[0] & TONED and not plain
    return bool(found[0] & NEGATIVE or toned or coloured)


def detail_words(found: UInt8s) -> str:
    """Write the details of one pair as words, empty where there are none.

    Examples
    --------
    >>> detail_words(np.array([GRAY, 9, 12, 0], np.uint8))
    'gray, covered at the lower right, 12 %'
    >>> detail_words(np.array([0, 10, 26, 0], np.uint8))
    'captions differ, 26 %'
    """
    bits, place, share = (int(value) for value in found[:3])
    words = [
        word
        for bit, word in ((NEGATIVE, "negative"), (GRAY, "gray"), (TONED, "tone"))
        if bits & bit
    ]
    if bits & COLOURED:
        words.append("colours")
    if place == _CAPTIONS_PLACE:
        words.append(f"{CAPTIONS_DIFFER}, {share} %")
    elif place:
        words.append(f"covered {_PLACES[place]}, {share} %")
    return ", ".join(words)
