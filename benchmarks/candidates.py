"""Which edits of photos become candidates of their originals, by each road, and what that costs.

Run with a folder of photos::

    python benchmarks/candidates.py FOLDER_OF_PHOTOS

Forty photos are edited in each of the ways of `EDITS`; 400 others are strangers. *Recall* is the
share of edits that are candidates of their original directly, without help by the others. Strangers
are pairs of pictures of different photos; what was drawn on alike is left out, and so are collages.
Times are processor time of all cores.
"""

import argparse
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import machine
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from imgurer_kernel.fingerprint import decode, fingerprint
from imgurer_kernel.fingerprint.hashes.dhash import dhash_many, turned_hashes
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.matching.candidates import Candidates, concatenate
from imgurer_kernel.matching.hash_candidates import ImageHashes, find_candidates
from imgurer_kernel.matching.regions import window_grays
from imgurer_kernel.matching.spot_candidates import find_spot_candidates
from imgurer_kernel.matching.spots import Spots, find_spots

PHOTOS, STRANGERS = 40, 400
OLD_WINDOWS = 10  # before one-sided ones and middles

Picture = Image.Image
Edit = Callable[[Picture, random.Random], Picture]


def cut(image: Picture, left: float, top: float, right: float, bottom: float) -> Picture:
    """Cut shares off the four sides."""
    w, h = image.size
    return image.crop(
        (round(left * w), round(top * h), round((1 - right) * w), round((1 - bottom) * h))
    )


def cut_side(share: float) -> Edit:
    def edit(image: Picture, rng: random.Random) -> Picture:
        sides = [0.0] * 4
        sides[rng.randrange(4)] = share
        return cut(image, *sides)

    return edit


def keep_area(share: float, *, mirror: bool = False) -> Edit:
    """Keep so much of the area, somewhere."""

    def edit(image: Picture, rng: random.Random) -> Picture:
        rest = 1 - share**0.5
        left, top = rng.random() * rest, rng.random() * rest
        part = cut(image, left, top, rest - left, rest - top)
        return ImageOps.mirror(part) if mirror else part

    return edit


def keep_shape(width: int, height: int) -> Edit:
    """Cut the middle out in another shape."""

    def edit(image: Picture, _rng: random.Random) -> Picture:
        scale = min(image.width / width, image.height / height)
        return ImageOps.fit(image, (round(width * scale), round(height * scale)))

    return edit


def turned(degrees: float, *, inside: bool = False) -> Edit:
    def edit(image: Picture, _rng: random.Random) -> Picture:
        if inside:
            return cut(image.rotate(degrees, Image.Resampling.BICUBIC), 0.12, 0.12, 0.12, 0.12)
        return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")

    return edit


def sticker(share: float) -> Edit:
    def edit(image: Picture, rng: random.Random) -> Picture:
        image = image.copy()
        w, h = (round(side * share**0.5) for side in image.size)
        x, y = rng.randrange(image.width - w), rng.randrange(image.height - h)
        draw = ImageDraw.Draw(image)
        draw.ellipse((x, y, x + w, y + h), fill="gold", outline="black", width=4)
        draw.rectangle((x + w // 3, y + h // 3, x + w // 2, y + h // 2), fill="black")
        return image

    return edit


def captioned(image: Picture, _rng: random.Random) -> Picture:
    image = image.copy()
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=image.height // 8)
    for text, down in (("ONE DOES NOT", 0.02), ("SIMPLY CROP", 0.84)):
        at = (0.1 * image.width, down * image.height)
        draw.text(at, text, font=font, fill="white", stroke_width=3, stroke_fill="black")
    return image


def filtered(image: Picture, _rng: random.Random) -> Picture:
    gray = ImageOps.grayscale(image).convert("RGB")
    return ImageOps.autocontrast(ImageOps.posterize(gray, 4), cutoff=8)


def feed(image: Picture, rng: random.Random) -> Picture:
    """A screenshot of a feed, with the picture among writing."""
    screen = Image.new("RGB", (540, 960), "white")
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, 540, 90), fill=(240, 240, 240))
    draw.ellipse((20, 110, 70, 160), fill=(90, 90, 200))
    shown = image.resize((540, round(image.height * 540 / image.width)))
    screen.paste(shown, (0, 180))
    for y in range(190 + shown.height, 940, 24):
        draw.rectangle((20, y, rng.randrange(220, 500), y + 10), fill=(120, 120, 120))
    return screen


def collage(across: int, down: int) -> Edit:
    """The picture among others, which are noise of several sizes."""

    def edit(image: Picture, rng: random.Random) -> Picture:
        sheet = Image.new("RGB", (300 * across, 300 * down))
        place = rng.randrange(across * down)
        for k in range(across * down):
            shown = image
            if k != place:
                noise = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 256, (9, 9, 3))
                shown = Image.fromarray(noise.astype(np.uint8)).resize((300, 300))
            where = (k % across * 300, k // across * 300)
            sheet.paste(ImageOps.fit(shown, (300, 300)), where)
        return sheet

    return edit


EDITS: dict[str, Edit] = {
    "half size": lambda image, _: image.resize((image.width // 2, image.height // 2)),
    "64 px thumbnail": lambda image, _: image.resize((64, 64 * image.height // image.width)),
    "crop 6 %": lambda image, _: cut(image, 0.03, 0.03, 0.03, 0.03),
    "side 15 %": cut_side(0.15),
    "side 20 %": cut_side(0.2),
    "side 30 %": cut_side(0.3),
    "square crop": keep_shape(1, 1),
    "16:9 crop": keep_shape(16, 9),
    "4:5 crop": keep_shape(4, 5),
    "crop of 25 % area": keep_area(0.75),
    "crop of 40 % area": keep_area(0.6),
    "65 % of each side": keep_area(0.65**2),
    "50 % of each side": keep_area(0.25),
    "turned 5": turned(5),
    "turned 10": turned(10),
    "turned 15": turned(15),
    "turned 8, cropped in": turned(8, inside=True),
    "sticker 10 %": sticker(0.1),
    "sticker 20 %": sticker(0.2),
    "sticker 30 %": sticker(0.3),
    "Impact captions": captioned,
    "filters": filtered,
    "negative": lambda image, _: ImageOps.invert(image),
    "mirror and 20 % crop": lambda image, _: ImageOps.mirror(cut(image, 0.1, 0.1, 0.1, 0.1)),
    "mirror, 70 % of each side": keep_area(0.49, mirror=True),
    "feed": feed,
    "collage of 2": collage(2, 1),
    "collage of 3": collage(3, 1),
    "collage of 4": collage(2, 2),
}
# Alike without being of one photo: each other's letters, menus and stickers.
DRAWN_ON = {"feed", "Impact captions", "collage of 2", "collage of 3", "collage of 4"} | {
    name for name in EDITS if name.startswith("sticker")
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="photos, at any depth")
    parser.add_argument("--quick", action="store_true", help="5 photos, 10 strangers")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    chosen = parser.parse_args()
    photos, strangers = (5, 10) if chosen.quick else (PHOTOS, STRANGERS)
    found = sorted(p for p in chosen.folder.rglob("*") if p.suffix.lower() in {".jpg", ".png"})
    random.Random(1).shuffle(found)
    kinds, keys, pictures = (
        list(column) for column in zip(*planted(found[: photos + strangers], photos), strict=True)
    )
    prints = [fingerprint(data) for data in pictures]
    costs: dict[str, float] = {}
    roads = candidates(prints, costs)
    table = {
        name: {kind: recall(rows, kinds, keys, kind) for kind in EDITS}
        | {"strangers": strange(rows, kinds, keys)}
        for name, rows in roads.items()
    }
    print(f"{machine.describe(('numpy', 'numba'))}; {len(pictures):,} pictures\n")
    print("| % of edits | " + " | ".join(table) + " |\n|---" + "|---:" * len(table) + "|")
    for kind in EDITS:
        print(f"| {kind} | " + " | ".join(f"{table[name][kind]:.0f}" for name in table) + " |")
    cells = (f"{table[name]['strangers']:.2f}" for name in table)
    print("| *pairs of strangers a picture* | " + " | ".join(cells) + " |\n")
    print("| cost | ms a picture |\n|---|---:|")
    for name, seconds in costs.items():
        print(f"| {name} | {1e3 * seconds / len(pictures):.2f} |")
    if chosen.json:
        figures = {"recall": table, "seconds": costs, "pictures": len(pictures)}
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def planted(paths: list[Path], photos: int) -> Iterator[tuple[str, int, bytes]]:
    """Kind, number of the photo, and file: originals with their edits, then strangers."""
    for number, path in enumerate(paths):
        yield "original" if number < photos else "stranger", number, path.read_bytes()
        if number < photos:
            with Image.open(path) as image:
                whole = image.convert("RGB")
            for kind, edit in EDITS.items():
                file = io.BytesIO()
                edit(whole, random.Random(f"{kind} {number}")).save(file, "JPEG", quality=88)
                yield kind, number, file.getvalue()


def candidates(prints: list, costs: dict[str, float]) -> dict[str, Candidates]:
    """The candidates by each road, and what each took."""
    grays = np.stack([np.frombuffer(each.grays, np.uint8).reshape(9, 9) for each in prints])
    large = np.stack([np.frombuffer(each.verification, np.uint8) for each in prints])
    content = np.array([each.trimmed_dhash for each in prints], np.uint64)
    informative = np.array([each.informative for each in prints])
    turned_ = turned_hashes(grays)
    with machine.timed() as taken:
        reduced = window_grays(large.reshape(-1, 64, 64))
        windows = dhash_many(reduced.reshape(-1, 9, 9)).reshape(len(prints), -1, 2)
    costs["windows, made"] = taken.cpu
    roads = {}
    for name, few in (("before", OLD_WINDOWS), ("hashes", windows.shape[1])):
        some = np.ascontiguousarray(windows[:, :few])
        with machine.timed() as taken:
            rows = find_candidates(ImageHashes(turned_, content, informative, some), 24)
        if name == "before":
            rows = rows.take(~rows.are_negative)
        roads[name] = rows
        costs[f"{few} windows and all other hashes, searched"] = taken.cpu
    with machine.timed() as taken:
        thumbnails = [
            decode.read(each.thumbnail, colour=False, frame=THUMBNAIL).view().gray()
            for each in prints
        ]
    costs["thumbnails, decoded"] = taken.cpu
    find_spots(thumbnails[0])  # compiles
    spots = Spots.empty(len(prints))
    with machine.timed() as taken:
        for k, thumbnail in enumerate(thumbnails):
            spots.put(np.array([k]), find_spots(thumbnail))
    costs["spots, made"] = taken.cpu
    everybody = np.flatnonzero(informative)
    find_spot_candidates(spots, turned_, everybody[:20], 16, 2)
    for radius, votes in ((12, 2), (16, 2), (16, 3), (20, 2)):
        with machine.timed() as taken:
            rows = find_spot_candidates(spots, turned_, everybody, radius, votes)
        costs[f"spots, searched within {radius}, {votes} votes"] = taken.cpu
        roads[f"and {votes} spots within {radius}"] = concatenate([roads["hashes"], rows])
    return roads


def recall(rows: Candidates, kinds: list[str], keys: list[int], kind: str) -> float:
    """Which share of edits of a kind are candidates of their originals, %."""
    pairs = set(zip(rows.first.tolist(), rows.second.tolist(), strict=True))
    original = {key: k for k, key in enumerate(keys) if kinds[k] == "original"}
    hits = [
        (original[key], k) in pairs for k, key in enumerate(keys) if kinds[k] == kind
    ]  # originals come first
    return 100 * float(np.mean(hits))


def strange(rows: Candidates, kinds: list[str], keys: list[int]) -> float:
    """Pairs of different photos for each picture."""
    plain = np.array([kind not in DRAWN_ON for kind in kinds])
    key = np.array(keys)
    ends = np.unique(np.stack((rows.first, rows.second)), axis=1)
    ends = ends[:, plain[ends].all(axis=0)]
    return float((key[ends[0]] != key[ends[1]]).sum() / plain.sum())


if __name__ == "__main__":
    main()
