"""Measure block by block where two aligned pictures agree.

One number for a whole picture cannot distinguish a copy with writing on it from another picture of
the same kind. Unrelated pictures differ a bit all over; an overlay differs totally in one place and
not at all elsewhere; another take has the same edges, each moved a little. So:

1. Both pictures are resampled over their common part, at the resolution of the poorer one, and the
   sharper one is blurred until both are equally sharp (by ring spectra, not by pixel counts).
2. The best shift of each block is found, to a fraction of a pixel; a polynomial of second order is
   fitted to the shifts, for perspective and an imprecise map, and the second picture warped by it.
3. The gradients of each block with texture are correlated; of the blocks that disagree the share,
   the largest regions, and whether each has what the other lacks (`LACK`) are recorded.
4. Where blocks agree, three models of a change of colour are fitted.

`imgurer_kernel.matching.relation` decides by these numbers. The work is done in machine code by
`imgurer_kernel.matching._numba.agreement`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.threads import cores, in_order
from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, Int64s, UInt8s

# Features of a pair: indices into a row of `FEATURES` numbers.
SHARE = 0  # share of a content that both pictures show, the smaller one of the two
SIGMA = 1  # blur that made both equally sharp, pixels of the grid
NEGATIVE = 2  # 1 where the second picture was inverted
PLAIN = 3  # share of the most frequent gray of the plainer picture
CONTRAST = 4  # geometric mean of both standard deviations, gray levels
AGREE, TEXTURE = 5, 6  # blocks that agree, and that have anything to agree in
BAD = 7  # share of the texture that disagrees
LACK = 8  # share that one shows and the other lacks, the smaller one of both
STRAY = 9  # share of sure blocks with a shift that the fitted warp does not explain
Q25, Q50 = 10, 11  # quartiles of the correlations of blocks
REST_Q25, REST_BAD = 12, 13  # the same beside the largest regions that disagree
BIG, WHERE_X, WHERE_Y = 14, 15, 16  # share and center of these regions
CROSS = 17  # how far edges run both ways: 0 where all run one way
COLOURED, OTHER_COLOURED = 18, 19  # how far from gray both are, gray levels
LIGHT_98, LIGHT_90 = 20, 21  # residuals of a change of brightness, quantiles; of drawings
TONE_SHARE, TONE_98, GAIN, OFFSET, SATURATION = 22, 28, 29, 30, 31  # gain, offset, saturation
HUE_SHARE, TURN, CHROMA, MOVED = 23, 24, 25, 26  # a turn of hues, or rising curves
LIGHTNESS = 27  # what a rising curve leaves of lightness, 98 of 100 cells
MONO = 32  # colour that brightness leaves unexplained in the less colourful picture
SIDE = 33  # pixels of the grid's sides, geometric mean
FLAT = 34  # places flat in both pictures, those of one ground left out; of drawings
FLAT_GAIN = 35  # the change of light that explains their colours best
FLAT_OFF = 36  # share of them that are of another colour all the same
FLAT_REGION, FLAT_SLIGHTLY = 37, 38  # largest region of those; share of one that is slightly off
FLAT_TONE = 39  # largest region that gain, offset and saturation leave in another colour
FLAT_COLOURS = 40  # colours that flat places have
CUT = 41  # share of what both show in strips along its sides that disagree, each from side to side
CUT_LEFT, CUT_TOP, CUT_RIGHT, CUT_BOTTOM = 42, 43, 44, 45  # how deep these are, of width or height
INNER_AGREE, INNER_BAD, INNER_Q25 = 46, 47, 48  # as above, between the strips
LEFT_GAIN, LEFT_NOISE = 49, 50  # of small ones: the change of light; what it leaves along edges
LEFT_REGION, LEFT_INSIDE = 51, 52  # levels times pixels, beyond that, of the region that is off
# most: anywhere, and between where captions are
FLAT_UNLIKE = 53  # levels by which the channels of one flat colour did not change by one factor
LETTERS = 54  # share of the blocks that disagree in which one goes from dark to light
GROUND = 55  # of small ones: share of the most frequent gray of all of the less plain picture
MOST_COLOUR = 56  # as `MONO`, of the more colourful picture
EDGE = 57  # how steep the steepest blocks are, levels a pixel, as a share of `CONTRAST`
SMOOTHED, SMOOTHED_MORE = 58, 59  # of small ones: levels that means of 3x3 pixels are off by
# where they are off most, all but eight of them, and all but 25
RESIZED = 60  # of small ones: pixels of the one picture for one of the other
CAPTIONS = 61  # 1 where all that disagrees lies under captions, see `captions.differ_by_captions`
COVERED = 62  # of originals: share of what disagrees that is covered, see `covers.covered_share`
SLIGHT_STRAY = 63  # share of sure blocks that stray by a quarter of a pixel
FEATURES = 64

RICH, STRAY_FROM = 110, 60
"""Agreeing blocks up to which light is measured, and from which hues are."""

PALE = 12.0
"""Gray levels of contrast below which pictures are faint."""

MOST = 160
"""Pixels of the grid's longer side, at most; thumbnails have 270."""

SMALL_DRAWING = 160
"""Pixels of the longer side of both pictures, up to which single pixels are compared. Thumbnails
of these are not reduced, and hold no photographs but of faces and things."""

MOST_OF_ORIGINALS = 640
"""The same of originals, where single letters must be seen."""

BLOCKS = 64
"""Blocks along each side, at most."""

# Content boxes are accurate to one of 64 pixels; a frame may still show at their rim.
_RIM = 1.3 / 32
_CHUNK = 16


def cored(content: Int64s) -> Float64s:
    """Return content boxes, int64 (n, 4) in 1/64, without their rims, in -1..1.

    Examples
    --------
    >>> cored(np.array([[0, 8, 64, 64]])).round(2).tolist()
    [[-1.0, -0.71, 1.0, 1.0]]
    """
    box = content / 32 - 1.0
    box[:, :2] += _RIM * (box[:, :2] > -0.999)
    box[:, 2:] -= _RIM * (box[:, 2:] < 0.999)
    return box


def load(progress: Progress | None = None) -> None:
    """Load the machine code, which is compiled at first use for half a minute.

    Parameters
    ----------
    progress
        Called every half second meanwhile; may raise to stop waiting.
    """
    if _kernel.cache_info().currsize:
        return
    report = None if progress is None else partial(progress, "compiling, once", 0, 0)
    for _ in in_order(lambda _: _kernel(), [0], report):
        pass


def measure_agreement(
    first: Sequence[UInt8s],
    second: Sequence[UInt8s],
    maps: Float64s,
    content: Int64s,
    *,
    most: int = MOST,
) -> Float64s:
    """Measure where pairs of aligned pictures agree, in threads.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3) each: thumbnails of the n pairs, red, green and blue.
    maps
        float64 (n, 6): from the first to the second.
    content
        int64 (n, 2, 4): what lies within the borders of both, in 1/64 of the sides.
    most
        Pixels of the grid's longer side, at most. Beyond `MOST`, of originals, neither colours nor
        single pixels are compared.

    Returns
    -------
    float64 (n, `FEATURES`); zeros where the pictures have no common part.
    """
    found = np.zeros((len(first), FEATURES))
    if not len(first):
        return found
    kernel, inner = _kernel(), (cored(content[:, 0]), cored(content[:, 1]))
    maps = np.ascontiguousarray(maps, np.float64)

    # A pair takes milliseconds: a few are shared among the cores, too.
    size = min(_CHUNK, -(-len(first) // cores()))

    def work(start: int) -> None:
        blocks = np.empty((3, BLOCKS, BLOCKS), np.float32)
        for k in range(start, min(start + size, len(first))):
            boxes = inner[0][k], inner[1][k]
            kernel(first[k], second[k], maps[k], *boxes, most, found[k], blocks)

    parts = range(0, len(first), size)
    for _ in map(work, parts) if len(parts) < 2 else in_order(work, parts):
        pass
    return found


@dataclass(frozen=True, slots=True, eq=False)
class BlockMap:
    """Where two aligned pictures agree, block by block.

    Attributes
    ----------
    box
        float64 (4,): left, top, right, bottom of the part of the first picture that blocks divide,
        in -1..1: what both show.
    correlation
        float32 (down, across): -2..1.
    texture
        bool (down, across): blocks that have anything to agree in.
    disagrees
        bool (down, across): blocks with texture that do not correlate.
    regions
        bool (down, across): those in one of the three largest regions, which `BIG` counts.
    """

    box: Float64s
    correlation: Float32s
    texture: BoolMask
    disagrees: BoolMask
    regions: BoolMask


def block_map(
    first: UInt8s, second: UInt8s, transform: Float64s, content: Int64s, *, most: int = MOST
) -> BlockMap:
    """Correlate each block of the common part, and mark the blocks that disagree.

    Parameters
    ----------
    first, second, transform, content, most
        As in `measure_agreement`, of one pair: content is int64 (2, 4).

    Returns
    -------
    Without any block where the pictures have no common part.
    """
    from imgurer_kernel.matching._numba.grids import common_box
    from imgurer_kernel.matching._numba.regions import largest_regions

    blocks = np.zeros((3, BLOCKS, BLOCKS), np.float32)
    inner, found, box = cored(content), np.zeros(FEATURES), np.zeros(4)
    common_box(transform, inner[0], inner[1], box, found)
    shape = _kernel()(first, second, transform, *inner, most, found, blocks)
    down, across = divmod(shape, 64)
    disagrees = np.ascontiguousarray(blocks[2, :down, :across] > 0)
    regions = np.zeros_like(disagrees)
    largest_regions(disagrees, regions, found)
    texture = blocks[1, :down, :across] > 0
    return BlockMap(box, blocks[0, :down, :across], texture, disagrees, regions)


@cache
def _kernel() -> Callable[..., int]:
    from imgurer_kernel.matching._numba import agreement  # compiles: only when needed

    kernel: Callable[..., int] = agreement.measure
    return kernel
