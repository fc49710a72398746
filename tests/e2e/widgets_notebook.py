"""The cell of the notebook that test_widgets.py serves: each widget, alone on the page."""

import io
import time
from pathlib import Path

import ipywidgets
from IPython.display import display
from PIL import Image

from imgurer_kernel.ui.theme.theme import Theme
from imgurer_kernel.ui.widgets.facts_view import FactsView
from imgurer_kernel.ui.widgets.gallery import Gallery
from imgurer_kernel.ui.widgets.tile_data import Tile
from imgurer_kernel.ui.widgets.upload.control import UploadControl, Verdict

FOLDER = Path("@FOLDER@")
NASTY = "<img src=x onerror=window.pwned=1>.png"
LONG = "/home/ann/Pictures/2019/holidays in Brittany/Camera/100CANON"
NAMES = {1: NASTY, 2: "🏖️ " + "x" * 240 + "é.jpg", 3: "two\nlines\u202egpj.exe"}


def thumbnail(number, size=(160, 120)):
    stream = io.BytesIO()
    colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    Image.new("RGB", size, colour).save(stream, "JPEG")
    return stream.getvalue()


def tile(number, **more):
    name = NAMES.get(number, f"picture {number}.jpg")
    size = (90, 160) if number % 3 == 0 else (160, 120)
    return Tile(
        image_id=number,
        name=name,
        detail="4032 x 3024 · 2.1 MB",
        alt=f"{name}, 4032 by 3024",
        thumbnail=thumbnail(number, size),
        **more,
    )


log = ipywidgets.HTML()
log.add_class("log")


def write(text):
    log.value = text


def button(text, action):
    made = ipywidgets.Button(description=text)
    made.on_click(lambda _: action())
    return made


gallery = Gallery(label="Results", tile_size=120)
gallery.observe(lambda change: write(f"selected {change['new']}"), "selected")
gallery.on_open(lambda image_id: write(f"opened {image_id}"))

folders = Gallery(label="Folders", tile_size=100)
folders.show(
    [
        tile(100 + n, note="smaller", folder=folder, path=f"{folder}/a.jpg")
        for n, folder in enumerate(("/a/b", LONG, "", "/a"))
    ]
)
facts = FactsView()
broken = Gallery()
broken.show(
    [Tile(image_id=1, name="no picture", detail="", alt="no picture", thumbnail=b"nonsense")]
)


many = [tile(n) for n in range(200)]


def reset():
    write("")
    upload.stall_seconds = 60
    upload.clear()
    single.clear()
    facts.clear()
    gallery.selected = -1
    some = [tile(n, badge="4 bits") for n in range(12)]
    gallery.show(some, divider=9, divider_label="unverified")
    write("reset")


tools = [
    button("Reset", reset),
    button("Wait", lambda: setattr(gallery, "busy", True)),
    button("Next", lambda: gallery.show([tile(n) for n in (5, 30, 31)])),
    button("None", lambda: gallery.show([])),
    button("Many", lambda: gallery.show(many)),
    button("Facts", lambda: facts.show(NASTY, thumbnail(1), NASTY, [("Pixels", NASTY)])),
]


def judge(upload):
    while upload.name.startswith("held") and not (FOLDER / "release").exists():
        time.sleep(0.05)
    if upload.name.startswith("fault"):
        message = "a fault of ours"
        raise ZeroDivisionError(message)
    text = f"took {upload.bytes} bytes {upload.digest}"
    if upload.name.startswith("match"):
        return Verdict(
            status="duplicate",
            text=text,
            thumbnail=thumbnail(1),
            image_id=1,
            match_thumbnail=thumbnail(2),
            match_text=f"{NASTY}, added by ann",
            match_image_id=2,
        )
    if not upload.bytes:
        return Verdict(status="rejected", text="rejected: the file is empty")
    return Verdict(status="added", text=text, thumbnail=thumbnail(1))


upload = UploadControl(FOLDER, judge, 256_000_000)
upload.on_idle(lambda: write("idle"))
upload.on_open(lambda image_id: write(f"opened {image_id}"))
single = UploadControl(FOLDER, judge, 1_000_000, multiple=False, prompt="Drop one picture here")


def stall():
    time.sleep(6)
    write("awake")


tools += [
    button("Impatient", lambda: setattr(upload, "stall_seconds", 2)),
    button("Stall", stall),
]


def part(name, *children):
    box = ipywidgets.VBox(children)
    box.add_class(f"part-{name}")
    return box


toolbar = ipywidgets.HBox(tools)
toolbar.add_class("imgurer-toolbar")
page = ipywidgets.VBox(
    [
        Theme(),
        toolbar,
        log,
        part("gallery", gallery),
        part("second", ipywidgets.VBox([gallery])),
        part("folders", folders),
        part("facts", facts),
        part("broken", broken),
        part("upload", upload),
        part("single", single),
    ]
)
for name in ("imgurer", "imgurer-page"):
    page.add_class(name)
display(page)
reset()
write("ready")
