"""What a format without loss says of a copy: it is the master, or was reduced to few colours."""

import io
import os

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from tests.support.forms import long_only, thinned
from tests.support.pictures import encode, scene

PHOTO = Image.fromarray(scene(7, 480, 360))
NOISY = Image.fromarray(
    np.clip(
        np.asarray(PHOTO).astype(int) + np.random.default_rng(1).normal(0, 6, (360, 480, 3)), 0, 255
    ).astype(np.uint8)
)
"""With the grain of a photograph."""

# Made by the test that uses them: quantizing at import would take a second in every process.
REDUCED = {
    "GIF": (lambda: NOISY.convert("P", palette=Image.Palette.ADAPTIVE), "GIF"),
    "GIF, nearest colours": (lambda: NOISY.quantize(128, dither=Image.Dither.NONE), "GIF"),
    "PNG of 256 colours": (lambda: NOISY.quantize(256), "PNG"),
    "PNG of 16 tones each": (lambda: ImageOps.posterize(NOISY, 4), "PNG"),
    "16 grays": (lambda: ImageOps.posterize(NOISY.convert("L"), 4), "PNG"),
}


def kept(new_store, folder, files):
    """Take in files, the first one oldest; return the name of the file that is kept."""
    for time, (name, data) in enumerate(files.items(), 1_400_000_000):
        (folder / name).write_bytes(data)
        os.utime(folder / name, (time, time))
    wb = new_store()
    wb.ingest(folder, store="reference", progress=False)
    queue = wb.queue(progress=False)
    assert len(queue) == len(files)
    return queue.loc[queue["is_keeper"], "filename"].tolist()


@pytest.mark.parametrize("name", thinned(REDUCED, 2))
def test_the_file_with_all_colours_is_kept(new_store, tmp_path, name):
    source = NOISY.convert("L") if name == "16 grays" else NOISY
    reduce, kind = REDUCED[name]
    files = {"a.png": encode(reduce(), kind), "b.jpg": encode(source, quality=85)}
    assert kept(new_store, tmp_path, files) == ["b.jpg"]


@pytest.mark.long
def test_a_drawing_of_few_colours_is_kept_over_a_jpeg_of_it(new_store, tmp_path):
    drawing = Image.new("RGB", (480, 360), "white")
    draw = ImageDraw.Draw(drawing)
    for at, colour in enumerate(("navy", "red", "green", "black", "orange")):
        draw.rectangle((30 + 80 * at, 40 + 30 * at, 90 + 80 * at, 200 + 30 * at), fill=colour)
        draw.text((30 + 80 * at, 20), f"bar {at}", fill="black")
    files = {"a.jpg": encode(drawing, quality=85), "b.png": encode(drawing.quantize(16), "PNG")}
    assert kept(new_store, tmp_path, files) == ["b.png"]


@pytest.mark.parametrize(
    "heights",
    [(80, 330, 140, 300, 20, 250, 60, 160), *long_only(((300, 40, 220, 90, 310),))],
)
def test_a_chart_with_margins_is_kept_over_jpegs_of_it_that_are_cropped(
    new_store, tmp_path, heights
):
    chart = Image.new("RGB", (640, 480), "white")
    draw = ImageDraw.Draw(chart)
    draw.rectangle((80, 58, 576, 427), outline="black")
    draw.text((320, 40), "Sales", "black", font_size=16)
    width = 480 // len(heights)
    for at, height in enumerate(heights):
        left = 90 + width * at
        draw.rectangle((left, 427 - height, left + width - 12, 427), "#1f77b4")
        draw.text((left + 10, 435), "ABCDEFGH"[at], "black", font_size=14)
    noted = chart.copy()
    ImageDraw.Draw(noted).text((32, 432), "Copy for Mr Smith", "red", font_size=26)
    files = {
        "a cropped.jpg": encode(chart.crop((19, 14, 621, 466)), quality=88),
        "b noted.jpg": encode(noted, quality=88),
        "c.png": encode(chart, "PNG"),
        "d saved.jpg": encode(chart, quality=70),
    }
    assert kept(new_store, tmp_path, files) == ["c.png"]


# A master without loss, and a JPEG of it that is older and has more facts.


def exif(camera):
    made = Image.Exif()
    made[0x0131] = "a program"
    made.get_ifd(0x8769)[0x9003] = "2019:06:01 10:00:00"
    if camera:
        made[0x0110] = "camera"
    return made


@pytest.mark.long
@pytest.mark.parametrize("name", ["TIFF", "PNG"])
def test_a_master_is_kept_over_a_jpeg_with_more_facts(new_store, tmp_path, name):
    files = {
        "a.jpg": encode(NOISY, quality=88, exif=exif(camera=False)),
        f"b.{name.lower()}": encode(NOISY, name),
    }
    assert kept(new_store, tmp_path, files) == [f"b.{name.lower()}"]


@pytest.mark.long
def test_a_camera_file_is_kept_over_what_may_be_an_edit_of_it(new_store, tmp_path):
    files = {
        "a.png": encode(NOISY, "PNG"),
        "b.jpg": encode(NOISY, quality=88, exif=exif(camera=True)),
    }
    assert kept(new_store, tmp_path, files) == ["b.jpg"]


@pytest.mark.long
def test_what_was_made_of_a_jpeg_is_no_master(new_store, tmp_path):
    source = encode(NOISY, quality=85)
    files = {"a.png": encode(Image.open(io.BytesIO(source)), "PNG"), "b.jpg": source}
    assert kept(new_store, tmp_path, files) == ["b.jpg"]
