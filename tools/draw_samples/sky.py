"""Skies: gradients, sun and moon, clouds, stars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, resized, smooth
from tools.draw_samples.noise import fractal, fractal_tile, look_up


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
    across, down = (frame.x - np.float32(x)) * np.float32(0.55), frame.y - np.float32(y)
    flat = np.sqrt(across * across + down * down)
    halo = 0.55 * glow(flat, 0.28) + 0.5 * glow(away, 0.09) + 0.5 * glow(away, 0.04)
    disc = smooth(-away, -size * 1.06, -size * 0.94) * 3
    result: Plane = light + hexed(color) * (np.float32(strength) * (halo + disc))
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Clouds:
    """A layer of clouds.

    Attributes
    ----------
    horizon
        Where in the picture the layer vanishes.
    lit, shade
        Colours towards the light and away from it.
    cover
        How much of the sky they take, 0..1.
    sun
        Where in the picture the light comes from.
    density, stretch
        How opaque they are, and how much wider than usual.
    fade
        Over which height above the horizon they become thin.
    """

    horizon: float
    lit: str
    shade: str
    cover: float
    sun: tuple[float, float]
    density: float = 1.0
    stretch: float = 1.0
    fade: float = 0.25


def add_clouds(frame: Frame, light: Plane, clouds: Clouds) -> Plane:
    """Lay clouds in perspective over a sky, brighter where they thin towards the sun."""
    field, warp = fractal_tile(frame.rng, 512, 4, 7, 0.56), fractal_tile(frame.rng, 512, 3, 3)
    start = np.float32(frame.rng.random())
    # Clouds are soft: half the pixels are enough, and none below the horizon.
    small = frame.scaled(0.5)
    rows = min(small.height, int(clouds.horizon * small.height) + 1)
    sky_y = small.y[:rows]
    deep = np.maximum(np.float32(clouds.horizon) - sky_y, np.float32(0.004))
    v = np.float32(0.35) / (deep + np.float32(0.06))
    u = (small.x - np.float32(frame.aspect / 2)) * v * np.float32(0.9 / clouds.stretch)
    u, v = u + np.zeros_like(v), v + np.zeros_like(u)
    bend = look_up(warp, u * np.float32(0.5), v * np.float32(0.5)) * np.float32(0.12)
    at_u, at_v = u * np.float32(0.42) + bend + start, v * np.float32(0.42) + bend
    x, y = clouds.sun
    toward = ((x - frame.aspect / 2) * 0.03, (y - clouds.horizon) * 0.05 + 0.02)

    def thickness(steps: int) -> Plane:
        ahead_u, ahead_v = (np.float32(part * steps) for part in toward)
        value = look_up(field, at_u + ahead_u, at_v + ahead_v)
        result: Plane = np.clip(value * np.float32(0.8) + np.float32(clouds.cover * 2 - 1), 0, 1.6)
        return result

    here = thickness(0)
    before = thickness(1) * np.float32(0.6) + thickness(2) * np.float32(0.4)
    away = small.distance(x, y)[:rows]
    rim = np.exp(here * np.float32(-2.2)) * glow(away, 0.5)
    bright = np.clip(np.exp(before * np.float32(-1.7)) * np.float32(1.15) + rim, 0, 1.4)
    opacity = 1 - np.exp(here * np.float32(-3.2 * clouds.density))
    opacity = opacity * smooth(np.float32(clouds.horizon) - sky_y, 0.0, clouds.fade)
    full = np.zeros((2, small.height, small.width), np.float32)
    full[0, :rows], full[1, :rows] = bright, opacity
    bright, opacity = resized(full, frame.width, frame.height)
    return mix(light, mix(hexed(clouds.shade), hexed(clouds.lit), bright), np.clip(opacity, 0, 1))


def stars(frame: Frame, amount: float = 1.0) -> Plane:
    """Stars of many magnitudes and several colours, on black."""
    count = int(1500 * amount * frame.aspect)
    light = np.zeros((3, frame.height, frame.width), np.float32)
    rows = frame.rng.integers(1, frame.height - 1, count)
    columns = frame.rng.integers(1, frame.width - 1, count)
    power = (frame.rng.pareto(1.7, count) * 0.1).astype(np.float32)
    warm = frame.rng.random(count, dtype=np.float32)
    color = mix(hexed("#cfe0ff")[..., 0], hexed("#ffe6c8")[..., 0], warm)
    light[:, rows, columns] = color * np.minimum(power, 2.5)
    bright = power > 0.7
    big = np.zeros_like(light)
    big[:, rows[bright], columns[bright]] = color[:, bright] * np.minimum(power[bright], 5)
    return light * 0.8 + blurred(light, 0.0009) * 2.2 + blurred(big, 0.003) * 9


def moon(
    frame: Frame, light: Plane, at: tuple[float, float], radius: float, color: str = "#fff4dc"
) -> Plane:
    """A full moon with its seas and a soft halo."""
    away = frame.distance(*at)
    disc = smooth(-away, -radius * 1.03, -radius * 0.97)
    seas = smooth(fractal(frame, radius * 0.62, 6, 0.5), -0.35, 0.9)
    rays_ = fractal(frame, radius * 0.12, 3)
    rounded = np.sqrt(np.clip(1.02 - (away * np.float32(1 / radius)) ** 2, 0, 1))
    face = (0.86 - 0.40 * seas + 0.04 * rays_) * (0.66 + 0.34 * rounded)
    halo = 0.20 * glow(np.maximum(away - np.float32(radius), 0), radius * 0.8)
    lit = light + hexed(color) * halo
    return mix(lit, hexed(color) * face, disc)
