"""Pages of documents: each has its own style, header and footer, and pages with other writing.

Text in one or two columns, headings, tables, formulas and charts, at the resolution at which a PDF
is shown on a screen. No two pages of a document are the same picture.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drawn_sets import Drawn, font, write_set
from PIL import Image, ImageDraw

DOCUMENTS, PAGES, COPIED = 9, 14, 0.14
_SYLLABLES = (
    "the a of in to an on re con ver si ta mo ple ling ment ness ation der ein il per che lo que "
    "al pro tra bi sor ter mi nat ur el is ing ed es ly ro di ca le no or vi fe ga hu ska om ap"
)


@dataclass(frozen=True)
class Style:
    """How a document looks: its size, margins, columns and letters."""

    size: tuple[int, int]
    margin: int
    columns: int
    letters: str
    points: int
    spacing: float
    title: str
    headed: bool
    words: tuple[str, ...]


def draw_pages(folder: Path, _photos: list[Path], seed: int = 1) -> None:
    """Write the set to a new folder; no photographs are needed."""
    rng = random.Random(f"pages {seed}")
    write_set(folder, drawn(rng), rng, copied=COPIED)


def drawn(rng: random.Random) -> Iterator[Drawn]:
    """Draw all documents, page by page."""
    for document in range(DOCUMENTS):
        style = _style(rng)
        for page in range(PAGES):
            name = f"d{document}-p{page:02}"
            yield Drawn(name, name, paint(style, page, rng))


def words_of(rng: random.Random, count: int) -> tuple[str, ...]:
    """Invent words."""
    return tuple(
        "".join(rng.choices(_SYLLABLES.split(), k=rng.choice((1, 1, 2, 3)))) for _ in range(count)
    )


def _style(rng: random.Random) -> Style:
    return Style(
        size=rng.choice(((612, 792), (595, 842), (816, 1056), (842, 595), (1190, 1684))),
        margin=rng.randint(36, 72),
        columns=rng.choice((1, 1, 2)),
        letters=rng.choice(("Serif", "Serif", "Sans", "SansMono")),
        points=rng.choice((9, 10, 11, 12)),
        spacing=rng.choice((1.2, 1.35, 1.5)),
        title=" ".join(words_of(rng, 4)).title(),
        headed=rng.random() < 0.8,
        words=words_of(rng, 600),
    )


def paint(style: Style, page: int, rng: random.Random) -> Image.Image:
    """Draw one page, gray levels in colours."""
    width, height = style.size
    unit = min(width, height) / 600
    image = Image.new("RGB", style.size, "white")
    pen, margin = ImageDraw.Draw(image), round(style.margin * unit)
    letters = font(round(style.points * unit), style.letters)
    if style.headed:
        pen.text((margin, margin // 2), style.title, fill="black", font=letters)
        pen.line((margin, margin - 6, width - margin, margin - 6), fill="gray")
    pen.text(
        (width / 2, height - margin / 2), str(page + 1), fill="black", font=letters, anchor="mm"
    )
    gap = round(20 * unit)
    column = (width - 2 * margin - gap * (style.columns - 1)) // style.columns
    y = margin + 4
    if page == 0:
        large = font(round(22 * unit), f"{style.letters}-Bold")
        pen.text((width / 2, y + 20 * unit), style.title, fill="black", font=large, anchor="mm")
        y += round(50 * unit)
    for k in range(style.columns):
        _fill(pen, style, (margin + k * (column + gap), y, column, height - margin - 8), rng, unit)
    return image


def _fill(
    pen: ImageDraw.ImageDraw,
    style: Style,
    box: tuple[int, int, int, int],
    rng: random.Random,
    unit: float,
) -> None:
    """Fill a column: left, top, width, bottom."""
    left, y, width, bottom = box
    letters = font(round(style.points * unit), style.letters)
    step = style.points * unit * style.spacing
    last = bottom - (rng.random() * 0.5 * (bottom - y) if rng.random() < 0.2 else 0)
    while y + step < last:
        kind = rng.choices(
            ("text", "heading", "table", "chart", "formula", "list"), (9, 2, 1, 1, 1, 1)
        )[0]
        if kind == "heading":
            text = (
                f"{rng.randint(1, 9)}.{rng.randint(1, 9)} {' '.join(rng.choices(style.words, k=4))}"
            )
            bold = font(round(style.points * unit * 1.2), f"{style.letters}-Bold")
            pen.text((left, y + step / 3), text, fill="black", font=bold)
            y += 2 * step
        elif kind == "table" and y + 8 * step < last:
            y = _table(pen, style, (left, y, width), rng, step, letters)
        elif kind == "chart" and y + 12 * step < last:
            y = _chart(pen, (left, y, width), rng, step)
        elif kind == "formula":
            left_side = f"{rng.choice('xyzfg')} = {rng.randint(2, 99)}"
            text = f"{left_side} {rng.choice('abc')} + {rng.random():.3f}"
            pen.text((left + width / 2, y + step), text, fill="black", font=letters, anchor="mm")
            y += 2.2 * step
        else:
            indent = round(2 * step) if kind == "list" else 0
            for _ in range(rng.randint(2, 9)):
                if y + step >= last:
                    break
                share = 1.0 if rng.random() < 0.8 else rng.random()
                pen.text(
                    (left + indent, y),
                    _line(style, share * (width - indent), rng, letters),
                    fill="black",
                    font=letters,
                )
                y += step
            y += 0.5 * step


def _line(style: Style, width: float, rng: random.Random, letters) -> str:
    line = ""
    while letters.getlength(line) < width - letters.size * 4:
        word = rng.choice(style.words)
        line += (" " if line else "") + (word.capitalize() if rng.random() < 0.15 else word)
    return line


def _table(pen, style: Style, box, rng: random.Random, step: float, letters) -> float:
    left, y, width = box
    rows, columns = rng.randint(4, 7), rng.randint(3, 5)
    for row in range(rows + 1):
        pen.line((left, y + row * step, left + width, y + row * step), fill=(90, 90, 90))
    for row in range(rows):
        for k in range(columns):
            text = rng.choice(style.words) if k == 0 or row == 0 else f"{rng.random() * 100:.1f}"
            pen.text(
                (left + 3 + k * width / columns, y + row * step + 1),
                text[:12],
                fill="black",
                font=letters,
            )
    return y + (rows + 1) * step


def _chart(pen, box, rng: random.Random, step: float) -> float:
    left, y, width = box
    bottom, high = y + 10 * step, 9 * step
    pen.line((left + 20, y, left + 20, bottom, left + width - 10, bottom), fill="black")
    if rng.random() < 0.5:
        bars = rng.randint(5, 11)
        for k in range(bars):
            x = left + 26 + k * (width - 40) / bars
            shade = rng.randint(60, 190)
            pen.rectangle(
                (x, bottom - rng.random() * high, x + 0.6 * width / bars, bottom), fill=(shade,) * 3
            )
    else:
        for _ in range(rng.randint(1, 3)):
            level = rng.random()
            points = []
            for k in range(24):
                level = min(max(level + rng.uniform(-0.15, 0.15), 0), 1)
                points.append((left + 22 + k * (width - 36) / 24, bottom - level * high))
            pen.line(points, fill=rng.choice(("black", "gray", (40, 60, 160))), width=2)
    return bottom + 2 * step
