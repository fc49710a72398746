"""Rules for small figures on a plain ground, of a dozen blocks: game sprites of 68 by 56 pixels.

So few blocks agree by chance, and do not show colours. So single pixels are compared, after a fit
of brightness (`imgurer_kernel.matching._numba.remainders`). `imgurer_kernel.matching.relation` and
`imgurer_kernel.matching.drawings` use these rules; features are named in
`imgurer_kernel.matching.local_agreement`. Thresholds were set on half of the sprites of
pokesprite-images, and checked on emoji; `benchmarks/real_sets.py` builds both halves.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s
from imgurer_kernel.matching import local_agreement as local

_FIGURE = 30  # agreeing blocks
_COLOURED, _GRAY = 3.0, 0.1  # levels from gray, root mean square


def alike_by_chance(measures: Float32s, features: Float64s) -> BoolMask:
    """Mark small figures on a plain ground that agree no more than any two shapes do.

    Game sprites of 68 pixels: a figure has a dozen blocks, which correlate to 0.96 and more in nine
    of ten copies, to 0.95 at most in nine of ten unrelated pairs.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    few_blocks = of(local.AGREE) < _FIGURE
    figure = (of(local.GROUND) > 0.8) & few_blocks
    # With writing on one of both, the part between its strips is judged.
    inner = np.where(of(local.CUT) > 0, of(local.INNER_Q25) < 0.93, of(local.Q50) <= 0.95)
    blobs = (measures[:, 1] <= 0.63) & (of(local.AGREE) <= 10)
    edges = (of(local.LEFT_NOISE) > 8) & (of(local.CUT) <= 0)
    found: BoolMask = figure & (inner | blobs | edges)
    # A JPEG of 30 pixels has lost pale colours, and would be a gray copy of every variant in strong
    # ones.
    colours = of(local.COLOURED), of(local.OTHER_COLOURED)
    gray = (np.minimum(*colours) < _GRAY) & (np.maximum(*colours) >= _COLOURED)
    gray &= of(local.RESIZED) >= 1.4
    return found | (gray & (of(local.Q50) <= 0.96) & (of(local.GROUND) > 0.6) & few_blocks)


def repainted(features: Float64s) -> BoolMask:
    """Mark small figures that differ in the colour of a part, though not along edges.

    Sprites in one light, and of one size: of 120 pairs of copies means of 3x3 pixels are off by 15
    levels at most beyond what is left along edges, of two thirds of the variants that are the same
    drawing in other colours by more. Where both are uncompressed, 12 are enough.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    noise, off, light = of(local.LEFT_NOISE), of(local.SMOOTHED), np.abs(of(local.LEFT_GAIN) - 1)
    found = off > np.where(noise <= 0.1, 12.5, 15.5 + noise)
    # Pixels of a JPEG of quality 40 and half the size are off by up to 27.
    found &= (of(local.RESIZED) < 1.4) | (off > 28 + noise)
    found &= (light <= 0.1) & (of(local.AGREE) < local.STRAY_FROM)
    # Frames agree, whatever is inside them.
    found |= (off > 40 + noise) & (light <= 0.2) & (of(local.AGREE) < local.RICH)
    # Icons in black on white have no colours; their edges alone are off by as much.
    found &= np.maximum(of(local.COLOURED), of(local.OTHER_COLOURED)) >= _GRAY
    return found & (of(local.GROUND) > 0.6) & (of(local.CUT) <= 0)


def lit_and_written(features: Float64s) -> BoolMask:
    """Mark figures that are the same in more or less light, but for writing at top or bottom.

    Of 1,500 sprites 77 comparisons of copies are the same by this rule, and two of variants in
    other colours.
    """

    def of(k: int) -> Float64s:
        return features[:, k]

    light = of(local.LEFT_GAIN)
    lit = (np.abs(light - 1) > 0.1) & (light > 0.5) & (light < 1.6)
    lit &= (of(local.LEFT_NOISE) <= 6) & (of(local.Q50) > 0.95)
    # All differences left are at the top or at the bottom.
    written = (of(local.LEFT_INSIDE) <= 0) & (of(local.LEFT_REGION) > 100) & (of(local.CUT) <= 0)
    written &= (of(local.BAD) <= 0.02) | ((of(local.BAD) <= 0.15) & (of(local.LETTERS) >= 0.6))
    figure = (of(local.GROUND) >= 0.4) & (of(local.AGREE) < local.STRAY_FROM)
    found: BoolMask = lit & written & figure
    return found
