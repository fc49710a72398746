"""The machine code has the same counts as a transform of each block."""

import numpy as np
import pytest

from imgurer_kernel.fingerprint._numba.coefficients import count_on_grids
from imgurer_kernel.fingerprint.recompression import MODES

LARGEST = 300
PIXEL = np.arange(8)
WAVES = np.cos((2 * PIXEL + 1) * PIXEL[:, None] * np.pi / 16) / 2
WAVES[0] /= np.sqrt(2)
WAVES = WAVES.astype(np.float32)


def transform(block):
    """Transform across, then down, with sums in the order of pixels: halves are rounded alike."""
    across = sum(block[:, pixel, None] * WAVES[:, pixel] for pixel in PIXEL)
    return sum(across[pixel] * WAVES[:, pixel, None] for pixel in PIXEL)


def counted(gray):
    """Count the coefficients of all blocks of 8x8 pixels, one by one."""
    counts = np.zeros((len(MODES), 64, LARGEST + 1), int)
    for y in range(gray.shape[0] - 7):
        for x in range(gray.shape[1] - 7):
            block = gray[y : y + 8, x : x + 8]
            if ((block <= 1) | (block >= 254)).any():
                continue
            sizes = np.abs(transform(block.astype(np.float32) - 128))
            for mode, place in enumerate(MODES):
                size = min(int(np.rint(sizes[place])), LARGEST)
                counts[mode, y % 8 * 8 + x % 8, size] += 1
    return counts


@pytest.mark.parametrize(
    ("shape", "least", "most"),
    [((8, 8), 2, 254), ((9, 31), 0, 256), ((40, 25), 0, 256), ((33, 64), 100, 140)],
)
def test_coefficients_are_counted_by_mode_grid_and_size(shape, least, most):
    random = np.random.default_rng(shape[1])
    gray = random.integers(least, most, (shape[0] * 2, shape[1] * 2)).astype(np.uint8)
    gray = np.clip(gray, 2, 253) if most < 256 else gray
    gray[: shape[0], : shape[1]] = np.where(
        random.random(shape) < 0.995, np.clip(gray[: shape[0], : shape[1]], 2, 253), 255
    )
    for view in (gray[: shape[0], : shape[1]], gray[::2, ::2]):
        found = np.zeros((len(MODES), 64, LARGEST + 1), np.uint32)
        count_on_grids(view, WAVES, np.array(MODES), found)
        assert (found == counted(view)).all()
        assert shape == (8, 8) or found.any()
