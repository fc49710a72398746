"""Pictures in which something moved a little, or that a lens has bent."""

import numpy as np


def warped(picture, across, down):
    """Look a picture up elsewhere, bilinearly, uint8; shifts in pixels, float (height, width)."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    x, y = np.clip(x + across, 0, width - 1.001), np.clip(y + down, 0, height - 1.001)
    left, top = x.astype(int), y.astype(int)
    u, v = (x - left)[..., None], (y - top)[..., None]
    above = picture[top, left] * (1 - u) + picture[top, left + 1] * u
    below = picture[top + 1, left] * (1 - u) + picture[top + 1, left + 1] * u
    return (above * (1 - v) + below * v).round().astype(np.uint8)


def middle_of(picture):
    """1 in an ellipse in the middle, a fifth of the picture, and less towards its rim."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.clip(4 - 4 * np.hypot(x / 0.4, y / 0.64), 0, 1)


def with_middle_moved(picture, across, down):
    """The picture a moment later: what is in its middle has moved by so many pixels."""
    part = middle_of(picture)
    return warped(picture, across * part, down * part)
