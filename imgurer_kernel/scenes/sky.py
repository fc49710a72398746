"""Skies: gradients, sun and moon, clouds, stars."""

from collections.abc import Sequence

import numpy as np

from imgurer_kernel.scenes.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from imgurer_kernel.scenes.noise import fractal, fractal_tile, look_up


def gradient(frame: Frame, stops: Sequence[tuple[float, str]], horizon: float = 1.0) -> Plane:
    """A clear sky from the zenith (0) to the horizon (1)."""
    depth = np.clip(frame.y / np.float32(horizon), 0, 1)
    wobble = fractal(frame, (1.2, 0.5), 3) * np.float32(0.012)
    return ramp(np.clip(depth + wobble, 0, 1), stops)


def add_sun(
    frame: Frame,
    light: Plane,
    at: tuple[float, float],
    color: str,
    *,
    size: float = 0.025,
    strength: float = 1.0,
) -> Plane:
    """A low sun with its halo, wider than high along the horizon."""
    x, y = at
    away = frame.distance(x, y)
    flat = np.hypot((frame.x - np.float32(x)) * np.float32(0.55), frame.y - np.float32(y))
    halo = 0.55 * glow(flat, 0.28) + 0.5 * glow(away, 0.09) + 0.5 * glow(away, 0.04)
    disc = smooth(-away, -size * 1.06, -size * 0.94) * 3
    return light + hexed(color) * (np.float32(strength) * (halo + disc))


def clouds(
    frame: Frame,
    light: Plane,
    *,
    horizon: float,
    lit: str,
    shade: str,
    cover: float = 0.5,
    sun: tuple[float, float] = (0.7, 0.6),
    height: float = 0.35,
    density: float = 1.0,
    stretch: float = 1.0,
    fade: float = 0.25,
) -> Plane:
    """A layer of clouds in perspective, brighter where it thins towards the sun."""
    side = 512
    field = fractal_tile(frame.rng, side, 4, 7, 0.56)
    warp = fractal_tile(frame.rng, side, 3, 3)
    deep = np.maximum(np.float32(horizon) - frame.y, 0.004)
    v = np.float32(height) / (deep + 0.06)
    u = (frame.x - np.float32(frame.aspect / 2)) * v * np.float32(0.9 / stretch)
    u, v = u + np.zeros_like(v), v + np.zeros_like(u)
    bend = look_up(warp, u * 0.5, v * 0.5) * np.float32(0.12)
    start = np.float32(frame.rng.random())

    def thickness(shift_u: float, shift_v: float) -> Plane:
        value = look_up(field, u * 0.42 + bend + start + shift_u, v * 0.42 + bend + shift_v)
        return np.clip(value * 0.8 + np.float32(cover * 2 - 1), 0, 1.6)

    here = thickness(0, 0)
    x, y = sun
    toward_u, toward_v = (x - frame.aspect / 2) * 0.03, (y - horizon) * 0.05 + 0.02
    before = thickness(toward_u, toward_v) * 0.6 + thickness(toward_u * 2, toward_v * 2) * 0.4
    reach = np.exp(-(before * 1.7))
    rim = np.exp(-(here * 2.2)) * glow(frame.distance(x, y), 0.5)
    body = mix(hexed(shade), hexed(lit), np.clip(reach * 1.15 + rim, 0, 1.4))
    far = smooth(np.float32(horizon) - frame.y, 0.0, fade)
    opacity = (1 - np.exp(-(here * 3.2 * np.float32(density)))) * far
    return mix(light, body, opacity)


def stars(frame: Frame, amount: float = 1.0) -> Plane:
    """Stars of many magnitudes and several colours, on black."""
    count = int(1500 * amount * frame.aspect)
    light = np.zeros((3, frame.height, frame.width), np.float32)
    rows = frame.rng.integers(1, frame.height - 1, count)
    columns = frame.rng.integers(1, frame.width - 1, count)
    power = (frame.rng.pareto(1.7, count) * 0.1).astype(np.float32)
    warm = frame.rng.random(count, dtype=np.float32)
    color = mix(hexed("#cfe0ff")[..., 0], hexed("#ffe6c8")[..., 0], warm)
    np.add.at(light, (slice(None), rows, columns), color * np.minimum(power, 2.5))
    bright = power > 0.7
    big = np.zeros_like(light)
    np.add.at(
        big,
        (slice(None), rows[bright], columns[bright]),
        color[:, bright] * np.minimum(power[bright], 5),
    )
    return light * 0.8 + blurred(light, 0.0009) * 2.2 + blurred(big, 0.003) * 9


def moon(
    frame: Frame, light: Plane, at: tuple[float, float], radius: float, color: str = "#fff4dc"
) -> Plane:
    """A full moon with its seas and a soft halo."""
    away = frame.distance(*at)
    disc = smooth(-away, -radius * 1.03, -radius * 0.97)
    seas = smooth(fractal(frame, radius * 1.1, 5), -0.2, 0.9)
    rounded = np.sqrt(np.clip(1.05 - (away / np.float32(radius)) ** 2, 0, 1))
    face = (1.15 - 0.42 * seas) * (0.72 + 0.28 * rounded)
    halo = 0.16 * glow(away, radius * 2.2) + 0.07 * glow(away, radius * 6)
    lit = light + hexed(color) * halo
    return mix(lit, hexed(color) * face, disc)
