"""Enlargements whose edges do not tell are not kept over what they were made from."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from imgurer_kernel.fingerprint.original import measure_original
from tests.support.forms import pairs
from tests.support.pictures import encode, scene

GRAIN = np.random.default_rng(1).normal(0, 8, (240, 320, 3))
PHOTO = Image.fromarray(np.clip(scene(7, 320, 240) + GRAIN, 0, 255).astype(np.uint8))


def enlarged(picture, times, way=Image.Resampling.NEAREST):
    return picture.resize((picture.width * times, picture.height * times), way)


def kept(new_store, files):
    wb = new_store()
    for name, data in files.items():
        wb.upload(name, data)
    queue = wb.queue(progress=False).set_index("filename")
    assert len(queue) == len(files)
    return queue.index[queue["is_keeper"]].tolist()


@pytest.mark.parametrize(("times", "quality"), pairs([2, 3, 4], [75, 95, None]))
def test_the_smaller_original_is_kept(new_store, times, quality):
    large = enlarged(PHOTO, times)
    more = encode(large, "PNG") if quality is None else encode(large, quality=quality)
    assert measure_original(more).repeats == times
    files = {"a-large.jpg": more, "b-original.jpg": encode(PHOTO, quality=90)}
    assert kept(new_store, files) == ["b-original.jpg"]


@pytest.mark.long
def test_a_picture_and_its_smaller_copy_repeat_nothing(new_store):
    large = enlarged(PHOTO, 2, Image.Resampling.BICUBIC)
    fine = np.random.default_rng(2).normal(0, 8, (480, 640, 3))
    large = Image.fromarray(np.clip(np.asarray(large) + fine, 0, 255).astype(np.uint8))
    small = large.resize((320, 240), Image.Resampling.LANCZOS)
    for quality in (30, 60, 95):
        assert measure_original(encode(large, quality=quality)).repeats == 1
    files = {"a-small.jpg": encode(small, quality=95), "b-large.jpg": encode(large, quality=90)}
    assert kept(new_store, files) == ["b-large.jpg"]


def test_a_drawing_on_a_grid_is_kept_over_its_half(new_store):
    drawing = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(drawing)
    for at in range(12):
        box = (40 + 48 * at, 80 + 24 * at, 71 + 48 * at, 199 + 16 * at)
        draw.rectangle(box, fill=(20 * at, 90, 250 - 20 * at))
    files = {
        "a-half.png": encode(drawing.resize((320, 240), Image.Resampling.LANCZOS), "PNG"),
        "b-drawing.png": encode(drawing, "PNG"),
    }
    assert kept(new_store, files) == ["b-drawing.png"]


@pytest.mark.long
@pytest.mark.parametrize(("camera", "expected"), [("camera", "b-old.jpg"), (None, "a-shot.png")])
def test_a_screenshot_is_not_kept_over_an_old_camera_file(new_store, camera, expected):
    exif = Image.Exif()
    if camera:
        exif[0x0110] = camera
    shot = Image.new("RGB", (1080, 1920), "black")
    shot.paste(PHOTO.resize((1080, 810), Image.Resampling.BICUBIC), (0, 500))
    files = {"a-shot.png": encode(shot, "PNG"), "b-old.jpg": encode(PHOTO, quality=90, exif=exif)}
    assert kept(new_store, files) == [expected]


@pytest.mark.long
def test_a_smooth_photograph_is_seen_to_be_enlarged(new_store):
    # With hardly more texture than a drawing has.
    soft = Image.fromarray(scene(5, 320, 240)).filter(ImageFilter.GaussianBlur(4))
    grain = np.random.default_rng(3).normal(0, 0.5, (240, 320, 1))
    smooth = Image.fromarray(np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8))
    ImageDraw.Draw(smooth).rectangle((200, 40, 260, 200), fill=(20, 20, 30))
    assert measure_original(encode(smooth, "PNG")).texture < 1.2
    files = {
        "a-large.jpg": encode(enlarged(smooth, 2), quality=95),
        "b-original.jpg": encode(smooth, quality=90),
    }
    assert kept(new_store, files) == ["b-original.jpg"]
