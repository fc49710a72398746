"""Spheres on a table, traced ray by ray without a sampler.

Soft shadows and ambient occlusion of spheres have closed forms (I. Quilez, "Sphere ambient
occlusion" and "Sphere soft shadow", 2014).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tools.draw_samples.light import Frame, Plane, mix, smooth

Vector = tuple[Plane, Plane, Plane]
Direction = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Ball:
    """A sphere that lies on the table: right, away, and its radius."""

    east: float
    depth: float
    radius: float

    @property
    def centre(self) -> Direction:
        """Right, up, away."""
        return self.east, self.radius, self.depth


@dataclass(frozen=True, slots=True)
class Rays:
    """Rays through the pixels: where the camera is, and unit directions."""

    origin: Direction
    toward: Vector

    def part(self, rows: slice, columns: slice) -> "Rays":
        """The rays of some rows and columns."""
        east, up, away = (plane[rows, columns] for plane in self.toward)
        return Rays(self.origin, (east, up, away))

    def at(self, reach: Plane) -> Vector:
        """Points at a distance along the rays."""
        east, up, away = (
            np.float32(start) + step * reach
            for start, step in zip(self.origin, self.toward, strict=True)
        )
        return east, up, away

    def ground(self) -> Vector:
        """Where the rays meet the table; far away for those that do not."""
        return self.at(np.float32(self.origin[1]) / np.maximum(-self.toward[1], np.float32(0.02)))


@dataclass(frozen=True, slots=True)
class Spot:
    """What is known of a ball's visible surface when its colour is asked for."""

    normal: Vector
    toward: Vector
    lit: Plane
    open: Plane


def rays(frame: Frame, *, height: float, back: float, tilt: float, focal: float) -> Rays:
    """Rays of a camera above the table that looks down by `tilt` radians."""
    x = (frame.x - np.float32(frame.aspect / 2)) / np.float32(focal) + np.zeros_like(frame.y)
    y = (np.float32(0.5) - frame.y) / np.float32(focal) + np.zeros_like(frame.x)
    cosine, sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    up, away = y * cosine - sine, cosine + y * sine
    norm = 1 / np.sqrt(x * x + up * up + away * away)
    return Rays((0.0, height, -back), (x * norm, up * norm, away * norm))


def unit(vector: Direction) -> Direction:
    """The same direction with length 1."""
    norm = float(np.sqrt(sum(part * part for part in vector)))
    return vector[0] / norm, vector[1] / norm, vector[2] / norm


def dot(first: Vector, second: Vector | Direction) -> Plane:
    """Scalar product."""
    return np.asarray(
        first[0] * second[0] + first[1] * second[1] + first[2] * second[2], np.float32
    )


def less(point: Vector, centre: Direction) -> Vector:
    """From a centre to points."""
    east, up, away = (part - np.float32(at) for part, at in zip(point, centre, strict=True))
    return east, up, away


def shadow(point: Vector, sun: Direction, ball: Ball, softness: float) -> Plane:
    """Share of a wide light that a ball leaves to points."""
    offset = less(point, ball.centre)
    along = -dot(offset, sun)
    nearest = np.sqrt(np.maximum(dot(offset, offset) - along * along, 0))
    gap = (nearest - np.float32(ball.radius)) / np.maximum(along * np.float32(softness), 1e-3)
    return np.where(along > 0, smooth(gap, -1.0, 1.0), np.float32(1))


def occlusion(point: Vector, normal: Vector, ball: Ball) -> Plane:
    """Share of the sky that a ball hides from a surface."""
    offset = less(point, ball.centre)
    square = np.maximum(dot(offset, offset), np.float32(ball.radius**2))
    cosine = np.clip(-dot(normal, offset) / np.sqrt(square), 0, 1)
    return np.clip(cosine * np.float32(ball.radius**2) / square, 0, 1)


def table_light(
    rays_: Rays, balls: Sequence[Ball], sun: Direction, softness: float
) -> tuple[Vector, Plane, Plane]:
    """Points on the table, the share of the sun that reaches them, and that of the sky."""
    point = rays_.ground()
    lit = np.ones_like(point[0])
    open_ = np.ones_like(lit)
    level = (np.zeros_like(lit), np.ones_like(lit), np.zeros_like(lit))
    for ball in balls:
        lit *= shadow(point, sun, ball, softness)
        open_ *= 1 - occlusion(point, level, ball)
    return point, lit, open_


def place(
    light: Plane,
    rays_: Rays,
    balls: Sequence[Ball],
    sun: Direction,
    shade: Callable[[int, Spot], Plane],
) -> None:
    """Paint the balls, the farthest first; `shade` gives the colours of one's surface."""
    order = sorted(range(len(balls)), key=lambda number: -balls[number].depth)
    for number in order:
        ball = balls[number]
        offset = less(tuple(np.float32(part) for part in rays_.origin), ball.centre)  # type: ignore[arg-type]
        along = dot(rays_.toward, offset)
        inside = along * along - (dot(offset, offset) - np.float32(ball.radius**2))
        rows, columns = _extent(inside > 0)
        along, inside = along[rows, columns], inside[rows, columns]
        near = rays_.part(rows, columns)
        point = near.at(-along - np.sqrt(np.maximum(inside, 0)))
        east, up, away = (part / np.float32(ball.radius) for part in less(point, ball.centre))
        normal = (east, up, away)
        lit = np.clip((dot(normal, sun) + np.float32(0.2)) / np.float32(1.2), 0, 1)
        open_ = 0.5 + 0.5 * up
        for other in balls:
            if other is not ball:
                lit = lit * shadow(point, sun, other, 0.25)
                open_ = open_ * (1 - occlusion(point, normal, other))
        color = shade(number, Spot(normal, near.toward, lit, open_))
        # The chord through the ball grows from 0 at its edge, over about a pixel's width.
        pixel = -along * np.float32(2.2 * ball.radius / light.shape[1])
        cover = np.clip(inside / pixel, 0, 1)
        light[:, rows, columns] = mix(light[:, rows, columns], color, cover)


def _extent(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns between which a mask is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
