"""Copies with text on them, or with a hidden part, are recognized."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from imgurer_kernel.fingerprint.original import BLOCKS, OriginalFacts
from imgurer_kernel.review.writing import marked
from tests.support.forms import long_only
from tests.support.pictures import encode, scene

PLACE = (100, 80, 180, 160)


def disc(picture):
    ImageDraw.Draw(picture).ellipse(PLACE, fill=(200, 40, 40))


def face(picture):
    draw = ImageDraw.Draw(picture)
    draw.ellipse(PLACE, fill=(250, 210, 60))
    for x in (120, 150):
        draw.ellipse((x, 100, x + 10, 112), fill=(0, 0, 0))
    draw.arc((120, 100, 160, 145), 20, 160, fill=(0, 0, 0), width=4)


def large_pixels(picture):
    part = picture.crop(PLACE)
    few = part.resize((5, 5), Image.Resampling.BOX)
    picture.paste(few.resize(part.size, Image.Resampling.NEAREST), PLACE)


@pytest.mark.long
@pytest.mark.parametrize("hide", [disc, face, large_pixels])
def test_an_original_is_not_written_on_where_its_copy_hides_a_part(hide, new_store):
    wb = new_store()
    grain = np.random.default_rng(1).integers(-60, 61, (240, 320, 1))
    plain = Image.fromarray(np.clip(scene(6, 320, 240) + grain, 0, 255).astype(np.uint8))
    hidden = plain.copy()
    hide(hidden)
    wb.upload("a-original.jpg", encode(plain, quality=92))
    wb.upload("b-hidden.jpg", encode(hidden, quality=92))
    queue = wb.queue(progress=False).set_index("filename")
    assert len(queue) == 2
    assert not queue.loc["a-original.jpg", "is_marked"]
    assert queue.index[queue["is_keeper"]].tolist() == ["a-original.jpg"]


BASE = np.random.default_rng(3).integers(20, 60, (BLOCKS, BLOCKS))


def facts(relief, steepness=0.5, texture=4, clipped=0.0):
    return OriginalFacts(
        steepness=steepness, relief=relief.astype(np.uint8).tobytes(), texture=texture,
        clipped=clipped, quality=90,
    )  # fmt: skip


def with_text(relief, row):
    written = relief.copy()
    written[row : row + 2, 2:20] += 160  # 40 levels in 36 blocks
    return written


def found_written(*of_files):
    names, count = "abcd", len(of_files)
    view = pd.DataFrame(
        {
            "cluster_id": 1, "image_id": range(count), "digest": list(names[:count]),
            "label": ["medoid", *["edited"] * (count - 1)], "width": 320, "height": 240,
        }
    )  # fmt: skip
    return marked(view, dict(zip(names, of_files, strict=False))).tolist()


def test_a_soft_copy_with_writing_of_its_own_does_not_make_the_sharp_one_written_on():
    """Of two that are written on in different places, neither is more so than the other."""
    plain, soft = facts(BASE, 0.5, 4), facts(BASE * 0.8, 0.4, 3)
    sharp_written = facts(with_text(BASE, 3), 0.5, 4)
    assert found_written(sharp_written, soft) == [True, False]
    assert found_written(plain, soft) == [False, False]
    elsewhere = facts(with_text(BASE * 0.8, 18), 0.4, 3)
    assert found_written(sharp_written, elsewhere) == [False, False]


def test_one_poor_copy_of_several_does_not_make_the_others_written_on():
    rich, poor = facts(with_text(BASE, 3)), facts(BASE)
    assert found_written(rich, rich, rich, poor) == [False] * 4
    assert found_written(rich, rich, poor) == [True, True, False]
    assert found_written(rich, poor, poor, poor) == [True, False, False, False]


@pytest.mark.parametrize(("levels", "share"), [(24, 0.1), *long_only((24, 0.35), (16, 0.2))])
def test_fine_texture_is_no_writing_beside_a_smooth_copy(new_store, levels, share):
    chance = np.random.default_rng(1)
    where = np.kron(chance.random((18, 24)) < share, np.ones((20, 20)))[:, :, None]
    grain = where * chance.normal(0, levels, (360, 480, 3))
    picture = Image.fromarray(np.clip(scene(7, 480, 360) + grain, 0, 255).astype(np.uint8))
    wb = new_store()
    # How strongly a WebP is compressed is not known.
    wb.upload("a-smooth.webp", encode(picture, "WEBP", quality=40))
    wb.upload("b-original.jpg", encode(picture, quality=95))
    queue = wb.queue(progress=False).set_index("filename")
    assert len(queue) == 2
    assert not queue.loc["b-original.jpg", "is_marked"]
    assert queue.index[queue["is_keeper"]].tolist() == ["b-original.jpg"]


@pytest.mark.parametrize(
    ("own", "other", "found"), [(0, 0.005, True), (0, 0.02, False), (0.2, 0.205, True)]
)
def test_a_copy_that_is_clipped_more_does_not_make_a_picture_written_on(own, other, found):
    """Brightened until parts are white, it has lost edges there."""
    bright = facts(BASE, clipped=other)
    assert found_written(facts(with_text(BASE, 3), clipped=own), bright) == [found, False]
