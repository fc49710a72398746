"""Earlier JPEG compression is found on every grid, and never where there was none."""

import functools
import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel.fingerprint.original import OriginalFacts, measure_original
from imgurer_kernel.fingerprint.recompression import TURNED, find_earlier
from tests.support.forms import thinned
from tests.support.pictures import encode, gradient, scene, solid

WIDTH, HEIGHT = 637, 443  # so that a turn and a mirror leave the grid of blocks elsewhere


def decoded(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def jpeg(picture, quality, **options):
    return encode(picture, quality=quality, **options)


CHANGES = {
    "as it is": lambda picture: picture,
    "turned": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped": lambda picture: picture.crop((3, 5, 600, 440)),
}
CASES = [
    (change, first, second)
    for first, second in ((75, 95), (60, 85), (85, 98), (60, 95))
    for change in CHANGES
]


@pytest.mark.parametrize("case", thinned(CASES, 3))
def test_the_earlier_quality_of_a_resaved_jpeg_is_found(case):
    change, first, second = case
    original = jpeg(scene(2, WIDTH, HEIGHT), first)
    found = measure_original(jpeg(CHANGES[change](decoded(original)), second))
    assert abs(found.earlier_quality - first) <= 2
    assert abs(found.quality - second) <= 2
    assert abs(found.worst_quality - first) <= 2
    steps = np.array(measure_original(original).steps)
    earlier = np.array(found.earlier_steps)
    known = earlier > 0
    expected = steps[list(TURNED)] if change == "turned" else steps
    assert known.sum() >= 3
    # Neighbouring qualities have some steps in common, and others that are one apart.
    assert np.abs(earlier - expected)[known].max() <= 1
    assert OriginalFacts.from_dict(found.as_dict()) == found


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_the_earlier_quality_of_a_lossless_copy_is_found(kind):
    original = decoded(jpeg(scene(3, WIDTH, HEIGHT), 80, subsampling=0))
    found = measure_original(encode(original, kind))
    assert abs(found.earlier_quality - 80) <= 2
    assert found.quality == 100
    assert found.worst_quality == found.earlier_quality


@functools.cache
def once_saved():
    text = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(text)
    for row in range(10, 460, 16):
        draw.text((16, row), f"line {row} of a page that nobody reads " * 2, fill="black")
    noise = np.random.default_rng(1).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    return {
        "photo": scene(5, WIDTH, HEIGHT),
        "gray": scene(5, WIDTH, HEIGHT).mean(axis=2).astype(np.uint8),
        "text": text,
        "noise": noise,
        "flat": solid(90),
        "gradient": gradient(0.4),
        "tiny": scene(5, 40, 30),
    }


@pytest.mark.parametrize("quality", thinned((92, 45, 75, 100, None), 3))
@pytest.mark.parametrize("kind", ["photo", "gray", "text", "noise", "flat", "gradient", "tiny"])
def test_no_earlier_quality_is_found_in_a_jpeg_saved_once(kind, quality):
    picture = once_saved()[kind]
    found = measure_original(encode(picture, "PNG") if quality is None else jpeg(picture, quality))
    assert found.earlier_quality is None
    assert found.earlier_steps == ()
    assert found.worst_quality == found.quality


def test_a_coarser_compression_hides_an_earlier_one():
    fine = decoded(jpeg(scene(2, WIDTH, HEIGHT), 95))
    assert measure_original(jpeg(fine, 70)).earlier_quality is None


def test_a_large_picture_is_looked_at_with_every_pixel():
    """Others are measured on a JPEG that is decoded to half of its size."""
    tile = scene(4, 800, 600)
    large = decoded(jpeg(np.tile(tile, (4, 4, 1)), 70))
    assert abs(measure_original(jpeg(large, 90)).earlier_quality - 70) <= 2


def test_no_earlier_quality_is_found_without_blocks():
    assert find_earlier(np.zeros((15, 400), np.uint8)) is None
    assert find_earlier(np.zeros((400, 400), np.uint8), (16,) * 10) is None
