"""Natural roughness: noise in octaves, cells, and look-ups in tiles of them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgurer_kernel.scenes.light import Frame, Plane


def noise(frame: Frame, size: float | tuple[float, float]) -> Plane:
    """Smooth random values about 0 with deviation near 0.7, features of a size in heights."""
    across, down = size if isinstance(size, tuple) else (size, size)
    columns, rows = frame.aspect / across, 1 / down
    grid = frame.rng.standard_normal((int(rows) + 5, int(columns) + 5), dtype=np.float32)
    left, top = frame.rng.random(2) + 1
    image = Image.fromarray(grid).resize(
        (frame.width, frame.height),
        Image.Resampling.BICUBIC,
        box=(left, top, left + columns, top + rows),
    )
    return np.asarray(image, np.float32)


def fractal(
    frame: Frame, size: float | tuple[float, float], octaves: int = 5, gain: float = 0.5
) -> Plane:
    """Octaves of `noise`, each half the size and `gain` times as strong; deviation near 0.7."""
    across, down = size if isinstance(size, tuple) else (size, size)
    total = np.zeros((frame.height, frame.width), np.float32)
    strength, power = 1.0, 0.0
    for _ in range(octaves):
        if min(across, down) * frame.height < 1.5:
            break
        total += np.float32(strength) * noise(frame, (across, down))
        power += strength * strength
        across, down, strength = across / 2, down / 2, strength * gain
    return total / np.float32(np.sqrt(max(power, 1e-9)))


def line(
    rng: np.random.Generator, length: int, size: float, octaves: int = 6, gain: float = 0.5
) -> Plane:
    """Rough line of `length` values about 0; `size` of its largest features in values."""
    total = np.zeros(length, np.float32)
    at = np.arange(length, dtype=np.float64)
    strength = 1.0
    for _ in range(octaves):
        if size < 1.5:
            break
        knots = rng.standard_normal(int(length / size) + 4)
        place = at / size + rng.random()
        lower = place.astype(int)
        share = place - lower
        share = share * share * (3 - 2 * share)
        total += (strength * (knots[lower] * (1 - share) + knots[lower + 1] * share)).astype(
            np.float32
        )
        size, strength = size / 2, strength * gain
    return total


def tile(rng: np.random.Generator, side: int, cells: int) -> Plane:
    """Smooth noise on a square of `side` pixels that continues over its edges."""
    grid = np.pad(rng.standard_normal((cells, cells), dtype=np.float32), 4, mode="wrap")
    image = Image.fromarray(grid).resize(
        (side, side), Image.Resampling.BICUBIC, box=(4, 4, 4 + cells, 4 + cells)
    )
    return np.asarray(image, np.float32)


def fractal_tile(
    rng: np.random.Generator, side: int, cells: int, octaves: int = 6, gain: float = 0.5
) -> Plane:
    """Octaves of `tile`; deviation near 0.7."""
    total = np.zeros((side, side), np.float32)
    strength, power = 1.0, 0.0
    for _ in range(octaves):
        if cells > side // 2:
            break
        total += np.float32(strength) * tile(rng, side, cells)
        power += strength * strength
        cells, strength = cells * 2, strength * gain
    return total / np.float32(np.sqrt(power))


def look_up(plane: NDArray[np.float32], u: Plane, v: Plane) -> Plane:
    """Values of a tile at (u, v), in tiles from its corner, interpolated, repeated without end."""
    rows, columns = plane.shape
    x = (u - np.floor(u)) * np.float32(columns)
    y = (v - np.floor(v)) * np.float32(rows)
    left, top = x.astype(np.int32), y.astype(np.int32)
    a, b = x - left, y - top
    left %= columns
    top %= rows
    right, bottom = (left + 1) % columns, (top + 1) % rows
    flat = plane.ravel()
    upper = flat[top * columns + left] * (1 - a) + flat[top * columns + right] * a
    lower = flat[bottom * columns + left] * (1 - a) + flat[bottom * columns + right] * a
    return (upper * (1 - b) + lower * b).astype(np.float32, copy=False)


def cells(frame: Frame, size: float, jitter: float = 0.9) -> tuple[Plane, Plane, NDArray[np.int64]]:
    """Cells around jittered points: distance to the nearest, to the second, and its number.

    Distances are in cells, sizes in heights (S. Worley, "A cellular texture basis function",
    1996).
    """
    columns, rows = int(frame.aspect / size) + 4, int(1 / size) + 4
    points = (frame.rng.random((rows, columns, 2), dtype=np.float32) - 0.5) * np.float32(
        jitter
    ) + 0.5
    x = np.broadcast_to(frame.x / np.float32(size) + 1, (frame.height, frame.width))
    y = np.broadcast_to(frame.y / np.float32(size) + 1, (frame.height, frame.width))
    column, row = x.astype(np.int32), y.astype(np.int32)
    first = np.full(x.shape, 9, np.float32)
    second = first.copy()
    owner = np.zeros(x.shape, np.int64)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            number = (row + down) * columns + column + across
            point = points.reshape(-1, 2)[number]
            apart = np.hypot(
                column + across + point[..., 0] - x, row + down + point[..., 1] - y
            ).astype(np.float32)
            nearer = apart < first
            second = np.where(nearer, first, np.minimum(second, apart))
            owner = np.where(nearer, number, owner)
            first = np.where(nearer, apart, first)
    return first, second, owner
