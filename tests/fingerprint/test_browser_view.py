import io

import numpy as np
import pytest
from PIL import Image
from pillow_heif import from_pillow

from imgurer_kernel.errors import ImageRejected
from imgurer_kernel.fingerprint.browser_view import LONGEST, for_browser
from imgurer_kernel.settings import Settings


def saved(format_, size=(60, 40), mode="RGB", **options):
    file = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    picture = Image.fromarray(pixels).convert(mode)
    if format_ == "HEIF":
        from_pillow(picture).save(file, **options)
    else:
        picture.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP"])
def test_formats_that_browsers_show_are_unchanged(format_):
    data = saved(format_)
    view = for_browser(data)
    assert view.data == data
    assert view.mime_type == f"image/{format_.lower()}"
    assert (view.width, view.height, view.reduced) == (60, 40, False)


@pytest.mark.parametrize("format_", ["TIFF", "HEIF", "JPEG2000", "PPM", "ICO"])
def test_any_other_becomes_a_jpeg_of_every_pixel(format_):
    data = saved(format_, size=(64, 64))
    view = for_browser(data)
    assert view.mime_type == "image/jpeg"
    with Image.open(io.BytesIO(view.data)) as shown:
        assert shown.size == (view.width, view.height) == (64, 64)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "JPEG", "TIFF"])
def test_it_is_upright_for_a_browser_that_heeds_exif_in_jpegs_alone(format_):
    exif = Image.Exif()
    exif[274] = 6
    view = for_browser(saved(format_, exif=exif))
    assert (view.width, view.height) == (40, 60)
    with Image.open(io.BytesIO(view.data)) as shown:
        turned = shown.getexif().get(274, 1) == 6
        assert shown.size == ((60, 40) if turned else (40, 60))
        assert not turned or shown.format == "JPEG"


def test_too_large_pictures_are_reduced_and_marked_as_such():
    file = io.BytesIO()
    Image.new("L", (LONGEST * 2, 32)).save(file, "TIFF")
    view = for_browser(file.getvalue())
    assert view.reduced
    assert view.width == LONGEST * 2
    with Image.open(io.BytesIO(view.data)) as shown:
        assert max(shown.size) == LONGEST


@pytest.mark.parametrize("data", [b"", b"no picture", saved("PNG")[:-30]])
def test_damaged_files_are_refused_with_a_reason(data):
    with pytest.raises(ImageRejected):
        for_browser(data)


def test_the_limits_of_the_store_hold():
    with pytest.raises(ImageRejected, match="max_pixels"):
        for_browser(saved("TIFF"), Settings(max_pixels=100))
