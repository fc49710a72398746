"""Plants from near: flowers, a leaf against the light, a meadow."""

import numpy as np

from imgurer_kernel.scenes.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from imgurer_kernel.scenes.noise import fractal, fractal_tile, look_up, noise

GOLDEN = np.pi * (3 - np.sqrt(5))


def _garden(frame: Frame, dark: str, light: str, spots: tuple[str, ...]) -> Plane:
    """A garden far out of focus."""
    small = Frame(frame.width // 4, frame.height // 4, frame.rng)
    base = mix(hexed(dark), hexed(light), smooth(fractal(small, 0.5, 3), -1.2, 1.2))
    for color in spots:
        for _ in range(7):
            away = small.distance(small.uniform(0, small.aspect), small.uniform(0, 1))
            radius = small.uniform(0.04, 0.11)
            base = mix(
                base,
                hexed(color),
                smooth(np.float32(radius) - away, 0, 0.03) * small.uniform(0.15, 0.5),
            )
    from imgurer_kernel.scenes.light import resized

    return resized(blurred(base, 0.02), frame.width, frame.height)


def _petal(
    frame: Frame,
    light: Plane,
    centre: tuple[float, float],
    angle: float,
    start: float,
    length: float,
    wide: float,
    colors: tuple[str, str, str],
    *,
    cup: float = 0.5,
    veins: float = 0.06,
    tip: float = 1.6,
    bright: float = 1.0,
    cast: float = 0.4,
) -> None:
    """Paint one petal that grows from a centre, with the shadow that it casts on what is below."""
    x, y = centre
    span = length + start + 0.03
    middle_x, middle_y = (
        x + np.cos(angle) * (start + length / 2),
        y + np.sin(angle) * (start + length / 2),
    )
    reach = length / 2 + wide + 0.03
    left, right = (
        max(0, int((middle_x - reach) * frame.height)),
        min(frame.width, int((middle_x + reach) * frame.height) + 1),
    )
    top, bottom = (
        max(0, int((middle_y - reach) * frame.height)),
        min(frame.height, int((middle_y + reach) * frame.height) + 1),
    )
    if left >= right or top >= bottom or span <= 0:
        return
    dx, dy = frame.x[:, left:right] - np.float32(x), frame.y[top:bottom] - np.float32(y)
    along = (
        dx * np.float32(np.cos(angle)) + dy * np.float32(np.sin(angle)) - np.float32(start)
    ) / np.float32(length)
    across = (dy * np.float32(np.cos(angle)) - dx * np.float32(np.sin(angle))) / np.float32(wide)
    inner = np.clip(along, 0, 1)
    outline = (
        np.sqrt(np.clip(inner, 0, 1))
        * np.sqrt(np.clip(1 - inner ** np.float32(tip * 2), 0, 1))
        * np.float32(1.05)
    )
    inside = (outline - np.abs(across)) * np.float32(wide)
    inside = np.where((along > 0) & (along < 1), inside, -np.float32(0.02))
    cover = frame.edge(inside * np.float32(0.9))
    soft = smooth(inside, -0.022, 0.012) * np.float32(cast)
    part = light[:, top:bottom, left:right]
    part = part * (1 - soft)
    bow = np.clip(across / np.maximum(outline, 0.08), -1, 1)
    streak = np.sin(bow * 21 + np.sin(inner * 9) * 0.6) * np.float32(veins) * (1 - inner * 0.5)
    shade = (1 - np.float32(cup) * bow * bow * 0.55) * (0.62 + 0.42 * smooth(inner, 0, 0.55))
    sun = 1 + 0.18 * (
        np.float32(-np.sin(angle)) * 0.7 + bow * np.float32(np.cos(angle - 0.6)) * 0.5
    )
    tone = ramp(inner, [(0, colors[0]), (0.45, colors[1]), (1, colors[2])])
    rim = glow(inside, 0.0028) * 0.12
    body = tone * (shade * sun * (1 + streak) * np.float32(bright) + rim)
    light[:, top:bottom, left:right] = mix(part, body, cover)


def dahlia(frame: Frame) -> Plane:
    """A dahlia, petal over petal in the golden angle."""
    light = _garden(frame, "#0d1f14", "#2e4a2a", ("#5a2a3c", "#3c5a34"))
    centre = (frame.aspect * frame.uniform(0.46, 0.54), frame.uniform(0.48, 0.53))
    palette = (
        ("#5c0a2a", "#c22a5a", "#f08aa0"),
        ("#7a1408", "#d8501e", "#f8b070"),
        ("#3c1258", "#8a3aa8", "#d6a2e0"),
    )
    colors = palette[int(frame.rng.integers(len(palette)))]
    count = 190
    start_angle = frame.uniform(0, 2 * np.pi)
    for number in range(count):
        share = 1 - number / count
        angle = start_angle + (count - number) * GOLDEN + frame.uniform(-0.05, 0.05)
        out = share**0.62
        length = 0.07 + 0.17 * out
        _petal(
            frame,
            light,
            centre,
            float(angle),
            0.008 + 0.235 * out**1.25,
            float(length) * frame.uniform(0.93, 1.05),
            float(0.013 + 0.036 * out),
            colors,
            cup=0.75,
            veins=0.05,
            tip=1.2,
            bright=0.72 + 0.42 * out,
            cast=0.42,
        )
    core = frame.distance(*centre)
    return light * (1 - 0.25 * glow(core, 0.05, 2.0))


def daisies(frame: Frame) -> Plane:
    """Daisies in a meadow, the near ones sharp."""
    light = _garden(frame, "#1c3a12", "#6a9a3a", ("#d8dca0", "#88b050", "#a8c870"))
    blades = np.clip(fractal(frame, (0.008, 0.35), 4) * 0.5 + 0.5, 0, 1.3)
    light = mix(light, light * (0.55 + 0.8 * blades), smooth(frame.y, 0.35, 1.0))
    spots: list[tuple[float, float, float]] = []
    for _ in range(400):
        depth = frame.rng.random() ** 1.3
        x, y = (
            frame.uniform(-0.02, frame.aspect + 0.02),
            0.16 + 0.72 * depth + frame.uniform(-0.05, 0.05),
        )
        radius = 0.022 + 0.115 * depth**1.4
        if all(np.hypot(x - a, (y - b) * 1.2) > (radius + c) * 0.9 for a, b, c in spots):
            spots.append((x, y, radius))
    spots.sort(key=lambda spot: spot[2])
    sharp = [spot for spot in spots if spot[2] > 0.055]
    for group, radius in (
        ([s for s in spots if s[2] <= 0.035], 0.006),
        ([s for s in spots if 0.035 < s[2] <= 0.055], 0.0028),
        (sharp, 0.0),
    ):
        for x, y, size in group:
            _daisy(frame, light, x, y, size)
        if radius:
            light = blurred(light, radius)
    warm = glow(frame.distance(frame.aspect * 0.85, -0.05), 0.6)
    return light + hexed("#ffe08a") * (warm * 0.45)


def _daisy(frame: Frame, light: Plane, x: float, y: float, size: float) -> None:
    """Paint one daisy with its stem."""
    lean = frame.uniform(-0.05, 0.05)
    left, right = (
        max(0, int((x - 0.1) * frame.height)),
        min(frame.width, int((x + 0.1) * frame.height)),
    )
    top = min(frame.height - 1, max(0, int(y * frame.height)))
    if left < right:
        fall = frame.y[top:] - np.float32(y)
        stem = np.abs(
            frame.x[:, left:right] - np.float32(x) - fall * np.float32(lean)
        ) - np.float32(0.0035 + size * 0.03)
        light[:, top:, left:right] = mix(
            light[:, top:, left:right], hexed("#3f6a22"), frame.edge(-stem)
        )
    petals = int(frame.rng.integers(15, 21))
    turn = frame.uniform(0, 6)
    for layer in range(2):
        for number in range(petals):
            angle = turn + (number + layer * 0.5) * 2 * np.pi / petals + frame.uniform(-0.08, 0.08)
            _petal(
                frame,
                light,
                (x, y),
                float(angle),
                size * 0.2,
                size * frame.uniform(0.72, 0.84),
                size * 0.125,
                ("#c9cfae", "#f1f2ee", "#ffffff"),
                cup=0.35,
                veins=0.05,
                tip=2.2,
                bright=0.95,
                cast=0.22,
            )
    away = frame.distance(x, y)
    dome = np.clip(1 - (away / np.float32(size * 0.27)) ** 2, 0, 1)
    inside = frame.edge(np.float32(size * 0.27) - away)
    dots = 0.85 + 0.3 * smooth(noise(frame, max(size * 0.035, 0.004)), -0.6, 0.9)
    heart = mix(hexed("#a8640a"), hexed("#ffd23a"), np.sqrt(dome)) * dots
    light[:] = mix(
        light
        * (1 - 0.3 * glow(away - np.float32(size * 0.27), size * 0.05) * (away > size * 0.27)),
        heart,
        inside,
    )


def sunflower(frame: Frame) -> Plane:
    """A sunflower's face: seeds in spirals, petals around."""
    light = mix(
        _garden(frame, "#3a6aa0", "#9cc4e0", ("#e8f0f4",)),
        hexed("#4a6a20"),
        smooth(frame.y, 0.7, 1.2) * 0.9,
    )
    x, y = frame.aspect * frame.uniform(0.47, 0.53), frame.uniform(0.49, 0.52)
    for layer, (length, bright) in enumerate(((0.20, 0.72), (0.185, 0.9), (0.165, 1.05))):
        count = 24
        for number in range(count):
            angle = (number + layer / 3) * 2 * np.pi / count + frame.uniform(-0.06, 0.06)
            _petal(
                frame,
                light,
                (x, y),
                float(angle),
                0.215,
                length * frame.uniform(0.9, 1.12),
                0.042 * frame.uniform(0.85, 1.1),
                ("#b0560a", "#f2a40e", "#ffd23c"),
                cup=0.5,
                veins=0.09,
                tip=0.9,
                bright=bright,
                cast=0.35,
            )
    away = frame.distance(x, y)
    disc = frame.edge(np.float32(0.245) - away)
    light = mix(light, hexed("#241406"), disc)
    for number in range(1, 720):
        radius = 0.0091 * np.sqrt(number)
        if radius > 0.242:
            break
        angle = number * GOLDEN
        a, b = x + radius * np.cos(angle), y + radius * np.sin(angle)
        size = 0.0072 + 0.0012 * (radius > 0.12)
        left, top = int((a - size) * frame.height), int((b - size) * frame.height)
        span = int(2 * size * frame.height) + 2
        part = light[:, top : top + span, left : left + span]
        u = (frame.x[:, left : left + span] - np.float32(a)) / np.float32(size)
        v = (frame.y[top : top + span] - np.float32(b)) / np.float32(size)
        round_ = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
        lit = 0.25 + 0.75 * np.clip(round_ * 0.6 - u * 0.4 - v * 0.55, 0, 1)
        share = radius / 0.242
        tone = ramp(
            np.full((1, 1), share, np.float32),
            [(0, "#8a9a3a"), (0.25, "#6a5a1c"), (0.5, "#4a2c0c"), (0.8, "#7a4a12"), (1, "#e09a1c")],
        )
        light[:, top : top + span, left : left + span] = mix(
            part, tone * (0.5 + 1.3 * lit), smooth(round_, 0, 0.5)
        )
    shade = 1 - 0.5 * glow(np.abs(away - np.float32(0.243)), 0.010)
    return light * shade * (1 + 0.15 * (0.5 - frame.y))


def leaf(frame: Frame) -> Plane:
    """A leaf against the light, with all its veins."""
    u = frame.x - np.float32(frame.aspect * 0.5)
    v = frame.y - np.float32(0.5)
    turn = frame.uniform(-0.75, -0.35)
    along = u * np.float32(np.cos(turn)) + v * np.float32(np.sin(turn))
    across = v * np.float32(np.cos(turn)) - u * np.float32(np.sin(turn))
    across = across + 0.05 * np.sin(along * 2.2 + 0.5)
    wobble = fractal(frame, 0.16, 4) * np.float32(0.010)
    across = across + wobble
    # Side veins leave the midrib at an angle and curve towards the tip.
    side = np.abs(across)
    place = along - side * 0.62 - side * side * 0.45
    gap = np.float32(0.105)
    phase = place / gap + np.where(across > 0, 0.0, 0.45)
    nearest = np.abs(phase - np.round(phase)) * gap
    second = np.exp(-((nearest / (0.0042 * np.clip(1.25 - side * 1.3, 0.25, 2))) ** 2))
    first = np.exp(-((side / np.clip(0.010 - along * 0.004, 0.003, 1)) ** 2))
    from imgurer_kernel.scenes.noise import cells

    near, next_, _ = cells(frame, 0.021)
    third = 1 - smooth(next_ - near, 0.02, 0.16)
    fine, fine_next, _ = cells(frame, 0.0085)
    fourth = 1 - smooth(fine_next - fine, 0.02, 0.22)
    flesh = smooth(fractal(frame, 0.3, 5, 0.6), -1.3, 1.3)
    tissue = ramp(
        flesh * 0.6 + 0.4 * smooth(nearest, 0.0, 0.05),
        [(0, "#3f7a10"), (0.5, "#6cab1c"), (1, "#a6d43a")],
    )
    glowing = glow(frame.distance(frame.aspect * 0.62, 0.34), 0.75, 1.6)
    light = tissue * (0.55 + 0.75 * glowing)
    light = mix(light, hexed("#cdea7a") * (0.6 + 0.6 * glowing), third * 0.34 + fourth * 0.12)
    shade = np.clip((phase - np.floor(phase)) - 0.5, -0.5, 0.5)
    light = light * (1 + 0.16 * shade * smooth(nearest, 0, 0.02))
    light = mix(light, hexed("#e2f4a0") * (0.65 + 0.5 * glowing), np.clip(second * 0.85, 0, 1))
    light = mix(light, hexed("#f0f8c0") * (0.7 + 0.5 * glowing), np.clip(first, 0, 1) * 0.95)
    relief = fractal_tile(frame.rng, 256, 20, 3)
    return light * (1 + 0.05 * look_up(relief, along, across))
