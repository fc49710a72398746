"""Natural roughness: noise in octaves, cells, and look-ups in tiles of them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.draw_samples.light import Frame, Plane, resized


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
    # Large features need few pixels: they are added up in a small picture first.
    small = frame.scaled(0.25)
    coarse = np.zeros((small.height, small.width), np.float32)
    fine: list[Plane] = []
    strength, power = 1.0, 0.0
    for _ in range(octaves):
        pixels = min(across, down) * frame.height
        if pixels < 1.5:
            break
        if pixels >= 16:
            coarse += np.float32(strength) * noise(small, (across, down))
        else:
            fine.append(np.float32(strength) * noise(frame, (across, down)))
        power += strength * strength
        across, down, strength = across / 2, down / 2, strength * gain
    total = resized(coarse, frame.width, frame.height)
    for plane in fine:
        total += plane
    total *= np.float32(1 / np.sqrt(max(power, 1e-9)))
    return total


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


def look_up(plane: Plane, u: Plane, v: Plane) -> Plane:
    """Values of a tile at (u, v), in tiles from its corner, interpolated, repeated without end.

    The tile's sides must be powers of two.
    """
    rows, columns = plane.shape
    x, y = u * np.float32(columns), v * np.float32(rows)
    left, top = np.floor(x), np.floor(y)
    a, b = x - left, y - top
    first = left.astype(np.int32) & (columns - 1)
    second = (first + 1) & (columns - 1)
    upper = (top.astype(np.int32) & (rows - 1)) * columns
    lower = (upper + columns) & (rows * columns - 1)
    flat = plane.ravel()
    above, below = flat.take(upper + first), flat.take(lower + first)
    above += (flat.take(upper + second) - above) * a
    below += (flat.take(lower + second) - below) * a
    blend: Plane = above + (below - above) * b
    return blend


def cells(frame: Frame, size: float, jitter: float = 0.9) -> tuple[Plane, Plane, NDArray[np.int32]]:
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
    owner = np.zeros(x.shape, np.int32)
    inner_x, inner_y = x - column, y - row
    points_x, points_y = points[..., 0].ravel(), points[..., 1].ravel()
    home = row * columns + column
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            number = home + (down * columns + across)
            away_x = points_x.take(number) + (across - inner_x)
            away_y = points_y.take(number) + (down - inner_y)
            apart = away_x * away_x + away_y * away_y
            nearer = apart < first
            np.minimum(second, np.maximum(first, apart), out=second)
            np.copyto(owner, number, where=nearer)
            np.minimum(first, apart, out=first)
    return np.sqrt(first), np.sqrt(second), owner
