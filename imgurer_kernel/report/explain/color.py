"""Compare and fit tones and colors of two aligned pictures.

Distances are those of CIE L*a*b* under D50, as in ICC profiles, where 2 is just visible and 40 is
the distance of two plain colors. Pure: float32 (height, width, 3) of sRGB, 0..255.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageCms

from imgurer_kernel.common.types import BoolMask, Float32s

LUMA = np.array((0.299, 0.587, 0.114), np.float32)

_ITERATIONS = 8
# Most knots of a tone curve, at quantiles, and the fewest pixels per knot.
_KNOTS = 24
_MIN_PIXELS = 30


def compare_tones(one: Float32s, other: Float32s, common: BoolMask) -> tuple[float, float, float]:
    """Compare the second with the first: difference in mean luma, ratio of contrasts, of chromas.

    Parameters
    ----------
    common
        bool (height, width): the pixels to compare.
    """
    if not common.any():
        return 0.0, 1.0, 1.0
    lumas = [p[common] @ LUMA for p in (one, other)]
    chroma = [np.hypot(*_lab(p[common])[:, 1:].T).mean() for p in (one, other)]
    # Add one to both: for two flat pictures the ratio would be that of noise.
    contrast = (lumas[1].std() + 1) / (lumas[0].std() + 1)
    color = (chroma[1] + 1) / (chroma[0] + 1)
    return float(lumas[1].mean() - lumas[0].mean()), float(contrast), float(color)


def fit_tones(one: Float32s, other: Float32s, common: BoolMask) -> Float32s:
    """Fit the first to the tones of the second by an affine color map, then a curve per channel.

    Uses iteratively reweighted least squares and medians, which ignore things drawn on one of the
    two. Pixels outside `common` are mapped, but not fitted.
    """
    # The constant has the magnitude of a color, so that the ridge below damps all four rows alike.
    known = np.column_stack((one[common], np.full(common.sum(), 255, np.float32)))
    wanted = other[common]
    weight = np.ones(len(known))
    identity = np.vstack((np.eye(3), np.zeros(3)))
    for _ in range(_ITERATIONS):
        weighted = known * weight[:, None]
        # Towards the identity: a gray picture does not determine the mixing of colors.
        ridge = np.eye(4) * 2 * len(known)
        mix = np.linalg.solve(weighted.T @ known + ridge, weighted.T @ wanted + ridge @ identity)
        # Weights of Geman and McClure: residuals of some medians have hardly any weight. Two levels
        # are added, since with an exact fit (median 0) rounding errors would count as outliers.
        rest = np.linalg.norm(known @ mix - wanted, axis=1)
        weight = 1 / (1 + (rest / (2 * np.median(rest) + 2)) ** 2) ** 2
    mixed: Float32s = np.clip(one @ mix[:3] + 255 * mix[3], 0, 255).astype(np.float32)
    for channel in range(3):
        mixed[..., channel] = _fit_curve(mixed[..., channel], other[..., channel], common)
    return mixed


def _fit_curve(one: Float32s, other: Float32s, common: BoolMask) -> Float32s:
    """Map the values of one channel to the medians of the corresponding values in the other."""
    values, became = one[common], other[common]
    edges = np.quantile(values, np.linspace(0, 1, _KNOTS + 1))
    place = np.clip(np.searchsorted(edges, values) - 1, 0, _KNOTS - 1)
    middle, moved = [], []
    for k in range(_KNOTS):
        chosen = place == k
        if chosen.sum() >= _MIN_PIXELS:
            middle.append(float(np.median(values[chosen])))
            moved.append(float(np.median(became[chosen] - values[chosen])))
    if not middle:
        return one
    curved: Float32s = (one + np.interp(one, middle, moved)).astype(np.float32)
    return curved


def color_distance(one: Float32s, other: Float32s) -> Float32s:
    """Measure each pixel's color distance to the closest of 9 in the other picture, float32.

    The larger of both directions counts: a fit may be off by a fraction of a pixel, and a thin line
    in only one of the two must not vanish.
    """
    first, second = _lab(one), _lab(other)
    distance: Float32s = np.maximum(_nearest(first, second), _nearest(second, first))
    return distance


def _nearest(lab: Float32s, other: Float32s) -> Float32s:
    height, width = lab.shape[:2]
    # By planes: sums over an axis of three take several times as long.
    own = np.ascontiguousarray(lab.transpose(2, 0, 1))
    padded = np.pad(other.transpose(2, 0, 1), ((0, 0), (1, 1), (1, 1)), "edge")
    least = np.full((height, width), np.inf, np.float32)
    for down in range(3):
        for across in range(3):
            off = own - padded[:, down : down + height, across : across + width]
            off *= off
            np.minimum(least, off[0] + off[1] + off[2], out=least)
    return np.sqrt(least, out=least)


def _lab(colors: Float32s) -> Float32s:
    """Convert colors (..., 3) to CIE L*a*b* under D50: L* in steps of 0.4, a* and b* in units."""
    pixels = np.clip(np.rint(colors), 0, 255).astype(np.uint8).reshape(1, -1, 3)
    image = np.asarray(_srgb_to_lab().apply(Image.fromarray(pixels)))
    # Pillow stores L* as 0..255, a* and b* as signed bytes.
    lab = np.concatenate((image[..., :1] * (100 / 255), image[..., 1:].view(np.int8)), axis=-1)
    return lab.reshape(colors.shape).astype(np.float32)


@cache
def _srgb_to_lab() -> ImageCms.ImageCmsTransform:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
