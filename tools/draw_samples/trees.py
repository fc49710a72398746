"""Trees: rows of spruces, and a broad crown against the light."""

import numpy as np

from tools.draw_samples.light import Frame, Plane, hexed, mix
from tools.draw_samples.noise import fractal_tile, look_up


def spruces(frame: Frame, base: Plane, size: float, count: int) -> Plane:
    """Coverage of a row of spruces whose feet stand on a line; `size` is their usual height."""
    cover = np.zeros((frame.height, frame.width), np.float32)
    needles = fractal_tile(frame.rng, 256, 12, 5, 0.8)
    for _ in range(count):
        x = frame.uniform(-0.02, frame.aspect + 0.02)
        tall = size * frame.uniform(0.5, 1.15)
        wide = tall * frame.uniform(0.15, 0.21)
        foot = float(base[int(np.clip(x * frame.height, 0, frame.width - 1))]) + 0.02 + 0.1 * tall
        rows, columns = frame.around(x, foot - tall / 2, tall / 2)
        columns = slice(
            max(columns.start, int((x - wide) * frame.height)),
            max(0, int((x + wide) * frame.height) + 2),
        )
        up = np.clip((np.float32(foot) - frame.y[rows]) * np.float32(1 / tall), 0, 1)
        off = (frame.x[:, columns] - np.float32(x)) * np.float32(1 / wide)
        side = np.abs(off)
        shift = np.float32(frame.rng.random())
        rough = look_up(needles, off * 0.22 + shift, up * np.float32(0.22 * tall / wide) + shift)
        # Branches hang: the lower edge of a tier is lower at its tips.
        tier = (up + side * 0.045 + rough * 0.012) * np.float32(frame.uniform(11, 15)) + shift * 7
        saw = tier - np.floor(tier)
        reach = (1 - up) ** 0.85 * (0.60 + 0.36 * (1 - saw) + 0.22 * rough)
        reach = np.where(up > 0.07, reach, np.float32(0.06)) * (up > 0)
        inside = np.clip((reach - side) * np.float32(wide * frame.height * 0.8) + 0.5, 0, 1)
        part = cover[rows, columns]
        np.maximum(part, inside, out=part)
    return cover


def tree(
    frame: Frame,
    light: Plane,
    x: float,
    foot: float,
    tall: float,
    dark: str,
    lit: str,
    sun: tuple[float, float],
) -> None:
    """Paint a broad tree, its crown of many tufts that are lighter towards the sun."""
    trunk_rows, columns = frame.around(x, foot - tall * 0.25, tall * 0.3)
    rise = np.clip((np.float32(foot) - frame.y[trunk_rows]) / np.float32(tall * 0.5), 0, 1)
    half = np.float32(tall) * (0.028 + 0.03 * (1 - rise) ** 6 - 0.012 * rise)
    off = np.abs(frame.x[:, columns] - np.float32(x) - np.float32(tall * 0.02) * np.sin(rise * 5))
    trunk = frame.edge(half - off) * (frame.y[trunk_rows] < foot)
    light[:, trunk_rows, columns] = mix(light[:, trunk_rows, columns], hexed(dark), trunk)
    ragged = fractal_tile(frame.rng, 256, 10, 5, 0.75)
    for number in range(90):
        angle, out = frame.uniform(0, 2 * np.pi), frame.rng.random() ** 0.6
        a = x + np.cos(angle) * out * tall * 0.42
        b = foot - tall * 0.64 + np.sin(angle) * out * tall * 0.30
        size = tall * frame.uniform(0.07, 0.13)
        rows, columns = frame.around(float(a), float(b), size * 1.6)
        dx = (frame.x[:, columns] - np.float32(a)) * np.float32(1 / size)
        dy = (frame.y[rows] - np.float32(b)) * np.float32(1 / size)
        noise_ = look_up(ragged, dx * 0.35 + np.float32(0.13 * number), dy * 0.35)
        inside = 1 - np.sqrt(dx * dx + dy * dy) + noise_ * np.float32(0.45)
        cover = frame.edge(inside * np.float32(size * 0.6))
        toward = np.array([sun[0] - a, sun[1] - b])
        toward = toward / max(float(np.hypot(*toward)), 1e-6)
        share = np.clip((dx * toward[0] + dy * toward[1]) * 0.35 + 0.18 + noise_ * 0.22, 0, 1)
        share = share * np.float32(
            0.35 + 0.65 * (0.5 + 0.5 * (np.cos(angle) * toward[0] + np.sin(angle) * toward[1]))
        )
        tone = mix(hexed(dark), hexed(lit), share.astype(np.float32))
        light[:, rows, columns] = mix(light[:, rows, columns], tone, cover)
