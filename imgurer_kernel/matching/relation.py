"""What two pictures are to each other: one vocabulary, and the one function that decides.

Clusters join pairs that are the `SAME`; what was done to the copy is for
`imgurer_kernel.matching.labels` to say. The others are related, or different.

`decide` is a list of rules over what was measured: of all of both pictures at 64x64
(`imgurer_kernel.matching.alignment`), and block by block in their thumbnails
(`imgurer_kernel.matching.local_agreement`). Thresholds were set by hand, each on half of the
pictures of each set named beside it, and looked at on the other half.
"""

from enum import IntEnum

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s
from imgurer_kernel.matching import local_agreement as local
from imgurer_kernel.matching.alignment import AGREEMENT


class Relation(IntEnum):
    """What is known of a pair.

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
"""Relations of pictures that are neither the same nor strangers."""

DOUBTFUL = 0.5
"""Agreement from which a pair that does not reach `AGREEMENT` is looked at in its thumbnails:
stickers on a fifth of the picture have more, 99 of 100 near strangers less."""

PART = 0.45
"""Share of the larger content, under which one picture is but a part of the other."""

# Blocks that agree: fewer make a drawing, an icon or a page, where a few blocks are all there is.
_RICH = 110
_PLAIN = 0.4  # share of one gray from which a picture is a drawing or a page, whatever it has
_FEW = 4  # agreeing blocks that prove nothing
_SMALL = 40


def decide(measures: Float32s, features: Float64s) -> UInt8s:
    """Decide what pairs of aligned pictures are to each other.

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

    agree, texture = of(local.AGREE), of(local.TEXTURE)
    poor = (agree < _RICH) | (of(local.PLAIN) >= _PLAIN)
    same_shape = _same_shape(measures, features, poor)
    few = np.where(agree < _RICH, ~_lit_or_toned(features), of(local.TONE_SHARE) > 0.10)
    variant = np.where(poor, few, _recoloured(features))
    # One straight edge and no more agrees with every other straight edge.
    edge = (of(local.CROSS) < 0.08) & (of(local.SHARE) < 0.8)
    stray, shape = of(local.STRAY), (agree >= 60) & (of(local.CROSS) > 0.3)
    another = shape & (of(local.PLAIN) < _PLAIN)
    another &= ((stray > 0.15) & (of(local.LIGHTNESS) > 4)) | (stray > 0.4)
    result = np.full(len(features), Relation.SAME, np.uint8)
    result[another] = Relation.ANOTHER_TAKE
    result[edge] = Relation.SAME_LAYOUT
    result[variant] = Relation.COLOUR_VARIANT
    result[~same_shape] = Relation.DIFFERENT
    result[agree < _FEW] = Relation.DIFFERENT
    return result


def _same_shape(measures: Float32s, features: Float64s, poor: BoolMask) -> BoolMask:
    """Tell which pairs show the same, colours apart, though one may be covered in part."""

    def of(k: int) -> Float64s:
        return features[:, k]

    bad, lack = of(local.BAD), of(local.LACK)
    whole = (of(local.Q25) >= 0.7) & (bad <= np.where(poor, 0.06, 0.12))
    covered = (of(local.BIG) <= 0.45) & (of(local.REST_BAD) <= np.where(poor, 0.03, 0.06))
    covered &= of(local.REST_Q25) >= np.where(poor, 0.85, 0.80)
    covered &= ~poor | ((of(local.AGREE) >= 12) & (lack <= 0.10) & (bad <= 0.5))
    added = (of(local.AGREE) >= 60) & (lack <= 0.06) & (of(local.Q50) >= 0.5)
    added &= bad <= np.where(poor, 0.5, 0.55)
    # What all of the picture says is to be trusted where there is much of it.
    trusted = (measures[:, 1] >= AGREEMENT) & (of(local.TEXTURE) >= _RICH) & ~(
        of(local.PLAIN) >= _PLAIN
    )
    trusted &= (lack <= 0.15) & (bad <= 0.35)
    return whole | covered | added | trusted


def _lit_or_toned(features: Float64s) -> BoolMask:
    """Tell which drawings have the same colours, under more or less light, contrast or colour.

    A free curve turns every flag into every other.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    lit = (of(local.LIGHT_98) <= 20) & ((of(local.AGREE) >= _SMALL) | (of(local.LIGHT_90) <= 15))
    gain, saturation = of(local.GAIN), of(local.SATURATION)
    toned = (of(local.TONE_98) <= 25) & (gain > 0.5) & (gain < 2) & (saturation > 0.5)
    # Contrast and brightness change colours as much as they change light; an offset alone, as
    # between two tones of skin, is another colour.
    as_much = np.abs(np.log(np.maximum(saturation, 0.1) / np.maximum(gain, 0.1))) <= 0.2
    return lit | (toned & (as_much | (np.abs(of(local.OFFSET)) <= 12)))


def _recoloured(features: Float64s) -> BoolMask:
    """Tell which photographs are recoloured: no rising curves and no turn of hues explains it."""

    def of(k: int) -> Float64s:
        return features[:, k]

    turned = (of(local.TURN) > 60) & (of(local.CHROMA) > 6) & (of(local.MOVED) > 0.15)
    return ((of(local.HUE_SHARE) > 0.35) | turned) & (of(local.MONO) > 3.5)
