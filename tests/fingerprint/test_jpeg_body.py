"""JPEG files that differ only in their metadata are recognized."""

import io

import pytest
from PIL import Image

from imgurer_kernel.fingerprint.codecs.jpeg_body import body
from tests.support.pictures import scene


def jpeg(seed=3, **options):
    file = io.BytesIO()
    Image.fromarray(scene(seed, 120, 80)).save(file, "JPEG", quality=85, **options)
    return file.getvalue()


def test_comments_and_exif_make_no_difference_and_pixels_do():
    exif = Image.Exif()
    exif[270] = "a description"
    plain = body(jpeg())
    assert plain is not None
    assert body(jpeg(comment=b"somebody's")) == plain
    assert body(jpeg(exif=exif)) == plain
    assert body(jpeg(4)) != plain
    assert body(jpeg(progressive=True)) != plain


def test_the_segment_of_the_colour_space_is_kept():
    file = io.BytesIO()
    Image.fromarray(scene(3, 120, 80)).convert("CMYK").save(file, "JPEG", quality=85)
    found = body(file.getvalue())
    assert found is not None
    assert b"Adobe" in found


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\x89PNG", jpeg()[:30], b"\xff\xd8\xff\xe0"])
def test_invalid_jpegs_have_no_body(data):
    assert body(data) is None
