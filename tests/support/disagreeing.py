"""Make files whose container and coded picture declare different sizes."""

import functools
import io
import struct

import numpy as np
from PIL import Image, TiffImagePlugin
from pillow_heif import from_pillow

from tests.support.pictures import encode, scene

SIZES = [(59, 79), (79, 59), (20, 10), (1, 1), (64, 200), (640, 480)]
"""What the containers claim for a picture of 79 x 59: the same, swapped, smaller and larger."""

_XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>"""


def patched(data, place, form, *values):
    """The same bytes but for these values at a place."""
    new = struct.pack(form, *values)
    return data[:place] + new + data[place + len(new) :]


@functools.cache
def heif(width=79, height=59):
    file = io.BytesIO()
    from_pillow(Image.fromarray(scene(1, width, height))).save(file, quality=70)
    return file.getvalue()


def two_frames(kind):
    frames = [Image.fromarray(scene(seed, 79, 59)) for seed in (1, 2)]
    return encode(frames[0], kind, save_all=True, append_images=frames[1:])


def icon(kind):
    alpha = scene(2, 64, 64)[..., :1]
    picture = Image.fromarray(np.dstack([scene(1, 64, 64), alpha]))
    return encode(picture, "ICO", bitmap_format=kind, sizes=[(64, 64), (32, 32)])


def tiled_tiff(width, height, side, tiles):
    """A gray TIFF of so many tiles, which may be too few or too many for its size."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (277, 1)]
    tags += [(322, side), (323, side)]
    begin = 8 + 2 + 12 * (len(tags) + 2) + 4
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    places = [begin + 8 * tiles + side * side * tile for tile in range(tiles)]
    table += struct.pack("<HHII", 324, 4, tiles, begin)
    table += struct.pack("<HHII", 325, 4, tiles, begin + 4 * tiles)
    lists = struct.pack(f"<{2 * tiles}I", *places, *[side * side] * tiles)
    pixels = np.arange(side * side * tiles, dtype=np.uint8).tobytes()
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags) + 2) + table + bytes(4) + lists + pixels


def oriented_by_xmp(orientation, compression):
    """A TIFF that has its orientation in XMP alone, where Pillow looks for it too."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = _XMP % orientation
    tags.tagtype[700] = 7
    return encode(scene(1, 79, 59), "TIFF", tiffinfo=tags, compression=compression)


def files():
    """All of them, by what is wrong."""
    found = {}
    avif, jp2 = encode(scene(1, 79, 59), "AVIF", speed=10), encode(scene(1, 79, 59), "JPEG2000")
    webp, mpo = two_frames("WEBP"), two_frames("MPO")
    aperture, extent = heif().index(b"clap") + 4, heif().index(b"ispe") + 8
    header, coded = jp2.index(b"ihdr") + 4, jp2.index(b"\xff\x51") + 6
    for w, h in SIZES:
        size = f"{w} x {h}"
        found[f"HEIF, extent {size}"] = patched(heif(), extent, ">II", w, h)
        found[f"HEIF, aperture {size}"] = patched(heif(), aperture, ">8I", w, 1, h, 1, 0, 1, 0, 1)
        found[f"AVIF, extent {size}"] = patched(avif, avif.index(b"ispe") + 8, ">II", w, h)
        canvas = (w - 1).to_bytes(3, "little") + (h - 1).to_bytes(3, "little")
        found[f"WebP, canvas {size}"] = patched(webp, webp.index(b"VP8X") + 12, "6s", canvas)
        found[f"JPEG 2000, header {size}"] = patched(jp2, header, ">II", h, w)
        found[f"JPEG 2000, picture {size}"] = patched(jp2, coded, ">II", w, h)
        both = patched(patched(jp2, header, ">II", h, w), coded, ">II", w, h)
        found[f"JPEG 2000, both {size}"] = both
        found[f"MPO, frame {size}"] = patched(mpo, mpo.index(b"\xff\xc0") + 5, ">HH", h, w)
        for kind in ("png", "bmp"):
            # The directory has a byte for each side, and its larger picture is the second.
            found[f"ICO of {kind}, {size}"] = patched(icon(kind), 22, "BB", w & 255, h & 255)
        place = struct.unpack_from("<I", icon("bmp"), 22 + 12)[0] + 4
        found[f"ICO, bitmap {size}"] = patched(icon("bmp"), place, "<II", w, 2 * h)
    for tiles in (1, 3, 4, 9):
        found[f"TIFF of {tiles} tiles"] = tiled_tiff(128, 100, 64, tiles)
    found["TIFF smaller than its tile"] = tiled_tiff(20, 10, 64, 1)
    for orientation in range(1, 9):
        for compression in (None, "tiff_lzw"):
            name = f"TIFF, XMP orientation {orientation}, {compression}"
            found[name] = oriented_by_xmp(orientation, compression)
    return found
