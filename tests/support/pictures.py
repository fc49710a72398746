"""Photo-like pictures for tests, drawn with numpy: deterministic by seed, distinct by seed.

A scene has what dHash and verification look at in a photo: light that falls off, soft clouds, a
horizon, objects with edges and shading, texture at every scale. Scenes of different seeds are
strangers to each other; everything else here is what happens to a picture (`encode`, `oriented`,
`framed`) or what a scene is not (`solid`, `gradient`).
"""

import functools
import io
import struct

import numpy as np
from PIL import Image, ImageFilter


def clouds(random, width, height, octaves=6, roughness=0.62):
    """Smooth noise with detail at every scale, float (height, width), mean 0, deviation 1."""
    field = np.zeros((height, width), np.float32)
    weight, cells = 1.0, 3
    for _ in range(octaves):
        coarse = random.standard_normal((cells, max(cells * width // height, 2))).astype(np.float32)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        field += weight * np.asarray(smooth)
        weight *= roughness
        cells *= 2
        if cells > min(width, height):
            break
    field -= field.mean()
    return field / max(float(field.std()), 1e-6)


# Larger scenes are drawn at about this size and enlarged: drawing takes a quarter of a second.
_DRAWN = 350_000


def scene(seed, width=640, height=480):
    """A landscape-like picture, uint8 (height, width, 3)."""
    scale = (_DRAWN / (width * height)) ** 0.5
    if scale >= 1:
        return _draw(seed, width, height).copy()
    drawn = Image.fromarray(_draw(seed, round(width * scale) or 1, round(height * scale) or 1))
    picture = np.asarray(drawn.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    grain = np.random.default_rng(seed).integers(-6, 7, (height, width, 1), np.int16)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


@functools.lru_cache(maxsize=256)
def _draw(seed, width, height):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x /= width
    y /= height
    angle = random.uniform(0, 2 * np.pi)
    light = 0.5 + 0.35 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5))
    colour = random.uniform(0.35, 1.0, 3)
    texture = clouds(random, width, height, roughness=0.7)[..., None]
    picture = light[..., None] * colour + 0.11 * texture
    for _ in range(int(random.integers(1, 4))):
        ridge = random.uniform(0.35, 0.9) + _skyline(random, width)
        below = slice(max(int(ridge.min() * height), 0), height)
        ground = np.clip((y[below] - ridge[None, :]) * height / 2, 0, 1)[..., None]
        shade = random.uniform(0.05, 0.8, 3) * (0.8 + 0.4 * y[below, :, None])
        shade = shade + 0.07 * _shifted(random, texture, below)
        picture[below] = picture[below] * (1 - ground) + shade * ground
    for _ in range(int(random.integers(4, 9))):
        _place(random, picture, x, y, texture)
    picture += 0.012 * random.standard_normal((height, width, 1), np.float32)
    pixels = (np.clip(picture, 0, 1) * 255).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels


def _skyline(random, width):
    """A hilly line, float (width,), some tenths up and down."""
    line = np.zeros(width)
    for knots, height in ((4, 0.16), (11, 0.05), (40, 0.015)):
        heights = random.uniform(-height, height, knots)
        line += np.interp(np.linspace(0, knots - 1, width), np.arange(knots), heights)
    return line.astype(np.float32)


def _shifted(random, texture, rows, columns=slice(None)):
    """A part of the same texture from elsewhere, which is cheaper than another one."""
    height, width = texture.shape[:2]
    down, right = random.integers(height), random.integers(width)
    rows, columns = np.arange(height)[rows] - down, np.arange(width)[columns] - right
    return texture[rows[:, None], columns]


def _place(random, picture, x, y, texture):
    """Put one shaded, textured object somewhere."""
    height, width = picture.shape[:2]
    turn = random.uniform(0, np.pi)
    left, top = random.uniform(0.05, 0.95), random.uniform(0.05, 0.95)
    thick, long = random.uniform(0.04, 0.24), random.uniform(0.04, 0.24)
    # Nothing changes outside of this box, and most objects are small.
    wide = abs(np.cos(turn)) * thick + abs(np.sin(turn)) * long
    high = (abs(np.sin(turn)) * thick + abs(np.cos(turn)) * long) * width / height
    columns, rows = _span(left, wide, width), _span(top, high, height)
    across = x[rows, columns] - left
    along = (y[rows, columns] - top) * height / width
    u = (np.cos(turn) * across + np.sin(turn) * along) / thick
    v = (np.cos(turn) * along - np.sin(turn) * across) / long
    inside = 1 - (u * u + v * v if random.random() < 0.5 else np.maximum(np.abs(u), np.abs(v)))
    mask = np.clip(inside * random.uniform(12, 90), 0, 1)[..., None]
    shade = random.uniform(0.0, 1.0, 3) * (0.75 + 0.3 * np.clip(u + v, -1, 1))[..., None]
    shade = shade + random.uniform(0.02, 0.12) * _shifted(random, texture, rows, columns)
    picture[rows, columns] = picture[rows, columns] * (1 - mask) + shade * mask


def _span(centre, reach, size):
    """The pixels of a side that lie within a reach, in shares of the side."""
    first, last = int((centre - reach) * size), int((centre + reach) * size) + 2
    return slice(max(first, 0), max(last, 0))


def solid(gray=128, width=640, height=480):
    """One colour, uint8 (height, width, 3)."""
    return np.full((height, width, 3), gray, np.uint8)


def gradient(angle=0.0, width=640, height=480):
    """A straight gradient from dark to light, uint8 (height, width, 3); angle in radians."""
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    gray = np.clip(128 + 180 * ramp, 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def encode(pixels, kind="JPEG", **options):
    """A file's bytes from an array or a Pillow image; options go to Pillow's `save`."""
    # A copy: saving leaves the encoder's settings on an image, which spoil its next saving.
    image = pixels.copy() if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    if kind == "JPEG":
        options.setdefault("quality", 90)
    if kind == "PNG":
        options.setdefault("compress_level", 1)  # the usual 6 takes five times as long
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@functools.cache
def jpeg(seed, width=640, height=480, **options):
    """The scene of this seed as a JPEG file."""
    return encode(scene(seed, width, height), "JPEG", **options)


@functools.cache
def png(seed, width=640, height=480, **options):
    """The scene of this seed as a PNG file."""
    return encode(scene(seed, width, height), "PNG", **options)


def flat_scans(width, height, number):
    """A gray progressive JPEG of one value, with so many scans after the first that change nothing.

    Runs of 2**14 empty blocks are coded by four bits and their length.
    """
    blocks = -(-width // 8) * -(-height // 8)
    frame = _segment(0xC2, b"\x08" + struct.pack(">HH", height, width) + b"\1\1\x11\0")
    tables = _segment(0xDB, b"\0" + b"\1" * 64) + _segment(0xC4, b"\0\1" + bytes(16))
    means = _segment(0xDA, b"\1\1\0\0\0\0") + bytes(-(-blocks // 8))
    codes = bytes([0, 0, 0, 15, *[0] * 12]) + bytes(range(0, 240, 16))
    runs = [1 << 14] * (blocks >> 14) + list(filter(None, [blocks % (1 << 14)]))
    bits = "".join(f"{run.bit_length() - 1:04b}" + f"{run:b}"[1:] for run in runs)
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    scan = _segment(0xDA, b"\1\1\0\1\x3f\0") + coded
    parts = [tables, frame, means, _segment(0xC4, b"\x10" + codes), scan * number]
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def _segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


# How to store upright pixels so that a reader of the orientation tag sees them upright again.
_STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def oriented(pixels, orientation, kind="JPEG", **options):
    """A file that shows these upright pixels through the given EXIF orientation, 1..8."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(_STORED[orientation](pixels))
    return encode(stored, kind, exif=exif, **options)


def framed(pixels, left, top, right, bottom, gray=0):
    """The picture with plain borders of so many pixels around it."""
    widths = ((top, bottom), (left, right), (0, 0))
    return np.pad(pixels, widths, constant_values=gray)


def resized(pixels, width, height):
    """The picture at another size."""
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


def blurred(pixels, radius):
    """The picture out of focus."""
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))
