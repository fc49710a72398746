"""The parts of a file are counted, and too many are refused, before it is decoded."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile
from pillow_heif import from_pillow, options

from imgurer_kernel.errors import ImageRejected, ImageTooLarge
from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.fingerprint.codecs import boxes, jpeg2000, pixels, sniff, tiff
from imgurer_kernel.fingerprint.codecs import icon as icons
from imgurer_kernel.fingerprint.codecs import jpeg as markers
from imgurer_kernel.fingerprint.codecs import png as chunks_of
from imgurer_kernel.fingerprint.codecs.limits import refuse_too_many
from imgurer_kernel.fingerprint.decode import read
from imgurer_kernel.settings import Settings
from tests.support.disagreeing import heif, icon, patched
from tests.support.pictures import encode, flat_scans, jpeg, png, scene, solid

ENOUGH = 1_000_000


def segment(marker, body=b""):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(name, body=b""):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def box(name, *bodies):
    body = b"".join(bodies)
    return struct.pack(">I", len(body) + 8) + name + body


def with_chunks(data, *added):
    """A PNG with more chunks before its pixels."""
    place = data.index(b"IDAT") - 4
    return data[:place] + b"".join(added) + data[place:]


def with_segments(data, *added):
    return data[:2] + b"".join(added) + data[2:]


def check_limit(data, setting, number, monkeypatch):
    """Check that a file is accepted at its exact limit, and else refused before decoding."""
    read(data, Settings(**{setting: number}))
    limits = Settings(**{setting: number - 1})
    with monkeypatch.context() as patch:
        patch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("was decoded"))
        with pytest.raises(ImageTooLarge) as caught:
            read(data, limits)
    told = str(caught.value)
    assert setting in told
    assert f" {number:,} " in told
    assert f"limit is {number - 1:,}" in told


# ---- JPEG


def test_scans(monkeypatch):
    check_limit(encode(scene(1, 64, 64), progressive=True), "max_scans", 10, monkeypatch)
    check_limit(encode(scene(1, 64, 64)[..., 0], progressive=True), "max_scans", 6, monkeypatch)


def test_segments(monkeypatch):
    data = jpeg(1, 64, 64)
    number = markers.count(data, ENOUGH).segments
    data = with_segments(data, *[segment(0xFE, b"x")] * 30, *[segment(0xE5)] * 7)
    check_limit(data, "max_segments", number + 37, monkeypatch)


SEGMENTS = st.lists(
    st.tuples(
        st.sampled_from([0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xEF, 0xFE]),
        st.binary(max_size=12),
        # What stands between segments and is passed over.
        st.sampled_from([b"", b"\0", b"junk", b"\xff", b"\xff\xff\xff", b"\xff\0", b"\xff\xd3"]),
    ),
    max_size=20,
)


@given(SEGMENTS, st.integers(0, 6), st.binary(max_size=30))
def test_counting_passes_over_junk_and_ends_at_the_end(segments, scans, after):
    header = b"\x01\x01\x00\x00\x3f\x00"
    coded = b"\x12\xff\x00\xff\xd0\xff\xd7\x34"
    parts = [junk + segment(marker, body) for marker, body, junk in segments]
    parts += [segment(0xDA, header) + coded] * scans
    found = markers.count(b"\xff\xd8" + b"".join(parts) + b"\xff\xd9" + after, ENOUGH)
    assert (found.segments, found.scans) == (len(segments) + scans, scans)


def test_counting_ends_when_there_are_enough():
    data = with_segments(jpeg(1, 64, 64), segment(0xFE) * 5000)
    assert markers.count(data, 1000).segments == 1000
    with pytest.raises(ImageTooLarge, match="has 100 or more segments"):
        read(data, Settings(max_segments=10))


def test_a_large_picture_may_have_fewer_scans():
    assert fingerprint(flat_scans(64, 64, 99)).width == 64
    with pytest.raises(ImageTooLarge, match=r"has 101 scans for 64 blocks; the limit is 100 "):
        read(flat_scans(64, 64, 100))
    large = flat_scans(8000, 8000, 30)
    assert len(large) < 1_000_000
    with pytest.raises(ImageTooLarge, match=r"has 31 scans for 1,000,000 blocks; the limit is 30 "):
        read(large)


def test_an_ordinary_progressive_jpeg_of_any_size_is_read():
    # 15 scans of 200 megapixels are more than what a file without content is limited to.
    data = flat_scans(14_000, 14_000, 14)
    assert read(data).width == 14_000
    # ... but not for every pixel of a flat picture, which takes them all; if it were no small one:
    with pytest.raises(ImageTooLarge, match="15 scans"):
        refuse_too_many(data, "JPEG", Settings(), exact=True)
    refuse_too_many(data + bytes(1 << 20), "JPEG", Settings(), exact=True)
    assert fingerprint(flat_scans(500, 500, 15)).pixels is not None


def test_files_of_cameras_are_within_the_limits():
    profile = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 40]) + bytes(60_000)) for n in range(40)]
    depth = [segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(65_000))] * 100
    data = with_segments(jpeg(1, 320, 240), *profile, *depth)
    assert read(data + b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\2" * 500).width == 320


# ---- PNG, GIF, WebP


def test_chunks(monkeypatch):
    data = with_chunks(png(1, 64, 64), *[chunk(b"tEXt", b"a\0b")] * 20, *[chunk(b"abCd")] * 5)
    assert chunks_of.count_chunks(data, ENOUGH) == 27
    check_limit(data, "max_segments", 27, monkeypatch)
    tiny = png(1, 64, 64)
    place = tiny.index(b"IDAT") - 4
    data = tiny[:place] + chunk(b"IDAT") * 50 + tiny[place:]
    check_limit(data, "max_segments", 52, monkeypatch)


@pytest.mark.long
def test_a_large_png_in_pieces_and_an_animation_are_read():
    raw = zlib.compress(b"\0" + bytes(range(256)) * 3, 0) + bytes(20_000 * 1024)
    header = struct.pack(">IIBBBBB", 256, 1, 8, 2, 0, 0, 0)
    pieces = [chunk(b"IDAT", raw[k : k + 1024]) for k in range(0, len(raw), 1024)]
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(pieces) + chunk(b"IEND")
    assert read(data).width == 256
    frames = [Image.new("L", (9, 9), value % 251) for value in range(300)]
    data = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert read(data, Settings(max_segments=10)).frames == 300


def test_extensions(monkeypatch):
    data = encode(scene(1, 64, 64), "GIF")
    place = 13 + sniff._colour_table(data[10:11])
    number = sniff.count_extensions(data, ENOUGH)
    data = data[:place] + b"\x21\xfe\3abc\0" * 12 + b"\x21\xff\1x\0" * 4 + data[place:]
    assert sniff.count_extensions(data, ENOUGH) == number + 16
    check_limit(data, "max_segments", number + 16, monkeypatch)


def test_an_animated_gif_may_have_an_extension_for_each_frame():
    frames = [Image.new("L", (9, 9), value % 251) for value in range(300)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20)
    assert read(data, Settings(max_segments=10)).frames == 300


def test_chunks_of_webp(monkeypatch):
    data = encode(scene(1, 64, 64), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    data += b"abcd\0\0\0\0" * 9 + b"abcd\1\0\0\0x\0"
    data = patched(data, 4, "<I", len(data) - 8)
    check_limit(data, "max_segments", boxes.count_chunks(data, ENOUGH), monkeypatch)
    assert boxes.count_chunks(data, ENOUGH) == 13


# ---- HEIF, AVIF, JPEG 2000


@given(
    st.recursive(
        st.sampled_from([b"free", b"ispe", b"hvcC"]).map(lambda name: (name, [])),
        lambda inner: st.tuples(
            st.sampled_from([b"iprp", b"ipco", b"moov", b"jp2h"]), st.lists(inner, max_size=5)
        ),
        max_leaves=30,
    )
)
def test_boxes_at_all_levels(tree):
    def build(node):
        return box(node[0], *map(build, node[1]))

    def size(node):
        return 1 + sum(map(size, node[1]))

    assert boxes.count(build(tree), ENOUGH) == size(tree)


def test_boxes(monkeypatch):
    for picture in (heif(), encode(scene(1, 64, 64), "AVIF", speed=10)):
        data = picture + box(b"free") * 40
        check_limit(data, "max_segments", boxes.count(data, ENOUGH), monkeypatch)
    data = encode(scene(1, 64, 64), "JPEG2000")
    place = data.index(b"jp2h") - 4
    data = data[:place] + box(b"free") * 40 + data[place:]
    check_limit(data, "max_segments", boxes.count(data, ENOUGH), monkeypatch)


def test_boxes_that_claim_nonsense_end_counting():
    for size in (0, 1, 2, 7, 9, 2**31, 2**32 - 1):
        data = struct.pack(">I4s", size, b"meta") + box(b"free") * 3
        assert boxes.count(data, ENOUGH) <= 4
    deep = b""
    for _ in range(500):
        deep = box(b"ipco", deep)
    assert boxes.count(deep, ENOUGH) < 500


def test_tiles_of_a_heif(monkeypatch):
    monkeypatch.setattr(options, "GRID_TILE_SIZE", 64)
    file = io.BytesIO()
    from_pillow(Image.fromarray(scene(1, 512, 384))).save(file, quality=60)
    monkeypatch.undo()
    assert boxes.count_tiles(file.getvalue()) == 48
    check_limit(file.getvalue(), "max_tiles", 48, monkeypatch)


def test_tiles_of_a_jpeg_2000(monkeypatch):
    data = encode(scene(1, 100, 70), "JPEG2000", tile_size=(32, 32))
    assert jpeg2000.measure(data).tiles == 12
    check_limit(data, "max_tiles", 12, monkeypatch)


@pytest.mark.parametrize(
    ("options", "blocks", "packets"),
    [
        ({"num_resolutions": 1}, 1 + 4, 1),
        ({"num_resolutions": 2}, 2 + 1 + 3, 2),
        ({"num_resolutions": 1, "codeblock_size": (16, 16)}, 1 + 64, 1),
        (
            {"num_resolutions": 1, "precinct_size": (32, 32), "codeblock_size": (16, 16)},
            16 + 64,
            16,
        ),
        ({"num_resolutions": 1, "quality_layers": [40, 20, 5]}, 1 + 4, 3),
    ],
)
def test_divisions_of_a_jpeg_2000(options, blocks, packets):
    data = encode(scene(1, 128, 128)[..., 0], "JPEG2000", **options)
    found = jpeg2000.measure(data)
    assert (found.codings, found.tiles) == (1, 1)
    assert (found.blocks, found.packets) == (blocks, packets)


def finely_divided(style, *, layers=1, levels=0):
    """A flat picture of 25 megapixels in 145 bytes, with another coding style."""
    header = struct.pack(">HIIIIIIIIH", 0, 5000, 5000, 0, 0, 5000, 5000, 0, 0, 1) + b"\7\1\1"
    coding = bytes([1]) + struct.pack(">BHB", 0, layers, 0) + bytes([levels]) + style
    quantization = b"\x40" + b"\x40" * (3 * levels + 1)
    tile = segment(0x90, struct.pack(">HIBB", 0, 0, 0, 1)) + b"\xff\x93"
    main = segment(0x51, header) + segment(0x52, coding) + segment(0x5C, quantization)
    return b"\xff\x4f" + main + tile + b"\xff\xd9"


def test_a_finely_divided_jpeg_2000_is_never_decoded(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("was decoded"))
    precincts = finely_divided(b"\4\4\0\1\x11")
    with pytest.raises(ImageTooLarge, match=r"code-blocks and precincts; the limit is 500,000"):
        read(precincts)
    blocks = finely_divided(b"\0\0\0\1\xff")
    with pytest.raises(ImageTooLarge, match=r"1,56\d,\d+ code-blocks and precincts"):
        read(blocks)
    with pytest.raises(ImageTooLarge, match=r"packets; the limit is 5,000,000"):
        read(finely_divided(b"\4\4\0\1\x66", layers=65_535))
    # In the header of a tile, and behind markers that are none.
    plain = finely_divided(b"\4\4\0\1\xff")
    coding = segment(0x52, b"\1\0\0\1\0\0\4\4\0\1\x11")
    place = plain.index(b"\xff\x93")
    with pytest.raises(ImageTooLarge, match="code-blocks"):
        read(plain[:place] + coding + plain[place:])
    assert jpeg2000.measure(b"\xff\x4f\xff\x30" + precincts[2:]) == jpeg2000.measure(precincts)
    many = b"".join(
        segment(0x52, struct.pack(">BBHB", 0, 0, n, 0) + b"\0\4\4\0\1") for n in range(99)
    )
    with pytest.raises(ImageTooLarge, match="ways of coding"):
        read(plain + many)


# ---- TIFF and EXIF


def directory(*entries):
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + bytes(4)


def exif(number):
    """EXIF of so many entries, a third of them in the details."""
    inner = number // 3
    outer = [(1000 + tag, 3, 1, 0) for tag in range(number - inner - 1)]
    head = directory((0x8769, 4, 1, 8 + 2 + 12 * (len(outer) + 1) + 4), *outer)
    details = directory(*[(2000 + tag, 3, 1, 0) for tag in range(inner)])
    return b"II*\0\x08\0\0\0" + head + details


def test_entries(monkeypatch):
    assert tiff.count_entries(tiff.parse(exif(300))) == 300
    data = with_segments(jpeg(1, 64, 64), segment(0xE1, b"Exif\0\0" + exif(300)))
    check_limit(data, "max_entries", 300, monkeypatch)
    tags = Image.Exif()
    tags.update({50_000 + number: "x" for number in range(40)})
    data = encode(scene(1, 64, 64), "TIFF", exif=tags)
    check_limit(data, "max_entries", tiff.count_entries(tiff.parse(data)), monkeypatch)


def test_entries_behind_junk_are_counted():
    data = jpeg(1, 64, 64)
    packed = segment(0xE1, b"Exif\0\0" + exif(300))
    with pytest.raises(ImageTooLarge, match="300 entries"):
        read(data[:20] + b"\0\0" + packed + data[20:], Settings(max_entries=200))


def test_strips_and_tiles(monkeypatch):
    data = encode(scene(1, 64, 70)[..., 0], "TIFF", tiffinfo={278: 1})
    assert tiff.measure_tiles(tiff.parse(data)) == tiff.Tiles(70, 64 * 70, 64 * 70)
    check_limit(data, "max_tiles", 70, monkeypatch)


def test_tiles_that_are_hardly_seen():
    packed = zlib.compress(bytes(4096 * 4096), 9)
    tags = [(256, 1), (257, 4096 * 100), (258, 8), (259, 8), (262, 1), (277, 1)]
    tags += [(322, 4096), (323, 4096)]
    begin = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = [(tag, 4, 1, value) for tag, value in tags]
    entries += [(324, 4, 100, begin), (325, 4, 100, begin + 400)]
    lists = struct.pack("<200I", *[begin + 800] * 100, *[len(packed)] * 100)
    data = b"II*\0\x08\0\0\0" + directory(*entries) + lists + packed
    with pytest.raises(ImageTooLarge, match=r"1,677,721,600 pixels in its tiles"):
        read(data)


# ---- what takes long for its size


def test_the_unpacked_size_of_small_files_is_limited():
    rows = zlib.compress(bytes(100))
    header = struct.pack(">IIBBBBB", 20_000, 9_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND")
    told = rf"file of {len(data):,} bytes unpacks to 720 million.*limit for it is 400 .*max_growth"
    with pytest.raises(ImageTooLarge, match=told):
        read(data)
    for limits in ({"max_growth": 1 << 24}, {"max_pixels": 10**12}):
        with pytest.raises(ImageRejected, match="cut off"):
            read(data, Settings(**limits))


def test_a_huge_flat_jpeg_is_read_at_a_fraction_only():
    small = encode(solid(90, 16, 16), subsampling=0)
    place = small.index(b"\xff\xc0") + 5
    data = patched(small, place, ">HH", 14_000, 14_000)
    found = fingerprint(data)
    assert (found.width, found.pixels) == (14_000, None)
    with pytest.raises(ImageTooLarge, match=r"unpacks to 784 million.*max_growth"):
        read(data, exact=True)
    assert fingerprint(small).pixels is not None


def bitmap(width, height, data):
    head = struct.pack("<IHHI", 54 + 1024 + len(data), 0, 0, 54 + 1024)
    head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + head + bytes(range(256)) * 4 + data


def test_runs_of_a_bitmap():
    assert read(bitmap(300, 200, b"\xff\7\x2d\7\0\0" * 200 + b"\0\1")).height == 200
    with pytest.raises(ImageTooLarge, match="limit for BMP is 10 million"):
        read(bitmap(4_000, 50_000, b"\1\1\0\0" * 50_000))


def test_icons(monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("was decoded"))
    for kind, place, form in (("png", 16, ">II"), ("bmp", 4, "<ii")):
        data = icon(kind)
        entry = icons.shown(data)
        assert (entry.number, entry.width, entry.height) == (2, 64, 64)
        large = patched(data, entry.offset + place, form, 5000, 10_000)
        with pytest.raises(ImageTooLarge, match=r"pixels; the limit is 16,777,216"):
            read(large)
    table = struct.pack("<HHH", 0, 1, 20) + struct.pack("<BBBBHHII", 9, 9, 0, 0, 1, 32, 9, 326) * 20
    with pytest.raises(ImageTooLarge, match=r"20 pictures; the limit is 10 \(max_frames\)"):
        read(table, Settings(max_frames=10))


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3, st.integers(0, 33)), min_size=1, max_size=9))
def test_the_picture_of_an_icon_that_is_shown_is_the_one_that_pillow_takes(entries):
    from PIL.IcoImagePlugin import IcoFile

    table = struct.pack("<HHH", 0, 1, len(entries))
    for number, (width, height, colours, bits) in enumerate(entries):
        table += struct.pack("<BBBBHHII", width, height, colours, 0, 1, bits, 9, 1000 + number)
    assert icons.shown(table).offset == IcoFile(io.BytesIO(table)).entry[0].offset


# ---- digests of flat pictures


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("clear", [False, True])
def test_a_digest_is_that_of_the_plain_definition(mode, clear, monkeypatch):
    import hashlib

    rgba = np.dstack([scene(1, 70, 50), scene(2, 70, 50)[..., 0]])
    if clear:
        rgba[10:20, :, 3] = 0
    picture = Image.fromarray(rgba)
    if mode == "I;16":
        image = Image.fromarray(rgba[..., 0].astype(np.uint16) * 257)
    else:
        image = picture.convert("L" if mode == "LA" else "P" if mode == "PA" else mode)
        image = image.convert(mode)
    if clear and mode in {"L", "P", "RGB"}:
        image.info["transparency"] = (1, 2, 3) if mode == "RGB" else 5
    monkeypatch.setattr(pixels, "_STRIP", 500)
    plain = mode not in {"I;16", "CMYK"}
    content = np.array(image.convert("RGBA") if plain else image)
    if plain:
        content[content[..., 3] == 0] = 0
    name = "RGBA" if plain else mode
    expected = hashlib.sha256(f"{name} 70 50 ".encode() + content.tobytes()).hexdigest()
    assert pixels.digest(image, 1) == expected


def test_a_flat_picture_is_read_once_unless_it_was_read_in_part(monkeypatch):
    from imgurer_kernel.fingerprint import decode

    reads = []
    real = decode.read
    monkeypatch.setattr(decode, "read", lambda *a, **k: reads.append(k) or real(*a, **k))
    fingerprint(encode(solid(9, 200, 100), "PNG"))
    assert len(reads) == 1
    fingerprint(encode(solid(9, 200, 100)))
    assert len(reads) == 3
