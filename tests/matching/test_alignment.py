"""Alignment: known maps are found, copies agree, unrelated pictures do not."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from imgurer_kernel.matching import alignment
from imgurer_kernel.matching.alignment import AGREEMENT, SKIP_CORRELATION, compare
from tests.support.copies import cropped, framed, gray, picture, recoded

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])
WHOLE = np.array([[[0, 0, 64, 64], [0, 0, 64, 64]]])


def compared(one, other, boxes=WHOLE, start=IDENTITY, align=True):
    comparison = compare(gray(one)[None], gray(other)[None], boxes, start, align)
    return comparison.measures[0], comparison.maps[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_agrees_with_itself(seed):
    measures, found = compared(picture(seed), picture(seed))
    assert measures == pytest.approx([1, 1, 1], abs=0.05)
    assert (found == IDENTITY).all()


@pytest.mark.parametrize("side", [64, 32])
def test_the_contents_of_pictures_get_one_brightness_and_contrast(side):
    """Also those of little contrast, of which whole gray levels would be a large part."""
    grays = np.stack([gray(picture(1)) * contrast + 100 for contrast in (0.15, 0.2, 0.5)])
    boxes = np.array([[0, 0, 64, 64], [8, 4, 60, 56], [0, 16, 64, 48]])
    found, deviation = alignment._standardize(grays, boxes, side)
    for level, (left, top, right, bottom) in zip(found, boxes * side // 64, strict=True):
        inside = level[top:bottom, left:right]
        assert inside.mean() == pytest.approx(0, abs=1e-4)
        assert inside.std() == pytest.approx(1, rel=1e-4)
    assert (deviation > 2).all()


@pytest.mark.parametrize("contrast", [1, 0.2, 0.1])
def test_faint_pictures_agree_with_themselves_only(contrast):
    one, other, third = (
        picture(seed).convert("L").point(lambda level: 128 + contrast * (level - 128))
        for seed in (1, 1, 2)
    )
    assert compared(one, other)[0][:2] == pytest.approx([1, 1], abs=1e-4)
    assert compared(one, third)[0][1] < 0.5


@pytest.mark.parametrize(
    ("left", "top", "right", "bottom"),
    [(0.04, 0, 0, 0.03), (0.05, 0.05, 0.05, 0.05), (0, 0.09, 0.09, 0), (0.1, 0, 0, 0.1)],
)
def test_the_map_onto_a_crop_is_found(left, top, right, bottom):
    whole = picture(3)
    measures, found = compared(whole, cropped(whole, left, top, right, bottom))
    across, down = 1 / (1 - left - right), 1 / (1 - top - bottom)
    expected = (across, 0, (right - left) * across, 0, down, (bottom - top) * down)
    assert measures[1] > 0.9
    assert found == pytest.approx(expected, abs=0.015)
    assert measures[2] == pytest.approx(1 / across / down, abs=0.05)


@pytest.mark.parametrize("degrees", [-5, -2, 1, 4])
def test_a_small_turn_is_found(degrees):
    square = picture(5).resize((300, 300))
    measures, found = compared(square, square.rotate(degrees, Image.Resampling.BICUBIC))
    radians = np.radians(degrees)
    assert measures[1] > AGREEMENT
    assert found[[0, 4]] == pytest.approx(np.cos(radians), abs=0.02)
    assert found[[1, 3]] == pytest.approx([np.sin(radians), -np.sin(radians)], abs=0.02)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: recoded(p, 20),
        lambda p: ImageEnhance.Brightness(p).enhance(0.6),
        lambda p: ImageEnhance.Contrast(p).enhance(0.6),
        lambda p: p.point(lambda level: 255 * (level / 255) ** 0.6),
        lambda p: p.resize((90, 68)).resize((200, 100)),
    ],
    ids=["jpeg", "darker", "flatter", "gamma", "resized"],
)
def test_tone_and_encoding_make_little_difference(change):
    measures, _ = compared(picture(7), change(picture(7)))
    assert measures[1] > 0.9


def test_writing_on_a_picture_spoils_only_what_it_covers():
    written = picture(8)
    ImageDraw.Draw(written).text((20, 230), "best holiday ever", "white", font_size=28)
    ImageDraw.Draw(written).ellipse((300, 10, 345, 55), "red")
    measures, _ = compared(picture(8), written)
    assert AGREEMENT < measures[1] < 0.99


def test_unrelated_pictures_do_not_agree():
    grays = np.stack([gray(picture(seed)) for seed in range(12)])
    first, second = np.triu_indices(12, 1)
    boxes, starts = (np.repeat(a, len(first), axis=0) for a in (WHOLE, IDENTITY))
    measures = compare(grays[first], grays[second], boxes, starts).measures
    assert measures[:, 1].max() < AGREEMENT - 0.2


def test_borders_that_are_left_out_of_the_box_do_not_count():
    plain, bordered = picture(2), framed(picture(2), 0, 0.25, 0, 0.25)
    top, bottom = round(64 / 6) + 1, round(64 * 5 / 6) - 1
    boxes = np.array([[[0, 0, 64, 64], [0, top, 64, bottom]]])
    start = np.array([[1, 0, 0, 0, 2 / 3, 0]])
    measures, _ = compared(plain, bordered, boxes, start)
    assert measures[1] > 0.85
    assert compared(plain, bordered)[0][1] < AGREEMENT


def test_pairs_that_agree_at_the_start_are_not_aligned():
    whole = picture(9)
    shifted = cropped(whole, 0.004, 0, 0, 0)
    at_start, _ = compared(whole, shifted, align=False)
    assert at_start[0] > SKIP_CORRELATION
    measures, found = compared(whole, shifted)
    assert (measures == at_start).all()
    assert (found == IDENTITY).all()


def test_without_aligning_the_start_is_measured():
    whole = picture(4)
    start = np.array([[1.25, 0, 0.05, 0, 1.25, -0.1]])
    measures, found = compared(
        whole, cropped(whole, 0.08, 0.14, 0.12, 0.06), start=start, align=False
    )
    assert (found == start).all()
    assert measures[0] > 0.6


def test_flat_and_tiny_differences_neither_crash_nor_agree():
    flat = np.full((4, 64, 64), 100, np.uint8)
    flat[1, 5, 5] = 101
    flat[2] = np.arange(64)
    boxes, starts = (np.repeat(a, 4, axis=0) for a in (WHOLE, IDENTITY))
    comparison = compare(flat, flat[[1, 2, 3, 0]], boxes, starts)
    assert np.isfinite(comparison.measures).all()
    assert np.isfinite(comparison.maps).all()
    assert (comparison.measures[:, 1] < AGREEMENT).all()


def test_no_pairs():
    nothing = np.empty((0, 64, 64), np.uint8)
    none = compare(nothing, nothing, WHOLE[:0], IDENTITY[:0])
    assert (len(none), none.measures.shape, none.maps.shape) == (0, (0, 3), (0, 6))


def test_a_map_that_diverges_is_not_taken():
    # A third of the picture is all that the two share: more than alignment may leave out.
    whole = picture(6)
    _, found = compared(cropped(whole, 0, 0, 0.5, 0), cropped(whole, 0.5, 0, 0, 0))
    scale, shift = found[[0, 4]], found[[2, 5]]
    assert (scale < alignment.MAX_SCALE).all()
    assert (np.abs(shift) < alignment.MAX_SHIFT).all()
