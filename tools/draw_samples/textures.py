"""Wood and cloth from near."""

import numpy as np

from tools.draw_samples.light import Frame, Plane, blurred, glow, hexed, mix, ramp, smooth
from tools.draw_samples.noise import fractal, noise

CHECKS = (
    ("#b8402e", "#f0e6d2", "#2c3a55"),
    ("#2f5a6c", "#efe9dc", "#c08a3c"),
    ("#4a6a3c", "#f2ecd8", "#8a2f2a"),
)
YARNS = (
    ("#27405c", "#efe8da", "#b5453a"),
    ("#6a2230", "#f0e4d0", "#d89a3c"),
    ("#2f4f42", "#eee9dc", "#c9803c"),
)
WOOD = ((0, "#3a1d0c"), (0.35, "#7a4520"), (0.65, "#b57a42"), (1, "#dcb07a"))


def _folds(heights: Plane, strength: float) -> Plane:
    """Brightness about 1 of a surface lit from the upper left."""
    slope = np.float32(heights.shape[0] * strength)
    east, south = np.gradient(heights, axis=1) * slope, np.gradient(heights, axis=0) * slope
    lit = (1 + 0.6 * east + 0.7 * south) / np.sqrt(1 + east * east + south * south)
    result: Plane = np.clip(lit, 0.3, 1.6).astype(np.float32)
    return result


def wood(frame: Frame) -> Plane:
    """Old boards with knots and rings."""
    boards = 4
    light = np.zeros((3, frame.height, frame.width), np.float32)
    edges = np.round(np.linspace(0, frame.height, boards + 1)).astype(int)
    for number in range(boards):
        rows = slice(int(edges[number]), int(edges[number + 1]))
        part = Frame(frame.width, rows.stop - rows.start, frame.rng)
        light[:, rows] = _board(part, 1 / boards)
    gap = np.abs(frame.y * boards - np.round(frame.y * boards)) / boards
    lamp = glow(frame.distance(frame.aspect * 0.25, 0.1), 1.3, 2.0)
    return light * ((0.16 + 0.84 * smooth(gap, 0.0, 0.006)) * (0.55 + 0.7 * lamp))


def _board(board: Frame, size: float) -> Plane:
    """One board; its frame's unit is its own height, which is `size` of the picture's."""
    along, across = board.x * np.float32(size), (board.y - np.float32(0.5)) * np.float32(size)
    bend = fractal(board, (1.6 / size, 0.3 / size), 3) * np.float32(0.05)
    v = across + bend + np.float32(board.uniform(-0.1, 0.1))
    rings = v * np.float32(30) + np.float32(board.uniform(0, 9))
    for _ in range(int(board.rng.integers(0, 3))):
        x, y = board.uniform(0.1, board.aspect * size - 0.1), board.uniform(-0.3, 0.3) * size
        dx, dy = (along - np.float32(x)) * np.float32(0.42), across - np.float32(y)
        knot = glow(np.sqrt(dx * dx + dy * dy), 0.05, 1.5) * np.float32(board.uniform(4, 7))
        rings = rings + knot * np.sign(np.float32(y + 1e-9))
    rings = rings + fractal(board, (0.6 / size, 0.02 / size), 4) * np.float32(0.3)
    saw = rings - np.floor(rings)
    grain = smooth(saw, 0.0, 0.75) * (1 - smooth(saw, 0.86, 1.0))
    fibre = fractal(board, (0.28 / size, 0.0035 / size), 4, 0.7)
    pores = smooth(fractal(board, (0.05 / size, 0.002 / size), 2), 0.9, 1.5)
    tone = 0.62 - 0.34 * grain + 0.10 * fibre + np.float32(board.uniform(-0.08, 0.08))
    return ramp(tone, WOOD) * (1 - 0.4 * pores)


def linen(frame: Frame) -> Plane:
    """A checked tablecloth in soft folds."""
    fold, drift = fractal(frame, (0.8, 0.5), 3, 0.4), fractal(frame, (0.6, 0.8), 3, 0.4)
    u = frame.x + fold * np.float32(0.020)
    v = frame.y + drift * np.float32(0.016)
    pitch = np.float32(1 / 0.0092)
    wander = fractal(frame, 0.2, 3) * np.float32(0.0012)
    warp, weft = (u + wander) * pitch, (v + wander) * pitch
    sine_u, sine_v = np.abs(np.sin(np.pi * warp)), np.abs(np.sin(np.pi * weft))
    odd = (np.floor(warp) + np.floor(weft)) % 2 > 0.5
    thread = np.where(odd, sine_u, sine_v)
    along = np.where(odd, sine_v, sine_u)
    body = 0.52 + 0.36 * np.sqrt(thread) * (0.55 + 0.45 * along)
    slub = fractal(frame, (0.25, 0.006), 3) + fractal(frame, (0.006, 0.25), 3)
    first, ground, second = CHECKS[int(frame.rng.integers(len(CHECKS)))]
    size = frame.uniform(0.27, 0.38)

    def dyed(place: Plane) -> Plane:
        share = place * np.float32(1 / size)
        share = share - np.floor(share)
        wide = smooth(0.17 - np.abs(share - np.float32(0.3)), -0.004, 0.004)
        thin = smooth(0.03 - np.abs(share - np.float32(0.72)), -0.004, 0.004)
        thin = thin + smooth(0.012 - np.abs(share - np.float32(0.82)), -0.004, 0.004)
        return mix(mix(hexed(ground), hexed(first), wide * 0.92), hexed(second), thin * 0.9)

    # The thread on top shows more of its colour than the one below.
    color = mix(dyed(v), dyed(u), np.where(odd, np.float32(0.75), np.float32(0.25)))
    lamp = 0.75 + 0.4 * glow(frame.distance(frame.aspect * 0.3, 0.15), 1.1, 2.0)
    relief = _folds(blurred(fold + 0.6 * drift, 0.02), 0.10)
    result: Plane = color * (body * (1 + 0.05 * slub) * relief * lamp * np.float32(1.22))
    return result


def knit(frame: Frame) -> Plane:
    """A knitted jumper with a pattern."""
    bend, sag = fractal(frame, (0.8, 0.8), 3, 0.4), fractal(frame, (0.7, 0.9), 3, 0.4)
    u = frame.x / np.float32(0.026) + bend * np.float32(0.5)
    v = frame.y / np.float32(0.021) + sag * np.float32(0.5)
    column = np.floor(u)
    inside = u - column - np.float32(0.5)
    place = v + np.abs(inside) * np.float32(1.15)
    row = np.floor(place)
    down = place - row - np.float32(0.5)
    arm = np.abs(inside) - np.float32(0.25)
    round_ = np.clip(1 - (arm / 0.24) ** 2, 0, 1) * np.clip(1 - (down / 0.56) ** 2, 0, 1)
    twist = np.sin((down * 2.2 + np.sign(inside) * arm * 6.5) * 5.5) * 0.5 + 0.5
    fuzz = noise(frame, 0.004)
    body = 0.16 + 0.80 * np.sqrt(round_) * (0.72 + 0.28 * twist) + fuzz * 0.035
    ground, pale, accent = YARNS[int(frame.rng.integers(len(YARNS)))]
    c = column.astype(np.int32) + 1200
    r = row.astype(np.int32) + int(frame.rng.integers(1200, 1224))
    band, off = r % 24, np.abs(c % 12 - 6)
    star = (np.abs(band - 7) + off <= 4) & ((np.abs(band - 7) != off) | (band == 7))
    wave = np.abs(c % 8 - 4) // 2
    zigzag = (band == 14 + wave) | (band == 15 + wave)
    dots = (band == 21) & (c % 4 == 0) | (band == 0) & (c % 2 == 0)
    yarn = np.where(star | dots, hexed(pale), hexed(ground))
    yarn = np.where(zigzag, hexed(accent), yarn)
    heather = 1 + 0.10 * fractal(frame, 0.012, 3)
    lamp = 0.85 + 0.3 * glow(frame.distance(frame.aspect * 0.3, 0.1), 1.1, 2.0)
    result: Plane = yarn * (
        np.clip(body, 0.03, 1.3) * heather * _folds(blurred(bend, 0.03), 0.10) * lamp
    )
    return result
