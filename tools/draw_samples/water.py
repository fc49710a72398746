"""Water: the sea, a lake that mirrors, a shore from the air, a pool."""

import numpy as np

from tools.draw_samples import sky
from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from tools.draw_samples.noise import fractal, fractal_tile, line, look_up, noise
from tools.draw_samples.terrain import Camera, over, see, slopes


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
    light = sky.add_clouds(
        frame,
        light,
        sky.Clouds(
            horizon=level + 0.03,
            lit="#ff9f78",
            shade="#4a4470",
            cover=0.5,
            sun=sun,
            stretch=1.6,
        ),
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
    light = sky.add_clouds(
        frame,
        light,
        sky.Clouds(
            horizon=horizon + 0.02,
            lit="#ffb26b",
            shade="#5a4468",
            cover=0.56,
            sun=sun,
            stretch=1.8,
            fade=0.12,
        ),
    )
    light = sky.add_sun(frame, light, sun, "#ffb550", size=0.03, strength=1.0)
    top = int(horizon * frame.height)
    deep = np.maximum(frame.y[top:] - np.float32(horizon), 0) + np.float32(0.0012)
    away = np.float32(0.1) / deep
    field = fractal_tile(frame.rng, 512, 5, 6, 0.58)
    u = (frame.x - np.float32(frame.aspect / 2)) * away
    v = away * np.float32(2.2) + np.zeros_like(u)

    def level(ahead_u: float, ahead_v: float) -> Plane:
        a, b = u + np.float32(ahead_u), v + np.float32(ahead_v)
        long = look_up(field, a * np.float32(0.32), b * np.float32(0.22))
        short = look_up(field, a * np.float32(1.3) + 0.3, b * np.float32(0.8) + 0.6)
        return long + short * np.float32(0.35)

    here = level(0, 0)
    tilt = (level(0, 0.024) - here) * np.float32(2.2)
    side = (level(0.024, 0) - here) * np.float32(2.2)
    calm = np.exp(away * np.float32(-0.05))
    upward = 0.16 + tilt * 0.22 * calm + np.sqrt(deep) * 0.25
    stops = [(0, "#ffb768"), (0.2, "#e08a60"), (0.5, "#6a4f78"), (1, "#1d2750")]
    water = ramp(upward, stops) * np.float32(0.82)
    spread = np.float32(0.05) + deep * np.float32(0.22)
    path = glow((frame.x - np.float32(sun[0]) + side * 0.10 * calm) / spread, 1.0, 2.0)
    glint = smooth(tilt * calm + 0.05 + 0.35 * (1 - calm), 0.02, 0.55)
    water = water + hexed("#ffb45c") * (path * (0.22 + 2.0 * glint))
    result = light.copy()
    result[:, top:] = mix(water, hexed("#f0a070"), glow(deep, 0.02) * 0.6)
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
    result: Plane = light * (1.04 - 0.10 * np.clip(shade - foam, 0, 1))
    return result


def pool(frame: Frame) -> Plane:
    """Sunlight through the water of a tiled pool."""
    u, v = frame.x + np.zeros_like(frame.y), frame.y + np.zeros_like(frame.x)
    field = fractal_tile(frame.rng, 512, 5, 4, 0.42)
    step = np.float32(0.004)
    base = look_up(field, u * 0.7, v * 0.7)
    east = (look_up(field, u * 0.7 + step, v * 0.7) - base) / step
    south = (look_up(field, u * 0.7, v * 0.7 + step) - base) / step
    bent_u, bent_v = u + east * np.float32(0.0015), v + south * np.float32(0.0015)
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
    """Waves under rain clouds."""
    horizon = 0.44
    light = sky.gradient(
        frame, [(0, "#2c3640"), (0.5, "#5c6a73"), (0.85, "#a9b0a8"), (1, "#d2ccb4")], horizon
    )
    clouds = sky.Clouds(
        horizon=horizon + 0.05,
        lit="#aab2b3",
        shade="#2a323b",
        cover=0.66,
        sun=(frame.aspect * 0.3, horizon),
        density=1.3,
    )
    light = sky.add_clouds(frame, light, clouds)
    rain = smooth(noise(frame, (0.35, 2.0)), 0.1, 1.4) * smooth(frame.y, 0.12, horizon)
    light = mix(light, hexed("#59636a"), rain * 0.45)
    heights = _waves(frame)
    scale = 0.0052
    camera = Camera(
        above=0.055, horizon=horizon, focal=1.3, near=0.09, far=12.0,
        offset=(frame.uniform(0, 1), frame.uniform(0, 1)),
    )  # fmt: skip
    big = frame.scaled(1.25)
    view = see(big, heights, scale, camera, 800)
    east, north = slopes(heights, scale)
    detail = fractal_tile(frame.rng, 512, 16, 4, 0.6)
    near = np.exp(view.away * np.float32(-1.1))
    chop = look_up(detail, view.east * 5, view.north * 5) * near * np.float32(0.09)
    rise_e = look_up(east, view.east, view.north) + chop
    rise_n = look_up(north, view.east, view.north) + chop
    # How squarely the eye meets the water decides between its own colour and the sky's.
    up = 1 / np.sqrt(1 + rise_e * rise_e + rise_n * rise_n)
    down = np.float32(camera.above) / view.away
    meets = np.clip((rise_n + down) * up, 0.02, 1)
    mirror = np.float32(0.02) + np.float32(0.98) * (1 - meets) ** 5
    tilt = np.clip(rise_n * 1.6 + np.abs(rise_e) * 0.4 + 0.12, 0, 1)
    above = ramp(tilt, [(0, "#b9bcb0"), (0.3, "#7b878b"), (1, "#39444c")])
    crest = view.level * np.float32(1 / scale)
    deep = mix(hexed("#0c1f26"), hexed("#2f6f68"), smooth(crest, 0.3, 2.8) * 0.8)
    water = mix(deep, above, mirror)
    lace = look_up(detail, view.east * 6, view.north * 3)
    foam = smooth(crest + lace * 0.9, 1.75, 2.7)
    streak = smooth(look_up(detail, view.east * 1.2, view.north * 5), 0.8, 1.5) * 0.22
    water = mix(water, hexed("#dfe5e1"), np.clip(foam * 0.85 + streak, 0, 1))
    fog = 1 - np.exp(view.away * np.float32(-0.16))
    water = mix(water, hexed("#b7b9ad"), fog * 0.85)
    return over(frame, light, water, view)


def _waves(frame: Frame, side: int = 512) -> Plane:
    """A wind sea as a tile: many sharp-crested waves that run towards the eye; deviation 1."""
    at = np.arange(side, dtype=np.float32) / side
    heights = np.zeros((side, side), np.float32)
    for _ in range(30):
        east, north = int(frame.rng.integers(-6, 7)), int(frame.rng.integers(3, 22))
        phase = at[None, :] * east + at[:, None] * north + np.float32(frame.rng.random())
        number = float(np.hypot(east, north))
        crest = (1 - np.abs(np.sin(np.float32(np.pi) * phase))) ** np.float32(1.4)
        heights += crest * np.float32((4.0 / number) ** 1.1)
    heights += fractal_tile(frame.rng, side, 12, 5, 0.55) * np.float32(0.3)
    result: Plane = (heights - heights.mean()) / heights.std()
    return result
