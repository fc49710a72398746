"""One picture laid over another, and what differs where both are: arrays in, arrays out.

A difference that people can read must not be drowned by what they cannot see. So the pictures are
aligned to a fraction of a pixel, the tones of the one are fitted to those of the other, small
displacements are forgiven, and what is left is measured as people see colours
(`imgurer_kernel.report.explain.color`).
"""

from dataclasses import dataclass

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s, Float64s, UInt8s
from imgurer_kernel.matching.affine import inverse
from imgurer_kernel.matching.difference import refined
from imgurer_kernel.report.explain.color import LUMA, colour_distance, compare_tones, fit_tones

Transform = tuple[float, ...]

VISIBLE = 8.0
"""Colour distance from which a difference is shown."""

STRONG = 48.0
"""Colour distance that is shown as strongly as can be."""

COLOURLESS = 0.25
"""Share of the other's colour below which a picture is taken for a gray one."""

_WHOLE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_FINE = 256
_LEVELS = ((64, 6, 1e-3), (128, 4, 5e-4), (256, 4, 2e-4))
_LEAST = 48


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The first picture on the second.

    Attributes
    ----------
    transform
        From the first to the second, as `imgurer_kernel.matching.alignment` has it.
    aligned, beneath
        uint8 (height, width, 3): the first as it lies on the second, and the second, at a
        resolution that both have.
    inside
        bool (height, width): where the first covers the second.
    difference
        float32 (height, width): colour distance where both are, tones fitted; else 0.
    differing
        Share of the common area that visibly differs, 0..1.
    kept, covered
        Share of the first that lies in the second, and of the second that the first covers.
    lightness, contrast, colour
        What became of the common area: difference in mean luma (-255..255), ratio of the
        deviations, ratio of the mean chroma.
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
    colour: float


def lay_over(first: UInt8s, second: UInt8s, transform: Transform, *, same: bool = True) -> Overlay:
    """Lay one picture over another.

    Parameters
    ----------
    first, second
        uint8 (height, width, 3).
    transform
        From the first to the second, as far as it is known.
    same
        Whether they show the same. If not, the transform is taken as it is and tones are not
        fitted: nothing is gained by making strangers alike.
    """
    if same:
        transform = _finer(first, second, transform)
    size = _canvas(first, second, transform)
    beneath, _ = warped(second, _WHOLE, size)
    aligned, inside = warped(first, transform, size)
    common = _eroded(_eroded(inside))  # borders have no part in it
    one, other = _smooth(aligned), _smooth(beneath)
    lightness, contrast, colour = compare_tones(one, other, common)
    if not COLOURLESS < colour < 1 / COLOURLESS:
        # What colours there were nobody can tell from grays.
        one, other = (np.repeat((p @ LUMA)[..., None], 3, axis=2) for p in (one, other))
    if same and common.sum() > 100:
        one = fit_tones(one, other, common)
    difference = np.where(common, colour_distance(one, other), 0).astype(np.float32)
    visible = _eroded(difference > VISIBLE)  # a speck of a pixel or two is none
    return Overlay(
        transform=transform,
        aligned=aligned,
        beneath=beneath,
        inside=inside,
        difference=difference,
        differing=float(visible.sum() / max(common.sum(), 1)),
        kept=_share(np.array(transform)),
        covered=_share(inverse(transform)),
        lightness=lightness,
        contrast=contrast,
        colour=colour,
    )


def frame_in_second(transform: Transform) -> Float64s:
    """Where the corners of the first picture lie in the second, float64 (4, 2), in -1..1."""
    corners = np.array(((-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)), np.float64)
    placed: Float64s = corners @ np.reshape(transform, (2, 3)).T
    return placed


def warped(picture: UInt8s, transform: Transform, size: tuple[int, int]) -> tuple[UInt8s, BoolMask]:
    """A picture as it looks after a transform, on a canvas of another size.

    Parameters
    ----------
    picture
        uint8 (height, width, 3).
    transform
        From the picture to the canvas; both reach from -1 to 1 in both directions.
    size
        Width and height of the canvas in pixels.

    Returns
    -------
    uint8 (height, width, 3), white where the picture does not reach, and where it does.
    """
    width, height = size
    a, b, c, d, e, f = inverse(transform)
    u = (2 * np.arange(width) + 1) / width - 1
    v = ((2 * np.arange(height) + 1) / height - 1)[:, None]
    rows, columns = picture.shape[:2]
    x, y = a * u + b * v + c, d * u + e * v + f
    inside = (np.abs(x) <= 1) & (np.abs(y) <= 1)
    # What is reduced is blurred first, or it would flicker.
    step_x, step_y = np.hypot(a, d * rows / columns), np.hypot(b * columns / rows, e)
    source = _blurred(
        picture.astype(np.float32),
        0.5 * np.sqrt(max((step_y * rows / height) ** 2 - 1, 0)),
        0.5 * np.sqrt(max((step_x * columns / width) ** 2 - 1, 0)),
    )
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


def _canvas(first: UInt8s, second: UInt8s, transform: Transform) -> tuple[int, int]:
    """Width and height at which neither picture is enlarged: a blurred one differs everywhere."""
    a, b, _, d, e, _ = transform
    pixels = (second.shape[0] * second.shape[1]) / (first.shape[0] * first.shape[1])
    zoom = np.sqrt(abs(a * e - b * d) * pixels)
    scale = 1 / max(zoom, 1)
    height, width = (max(round(side * scale), min(side, _LEAST)) for side in second.shape[:2])
    return width, height


def _finer(first: UInt8s, second: UInt8s, transform: Transform) -> Transform:
    """A transform that fits better at a higher resolution, or the same."""
    small = [warped(p, _WHOLE, (_FINE, _FINE))[0] @ LUMA for p in (first, second)]
    grays = [np.clip(np.rint(p), 0, 255).astype(np.uint8)[None] for p in small]
    boxes = np.tile(np.array([0, 0, 64, 64]), (1, 2, 1))
    found = refined(grays[0], grays[1], boxes, np.array([transform], np.float64), _LEVELS)[0]
    if np.abs(found - transform).max() > 0.1:
        return transform
    costs = [_cost(small[0], small[1], tuple(t)) for t in (transform, found.tolist())]
    return tuple(found.tolist()) if costs[1] < costs[0] else transform


def _cost(first: Float32s, second: Float32s, transform: Transform) -> float:
    """Mean difference of the gradients of the two, which brightness has no part in."""
    there, inside = warped(np.repeat(first[..., None], 3, 2), transform, (_FINE, _FINE))
    one, other = there[..., 0].astype(np.float32), second
    both = _eroded(inside)[1:, 1:]
    slopes = [np.abs(np.diff(one - other, axis=k))[-255:, -255:][both] for k in (0, 1)]
    return float(np.mean(slopes)) if both.any() else np.inf


def _share(transform: Float64s | Transform) -> float:
    """Share of a picture that a transform takes into the other."""
    at = (np.arange(128) + 0.5) / 64 - 1
    a, b, c, d, e, f = transform
    x, y = a * at + b * at[:, None] + c, d * at + e * at[:, None] + f
    return float(((np.abs(x) <= 1) & (np.abs(y) <= 1)).mean())


def _smooth(picture: UInt8s) -> Float32s:
    """As it is seen from a little further away, where compression does not show."""
    sigma = max(picture.shape[:2]) / 256
    return _blurred(picture.astype(np.float32), sigma, sigma)


def _blurred(picture: Float32s, down: float, across: float) -> Float32s:
    """Gaussian blur by these deviations in pixels."""
    for axis, sigma in ((0, down), (1, across)):
        if sigma < 0.1:
            continue
        reach = min(int(3 * sigma) + 1, picture.shape[axis] - 1)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        weights /= weights.sum()
        border = [(reach, reach) if k == axis else (0, 0) for k in range(picture.ndim)]
        padded = np.pad(picture, border, "edge")
        size = picture.shape[axis]
        parts = (w * padded.take(range(k, k + size), axis) for k, w in enumerate(weights))
        picture = sum(parts, np.zeros_like(picture)).astype(np.float32)
    return picture


def _eroded(mask: BoolMask) -> BoolMask:
    """Without the pixels that have one outside among their neighbours."""
    padded = np.pad(mask, 1)
    height, width = mask.shape
    kept = mask.copy()
    for down in range(3):
        for across in range(3):
            kept &= padded[down : down + height, across : across + width]
    return kept
