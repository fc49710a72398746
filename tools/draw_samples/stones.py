"""Stones: marble, pebbles, a cut agate."""

import numpy as np

from tools.draw_samples.light import Frame, Plane, glow, hexed, mix, ramp, smooth
from tools.draw_samples.noise import cells, fractal, fractal_tile, look_up

PEBBLES = (
    "#8a8d90", "#5c6166", "#b3a897", "#7a6a5c", "#c9c2b4", "#4a4e55", "#9a7f6c", "#6f7a78",
    "#a89a8c", "#3c4046", "#b08a74", "#d8d2c8",
)  # fmt: skip
AGATES = (
    ("#f3f6f7", "#a9cfe0", "#2f7fa8", "#e6eef0", "#16507a", "#5fb0c4", "#0c2f52", "#c99a5c"),
    ("#fff4e8", "#e8b48a", "#b8502c", "#f6e6d6", "#7a2418", "#d88a4c", "#3c1210", "#8a7a6a"),
    ("#f6f2fa", "#c9b0e0", "#7a4aa8", "#efe8f6", "#3c1a6a", "#a884d0", "#22103c", "#9a9aa8"),
)
BANDS = (0, 0.16, 0.3, 0.42, 0.5, 0.66, 0.8, 1.1)


def marble(frame: Frame) -> Plane:
    """Polished marble with grey and golden veins."""
    warp_u, warp_v = fractal(frame, 0.6, 5, 0.55), fractal(frame, 0.6, 5, 0.55)
    field = fractal_tile(frame.rng, 1024, 3, 8, 0.52)
    u = frame.x * np.float32(0.55) + frame.y * np.float32(0.35) + warp_u * np.float32(0.13)
    v = frame.y * np.float32(0.5) - frame.x * np.float32(0.22) + warp_v * np.float32(0.13)
    first = np.abs(look_up(field, u, v * np.float32(0.55)))
    second = np.abs(look_up(field, u * np.float32(1.9) + 0.3, v * np.float32(1.4) + 0.6))
    third = np.abs(look_up(field, u * np.float32(0.7) + 0.6, v * 0.9 + 0.1) + warp_u * 0.2)
    cloud = fractal(frame, 0.4, 6, 0.6)
    light = mix(hexed("#f2efec"), hexed("#bdbcbf"), smooth(cloud + 0.4 * warp_u, -0.6, 1.6) * 0.85)
    thick = np.float32(0.03) + np.float32(0.09) * smooth(cloud, -0.8, 1.2)
    vein = np.exp(-first / thick) * 0.72 + np.exp(-first / (thick * 5)) * 0.34
    light = mix(light, hexed("#4c4f57"), np.minimum(vein, 0.95))
    light = mix(light, hexed("#6b6d75"), np.exp(-second / 0.035) * 0.5 * smooth(cloud, -0.7, 0.8))
    gold = np.exp(-third / 0.022) * smooth(fractal(frame, 0.3, 3), -0.4, 0.4)
    shimmer = 0.75 + 0.5 * smooth(fractal(frame, 0.02, 3), -0.7, 1.0)
    light = mix(light, hexed("#b98a3c") * shimmer, gold * 0.9)
    lamp = glow(frame.distance(frame.aspect * 0.3, 0.2), 0.95, 2.0)
    return light * (0.70 + 0.28 * lamp)


def pebbles(frame: Frame) -> Plane:
    """Wet pebbles on a shore, big ones over small ones."""
    light = np.broadcast_to(hexed("#1c1a18"), (3, frame.height, frame.width)).copy()
    speckle = fractal_tile(frame.rng, 512, 90, 3, 0.8)
    bands = fractal_tile(frame.rng, 512, 4, 5, 0.5)
    for size, count in ((0.038, 700), (0.060, 350), (0.100, 90)):
        for _ in range(count):
            _pebble(frame, light, size * frame.uniform(0.75, 1.3), speckle, bands)
    return light * (0.85 + 0.35 * glow(frame.distance(frame.aspect * 0.3, 0.2), 0.9, 2.0))


def _pebble(frame: Frame, light: Plane, size: float, speckle: Plane, bands: Plane) -> None:
    """Lay one pebble on the others, with its shadow."""
    x, y = frame.uniform(0, frame.aspect), frame.uniform(0, 1)
    turn, flat, egg = frame.uniform(0, np.pi), frame.uniform(0.62, 0.95), frame.uniform(-0.18, 0.18)
    rows, columns = frame.around(x, y, size * 1.35)
    dx = (frame.x[:, columns] - np.float32(x)) * np.float32(1 / size)
    dy = (frame.y[rows] - np.float32(y)) * np.float32(1 / size)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    a = dx * c + dy * s
    b = (dy * c - dx * s) * (np.float32(1 / flat) * (1 + np.float32(egg) * a))
    square = a * a + b * b
    # A little squarer than an ellipse, as pebbles are.
    square = square - np.float32(0.3) * a * a * b * b
    fallen = np.sqrt((dx - np.float32(0.16)) ** 2 + (dy - np.float32(0.22)) ** 2)
    below = light[:, rows, columns] * (1 - 0.72 * (1 - smooth(fallen, 0.55, 1.25)))
    capped = np.minimum(square, 1)
    dome = np.sqrt(1 - capped)
    east, south = (a * c - b * s) * capped, (a * s + b * c) * capped
    lit = np.clip(0.62 * dome - 0.55 * east - 0.62 * south + 0.25, 0.04, 1.6)
    shift_u, shift_v = frame.rng.random(2, dtype=np.float32)
    spread = np.float32(1.3 * size)
    color = hexed(PEBBLES[int(frame.rng.integers(len(PEBBLES)))])
    grain = look_up(speckle, dx * spread + shift_u, dy * spread + shift_v)
    color = color * ((1 + np.float32(0.16) * grain) * np.float32(frame.uniform(0.8, 1.15)))
    if frame.rng.random() < 0.25:
        vein = look_up(bands, a * np.float32(1.4 * size) + shift_u, b * np.float32(3 * size))
        color = mix(color, hexed("#e4e0d8"), np.exp(np.abs(vein) * np.float32(-16)) * 0.7)
    shine = np.exp(((east + 0.34) ** 2 + (south + 0.40) ** 2) * np.float32(-33)) * np.float32(0.3)
    body = color * (hexed("#fff4e4") * lit + hexed("#8fa6c0") * (np.float32(0.16) * dome)) + shine
    cover = frame.edge((1 - square) * np.float32(size * 0.42))
    light[:, rows, columns] = mix(below, body, cover)


def agate(frame: Frame) -> Plane:
    """The bands of a cut agate around a crystal heart."""
    x, y = frame.aspect * frame.uniform(0.42, 0.58), frame.uniform(0.42, 0.58)
    dx = (frame.x - np.float32(x)) / np.float32(frame.aspect * 0.62)
    dy = (frame.y - np.float32(y)) / np.float32(0.62)
    warp = fractal(frame, 0.8, 4, 0.45) * np.float32(0.20)
    field = np.sqrt(dx * dx + dy * dy) + warp + fractal(frame, 0.12, 4) * np.float32(0.010)
    colors = AGATES[int(frame.rng.integers(len(AGATES)))]
    base = ramp(field, list(zip(BANDS, colors, strict=True)))
    lines = np.sin(field * 95 + 3 * np.sin(field * 17)) * 0.5 + np.sin(field * 233) * 0.25
    lines = lines + np.sin(field * 611 + warp * 8) * 0.12
    light = base * (1 + 0.20 * lines)
    light = mix(light, hexed("#fbfaf6"), smooth(np.sin(field * 41 + 1.3), 0.955, 0.995) * 0.6)
    near, second, owner = cells(frame, 0.028)
    facet = np.sin(owner * 12.9898) * 43758.5
    facet = (facet - np.floor(facet)).astype(np.float32)
    seam = 1 - 0.35 * (1 - smooth(second - near, 0.0, 0.12))
    crystal = mix(hexed("#dfeaf0"), hexed("#8fa3b8"), facet) * ((0.75 + 0.5 * near) * seam)
    crystal = crystal + smooth(facet, 0.93, 1.0) * 0.5
    light = mix(light, crystal, 1 - smooth(field, 0.125, 0.15))
    light = light * (1 - 0.35 * glow(field - 0.14, 0.018))
    result: Plane = light * (0.88 + 0.2 * glow(frame.distance(frame.aspect * 0.3, 0.2), 0.8, 2.0))
    return result
