import io

import numpy as np
import pytest
from PIL import Image

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.report.evaluation.transforms import BY_NAME, TRANSFORMS, copy_as_file, variant
from tests.support.copies import picture

SCENE = picture(0)


def pixels(image):
    return np.asarray(image, np.float64)


def test_names_and_tiers():
    assert len(BY_NAME) == len(TRANSFORMS) == 53
    assert [sum(each.tier == tier for each in TRANSFORMS) for tier in (1, 2, 3, 4)] == [30, 9, 8, 6]


@pytest.mark.parametrize("name", BY_NAME)
def test_the_same_call_makes_the_same_copy_and_leaves_the_picture_alone(name):
    before = SCENE.tobytes()
    copy = variant(SCENE, name, key="a", seed=1)
    assert copy.mode == "RGB"
    assert copy.tobytes() == variant(SCENE, name, key="a", seed=1).tobytes()
    assert copy.tobytes() != SCENE.tobytes()
    assert SCENE.tobytes() == before


@pytest.mark.parametrize("name", ["jpeg10", "brighter", "crop5", "caption", "rotate3", "resize50"])
def test_strengths_differ_from_picture_to_picture_and_seed_to_seed(name):
    made = {variant(SCENE, name, key=key, seed=seed).tobytes() for key in "abc" for seed in (1, 2)}
    assert len(made) > 3


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("size", [(9, 9), (200, 20), (16, 90)])
def test_small_pictures_can_be_copied(name, size):
    assert min(variant(Image.new("RGB", size, "teal"), name, key="k", seed=0).size) >= 1


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_any_mode_is_taken(mode):
    assert variant(SCENE.convert(mode), "crop2", key="k", seed=0).mode == "RGB"


@pytest.mark.parametrize(("name", "least", "most"), [("crop1", 0.5, 1.5), ("crop2", 1.5, 2.5)])
def test_crops_cut_what_their_name_says(name, least, most):
    large = SCENE.resize((2000, 1500))
    for seed in range(5):
        copy = variant(large, name, key="k", seed=seed)
        for whole, part in zip(large.size, copy.size, strict=True):
            assert least - 0.1 <= 100 * (1 - part / whole) <= most + 0.1


def test_quarter_turns_and_flips_are_exact():
    array = np.asarray(SCENE)
    for name, wanted in {
        "rotate90": np.rot90(array),
        "rotate180": np.rot90(array, 2),
        "rotate270": np.rot90(array, 3),
        "flip_sideways": array[:, ::-1],
        "flip_upside_down": array[::-1],
        "transpose": array.swapaxes(0, 1),
    }.items():
        assert np.array_equal(np.asarray(variant(SCENE, name, key="k", seed=0)), wanted), name


def test_tones_go_where_their_names_say():
    mean, spread = pixels(SCENE).mean(), pixels(SCENE).std()
    changed = {
        name: pixels(variant(SCENE, name, key="k", seed=3))
        for name in ("brighter", "darker", "contrast_up", "contrast_down", "gray", "blur4")
    }
    assert changed["brighter"].mean() > mean + 5
    assert changed["darker"].mean() < mean - 5
    assert changed["contrast_up"].std() > spread * 1.1
    assert changed["contrast_down"].std() < spread * 0.9
    assert np.ptp(changed["gray"], axis=2).max() == 0
    slopes = [np.abs(np.diff(p, axis=1)).mean() for p in (changed["blur4"], pixels(SCENE))]
    assert slopes[0] < slopes[1] / 2


def test_borders_go_around_and_keep_the_picture():
    framed = variant(SCENE, "border5", key="k", seed=0)
    width = (framed.width - SCENE.width) // 2
    inner = framed.crop((width, width, width + SCENE.width, width + SCENE.height))
    assert inner.tobytes() == SCENE.tobytes()
    assert framed.getpixel((0, 0)) == (0, 0, 0)


def test_writing_covers_a_small_part():
    for name in ("caption", "logo", "watermark"):
        differs = np.abs(pixels(variant(SCENE, name, key="k", seed=1)) - pixels(SCENE)).max(2) > 2
        assert 0.002 < differs.mean() < 0.25, name


@pytest.mark.parametrize("name", ["jpeg30", "rotate90", "meme"])
def test_a_copy_as_a_file_is_a_picture_like_any_other(name):
    data = copy_as_file(np.asarray(SCENE), name, key="k", seed=0)
    copy = variant(SCENE, name, key="k", seed=0)
    with Image.open(io.BytesIO(data)) as read:
        assert (read.format, read.size) == ("JPEG", copy.size)
    assert fingerprint(data).informative
    assert data == copy_as_file(np.asarray(SCENE), name, key="k", seed=0)
