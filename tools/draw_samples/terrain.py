"""Ground in perspective: a height field seen by a camera, lit by a low sun."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tools.draw_samples.light import Frame, Plane, resized
from tools.draw_samples.noise import look_up, tile


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where the picture is taken from; lengths in units of the world.

    Attributes
    ----------
    above
        Height of the lens.
    horizon
        Where the horizon lies in the picture, 0 at the top, 1 at the bottom.
    focal
        Focal length in picture heights.
    near, far
        Between which distances there is ground.
    offset
        Where in the world the camera stands.
    """

    above: float
    horizon: float
    focal: float = 1.2
    near: float = 0.05
    far: float = 6.0
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class View:
    """What each pixel sees: planes of (height, width); `hit` is False where there is sky."""

    hit: NDArray[np.bool_]
    east: Plane
    north: Plane
    level: Plane
    away: Plane


def see(frame: Frame, heights: Plane, scale: float, camera: Camera, steps: int = 640) -> View:
    """Project a height field, a tile that spans one unit of the world, front to back.

    Each column's ground is sampled at growing distances; the running highest of the projected
    samples tells which is the first to cover a pixel.
    """
    distance = np.geomspace(camera.near, camera.far, steps, dtype=np.float32)[:, None]
    east = (frame.x - np.float32(frame.aspect / 2)) / np.float32(camera.focal) * distance
    east = east + np.float32(camera.offset[0])
    north = np.broadcast_to(distance + np.float32(camera.offset[1]), east.shape)
    level = look_up(heights, east, north) * np.float32(scale)
    rows = np.float32(camera.horizon) + np.float32(camera.focal) * (camera.above - level) / distance
    rows = rows * np.float32(frame.height) - np.float32(0.5)
    highest = np.minimum.accumulate(rows, axis=0)
    covered_from = np.clip(np.ceil(highest), 0, frame.height).astype(np.int64)
    columns = np.arange(frame.width)
    counts = np.bincount(
        (covered_from * frame.width + columns).ravel(),
        minlength=(frame.height + 1) * frame.width,
    ).reshape(frame.height + 1, frame.width)
    # Samples that reach a row are those whose first covered row is at or above it.
    index = steps - np.cumsum(counts, axis=0)[: frame.height]
    hit = index < steps
    behind = np.clip(index, 1, steps - 1)
    before = behind - 1
    pixel = np.arange(frame.height, dtype=np.float32)[:, None]
    low, high = np.take_along_axis(rows, before, 0), np.take_along_axis(rows, behind, 0)
    share = np.clip((low - pixel) / np.maximum(low - high, 1e-6), 0, 1)

    def between(plane: Plane) -> Plane:
        first, last = np.take_along_axis(plane, before, 0), np.take_along_axis(plane, behind, 0)
        return first + (last - first) * share

    away = between(np.broadcast_to(distance, east.shape))
    return View(hit, between(east), between(north), between(level), away)


def over(frame: Frame, light: Plane, ground: Plane, view: View) -> Plane:
    """Ground that was seen with more pixels, in front of a sky."""
    cover = view.hit.astype(np.float32)
    ground = resized(ground * cover, frame.width, frame.height)
    return light * (1 - resized(cover, frame.width, frame.height)) + ground


def viewpoint(
    rng: np.random.Generator, heights: Plane, scale: float, camera: Camera, skyline: float
) -> Camera:
    """Of some random places the one with open ground before it and the skyline where it should be.

    `skyline` is where the highest ground should stand in the picture, 0 at the top.
    """
    distance = np.geomspace(camera.near, camera.far, 160, dtype=np.float32)[:, None]
    across = np.linspace(-0.6, 0.6, 13, dtype=np.float32)[None, :] * distance / camera.focal
    best, least = camera, np.inf
    for east, north in rng.random((96, 2)).tolist():
        level = look_up(heights, across + np.float32(east), distance + np.float32(north))
        rows = camera.horizon + camera.focal * (camera.above - level * scale) / distance
        cut = np.clip(1.05 - rows[0], 0, None).max()
        near = np.clip(0.6 - rows[distance[:, 0] < camera.near * 2.2], 0, None).max()
        high = rows.min(axis=0)
        aside = abs(int(high.argmin()) - len(high) // 2) / len(high)
        fault = float(5 * cut + 3 * near + abs(high.min() - skyline) - high.std() + aside / 3)
        if fault < least:
            best, least = replace(camera, offset=(east, north)), fault
    return best


def slopes(heights: Plane, scale: float) -> tuple[Plane, Plane]:
    """How steeply a tile rises to the east and to the north."""
    side = heights.shape[0]
    east = (np.roll(heights, -1, 1) - np.roll(heights, 1, 1)) * np.float32(side * scale / 2)
    north = (np.roll(heights, -1, 0) - np.roll(heights, 1, 0)) * np.float32(side * scale / 2)
    return east, north


def mountains(
    rng: np.random.Generator, side: int = 1024, cells: int = 4, octaves: int = 8, sharp: float = 0.8
) -> Plane:
    """Eroded mountains as a tile, 0 to about 1.

    Ridged octaves of which each is weaker where the slope so far is steep, which leaves smooth
    flanks and rough ridges (after I. Quilez, "More noise", 2008).
    """
    total = np.zeros((side, side), np.float32)
    east, north = np.zeros_like(total), np.zeros_like(total)
    strength = 1.0
    for octave in range(octaves):
        if cells > side // 2:
            break
        layer = tile(rng, side, cells)
        steep_east, steep_north = slopes(layer, 1 / cells)
        east += steep_east * np.float32(strength * sharp)
        north += steep_north * np.float32(strength * sharp)
        if octave < 5:
            layer = 1 - np.sqrt(layer * layer + np.float32(0.006)) * np.float32(1.2)
        total += (
            np.float32(strength) * layer / (1 + (east * east + north * north) * np.float32(0.16))
        )
        cells, strength = cells * 2, strength * 0.47
    low, high = np.percentile(total, (1, 99.8))
    result: Plane = np.clip((total - low) / (high - low), 0, 1.15).astype(np.float32)
    return result


def sunlit(
    heights: Plane, scale: float, toward: tuple[float, float], rise: float, reach: int = 96
) -> Plane:
    """Share of a low sun that reaches each point of a tile: 0 in the shadow of a ridge, else 1.

    `toward` points at the sun (east, north), `rise` is the tangent of its height.
    """
    side = heights.shape[0]
    norm = float(np.hypot(*toward))
    steepest = np.full(heights.shape, -9, np.float32)
    step = 1.0
    while step < reach:
        columns, rows = round(toward[0] / norm * step), round(toward[1] / norm * step)
        there = np.roll(heights, (-rows, -columns), (0, 1))
        run = max(1e-6, float(np.hypot(columns, rows)) / side)
        np.maximum(steepest, (there - heights) * np.float32(scale / run), out=steepest)
        step *= 1.16
    soft = np.float32(rise * 0.35 + 0.02)
    result: Plane = np.clip((np.float32(rise) - steepest) / soft + 0.5, 0, 1).astype(np.float32)
    return result


def facing(east: Plane, north: Plane, sun: tuple[float, float, float]) -> Plane:
    """Lambert's cosine of slopes against a sun at (east, north, up)."""
    length = float(np.sqrt(sum(part * part for part in sun)))
    lit = (-east * sun[0] - north * sun[1] + sun[2]) / (
        np.sqrt(1 + east * east + north * north) * length
    )
    return np.clip(lit, 0, 1).astype(np.float32)
