"""What is written on a picture, and what hides a part of it."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

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
