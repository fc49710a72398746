"""Where two aligned pictures agree and where not, as a person sees it: block by block.

One number for a whole picture cannot tell a copy that was written on from another picture of the
same kind. Strangers differ a little everywhere; an overlay differs totally in one place and not at
all elsewhere; another take has all its edges, each a little elsewhere. So:

1. Both pictures are drawn over what both show, at the resolution of the poorer one, and the sharper
   one is blurred until both are equally sharp (by ring spectra, for pixel counts tell nothing).
2. Blocks ask for shifts, to a fraction of a pixel; a polynomial of second order explains them as
   far as perspective and an imprecise map go, and the second picture is bent by it.
3. Each block with texture says how its gradients correlate; of what disagrees the share, its
   largest regions, and whether both have what the other lacks (`LACK`) are kept.
4. Where blocks agree, three models of a change of colour are fitted (see `COLOR_FEATURES`).

`imgurer_kernel.matching.relation` decides by these numbers. The work is done in machine code by
`imgurer_kernel.matching._numba.agreement`.
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from imgurer_kernel.common.threads import in_order
from imgurer_kernel.common.types import Float32s, Float64s, Int64s, UInt8s

SHARE, SIGMA, NEGATIVE, PLAIN, CONTRAST, AGREE, TEXTURE, BAD = range(8)
LACK, STRAY, Q25, Q50, REST_Q25, REST_BAD, BIG, WHERE_X, WHERE_Y, CROSS = range(8, 18)
COLOURED, OTHER_COLOURED, LIGHT_98, LIGHT_90, TONE_SHARE, HUE_SHARE = range(18, 24)
TURN, CHROMA, MOVED, LIGHTNESS, TONE_98, GAIN, OFFSET, SATURATION = range(24, 32)
LEVELS, MONO, LIGHT_50 = range(32, 35)
FEATURES = 35
MOST = 160
BLOCKS = 32
# The rim of a content box was found to one of 64 pixels; a frame may still show there.
_RIM = 1.3 / 32
_CHUNK = 16


def cored(content: Int64s) -> Float64s:
    """Return content boxes, int64 (n, 4) in 1/64, without their rims, in -1..1."""
    box = content / 32 - 1.0
    box[:, :2] += _RIM * (box[:, :2] > -0.999)
    box[:, 2:] -= _RIM * (box[:, 2:] < 0.999)
    return box


@cache
def _kernel() -> Callable[..., int]:
    from imgurer_kernel.matching._numba import agreement  # compiles: only when needed

    kernel: Callable[..., int] = agreement.measure
    return kernel
