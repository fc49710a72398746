"""Formats are recognized by the content of a file."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgurer_kernel.errors import ImageDamaged, ImageRejected, ImageTooLarge, UnknownFormat
from imgurer_kernel.fingerprint.codecs import png, sniff
from tests.support.pictures import encode, scene

PICTURE = Image.fromarray(scene(1, 80, 60))
KINDS = ["AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_supported_format_is_recognized(kind):
    data = encode(PICTURE, kind)
    assert sniff.sniff(data) == kind
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == kind


def test_variants_of_formats_are_recognized():
    assert sniff.sniff(encode(PICTURE, "TIFF", big_tiff=True)) == "TIFF"
    assert sniff.sniff(encode(PICTURE, "JPEG2000", no_jp2=True)) == "JPEG2000"
    assert sniff.sniff(encode(PICTURE.convert("1"), "PPM")) == "PPM"
    with pytest.raises(UnknownFormat, match="written as text"):
        sniff.sniff(b"P3\n# text\n1 1\n255\n1 2 3")
    assert sniff.sniff(b"MM\0*" + bytes(20)) == "TIFF"


@pytest.mark.parametrize(
    ("major", "others", "expected"),
    [
        (b"heic", [b"mif1"], "HEIF"),
        (b"mif1", [b"heic"], "HEIF"),
        (b"mif1", [b"avif"], "AVIF"),
        (b"avis", [b"msf1"], "AVIF"),
        (b"mif1", [], "HEIF"),
        (b"msf1", [b"hevc"], "HEIF"),
    ],
)
def test_brands(major, others, expected):
    box = b"ftyp" + major + bytes(4) + b"".join(others)
    assert sniff.sniff(struct.pack(">I", len(box) + 4) + box + bytes(50)) == expected


def test_raw_files_are_not_taken_for_their_previews():
    previews = [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}]
    for tags in previews:
        data = encode(PICTURE, "TIFF", tiffinfo=tags)
        with pytest.raises(UnknownFormat, match="raw file"):
            sniff.sniff(data)
    canon = b"II*\0\x10\0\0\0CR\2\0" + bytes(20)
    with pytest.raises(UnknownFormat, match="raw file"):
        sniff.sniff(canon)
    assert sniff.sniff(encode(PICTURE, "TIFF", tiffinfo={254: 1})) == "TIFF"
    assert sniff.sniff(encode(PICTURE, "TIFF", tiffinfo={330: 8})) == "TIFF"


def test_the_minor_version_is_not_a_brand():
    box = b"ftypisom" + b"avif" + b"mp42"
    with pytest.raises(UnknownFormat, match="video"):
        sniff.sniff(struct.pack(">I", len(box) + 4) + box)


@given(st.binary(max_size=64))
def test_any_bytes_are_recognized_or_refused_with_a_reason(data):
    try:
        found = sniff.sniff(data)
    except ImageRejected as error:
        found = str(error)
    assert found in sniff.SUPPORTED or (" " in found and found.isprintable())


def test_every_supported_format_has_a_decoder():
    from imgurer_kernel.fingerprint.decode import _PLUGINS, _plugin

    assert sorted(_PLUGINS) == sorted(sniff.SUPPORTED)
    assert all(callable(_plugin(name)) for name in sniff.SUPPORTED)


def test_frames_of_a_gif_are_pillows():
    frames = [Image.fromarray(scene(seed, 40, 30)) for seed in range(7)]
    for interlace in (0, 1):
        data = encode(
            frames[0], "GIF", save_all=True, append_images=frames[1:], interlace=interlace, loop=0
        )
        with Image.open(io.BytesIO(data)) as image:
            assert sniff.count_frames(data, "GIF", 100) == image.n_frames == 7
        assert sniff.count_frames(data, "GIF", 4) == 5
        cut = data[: len(data) // 2]
        assert 2 <= sniff.count_frames(cut, "GIF", 100) <= 6


def test_a_gif_of_scraps_is_refused(monkeypatch):
    monkeypatch.setattr(sniff, "_MOST_BLOCKS", 1000)
    data = b"GIF89a" + bytes(7) + b"\x21\xfe\0" * 1001
    with pytest.raises(ImageTooLarge, match="scraps"):
        sniff.count_frames(data, "GIF", 10)


def test_other_formats_count_their_own_frames():
    assert sniff.count_frames(encode(PICTURE, "PNG"), "PNG", 10) is None
    assert sniff.count_frames(b"II*\0", "TIFF", 10) is None


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "AVIF"])
def test_declared_length_is_the_length(kind):
    data = encode(PICTURE, kind)
    assert sniff.declared_bytes(data, kind) == len(data)
    assert sniff.declared_bytes(data[: len(data) // 2], kind) == len(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_some_formats_declare_no_length(kind):
    assert sniff.declared_bytes(encode(PICTURE, kind), kind) is None


@given(st.binary(max_size=100))
def test_boxes_of_nonsense_end(data):
    sniff.declared_bytes(data, "HEIF")


def test_empty_and_zeros_are_damaged():
    for data in (b"", bytes(1), bytes(5000)):
        with pytest.raises(ImageDamaged):
            sniff.sniff(data)


# ---- checksums of PNG


def test_checksums_of_pixels():
    data = encode(PICTURE, "PNG")
    assert png.damaged_chunk(data) is None
    start = data.index(b"IDAT")
    size = int.from_bytes(data[start - 4 : start], "big")
    for place in (start + 4, start + 4 + size // 2, start + 3 + size, start + 4 + size):
        turned = bytearray(data)
        turned[place] ^= 1
        assert png.damaged_chunk(bytes(turned)) == "block 1 of its pixels"


def test_checksums_of_texts_do_not_matter():
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Title", "a title")
    data = bytearray(encode(PICTURE, "PNG", pnginfo=texts))
    data[data.index(b"a title")] ^= 1
    assert png.damaged_chunk(bytes(data)) is None


@given(st.binary(max_size=200))
def test_chunks_of_nonsense_end(data):
    png.damaged_chunk(b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize(
    ("data", "remedy"),
    [
        (b"Dear Sir or Madam", "a text file, which cannot be ingested; choose a picture$"),
        (b"\x7fELF", "a program, which cannot be ingested; choose a picture$"),
        (b"Rar!", "a RAR archive, which cannot be ingested; unpack it first$"),
        (b"<html>", "a web page, which cannot be ingested; download the picture itself$"),
        (b"FUJIFILMCCD-RAW", "raw file, which cannot be ingested; develop it to JPEG or PNG$"),
        (b"%PDF-1.7", "a PDF document, which cannot be ingested; save it as JPEG or PNG$"),
    ],
)
def test_the_remedy_depends_on_the_kind_of_file(data, remedy):
    with pytest.raises(UnknownFormat, match=remedy):
        sniff.sniff(data)
