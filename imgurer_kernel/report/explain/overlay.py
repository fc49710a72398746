"""Overlay one picture on another and compare them where both are: arrays in, arrays out.

A visible difference must not be hidden by invisible ones. So the pictures are aligned to a fraction
of a pixel, the tones of one are fitted to those of the other, small displacements are tolerated,
and the rest is measured as a color distance for human vision
(`imgurer_kernel.report.explain.color`).
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s
from imgurer_kernel.matching.affine import inverse
from imgurer_kernel.matching.difference import refined
from imgurer_kernel.matching.local_agreement import BlockMap
from imgurer_kernel.report.explain.color import LUMA, color_distance, compare_tones, fit_tones

Transform = tuple[float, ...]
"""An affine map (a, b, c, d, e, f), as in `imgurer_kernel.matching.affine`."""

VISIBLE = 8.0
"""Color distance above which a difference is shown."""

STRONG = 48.0
"""Color distance that is shown at full strength."""

COLORLESS = 0.25
"""Share of the other's color below which a picture counts as gray."""

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# Size to which pictures are reduced for a finer fit, and its steps: size, most iterations,
# tolerance. Evidence was fitted at 64 pixels, where an edge may be off by several pixels of this
# size.
_FINE_SIDE = 256
_LEVELS = ((64, 6, 1e-3), (128, 4, 5e-4), (256, 4, 2e-4))
# A fit that moves farther than this, of -1..1, has converged to something else.
_MAX_CORRECTION = 0.1
# Minimum of the shorter side of a canvas in pixels, if the picture has as many.
_MIN_SIDE = 48
# Fewer common pixels do not determine the tones.
_MIN_COMMON = 100


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The first picture on the second.

    Attributes
    ----------
    transform
        Map from the first to the second.
    aligned, beneath
        uint8 (height, width, 3): the first warped onto the second, and the second, at a resolution
        that both have.
    inside
        bool (height, width): where the first covers the second.
    difference
        float32 (height, width): color distance after fitting the tones; 0 where only one is.
    differing
        Share of the common area that visibly differs, 0..1.
    kept, covered
        Share of the first that is inside the second, and of the second that the first covers.
    lightness, contrast, color
        Changes in the common area: difference in mean luma (-255..255), ratio of the standard
        deviations, ratio of the mean chroma.
    apart
        bool (height, width): blocks without any match, for example covered ones.
    """

    transform: Transform
    aligned: UInt8s
    beneath: UInt8s
    inside: BoolMask
    difference: Float32s
    differing: float
    kept: float
    covered: float
    lightness: float
    contrast: float
    color: float
    apart: BoolMask


def lay_over(
    first: UInt8s,
    second: UInt8s,
    transform: Transform,
    *,
    same: bool = True,
    blocks: BlockMap | None = None,
) -> Overlay:
    """Overlay one picture on another.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3).
    transform
        Known map from the first to the second.
    same
        Whether they show the same. If not, the transform is used as it is and tones are not fitted:
        unrelated pictures need no adjustment.
    blocks
        Map of matching blocks, if known.
    """
    if same:
        transform = _refine(first, second, transform)
    size = _canvas_size(first, second, transform)
    beneath, _ = warp(second, _IDENTITY, size)
    aligned, inside = warp(first, transform, size)
    # Pixels at the border mix with the outside, and blurs reach two pixels far.
    common = _erode(_erode(inside))
    one, other = _smooth(aligned), _smooth(beneath)
    lightness, contrast, color = compare_tones(one, other, common)
    if not COLORLESS < color < 1 / COLORLESS:
        # Colors cannot be compared with grays.
        one, other = (np.repeat((p @ LUMA)[..., None], 3, axis=2) for p in (one, other))
    if same and common.sum() > _MIN_COMMON:
        one = fit_tones(one, other, common)
    difference = np.where(common, color_distance(one, other), 0).astype(np.float32)
    visible = _erode(difference > VISIBLE)  # ignore specks of a pixel or two
    return Overlay(
        transform=transform,
        aligned=aligned,
        beneath=beneath,
        inside=inside,
        difference=difference,
        differing=float(visible.sum() / max(common.sum(), 1)),
        kept=_share_inside(np.array(transform)),
        covered=_share_inside(inverse(transform)),
        lightness=lightness,
        contrast=contrast,
        color=color,
        apart=_blocks_apart(blocks, transform, size),
    )


def _blocks_apart(blocks: BlockMap | None, transform: Transform, size: tuple[int, int]) -> BoolMask:
    """Draw the regions of blocks without a match on the canvas, bool (height, width)."""
    width, height = size
    if blocks is None or not blocks.regions.any():
        return np.zeros((height, width), np.bool_)
    a, b, c, d, e, f = inverse(transform)
    u = (2 * np.arange(width) + 1) / width - 1
    v = ((2 * np.arange(height) + 1) / height - 1)[:, None]
    left, top, right, bottom = blocks.box
    down, across = blocks.regions.shape
    column = np.floor((a * u + b * v + c - left) / (right - left) * across).astype(int)
    row = np.floor((d * u + e * v + f - top) / (bottom - top) * down).astype(int)
    inside = (column >= 0) & (column < across) & (row >= 0) & (row < down)
    apart: BoolMask = inside & blocks.regions[np.where(inside, row, 0), np.where(inside, column, 0)]
    return apart


def outline(mask: BoolMask) -> BoolMask:
    """Return the border of a mask, two pixels wide or more in a large picture.

    Examples
    --------
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[1:8, 1:8] = True
    >>> int(outline(mask).sum())  # 49 pixels, of which 9 are within
    40
    """
    inner = mask
    for _ in range(max(2, round(max(mask.shape) / 256))):
        inner = _erode(inner)
    rim: BoolMask = mask & ~inner
    return rim


def warp(picture: UInt8s, transform: Transform, size: tuple[int, int]) -> tuple[UInt8s, BoolMask]:
    """Warp a picture onto a canvas of another size, with linear interpolation.

    Parameters
    ----------
    picture
        uint8 (height, width, 3).
    transform
        Map from the picture to the canvas; both reach from -1 to 1 in both directions.
    size
        Width and height of the canvas in pixels.

    Returns
    -------
    uint8 (height, width, 3), white outside the picture, and a mask of the area that it covers.
    """
    width, height = size
    rows, columns = picture.shape[:2]
    if tuple(transform) == _IDENTITY and size == (columns, rows):
        return picture.copy(), np.ones((rows, columns), np.bool_)
    a, b, c, d, e, f = inverse(transform)
    u = (2 * np.arange(width) + 1) / width - 1
    v = ((2 * np.arange(height) + 1) / height - 1)[:, None]
    x, y = a * u + b * v + c, d * u + e * v + f
    inside = (np.abs(x) <= 1) & (np.abs(y) <= 1)
    # Blur before reducing, to avoid aliasing of fine patterns.
    step_x, step_y = np.hypot(a, d * rows / columns), np.hypot(b * columns / rows, e)
    source = _blur(
        picture,
        0.5 * np.sqrt(max((step_x * columns / width) ** 2 - 1, 0)),
        0.5 * np.sqrt(max((step_y * rows / height) ** 2 - 1, 0)),
    ).astype(np.float32)
    x = np.clip((x + 1) * columns / 2 - 0.5, 0, columns - 1)
    y = np.clip((y + 1) * rows / 2 - 0.5, 0, rows - 1)
    j, i = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
    j, i = np.maximum(j, 0), np.maximum(i, 0)
    right, below = np.minimum(j + 1, columns - 1), np.minimum(i + 1, rows - 1)
    p, q = (x - j)[..., None], (y - i)[..., None]
    above = source[i, j] * (1 - p) + source[i, right] * p
    under = source[below, j] * (1 - p) + source[below, right] * p
    values = np.where(inside[..., None], above * (1 - q) + under * q, 255)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8), inside


def _canvas_size(first: UInt8s, second: UInt8s, transform: Transform) -> tuple[int, int]:
    """Choose a canvas size at which neither picture is enlarged.

    An enlarged picture is blurred, and would differ from a sharp one everywhere.
    """
    a, b, _, d, e, _ = transform
    pixels = (second.shape[0] * second.shape[1]) / (first.shape[0] * first.shape[1])
    zoom = np.sqrt(abs(a * e - b * d) * pixels)
    scale = 1 / max(zoom, 1)
    height, width = (max(round(side * scale), min(side, _MIN_SIDE)) for side in second.shape[:2])
    return width, height


def _refine(first: UInt8s, second: UInt8s, transform: Transform) -> Transform:
    """Fit a transform at a higher resolution; return the given one if that is no better."""
    size = _FINE_SIDE, _FINE_SIDE
    small = [warp(p, _IDENTITY, size)[0] @ LUMA for p in (first, second)]
    one, other = (np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in small)
    boxes = np.tile(np.array([0, 0, 64, 64]), (1, 2, 1))
    start = np.array([transform], np.float64)
    found = refined(one[None], other[None], boxes, start, _LEVELS)[0]
    if np.abs(found - transform).max() > _MAX_CORRECTION:
        return transform
    costs = [_misfit(one, other, tuple(t)) for t in (transform, found.tolist())]
    return tuple(found.tolist()) if costs[1] < costs[0] else transform


def _misfit(first: UInt8s, second: UInt8s, transform: Transform) -> float:
    """Measure the mean difference of the gradients of two gray pictures."""
    size = _FINE_SIDE, _FINE_SIDE
    warped, inside = warp(np.repeat(first[..., None], 3, 2), transform, size)
    one, other = warped[..., 0].astype(np.float32), second.astype(np.float32)
    both = _erode(inside)[1:, 1:]
    side = _FINE_SIDE - 1
    slopes = [np.abs(np.diff(one - other, axis=k))[-side:, -side:][both] for k in (0, 1)]
    return float(np.mean(slopes)) if both.any() else np.inf


def _share_inside(transform: Float64s | Transform) -> float:
    """Measure the share of a picture that a transform maps into the other, on a 128x128 grid."""
    at = (np.arange(128) + 0.5) / 64 - 1
    a, b, c, d, e, f = transform
    x, y = a * at + b * at[:, None] + c, d * at + e * at[:, None] + f
    return float(((np.abs(x) <= 1) & (np.abs(y) <= 1)).mean())


def _smooth(picture: UInt8s) -> Float32s:
    """Blur to hide compression: the standard deviation is 1/256 of the longer side."""
    sigma = max(picture.shape[:2]) / 256
    return _blur(picture, sigma, sigma).astype(np.float32)


def _blur(picture: UInt8s, across: float, down: float) -> UInt8s:
    """Blur by these standard deviations in pixels, nearly Gaussian (three box blurs)."""
    image = Image.fromarray(picture).filter(ImageFilter.GaussianBlur((across, down)))
    return np.asarray(image)


def _erode(mask: BoolMask) -> BoolMask:
    """Erode a mask: clear its pixels that are at the edge or have a clear one among 8 neighbors."""
    # Padded, since Pillow would extend the border outwards and keep it.
    padded = Image.fromarray(np.pad(mask, 1).astype(np.uint8))
    return np.asarray(padded.filter(ImageFilter.MinFilter(3)))[1:-1, 1:-1] > 0
