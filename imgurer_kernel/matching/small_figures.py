"""Rules for small figures on a plain ground, of a dozen blocks: game sprites of 68 by 56 pixels.

So few blocks agree by chance, and say nothing of colours. What tells is every pixel, with light
allowed for (`imgurer_kernel.matching._numba.remainders`). `imgurer_kernel.matching.relation` and
`imgurer_kernel.matching.drawings` ask these rules; features are named in
`imgurer_kernel.matching.local_agreement`. Thresholds were set on half of the sprites of
pokesprite-images, and looked at on emoji; `benchmarks/real_sets.py` builds both halves.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s
from imgurer_kernel.matching import local_agreement as local

_FIGURE = 30  # agreeing blocks
_COLOURED, _GRAY = 3.0, 0.1  # levels from gray, root mean square


def alike_by_chance(measures: Float32s, features: Float64s) -> BoolMask:
    """Tell which small figures on a plain ground agree as two blobs do that are laid on each other.

    Game sprites of 68 pixels: a figure has a dozen blocks, which correlate to 0.96 and more in nine
    of ten copies, to 0.95 at most in nine of ten strangers.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    few = of(local.AGREE) < _FIGURE
    figure = (of(local.GROUND) > 0.8) & few
    # What is written on one of both is judged by what is between its strips.
    inner = np.where(of(local.CUT) > 0, of(local.INNER_Q25) < 0.93, of(local.Q50) <= 0.95)
    blobs = (measures[:, 1] <= 0.63) & (of(local.AGREE) <= 10)
    edges = (of(local.LEFT_NOISE) > 8) & (of(local.CUT) <= 0)
    found: BoolMask = figure & (inner | blobs | edges)
    # A JPEG of 30 pixels has lost pale colours, and is a gray copy of each form in strong ones.
    colours = of(local.COLOURED), of(local.OTHER_COLOURED)
    gray = (np.minimum(*colours) < _GRAY) & (np.maximum(*colours) >= _COLOURED)
    gray &= of(local.RESIZED) >= 1.4
    return found | (gray & (of(local.Q50) <= 0.96) & (of(local.GROUND) > 0.6) & few)


def repainted(features: Float64s) -> BoolMask:
    """Tell which small figures differ in the colour of a part, though not along edges.

    Sprites in one light, and of one size: of 120 pairs of copies means of 3x3 pixels are off by 15
    levels at most beyond what is left along edges, of two thirds of the forms that are the same
    drawing in other colours by more. Where both are as they were drawn 12 are enough.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    noise, off, light = of(local.LEFT_NOISE), of(local.SMOOTHED), np.abs(of(local.LEFT_GAIN) - 1)
    found = off > np.where(noise <= 0.1, 12.5, 15.5 + noise)
    # Pixels of a JPEG of quality 40 and half the size are off by up to 27.
    found &= (of(local.RESIZED) < 1.4) | (off > 28 + noise)
    found &= (light <= 0.1) & (of(local.AGREE) < local.STRAY_FROM)
    # Frames agree, whatever they are around.
    found |= (off > 40 + noise) & (light <= 0.2) & (of(local.AGREE) < local.RICH)
    # Icons in black on white have no colours; their edges alone are off by as much.
    found &= np.maximum(of(local.COLOURED), of(local.OTHER_COLOURED)) >= _GRAY
    return found & (of(local.GROUND) > 0.6) & (of(local.CUT) <= 0)


def lit_and_written(features: Float64s) -> BoolMask:
    """Tell which figures are the other's in more or less light, but for writing across their feet.

    Of 1,500 sprites 77 looks at copies are the same by this, and two at forms in other colours.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    light = of(local.LEFT_GAIN)
    lit = (np.abs(light - 1) > 0.1) & (light > 0.5) & (light < 1.6)
    lit &= (of(local.LEFT_NOISE) <= 6) & (of(local.Q50) > 0.95)
    # All that is left is at the top or at the bottom.
    written = (of(local.LEFT_INSIDE) <= 0) & (of(local.LEFT_REGION) > 100) & (of(local.CUT) <= 0)
    written &= (of(local.BAD) <= 0.02) | ((of(local.BAD) <= 0.15) & (of(local.LETTERS) >= 0.6))
    figure = (of(local.GROUND) >= 0.4) & (of(local.AGREE) < local.STRAY_FROM)
    found: BoolMask = lit & written & figure
    return found
