"""Colours: ICC profiles, CIELAB, alpha that is empty or hides colours."""

import io
import re
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from imgurer_kernel.fingerprint import decode, fingerprint
from imgurer_kernel.fingerprint.codecs import profile
from imgurer_kernel.fingerprint.extract import dhash_of
from imgurer_kernel.fingerprint.hashes.dhash import hamming
from tests.support.pictures import encode, scene

WHITE = (0.9642, 1.0, 0.8249)
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
WIDE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def icc(gamma, primaries=None, name="of a test"):
    """A profile of three primaries, or of grays, with one gamma (ICC.1:2001-04)."""

    def fixed(*numbers):
        return struct.pack(f">{len(numbers)}i", *(round(n * 65536) for n in numbers))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = name.encode() + b"\0"
    desc = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"desc": desc, b"wtpt": b"XYZ " + bytes(4) + fixed(*WHITE)}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for letter, place in zip(b"rgb", primaries, strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*place)
            tags[bytes([letter]) + b"TRC"] = curve
    table, body, start = [], b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        table.append(key + struct.pack(">II", start + len(body), len(value)))
        body += value + bytes(-len(value) % 4)
    kind = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(
        ">I4sI4s4s4s", start + len(body), bytes(4), 0x02100000, b"mntr", kind, b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + fixed(*WHITE)
    head += bytes(128 - len(head))
    return head + struct.pack(">I", len(tags)) + b"".join(table) + body


def converted(pixels, to):
    """An sRGB picture in the colours of a profile."""
    wide = ImageCms.ImageCmsProfile(io.BytesIO(to))
    found = ImageCms.profileToProfile(
        Image.fromarray(pixels), ImageCms.createProfile("sRGB"), wide, outputMode="RGB"
    )
    found.info.clear()
    return found


def thumbnail(found):
    return np.asarray(Image.open(io.BytesIO(found.thumbnail)).convert("RGB")).astype(float)


def off(one, other):
    return np.abs(thumbnail(one) - thumbnail(other)).mean()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_a_profile_is_applied(kind):
    pixels, to = scene(3, 600, 400), icc(1.8, WIDE, "Wide of a test")
    plain = fingerprint(encode(pixels, "PNG"))
    wide = converted(pixels, to)
    meant = fingerprint(encode(wide, kind, quality=95, icc_profile=to))
    assert meant.profile == "Wide of a test"
    assert off(meant, plain) < 3
    assert off(fingerprint(encode(wide, kind, quality=95)), plain) > 6
    grays = (np.frombuffer(each.verification, np.uint8).astype(int) for each in (plain, meant))
    assert np.abs(np.subtract(*grays)).mean() < 2
    assert hamming(meant.dhash, plain.dhash) <= 3


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_the_hash_alone_is_the_same_with_a_profile(options):
    to = icc(1.8, WIDE)
    data = encode(converted(scene(4, 900, 600), to), icc_profile=to, **options)
    assert dhash_of(data) == fingerprint(data).dhash


def test_exact_takes_the_numbers_as_they_are():
    data = encode(scene(5, 300, 200), "PNG", icc_profile=icc(1.0, WIDE))
    expected = fingerprint(encode(scene(5, 300, 200), "PNG"), exact=True)
    assert fingerprint(data, exact=True).dhash == expected.dhash


def test_profiles_equal_to_srgb_change_nothing():
    pixels = scene(6, 300, 200)
    plain = fingerprint(encode(pixels))
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = fingerprint(encode(pixels, icc_profile=own))
    assert found == plain
    assert found.profile is None


def test_gray_profiles():
    gray = np.asarray(Image.fromarray(scene(7, 300, 200)).convert("L"))
    linear = (255 * (gray / 255.0) ** 2.2).round().astype(np.uint8)
    plain = fingerprint(encode(gray, "PNG"))
    meant = fingerprint(encode(linear, "PNG", icc_profile=icc(1.0)))
    assert meant.profile == "of a test"
    assert off(meant, plain) < 5 < off(fingerprint(encode(linear, "PNG")), plain)


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1", "I;16"])
def test_profiles_in_every_mode(mode):
    kind = icc(1.8, WIDE) if mode in {"P", "RGBA"} else icc(1.0)
    rgb = Image.fromarray(scene(8, 300, 200))
    image = rgb.convert("L").convert("I").convert("I;16") if mode == "I;16" else rgb.convert(mode)
    assert fingerprint(encode(image, "PNG", icc_profile=kind)).profile == "of a test"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (b"nonsense", "broken"),
        (icc(1.8, WIDE)[:200], "broken"),
        (icc(1.8, WIDE).replace(b"RGB ", b"CMYK"), "other colours|broken"),
        (icc(1.8, WIDE) + bytes(profile._MOST_BYTES), "4,194,7.. bytes"),
    ],
)
def test_a_broken_profile_is_noted_and_ignored(broken, words):
    pixels = scene(9, 300, 200)
    plain = fingerprint(encode(pixels, "TIFF"))
    found = fingerprint(encode(pixels, "TIFF", icc_profile=broken))
    assert found.thumbnail == plain.thumbnail
    assert re.search(f"ignored.*({words})", found.profile)


def test_a_gray_picture_with_the_profile_of_colours_is_left_alone():
    gray = Image.fromarray(scene(10, 300, 200)).convert("L")
    found = fingerprint(encode(gray, icc_profile=icc(1.8, WIDE)))
    assert found == fingerprint(encode(gray))


def test_cielab_is_in_colour():
    pixels = scene(11, 400, 300)
    lab = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    found, plain = fingerprint(encode(lab, "TIFF")), fingerprint(encode(pixels, "PNG"))
    assert off(found, plain) < 3
    assert hamming(found.dhash, plain.dhash) <= 3


# ---- alpha


def bitmap(pixels, alpha, header):
    """A BMP of 32 bits; the fourth byte is alpha by a V4 header, and nothing by a V3 header."""
    height, width = pixels.shape[:2]
    rows = np.dstack([pixels[::-1, :, ::-1], np.full((height, width), alpha, np.uint8)])
    masks = struct.pack(">IIII", 0x0000FF00, 0x00FF0000, 0xFF000000, 0x000000FF)
    if header == 108:
        body = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, rows.size, 0, 0, 0, 0)
        body += masks + b"BGRs" + bytes(48)
    else:
        body = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 32, 0, rows.size, 0, 0, 0, 0)
    start = 14 + len(body)
    return b"BM" + struct.pack("<IHHI", start + rows.size, 0, 0, start) + body + rows.tobytes()


@pytest.mark.parametrize("header", [40, 108])
def test_a_bitmap_without_any_alpha_is_opaque(header):
    pixels = scene(12, 200, 150)
    plain = fingerprint(encode(pixels, "PNG"))
    for alpha in (0, 255):
        found = fingerprint(bitmap(pixels, alpha, header))
        assert (found.dhash, found.thumbnail) == (plain.dhash, plain.thumbnail)
    flat = np.full_like(pixels, 77)
    assert fingerprint(bitmap(flat, 0, header)).pixels == fingerprint(encode(flat, "PNG")).pixels


def with_alpha(pixels, alpha):
    return encode(np.dstack([pixels, alpha]), "PNG")


def test_wholly_transparent_pictures_are_distinguished_by_hidden_colours():
    nothing = np.zeros((150, 200), np.uint8)
    one, other = (fingerprint(with_alpha(scene(k, 200, 150), nothing)) for k in (1, 2))
    assert not one.informative
    assert one.pixels != other.pixels
    again = encode(np.dstack([scene(1, 200, 150), nothing]), "WEBP", lossless=True, exact=True)
    assert fingerprint(again).pixels == one.pixels


def test_hidden_colours_do_not_matter_where_anything_shows():
    alpha = np.zeros((150, 200), np.uint8)
    alpha[40:100, 50:150] = 255
    flat = np.full((150, 200, 3), 255, np.uint8)
    hidden = [np.where(alpha[..., None] > 0, flat, scene(k, 200, 150)) for k in (1, 2)]
    one, other = (fingerprint(with_alpha(pixels, alpha)) for pixels in hidden)
    assert (one.dhash, one.pixels, one.thumbnail) == (other.dhash, other.pixels, other.thumbnail)
    cut = [np.where(alpha[..., None] > 0, scene(5, 200, 150), each) for each in hidden]
    one, other = (decode.read(with_alpha(pixels, alpha)).digest() for pixels in cut)
    assert one == other
