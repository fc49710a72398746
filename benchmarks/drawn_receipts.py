"""Receipts of some shops, scanned: one shop's have the same head and foot, and other items.

Two receipts of one shop are strangers. What is planted of some are edited copies: those of all
sets, and a side cut off, something put on it, a small turn, and a filter.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from candidates import EDITS
from drawn_pages import words_of
from drawn_sets import Drawn, copies, font, smooth, to_image, write_set
from PIL import Image, ImageDraw

SHOPS, RECEIPTS, COPIED = 9, 10, 0.16
MORE = ("side 15 %", "side 20 %", "sticker 10 %", "turned 5", "filters")
WIDTH = 380


def draw_receipts(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    rng = random.Random(f"receipts {seed}")
    write_set(folder, drawn(rng), rng, copied=COPIED, suffix="jpg", copies=_edits)


def _edits(image: Image.Image, name: str, rng: random.Random) -> Iterator[tuple[str, Image.Image]]:
    yield from copies(image, name, rng)
    for kind in MORE:
        yield kind.replace(" %", "").replace(" ", "-"), EDITS[kind](image, rng)


def drawn(rng: random.Random) -> Iterator[Drawn]:
    """Draw the receipts of all shops, one by one."""
    for shop in range(SHOPS):
        goods = [" ".join(words_of(rng, rng.choice((1, 2, 2, 3))))[:22] for _ in range(40)]
        head = [" ".join(words_of(rng, 2)).upper()[:16], " ".join(words_of(rng, 3)).title()[:30]]
        head.append(f"Tel {rng.randint(10**6, 10**7)}  VAT {rng.randint(10**8, 10**9)}")
        letters = rng.choice(("SansMono", "SansMono", "Sans"))
        points, items = rng.choice((13, 14, 16)), rng.choice((6, 10, 14))
        for number in range(RECEIPTS):
            lines = list(_lines(goods, items + rng.choice((0, 0, 0, 1, 2)), rng))
            paper = paint(head, lines, letters, points, rng)
            name = f"shop{shop}-{number:02}"
            yield Drawn(name, name, scanned(paper, rng))


def _lines(goods: list[str], items: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    day, time = (rng.randint(1, 28), rng.randint(1, 12)), (rng.randint(8, 21), rng.randint(0, 59))
    when = "{:02}/{:02}/2018 {:02}:{:02}".format(*day, *time)
    yield when, f"#{rng.randint(1000, 99999)}"
    yield "-" * 16, "-" * 12
    total = 0.0
    for good in rng.sample(goods, items):
        count, price = rng.choice((1, 1, 1, 2, 3)), round(rng.uniform(0.5, 40), 2)
        total += count * price
        yield (f"{count} x {good}" if count > 1 else good), f"{count * price:.2f}"
    yield "-" * 16, "-" * 12
    yield "TOTAL", f"{total:.2f}"
    paid = 10 * (int(total) // 10 + rng.choice((1, 2)))
    yield rng.choice(("CASH", "CARD")), f"{paid:.2f}"
    yield "CHANGE", f"{paid - total:.2f}"
    yield "TAX 6 %", f"{0.06 * total:.2f}"


def paint(
    head: list[str], lines: list[tuple[str, str]], letters: str, points: int, rng: random.Random
) -> Image.Image:
    """Draw the paper of a receipt."""
    step = round(1.5 * points)
    height = 60 + step * (len(lines) + len(head) + 3) + 70
    image = Image.new("L", (WIDTH, height), 250)
    pen, y = ImageDraw.Draw(image), 24
    for k, text in enumerate(head):
        size = points + (8 if k == 0 else -2)
        style = f"{letters}-Bold" if k == 0 else letters
        pen.text((WIDTH / 2, y), text, fill=30, font=font(size, style), anchor="ma")
        y += step + (8 if k == 0 else 0)
    y += step // 2
    type_ = font(points, letters)
    for left, right in lines:
        bold = font(points + 4, f"{letters}-Bold") if left == "TOTAL" else type_
        pen.text((20, y), left, fill=40, font=bold)
        pen.text((WIDTH - 20, y), right, fill=40, font=bold, anchor="ra")
        y += step
    pen.text((WIDTH / 2, y + 8), "THANK YOU, COME AGAIN", fill=40, font=type_, anchor="ma")
    x = 60
    while x < WIDTH - 60:
        bar = rng.choice((1, 1, 2, 3))
        pen.rectangle((x, y + step + 8, x + bar, y + step + 44), fill=30)
        x += bar + rng.choice((2, 3, 4))
    return image


def scanned(paper: Image.Image, rng: random.Random) -> Image.Image:
    """Scan or photograph a paper: a little turned, uneven light, noise."""
    seed = np.random.default_rng(rng.randrange(2**32))
    turned = paper.rotate(rng.uniform(-1.2, 1.2), Image.Resampling.BICUBIC, fillcolor=235)
    gray = np.asarray(turned, np.float64)
    light = 1 - 0.05 * smooth(gray.shape, 2, seed)
    gray = gray * light * rng.uniform(0.88, 1.0) + seed.normal(0, 3, gray.shape)
    tint = np.array([1.0, rng.uniform(0.97, 1), rng.uniform(0.92, 1)])
    return to_image(gray[..., None] * tint)
