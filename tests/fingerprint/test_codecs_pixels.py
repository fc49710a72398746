"""Shortened progressive JPEGs, depth, boxes, and descriptions of damage."""

import errno
import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from imgurer_kernel.errors import DecoderFailed, ImageDamaged, ImageTooLarge, UnknownFormat
from imgurer_kernel.fingerprint.codecs import decode_errors, depth, pixels
from imgurer_kernel.fingerprint.codecs import jpeg as markers
from tests.support.pictures import encode, jpeg, scene


def opened(data, scale=1):
    """Pixels; of a JPEG that is reduced, its luma or its inks."""
    with Image.open(io.BytesIO(data)) as image:
        if scale > 1:
            image.draft("L", (max(image.width // scale, 1), max(image.height // scale, 1)))
        image.load()
        return np.asarray(image).astype(int)


# ---- progressive JPEG


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_means_are_a_whole_picture_at_an_eighth(mode, quality):
    image = Image.fromarray(scene(1, 800, 600)).convert(mode)
    data = encode(image, quality=quality, progressive=True)
    means = markers.means_only(data)
    assert len(means) < len(data) / 2
    difference = np.abs(opened(means, 8) - opened(data, 8))
    # The lowest bit of a mean is told later: a step of its quantisation, an eighth of it a level.
    assert difference.max() <= {30: 5, 75: 2, 95: 1}[quality]
    assert difference.mean() < {30: 2.0, 75: 0.8, 95: 0.4}[quality]


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (17, 33), (64, 9), (333, 8), (8, 33), (801, 605)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_the_means_of_any_size_and_sampling(size, subsampling):
    data = encode(scene(4, *size), progressive=True, subsampling=subsampling, quality=90)
    assert np.abs(opened(markers.means_only(data), 8) - opened(data, 8)).max() <= 2


def test_the_means_of_a_file_with_restart_markers():
    data = encode(scene(5, 640, 480), progressive=True, restart_marker_rows=1)
    assert b"\xff\xdd" in data
    assert np.abs(opened(markers.means_only(data), 8) - opened(data, 8)).max() <= 2


def runs(coded):
    """The lengths of runs of empty blocks that entropy-coded bytes stand for."""
    bits = "".join(f"{byte:08b}" for byte in coded.replace(b"\xff\0", b"\xff"))
    place, found = 0, []
    while len(bits) - place >= 4 and bits[place : place + 4] != "1111":
        exponent = int(bits[place : place + 4], 2)
        rest = bits[place + 4 : place + 4 + exponent]
        found.append((1 << exponent) + int(rest or "0", 2))
        place += 4 + exponent
    assert set(bits[place:]) <= {"1"}
    assert len(bits) - place < 8
    return found


@given(st.integers(1, 300_000))
def test_runs_of_empty_blocks(count):
    coded = markers._empty_blocks(count)
    assert sum(runs(coded)) == count
    assert b"\xff" not in coded.replace(b"\xff\0", b"")


def test_the_means_keep_what_comes_before():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(scene(1, 400, 300), progressive=True, exif=exif, comment=b"\xff\xd9\xff\xda")
    means = markers.means_only(data)
    first_scan = data.index(b"\xff\xda", data.index(b"\xff\xc2"))
    assert means.startswith(data[: first_scan + 100])
    assert means.endswith(b"\xff\xd9")
    with Image.open(io.BytesIO(means)) as image:
        assert image.getexif()[0x0112] == 6
        assert image.size == (400, 300)


def test_nothing_is_cut_where_nothing_can_be():
    data = encode(scene(1, 400, 300), progressive=True)
    assert markers.means_only(encode(scene(1, 400, 300))) is None, "baseline"
    assert markers.means_only(data[:-2]) is None, "its end is missing"
    assert markers.means_only(data[: len(data) // 2]) is None, "cut off"
    assert markers.means_only(encode(scene(1, 100, 80), "PNG")) is None
    assert markers.means_only(encode(scene(1, 100, 80), "PNG")) is None


def test_padding_between_markers_is_passed_over():
    data = encode(scene(1, 400, 300), progressive=True)
    place = data.index(b"\xff\xdb")
    padded = data[:place] + b"\xff\xff\xff" + data[place:]
    assert len(markers.means_only(padded)) == len(markers.means_only(data)) + 3


def separate_means():
    """A progressive JPEG that tells the means of its colours in scans of their own.

    Made from three gray ones: their scans hold the coefficients of one colour each.
    """
    parts = [
        encode(Image.fromarray(scene(seed, 64, 64)).convert("L"), progressive=True, quality=80)
        for seed in (1, 2, 3)
    ]
    first = parts[0]
    frame = first.index(b"\xff\xc2")
    tables = [part[part.index(b"\xff\xc4") :] for part in parts]
    head = first[:frame] + b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, 64, 64, 3)
    head += b"\1\x11\0\2\x11\0\3\x11\0"
    scans = []
    for number, part in enumerate(tables, 1):
        scan = part.index(b"\xff\xda")
        body = part[: scan + 5] + bytes([number]) + part[scan + 6 :]
        end = body.index(b"\xff\xc4", scan + 10)
        scans.append((body[:end], body[end:-2]))
    return head + b"".join(means for means, _ in scans) + scans[0][1] + b"\xff\xd9", scans


def test_means_in_scans_of_their_own_are_all_kept():
    data, scans = separate_means()
    means = markers.means_only(data)
    assert means is not None
    assert scans[2][0] in means
    assert scans[0][1] not in means
    assert np.abs(opened(means, 8) - opened(data, 8)).max() <= 2


@given(st.binary(max_size=300))
def test_markers_of_nonsense_end(data):
    for start in (b"", b"\xff\xd8", b"\xff\xd8\xff\xc2\0\x0b\x08\0\x08\0\x08\1\1\x11\0"):
        markers.means_only(start + data)
        markers.exif(start + data)


@given(st.data())
def test_a_damaged_progressive_file_is_cut_or_not(data):
    whole = bytearray(jpeg(2, 64, 48, progressive=True))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    means = markers.means_only(bytes(whole))
    assert means is None or means.endswith(b"\xff\xd9")


def test_exif_in_several_blocks():
    data = jpeg(1, 64, 48)
    blocks = b"".join(
        b"\xff\xe1" + struct.pack(">H", 8 + len(part)) + b"Exif\0\0" + part
        for part in (b"first ", b"second")
    )
    assert markers.exif(data[:2] + blocks + data[2:]) == b"first second"
    assert markers.exif(data) == b""


@pytest.mark.parametrize(
    ("jfif", "adobe", "components", "expected"),
    [
        (True, None, b"RGB", True),
        (True, 0, (1, 2, 3), True),
        (False, 0, (1, 2, 3), False),
        (False, 1, b"RGB", True),
        (False, None, (1, 2, 3), True),
        (False, None, (0, 1, 2), True),
        (False, None, b"RGB", False),
    ],
)
def test_the_rule_for_luma(jfif, adobe, components, expected):
    assert markers.stores_luma(jfif=jfif, adobe=adobe, components=components) is expected


# ---- depth


@given(arrays(np.uint16, 20))
def test_16_bits_keep_their_order(values):
    low, high = depth.extremes(values)
    found = depth.levels(values, depth.scale_whole(low, high))
    order = np.argsort(values)
    assert (np.diff(found[order].astype(int)) >= 0).all()
    assert found.dtype == np.uint8
    if high > 4095:
        assert np.array_equal(found, values >> 8)


@given(arrays(np.float32, 20, elements=st.floats(width=32)))
def test_any_fractions_become_levels(values):
    low, high = depth.extremes(values)
    found = depth.levels(values, depth.scale_real(low, high))
    finite = np.flatnonzero(np.isfinite(values))
    order = finite[np.argsort(values[finite])]
    assert (np.diff(found[order].astype(int)) >= 0).all()


@given(arrays(np.int32, 20, elements=st.integers(0, 65_535)), st.sampled_from([255, 4095, 65_535]))
def test_shifting_is_the_same_as_multiplying(values, most):
    scale = depth.scale_whole(0, most)
    fractions = values.astype(np.float64)
    assert np.array_equal(depth.levels(values, scale), depth.levels(fractions, scale))


def test_extremes_of_nothing():
    assert depth.extremes(np.array([np.nan, np.inf])) == (0.0, 0.0)
    assert depth.levels(np.array([7.0, 7.0]), depth.scale_whole(-7, -7)).tolist() == [0, 0]


# ---- geometry


@given(st.integers(1, 70_000), st.integers(1, 70_000))
def test_sizes_that_fit_a_frame(width, height):
    found = pixels.fit((width, height), (240, 270))
    assert 1 <= found[0] <= min(240, width)
    assert 1 <= found[1] <= min(270, height)
    if width <= 240 and height <= 270:
        assert found == (width, height)
    else:
        assert found[0] == 240 or found[1] == 270


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_with_their_pictures(orientation):
    box = (2, 1, 7, 4)
    image = Image.new("L", (9, 5))
    image.paste(255, box)
    image.getexif()[0x0112] = orientation
    turned = ImageOps.exif_transpose(image)
    assert pixels.upright(image, orientation).tobytes() == turned.tobytes()
    assert pixels.upright_box(box, image.size, orientation) == turned.getbbox()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("factor", [1, 2, 7])
def test_strips_make_no_difference(monkeypatch, mode, factor):
    picture = scene(3, 203, 151)
    if mode == "I;16":
        image = Image.fromarray(picture[..., 0].astype(np.uint16) * 200)
    else:
        image = Image.fromarray(picture).convert(mode)
        if mode == "RGBA":
            image.putalpha(Image.fromarray(picture[..., 1]))
    whole = pixels.reduced(image, factor, "white", whole=True)
    monkeypatch.setattr(pixels, "_STRIP", 203 * 20)
    strips = pixels.reduced(image, factor, "white", whole=True)
    for first, second in zip(whole, strips, strict=True):
        assert first.mode == second.mode
        assert first.tobytes() == second.tobytes()
    assert pixels.transparency_varies(image) is (mode == "RGBA")


# ---- words for damage


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (OSError("image file is truncated (0 bytes not processed)"), ImageDamaged, "cut off"),
        (EOFError(), ImageDamaged, "cut off"),
        (struct.error("unpack requires a buffer of 4 bytes"), ImageDamaged, "cut off"),
        (SyntaxError("broken PNG file (chunk b'IHDR')"), ImageDamaged, "damaged"),
        (OSError("broken data stream when reading image file"), ImageDamaged, "damaged"),
        (SyntaxError("cannot handle 12-bit layers"), UnknownFormat, "rare kind"),
        (NotImplementedError(), UnknownFormat, "rare kind"),
        (OSError("Unsupported BMP compression (6)"), UnknownFormat, "rare kind"),
        (MemoryError(), DecoderFailed, "memory"),
        (OSError(errno.EMFILE, "Too many open files"), DecoderFailed, "Too many open files"),
        (OSError("out of memory error when reading image file"), DecoderFailed, "memory"),
        (Image.DecompressionBombError("Image size"), ImageTooLarge, "pixels"),
        (
            ValueError("Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK"),
            ImageTooLarge,
            "texts",
        ),
        (
            SyntaxError(
                "Memory allocation error: Security limit exceeded: Number of extents in iloc box "
                "(17472) exceeds security limit (32)"
            ),
            ImageTooLarge,
            "more parts than",
        ),
        (
            RuntimeError(
                "Memory allocation error: Security limit exceeded: iinf box contains 29696 items, "
                "which exceeds the security limit of 1000 items."
            ),
            ImageTooLarge,
            "more parts or memory than",
        ),
        (
            RuntimeError(
                "Memory allocation error: Security limit exceeded: Allocating 12 bytes exceeds the "
                "security limit of 9 bytes"
            ),
            ImageTooLarge,
            "more parts or memory than",
        ),
        (RuntimeError("Memory allocation error: Unspecified"), DecoderFailed, "does not suffice"),
        (ValueError("<object at 0x7f12345678>"), ImageDamaged, "damaged"),
    ],
)
def test_reasons(error, expected, words):
    found = decode_errors.explain("PNG", error)
    assert type(found) is expected
    assert words in str(found)
    assert "PNG" in str(found)
    assert "0x" not in str(found)


def test_reasons_tell_how_far():
    cut = OSError("image file is truncated")
    assert "40 % of its height" in str(decode_errors.explain("PNG", cut, rows=0.4))
    assert "nothing of the picture" in str(decode_errors.explain("PNG", cut, rows=0.0))
    assert "%" not in str(decode_errors.explain("PNG", cut, rows=1.0))
    told = str(decode_errors.explain("WEBP", ValueError(), present=300, declared=1000))
    assert "300 of 1,000 bytes are there (30 %)" in told
    assert "%" not in str(
        decode_errors.explain("WEBP", ValueError("x"), present=1000, declared=1000)
    )
