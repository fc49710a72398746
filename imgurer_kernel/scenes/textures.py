"""Surfaces from near: wood, cloth, stone."""

import numpy as np

from imgurer_kernel.scenes.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from imgurer_kernel.scenes.noise import cells, fractal, fractal_tile, look_up, noise


def _relief(heights: Plane, strength: float, sun: tuple[float, float] = (-0.6, -0.7)) -> Plane:
    """Brightness about 1 of a surface lit from one side; heights and result of one shape."""
    pixels = heights.shape[0]
    east = np.gradient(heights, axis=1) * np.float32(pixels * strength)
    south = np.gradient(heights, axis=0) * np.float32(pixels * strength)
    up = 1 / np.sqrt(1 + east * east + south * south)
    return np.clip(
        (1 - (east * np.float32(-sun[0]) + south * np.float32(-sun[1])) * -1 * 0) * up
        + (east * np.float32(-sun[0]) + south * np.float32(-sun[1])) * up,
        0.05,
        2.2,
    ).astype(np.float32)


def wood(frame: Frame) -> Plane:
    """Boards with knots and rings."""
    boards = 4
    board = np.floor(frame.y * boards)
    light = np.zeros((3, frame.height, frame.width), np.float32)
    for number in range(boards):
        rows = (board == number)[:, 0]
        part = Frame(frame.width, frame.height, frame.rng)
        bend = fractal(part, (1.6, 0.12), 3) * np.float32(0.05)
        v = (
            frame.y
            - np.float32((number + 0.5) / boards)
            + bend
            + np.float32(frame.uniform(-0.1, 0.1))
        )
        rings = v * np.float32(34) + np.float32(frame.uniform(0, 9))
        for _ in range(int(frame.rng.integers(0, 3))):
            x, y = (
                frame.uniform(0.1, frame.aspect - 0.1),
                (number + frame.uniform(0.25, 0.75)) / boards,
            )
            away = np.hypot((frame.x - np.float32(x)) * np.float32(0.42), frame.y - np.float32(y))
            rings = rings + glow(away, 0.05, 1.5) * np.float32(frame.uniform(4, 7)) * np.sign(
                v + 1e-9
            )
        rings = rings + fractal(part, (0.6, 0.02), 4) * np.float32(0.35)
        saw = rings - np.floor(rings)
        grain = smooth(saw, 0.0, 0.75) * (1 - smooth(saw, 0.86, 1.0))
        fibre = fractal(part, (0.28, 0.0035), 4, 0.7)
        pores = smooth(fractal(part, (0.05, 0.002), 2), 0.9, 1.5)
        tone = np.clip(0.62 - 0.34 * grain + fibre * 0.10 + noise(part, (1.5, 0.2)) * 0.05, 0, 1)
        warm = frame.uniform(-0.06, 0.06)
        body = ramp(
            np.clip(tone + np.float32(warm), 0, 1),
            [(0, "#3a1d0c"), (0.35, "#7a4520"), (0.65, "#b57a42"), (1, "#dcb07a")],
        )
        body = body * (1 - 0.4 * pores)
        light[:, rows] = body[:, rows]
    gap = np.abs(frame.y * boards - np.round(frame.y * boards)) / boards
    inner = smooth(gap, 0.0, 0.006)
    light = light * (0.16 + 0.84 * inner)
    lamp = glow(frame.distance(frame.aspect * 0.25, 0.1), 1.3, 2.0)
    return light * (0.55 + 0.7 * lamp)


def linen(frame: Frame) -> Plane:
    """A woven cloth in folds and checks."""
    fold = fractal(frame, (0.8, 0.5), 3, 0.4)
    u = frame.x + fold * np.float32(0.020) + np.zeros_like(frame.y)
    v = frame.y + np.roll(fold, 90, 1) * np.float32(0.016)
    pitch = np.float32(0.0092)
    wander = fractal(frame, 0.2, 3) * np.float32(0.0012)
    warp, weft = (u + wander) / pitch, (v + wander) / pitch
    over = np.sin(np.pi * warp) * np.sin(np.pi * weft)
    thread_u, thread_v = np.abs(np.sin(np.pi * warp)), np.abs(np.sin(np.pi * weft))
    top = np.where((np.floor(warp) + np.floor(weft)) % 2 > 0.5, thread_u, thread_v)
    low = np.where(
        (np.floor(warp) + np.floor(weft)) % 2 > 0.5,
        np.sin(np.pi * (weft % 1)),
        np.sin(np.pi * (warp % 1)),
    )
    body = 0.52 + 0.36 * np.sqrt(np.clip(top, 0, 1)) * (0.55 + 0.45 * low) + 0.04 * over
    slub = fractal(frame, (0.25, 0.006), 3) * 0.05 + fractal(frame, (0.006, 0.25), 3) * 0.05
    body = body * (1 + slub)
    schemes = (
        ("#b8402e", "#f0e6d2", "#2c3a55"),
        ("#2f5a6c", "#efe9dc", "#c08a3c"),
        ("#4a6a3c", "#f2ecd8", "#8a2f2a"),
    )
    first, ground, second = schemes[int(frame.rng.integers(len(schemes)))]
    size = np.float32(0.34)

    def band(place: Plane, centre: float, wide: float) -> Plane:
        share = place / size - np.floor(place / size)
        return smooth(np.float32(wide) - np.abs(share - np.float32(centre)), -0.004, 0.004)

    stripe_u = (
        np.clip(band(u, 0.3, 0.17), 0, 1),
        np.clip(band(u, 0.72, 0.03) + band(u, 0.82, 0.012), 0, 1),
    )
    stripe_v = (
        np.clip(band(v, 0.3, 0.17), 0, 1),
        np.clip(band(v, 0.72, 0.03) + band(v, 0.82, 0.012), 0, 1),
    )
    up = ((np.floor(warp) + np.floor(weft)) % 2 > 0.5).astype(np.float32) * 0.5 + 0.25

    def dyed(stripes: tuple[Plane, Plane]) -> Plane:
        return mix(
            mix(hexed(ground), hexed(first), stripes[0] * 0.92), hexed(second), stripes[1] * 0.9
        )

    color = mix(dyed(stripe_v), dyed(stripe_u), up)
    depth = blurred(fold, 0.02)
    light = color * body * np.clip(_relief(depth, 0.11), 0.3, 1.6) * 1.25
    return light * (0.75 + 0.4 * glow(frame.distance(frame.aspect * 0.3, 0.15), 1.1, 2.0))


def marble(frame: Frame) -> Plane:
    """Polished marble with grey and golden veins."""
    warp_u, warp_v = fractal(frame, 0.6, 5, 0.55), fractal(frame, 0.6, 5, 0.55)
    field = fractal_tile(frame.rng, 1024, 3, 8, 0.52)
    u = frame.x * np.float32(0.55) + frame.y * np.float32(0.35) + warp_u * np.float32(0.13)
    v = frame.y * np.float32(0.5) - frame.x * np.float32(0.22) + warp_v * np.float32(0.13)
    first = np.abs(look_up(field, u, v * 0.55))
    second = np.abs(look_up(field, u * 1.9 + 0.3, v * 1.4 + 0.6))
    third = np.abs(look_up(field, u * 0.7 + 0.6, v * 0.9 + 0.1) + warp_u * 0.2)
    cloud = fractal(frame, 0.4, 6, 0.6)
    light = mix(hexed("#f2efec"), hexed("#c9c8c9"), smooth(cloud + 0.4 * warp_u, -0.6, 1.6) * 0.75)
    thick = np.clip(0.03 + 0.09 * smooth(cloud, -0.8, 1.2), 0.01, 1)
    light = mix(
        light, hexed("#5e6066"), np.exp(-first / thick) * 0.62 + np.exp(-first / (thick * 4)) * 0.26
    )
    light = mix(light, hexed("#77787e"), np.exp(-second / 0.035) * 0.42 * smooth(cloud, -0.7, 0.8))
    gold = np.exp(-third / 0.018) * smooth(fractal(frame, 0.3, 3), -0.3, 0.6)
    shimmer = 0.75 + 0.5 * smooth(fractal(frame, 0.02, 3), -0.7, 1.0)
    light = mix(light, hexed("#b98a3c") * shimmer, np.clip(gold, 0, 1) * 0.85)
    lamp = glow(np.hypot(frame.x - frame.aspect * 0.3, (frame.y - 0.2) * 0.8), 0.9, 2.0)
    return light * (0.74 + 0.24 * lamp) + hexed("#ffffff") * (
        glow(frame.distance(frame.aspect * 0.28, 0.1), 0.35) * 0.05
    )


def pebbles(frame: Frame) -> Plane:
    """Wet pebbles on a shore, big ones over small ones."""
    light = np.broadcast_to(hexed("#1c1a18"), (3, frame.height, frame.width)).copy()
    colors = [
        "#8a8d90",
        "#5c6166",
        "#b3a897",
        "#7a6a5c",
        "#c9c2b4",
        "#4a4e55",
        "#9a7f6c",
        "#6f7a78",
        "#a89a8c",
        "#3c4046",
        "#b08a74",
        "#d8d2c8",
    ]
    count_of = {0.030: 2600, 0.055: 620, 0.095: 110}
    speckle = fractal_tile(frame.rng, 512, 90, 3, 0.8)
    bands = fractal_tile(frame.rng, 512, 4, 5, 0.5)
    for size, count in count_of.items():
        for _ in range(count):
            _pebble(frame, light, size * frame.uniform(0.75, 1.3), colors, speckle, bands)
    return light * (0.85 + 0.35 * glow(frame.distance(frame.aspect * 0.3, 0.2), 0.9, 2.0))


def _pebble(
    frame: Frame, light: Plane, size: float, colors: list[str], speckle: Plane, bands: Plane
) -> None:
    """Lay one pebble on the others, with its shadow."""
    x, y = frame.uniform(0, frame.aspect), frame.uniform(0, 1)
    turn, flat = frame.uniform(0, np.pi), frame.uniform(0.62, 0.95)
    reach = size * 1.35
    left, right = (
        max(0, int((x - reach) * frame.height)),
        min(frame.width, int((x + reach) * frame.height) + 1),
    )
    top, bottom = (
        max(0, int((y - reach) * frame.height)),
        min(frame.height, int((y + reach) * frame.height) + 1),
    )
    dx, dy = frame.x[:, left:right] - np.float32(x), frame.y[top:bottom] - np.float32(y)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    a, b = (dx * c + dy * s) / np.float32(size), (dy * c - dx * s) / np.float32(size * flat)
    b = b * (1 + np.float32(frame.uniform(-0.18, 0.18)) * a)
    away = (np.abs(a) ** 2.3 + np.abs(b) ** 2.3) ** (1 / 2.3)
    fallen = dx * c * 0 + np.hypot((dx - size * 0.16), (dy - size * 0.22) / 1) / np.float32(size)
    part = light[:, top:bottom, left:right] * (1 - 0.72 * (1 - smooth(fallen, 0.55, 1.25)))
    dome = np.sqrt(np.clip(1 - away**2.6, 0, 1))
    slope = np.clip(away, 0, 1) ** 2.2
    east, south = (a * c - b * s) * slope, (a * s + b * c) * slope
    lit = np.clip(0.62 * dome - 0.55 * east - 0.62 * south + 0.25, 0.04, 1.6)
    pick = colors[int(frame.rng.integers(len(colors)))]
    shift_u, shift_v = np.float32(frame.rng.random()), np.float32(frame.rng.random())
    grain = look_up(speckle, dx * 1.3 + shift_u, dy * 1.3 + shift_v)
    vein = np.abs(
        look_up(bands, dx * c * 1.4 + dy * s * 3 + shift_u, dy * c * 3 - dx * s * 1.4 + shift_v)
    )
    color = hexed(pick) * (1 + 0.16 * grain) * np.float32(frame.uniform(0.8, 1.15))
    if frame.rng.random() < 0.3:
        color = mix(color, hexed("#e4e0d8"), np.exp(-vein / 0.06) * 0.7)
    shine = np.exp(-(((east + 0.34) ** 2 + (south + 0.40) ** 2) / 0.03)) * 0.30
    body = color * (hexed("#fff4e4") * lit + hexed("#8fa6c0") * (0.16 * dome)) + shine
    light[:, top:bottom, left:right] = mix(
        part, body, frame.edge((1 - away) * np.float32(size * 0.8))
    )


def agate(frame: Frame) -> Plane:
    """The bands of a cut agate around a crystal heart."""
    x, y = frame.aspect * frame.uniform(0.42, 0.58), frame.uniform(0.42, 0.58)
    dx, dy = (
        (frame.x - np.float32(x)) / np.float32(frame.aspect * 0.62),
        (frame.y - np.float32(y)) / np.float32(0.62),
    )
    warp = fractal(frame, 0.8, 4, 0.45) * np.float32(0.20)
    field = np.sqrt(dx * dx + dy * dy) + warp + fractal(frame, 0.12, 4) * np.float32(0.010)
    palettes = (
        [
            (0, "#f3f6f7"),
            (0.16, "#a9cfe0"),
            (0.3, "#2f7fa8"),
            (0.42, "#e6eef0"),
            (0.5, "#16507a"),
            (0.66, "#5fb0c4"),
            (0.8, "#0c2f52"),
            (1.1, "#c99a5c"),
        ],
        [
            (0, "#fff4e8"),
            (0.16, "#e8b48a"),
            (0.3, "#b8502c"),
            (0.42, "#f6e6d6"),
            (0.5, "#7a2418"),
            (0.66, "#d88a4c"),
            (0.8, "#3c1210"),
            (1.1, "#8a7a6a"),
        ],
        [
            (0, "#f6f2fa"),
            (0.16, "#c9b0e0"),
            (0.3, "#7a4aa8"),
            (0.42, "#efe8f6"),
            (0.5, "#3c1a6a"),
            (0.66, "#a884d0"),
            (0.8, "#22103c"),
            (1.1, "#9a9aa8"),
        ],
    )
    palette = palettes[int(frame.rng.integers(len(palettes)))]
    base = ramp(np.clip(field, 0, 1.1), palette)
    lines = (
        np.sin(field * 95 + 3 * np.sin(field * 17)) * 0.5
        + np.sin(field * 233) * 0.25
        + np.sin(field * 611 + warp * 8) * 0.12
    )
    light = base * (1 + 0.20 * lines)
    light = mix(light, hexed("#fbfaf6"), smooth(np.sin(field * 41 + 1.3), 0.90, 0.985) * 0.7)
    near, second, owner = cells(frame, 0.028)
    facet = (np.sin(owner * 12.9898) * 43758.5).astype(np.float32)
    facet = facet - np.floor(facet)
    crystal = (
        mix(hexed("#dfeaf0"), hexed("#8fa3b8"), facet)
        * (0.75 + 0.5 * near)
        * (1 - 0.35 * (1 - smooth(second - near, 0.0, 0.12)))
    )
    crystal = crystal + smooth(facet, 0.93, 1.0) * 0.5
    heart = 1 - smooth(field, 0.125, 0.15)
    light = mix(light, crystal, heart)
    light = light * (1 - 0.35 * glow(field - 0.14, 0.018))
    return light * (0.88 + 0.2 * glow(frame.distance(frame.aspect * 0.3, 0.2), 0.8, 2.0))


def knit(frame: Frame) -> Plane:
    """A knitted jumper with a patterned yoke."""
    wide, tall = np.float32(0.026), np.float32(0.021)
    bend = fractal(frame, (0.8, 0.8), 3, 0.4)
    u = frame.x / wide + bend * np.float32(0.5) + np.zeros_like(frame.y)
    v = frame.y / tall + np.roll(bend, 70, 1) * np.float32(0.5)
    column = np.floor(u)
    inside = u - column - 0.5
    skew = np.abs(inside) * np.float32(1.15)
    place = v + skew
    row = np.floor(place)
    down = place - row - 0.5
    arm = np.abs(inside) - 0.25
    thick = np.clip(1 - (arm / 0.24) ** 2, 0, 1) * np.clip(1 - (down / 0.56) ** 2, 0, 1)
    dome = np.sqrt(thick)
    twist = np.sin((down * 2.2 + np.sign(inside) * arm * 6.5) * 5.5) * 0.5 + 0.5
    fuzz = fractal(frame, 0.004, 2, 0.8)
    body = np.clip(0.16 + 0.80 * dome * (0.72 + 0.28 * twist) + fuzz * 0.05, 0.03, 1.3)
    schemes = (
        ("#27405c", "#efe8da", "#b5453a"),
        ("#6a2230", "#f0e4d0", "#d89a3c"),
        ("#2f4f42", "#eee9dc", "#c9803c"),
    )
    ground, light_yarn, accent = schemes[int(frame.rng.integers(len(schemes)))]
    c = column.astype(np.int32)
    r = row.astype(np.int32)
    wave = np.abs((c % 8) - 4)
    band = r % 24
    star = (
        (band >= 3)
        & (band <= 11)
        & (
            (np.abs(band - 7) + np.abs((c % 12) - 6) <= 4)
            & ((np.abs(band - 7) != np.abs((c % 12) - 6)) | (band == 7))
        )
    )
    zigzag = (band == 14 + wave // 2) | (band == 15 + wave // 2)
    dots = (band == 21) & (c % 4 == 0) | (band == 0) & (c % 2 == 0)
    yarn = np.where(star | dots, hexed(light_yarn), hexed(ground))
    yarn = np.where(zigzag, hexed(accent), yarn)
    heather = 1 + 0.10 * fractal(frame, 0.012, 3)
    light = yarn * (body * heather) * np.clip(_relief(blurred(bend, 0.03), 0.10), 0.5, 1.5) * 1.15
    return light.astype(np.float32)
