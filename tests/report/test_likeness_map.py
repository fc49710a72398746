import sys

import numpy as np
import pandas as pd
import pytest

from imgurer_kernel.errors import BlobMissing, ImgurerError
from imgurer_kernel.report.figures import plot_map
from imgurer_kernel.report.likeness_map import LikenessMap, lay_out, spread
from tests.support.pictures import jpeg


def families(number, each, seed=0):
    """Grays of so many pictures, each with so many slightly changed copies after each other."""
    random = np.random.default_rng(seed)
    bases = random.integers(40, 200, (number, 1, 9, 9))
    noise = random.integers(-6, 7, (number, each, 9, 9))
    return (bases + noise).reshape(-1, 9, 9).astype(np.uint8)


@pytest.mark.parametrize("sample", [4000, 60])
def test_copies_lie_nearer_than_strangers(sample):
    places = lay_out(families(30, 4), sample=sample)
    assert places.shape == (120, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    bits = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(bits, np.inf)
    assert (bits.argmin(axis=1) // 4 == np.arange(120) // 4).mean() > 0.9


def test_the_same_seed_gives_the_same_map_and_equal_pictures_one_place():
    grays = families(12, 2)
    grays[5] = grays[0]
    assert np.array_equal(lay_out(grays, 3), lay_out(grays, 3))
    places = lay_out(grays, 3)
    assert np.array_equal(places[5], places[0])
    # Brightness and contrast say nothing of what a picture shows.
    assert np.allclose(lay_out(np.stack([grays[1] // 2 * 2, grays[1] // 2 * 2 + 1]))[:, 1], 0.5)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5])
def test_few_or_equal_pictures_have_a_map(number):
    assert lay_out(families(max(number, 1), 1)[:number]).shape == (number, 2)
    assert np.isfinite(lay_out(np.full((number, 9, 9), 7, np.uint8))).all()


def test_without_its_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ImgurerError, match=r"imgurer\[map\]"):
        lay_out(families(4, 1))


@pytest.mark.parametrize("dark", [False, True])
def test_a_map_is_drawn_with_thumbnails_that_are_there(dark):
    frame = pd.DataFrame({"image_id": [1, 2, 3], "x": [0.0, 0.5, 1.0], "y": [0.2, 0.9, 0.1]})
    frame["cluster_id"] = pd.array([None, 0, 0], "Int64")

    def thumbnail(image_id):
        if image_id == 2:
            message = "gone"
            raise BlobMissing(message)
        return jpeg(image_id, 60, 40)

    drawn = LikenessMap(frame=frame, thumbnail=thumbnail).figure(dark=dark)
    assert drawn.jpeg().startswith(b"\xff\xd8")
    assert len(drawn.axes[0].artists) == 2
    assert plot_map(frame.iloc[:0], {}, dark=dark).jpeg().startswith(b"\xff\xd8")


def test_pictures_are_spread_over_the_map():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"image_id": range(500), "x": random.random(500), "y": random.random(500)})
    chosen = spread(frame, 50)
    assert 30 < len(chosen) <= 50
    assert len(set(chosen)) == len(chosen)
