"""Water: the sea, a lake that mirrors, a shore from the air, a pool."""

import numpy as np

from imgurer_kernel.scenes import sky
from imgurer_kernel.scenes.light import (
    Frame,
    Plane,
    blurred,
    glow,
    hexed,
    mix,
    ramp,
    resized,
    smooth,
)
from imgurer_kernel.scenes.noise import fractal, fractal_tile, line, look_up, noise


def mirrored(
    frame: Frame, light: Plane, level: float, *, ripple: float = 1.0, tint: str = "#0d2430"
) -> Plane:
    """Put still water under `level` that mirrors what is above, rippled in perspective."""
    top = int(level * frame.height)
    rows = frame.height - top
    deep = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) / frame.height
    away = 1 / (deep + 0.012)
    field = fractal_tile(frame.rng, 512, 6, 5, 0.6)
    u = (frame.x - frame.aspect / 2) * away * np.float32(0.11)
    v = away * np.float32(0.35) + np.zeros_like(u)
    wave = look_up(field, u, v) * np.float32(ripple)
    fine = look_up(field, u * 3.1 + 0.37, v * 3.7 + 0.11) * np.float32(ripple)
    shift = (wave * 0.8 + fine * 0.5) * np.sqrt(deep) * np.float32(0.045 * frame.height)
    source = (
        top
        - 1
        - np.arange(rows, dtype=np.float32)[:, None] * np.float32(min(1.0, top / rows))
        + shift
    )
    across = np.arange(frame.width) + (shift * 0.18)
    row = np.clip(source, 0, top - 1).astype(np.int32)
    column = np.clip(across, 0, frame.width - 1).astype(np.int32)
    image = light[:, row, column]
    dark = np.clip(0.72 - 0.5 * deep / (1 - level) + wave * 0.05, 0.2, 1)
    below = mix(hexed(tint), image, dark)
    result = light.copy()
    result[:, top:] = below
    return result


def lake_at_dusk(frame: Frame) -> Plane:
    """Mountains and the afterglow in a still lake."""
    level = 0.56
    sun = (frame.aspect * frame.uniform(0.35, 0.6), level - 0.03)
    light = sky.gradient(
        frame,
        [(0, "#1b2a52"), (0.4, "#54578c"), (0.7, "#c47c8a"), (0.88, "#f6a86c"), (1, "#ffd08a")],
        level,
    )
    light = sky.clouds(
        frame,
        light,
        horizon=level + 0.03,
        lit="#ff9f78",
        shade="#4a4470",
        cover=0.5,
        sun=sun,
        stretch=1.6,
    )
    light = sky.add_sun(frame, light, sun, "#ffb060", size=0.0001, strength=0.6)
    for layer, color in enumerate(("#6d5478", "#43385f", "#211f3a")):
        rough = line(frame.rng, frame.width, frame.height * (0.62 - 0.12 * layer), 8, 0.48)
        slope = np.abs(np.linspace(-1, 1, frame.width, dtype=np.float32) + frame.uniform(-0.5, 0.5))
        crest = (
            level
            - 0.13
            + 0.05 * layer
            - rough * np.float32(0.05 - 0.008 * layer)
            - slope * np.float32(0.06 * (2 - layer) * 0.6)
        )
        crest = np.minimum(crest, level + 0.01)
        below = frame.y - crest
        fog = smooth(below, 0, 0.16) * np.float32(0.45 - 0.13 * layer)
        body = mix(
            hexed(color) * (1 + fractal(frame, (0.05, 0.03), 4) * 0.08), hexed("#d98a86"), fog
        )
        light = mix(light, body, frame.edge(below))
    bank = np.float32(level - 0.012) - np.abs(
        line(frame.rng, frame.width, frame.height * 0.3, 8, 0.7)
    ) * np.float32(0.012)
    light = mix(light, hexed("#0d0e1c"), frame.edge(frame.y - bank))
    return mirrored(frame, light, level, ripple=0.7, tint="#141a34")


def sunset_sea(frame: Frame) -> Plane:
    """The sun's path on the open sea."""
    horizon = 0.5
    sun = (frame.aspect * frame.uniform(0.4, 0.65), horizon - frame.uniform(0.05, 0.09))
    light = sky.gradient(
        frame, [(0, "#2c3a6b"), (0.45, "#8a5f86"), (0.75, "#f08a5d"), (1, "#ffc46b")], horizon
    )
    light = sky.clouds(
        frame,
        light,
        horizon=horizon + 0.02,
        lit="#ffb26b",
        shade="#5a4468",
        cover=0.56,
        sun=sun,
        stretch=1.8,
        fade=0.12,
    )
    light = sky.add_sun(frame, light, sun, "#ffb550", size=0.03, strength=1.0)
    top = int(horizon * frame.height)
    deep = (frame.y[top:] - np.float32(horizon)) + np.float32(0.0012)
    away = np.float32(0.1) / deep
    big = fractal_tile(frame.rng, 512, 5, 6, 0.58)
    u = (frame.x - np.float32(frame.aspect / 2)) * away
    v = away * np.float32(2.2) + np.zeros_like(u)
    step = np.float32(0.004)

    def level(a: Plane, b: Plane) -> Plane:
        return look_up(big, a * 0.32, b * 0.22) + look_up(
            big, a * 1.3 + 0.3, b * 0.8 + 0.6
        ) * np.float32(0.35)

    here = level(u, v)
    tilt = (level(u, v + step * 6) - here) * 2.2
    side = (level(u + step * 6, v) - here) * 2.2
    calm = np.exp(-away * np.float32(0.05))
    upward = np.clip(0.16 + tilt * 0.22 * calm + np.sqrt(deep) * 0.25, 0, 1)
    reflected = sky.gradient(
        frame, [(0, "#ffbd72"), (0.25, "#d9805f"), (0.6, "#5f4a74"), (1, "#27315c")]
    )[:, 0, :]
    table = ramp(
        np.linspace(0, 1, 512, dtype=np.float32),
        [(0, "#ffb768"), (0.2, "#e08a60"), (0.5, "#6a4f78"), (1, "#1d2750")],
    )
    index = np.clip(upward * 511, 0, 511).astype(np.int32)
    water = np.stack([row[index] for row in table]) * 0.82
    del reflected
    spread = 0.05 + deep * 0.22
    path = glow((frame.x - np.float32(sun[0]) + side * 0.10 * calm) / spread, 1.0, 2.0)
    glint = smooth(tilt * calm + np.float32(0.05) + 0.35 * (1 - calm), 0.02, 0.55)
    water = water + hexed("#ffb45c") * (path * (0.22 + 2.0 * glint))
    mist = glow(deep, 0.02)
    water = mix(water, hexed("#f0a070"), mist * 0.6)
    result = light.copy()
    result[:, top:] = water
    return result


def shore_from_above(frame: Frame) -> Plane:
    """A beach from the air: sand, foam, turquoise shallows, deep blue."""
    tilt = frame.uniform(-0.25, 0.25)
    bend = fractal(frame, (0.9, 0.9), 5, 0.42) * np.float32(0.085)
    across = frame.x / np.float32(frame.aspect) + (frame.y - 0.5) * np.float32(tilt) + bend
    shore = np.float32(0.40)
    depth = across - shore
    swell = fractal(frame, (0.25, 0.9), 4) * np.float32(0.02)
    reef = fractal(frame, 0.16, 6, 0.62)
    tone = np.clip(depth + swell + reef * smooth(depth, 0.05, 0.4) * 0.05, 0, 0.6)
    water = ramp(
        tone,
        [
            (0, "#d9efe0"),
            (0.03, "#a5e3d8"),
            (0.12, "#45c0c4"),
            (0.26, "#1690ac"),
            (0.42, "#0d6590"),
            (0.6, "#0a3f6b"),
        ],
    )
    dark = smooth(reef, 0.35, 1.0) * smooth(depth, 0.10, 0.2) * (1 - smooth(depth, 0.3, 0.5))
    water = mix(water, hexed("#1a5f6a"), dark * 0.55)
    ridge = np.abs(fractal(frame, 0.07, 5, 0.6))
    net = 1 - smooth(ridge, 0.0, 0.35)
    water = water * (1 + 0.10 * net * glow(depth - 0.08, 0.12))
    ripples = fractal(frame, (0.012, 0.03), 3)
    water = water * (1 + ripples * 0.05)
    grit = fractal(frame, 0.012, 4, 0.8)
    sand = mix(hexed("#ead2a6"), hexed("#d8b98a"), smooth(fractal(frame, 0.3, 5), -1, 1)) * (
        1 + grit * 0.05
    )
    wet = glow(np.minimum(depth, 0), 0.025)
    sand = mix(sand, hexed("#a88a63"), wet * 0.75)
    light = mix(sand, water, smooth(depth, -0.001, 0.006))
    foam = np.zeros_like(depth)
    lace = 1 - smooth(np.abs(fractal(frame, 0.03, 6, 0.7)), 0.0, 0.5)
    for number, place in enumerate((0.004, 0.045, 0.10)):
        wander = noise(frame, 0.22) * np.float32(0.012) + fractal(frame, 0.05, 4) * np.float32(
            0.004
        )
        gap = depth - np.float32(place) + wander
        front = (
            np.where(gap > 0, glow(gap, 0.004), glow(gap, 0.020 - 0.004 * number))
            if number
            else np.where(gap > 0, glow(gap, 0.022), glow(gap, 0.003))
        )
        part = front * (0.35 + 0.9 * lace) * (1.0 - 0.22 * number)
        foam = np.maximum(foam, part)
    light = mix(light, hexed("#fbfdfb"), np.clip(smooth(foam, 0.22, 0.95), 0, 1))
    shade = blurred(np.clip(foam, 0, 1), 0.004)
    return light * (1.04 - 0.10 * np.clip(shade - foam, 0, 1))


def pool(frame: Frame) -> Plane:
    """Sunlight through the water of a tiled pool."""
    u, v = frame.x + np.zeros_like(frame.y), frame.y + np.zeros_like(frame.x)
    field = fractal_tile(frame.rng, 512, 5, 4, 0.42)
    step = np.float32(0.004)
    base = look_up(field, u * 0.7, v * 0.7)
    east = (look_up(field, u * 0.7 + step, v * 0.7) - base) / step
    south = (look_up(field, u * 0.7, v * 0.7 + step) - base) / step
    bent_u, bent_v = u + east * np.float32(0.0028), v + south * np.float32(0.0028)
    size = np.float32(0.1)
    tile_u, tile_v = bent_u / size, bent_v / size
    gap_u, gap_v = np.abs(tile_u - np.round(tile_u)), np.abs(tile_v - np.round(tile_v))
    joint = 1 - smooth(np.minimum(gap_u, gap_v), 0.018, 0.045)
    which = np.sin(np.floor(tile_u + 0.5) * 12.9898 + np.floor(tile_v + 0.5) * 78.233) * 43758.5
    shade = 0.9 + 0.2 * (which - np.floor(which)).astype(np.float32)
    floor = mix(hexed("#35b4cf"), hexed("#1d93bb"), smooth(v, 0, 1)) * shade
    floor = mix(floor, hexed("#bfe9ee"), joint * 0.75)
    # Light gathers where the surface is curved: a thin net of bright lines.
    net = np.zeros_like(u)
    for turn, scale in ((0.0, 1.0), (0.41, 1.5)):
        warp_u = look_up(field, u * 0.6 * scale + turn, v * 0.6 * scale) * 0.10
        warp_v = look_up(field, v * 0.6 * scale, u * 0.6 * scale + turn) * 0.10
        value = look_up(
            field, (u + warp_u) * scale * 0.55 + turn, (v + warp_v) * scale * 0.55 + 0.3
        )
        net += np.float32(1 / scale) / (1 + np.abs(value) * np.float32(15))
    light = floor * (0.62 + 0.85 * net)
    light = light + hexed("#e9ffff") * (smooth(net, 0.75, 1.6) * 0.35)
    shine = smooth(look_up(field, u * 0.35 + 0.5, v * 0.8 + 0.2), 0.9, 1.8) * 0.25
    return light + hexed("#e6f8ff") * shine


def storm(frame: Frame) -> Plane:
    """Waves and rain clouds, a lighthouse far off."""
    from imgurer_kernel.scenes.terrain import Camera, see, slopes

    horizon = 0.46
    light = sky.gradient(
        frame, [(0, "#2c3640"), (0.5, "#5c6a73"), (0.85, "#a9b0a8"), (1, "#c9c5b0")], horizon
    )
    light = sky.clouds(
        frame,
        light,
        horizon=horizon + 0.05,
        lit="#aab2b3",
        shade="#2a323b",
        cover=0.66,
        sun=(frame.aspect * 0.3, horizon),
        density=1.3,
    )
    rain = smooth(noise(frame, (0.35, 2.0)), 0.1, 1.4) * smooth(frame.y, 0.12, horizon)
    light = mix(light, hexed("#59636a"), rain * 0.45)
    side = 768
    at = np.arange(side, dtype=np.float32) / side
    heights = np.zeros((side, side), np.float32)
    for _ in range(26):
        waves_east, waves_north = int(frame.rng.integers(-5, 6)), int(frame.rng.integers(4, 17))
        number = np.hypot(waves_east, waves_north)
        phase = (
            2 * np.pi * (at[None, :] * waves_east + at[:, None] * waves_north + frame.rng.random())
        )
        heights += ((1 - np.abs(np.sin(phase / 1))) ** 1.3 * (4.0 / number) ** 1.25).astype(
            np.float32
        )
    heights += fractal_tile(frame.rng, side, 12, 5, 0.55) * np.float32(0.25)
    heights = (heights - heights.mean()) / heights.std()
    scale = 0.012
    camera = Camera(
        above=0.085,
        horizon=horizon,
        focal=1.3,
        near=0.12,
        far=9.0,
        offset=(frame.uniform(0, 1), frame.uniform(0, 1)),
    )
    big = frame.scaled(1.25)
    view = see(big, heights, scale, camera, 720)
    east, north = slopes(heights, scale)
    detail = fractal_tile(frame.rng, 512, 16, 4, 0.6)
    fade = np.exp(-view.away * 0.9)
    tilt = (
        look_up(north, view.east, view.north)
        + look_up(detail, view.east * 4, view.north * 4) * fade * 0.16
    )
    side_tilt = look_up(east, view.east, view.north)
    upward = np.clip(0.30 - tilt * 0.7 + np.abs(side_tilt) * 0.2, 0, 1)
    water = ramp(upward, [(0, "#a8b3ac"), (0.25, "#66777a"), (0.55, "#2d4448"), (1, "#122226")])
    crest = view.level / np.float32(scale)
    water = water + hexed("#2f7a6c") * (smooth(crest, 0.6, 2.4) * np.clip(0.5 - tilt, 0, 1) * 0.5)
    lace = look_up(detail, view.east * 6, view.north * 3)
    foam = smooth(crest + lace * 0.8, 1.7, 2.7) * 0.9
    streak = smooth(look_up(detail, view.east * 1.2, view.north * 5), 0.75, 1.4) * 0.3
    water = mix(water, hexed("#e6ebe6"), np.clip(foam + streak, 0, 1))
    fog = 1 - np.exp(-view.away * 0.28)
    water = mix(water, hexed("#aeb4ac"), fog * 0.8)
    cover = view.hit.astype(np.float32)
    ground, cover = (
        resized(water * cover, frame.width, frame.height),
        resized(cover, frame.width, frame.height),
    )
    return light * (1 - cover) + ground
