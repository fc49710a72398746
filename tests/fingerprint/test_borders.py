"""Border trimming on arrays: what is removed, and what must stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgurer_kernel.fingerprint.borders import trim, trim_many, within_frame
from tests.support.forms import rounds
from tests.support.pictures import framed, gradient, scene, solid

sides = st.integers(0, 60)


def gray(seed, width=320, height=240):
    return scene(seed, width, height).mean(axis=2).astype(np.uint8)


def bordered(picture, left, top, right, bottom, colour):
    return np.pad(picture, ((top, bottom), (left, right)), constant_values=colour)


PICTURE = gray(1)


@given(sides, sides, sides, sides, st.sampled_from([0, 40, 128, 240, 255]))
@settings(max_examples=rounds(25, 240), deadline=None)
def test_exactly_the_border_is_taken_off(left, top, right, bottom, colour):
    # Its edge differs from every border's colour, so that nothing of the picture looks like one.
    picture = PICTURE.copy()
    picture[[0, -1]] = np.where(np.arange(320) % 2, 90, 180)
    picture[:, [0, -1]] = np.where(np.arange(240) % 2, 90, 180)[:, None]
    found = trim(bordered(picture, left, top, right, bottom, colour))
    assert found == (left, top, left + 320, top + 240)


@pytest.mark.parametrize("seed", range(10))
def test_pictures_without_a_border_are_left_alone(seed):
    assert trim(gray(seed)) == (0, 0, 320, 240)


def test_noise_in_a_border_is_borne():
    random = np.random.default_rng(2)
    noisy = bordered(PICTURE, 30, 20, 10, 40, 100).astype(int)
    noise = random.integers(-9, 10, noisy.shape)
    noise[20:-40, 30:-10] = 0
    assert trim((noisy + noise).clip(0, 255).astype(np.uint8)) == (30, 20, 350, 260)


def test_few_specks_in_a_border_are_borne_and_many_are_not():
    picture = bordered(PICTURE, 0, 40, 0, 0, 255)
    picture[32:40, :9] = 0
    assert trim(picture)[1] == 40
    picture[32:40, :40] = 0
    assert trim(picture)[1] == 32


def test_writing_in_a_border_is_taken_off_with_it():
    picture = bordered(PICTURE, 0, 40, 0, 0, 255)
    picture[8:32, 30:290:3] = 0
    assert trim(picture) == (0, 40, 320, 280)


def test_content_taller_than_text_is_not_a_border():
    picture = bordered(PICTURE, 0, 80, 0, 0, 255)
    picture[8:72, 30:290:3] = 0
    assert trim(picture) == (0, 8, 320, 320)


def test_a_border_lighter_or_darker_than_black_and_white_does_not_wrap():
    picture = bordered(PICTURE, 0, 30, 0, 0, 3)
    picture[30] = np.where(np.arange(320) % 2, 250, 90)
    assert trim(picture)[1] == 30
    picture = bordered(PICTURE, 0, 30, 0, 0, 252)
    picture[30] = np.where(np.arange(320) % 2, 4, 90)
    assert trim(picture)[1] == 30


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_have_no_border(level):
    flat = solid(level)[..., 0]
    assert trim(flat) == (0, 0, flat.shape[1], flat.shape[0])


@pytest.mark.parametrize("angle", [0.0, 0.7, 1.57])
def test_more_is_left_than_a_fifth_of_a_side(angle):
    flat = gradient(angle)[..., 0]
    left, top, right, bottom = trim(flat)
    assert right - left >= 0.2 * 640
    assert bottom - top >= 0.2 * 480


def test_a_small_thing_on_plain_ground_is_not_in_a_border():
    picture = np.full((300, 300), 255, np.uint8)
    picture[140:160, 140:160] = gray(3, 20, 20)
    assert trim(picture) == (0, 0, 300, 300)


def test_frames_in_frames():
    picture = framed(framed(scene(4, 320, 240), 5, 5, 5, 5, 0), 30, 20, 30, 60, 255)[..., 1]
    assert trim(picture) == (35, 25, 355, 265)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 1000)])
def test_tiny_pictures_are_survived(shape):
    left, top, right, bottom = trim(np.zeros(shape, np.uint8))
    assert (left, top, right, bottom) == (0, 0, shape[1], shape[0])


def test_turning_the_picture_turns_the_box():
    picture = bordered(PICTURE, 10, 20, 30, 40, 0)
    height, width = picture.shape
    left, top, right, bottom = trim(picture)
    assert trim(picture.T) == (top, left, bottom, right)
    assert trim(picture[::-1, ::-1]) == (width - right, height - bottom, width - left, height - top)


def test_many_at_once_are_trimmed_as_each_is():
    pictures = [gray(seed, 120, 90) for seed in range(5)]
    pictures += [bordered(gray(k, 110, 80), k, 10 - k, 10 - k, k, 25 * k) for k in range(11)]
    pictures += [np.full((90, 120), 7, np.uint8)]
    found = trim_many(np.stack(pictures))
    assert [tuple(box) for box in found.tolist()] == [trim(picture) for picture in pictures]
    assert len({*map(tuple, found.tolist())}) == 12
    assert trim_many(np.empty((0, 64, 64), np.uint8)).shape == (0, 4)


def thumbnail(picture):
    return np.asarray(Image.fromarray(picture).resize((64, 64), Image.Resampling.HAMMING))


thick = st.integers(10, 60)


@given(thick, thick, thick, thick, st.sampled_from([0, 60, 128, 255]), st.booleans())
@settings(max_examples=rounds(25, 240), deadline=None)
def test_the_share_within_a_frame_is_never_too_large(left, top, right, bottom, colour, letterbox):
    left, right = (0, 0) if letterbox else (left, right)
    picture = PICTURE.copy()
    picture[[0, -1]] = np.where(np.arange(320) % 2, 90, 180)
    picture[:, [0, -1]] = np.where(np.arange(240) % 2, 90, 180)[:, None]
    whole = bordered(picture, left, top, right, bottom, colour)
    share = picture.size / whole.size
    [found] = within_frame(thumbnail(whole)[None])
    assert share - 0.16 < found < share


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("colour", [0, 200])
def test_a_plain_strip_on_one_side_is_not_a_frame(side, colour):
    strip = bordered(PICTURE, *(40 * (k == side) for k in range(4)), colour)
    assert trim(strip) != (0, 0, *strip.shape[::-1])
    assert within_frame(thumbnail(strip)[None]) == 1


def test_ends_of_two_grays_are_not_a_frame():
    picture = PICTURE.copy()
    picture[:20], picture[-20:] = 250, 30
    assert within_frame(thumbnail(picture)[None]) == 1


def test_a_sky_that_grows_brighter_is_not_a_frame():
    picture = PICTURE.copy()
    picture[:60] = np.linspace(100, 118, 60).astype(np.uint8)[:, None]
    assert trim(picture)[:2] == (0, 60)
    assert within_frame(thumbnail(picture)[None]) == 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_have_no_frame(level):
    assert within_frame(np.full((2, 64, 64), level, np.uint8)).tolist() == [1, 1]


def test_no_pictures_have_no_frames():
    assert within_frame(np.empty((0, 64, 64), np.uint8)).shape == (0,)
