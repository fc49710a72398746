"""Still lifes: round things in soft light, traced ray by ray without a sampler.

Soft shadows and ambient occlusion of spheres have closed forms (I. Quilez, "Sphere ambient
occlusion" and "Sphere soft shadow", 2014).
"""

from dataclasses import dataclass

import numpy as np

from imgurer_kernel.scenes.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from imgurer_kernel.scenes.noise import fractal, fractal_tile, look_up

Vector = tuple[Plane, Plane, Plane]


@dataclass(frozen=True)
class Ball:
    """A sphere that lies on the table: where, how big."""

    east: float
    depth: float
    radius: float

    @property
    def centre(self) -> tuple[float, float, float]:
        """Right, up, away."""
        return self.east, self.radius, self.depth


@dataclass(frozen=True)
class Ray:
    """Rays through the pixels: origin of the camera and unit directions."""

    origin: tuple[float, float, float]
    toward: Vector


def rays(frame: Frame, height: float, back: float, tilt: float, focal: float) -> Ray:
    """Rays of a camera above the table that looks down by `tilt` radians."""
    x = (frame.x - np.float32(frame.aspect / 2)) / np.float32(focal) + np.zeros_like(frame.y)
    y = -(frame.y - np.float32(0.5)) / np.float32(focal) + np.zeros_like(frame.x)
    up = y * np.float32(np.cos(tilt)) - np.float32(np.sin(tilt))
    away = np.float32(np.cos(tilt)) + y * np.float32(np.sin(tilt))
    norm = 1 / np.sqrt(x * x + up * up + away * away)
    return Ray((0.0, height, -back), (x * norm, up * norm, away * norm))


def dot(first: Vector, second: Vector | tuple[float, float, float]) -> Plane:
    """Scalar product."""
    return first[0] * second[0] + first[1] * second[1] + first[2] * second[2]


def strike(ray: Ray, ball: Ball) -> tuple[Plane, Plane]:
    """Distance along each ray to a ball, infinite past it, and how far the ray passes inside."""
    offset = tuple(a - b for a, b in zip(ray.origin, ball.centre, strict=True))
    along = dot(ray.toward, offset)  # type: ignore[arg-type]
    rest = sum(part * part for part in offset) - ball.radius**2
    inside = along * along - np.float32(rest)
    hit = np.where(inside > 0, -along - np.sqrt(np.maximum(inside, 0)), np.inf)
    return hit.astype(np.float32), inside


def shadow(point: Vector, sun: tuple[float, float, float], ball: Ball, softness: float) -> Plane:
    """Share of a wide light that a ball leaves to a point."""
    east, up, away = (a - b for a, b in zip(point, ball.centre, strict=True))
    along = -(east * sun[0] + up * sun[1] + away * sun[2])
    nearest = np.sqrt(np.maximum(east * east + up * up + away * away - along * along, 0))
    gap = (nearest - ball.radius) / np.maximum(along * np.float32(softness), 1e-3)
    return np.where(along > 0, smooth(gap, -1.0, 1.0), 1.0).astype(np.float32)


def occlusion(point: Vector, normal: Vector, ball: Ball) -> Plane:
    """Share of the sky that a ball hides from a surface."""
    to = tuple(b - a for a, b in zip(point, ball.centre, strict=True))
    square = np.maximum(dot(to, to), ball.radius**2)  # type: ignore[arg-type]
    away = np.sqrt(square)
    cosine = np.clip(dot(normal, to) / away, 0, 1)  # type: ignore[arg-type]
    return np.clip(cosine * np.float32(ball.radius**2) / square, 0, 1)


def oranges(frame: Frame) -> Plane:
    """Oranges on a table by a window."""
    balls = [
        Ball(-0.34, 0.12, 0.27),
        Ball(0.22, -0.02, 0.29),
        Ball(0.02, 0.52, 0.28),
        Ball(0.66, 0.36, 0.26),
        Ball(-0.78, 0.44, 0.25),
    ]
    balls = [
        Ball(
            b.east + frame.uniform(-0.05, 0.05),
            b.depth + frame.uniform(-0.05, 0.05),
            b.radius * frame.uniform(0.95, 1.05),
        )
        for b in balls
    ]
    sun = _unit((-0.62, 0.60, -0.30))
    ray = rays(frame, 0.82, 2.1, 0.26, 1.75)
    wall = ramp(
        np.broadcast_to(frame.x / np.float32(frame.aspect), (frame.height, frame.width)),
        [(0, "#8c9087"), (0.35, "#5e655f"), (1, "#2e3331")],
    )
    wall = wall * (1 + 0.06 * fractal(frame, 0.25, 6, 0.65))
    light = _table(frame, ray, balls, sun, wall)
    side = 512
    pores = fractal_tile(frame.rng, side, 72, 3, 0.6)
    broad = fractal_tile(frame.rng, side, 3, 4)
    nearest = np.full((frame.height, frame.width), np.inf, np.float32)
    for number, ball in enumerate(balls):
        hit, inside = strike(ray, ball)
        front = hit < nearest
        if not front.any():
            continue
        nearest = np.where(front, hit, nearest)
        reach = np.where(np.isfinite(hit), hit, 0)
        point = tuple(o + d * reach for o, d in zip(ray.origin, ray.toward, strict=True))
        normal = tuple(
            (p - c) / np.float32(ball.radius) for p, c in zip(point, ball.centre, strict=True)
        )
        u = np.arctan2(normal[0], -normal[2]) * np.float32(0.32) + np.float32(0.17 * number)
        v = np.arcsin(np.clip(normal[1], -1, 1)) * np.float32(0.32) + np.float32(0.31 * number)
        pore = look_up(pores, u, v)
        bump_u = (look_up(pores, u + 0.004, v) - pore) * np.float32(0.16)
        bump_v = (look_up(pores, u, v + 0.004) - pore) * np.float32(0.16)
        bumped = (normal[0] - bump_u, normal[1] - bump_v, normal[2])
        cosine = np.clip((dot(bumped, sun) + 0.18) / 1.18, 0, 1)
        open_sky = 0.5 + 0.5 * normal[1]
        for other in balls:
            if other is not ball:
                cosine = cosine * shadow(point, sun, other, 0.22)  # type: ignore[arg-type]
                open_sky = open_sky * (1 - occlusion(point, normal, other))  # type: ignore[arg-type]
        blush = smooth(look_up(broad, u, v), -1, 1)
        skin = mix(hexed("#e0660a"), hexed("#f59a1e"), blush) * (1 - 0.10 * smooth(pore, 0.4, 1.4))
        bounce = np.clip(-normal[1], 0, 1) * 0.25
        halfway = _unit((sun[0], sun[1], sun[2] - 1.0))
        shine = np.clip(dot(bumped, halfway), 0, 1) ** 42
        edge = (1 - np.clip(-dot(ray.toward, normal), 0, 1)) ** 4  # type: ignore[arg-type]
        color = skin * (
            hexed("#fff0da") * cosine * 1.5
            + hexed("#9fb2c8") * open_sky * 0.34
            + hexed("#d9a066") * bounce
        )
        color = color + hexed("#fff6e8") * (shine * 0.42 * cosine + edge * 0.12 * open_sky)
        width = np.float32(ball.radius * 2.4 / frame.height)
        light = mix(light, color, np.where(front, np.clip(inside / width + 0.0, 0, 1), 0))
    return light


def _unit(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    """The same direction with length 1."""
    norm = float(np.sqrt(sum(part * part for part in vector)))
    return vector[0] / norm, vector[1] / norm, vector[2] / norm


def _table(
    frame: Frame, ray: Ray, balls: list[Ball], sun: tuple[float, float, float], wall: Plane
) -> Plane:
    """A wooden table with the balls' shadows, in front of a wall out of focus."""
    down = ray.toward[1] < -0.02
    reach = np.where(down, ray.origin[1] / np.maximum(-ray.toward[1], 0.02), 50)
    point = tuple(o + d * reach for o, d in zip(ray.origin, ray.toward, strict=True))
    grain = fractal_tile(frame.rng, 512, 4, 6, 0.62)
    plank = np.floor(point[2] / 0.55)
    u, v = point[0] * np.float32(0.22) + plank * np.float32(0.37), point[2] * np.float32(2.1)
    tone = look_up(grain, u, v) * 0.6 + look_up(grain, u * 2.0, v * 3.3) * 0.4
    gap = np.abs(point[2] / 0.55 - np.round(point[2] / 0.55)) * 0.55
    wood = ramp(np.clip(tone * 0.5 + 0.5, 0, 1), [(0, "#4a2f1c"), (0.5, "#7a5232"), (1, "#9c7048")])
    wood = wood * (1 - 0.7 * glow(gap, 0.006))
    lit = np.full((frame.height, frame.width), sun[1], np.float32)
    open_sky = np.ones_like(lit)
    level = (np.zeros_like(lit), np.ones_like(lit), np.zeros_like(lit))
    for ball in balls:
        lit = lit * shadow(point, sun, ball, 0.28)  # type: ignore[arg-type]
        open_sky = open_sky * (1 - occlusion(point, level, ball))  # type: ignore[arg-type]
    pool = glow(np.hypot(point[0] + 0.2, point[2] - 0.2), 2.2, 2.0)
    shade = hexed("#fff0da") * (lit * pool * 1.7) + hexed("#8fa0b4") * (
        open_sky * 0.30 * (0.4 + 0.6 * pool)
    )
    table = wood * shade
    halfway = _unit((sun[0], sun[1], sun[2] - 1.0))
    table = table + hexed("#ffe9cc") * (
        np.clip(halfway[1], 0, 1) ** 8 * lit * 0.05 * (1 + tone * 0.4)
    )
    edge = smooth(point[2], 1.25, 1.32)
    table = mix(table, wall, edge)
    return np.where(down, table, wall).astype(np.float32)


def pearls(frame: Frame) -> Plane:
    """Glass and pearl balls on a mirror-dark ground."""
    spots = [
        (-0.62, 0.10, 0.26, "#d9b8a8"),
        (0.02, -0.14, 0.32, "#7fb5b0"),
        (0.66, 0.14, 0.24, "#c98f9c"),
        (-0.28, 0.62, 0.22, "#8a93c0"),
        (0.36, 0.58, 0.26, "#e2cf9e"),
        (-0.18, -0.46, 0.10, "#e8e0d4"),
        (0.42, -0.40, 0.13, "#6f8fb8"),
        (-0.98, 0.66, 0.24, "#b7c79a"),
        (1.02, 0.70, 0.25, "#a58cc0"),
    ]
    balls = [
        (Ball(x + frame.uniform(-0.03, 0.03), z + frame.uniform(-0.03, 0.03), r), color)
        for x, z, r, color in spots
    ]
    sun = _unit((-0.5, 0.75, -0.35))
    ray = rays(frame, 0.95, 2.3, 0.32, 1.85)
    ground = _plane(ray)
    base = ramp(
        np.clip(np.hypot(ground[0] * 0.6, ground[2] - 0.3) * 0.4, 0, 1),
        [(0, "#d8cfc6"), (0.5, "#a89f9a"), (1, "#4b484c")],
    )
    lit = np.full((frame.height, frame.width), 1, np.float32)
    sky_open = np.ones_like(lit)
    level = (np.zeros_like(lit), np.ones_like(lit), np.zeros_like(lit))
    tint = np.zeros((3, frame.height, frame.width), np.float32)
    for ball, color in balls:
        lit = lit * shadow(ground, sun, ball, 0.35)
        hidden = occlusion(ground, level, ball)
        sky_open = sky_open * (1 - hidden)
        tint += hexed(color) * (hidden * 0.35)
    light = base * (hexed("#fff3e2") * lit * 0.75 + hexed("#aebcd0") * sky_open * 0.42 + tint)
    nearest = np.full((frame.height, frame.width), np.inf, np.float32)
    for ball, color in balls:
        hit, inside = strike(ray, ball)
        front = hit < nearest
        nearest = np.where(front, hit, nearest)
        reach = np.where(np.isfinite(hit), hit, 0)
        point = tuple(o + d * reach for o, d in zip(ray.origin, ray.toward, strict=True))
        normal = tuple(
            (p - c) / np.float32(ball.radius) for p, c in zip(point, ball.centre, strict=True)
        )
        facing = -dot(ray.toward, normal)  # type: ignore[arg-type]
        mirror = tuple(d + 2 * facing * n for d, n in zip(ray.toward, normal, strict=True))
        cosine = np.clip((dot(normal, sun) + 0.3) / 1.3, 0, 1)  # type: ignore[arg-type]
        hidden = np.ones_like(lit)
        for other, _ in balls:
            if other is not ball:
                cosine = cosine * shadow(point, sun, other, 0.3)  # type: ignore[arg-type]
                hidden = hidden * (1 - occlusion(point, normal, other))  # type: ignore[arg-type]
        sheen = ramp(
            np.clip(facing, 0, 1),
            [(0, "#ffe3f0"), (0.35, "#dfe8ff"), (0.7, "#fff2e0"), (1, "#ffffff")],
        )
        body = (
            hexed(color)
            * sheen
            * (
                hexed("#fff3e2") * cosine * 1.15
                + hexed("#9fb0c8") * hidden * (0.30 + 0.2 * normal[1])
            )
        )
        fresnel = (0.06 + 0.94 * (1 - np.clip(facing, 0, 1)) ** 4) * hidden
        above = ramp(np.clip(mirror[1], 0, 1), [(0, "#8d8a90"), (0.4, "#c9d2dc"), (1, "#eef3f8")])
        window = smooth(dot(mirror, sun), 0.93, 0.97) * hidden  # type: ignore[arg-type]
        body = mix(body, above, fresnel * 0.6) + hexed("#fffaf0") * (window * 0.85)
        width = np.float32(ball.radius * 2.4 / frame.height)
        light = mix(light, body, np.where(front, np.clip(inside / width, 0, 1), 0))
    return light


def _plane(ray: Ray) -> Vector:
    """Where rays strike the ground; far away for those that do not."""
    reach = ray.origin[1] / np.maximum(-ray.toward[1], 0.02)
    east, up, away = (o + d * reach for o, d in zip(ray.origin, ray.toward, strict=True))
    return east, up, away


def rain_on_glass(frame: Frame) -> Plane:
    """Drops on a window that show the lights behind it upside down."""
    from imgurer_kernel.scenes.night import city_lights

    behind = city_lights(frame)
    far = blurred(behind, 0.03) * 1.25 + hexed("#1c2c44") * 0.5
    light = far.copy()
    count = 420
    radii = np.sort(0.004 + 0.05 * frame.rng.random(count) ** 5 + 0.006 * frame.rng.random(count))
    for radius in radii:
        x, y = frame.uniform(0, frame.aspect), frame.uniform(0, 1)
        tall = radius * frame.uniform(1.0, 1.35)
        left, right = (
            max(0, int((x - radius * 1.1) * frame.height)),
            min(frame.width, int((x + radius * 1.1) * frame.height) + 2),
        )
        top, bottom = (
            max(0, int((y - tall * 1.1) * frame.height)),
            min(frame.height, int((y + tall * 1.1) * frame.height) + 2),
        )
        u = (frame.x[:, left:right] - np.float32(x)) / np.float32(radius)
        v = (frame.y[top:bottom] - np.float32(y)) / np.float32(tall)
        u = u * (1 + 0.10 * v)
        away = np.sqrt(u * u + v * v)
        inside = np.clip((1 - away) * np.float32(radius * frame.height) + 0.5, 0, 1)
        lens = away**2
        column = np.clip(
            (x - u * lens * 0.35 - u * 0.12) * frame.height, 0, frame.width - 1
        ).astype(np.int32)
        row = np.clip((y - v * lens * 0.40 - v * 0.15) * frame.height, 0, frame.height - 1).astype(
            np.int32
        )
        seen = far[:, row, column] * 1.25
        dark = 1 - 0.75 * smooth(away, 0.62, 1.0) * smooth(-v, -0.2, 0.9)
        seen = seen * dark + hexed("#cfe0f2") * (
            glow(np.hypot(u + 0.32, v + 0.42), 0.16, 2.0) * 0.5
            + smooth(v, 0.45, 1.0) * smooth(away, 0.6, 0.95) * 0.16
        )
        part = light[:, top:bottom, left:right]
        light[:, top:bottom, left:right] = mix(part, seen, inside)
    return light
