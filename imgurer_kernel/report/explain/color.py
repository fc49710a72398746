"""Tones and colours of two pictures that lie on each other: compared, fitted, and their distance.

Distances are those in CIE L*a*b* (CIE 15:2004), in which 2 can just be seen and 40 lies between
two plain colours. Pure: float32 (height, width, 3) of sRGB, 0..255.
"""

import numpy as np

from imgurer_kernel.common.types import BoolMask, Float32s

LUMA = np.array((0.299, 0.587, 0.114), np.float32)

_FITS = 8
_BINS = 24
_TO_XYZ = np.array(((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)))
_WHITE = (0.9505, 1.0, 1.089)


def compare_tones(one: Float32s, other: Float32s, common: BoolMask) -> tuple[float, float, float]:
    """Of the second against the first: mean luma more, ratio of contrasts, ratio of chromas."""
    if not common.any():
        return 0.0, 1.0, 1.0
    lumas = [p[common] @ LUMA for p in (one, other)]
    chroma = [np.hypot(*_lab(p[common])[:, 1:].T).mean() for p in (one, other)]
    contrast = (lumas[1].std() + 1) / (lumas[0].std() + 1)
    colour = (chroma[1] + 1) / (chroma[0] + 1)
    return float(lumas[1].mean() - lumas[0].mean()), float(contrast), float(colour)


def fit_tones(one: Float32s, other: Float32s, common: BoolMask) -> Float32s:
    """The first in the tones of the second: colours mixed anew, then a curve for each channel.

    Least squares that heed outliers less and less, and medians: what was drawn on one of the two
    has no say in it.
    """
    known = np.column_stack((one[common], np.full(common.sum(), 255, np.float32)))
    wanted = other[common]
    weight = np.ones(len(known))
    identity = np.vstack((np.eye(3), np.zeros(3)))
    for _ in range(_FITS):
        weighted = known * weight[:, None]
        ridge = np.eye(4) * 2 * len(known)
        mix = np.linalg.solve(weighted.T @ known + ridge, weighted.T @ wanted + ridge @ identity)
        rest = np.linalg.norm(known @ mix - wanted, axis=1)
        weight = 1 / (1 + (rest / (2 * np.median(rest) + 2)) ** 2) ** 2
    mixed: Float32s = np.clip(one @ mix[:3] + 255 * mix[3], 0, 255).astype(np.float32)
    for channel in range(3):
        mixed[..., channel] = _curved(mixed[..., channel], other[..., channel], common)
    return mixed


def _curved(one: Float32s, other: Float32s, common: BoolMask) -> Float32s:
    """Values of one channel, moved by the median of what they became in the other."""
    values, became = one[common], other[common]
    edges = np.quantile(values, np.linspace(0, 1, _BINS + 1))
    place = np.clip(np.searchsorted(edges, values) - 1, 0, _BINS - 1)
    middle, moved = [], []
    for k in range(_BINS):
        chosen = place == k
        if chosen.sum() >= 30:
            middle.append(float(np.median(values[chosen])))
            moved.append(float(np.median(became[chosen] - values[chosen])))
    if not middle:
        return one
    curved: Float32s = (one + np.interp(one, middle, moved)).astype(np.float32)
    return curved


def colour_distance(one: Float32s, other: Float32s) -> Float32s:
    """Colour distance, of each pixel to the most similar of the 9 that may be the same one."""
    first, second = _lab(one), _lab(other)
    distance: Float32s = np.maximum(_nearest(first, second), _nearest(second, first))
    return distance


def _nearest(lab: Float32s, other: Float32s) -> Float32s:
    height, width = lab.shape[:2]
    padded = np.pad(other, ((1, 1), (1, 1), (0, 0)), "edge")
    least = np.full((height, width), np.inf, np.float32)
    for down in range(3):
        for across in range(3):
            moved = padded[down : down + height, across : across + width]
            np.minimum(least, np.linalg.norm(lab - moved, axis=2), out=least)
    return least


def _lab(colours: Float32s) -> Float32s:
    """Colours (..., 3) as CIE L*a*b* under D65."""
    share = np.clip(colours / 255, 0, 1)
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    cubic = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(cubic, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1).astype(np.float32)
