"""Land: hills, mountains, dunes, forests, fields."""

import numpy as np

from tools.draw_samples import sky
from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from tools.draw_samples.noise import fractal, fractal_tile, line, look_up
from tools.draw_samples.terrain import (
    Camera,
    facing,
    mountains,
    over,
    see,
    slopes,
    sunlit,
    viewpoint,
)
from tools.draw_samples.trees import spruces, tree


def blue_ridges(frame: Frame) -> Plane:
    """Ridge behind ridge in the haze before sunrise."""
    sun = (frame.uniform(0.3, 0.7) * frame.aspect, frame.uniform(0.36, 0.42))
    light = sky.gradient(
        frame,
        [(0, "#54749c"), (0.45, "#a9a9b8"), (0.75, "#f0c39a"), (1, "#ffd9a0")],
        0.5,
    )
    light = sky.add_clouds(
        frame,
        light,
        sky.Clouds(horizon=0.56, lit="#ffd7b0", shade="#8d8ba4", cover=0.42, sun=sun, density=0.6),
    )
    light = sky.add_sun(frame, light, sun, "#ffcf8a", strength=0.9)
    layers = 8
    for layer in range(layers):
        near = layer / (layers - 1)
        base = 0.44 + 0.5 * near**1.25
        rough = line(frame.rng, frame.width, frame.height * (0.75 - 0.2 * near), 8, 0.46)
        crest = np.float32(base) - rough * np.float32(0.035 + 0.045 * near)
        below = frame.y - crest[None, :]
        cover = np.clip(below * frame.height + 0.5, 0, 1)
        far = mix(hexed("#b3a5a8"), hexed("#8291ac"), min(1.0, near * 3))
        color = mix(far, hexed("#0f2233"), near**0.8)
        warm = glow(np.abs(frame.x - np.float32(sun[0])), 0.5) * (1 - near) ** 2
        tone = color + hexed("#ffb870") * (np.float32(0.35) * warm)
        mist = smooth(below, 0.0, 0.22) * np.float32(0.62 * (1 - near) + 0.12)
        haze = mix(hexed("#e8b994"), hexed("#7d93b4"), min(1.0, near * 1.8))
        texture = 1 + fractal(frame, (0.012, 0.02), 3) * np.float32(0.03 + 0.12 * near)
        body = mix(tone * texture, haze, mist)
        light = mix(light, body, cover)
    return light


def alpine(frame: Frame) -> Plane:
    """Snow peaks in the first light."""
    big = frame.scaled(1.25)
    heights = mountains(frame.rng, 1024, 3, 8)
    scale = 0.32
    camera = Camera(above=0.27, horizon=0.42, focal=1.6, near=0.1, far=2.6)
    camera = viewpoint(frame.rng, heights, scale, camera, 0.14)
    view = see(big, heights, scale, camera)
    east, north = slopes(heights, scale)
    sun = (-0.9, -0.25, 0.5)
    reach = sunlit(heights, scale, (sun[0], sun[1]), 0.42, 200)
    hollow = np.clip(1 + (heights - blurred(heights, 0.02)) * 5, 0.4, 1.2)
    lit = look_up(facing(east, north, sun) * reach, view.east, view.north)
    shade = look_up(hollow, view.east, view.north)
    steep = look_up(np.sqrt(east * east + north * north), view.east, view.north)
    grain = fractal_tile(frame.rng, 512, 16, 5)
    rough = look_up(grain, view.east * 5, view.north * 5)
    fine = look_up(grain, view.east * 19, view.north * 19) * np.exp(view.away * np.float32(-1.6))
    lit = lit * (1 + 0.16 * fine)
    high = view.level / np.float32(scale)
    snow = smooth(1.2 - steep * 0.75 + rough * 0.22 + fine * 0.24 + (high - 0.4) * 0.9, -0.1, 0.16)
    rock = mix(hexed("#3f3b3a"), hexed("#75695e"), smooth(rough, -0.8, 0.8)) * (1 + 0.3 * fine)
    albedo = mix(rock, hexed("#f4f6fa"), snow) * (1 + 0.05 * rough)
    sky_light = hexed("#6f8fc4") * (shade * np.float32(0.5))
    ground = albedo * (sky_light + hexed("#ffc08c") * (lit * np.float32(1.35)))
    fog = 1 - np.exp(-np.clip(view.away - 0.3, 0, 9) * np.float32(0.5))
    valley = smooth(0.34 - high, 0.0, 0.3) * smooth(view.away, 0.35, 0.9)
    ground = mix(ground, hexed("#a9bddb"), np.clip(fog * 0.7 + valley * 0.55, 0, 1))
    light = sky.gradient(frame, [(0, "#2f62a8"), (0.6, "#8db3dc"), (1, "#f0d9cc")], 0.4)
    light = sky.add_clouds(
        frame,
        light,
        sky.Clouds(horizon=0.45, lit="#ffe9dc", shade="#9fb0c9", cover=0.42, sun=(0, 0.3)),
    )
    return over(frame, light, ground, view)


def dunes(frame: Frame) -> Plane:
    """Sand dunes with sharp crests under a low sun."""
    big = frame.scaled(1.25)
    side = 1024
    warp = fractal_tile(frame.rng, side, 2, 4, 0.45)
    at = np.arange(side, dtype=np.float32) / side
    phase = at[None, :] * 1.0 + at[:, None] * 3.0 + warp * 0.34
    saw = phase - np.floor(phase)
    crest = np.where(saw < 0.72, smooth(saw / 0.72), 1 - smooth((saw - 0.72) / 0.28))
    swell = fractal_tile(frame.rng, side, 2, 3, 0.4)
    heights = blurred(crest * (0.75 + 0.3 * swell) + swell * 0.35, 0.0012)
    scale = 0.16
    east, north = slopes(heights, scale)
    camera = Camera(
        above=0.34,
        horizon=0.3,
        focal=1.35,
        near=0.16,
        far=3.2,
        offset=(frame.uniform(0, 1), frame.uniform(0, 1)),
    )
    view = see(big, heights, scale, camera)
    sun = (0.85, 0.35, 0.36)
    reach = sunlit(heights, scale, (sun[0], sun[1]), 0.34, 160)
    lit = look_up(facing(east, north, sun) * reach, view.east, view.north)
    ripple_warp = look_up(fractal_tile(frame.rng, 512, 8, 4), view.east * 2, view.north * 2)
    near = np.exp(-view.away * 2.2)
    ripple = np.sin((view.east * 0.4 + view.north * 1.0 + ripple_warp * 0.012) * 900) * near * 0.10
    lit = np.clip(lit * (1 + ripple) + ripple * 0.12, 0, 1.4)
    sand = mix(hexed("#c98a4e"), hexed("#e0a465"), smooth(ripple_warp, -1, 1))
    ground = sand * (hexed("#6b6a8c") * 0.62 + hexed("#ffd9a0") * (lit * 1.35))
    fog = 1 - np.exp(-np.clip(view.away - 0.3, 0, None) * 0.5)
    ground = mix(ground, hexed("#e9b98c"), fog * 0.7)
    light = sky.gradient(frame, [(0, "#3f78b4"), (0.6, "#a5bfcf"), (1, "#f3cfa4")], 0.36)
    return over(frame, light, ground, view)


def misty_pines(frame: Frame) -> Plane:
    """Spruces on slopes that fade into the fog."""
    light = sky.gradient(frame, [(0, "#9fb2ba"), (0.5, "#cfd8d8"), (1, "#e8ebe6")], 0.75)
    layers = 6
    tilt = frame.uniform(-0.1, 0.1)
    for layer in range(layers):
        near = layer / (layers - 1)
        base = (
            0.36
            + 0.62 * near
            + line(frame.rng, frame.width, frame.height * 0.8, 4) * np.float32(0.06)
        )
        base = base + (frame.x[0] - frame.aspect / 2) * np.float32(tilt * (1 if layer % 2 else -1))
        size = 0.09 + 0.34 * near**1.4
        cover = np.maximum(
            np.clip((frame.y - base[None, :]) * frame.height, 0, 1),
            spruces(frame, base, size, int(95 - 62 * near)),
        )
        color = mix(hexed("#b4c3c5"), hexed("#13241f"), near**0.75)
        shade = 1 + fractal(frame, (0.02, 0.03), 4) * np.float32(0.16 * near + 0.03)
        fog = smooth(frame.y - base[None, :], -size * 0.75, 0.12) * np.float32(
            0.8 * (1 - near) + 0.25
        )
        drift = np.clip(fractal(frame, (0.7, 0.16), 5) * 0.35 + 0.9, 0.3, 1.3)
        body = mix(color * shade, hexed("#dfe6e3"), np.clip(fog * drift, 0, 1))
        light = mix(light, body, cover)
    return light


def lavender(frame: Frame) -> Plane:
    """Rows of lavender that run to a tree at the horizon."""
    horizon = 0.42
    sun = (frame.aspect * frame.uniform(0.62, 0.8), horizon - 0.06)
    light = sky.gradient(
        frame, [(0, "#5b6fae"), (0.5, "#d99bb0"), (0.8, "#ffb989"), (1, "#ffd59a")], horizon
    )
    light = sky.add_clouds(
        frame,
        light,
        sky.Clouds(horizon=horizon + 0.05, lit="#ffd0a8", shade="#7f6b9a", cover=0.5, sun=sun),
    )
    light = sky.add_sun(frame, light, sun, "#ffca85", strength=0.9)
    hill = np.float32(horizon - 0.012) - line(
        frame.rng, frame.width, frame.height * 0.6, 5
    ) * np.float32(0.018)
    light = mix(light, hexed("#6a5a86"), np.clip((frame.y - hill[None, :]) * frame.height, 0, 1))
    deep = np.maximum(frame.y - np.float32(horizon), 0.0015)
    away = np.float32(0.16) / deep
    vanish = np.float32(frame.aspect * 0.55)
    row = (frame.x - vanish) / deep * np.float32(0.62)
    wander = fractal(frame, (0.03, 0.012), 4)
    phase = row + wander * np.float32(0.05)
    bush = 0.5 + 0.5 * np.cos(phase * np.float32(2 * np.pi))
    far = np.exp(-((away / 6) ** 1.5))
    bush = bush * far + 0.62 * (1 - far)
    fluff = fractal(frame, (0.03, 0.045), 5, 0.8) + 0.5 * fractal(frame, (0.004, 0.009), 2)
    fluff = fluff * (0.15 + 0.85 * smooth(frame.y, horizon, 0.8))
    body = np.clip(bush * 0.95 + fluff * (0.12 + 0.30 * bush), 0, 1.3)
    ground = ramp(
        body,
        [(0, "#2c1d26"), (0.25, "#4a3350"), (0.6, "#6d4a9c"), (1.0, "#b28ad6"), (1.3, "#e6c4ef")],
    )
    warm = glow(np.abs(frame.x - np.float32(sun[0])), 0.7) * glow(
        frame.y - np.float32(horizon), 0.5
    )
    ground = ground + hexed("#ff9f5e") * (warm * body * 0.45)
    ground = mix(ground, hexed("#d58fa0"), np.clip(1 - far, 0, 1) * 0.75)
    light = mix(light, ground, np.clip((frame.y - np.float32(horizon)) * frame.height, 0, 1))
    tree(frame, light, frame.aspect * 0.52, horizon + 0.008, 0.2, "#1d1622", "#7a5238", sun)
    return light
