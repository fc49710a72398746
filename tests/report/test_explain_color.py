import numpy as np
import pytest

from imgurer_kernel.report.explain.color import color_distance, compare_tones, fit_tones
from tests.support.pictures import scene

PICTURE = scene(3, 96, 72).astype(np.float32)
ALL = np.ones(PICTURE.shape[:2], bool)


def plain(*color):
    return np.full((4, 4, 3), color, np.float32)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [  # CIE L*a*b* of sRGB colors under D50 (Bradford), as published tables have them
        ((0, 0, 0), (255, 255, 255), 100),
        ((255, 0, 0), (0, 255, 0), 164.0),
        ((255, 0, 0), (0, 0, 255), 184.0),
        ((119, 119, 119), (119, 119, 119), 0),
    ],
)
def test_distances_are_those_of_lab(one, other, distance):
    assert color_distance(plain(*one), plain(*other)) == pytest.approx(distance, abs=1)


def test_a_shift_by_a_pixel_is_not_a_difference_but_missing_content_is():
    assert color_distance(PICTURE[:, 1:], PICTURE[:, :-1])[1:-1, 1:-1].max() < 1e-3
    dotted = plain(90, 90, 90)
    dotted[1, 1] = 255
    for one, other in ((dotted, plain(90, 90, 90)), (plain(90, 90, 90), dotted)):
        assert color_distance(one, other)[1, 1] > 40


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p * 0.7,
        lambda p: np.clip(p * 1.2 + 10, 0, 255),
        lambda p: 255 * (p / 255) ** 1.6,
        lambda p: np.repeat((p @ [0.299, 0.587, 0.114])[..., None], 3, 2),
    ],
)
def test_tones_are_fitted_whatever_was_done_to_them(change):
    other = change(PICTURE).astype(np.float32)
    assert np.median(color_distance(fit_tones(PICTURE, other, ALL), other)) < 2.5


def test_drawn_content_does_not_affect_the_fit():
    other = PICTURE.copy()
    other[10:30, 10:40] = (255, 0, 0)
    difference = color_distance(fit_tones(PICTURE, other, ALL), other)
    assert np.median(difference[35:]) < 1
    assert np.median(difference[12:28, 12:38]) > 40


def test_tones_are_compared():
    light, contrast, color = compare_tones(PICTURE, PICTURE * 0.5, ALL)
    assert light == pytest.approx(-0.5 * (PICTURE @ [0.299, 0.587, 0.114]).mean(), abs=0.1)
    assert contrast == pytest.approx(0.5, abs=0.03)
    assert color < 0.8
    gray = np.repeat(PICTURE.mean(axis=2, keepdims=True), 3, 2)
    assert compare_tones(PICTURE, gray, ALL)[2] < 0.3
    assert compare_tones(PICTURE, PICTURE, ~ALL) == (0.0, 1.0, 1.0)
