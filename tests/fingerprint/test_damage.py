"""Damage that decoders ignore: what is reported, and what is rejected."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from imgurer_kernel.errors import ImageDamaged
from imgurer_kernel.fingerprint import decode, fingerprint
from imgurer_kernel.fingerprint.codecs import jpeg, png, scan_end
from tests.support.pictures import encode, scene


def only_scan(data):
    return jpeg.count(data, 1000).scan


def files(seed=1, **options):
    """One picture in several kinds of JPEG of one scan: sampling, size, grays."""
    pixels = scene(seed, 333, 250)
    for subsampling in (0, 1, 2):
        yield encode(pixels, quality=85, subsampling=subsampling, **options)
    yield encode(Image.fromarray(pixels).convert("L"), quality=85, **options)
    yield encode(Image.fromarray(pixels).convert("CMYK"), quality=85, **options)
    for size in ((8, 8), (9, 8), (17, 33), (64, 9)):
        yield encode(scene(seed, *size), quality=95, **options)


@pytest.mark.parametrize("exact", [False, True])
def test_nothing_is_wrong_with_whole_files(exact):
    for data in (*files(), *files(optimize=True), *files(restart_marker_rows=1)):
        assert only_scan(data) is not None
        assert decode.read(data, exact=exact).damage is None
        # Whatever fills up before the end marker, and what follows it.
        assert decode.read(data[:-2] + b"\xff\xff\xd9", exact=exact).damage is None
        assert decode.read(data[:-2] + b"\0\0\xff\xd9" + bytes(50), exact=exact).damage is None


def test_the_pixels_are_those_of_a_plain_decode():
    for data in files():
        found = decode.read(data, exact=True)
        plain = Image.open(io.BytesIO(data))
        assert found._image.tobytes() == plain.tobytes()


def out_of_step(data):
    """The file with some of its codes cut out, doubled or blank, and no longer in step."""
    scan = only_scan(data)
    middle = (scan.start + len(data)) // 2
    yield data[:middle] + data[middle + 400 :]
    yield data[:middle] + data[middle - 400 : middle] + data[middle:]
    yield data[:middle] + bytes(400) + data[middle + 400 :]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_misaligned_codes_are_reported(seed, exact):
    for data in out_of_step(encode(scene(seed), quality=85)):
        found = decode.read(data, exact=exact)
        assert found.damage in {scan_end.TOO_EARLY, scan_end.TOO_LATE}
        assert fingerprint(data).damage == found.damage


@pytest.mark.long
def test_most_wrong_bits_are_reported():
    random_ = random.Random(5)
    told = 0
    for seed in range(20):
        data = bytearray(encode(scene(seed), quality=85))
        start = only_scan(bytes(data)).start
        for _ in range(12):
            data[random_.randrange(start, len(data) - 8)] ^= 1 << random_.randrange(8)
        try:
            told += fingerprint(bytes(data)).damage is not None
        except ImageDamaged:
            told += 1
    assert told >= 12


def test_lost_restart_markers_are_reported():
    data = encode(scene(4), quality=85, restart_marker_rows=1)
    scan = only_scan(data)
    assert scan.restarts > 20
    first = data.index(b"\xff\xd3", scan.start)
    other = data[: first + 1] + b"\xd6" + data[first + 2 :]
    assert decode.read(other).damage is not None
    following = data.index(b"\xff\xd4", first)
    assert decode.read(data[:first] + data[following:]).damage is not None


@pytest.mark.parametrize("kind", [{}, {"subsampling": 2}, {"optimize": True}])
def test_a_missing_end_marker_is_not_a_loss(kind):
    for seed in range(5):
        data = encode(scene(seed, 331, 249), quality=85, **kind)
        assert data.endswith(b"\xff\xd9")
        for exact in (False, True):
            whole, without = (decode.read(d, exact=exact) for d in (data, data[:-2]))
            assert without.damage is None
            assert without._image.tobytes() == whole._image.tobytes()
        assert decode.read(data[:-1]).damage is None


@pytest.mark.parametrize("kind", [{}, {"optimize": True}, {"progressive": True}])
@pytest.mark.parametrize("missing", [12, 40, 300, 5000])
def test_missing_pixels_are_a_rejection(kind, missing):
    data = encode(scene(7), quality=85, **kind)
    for cut in (data[:-missing], data[:-missing] + bytes(missing)):
        with pytest.raises(ImageDamaged, match=r"cut off|damaged"):
            decode.read(cut)


# ---- PNG


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_rows_missing(image, bytes_missing, **options):
    """A PNG whose stream ends properly, but too early."""
    data = encode(image, "PNG", **options)
    found = list(png.chunks(data))
    coded = b"".join(data[a:b] for name, a, b in found if name == b"IDAT")
    short = zlib.compress(zlib.decompress(coded)[:-bytes_missing])
    half = len(short) // 2
    out = [png.SIGNATURE]
    for name, a, b in found:
        if name != b"IDAT":
            out.append(chunk(name, data[a:b]))
        elif short:
            out += [chunk(b"IDAT", short[:half]), chunk(b"IDAT", short[half:])]
            short = b""
    return b"".join(out)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_a_png_without_its_last_rows_is_rejected(mode):
    image = Image.fromarray(scene(3, 120, 90)).convert(mode)
    row = png._unpacked_bytes(encode(image, "PNG")[16:29]) // 90
    for missing in (row, 30 * row, 10 * row + 1):
        with pytest.raises(ImageDamaged, match=r"only \d+ % of its pixels|cut off"):
            decode.read(with_rows_missing(image, missing))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (120, 91)])
def test_a_png_with_black_rows_is_ingested(mode, size):
    image = Image.new("RGBA", size, (0, 0, 0, 0)).convert(mode)
    for data in (encode(image, "PNG"), interlaced(image)):
        assert png.share_present(data) == 1
        assert decode.read(data).width == size[0]


def interlaced(image):
    """All zeros, in seven passes."""
    header = bytearray(encode(image, "PNG")[16:29])
    header[12] = 1
    size = png._unpacked_bytes(bytes(header))
    palette = chunk(b"PLTE", bytes(768)) if header[9] == 3 else b""
    pixels = chunk(b"IDAT", zlib.compress(bytes(size)))
    return png.SIGNATURE + chunk(b"IHDR", bytes(header)) + palette + pixels + chunk(b"IEND", b"")
