"""Build sets of look-alikes from films, meme templates and documents, for `look_alikes.py`.

The pictures may not be passed on; packages that bring some are named in ``look_alikes.md``. Files
and unpacked folders are given, nothing is fetched::

    python benchmarks/real_scenes.py films SETS/films_real bikes.mp4 carphone_pristine.mp4
    python benchmarks/real_scenes.py memes SETS/memes_real FOLDER --font impact.ttf
    python benchmarks/real_scenes.py pages SETS/pages_real gnuplot.pdf glpk.pdf

Each frame of a film, 0.4 s apart, is a picture of its own, as is each page; all captions of one
template are one picture. Films need PyAV (`av`), documents `pypdfium2`.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from drawn_memes import _wrapped
from drawn_pages import words_of
from drawn_sets import Drawn, font, opaque, write_set
from PIL import Image, ImageDraw, ImageFont

SECONDS, LONGEST = 0.4, 10.0  # between frames; of a film
COPIED = {"films": 0.4, "memes": 0.12, "pages": 0.08}
CAPTIONS = 2  # of a template, on average
PAGES, DPI = 300, 80
_LEAST = 150  # pixels of the shorter side: icons are no templates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=BUILDERS)
    parser.add_argument("out", type=Path, help="a new folder, by whose name the set is called")
    parser.add_argument("sources", type=Path, nargs="+", help="files, or folders of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--font", type=Path, help="of captions, as Impact; else DejaVu Sans Bold")
    chosen = parser.parse_args()
    rng = random.Random(f"{chosen.kind} {chosen.seed}")
    sources = [file for source in chosen.sources for file in _files(source)]
    drawn = BUILDERS[chosen.kind](sources, rng, chosen.font)
    suffix = "png" if chosen.kind == "pages" else "jpg"
    write_set(chosen.out, drawn, rng, copied=COPIED[chosen.kind], suffix=suffix)


def frames(films: list[Path], _rng: random.Random, _: Path | None) -> Iterator[Drawn]:
    """Yield every frame that is the first after another 0.4 s of its film."""
    import av

    for film in films:
        following = 0.0
        with av.open(str(film)) as container:
            for k, frame in enumerate(container.decode(video=0)):
                # Containers that count from somewhere else are counted here.
                seconds = k / float(container.streams.video[0].average_rate or 25)
                if seconds > LONGEST:
                    break
                if seconds + 1e-6 >= following:
                    name = f"{film.stem}-{seconds:05.1f}"
                    yield Drawn(name, name, frame.to_image())
                    following += SECONDS


def memes(files: list[Path], rng: random.Random, letters: Path | None) -> Iterator[Drawn]:
    """Yield each template with several captions, some without any."""
    seen = set()
    for file in files:
        if file.suffix.lower() not in {".jpg", ".jpeg", ".png", ".webp"}:
            continue
        with Image.open(file) as opened:
            image = opaque(opened if opened.mode == "RGBA" else opened.convert("RGB"))
        if min(image.size) < _LEAST or file.stem in seen:
            continue
        seen.add(file.stem)
        image.thumbnail((900, 900), Image.Resampling.LANCZOS)
        for k in range(rng.randint(1, 2 * CAPTIONS - 1)):
            bare = k == 0 and rng.random() < 0.3
            meme = image if bare else captioned(image, rng, letters)
            yield Drawn(f"{file.stem}-{k}", file.stem, meme)


def captioned(image: Image.Image, rng: random.Random, letters: Path | None) -> Image.Image:
    """Write at the top, at the bottom or both, in one to three lines as wide as the picture."""
    image = image.copy()
    pen = ImageDraw.Draw(image)
    width, height = image.size
    for place in rng.choice((("top", "bottom"), ("top", "bottom"), ("bottom",), ("top",))):
        size = max(10, round(height * rng.uniform(0.08, 0.14)))
        face = ImageFont.truetype(str(letters), size) if letters else font(size, "Sans-Bold")
        text = " ".join(words_of(rng, rng.randint(2, 9))).upper()
        lines = list(_wrapped(text, face, 0.94 * width))[:3]
        stroke, step = max(1, size // 14), round(1.15 * size)
        y = 0.02 * height if place == "top" else 0.98 * height - step * len(lines)
        for line in lines:
            pen.text(
                (width / 2, y),
                line,
                font=face,
                anchor="ma",
                fill="white",
                stroke_width=stroke,
                stroke_fill="black",
            )
            y += step
    return image


def pages(files: list[Path], rng: random.Random, _: Path | None) -> Iterator[Drawn]:
    """Yield pages of documents, drawn by lot and in their order."""
    import pypdfium2

    documents = {file.stem: pypdfium2.PdfDocument(file) for file in files}
    every = [(name, k) for name, document in documents.items() for k in range(len(document))]
    for name, k in sorted(rng.sample(every, min(PAGES, len(every)))):
        image = documents[name][k].render(scale=DPI / 72).to_pil().convert("RGB")
        yield Drawn(f"{name}-{k:04}", f"{name}-{k:04}", image)


def _files(source: Path) -> list[Path]:
    return sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]


BUILDERS = {"films": frames, "memes": memes, "pages": pages}


if __name__ == "__main__":
    main()
