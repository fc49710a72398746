"""TIFF directories and EXIF facts, against Pillow and with invalid input."""

import io
import struct
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from PIL.TiffImagePlugin import IFDRational

from imgurer_kernel.common.records import Facts
from imgurer_kernel.fingerprint.codecs import exif, tiff
from tests.support.pictures import encode, jpeg, scene


def exif_bytes(base=None, details=None, place=None, order="<"):
    """EXIF as Pillow writes it."""
    written = Image.Exif()
    written.endian = order
    for tag, value in (base or {}).items():
        written[tag] = value
    if details:
        written._ifds[0x8769] = details
        written[0x8769] = details
    if place:
        written._ifds[0x8825] = place
        written[0x8825] = place
    return written.tobytes()


def position(latitude, north, longitude, east):
    return {
        1: north,
        2: tuple(IFDRational(value, 100) for value in latitude),
        3: east,
        4: tuple(IFDRational(value, 100) for value in longitude),
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_facts_in_both_byte_orders(order):
    written = exif_bytes(
        {0x0112: 6, 0x010F: "Maker", 0x0110: "Model 7", 0x0132: "2001:01:01 00:00:00"},
        {0x9003: "2020:02:29 23:59:58", 0x9004: "1999:01:01 00:00:00"},
        position((4800, 3000, 3600), "N", (1600, 1500, 0), "W"),
        order,
    )
    facts = exif.facts(written)
    assert facts.orientation == 6
    assert facts.taken_at == datetime(2020, 2, 29, 23, 59, 58)  # noqa: DTZ001
    assert facts.camera == "Maker Model 7"
    assert facts.latitude == pytest.approx(48.51)
    assert facts.longitude == pytest.approx(-16.25)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_pillows(orientation):
    written = exif_bytes({0x0112: orientation})
    read = Image.Exif()
    read.load(written)
    assert exif.facts(written).orientation == read[0x0112] == orientation


def test_the_mark_may_come_before_it_once_or_twice():
    written = exif_bytes({0x0112: 3})
    bare = written.removeprefix(b"Exif\0\0")
    for data in (bare, b"Exif\0\0" + bare, b"Exif\0\0Exif\0\0" + bare):
        assert exif.facts(data).orientation == 3


@pytest.mark.parametrize(
    ("xmp", "expected"),
    [
        (b'<x tiff:Orientation="8"/>', 8),
        (b"<tiff:Orientation>5</tiff:Orientation>", 5),
        (b'<x tiff:Orientation="9"/>', 1),
        (b'<x tiff:Orientation="x"/>', 1),
        (b"", 1),
    ],
)
def test_xmp_has_the_second_word_on_orientation(xmp, expected):
    assert exif.facts(b"", xmp).orientation == expected
    assert exif.facts(exif_bytes({0x010F: "Maker"}), xmp).orientation == expected
    assert exif.facts(exif_bytes({0x0112: 2}), xmp).orientation == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020:02:29 12:00:00", datetime(2020, 2, 29, 12)),  # noqa: DTZ001
        ("2020-02-29T12:00:00", datetime(2020, 2, 29, 12)),  # noqa: DTZ001
        ("  2020:02:29 12:00:00.25+02:00", datetime(2020, 2, 29, 12)),  # noqa: DTZ001
        ("2019:02:29 12:00:00", None),
        ("0000:00:00 00:00:00", None),
        ("2020:02:29 24:00:00", None),
        ("    :  :     :  :  ", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times(text, expected):
    assert exif.facts(exif_bytes(details={0x9003: text})).taken_at == expected


def test_the_first_time_that_makes_sense():
    written = exif_bytes({0x0132: "2003:03:03 03:03:03"}, {0x9003: "nonsense"})
    assert exif.facts(written).taken_at == datetime(2003, 3, 3, 3, 3, 3)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "D70", "NIKON CORPORATION D70"),
        ("", "Phone", "Phone"),
        ("Maker", "", "Maker"),
        ("", "", None),
        ("  Ma\tker  ", "\x07Mo\ndel\x00rest", "Ma ker Mo del"),
        ("A" * 80, "b" * 80, "A" * 80 + " " + "b" * 19),
    ],
)
def test_cameras(make, model, expected):
    assert exif.facts(exif_bytes({0x010F: make, 0x0110: model})).camera == expected


@pytest.mark.parametrize(
    "place",
    [
        position((9100, 0, 0), "N", (0, 0, 0), "E"),
        position((4800, 0, 0), "N", (18100, 0, 0), "E"),
        position((4800, 0, 0), "X", (1600, 0, 0), "E"),
        position((4800, 0, 0), "", (1600, 0, 0), "E"),
        position((0, 0, 0), "N", (0, 0, 0), "E"),
        {
            1: "N",
            2: (IFDRational(48), IFDRational(0, 0), IFDRational(0)),
            3: "E",
            4: (1.0, 2.0, 3.0),
        },
        {1: "N", 2: (IFDRational(48), IFDRational(1), IFDRational(1))},
        {2: (1.0, 2.0, 3.0), 4: (1.0, 2.0, 3.0)},
    ],
)
def test_invalid_places(place):
    facts = exif.facts(exif_bytes(place=place))
    assert (facts.latitude, facts.longitude) == (None, None)


@given(st.binary(max_size=400))
def test_any_bytes_give_facts(data):
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0"):
        assert isinstance(exif.facts(start + data, data), Facts)


@given(st.data())
def test_facts_of_damaged_exif_are_facts(data):
    whole = bytearray(
        exif_bytes(
            {0x0112: 6, 0x010F: "Maker"},
            {0x9003: "2020:02:29 23:59:58"},
            position((4800, 3000, 3600), "N", (1600, 1500, 0), "W"),
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    facts = exif.facts(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    assert 1 <= facts.orientation <= 8
    assert facts.latitude is None or -90 <= facts.latitude <= 90


# ---- directories


def test_bigtiff():
    entry = struct.pack("<HHQQ", 0x0112, 3, 1, 7)
    data = b"II+\0\x08\0\0\0" + struct.pack("<Q", 16) + struct.pack("<Q", 1) + entry + bytes(8)
    source = tiff.parse(data)
    assert tiff.directory(source, source.first, {0x0112}) == {0x0112: (7,)}
    assert tiff.count_pages(source, 10) == 1
    assert exif.facts(data).orientation == 7


def test_pages_are_pillows():
    frames = [Image.fromarray(scene(seed, 30, 20)) for seed in range(5)]
    for kinds in ({}, {"compression": "tiff_lzw"}, {"big_tiff": True}):
        data = encode(frames[0], "TIFF", save_all=True, append_images=frames[1:], **kinds)
        with TiffImagePlugin.TiffImageFile(io.BytesIO(data)) as image:
            assert tiff.count_pages(tiff.parse(data), 100) == image.n_frames == 5
        assert tiff.count_pages(tiff.parse(data), 3) == 4


KINDS = {
    1: ("3B", (3, 200, 7)),
    2: ("5s", b"text\0"),
    3: ("3H", (1, 65_535, 2)),
    4: ("2I", (70_000, 1)),
    5: ("4I", ((1, 3), (2, 1))),
    6: ("2b", (-3, 3)),
    7: ("4s", b"\0\1\2\3"),
    8: ("1h", (-300,)),
    9: ("2i", (-70_000, 70_000)),
    10: ("4i", ((-1, 3), (2, 1))),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_of_every_kind(order, kind):
    form, value = KINDS[kind]
    parts = [part for pair in value for part in pair] if kind in {5, 10} else value
    packed = struct.pack(order + form, *([parts] if isinstance(parts, bytes) else parts))
    count = len(value)
    field = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(order + "I", 26)
    head = {"<": b"II*\0\x08\0\0\0", ">": b"MM\0*\0\0\0\x08"}[order]
    table = struct.pack(order + "HHHI", 1, 777, kind, count) + field + bytes(4)
    source = tiff.parse(head + table + packed)
    assert tiff.directory(source, source.first, {777}) == {777: value}
    assert tiff.directory(source, source.first, {778}) == {}


def test_claims_are_summed_and_bounded_by_what_there_is():
    entries = [(1, 4, 10, 8), (2, 7, 1 << 31, 8), (3, 99, 1 << 31, 8), (4, 3, 1, 8)]
    table = struct.pack("<H", 4) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = b"II*\0\x08\0\0\0" + table + bytes(4)
    assert tiff.claimed_bytes(tiff.parse(data)) == 40 + len(data) + 0 + 2


def test_photos_claim_less_than_there_is():
    data = jpeg(1, 320, 240, exif=exif_bytes({0x010F: "Maker"}))
    assert exif.facts(data[data.index(b"Exif") :]).camera == "Maker"


def test_hexadecimal_text():
    assert exif.from_text("\nexif\n 8\n4949\n2a00\n08") == b"II*\0\x08"
    assert exif.from_text("\nexif\n 8\nno hexadecimal") == b""
