"""Overlays of two pictures as JPEGs: for a slider, for blinking, and a difference map."""

import io

import numpy as np
from PIL import Image

from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.report.explain.explanation import Explanation
from imgurer_kernel.report.explain.overlay import STRONG, VISIBLE, Overlay, outline

HEAT = ("#fde68a", "#fb923c", "#dc2626", "#7f1d1d", "#3b0764")
"""Colors from barely visible to strong, with decreasing lightness, to be readable without hue."""

APART = "#0e7490"
"""Color of the line around blocks without a match; not a color of `HEAT`."""

_QUALITY = 90


def laid_pictures(explanation: Explanation) -> tuple[bytes, bytes, bytes]:
    """Draw the first picture warped onto the second, the second, and their difference.

    Returns
    -------
    Three JPEGs of one size. Outside the first picture its JPEG is white, and the map shows no
    difference.
    """
    overlay = explanation.overlay
    return _jpeg(overlay.aligned), _jpeg(overlay.beneath), _jpeg(difference_map(overlay))


def difference_map(overlay: Overlay) -> UInt8s:
    """Draw the difference in color on the second picture in pale gray, uint8 (height, width, 3).

    A line surrounds blocks without a match, for example where one of the two was covered.
    """
    pale = 175 + 80 * (overlay.beneath.mean(axis=2) / 255)
    ground = np.repeat(pale[..., None], 3, axis=2)
    strength = np.clip((overlay.difference - VISIBLE) / (STRONG - VISIBLE), 0, 1)
    stops = np.array([_rgb(color) for color in HEAT], float)
    places = np.linspace(0, 1, len(stops))
    color = np.stack([np.interp(strength, places, stops[:, k]) for k in range(3)], axis=2)
    seen = np.where(overlay.difference > VISIBLE, np.minimum(0.55 + strength, 1), 0)[..., None]
    drawn: UInt8s = np.rint(ground * (1 - seen) + color * seen).astype(np.uint8)
    drawn[outline(overlay.apart)] = _rgb(APART)
    return drawn


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[k : k + 2], 16) for k in (1, 3, 5))


def _jpeg(picture: UInt8s) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
