"""Pages of one layout: forms, lists of letters on a screen, confusion matrices, chess boards.

Every two of a kind have the same lines and fields in the same places, and differ in what was filled
in. Thumbnails of two forms are as alike as those of copies. No two of a kind are the same picture.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from drawn_pages import words_of
from drawn_sets import Drawn, font, write_set
from PIL import Image, ImageDraw

OF_A_KIND, COPIED = 24, 0.25
_PIECES = "♔♕♖♗♘♙♚♛♜♝♞♟"
_FIELDS = ("Name", "Street", "Town", "Born", "Phone", "Mail", "Account", "Since", "Notes", "Sign")


def draw_layouts(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    rng = random.Random(f"layouts {seed}")
    write_set(folder, drawn(rng), rng, copied=COPIED)


def drawn(rng: random.Random) -> Iterator[Drawn]:
    """Draw all kinds, page by page."""
    words = words_of(rng, 300)
    for place in range(OF_A_KIND):
        yield _named("form", place, form(words, rng))
        yield _named("letters", place, letters(words, rng))
        yield _named("matrix", place, matrix(rng))
        yield _named("board", place, board(rng))


def _named(kind: str, place: int, image: Image.Image) -> Drawn:
    name = f"{kind}{place:02}"
    return Drawn(name, name, image)


def form(words: tuple[str, ...], rng: random.Random) -> Image.Image:
    """Draw an application form of 850x1100 pixels, four fifths of its fields filled in."""
    image = Image.new("RGB", (850, 1100), "white")
    pen = ImageDraw.Draw(image)
    pen.text((60, 40), "APPLICATION FOR MEMBERSHIP", "black", font(26))
    for place, name in enumerate(_FIELDS * 2):
        y = 110 + 46 * place
        pen.text((60, y), name, "black", font(14))
        pen.line((200, y + 22, 790, y + 22), "black")
        if rng.random() < 0.8:
            pen.text((210, y - 2), " ".join(rng.choices(words, k=3)), "#1a2a8a", font(18))
    return image


def letters(words: tuple[str, ...], rng: random.Random) -> Image.Image:
    """Draw a screen of 1280x800 pixels with a list of letters."""
    image = Image.new("RGB", (1280, 800), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 1280, 56), "#24548a")
    pen.text((20, 12), "Letters", "white", font(26))
    pen.rectangle((0, 56, 220, 800), "#eef2f6")
    for row, name in enumerate(("In", "Sent", "Drafts", "Spam", "Trash", "Work", "Home")):
        pen.text((24, 80 + 36 * row), name, "#333333", font(18))
    for row in range(18):
        y = 70 + 40 * row
        pen.line((220, y + 34, 1280, y + 34), "#dddddd")
        pen.text((240, y), " ".join(rng.choices(words, k=2)).title(), "black", font(18))
        pen.text((470, y), " ".join(rng.choices(words, k=8)), "#444444", font(14))
        pen.text((1190, y), f"{rng.randrange(24):02}:{rng.randrange(60):02}", "#777777", font(14))
    return image


def matrix(rng: random.Random) -> Image.Image:
    """Draw a confusion matrix of eight classes, 640x640 pixels."""
    image = Image.new("RGB", (640, 640), "white")
    pen = ImageDraw.Draw(image)
    pen.text((200, 10), "Confusion matrix", "black", font(18))
    for row in range(8):
        for column in range(8):
            value = rng.randint(60, 99) if row == column else rng.randint(0, 20)
            shade, x, y = 255 - int(2.2 * value), 80 + 64 * column, 60 + 64 * row
            pen.rectangle((x, y, x + 63, y + 63), (shade, shade, 255))
            pen.text((x + 20, y + 20), str(value), "black" if value < 50 else "white", font(18))
    return image


def board(rng: random.Random) -> Image.Image:
    """Draw a chess board of 480x480 pixels, a third of its squares taken."""
    image = Image.new("RGB", (480, 480))
    pen = ImageDraw.Draw(image)
    for row in range(8):
        for column in range(8):
            x, y = 60 * column, 60 * row
            pen.rectangle((x, y, x + 59, y + 59), "#eeeedd" if (row + column) % 2 else "#769656")
            if rng.random() < 0.35:
                pen.text((x + 12, y + 6), rng.choice(_PIECES), "black", font(40))
    return image
