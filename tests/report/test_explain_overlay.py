from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from imgurer_kernel.matching.affine import inverse
from imgurer_kernel.matching.local_agreement import BlockMap
from imgurer_kernel.report.explain.overlay import lay_over, warp
from imgurer_kernel.report.explain.pictures import difference_map
from tests.support.copies import cropped, picture, recoded

SAME = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def pixels(image):
    return np.asarray(image.convert("RGB"))


maps = st.tuples(
    st.floats(0.7, 1.4),
    st.floats(-0.2, 0.2),
    st.floats(-0.3, 0.3),
    st.floats(-0.2, 0.2),
    st.floats(0.7, 1.4),
    st.floats(-0.3, 0.3),
)


@given(maps)
def test_each_pixel_of_a_ramp_lands_where_the_transform_says(transform):
    ramp = np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (200, 1, 3))
    canvas, inside = warp(ramp, transform, (40, 30))
    a, b, c, *_ = inverse(transform)
    u = (2 * np.arange(40) + 1) / 40 - 1
    v = ((2 * np.arange(30) + 1) / 30 - 1)[:, None]
    wanted = (a * u + b * v + c + 1) * 100 - 0.5
    deep = inside & (wanted > 8) & (wanted < 191)  # blurred at its ends
    assert np.abs(canvas[..., 0] - wanted)[deep].max(initial=0) < 1.5
    assert (canvas[~inside] == 255).all()


def test_the_identity_changes_nothing():
    image = pixels(picture(0))
    canvas, inside = warp(image, SAME, image.shape[1::-1])
    assert inside.all()
    assert np.array_equal(canvas, image)


@pytest.mark.long
@pytest.mark.parametrize("quality", [30, 60])
def test_compression_is_not_a_difference(quality):
    laid = lay_over(pixels(picture(1)), pixels(recoded(picture(1), quality)), SAME)
    assert laid.differing < 0.003
    assert (laid.kept, laid.covered) == (1, 1)


def test_a_resized_copy_is_compared_at_the_smaller_size():
    small = picture(2).resize((120, 90), Image.Resampling.LANCZOS)
    for one, other in ((picture(2), small), (small, picture(2))):
        laid = lay_over(pixels(one), pixels(other), SAME)
        assert max(laid.beneath.shape) <= 125
        assert laid.differing < 0.002


def test_drawn_content_is_found_at_its_place():
    drawn = picture(3)
    ImageDraw.Draw(drawn).rectangle((180, 30, 240, 70), fill="magenta")
    laid = lay_over(pixels(picture(3)), pixels(drawn), SAME)
    assert laid.differing == pytest.approx(60 * 40 / (360 * 270), abs=0.006)
    down, across = np.nonzero(laid.difference > 20)
    assert (across.min(), across.max()) == pytest.approx((180, 240), abs=4)
    assert (down.min(), down.max()) == pytest.approx((30, 70), abs=4)


def test_blocks_apart_are_framed_where_they_lie():
    regions = np.zeros((6, 8), bool)
    regions[1:3, 5:7] = True
    # Blocks divide the right half of the first picture, which is turned upside down.
    blocks = BlockMap(
        np.array([0.0, -1, 1, 1]), np.zeros((6, 8), np.float32), regions, regions, regions
    )
    upside_down = (-1.0, 0, 0, 0, -1, 0)
    one, other = pixels(picture(3)), pixels(picture(3))[::-1, ::-1].copy()
    laid = lay_over(one, other, upside_down, same=False, blocks=blocks)
    down, across = np.nonzero(laid.apart)
    width, height = picture(3).size
    left, right = (1 - (0.5 + k / 16) for k in (7, 5))
    assert (across.min() / width, across.max() / width) == pytest.approx((left, right), abs=0.01)
    assert (down.min() / height, down.max() / height) == pytest.approx((3 / 6, 5 / 6), abs=0.01)
    drawn, before = (
        difference_map(each) for each in (laid, replace(laid, apart=laid.apart * False))
    )
    changed = (drawn != before).any(axis=2)
    assert (changed <= laid.apart).all()
    assert changed[down.min(), across.min()]
    assert not changed[(down.min() + down.max()) // 2, (across.min() + across.max()) // 2]
    assert not lay_over(one, other, upside_down, same=False).apart.any()


@pytest.mark.long
def test_a_crop_is_laid_where_it_was_cut_though_the_transform_was_rough():
    part = cropped(picture(4), 0.1, 0.06, 0, 0)
    rough = (1 / 0.9 + 0.01, 0, -0.105, 0, 1 / 0.94, -0.07)
    laid = lay_over(pixels(picture(4)), pixels(part), rough)
    exact = (1 / 0.9, 0, -0.1 / 0.9, 0, 1 / 0.94, -0.06 / 0.94)
    assert laid.transform == pytest.approx(exact, abs=0.004)
    assert laid.kept == pytest.approx(0.9 * 0.94, abs=0.01)
    assert laid.covered == pytest.approx(1, abs=0.01)
    assert laid.differing < 0.002
    back = lay_over(pixels(part), pixels(picture(4)), tuple(inverse(rough)))
    assert back.covered == pytest.approx(0.9 * 0.94, abs=0.01)
    assert not back.inside[:, 10].any()
    assert (back.difference[~back.inside] == 0).all()


def test_unrelated_pictures_differ_and_are_not_adjusted():
    laid = lay_over(pixels(picture(5)), pixels(picture(6)), SAME, same=False)
    assert laid.transform == SAME
    assert laid.differing > 0.3


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (300, 2)])
def test_tiny_pictures(size):
    image = np.full((*size, 3), 9, np.uint8)
    laid = lay_over(image, pixels(picture(0)), SAME, same=False)
    assert laid.aligned.shape == laid.beneath.shape
    assert np.isfinite(laid.difference).all()
