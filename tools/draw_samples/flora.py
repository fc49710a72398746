"""Plants from near: flowers, a leaf against the light, a meadow."""

from dataclasses import dataclass, replace

import numpy as np

from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, resized, smooth
from tools.draw_samples.noise import cells, fractal, fractal_tile, look_up, noise

GOLDEN = float(np.pi * (3 - np.sqrt(5)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Petal:
    """A kind of petal, lying away from a flower's centre; lengths in heights.

    Attributes
    ----------
    start, length, wide
        Where it begins, how long and half how wide it is.
    colors
        At the foot, in the middle, at the tip.
    tip
        How blunt it ends.
    cup, veins
        How much it is bent across, how strong its streaks are.
    bright, cast
        How much light it gets, and how dark a shadow it throws.
    """

    start: float
    length: float
    wide: float
    colors: tuple[str, str, str]
    tip: float = 1.6
    cup: float = 0.5
    veins: float = 0.06
    bright: float = 1.0
    cast: float = 0.4


def _garden(frame: Frame, dark: str, light: str, spots: tuple[str, ...]) -> Plane:
    """A garden far out of focus."""
    small = Frame(frame.width // 4, frame.height // 4, frame.rng)
    base = mix(hexed(dark), hexed(light), smooth(fractal(small, 0.5, 3), -1.2, 1.2))
    for color in spots:
        for _ in range(7):
            away = small.distance(small.uniform(0, small.aspect), small.uniform(0, 1))
            disc = smooth(np.float32(small.uniform(0.04, 0.11)) - away, 0, 0.03)
            base = mix(base, hexed(color), disc * np.float32(small.uniform(0.15, 0.5)))
    return resized(blurred(base, 0.02), frame.width, frame.height)


def _lay(frame: Frame, light: Plane, x: float, y: float, angle: float, petal: Petal) -> None:
    """Paint one petal of the flower at a point, with its shadow on what is below."""
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    middle = petal.start + petal.length / 2
    half, side = petal.length / 2, petal.wide + 0.022
    rows, columns = frame.around(
        x + float(c) * middle,
        y + float(s) * middle,
        abs(float(c)) * half + abs(float(s)) * side,
        abs(float(s)) * half + abs(float(c)) * side,
    )
    dx, dy = frame.x[:, columns] - np.float32(x), frame.y[rows] - np.float32(y)
    along = (dx * c + dy * s - np.float32(petal.start)) * np.float32(1 / petal.length)
    across = (dy * c - dx * s) * np.float32(1 / petal.wide)
    inner = np.clip(along, 0, 1)
    end = 1 - inner ** np.float32(petal.tip * 2)
    outline = np.sqrt(inner * end) * np.float32(1.05)
    inside = (outline - np.abs(across)) * np.float32(petal.wide)
    inside = np.where((along > 0) & (along < 1), inside, np.float32(-0.03))
    shadow = smooth(inside, -0.022, 0.012) * np.float32(petal.cast)
    bow = np.clip(across / np.maximum(outline, np.float32(0.08)), -1, 1)
    streak = np.sin(bow * 21 + 0.6 * np.sin(inner * 9)) * np.float32(petal.veins)
    shade = 1 - np.float32(petal.cup * 0.55) * bow * bow
    shade *= np.float32(0.62) + np.float32(0.42) * smooth(inner, 0, 0.55)
    sun = 1 - 0.13 * s + bow * np.float32(0.09 * np.cos(angle - 0.6))
    rim = glow(inside, 0.0028) * np.float32(0.12)
    tone = ramp(inner, list(zip((0, 0.45, 1), petal.colors, strict=True)))
    body = tone * (shade * sun * (1 + streak) * np.float32(petal.bright) + rim)
    below = light[:, rows, columns] * (1 - shadow)
    light[:, rows, columns] = mix(below, body, frame.edge(inside * np.float32(0.9)))


def dahlia(frame: Frame) -> Plane:
    """A dahlia, petal over petal in the golden angle."""
    light = _garden(frame, "#0d1f14", "#2e4a2a", ("#5a2a3c", "#3c5a34"))
    x, y = frame.aspect * frame.uniform(0.47, 0.53), frame.uniform(0.48, 0.52)
    palettes = (
        ("#5c0a2a", "#c22a5a", "#f08aa0"),
        ("#7a1408", "#d8501e", "#f8b070"),
        ("#3c1258", "#8a3aa8", "#d6a2e0"),
    )
    colors = palettes[int(frame.rng.integers(len(palettes)))]
    count = 230
    turn = frame.uniform(0, 2 * np.pi)
    for number in range(count, 0, -1):
        out = (number / count) ** 0.62
        petal = Petal(
            start=-0.022 + 0.262 * out**1.25,
            length=(0.052 + 0.185 * out) * frame.uniform(0.93, 1.05),
            wide=0.012 + 0.037 * out,
            colors=colors,
            tip=1.2,
            cup=0.75,
            veins=0.05,
            bright=0.70 + 0.44 * out,
            cast=0.42,
        )
        _lay(frame, light, x, y, turn + number * GOLDEN + frame.uniform(-0.05, 0.05), petal)
    return light


def daisies(frame: Frame) -> Plane:
    """Daisies in a meadow, the near ones sharp."""
    light = _garden(frame, "#1c3a12", "#6a9a3a", ("#d8dca0", "#88b050", "#a8c870"))
    blades = np.clip(fractal(frame, (0.008, 0.35), 4) * 0.5 + 0.5, 0, 1.3)
    light = mix(light, light * (0.55 + 0.8 * blades), smooth(frame.y, 0.35, 1.0))
    spots: list[tuple[float, float, float]] = []
    for _ in range(260):
        depth = float(frame.rng.random()) ** 1.3
        x = frame.uniform(-0.02, frame.aspect + 0.02)
        y = 0.16 + 0.72 * depth + frame.uniform(-0.05, 0.05)
        size = 0.022 + 0.115 * depth**1.4
        if all(np.hypot(x - a, (y - b) * 1.2) > (size + c) * 0.9 for a, b, c in spots):
            spots.append((x, y, size))
    spots.sort(key=lambda spot: spot[2])
    dots = fractal_tile(frame.rng, 256, 24, 2)
    for low, high, unsharp in ((0, 0.035, 0.006), (0.035, 0.055, 0.0028), (0.055, 1, 0.0)):
        for x, y, size in spots:
            if low <= size < high:
                _daisy(frame, light, x, y, size, dots)
        light = blurred(light, unsharp)
    warm = glow(frame.distance(frame.aspect * 0.85, -0.05), 0.6)
    return light + hexed("#ffe08a") * (warm * 0.45)


def _daisy(frame: Frame, light: Plane, x: float, y: float, size: float, dots: Plane) -> None:
    """Paint one daisy with its stem; `size` is its radius."""
    lean = frame.uniform(-0.05, 0.05)
    rows, columns = frame.around(x, y, 0.1)
    rows = slice(min(max(0, int(y * frame.height)), frame.height), frame.height)
    fall = frame.y[rows] - np.float32(y)
    off = np.abs(frame.x[:, columns] - np.float32(x) - fall * np.float32(lean))
    stem = frame.edge(np.float32(0.0035 + size * 0.03) - off)
    light[:, rows, columns] = mix(light[:, rows, columns], hexed("#3f6a22"), stem)
    count = int(frame.rng.integers(15, 21)) if size > 0.035 else 11
    kind = Petal(
        start=size * 0.2,
        length=size * 0.78,
        wide=size * (0.125 if size > 0.035 else 0.19),
        colors=("#c9cfae", "#f1f2ee", "#ffffff"),
        tip=2.2,
        cup=0.35,
        veins=0.05,
        bright=0.95,
        cast=0.22,
    )
    turn = frame.uniform(0, 6)
    for number in range(2 * count if size > 0.035 else count):
        angle = turn + (number * 2 + number // count) * np.pi / count + frame.uniform(-0.08, 0.08)
        petal = replace(kind, length=size * frame.uniform(0.72, 0.84))
        _lay(frame, light, x, y, float(angle), petal)
    rows, columns = frame.around(x, y, size * 0.6)
    dx, dy = frame.x[:, columns] - np.float32(x), frame.y[rows] - np.float32(y)
    away = np.sqrt(dx * dx + dy * dy) * np.float32(1 / (size * 0.27))
    dome = np.sqrt(np.clip(1 - away * away, 0, 1))
    grain = 0.88 + 0.3 * smooth(look_up(dots, dx / np.float32(size), dy / np.float32(size)), -1, 1)
    heart = mix(hexed("#a8640a"), hexed("#ffd23a"), dome) * grain
    shade = 1 - 0.3 * glow(np.maximum(away - 1, 0), 0.2)
    covered = frame.edge((1 - away) * np.float32(size * 0.27))
    light[:, rows, columns] = mix(light[:, rows, columns] * shade, heart, covered)


def sunflower(frame: Frame) -> Plane:
    """A sunflower's face: seeds in spirals, petals around."""
    light = _garden(frame, "#3a6aa0", "#9cc4e0", ("#e8f0f4",))
    light = mix(light, hexed("#4a6a20"), smooth(frame.y, 0.7, 1.2) * 0.9)
    x, y = frame.aspect * frame.uniform(0.47, 0.53), frame.uniform(0.49, 0.52)
    disc = 0.205
    for layer, (length, bright) in enumerate(((0.26, 0.72), (0.24, 0.9), (0.215, 1.05))):
        for number in range(22):
            petal = Petal(
                start=disc - 0.03,
                length=length * frame.uniform(0.88, 1.1),
                wide=0.046 * frame.uniform(0.85, 1.1),
                colors=("#b0560a", "#f2a40e", "#ffd23c"),
                tip=0.75,
                veins=0.09,
                bright=bright,
                cast=0.35,
            )
            angle = (number + layer / 3) * 2 * np.pi / 22 + frame.uniform(-0.07, 0.07)
            _lay(frame, light, x, y, float(angle), petal)
    away = frame.distance(x, y)
    light = mix(light, hexed("#241406"), frame.edge(np.float32(disc + 0.003) - away))
    stops = [(0, "#8a9a3a"), (0.25, "#6a5a1c"), (0.5, "#4a2c0c"), (0.8, "#7a4a12"), (1, "#e09a1c")]
    tones = ramp(np.linspace(0, 1, 64, dtype=np.float32)[:, None], stops)
    for number in range(1, 620):
        radius = 0.0083 * np.sqrt(number)
        if radius > disc - 0.002:
            break
        a, b = x + radius * np.cos(number * GOLDEN), y + radius * np.sin(number * GOLDEN)
        size = 0.0068 + 0.0014 * (radius > 0.1)
        rows, columns = frame.around(a, b, size)
        u = (frame.x[:, columns] - np.float32(a)) * np.float32(1 / size)
        v = (frame.y[rows] - np.float32(b)) * np.float32(1 / size)
        round_ = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
        lit = 0.7 + 1.0 * np.clip(round_ * 0.6 - u * 0.4 - v * 0.55, 0, 1)
        tone = tones[:, int(radius / disc * 63)][..., None]
        light[:, rows, columns] = mix(light[:, rows, columns], tone * lit, smooth(round_, 0, 0.5))
    shade = 1 - 0.5 * glow(away - np.float32(disc), 0.010)
    result: Plane = light * shade * (1 + 0.15 * (0.5 - frame.y))
    return result


def leaf(frame: Frame) -> Plane:
    """A leaf against the light, with all its veins."""
    turn = frame.uniform(-0.75, -0.35)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    u, v = frame.x - np.float32(frame.aspect * 0.5), frame.y - np.float32(0.5)
    along = u * c + v * s
    across = v * c - u * s + 0.05 * np.sin(along * 2.2 + 0.5)
    across = across + fractal(frame, 0.16, 4) * np.float32(0.010)
    # Side veins leave the midrib at an angle and curve towards the tip.
    side = np.abs(across)
    place = along - side * np.float32(0.62) - side * side * np.float32(0.45)
    gap = np.float32(0.105)
    phase = place / gap + np.where(across > 0, np.float32(0), np.float32(0.45))
    nearest = np.abs(phase - np.round(phase)) * gap
    second = np.exp(-((nearest / (0.0042 * np.clip(1.25 - side * 1.3, 0.25, 2))) ** 2))
    first = np.exp(-((side / np.clip(0.010 - along * 0.004, 0.003, 1)) ** 2))
    near, next_, _ = cells(frame, 0.021)
    third = 1 - smooth(next_ - near, 0.02, 0.16)
    fine, fine_next, _ = cells(frame, 0.0085)
    fourth = 1 - smooth(fine_next - fine, 0.02, 0.22)
    flesh = smooth(fractal(frame, 0.3, 5, 0.6), -1.3, 1.3)
    tone = flesh * np.float32(0.6) + np.float32(0.4) * smooth(nearest, 0.0, 0.05)
    tissue = ramp(tone, [(0, "#3f7a10"), (0.5, "#6cab1c"), (1, "#a6d43a")])
    sun = glow(frame.distance(frame.aspect * 0.62, 0.34), 0.75, 1.6)
    light = tissue * (0.55 + 0.75 * sun)
    light = mix(light, hexed("#cdea7a") * (0.6 + 0.6 * sun), third * 0.34 + fourth * 0.12)
    light = light * (1 + 0.16 * (phase - np.floor(phase) - 0.5) * smooth(nearest, 0, 0.02))
    light = mix(light, hexed("#e2f4a0") * (0.65 + 0.5 * sun), second * 0.85)
    light = mix(light, hexed("#f0f8c0") * (0.7 + 0.5 * sun), first * 0.95)
    return light * (1 + 0.035 * noise(frame, 0.05))
