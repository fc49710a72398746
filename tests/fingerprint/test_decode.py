"""Decoding: limits, views, helpers for other modules, and what must not leak."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from imgurer_kernel.errors import (
    DecoderFailed,
    ImageDamaged,
    ImageRejected,
    ImageTooLarge,
    UnknownFormat,
)
from imgurer_kernel.fingerprint import decode, fingerprint
from imgurer_kernel.fingerprint.encode import encode_lossless
from imgurer_kernel.fingerprint.hashes import dhash as hashes
from imgurer_kernel.settings import Settings
from tests.support.pictures import encode, gradient, jpeg, oriented, png, resized, scene


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def huge_png(width, height):
    """A PNG of this size in a few bytes, its pixels missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + pixels + png_chunk(b"IEND", b"")


# ---- limits, before anything is decoded


def forbid_decoding(monkeypatch):
    def load(self):
        message = "decoded a file that is over a limit"
        raise AssertionError(message)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)


def test_pixels_over_the_limit_are_not_decoded(monkeypatch):
    forbid_decoding(monkeypatch)
    with pytest.raises(ImageTooLarge, match=r"30,000 x 20,000 pixels, 600 million.* 200 million"):
        decode.read(huge_png(30_000, 20_000))
    with pytest.raises(ImageTooLarge, match="max_pixels"):
        decode.read(png(1), Settings(max_pixels=640 * 480 - 1))


def test_pixels_at_the_limit_are_decoded():
    assert decode.read(png(1), Settings(max_pixels=640 * 480)).width == 640


def test_a_limit_above_pillows_own_is_ours():
    limits = Settings(max_pixels=10**12)
    with pytest.raises(ImageDamaged, match=r"cut off|damaged"):
        decode.read(huge_png(20_000, 10_000), limits)


@pytest.mark.long
def test_decoders_that_take_more_memory_have_a_lower_limit():
    limits = Settings(max_pixels=640 * 480)
    for kind in ("WEBP", "AVIF", "JPEG2000"):
        with pytest.raises(ImageTooLarge, match=f"limit for {kind}"):
            decode.read(encode(scene(1), kind), limits)


def test_bytes_over_the_limit_are_not_looked_at(monkeypatch):
    forbid_decoding(monkeypatch)
    data = png(1)
    with pytest.raises(ImageTooLarge, match=rf"{len(data):,} bytes.*max_bytes"):
        decode.read(data, Settings(max_bytes=len(data) - 1))


def test_frames_over_the_limit_are_not_decoded(monkeypatch):
    frames = [Image.fromarray(scene(seed, 40, 30)) for seed in range(4)]
    files = {
        kind: encode(frames[0], kind, save_all=True, append_images=frames[1:])
        for kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF")
    }
    forbid_decoding(monkeypatch)
    for kind, data in files.items():
        with pytest.raises(ImageTooLarge, match=rf"{kind}.* more than 3 frames"):
            decode.read(data, Settings(max_frames=3))


def test_pillows_switches_are_left_alone():
    switches = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    for data in (jpeg(1), png(2), b"nothing", huge_png(9_000, 9_999)):
        try:
            fingerprint(data)
        except ImageRejected:
            continue
    now = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    assert now == switches


def test_content_decides_and_no_other_decoder_is_tried():
    # A postscript program behind a picture's name, and a picture that only Pillow's guessing reads.
    with pytest.raises(UnknownFormat, match="PostScript"):
        decode.read(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n")
    with pytest.raises(UnknownFormat):
        decode.read(encode(scene(1, 64, 64), "TGA"))


# ---- what goes wrong inside is told in words


@pytest.mark.parametrize("error", [TypeError, IndexError, SyntaxError, ValueError, struct.error])
def test_any_exception_of_a_decoder_is_a_rejection(monkeypatch, error):
    def load(self):
        message = "<_io.BytesIO object at 0x7f0000000000> /usr/lib/python3"
        raise error(message)

    data = png(1)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(ImageDamaged) as caught:
        decode.read(data)
    assert isinstance(caught.value.__cause__, error)
    assert "0x7f" not in str(caught.value)
    assert "/usr" not in str(caught.value)


def test_a_stop_of_the_user_is_not_a_rejection(monkeypatch):
    def load(self):
        raise KeyboardInterrupt

    data = png(1)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(KeyboardInterrupt):
        decode.read(data)


def test_no_memory_says_nothing_about_the_file(monkeypatch):
    def load(self):
        raise MemoryError

    data = png(1)
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(DecoderFailed, match="memory"):
        decode.read(data)


def test_warnings_of_pillow_stay_inside(monkeypatch):
    # A warning that comes from Pillow's own module, as its own do.
    code = compile("import warnings\ndef warn(): warnings.warn('inside')", "PIL/Fake.py", "exec")
    module = {"__name__": "PIL.Fake"}
    exec(code, module)
    original = ImageFile.ImageFile.load

    def noisy(self):
        module["warn"]()
        return original(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", noisy)
    decode.read(png(1))
    with pytest.warns(UserWarning, match="inside"):
        module["warn"]()


# ---- views


def test_gray_is_what_the_box_of_grays_counts_in():
    view = decode.read(encode(scene(2, 1600, 1200))).view()
    height, width = view.gray().shape
    assert height >= 72
    whole = view.grays(9, within=(0, 0, width, height))
    assert np.array_equal(whole, view.grays(9))
    left = view.grays(9, within=(0, 0, width // 2, height))
    expected = fingerprint(encode(scene(2, 1600, 1200)[:, :800], "PNG"))
    assert hashes.hamming(hashes.dhash(left), expected.dhash) <= 4


def test_nothing_leaks_into_a_box_from_outside():
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[100:200, 100:200] = 200
    view = decode.read(encode(pixels, "PNG")).view()
    assert (view.grays(9, within=(100, 100, 200, 200)) == 200).all()


def test_to_gray_of_any_size():
    pixels = scene(3, 1000, 800)
    for size in (9, 64, 256, 500):
        found = decode.to_gray(encode(pixels), size)
        assert found.shape == (size, size)
        assert found.dtype == np.uint8
        image = Image.fromarray(pixels).convert("L")
        expected = np.asarray(image.resize((size, size), Image.Resampling.LANCZOS))
        assert np.abs(found.astype(int) - expected).mean() < 4


def test_to_gray_is_upright():
    pixels = scene(4, 600, 400)
    expected = decode.to_gray(encode(pixels), 128).astype(int)
    for orientation in range(1, 9):
        found = decode.to_gray(oriented(pixels, orientation), 128)
        assert np.abs(found - expected).mean() < 3


@pytest.mark.parametrize("size", [100, 800, 5000])
def test_preview(size):
    pixels = scene(5, 1000, 600)
    shown = opened(decode.preview(oriented(pixels, 6), size))
    assert shown.format == "JPEG"
    assert shown.size == {100: (100, 60), 800: (800, 480), 5000: (1000, 600)}[size]
    assert np.abs(np.asarray(shown).astype(int) - resized(pixels, *shown.size)).mean() < 6


def test_preview_of_a_white_icon_shows_it():
    alpha = scene(6, 300, 300)[..., 0]
    icon = encode(np.dstack([np.full((300, 300, 3), 255, np.uint8), alpha]), "PNG")
    assert np.asarray(opened(decode.preview(icon, 200))).std() > 20


def test_preview_of_no_picture():
    with pytest.raises(UnknownFormat, match="text file"):
        decode.preview(b"hello, world", 100)


# ---- Pillow images as queries


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "La", "P", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "I", "F"],
)
def test_any_mode_can_be_searched_for(mode):
    rgb = Image.fromarray(scene(7, 200, 150))
    image = rgb.convert("RGBA").convert(mode) if mode == "RGBa" else None
    image = rgb.convert("LA").convert("La") if mode == "La" else image
    image = image or rgb.convert(mode)
    before = image.tobytes()
    found = fingerprint(encode_lossless(image))
    expected = fingerprint(encode(rgb, "PNG"))
    assert hashes.hamming(found.dhash, expected.dhash) <= (6 if mode in {"1", "P"} else 2)
    assert image.tobytes() == before
    assert not hasattr(image, "encoderconfig")


def test_16_bit_and_lab_images_can_be_searched_for():
    gray = Image.fromarray(scene(8, 200, 150)).convert("L")
    expected = fingerprint(encode(gray, "PNG")).dhash
    deep = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    assert fingerprint(encode_lossless(deep)).dhash == expected
    neutral = Image.new("L", gray.size, 128)
    lab = fingerprint(encode_lossless(Image.merge("LAB", [gray, neutral, neutral])))
    assert hashes.hamming(lab.dhash, expected) <= 2


def test_a_query_keeps_its_orientation_and_transparency():
    pixels = scene(9, 300, 200)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        with Image.open(io.BytesIO(oriented(pixels, 6, kind))) as image:
            found = fingerprint(encode_lossless(image))
        assert (found.width, found.height) == (300, 200), kind
        assert hashes.hamming(found.dhash, fingerprint(encode(pixels)).dhash) <= 2
    rgba = np.dstack([pixels, gradient(0.5, 300, 200)[..., 0]])
    image = Image.fromarray(rgba)
    assert fingerprint(encode_lossless(image)).dhash == fingerprint(encode(rgba, "PNG")).dhash
    palette = opened(encode(image.quantize(64), "PNG"))
    assert palette.has_transparency_data
    assert (
        fingerprint(encode_lossless(palette)).dhash
        == fingerprint(encode(palette.convert("RGBA"), "PNG")).dhash
    )


def test_a_query_from_a_broken_file():
    data = jpeg(10)
    with (
        Image.open(io.BytesIO(data[: len(data) // 2])) as image,
        pytest.raises(ImageDamaged, match="cut off"),
    ):
        encode_lossless(image)
