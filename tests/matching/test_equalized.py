"""Copies whose histograms were equalized, and pictures that only look like it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from imgurer_kernel.matching.equalized import EqualizedPairs, equalized, is_equalized
from imgurer_kernel.matching.relation import Relation
from tests.matching.test_judgement import photo, related
from tests.matching.test_plain_edits import painted_wall
from tests.support.forms import rounds

PICTURES = arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def sky(seed):
    """A pale sky above the dark ground of a photo, and a tower."""
    y = np.linspace(0, 1, 360)[:, None, None]
    pixels = np.array([70, 120, 210]) * (1 - y) + np.array([190, 205, 235]) * y
    pixels = np.repeat(pixels, 480, 1)
    ground = 0.6 * np.asarray(photo(seed).resize((480, 360)), float)
    for below in np.s_[230:], np.s_[180:230, 200:260]:
        pixels[below] = ground[below]
    return Image.fromarray(pixels.astype(np.uint8))


def door(seed):
    """A red door that fills most of the picture."""
    grays = np.asarray(photo(seed).convert("L").resize((480, 360)), float)[..., None]
    pixels = np.array([150, 40, 45]) * (0.75 + 0.5 * grays / 255)
    pixels[:, :90] = grays[:, :90] * 0.8 + 20
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("draw", "seed"),
    [*((sky, seed) for seed in (3, 4, 5)), *((door, 1), (door, 6)), (painted_wall, 7)],
)
def test_an_equalized_copy_is_the_same_picture(draw, seed):
    """Each channel has a curve of its own, so that the colours are others all over."""
    picture = draw(seed)
    assert related(picture, ImageOps.equalize(picture))[0] is Relation.SAME


@pytest.mark.parametrize("seed", [1, 6])
def test_an_equalized_picture_in_other_colours_is_another(seed):
    red = door(seed)
    blue = Image.merge("RGB", red.split()[::-1])
    assert related(red, ImageOps.equalize(blue))[0] is not Relation.SAME


@pytest.mark.parametrize("seed", range(20, 20 + rounds(4, 40)))
def test_photographs_are_not_equalized_and_their_equalized_copies_are(seed):
    pixels = np.asarray(photo(seed))
    assert not is_equalized(pixels)
    assert is_equalized(np.asarray(ImageOps.equalize(photo(seed))))
    assert is_equalized(equalized(pixels))


@settings(max_examples=rounds(20, 500))
@given(PICTURES)
def test_tones_keep_their_order(picture):
    found = equalized(picture)
    assert found.shape == picture.shape
    for channel in range(3):
        before, after = picture[..., channel].ravel(), found[..., channel].ravel()
        order = np.argsort(before, kind="stable")
        assert (np.diff(after[order].astype(int)) >= 0).all()
        assert len(np.unique(after)) <= len(np.unique(before))


def test_only_the_picture_beside_an_equalized_one_is_changed():
    plain, other = (np.asarray(photo(seed)) for seed in (20, 21))
    stretched = equalized(plain)
    pictures = {4: plain, 7: other, 9: stretched}
    pairs = EqualizedPairs()
    first, second = pairs.pair(pictures, 4, 7)
    assert first is plain
    assert second is other
    first, second = pairs.pair(pictures, 9, 7)
    assert first is stretched
    assert np.array_equal(second, equalized(other))
    first, second = pairs.pair(pictures, 7, 9)
    assert np.array_equal(first, equalized(other))
    assert second is stretched
