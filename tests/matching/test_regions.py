"""Regions: windows are the contents of their boxes, reduced as by Pillow."""

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel.fingerprint.hashes.dhash import dhash_many
from imgurer_kernel.matching.regions import (
    CONTENT,
    FIRST_WINDOW,
    WHOLE,
    WINDOWS,
    content_boxes,
    region_boxes,
    window_grays,
)
from tests.support.copies import cropped, framed, gray, picture


def test_windows_are_reduced_as_pillow_does():
    # Of half the contrast: Pillow clips what overshoots after each of its two passes.
    pictures = np.stack([gray(picture(seed)) // 2 + 64 for seed in range(6)])
    reduced = window_grays(pictures)
    assert reduced.shape == (6, len(WINDOWS), 9, 9)
    for one, windows in zip(pictures, reduced, strict=True):
        for box, small in zip(WINDOWS, windows, strict=True):
            inside = [(edge + 1) * 32 for edge in box]
            expected = Image.fromarray(one).resize((9, 9), Image.Resampling.LANCZOS, box=inside)
            difference = np.abs(small.astype(int) - np.asarray(expected, int))
            # Near the edges Pillow looks beyond the box, at what a crop no longer has.
            assert difference[3:6, 3:6].max() <= 1
            assert difference.mean() < 2


def test_pixels_outside_of_a_window_do_not_count():
    one = gray(picture(3))
    for k, box in enumerate(WINDOWS):
        left, top, right, bottom = (round((edge + 1) * 32) for edge in box)
        other = np.full_like(one, 255)
        other[top:bottom, left:right] = one[top:bottom, left:right]
        both = window_grays(np.stack((one, other)))
        assert (both[0, k] == both[1, k]).all()


@pytest.mark.parametrize("place", range(len(WINDOWS)))
def test_a_crop_looks_like_its_window(place):
    left, top, right, bottom = WINDOWS[place]
    whole = picture(11)
    crop = cropped(
        whole,
        *(
            abs(edge - sign) / 2
            for edge, sign in zip((left, top, right, bottom), (-1, -1, 1, 1), strict=True)
        ),
    )
    small = np.asarray(crop.convert("L").resize((9, 9), Image.Resampling.LANCZOS))
    windows = dhash_many(window_grays(gray(whole)[None])[0])
    distances = np.bitwise_count(windows ^ dhash_many(small[None])).sum(axis=1)
    assert distances[place] == distances.min() <= 6


def test_boxes_of_regions():
    content = np.array([[8, 0, 64, 48]] * 3)
    boxes = region_boxes(content, np.array([WHOLE, CONTENT, FIRST_WINDOW]))
    assert boxes[0].tolist() == [-1, -1, 1, 1]
    assert boxes[1].tolist() == [-0.75, -1, 1, 0.5]
    assert tuple(boxes[2]) == WINDOWS[0]


def test_content_that_is_too_small_to_compare_is_not_cut_out():
    small = gray(framed(picture(1), 1, 1, 1, 1))
    wide = gray(framed(picture(1), 0, 0.3, 0, 0.3))
    assert content_boxes(np.stack([small, wide])).tolist()[0] == [0, 0, 64, 64]
    assert content_boxes(wide[None])[0] == pytest.approx([0, 12, 64, 52], abs=1)


def test_no_pictures():
    assert content_boxes(np.empty((0, 64, 64), np.uint8)).shape == (0, 4)
