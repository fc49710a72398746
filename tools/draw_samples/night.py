"""Nights: the Milky Way, northern lights, the moon, a city."""

import numpy as np

from tools.draw_samples import sky
from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from tools.draw_samples.noise import fractal, line, noise
from tools.draw_samples.trees import spruces
from tools.draw_samples.water import mirrored


def milky_way(frame: Frame) -> Plane:
    """The Milky Way over a ridge."""
    light = ramp(
        np.broadcast_to(frame.y, (frame.height, frame.width)),
        [(0, "#070b1c"), (0.55, "#101c3c"), (0.85, "#2b3a5e"), (1, "#5a5668")],
    )
    angle = frame.uniform(0.95, 1.2)
    x, y = frame.x - np.float32(frame.aspect * 0.55), frame.y - np.float32(0.42)
    along = x * np.float32(np.cos(angle)) - y * np.float32(np.sin(angle))
    across = x * np.float32(np.sin(angle)) + y * np.float32(np.cos(angle))
    warp = fractal(frame, 0.45, 5) * np.float32(0.05)
    band = glow(across + warp, 0.17, 2.0)
    core = glow(across + warp, 0.07, 2.0) * glow(along + 0.25, 0.55, 2.0)
    lane = 0.9 * glow(across - 0.01 + warp, 0.05)
    dust = smooth(fractal(frame, (0.22, 0.16), 7, 0.6) + lane, -0.2, 1.6)
    cloud = fractal(frame, 0.3, 6, 0.55)
    body = band * (0.55 + 0.3 * cloud) * (1 - 0.82 * dust * glow(across, 0.1, 2.0))
    light = (
        light + ramp(np.clip(body, 0, 1), [(0, "#000000"), (0.5, "#3b4a78"), (1, "#8d8fb5")]) * 0.75
    )
    light = light + hexed("#ffcf9a") * (
        np.clip(core * (1 - 0.9 * dust) * (0.7 + 0.4 * cloud), 0, 1) * 0.42
    )
    light = light + hexed("#a43f6a") * (smooth(fractal(frame, 0.05, 4), 1.0, 2.2) * band * 0.14)
    dense = 0.35 + 1.6 * band * (1 - 0.7 * dust)
    light = light + sky.stars(frame, 1.5) * dense
    glowing = glow(frame.y - 0.98, 0.16) * (0.8 + 0.4 * noise(frame, (0.6, 1.0)))
    light = light + hexed("#ff9a5a") * (glowing * 0.12)
    for base, color, size in (
        (0.80, "#131a2e", 0.5),
        (0.88, "#090d18", 0.35),
        (0.97, "#030509", 0.2),
    ):
        crest = np.float32(base) - line(
            frame.rng, frame.width, frame.height * size, 8, 0.5
        ) * np.float32(0.06 * size + 0.02)
        light = mix(light, hexed(color), frame.edge(frame.y - crest))
    return light


def northern_lights(frame: Frame) -> Plane:
    """Curtains of northern lights over a lake with spruces."""
    level = 0.70
    light = ramp(
        np.broadcast_to(frame.y / np.float32(level), (frame.height, frame.width)),
        [(0, "#050a1c"), (0.7, "#0d2036"), (1, "#1c4048")],
    )
    light = light + sky.stars(frame, 0.9) * 0.6
    columns = frame.width
    for number in range(3):
        foot = np.float32(frame.uniform(0.40, 0.52) - 0.05 * number) + line(
            frame.rng, columns, frame.height * 0.55, 5, 0.45
        ) * np.float32(0.06)
        rays = 0.55 + 0.3 * line(frame.rng, columns, frame.height * 0.05, 5, 0.72)
        body = np.clip(line(frame.rng, columns, frame.height * 0.5, 3) * 0.5 + 0.65, 0.05, 1.4)
        tall = 0.16 + 0.10 * np.clip(line(frame.rng, columns, frame.height * 0.3, 3), -1, 1.5)
        over = foot - frame.y
        curtain = np.where(over > 0, np.exp(-over / tall), np.exp(over / np.float32(0.012)))
        curtain = curtain * np.clip(rays, 0.1, 2) * body
        high = np.clip(over / np.float32(0.34), 0, 1)
        color = ramp(high, [(0, "#7dffb0"), (0.25, "#2fe08f"), (0.6, "#2b8f9c"), (1, "#7a3f9c")])
        light = light + blurred(color * curtain, 0.0035) * np.float32(0.75 - 0.18 * number)
    hill = np.float32(level - 0.06) - line(frame.rng, columns, frame.height * 0.7, 7) * np.float32(
        0.03
    )
    light = mix(light, hexed("#0a1a22"), frame.edge(frame.y - hill))
    bank = np.full(columns, level - 0.012, np.float32) - np.abs(
        line(frame.rng, columns, frame.height * 0.4, 5)
    ) * np.float32(0.006)
    trees = np.maximum(spruces(frame, bank, 0.14, 60), frame.edge(frame.y - bank))
    light = mix(light, hexed("#03080b"), trees)
    return mirrored(frame, light, level, ripple=0.5, tint="#04121a")


def moonrise(frame: Frame) -> Plane:
    """A great moon behind bare hills and a lone tree."""
    light = sky.gradient(
        frame, [(0, "#0a1730"), (0.5, "#1d3560"), (0.85, "#55678f"), (1, "#8d8798")], 0.85
    )
    light = light + sky.stars(frame, 0.25) * 0.4 * (1 - smooth(frame.y, 0.2, 0.7))
    at = (frame.aspect * frame.uniform(0.52, 0.62), 0.42)
    light = sky.moon(frame, light, at, 0.21)
    drift = smooth(fractal(frame, (1.1, 0.06), 6, 0.5), 0.1, 1.2) * smooth(frame.y, 0.3, 0.55)
    light = mix(light, hexed("#77829c"), drift * 0.55)
    for base, color, amount in (
        (0.70, "#3a4664", 0.05),
        (0.79, "#222c47", 0.05),
        (0.89, "#0d1426", 0.03),
    ):
        crest = np.float32(base) - line(
            frame.rng, frame.width, frame.height * 0.8, 8, 0.42
        ) * np.float32(amount)
        below = frame.y - crest
        fog = smooth(below, 0, 0.14) * 0.35
        light = mix(light, mix(hexed(color), hexed("#7584a4"), fog), frame.edge(below))
    return light


def city_lights(frame: Frame) -> Plane:
    """A city's lights out of focus."""
    light = ramp(
        np.broadcast_to(frame.y, (frame.height, frame.width)),
        [(0, "#0a1024"), (0.5, "#1a1c38"), (1, "#0b0a14")],
    )
    light = light * (1 + 0.25 * fractal(frame, 0.5, 3))
    palette = [
        "#ffb25a",
        "#ff8a3c",
        "#ffd9a0",
        "#ff4f3a",
        "#6fc8ff",
        "#fff2d8",
        "#ff6fa8",
        "#66ffc2",
    ]
    share = np.array([0.3, 0.2, 0.16, 0.12, 0.08, 0.08, 0.04, 0.02])
    for depth, count in ((0.022, 130), (0.042, 70), (0.068, 26)):
        for _ in range(count):
            x = frame.uniform(-0.05, frame.aspect + 0.05)
            y = float(np.clip(frame.rng.normal(0.56, 0.17), 0.02, 0.98))
            radius = depth * frame.uniform(0.85, 1.15)
            color = hexed(palette[int(frame.rng.choice(len(palette), p=share))])
            power = frame.uniform(0.08, 0.42) * (0.022 / depth) ** 0.35
            left, right = (
                int((x - radius * 1.2) * frame.height),
                int((x + radius * 1.2) * frame.height) + 1,
            )
            top, bottom = (
                int((y - radius * 1.2) * frame.height),
                int((y + radius * 1.2) * frame.height) + 1,
            )
            left, top = max(left, 0), max(top, 0)
            away = np.hypot(
                frame.x[:, left:right] - np.float32(x), frame.y[top:bottom] - np.float32(y)
            )
            rim = 0.72 + 0.42 * smooth(away, radius * 0.6, radius * 0.98)
            disc = smooth(np.float32(radius) - away, 0, 0.003) * rim
            light[:, top:bottom, left:right] += color * (disc * np.float32(power))
    wet = smooth(frame.y, 0.72, 1.0)
    streaks = blurred(light[:, ::-1], 0.02) * wet * 0.5
    return light + streaks


def skyline(frame: Frame) -> Plane:
    """Towers at dusk with lit windows, mirrored in a river."""
    level = 0.70
    light = sky.gradient(
        frame, [(0, "#22305c"), (0.45, "#5a5a90"), (0.75, "#d98a86"), (1, "#ffc58a")], level
    )
    light = sky.add_clouds(
        frame,
        light,
        sky.Clouds(
            horizon=level + 0.05,
            lit="#ffb09a",
            shade="#54507e",
            cover=0.48,
            sun=(frame.aspect * 0.4, level),
            stretch=1.8,
        ),
    )
    light = light + hexed("#ffb070") * (glow(frame.y - np.float32(level), 0.18) * 0.18)
    for depth, (color, low, high, count) in enumerate(
        (("#8d7c98", 0.10, 0.30, 34), ("#5c5678", 0.08, 0.36, 26), ("#2c2f4c", 0.05, 0.44, 22))
    ):
        edge = 0.0
        middle = frame.aspect * 0.5
        while edge < frame.aspect:
            wide = frame.aspect / count * frame.uniform(0.6, 1.4)
            pull = np.exp(-(((edge + wide / 2 - middle) / (0.42 * frame.aspect)) ** 2))
            tall = (low + (high - low) * frame.rng.random() ** 1.6) * (0.45 + 0.75 * pull)
            _tower(frame, light, edge, wide * 1.02, level, tall, color, depth)
            edge += wide * frame.uniform(0.85, 1.15)
        fog = glow(frame.y - np.float32(level), 0.16) * np.float32(0.34 - 0.1 * depth)
        light = mix(light, hexed("#e0a48e"), fog * (frame.y < level))
    return mirrored(frame, light, level, ripple=1.1, tint="#1a2140")


def _tower(
    frame: Frame,
    light: Plane,
    edge: float,
    wide: float,
    level: float,
    tall: float,
    color: str,
    depth: int,
) -> None:
    """Paint one tower with some of its windows lit."""
    scale = frame.height
    left, right = max(0, round(edge * scale)), min(frame.width, round((edge + wide) * scale))
    top, bottom = round((level - tall) * scale), round(level * scale) + 1
    if right - left < 3:
        return
    x = np.linspace(0, 1, right - left, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, bottom - top, dtype=np.float32)[:, None]
    face = 1.18 - 0.4 * smooth(x, 0.55 + 0.2 * float(frame.rng.random()), 0.62 + 0.3)
    body = mix(hexed(color) * face, hexed("#d99a88"), 0.22 * (1 - y) * (1 - x))
    wide_window, high_window = (0.0085, 0.011) if depth == 2 else (0.006, 0.008)
    u, v = x * (wide / wide_window), y * (tall / high_window)
    pane = ((u % 1) > 0.3) & ((u % 1) < 0.85) & ((v % 1) > 0.35) & ((v % 1) < 0.8)
    column, row = u.astype(np.int32), v.astype(np.int32)
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    lit = frame.rng.random((rows, columns)) < frame.uniform(0.15, 0.5)
    floors = frame.rng.random(rows) < 0.06
    power = (lit | floors[:, None]) * frame.rng.uniform(0.3, 1.0, (rows, columns))
    warm = frame.rng.random((rows, columns)).astype(np.float32)[row, column]
    shown = (pane * power[row, column]).astype(np.float32) * np.float32((0.35, 0.6, 1.0)[depth])
    glass = pane * np.float32(0.25)
    body = mix(body, hexed("#7d86ac"), glass * (0.6 if depth else 0.3))
    light[:, top:bottom, left:right] = mix(
        body, mix(hexed("#ffc46e"), hexed("#fff0cf"), warm) * 1.25, shown
    )
    if depth == 2 and tall > 0.3 and frame.rng.random() < 0.6:
        middle = (left + right) // 2
        light[:, max(0, top - round(0.05 * scale)) : top, middle : middle + 2] = hexed(color)
