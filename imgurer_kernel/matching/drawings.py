"""Rules for drawings: flat colours, few edges, and series of them that differ in a detail.

Emoji, flags, icons and sprites have few edges, and each of their colours matters.
`imgurer_kernel.matching.relation` uses these rules; features are named in
`imgurer_kernel.matching.local_agreement`. Thresholds were set on emoji and flags; those of
`redrawn` also on icons and sprites that were drawn for it, and on copies of all of these that were
not compressed.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float64s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.small_figures import lit_and_written

_FLAT_PLACES, _FLAT_REGION = 20, 5  # least flat places for a verdict; how many may be off together
PLAIN = 0.4  # share of one gray from which a picture is a drawing or a page, whatever is on it
_STRIPED = 150  # flat places of stripes of two colours or more
_REDRAWN, _UNTOUCHED = 100.0, 2.0  # levels times pixels; levels
_SMALL = 40
_NOISE = 6.5  # levels along edges; JPEG leaves 2 to 6 on sprites of 68 pixels
_OTHER_TONE, _OTHER_OFFSET = 4.0, 75.0  # levels
_CAPTIONED = 80  # pixels of the grid
_COLOURFUL = 15.0  # levels from gray, root mean square
_TINY = 36  # pixels of the grid, fewer than which an icon of 32 has
LETTERED = 0.8
"""Share of the blocks that disagree with letters in them, from which that is writing."""
GRAY_BELOW = 3.0  # gray levels from gray, root mean square
_SLIGHTLY_OFF = 12.0  # levels that gain, offset and saturation leave, 98 of 100 cells
_TINT_LEAVES = 6.0  # of the lightness of sepia copies, 98 of 100 cells
_PAPER = 9.0  # levels from gray of the tint of scanned paper
_FOLDS = (np.minimum, np.maximum)
TINTED = 3.5  # colours that brightness leaves unexplained, of sepia and gray


def redrawn(features: Float64s) -> BoolMask:
    """Mark small drawings that differ in one place by far more than copies do anywhere.

    Measured on emoji, and on icons and sprites drawn for this: 98 of 100 copies leave 0, redrawn
    ones 200 and more. Blocks that disagree may be writing at the top or the bottom, unless all
    other pixels are unchanged, as in a series that was drawn alike and compressed once.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    noise, inside = of(local.LEFT_NOISE), of(local.LEFT_INSIDE)
    in_one_light = np.abs(of(local.LEFT_GAIN) - 1) <= 0.03
    untouched = in_one_light & (noise <= _UNTOUCHED)
    found: BoolMask = (inside > 2 * _REDRAWN) | ((inside > _REDRAWN) & untouched)
    least = np.where(noise <= 0.4, 0.3, 1) * _REDRAWN
    found |= in_one_light & (of(local.BAD) <= 0) & (of(local.LEFT_REGION) > least)
    # A small photograph with few colours, such as a GIF, also differs in whole regions.
    plain = np.maximum(of(local.PLAIN), of(local.GROUND)) >= PLAIN
    return found & (plain | (of(local.FLAT) >= _FLAT_PLACES))


def captioned(features: Float64s) -> BoolMask:
    """Mark small drawings that are the same but for writing at the top or at the bottom."""

    def of(k: int) -> Float64s:
        return features[:, k]

    small = (of(local.SIDE) < _CAPTIONED) & (of(local.GROUND) >= PLAIN)
    strips = (of(local.CUT_TOP) + of(local.CUT_BOTTOM) > 0) & (of(local.CUT) <= 0.34)
    strips &= (of(local.CUT_LEFT) + of(local.CUT_RIGHT) <= 0) & (of(local.LETTERS) >= 0.6)
    inner: BoolMask = (of(local.INNER_BAD) <= 0.09) & (of(local.INNER_Q25) >= 0.94)
    from_side_to_side = small & strips & inner & (of(local.INNER_AGREE) >= 10)
    return from_side_to_side | lit_and_written(features)


def captioned_across(features: Float64s) -> BoolMask:
    """Mark pictures that are the same except for captions, whose writing is no evidence.

    On coloured ones that may be large letters at the top or the bottom, as on memes whose template
    has a plain ground: all between these strips agrees. Pages and screens of one layout have little
    colour, and other writing all over.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    large = (of(local.SIDE) >= _CAPTIONED) & (of(local.TEXTURE) >= 110)
    large &= np.minimum(of(local.COLOURED), of(local.OTHER_COLOURED)) >= _COLOURFUL
    strips = (of(local.CUT_TOP) + of(local.CUT_BOTTOM) > 0) & (of(local.CUT) <= 0.6)
    strips &= (of(local.CUT_LEFT) + of(local.CUT_RIGHT) <= 0) & (of(local.LETTERS) >= LETTERED)
    strips &= of(local.SHARE) >= 0.85
    inner: BoolMask = (of(local.INNER_BAD) <= 0.12) & (of(local.INNER_Q25) >= 0.9)
    across = large & strips & inner & (of(local.INNER_AGREE) >= 40)
    return across | (of(local.CAPTIONS) > 0)


def share_stripes(features: Float64s) -> BoolMask:
    """Mark pairs with the same wide stripes in the same colours, such as flags within a frame."""

    def of(k: int) -> Float64s:
        return features[:, k]

    same_colours = (of(local.FLAT_OFF) <= 0.02) & (of(local.FLAT_REGION) <= _FLAT_REGION)
    same_colours &= (of(local.FLAT_SLIGHTLY) <= 0.1) & (of(local.LIGHT_98) <= 20)
    same_colours &= (
        (of(local.FLAT) >= _STRIPED) & (of(local.SHARE) >= 0.5) & (of(local.AGREE) >= 12)
    )
    # Brightness can turn an orange into a red, so a brighter copy must share more colours.
    same_colours &= of(local.FLAT_COLOURS) >= np.where(brighter(features), 3, 2)
    coloured: BoolMask = np.minimum(of(local.COLOURED), of(local.OTHER_COLOURED)) >= 20
    return same_colours & coloured


def brighter(features: Float64s) -> BoolMask:
    """Mark pairs whose flat places differ by one factor of brightness."""
    lighter: BoolMask = np.abs(features[:, local.FLAT_GAIN] - 1) >= 0.06
    return lighter & (features[:, local.FLAT] >= _FLAT_PLACES)


def lit_or_toned(features: Float64s) -> BoolMask:
    """Mark drawings with the same colours apart from brightness, contrast or saturation.

    A free tone curve would map any flag to any other. If both have enough flat places (emoji,
    flags), their colours decide: copies have no region in another colour, drawings with a
    recoloured part have one.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    known, side = of(local.FLAT) >= _FLAT_PLACES, of(local.SIDE)
    off = of(local.FLAT_REGION)
    flat = (off <= _FLAT_REGION) | (of(local.FLAT_OFF) <= 0.02)
    # A JPEG of quality 5 has blocks of a wrong colour all over.
    flat |= (off <= 0.02 * of(local.FLAT)) & (of(local.LIGHT_98) <= 15)
    flat &= known & ((of(local.FLAT_SLIGHTLY) <= 0.3) | (of(local.FLAT_COLOURS) >= 8))
    # Parts too thin to be flat show in cells with edges. If all flat places are brighter by one
    # factor, it is a copy, whose edges may differ by more.
    edges = np.where(side < _TINY, 22, np.where(side < 80, 18, 30))
    # Two skin tones nearly differ by one factor: it leaves 2 levels of a colour between copies, 5
    # and more between skin tones. Of a copy that is brighter as a whole, hardly any place has
    # another colour.
    flat &= ~brighter(features) | (
        (of(local.FLAT_UNLIKE) <= _OTHER_TONE) & (of(local.FLAT_OFF) <= 0.075)
    )
    lit = flat & (of(local.LIGHT_98) <= np.where(brighter(features), 60, edges))
    without_flat = (of(local.AGREE) >= _SMALL) | (of(local.LIGHT_90) <= 15)
    # With too few flat places, an offset distinguishes skin tones.
    offset = np.abs(of(local.OFFSET)) > _OTHER_OFFSET
    without_flat &= ~offset
    lit &= ~(offset & (side < _TINY))
    lit |= ~known & without_flat & (of(local.LIGHT_98) <= np.where(side < _TINY, 25, 15))
    gain, saturation = of(local.GAIN), of(local.SATURATION)
    toned = (of(local.TONE_98) <= 25) & (gain > 0.5) & (gain < 2) & (saturation > 0.5)
    # Contrast and brightness change saturation as much as brightness; an offset alone, as between
    # two skin tones, is another colour.
    as_much = np.abs(np.log(np.maximum(saturation, 0.1) / np.maximum(gain, 0.1))) <= 0.2
    # Photographs of products: so many colours fit no other change so well.
    more = (of(local.AGREE) >= local.STRAY_FROM) & (side >= 80)
    product = more & (of(local.TONE_98) <= _SLIGHTLY_OFF)
    many = product & (of(local.FLAT_COLOURS) >= 7)
    toned &= as_much | (np.abs(of(local.OFFSET)) <= 12) | many
    # Gain, offset and saturation can explain any three colours, so more are required.
    least = np.where(product, 5, 6)
    toned &= known & (of(local.FLAT_TONE) <= _FLAT_REGION) & (of(local.FLAT_COLOURS) >= least)
    # In pictures with more blocks, sepia and tone curves do not change colours.
    sepia = more & (of(local.MONO) <= TINTED) & (of(local.TONE_98) <= 25)
    # No gain and offset gives grays the colour of a tint: where all agrees, lightness is enough.
    all_agree = (of(local.BAD) <= 0.01) & (of(local.STRAY) <= 0.1)
    sepia |= more & (of(local.MONO) <= TINTED) & (of(local.LIGHTNESS) <= _TINT_LEAVES) & all_agree
    # Grays have no hue that a change of brightness could alter.
    gray = np.maximum(of(local.COLOURED), of(local.OTHER_COLOURED)) < GRAY_BELOW
    toned |= gray & (of(local.TONE_98) <= 25) & (gain > 0)
    toned |= pale_page(features)
    curved = more & (of(local.HUE_SHARE) <= 0.03) & (of(local.MOVED) <= 0.05)
    curved &= (of(local.TONE_SHARE) <= 0.10) | (of(local.LIGHTNESS) <= 6)
    lit |= _lit_pixels(features) | lit_and_written(features)
    # Photographs of few things on a ground, such as products: a little contrast or saturation.
    slightly = ~known & (of(local.AGREE) >= _SMALL) & (side >= 80) & (of(local.BAD) <= 0.01)
    slightly &= (of(local.TONE_98) <= _SLIGHTLY_OFF) & (np.abs(of(local.OFFSET)) <= 15)
    slightly &= (gain > 0.6) & (gain < 1.6) & (saturation > 0.5)
    toned |= slightly & (of(local.STRAY) <= 0.1)
    return lit | toned | sepia | (curved & (flat | ~known)) | (more & _photographed(features))


def pale_page(features: Float64s) -> BoolMask:
    """Mark pages without colours of their own that differ by rising tone curves.

    A scan has at most the tint of its paper; a posterized or gray copy is the same page.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    less, more = (fold(of(local.COLOURED), of(local.OTHER_COLOURED)) for fold in _FOLDS)
    found: BoolMask = (less < GRAY_BELOW) & (more < _PAPER) & (of(local.HUE_SHARE) <= 0.03)
    return found & (of(local.AGREE) >= local.STRAY_FROM) & (of(local.LACK) <= 0.01)


def _lit_pixels(features: Float64s) -> BoolMask:
    """Mark sprites that are the same apart from brightness, pixel by pixel.

    They have few flat places. Variants in other colours differ along all edges by more than copies
    do.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    in_one_light = np.abs(of(local.LEFT_GAIN) - 1) <= 0.1
    few_flat = of(local.FLAT) < np.where(in_one_light, 40, _FLAT_PLACES)
    # Cells of emoji with other hair differ by 22 levels and more, though no pixel does.
    few_flat &= ~in_one_light | (of(local.LIGHT_98) <= 20)
    found: BoolMask = few_flat & (of(local.LEFT_GAIN) > 0) & (of(local.GROUND) >= PLAIN)
    # Writing at the top or the bottom is part of the residual, too.
    left = np.where(of(local.CUT) > 0, of(local.LEFT_INSIDE), of(local.LEFT_REGION))
    return found & (of(local.LEFT_NOISE) <= _NOISE) & (left <= _REDRAWN)


def _photographed(features: Float64s) -> BoolMask:
    """Mark photographs with few edges that agree as copies do, apart from their tone.

    Curves explain any recolouring of few colours, but not one of many. Objects that were turned a
    little agree by their colours alone, but 0.1 and more of their blocks stray.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    copies = (of(local.Q25) >= 0.88) & (of(local.STRAY) <= 0.1) & (of(local.BAD) <= 0.01)
    copies &= (of(local.PLAIN) < 0.3) & (of(local.FLAT_COLOURS) >= 8)
    found: BoolMask = copies & (of(local.HUE_SHARE) <= 0.15) & (of(local.TURN) <= 20)
    return found
