"""Count the coefficients of JPEG's transform of 8x8 blocks by size, in compiled code.

The transform is computed first across, then down, each as eight products that are summed in a fixed
order, in float32, so that every machine has the same counts.
"""

# The types of compiled functions are their signatures; mypy reads others in their code.
# mypy: disable-error-code="no-any-return, index"
# ruff: noqa: C901

import numpy as np

from imgurer_kernel.common.numba_jit import compiled
from imgurer_kernel.common.types import BoolMask, Float32s, Int64s, UInt8s, UInt32s

_GRAY, _WAVES, _MODES = (
    "Array(uint8, 2, 'A', readonly=True)",
    "Array(float32, 2, 'C', readonly=True)",
    "Array(int64, 2, 'C', readonly=True)",
)


@compiled("void(float32[::1], Array(float32, 1, 'C', readonly=True), float32[::1])")
def transform(levels: Float32s, wave: Float32s, found: Float32s) -> None:
    """Compute one frequency of every eight neighbouring pixels of a row."""
    for x in range(len(found)):
        total = levels[x] * wave[0]
        for pixel in range(1, 8):
            total += levels[x + pixel] * wave[pixel]
        found[x] = total


@compiled("void(int64[::1], bool_[::1])")
def find_whole(clipped: Int64s, whole: BoolMask) -> None:
    """Find the blocks without clipped pixels, given the number of these in each column."""
    inside = np.int64(0)
    for x in range(7):
        inside += clipped[x]
    for x in range(len(whole)):
        inside += clipped[x + 7]
        whole[x] = inside == 0
        inside -= clipped[x]


@compiled(f"void({_GRAY}, {_WAVES}, {_MODES}, uint32[:, :, ::1])")
def count_on_grids(gray: UInt8s, waves: Float32s, modes: Int64s, counts: UInt32s) -> None:
    """Count coefficients of all blocks of all 64 grids.

    Blocks with black or white pixels do not count: their values may have been clipped.

    Parameters
    ----------
    gray
        uint8 (height, width), at least 8x8.
    waves
        Cosines of each frequency, float32 (frequency, 8).
    modes
        Frequencies down and across, int64 (m, 2).
    counts
        uint32 (m, 64, largest + 1), added to: by mode, grid (row, column) and size.
    """
    height, width = gray.shape[0], gray.shape[1]
    columns, largest = width - 7, counts.shape[2] - 1
    across = np.empty((modes[:, 1].max() + 1, 8, columns), np.float32)  # of the last eight rows
    clipped = np.zeros(width, np.int64)  # of the eight rows above, in each column
    whole = np.empty(columns, np.bool_)
    levels = np.empty(width, np.float32)
    sizes = np.empty(columns, np.float32)
    for y in range(height):
        for x in range(width):
            levels[x] = np.float32(gray[y, x]) - np.float32(128)
            clipped[x] += gray[y, x] <= 1 or gray[y, x] >= 254
            if y >= 8:
                clipped[x] -= gray[y - 8, x] <= 1 or gray[y - 8, x] >= 254
        for right in range(len(across)):
            transform(levels, waves[right], across[right, y & 7])
        if y < 7:
            continue
        find_whole(clipped, whole)
        top = y - 7
        for mode in range(len(modes)):
            rows, wave = across[modes[mode, 1]], waves[modes[mode, 0]]
            for x in range(columns):
                sizes[x] = rows[top & 7, x] * wave[0]
            for pixel in range(1, 8):
                row = rows[(top + pixel) & 7]
                for x in range(columns):
                    sizes[x] += row[x] * wave[pixel]
            found = counts[mode]
            for x in range(columns):
                if whole[x]:
                    found[(top & 7) * 8 + (x & 7), min(int(np.rint(abs(sizes[x]))), largest)] += 1
