"""Still lifes: oranges by a window, balls of mother-of-pearl, rain on a window."""

import numpy as np

from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from tools.draw_samples.night import city_lights
from tools.draw_samples.noise import fractal, fractal_tile, look_up
from tools.draw_samples.spheres import Ball, Spot, dot, place, rays, table_light, unit


def oranges(frame: Frame) -> Plane:
    """Oranges on a table by a window."""
    spots = (
        (-0.34, 0.12, 0.27), (0.22, -0.02, 0.29), (0.02, 0.52, 0.28), (0.66, 0.36, 0.26),
        (-0.78, 0.44, 0.25),
    )  # fmt: skip
    mirror = float(frame.rng.choice((-1, 1)))
    balls = [
        Ball(
            mirror * (x + frame.uniform(-0.07, 0.07)),
            z + frame.uniform(-0.07, 0.07),
            radius * frame.uniform(0.93, 1.04),
        )
        for x, z, radius in spots
    ]
    sun = unit((-0.62, 0.60, -0.30))
    halfway = unit((sun[0], sun[1], sun[2] - 1))
    view = rays(frame, height=0.82, back=2.1, tilt=0.26, focal=1.75)
    side = np.broadcast_to(frame.x / np.float32(frame.aspect), (frame.height, frame.width))
    wall = ramp(side, [(0, "#8c9087"), (0.35, "#5e655f"), (1, "#2e3331")])
    wall = wall * (1 + 0.06 * fractal(frame, 0.25, 6, 0.65))
    point, lit, open_ = table_light(view, balls, sun, 0.28)
    wood = _boards(frame, point[0], point[2])
    pool = glow(np.sqrt((point[0] + 0.2) ** 2 + (point[2] - 0.2) ** 2), 2.2, 2.0)
    lamp = hexed("#fff0da") * (lit * pool)
    table = wood * (lamp * 1.05 + hexed("#8fa0b4") * (open_ * (0.12 + 0.18 * pool)))
    table = table + lamp * np.float32(0.016)
    behind = np.where(view.toward[1] < -0.02, smooth(point[2], 1.25, 1.32), np.float32(1))
    light = mix(table, wall, behind)
    pores, broad = fractal_tile(frame.rng, 512, 72, 3, 0.6), fractal_tile(frame.rng, 512, 3, 4)

    def skin(number: int, spot: Spot) -> Plane:
        east, up, away = spot.normal
        u = np.arctan2(east, -away) * np.float32(0.32) + np.float32(0.17 * number)
        v = np.arcsin(np.clip(up, -1, 1)) * np.float32(0.32) + np.float32(0.31 * number)
        pore = look_up(pores, u, v)
        bump_u = (look_up(pores, u + np.float32(0.004), v) - pore) * np.float32(0.13)
        bump_v = (look_up(pores, u, v + np.float32(0.004)) - pore) * np.float32(0.13)
        bumped = (east - bump_u, up - bump_v, away)
        rough = 1 + (dot(bumped, sun) - dot(spot.normal, sun)) * np.float32(1.1)
        peel = mix(hexed("#e0660a"), hexed("#f59a1e"), smooth(look_up(broad, u, v), -1, 1))
        peel = peel * (1 - 0.10 * smooth(pore, 0.4, 1.4))
        bounce = hexed("#d9a066") * (np.clip(-up, 0, 1) * np.float32(0.25))
        shine = np.clip(dot(bumped, halfway), 0, 1) ** 42
        edge = (1 - np.clip(-dot(spot.toward, spot.normal), 0, 1)) ** 4
        lamp = hexed("#fff0da") * (spot.lit * rough * np.float32(1.5))
        color = peel * (lamp + hexed("#9fb2c8") * (spot.open * np.float32(0.34)) + bounce)
        return color + hexed("#fff6e8") * (shine * 0.42 * spot.lit + edge * 0.12 * spot.open)

    place(light, view, balls, sun, skin)
    return light


def _boards(frame: Frame, east: Plane, away: Plane) -> Plane:
    """The colour of a wooden table that runs from left to right."""
    grain = fractal_tile(frame.rng, 512, 4, 6, 0.62)
    board = away / np.float32(0.55)
    u = east * np.float32(0.22) + np.floor(board) * np.float32(0.37)
    v = away * np.float32(2.1)
    tone = look_up(grain, u, v) * np.float32(0.6) + look_up(grain, u * 2, v * 3.3) * np.float32(0.4)
    stops = [(0, "#4a2f1c"), (0.5, "#7a5232"), (1, "#9c7048")]
    gap = np.abs(board - np.round(board)) * np.float32(0.55)
    return ramp(tone * np.float32(0.5) + np.float32(0.5), stops) * (1 - 0.7 * glow(gap, 0.006))


def pearls(frame: Frame) -> Plane:
    """Balls of mother-of-pearl on a quiet ground."""
    spots = (
        (-0.62, 0.10, 0.26, "#d9b8a8"),
        (0.02, -0.14, 0.32, "#7fb5b0"),
        (0.66, 0.14, 0.24, "#c98f9c"),
        (-0.28, 0.62, 0.22, "#8a93c0"),
        (0.36, 0.58, 0.26, "#e2cf9e"),
        (-0.18, -0.52, 0.10, "#e8e0d4"),
        (0.46, -0.44, 0.13, "#6f8fb8"),
        (-0.98, 0.66, 0.24, "#b7c79a"),
        (1.02, 0.70, 0.25, "#a58cc0"),
    )
    balls = [
        Ball(x + frame.uniform(-0.03, 0.03), z + frame.uniform(-0.03, 0.03), radius)
        for x, z, radius, _ in spots
    ]
    colors = [color for *_, color in spots]
    sun = unit((-0.5, 0.75, -0.35))
    view = rays(frame, height=0.95, back=2.3, tilt=0.32, focal=1.85)
    point, lit, open_ = table_light(view, balls, sun, 0.35)
    far = np.sqrt((point[0] * 0.6) ** 2 + (point[2] - 0.3) ** 2) * np.float32(0.4)
    ground = ramp(far, [(0, "#d8cfc6"), (0.5, "#a89f9a"), (1, "#4b484c")])
    ground = ground * (1 + 0.015 * fractal(frame, 0.01, 3))
    light = ground * (hexed("#fff3e2") * (lit * 0.75) + hexed("#aebcd0") * (open_ * 0.42))

    def nacre(number: int, spot: Spot) -> Plane:
        facing = np.clip(-dot(spot.toward, spot.normal), 0, 1)
        mirror_up = spot.toward[1] + 2 * facing * spot.normal[1]
        mirror = tuple(
            step + 2 * facing * part for step, part in zip(spot.toward, spot.normal, strict=True)
        )
        sheen = ramp(facing, [(0, "#ffe3f0"), (0.35, "#dfe8ff"), (0.7, "#fff2e0"), (1, "#ffffff")])
        fill = hexed("#9fb0c8") * (spot.open * (0.42 + 0.25 * spot.normal[1]) + 0.06)
        body = hexed(colors[number]) * sheen * (hexed("#fff3e2") * (spot.lit * 1.15) + fill)
        above = ramp(mirror_up, [(0, "#8d8a90"), (0.4, "#c9d2dc"), (1, "#eef3f8")])
        fresnel = (0.04 + 0.56 * (1 - facing) ** 4) * spot.open
        window = smooth(dot(mirror, sun), 0.93, 0.97)  # type: ignore[arg-type]
        return mix(body, above, fresnel) + hexed("#fffaf0") * (window * 0.75)

    place(light, view, balls, sun, nacre)
    result: Plane = light
    return result


def rain_on_glass(frame: Frame) -> Plane:
    """Drops on a window that show the lights behind it upside down."""
    far = blurred(city_lights(frame), 0.022) * np.float32(1.35) + hexed("#1c2c44") * np.float32(0.5)
    light = far.copy()
    count = 420
    sizes = 0.004 + 0.05 * frame.rng.random(count) ** 5 + 0.006 * frame.rng.random(count)
    for size in np.sort(sizes).tolist():
        _drop(frame, far, light, size)
    return light


def _drop(frame: Frame, far: Plane, light: Plane, size: float) -> None:
    """Hang one drop on the pane: a lens that turns what is behind it upside down."""
    x, y = frame.uniform(0, frame.aspect), frame.uniform(0, 1)
    tall = size * frame.uniform(1.0, 1.35)
    rows, columns = frame.around(x, y, tall * 1.15)
    u = (frame.x[:, columns] - np.float32(x)) / np.float32(size)
    v = (frame.y[rows] - np.float32(y)) / np.float32(tall)
    u = u * (1 + np.float32(0.12) * v)
    away = np.sqrt(u * u + v * v)
    lens = away * away
    column = (np.float32(x) - u * (lens * np.float32(0.35) + np.float32(0.12))) * frame.height
    row = (np.float32(y) - v * (lens * np.float32(0.40) + np.float32(0.15))) * frame.height
    seen = far[
        :,
        np.clip(row, 0, frame.height - 1).astype(np.int32),
        np.clip(column, 0, frame.width - 1).astype(np.int32),
    ]
    shade = 1.25 - 0.9 * smooth(away, 0.62, 1.0) * smooth(-v, -0.2, 0.9)
    spark = glow(np.sqrt((u + 0.32) ** 2 + (v + 0.42) ** 2), 0.16, 2.0) * np.float32(0.5)
    rim = smooth(v, 0.45, 1.0) * smooth(away, 0.6, 0.95) * np.float32(0.16)
    drop = seen * shade + hexed("#cfe0f2") * (spark + rim)
    cover = frame.edge((1 - away) * np.float32(size))
    light[:, rows, columns] = mix(light[:, rows, columns], drop, cover)
