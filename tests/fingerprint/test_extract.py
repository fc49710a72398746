"""Fingerprints against the PyPI package, a full decode, and their documentation."""

import io
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import dhash as oracle
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from pillow_heif import as_plugin

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint.extract import ALGORITHM, dhash_of, fingerprint
from imgurer_kernel.fingerprint.hashes import dhash as hashes
from imgurer_kernel.settings import Settings
from tests.support.forms import rounds, thinned
from tests.support.pictures import (
    blurred,
    encode,
    framed,
    gradient,
    jpeg,
    oriented,
    png,
    resized,
    scene,
    solid,
)


def reference(image):
    """The dHash of an upright Pillow image by the PyPI package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package calls what Pillow has deprecated
        return oracle.dhash_row_col(ImageOps.exif_transpose(image))


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def distance(first, second):
    return hashes.hamming(first.dhash, second.dhash)


# ---- the reference


def in_mode(mode):
    image = Image.fromarray(scene(1, 300, 200))
    if mode in {"RGBA", "LA"}:
        alpha = Image.fromarray(gradient(0.4, 300, 200)).convert("L")
        image = image.convert(mode)
        image.putalpha(alpha)
        return image
    return image.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("LA", "PNG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("P", "GIF"),
        ("L", "GIF"),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP"),
        ("RGB", "TIFF"),
        ("RGBA", "TIFF"),
        ("CMYK", "TIFF"),
        ("L", "TIFF"),
        ("1", "TIFF"),
        ("P", "TIFF"),
        ("YCbCr", "TIFF"),
        ("RGB", "BMP"),
        ("L", "BMP"),
        ("1", "BMP"),
        ("RGB", "AVIF"),
        ("RGBA", "AVIF"),
        ("RGB", "PPM"),
        ("L", "PPM"),
        ("1", "PPM"),
        ("RGB", "JPEG2000"),
        ("RGBA", "JPEG2000"),
    ],
)
def test_exact_is_the_package_bit_for_bit(mode, kind):
    data = encode(in_mode(mode), kind)
    assert fingerprint(data, exact=True).dhash == reference(opened(data))


def test_exact_is_the_package_on_odd_sizes():
    for width, height in ((1, 1), (2, 300), (9, 9), (10, 7), (333, 251), (641, 479)):
        data = jpeg(2, width, height)
        assert fingerprint(data, exact=True).dhash == reference(opened(data)), (width, height)


@pytest.mark.long
def test_exact_is_the_package_on_pictures_done_in_strips():
    picture = scene(3, 1900, 1500)
    rgba = np.dstack([picture, gradient(1.0, 1900, 1500)[..., 0]])
    for pixels in (picture, rgba):
        data = encode(pixels, "PNG", compress_level=1)
        assert fingerprint(data, exact=True).dhash == reference(opened(data))


def test_adobe_cmyk_is_read_inverted():
    cmyk = Image.fromarray(scene(4, 300, 200)).convert("CMYK")
    plain = encode(cmyk, "JPEG")
    assert b"Adobe" in plain
    assert distance(fingerprint(plain), fingerprint(encode(cmyk.convert("RGB")))) <= 2


def test_palette_with_transparency_lies_on_white():
    image = Image.fromarray(scene(5, 300, 200)).quantize(64)
    data = encode(image, "PNG", transparency=int(np.asarray(image)[0, 0]))
    expected = opened(data).convert("RGBA")
    assert fingerprint(data).dhash == reference(expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_colour_key_lies_on_white(mode):
    image = Image.fromarray(scene(6, 300, 200) // 8 * 8).convert(mode)
    key = image.getpixel((0, 0))
    data = encode(image, "PNG", transparency=key)
    alpha = opened(data).convert("RGBA")
    assert alpha.getchannel("A").getextrema() == (0, 255)
    assert fingerprint(data).dhash == reference(alpha)


# ---- depth


def test_16_bits_become_8():
    gray = np.asarray(Image.fromarray(scene(7, 300, 200)).convert("L"))
    expected = fingerprint(encode(gray, "PNG")).dhash
    deep = gray.astype(np.uint16) * 257
    assert fingerprint(encode(deep, "PNG")).dhash == expected
    assert fingerprint(encode(deep, "TIFF")).dhash == expected
    assert fingerprint(encode(deep, "PPM")).dhash == expected


def test_12_bits_in_16_are_seen_as_12():
    gray = np.asarray(Image.fromarray(scene(7, 300, 200)).convert("L"))
    found = fingerprint(encode(gray.astype(np.uint16) * 16, "PNG"))
    assert found.dhash == fingerprint(encode(gray, "PNG")).dhash
    assert found.informative


def test_fractions_are_seen():
    gray = np.asarray(Image.fromarray(scene(8, 300, 200)).convert("L"))
    expected = fingerprint(encode(gray, "PNG")).dhash
    for scale in (1.0, 1 / 255, -3.0e5, 2.0e9):
        data = encode((gray * np.float32(scale)).astype(np.float32), "TIFF")
        found = fingerprint(data).dhash
        if scale < 0:
            found = found[0] ^ (2**64 - 1), found[1] ^ (2**64 - 1)
        assert hashes.hamming(found, expected) <= 6, scale


def test_nan_and_infinity_are_handled():
    values = np.asarray(Image.fromarray(scene(8, 300, 200)).convert("L")).astype(np.float32)
    values[10:20, 10:30] = np.nan
    values[50, 50] = np.inf
    values[60, 60] = -np.inf
    assert fingerprint(encode(values, "TIFF")).informative
    assert not fingerprint(encode(np.full((50, 50), np.nan, np.float32), "TIFF")).informative


# ---- orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_orientation_gives_the_same_hash(kind):
    pixels = scene(9, 480, 320)
    upright = fingerprint(encode(pixels, kind))
    # All of JPEG files, whose decoder is told to reduce; in the short form three of the others.
    for orientation in range(1, 9, 1 if kind == "JPEG" else rounds(3, 1)):
        found = fingerprint(oriented(pixels, orientation, kind))
        assert distance(found, upright) <= (3 if kind in {"WEBP", "AVIF"} else 1), orientation
        assert (found.width, found.height) == (480, 320)
        assert found.facts.orientation == orientation
        assert opened(found.thumbnail).size == (240, 160)
        difference = np.frombuffer(found.verification, np.uint8).astype(int)
        difference -= np.frombuffer(upright.verification, np.uint8)
        assert np.abs(difference).mean() < 2.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exact_is_the_package_in_every_orientation(orientation):
    data = oriented(scene(10, 500, 333), orientation)
    assert fingerprint(data, exact=True).dhash == reference(opened(data))


@pytest.mark.parametrize("orientation", thinned(range(1, 9), 3))
def test_partial_blocks_do_not_matter_in_any_orientation(orientation):
    # 8 pixels do not divide these sides: the reduced picture has a ragged edge somewhere.
    data = oriented(scene(11, 2003, 1501), orientation, quality=95)
    assert hashes.hamming(fingerprint(data).dhash, reference(opened(data))) <= 3


@pytest.fixture
def heic(monkeypatch):
    """Writes HEIC files as Pillow's plugin does, without leaving the plugin installed."""
    monkeypatch.setitem(Image.SAVE, "HEIF", as_plugin._save_heif)
    return lambda image, **options: encode(image, "HEIF", quality=80, **options)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_heic_opens(heic, mode):
    image = in_mode(mode) if mode == "RGBA" else Image.fromarray(scene(26, 320, 200)).convert(mode)
    found = fingerprint(heic(image))
    assert (found.format, found.frames) == ("HEIF", 1)
    assert (found.width, found.height) == image.size
    assert hashes.hamming(found.dhash, reference(image)) <= 4


@pytest.mark.parametrize("orientation", thinned(range(1, 9), 3))
def test_heic_in_every_orientation(heic, orientation):
    # The container turns the picture, and EXIF says so as well: it must be turned once.
    pixels = scene(27, 320, 200)
    with Image.open(io.BytesIO(oriented(pixels, orientation))) as stored:
        data = heic(stored, exif=stored.info["exif"])
    found = fingerprint(data)
    assert (found.width, found.height) == (320, 200)
    assert distance(found, fingerprint(encode(pixels))) <= 4


# ---- fidelity of the reduced decode


def bits_off(files):
    return [hashes.hamming(fingerprint(data).dhash, reference(opened(data))) for data in files]


def test_reduced_decode_is_within_the_bounds():
    sizes = [(640, 480), (1000, 750), (1632, 1224), (2200, 1650), (600, 1500)]
    off = bits_off(jpeg(seed, *sizes[seed % 5]) for seed in range(rounds(5, 40)))
    assert np.median(off) <= 1
    assert np.percentile(off, 95) <= 4
    assert any(off), "all decoded in full: this test sees nothing"


def test_bits_that_differ_are_near_ties():
    for seed in range(rounds(2, 8)):
        data = jpeg(seed, 2000, 1500)
        fast, exact = fingerprint(data), fingerprint(data, exact=True)
        turned = hashes.bit_planes(*fast.dhash) != hashes.bit_planes(*exact.dhash)
        steps = hashes.differences(np.frombuffer(exact.grays, np.uint8).reshape(9, 9))
        assert (np.abs(steps[turned]) <= 1).all()


def test_progressive_is_cut_without_loss_of_fidelity():
    files = [jpeg(seed, 2000, 1500, progressive=True) for seed in range(rounds(2, 12))]
    off = bits_off(files)
    assert np.median(off) <= 1
    assert max(off) <= 5
    for data in files[: rounds(1, 3)]:
        thumbnail = np.asarray(opened(fingerprint(data).thumbnail)).astype(int)
        whole = np.asarray(opened(fingerprint(data, exact=True).thumbnail)).astype(int)
        assert np.abs(thumbnail - whole).mean() < 3


def test_the_hash_alone_is_the_same():
    files = [jpeg(1, 1500, 1100), png(2), encode(in_mode("CMYK")), white_icon(), jpeg(3, 99, 70)]
    for data in files:
        for exact in (False, True):
            assert dhash_of(data, exact=exact) == fingerprint(data, exact=exact).dhash


def test_red_green_blue_inside_a_jpeg_is_not_taken_for_luma():
    pixels = scene(12, 640, 480)
    data = jpeg(12, 640, 480, keep_rgb=True)
    assert distance(fingerprint(data), fingerprint(encode(pixels))) <= 2
    thumbnail = np.asarray(opened(fingerprint(data).thumbnail)).astype(int)
    assert np.abs(thumbnail - resized(pixels, 240, 180)).mean() < 6


# ---- what is kept


def test_record():
    data = jpeg(13, 800, 600)
    found = fingerprint(data)
    assert isinstance(found, Fingerprint)
    assert (found.width, found.height, found.format, found.frames) == (800, 600, "JPEG", 1)
    assert found.algorithm == ALGORITHM
    assert found.informative
    grays = np.frombuffer(found.grays, np.uint8).reshape(9, 9)
    assert hashes.dhash(grays) == found.dhash
    assert hashes.near_ties(grays) == found.near_ties
    assert found.dhash_hex == oracle.format_hex(*found.dhash)
    assert len(found.verification) == 64 * 64
    assert fingerprint(data) == found


def test_verification_shows_the_picture():
    pixels = scene(14, 900, 600)
    gray = Image.fromarray(pixels).convert("L").resize((64, 64), Image.Resampling.LANCZOS)
    for data in (encode(pixels), encode(pixels, "PNG"), jpeg(14, 900, 600, progressive=True)):
        found = np.frombuffer(fingerprint(data).verification, np.uint8).reshape(64, 64)
        assert np.abs(found.astype(int) - np.asarray(gray)).mean() < 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4000, 3000), (240, 180)),
        ((300, 4000), (20, 270)),
        ((100, 60), (100, 60)),
        ((240, 270), (240, 270)),
        ((3000, 10), (240, 1)),
        ((1, 5000), (1, 270)),
    ],
)
def test_thumbnail_fits_and_is_never_enlarged(size, expected):
    data = encode(np.full((size[1], size[0], 3), 90, np.uint8), "JPEG")
    thumbnail = opened(fingerprint(data).thumbnail)
    assert thumbnail.size == expected
    assert thumbnail.format == "JPEG"


def test_thumbnail_shows_the_picture():
    pixels = scene(15, 1600, 1200)
    for data in (encode(pixels), encode(pixels, "PNG")):
        found = np.asarray(opened(fingerprint(data).thumbnail)).astype(int)
        assert np.abs(found - resized(pixels, 240, 180)).mean() < 5


def test_thumbnail_carries_no_metadata():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(scene(1), exif=exif, icc_profile=profile, comment="private")
    thumbnail = fingerprint(data).thumbnail
    assert b"Exif" not in thumbnail
    assert b"private" not in thumbnail


def test_first_frame_of_an_animation():
    frames = [Image.fromarray(scene(seed, 200, 150)) for seed in (16, 17, 18)]
    for kind in ("GIF", "PNG", "WEBP", "AVIF", "TIFF"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        found = fingerprint(data)
        assert found.frames == 3, kind
        assert distance(found, fingerprint(encode(frames[0], "PNG"))) <= 12, kind
        assert distance(found, fingerprint(encode(frames[1], "PNG"))) > 30, kind


# ---- flat pictures


def white_icon(gray=255):
    """A figure in one gray that only its transparency shows."""
    alpha = np.asarray(Image.fromarray(scene(19, 256, 256)).convert("L"))
    return encode(np.dstack([np.full((256, 256, 3), gray, np.uint8), alpha]), "PNG")


def test_flat_pictures_say_nothing():
    for pixels in (solid(0), solid(255), solid(77), gradient(0.3), gradient(1.5)):
        for kind in ("JPEG", "PNG"):
            assert not fingerprint(encode(pixels, kind)).informative


def test_photos_say_something():
    for seed in range(rounds(6, 24)):
        assert fingerprint(jpeg(seed, 320, 240)).informative


def test_white_icons_are_distinguished():
    found = fingerprint(white_icon())
    assert found.informative
    alpha = np.asarray(Image.fromarray(scene(19, 256, 256)).convert("L"))
    assert found.dhash == fingerprint(encode(alpha, "PNG")).dhash
    assert np.asarray(opened(found.thumbnail)).std() > 10, "its thumbnail shows nothing"
    assert np.frombuffer(found.verification, np.uint8).std() > 10


def test_a_black_icon_lies_on_white():
    data = white_icon(gray=0)
    assert fingerprint(data).dhash == reference(opened(data))


def test_nothing_but_transparency_says_nothing():
    for alpha in (0, 128, 255):
        pixels = np.full((64, 64, 4), 255, np.uint8)
        pixels[..., 3] = alpha
        assert not fingerprint(encode(pixels, "PNG")).informative


# ---- borders


def test_without_a_border_both_hashes_are_one():
    for seed in range(rounds(4, 24)):
        found = fingerprint(jpeg(seed, 640, 480))
        assert found.trimmed_dhash == found.dhash


@pytest.mark.parametrize(
    "border",
    [
        (0, 80, 0, 80, 0),
        (60, 60, 60, 60, 255),
        (100, 0, 0, 0, 128),
        (0, 0, 0, 150, 250),
        (3, 3, 3, 3, 0),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_border_is_taken_off(border, kind):
    for seed in range(20, rounds(21, 26)):
        pixels = scene(seed, 900, 660)
        bordered = fingerprint(encode(framed(pixels, *border), kind))
        assert hashes.hamming(bordered.trimmed_dhash, fingerprint(encode(pixels)).dhash) <= 6


def test_two_borders_one_in_the_other():
    pixels = scene(23, 900, 660)
    twice = framed(framed(pixels, 20, 20, 20, 20, gray=0), 50, 50, 50, 90, gray=255)
    found = fingerprint(encode(twice))
    assert hashes.hamming(found.trimmed_dhash, fingerprint(encode(pixels)).dhash) <= 6


def test_a_border_in_every_orientation():
    pixels = framed(scene(24, 900, 660), 0, 120, 40, 30)
    upright = fingerprint(encode(pixels)).trimmed_dhash
    for orientation in range(1, 9):
        found = fingerprint(oriented(pixels, orientation)).trimmed_dhash
        assert hashes.hamming(found, upright) <= 2


def test_flat_within_a_border_is_left_alone():
    found = fingerprint(encode(framed(solid(90), 50, 50, 50, 50), "PNG"))
    assert found.trimmed_dhash == found.dhash


# ---- near duplicates and strangers


@pytest.mark.long
def test_copies_are_near_and_unrelated_pictures_far():
    original = fingerprint(jpeg(25, 1200, 900))
    pixels = scene(25, 1200, 900)
    copies = [
        jpeg(25, 1200, 900, quality=30),
        encode(resized(pixels, 300, 225)),
        encode(resized(pixels, 1111, 700), "WEBP"),
        encode(blurred(pixels, 3), "PNG"),
    ]
    for data in copies:
        assert distance(fingerprint(data), original) <= 10
    for seed in range(30, 40):
        assert distance(fingerprint(jpeg(seed, 320, 240)), original) > 24


# ---- behaviour


def test_limits_are_obeyed():
    with pytest.raises(ImageRejected, match="max_pixels"):
        fingerprint(jpeg(1), limits=Settings(max_pixels=1000))
    with pytest.raises(ImageRejected, match="max_bytes"):
        dhash_of(jpeg(1), limits=Settings(max_bytes=1000))


@pytest.mark.long
def test_in_many_threads_at_once_with_the_filters_left_alone():
    files = [jpeg(seed, 400, 300) for seed in range(4)] + [white_icon()]
    expected = [fingerprint(data) for data in files]
    before = list(warnings.filters)
    found, failed = {}, []

    def work(number):
        try:
            found[number] = [fingerprint(data) for data in files * 3]
        except Exception as error:  # noqa: BLE001  any at all is a failure
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert all(result == expected * 3 for result in found.values())
    assert warnings.filters == before


def test_importing_is_cheap_and_changes_nothing():
    code = """
import sys
from PIL import Image
limit = Image.MAX_IMAGE_PIXELS
import imgurer_kernel.fingerprint
assert Image.MAX_IMAGE_PIXELS == limit
heavy = {"pillow_heif", "PIL.TiffImagePlugin", "PIL.AvifImagePlugin", "numba"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
