"""Files of every format and reproducible ways to damage them, by number."""

import io
import random
from functools import cache

from PIL import Image
from pillow_heif import from_pillow

from tests.support.pictures import scene

WIDTH, HEIGHT = 72, 48
MOST_BYTES = 1 << 20
"""No file grows beyond this: what is tried is structure, not size."""
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@cache
def seeds():
    """One small file for each way of writing a picture: a dict of bytes by name, sorted."""
    picture, other = (Image.fromarray(scene(seed, WIDTH, HEIGHT)) for seed in (1, 2))
    gray, palette = picture.convert("L"), picture.convert("P", palette=Image.Palette.ADAPTIVE)
    alpha = picture.convert("RGBA")
    alpha.putalpha(gray)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    frames = {"save_all": True, "append_images": [other, picture.transpose(0)], "duration": 50}
    found = {
        "avif": _save(picture, "AVIF", speed=10),
        "bmp": _save(picture, "BMP"),
        "bmp-palette": _save(palette, "BMP"),
        "gif": _save(palette, "GIF"),
        "gif-frames": _save(picture, "GIF", **frames),
        "heic": _heic(picture),
        "ico": _save(alpha, "ICO", sizes=[(16, 16), (32, 32)]),
        "ico-bmp": _save(alpha, "ICO", sizes=[(16, 16)], bitmap_format="bmp"),
        "jp2": _save(picture, "JPEG2000"),
        "j2k": _save(gray, "JPEG2000", no_jp2=True, tile_size=(32, 32)),
        "jpeg": _save(picture, "JPEG", exif=exif, icc_profile=b"\0" * 140),
        "jpeg-cmyk": _save(picture.convert("CMYK"), "JPEG"),
        "jpeg-progressive": _save(picture, "JPEG", progressive=True, subsampling=2),
        "jpeg-restarts": _save(gray, "JPEG", restart_marker_rows=1),
        "mpo": _save(picture, "MPO", save_all=True, append_images=[other]),
        "pgm": _save(gray, "PPM"),
        "png": _save(alpha, "PNG", exif=exif),
        "png-16": _save(Image.fromarray(scene(3, 40, 30)[..., 0].astype("uint16") * 257), "PNG"),
        "png-frames": _save(picture, "PNG", **frames),
        "png-palette": _save(palette, "PNG", bits=4, transparency=3),
        "ppm": _save(picture, "PPM"),
        "tiff": _save(picture, "TIFF"),
        "tiff-deflate": _save(picture, "TIFF", compression="tiff_adobe_deflate"),
        "tiff-fax": _save(picture.convert("1"), "TIFF", compression="group4"),
        "tiff-jpeg": _save(picture, "TIFF", compression="jpeg"),
        "tiff-lzw": _save(picture, "TIFF", compression="tiff_lzw"),
        "tiff-packbits": _save(gray, "TIFF", compression="packbits"),
        "tiff-pages": _save(picture, "TIFF", save_all=True, append_images=[other]),
        "webp": _save(picture, "WEBP", exif=exif),
        "webp-frames": _save(picture, "WEBP", **frames),
        "webp-lossless": _save(alpha, "WEBP", lossless=True),
    }
    return dict(sorted(found.items()))


def _save(image, kind, **options):
    file = io.BytesIO()
    # Copies: saving as JPEG leaves settings on an image, which spoil its next saving.
    if "append_images" in options:
        options["append_images"] = [each.copy() for each in options["append_images"]]
    image.copy().save(file, kind, **options)
    return file.getvalue()


def _heic(image):
    file = io.BytesIO()
    from_pillow(image).save(file, format="HEIF")
    return file.getvalue()


def mutated(seed, name, number):
    """The file that is drawn by these three: one of `seeds`, spoiled in one to four ways."""
    chance = random.Random(f"{seed} {name} {number}")
    data = bytearray(seeds()[name])
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        chance.choice(WAYS)(data, chance)
    return bytes(data[:MOST_BYTES])


def _place(data, chance):
    """A place in the file, as often in its first bytes, where its structure is, as elsewhere."""
    end = max(len(data), 1)
    return chance.randrange(min(end, chance.choice((32, 128, 512, end, end))))


def flip(data, chance):
    """Change single bits."""
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def overwrite(data, chance):
    """Write random bytes over a stretch."""
    place = _place(data, chance)
    for each in range(place, min(place + chance.choice((1, 2, 4, 16, 200)), len(data))):
        data[each] = chance.randrange(256)


def cut(data, chance):
    """Cut off the end, or a stretch out of the middle."""
    place = _place(data, chance)
    if chance.random() < 0.5:
        del data[place:]
    else:
        del data[place : place + chance.choice((1, 2, 3, 4, 12, 300))]


def repeat(data, chance):
    """Have a stretch come several times."""
    place = _place(data, chance)
    stretch = data[place : place + chance.choice((1, 4, 12, 60, 1000))]
    data[place:place] = stretch * chance.choice((1, 2, 10, 200))


def splice(data, chance):
    """Put a stretch of another file in, or in the place of what is there."""
    other = chance.choice(list(seeds().values()))
    place, begin = _place(data, chance), _place(other, chance)
    stretch = other[begin : begin + chance.choice((4, 20, 100, 1000, len(other)))]
    data[place : place + (len(stretch) if chance.random() < 0.5 else 0)] = stretch


def lie_about_length(data, chance):
    """Write an extreme, or nearly the right, number where a length or an offset may be."""
    place, width = _place(data, chance), chance.choice((1, 2, 2, 4, 4, 8))
    order = chance.choice(("big", "little"))
    if place + width > len(data):
        return
    there = int.from_bytes(data[place : place + width], order)
    near = (there + 1, there - 1, there * 2, len(data), len(data) - place)
    value = chance.choice(EXTREMES + near) % (1 << 8 * width)
    data[place : place + width] = value.to_bytes(width, order)


def swap_header(data, chance):
    """Begin like another file."""
    other = chance.choice(list(seeds().values()))
    size = chance.choice((2, 4, 8, 12, 16, 32, 64, 200))
    data[:size] = other[:size]


WAYS = (flip, flip, overwrite, cut, repeat, splice, lie_about_length, lie_about_length, swap_header)
