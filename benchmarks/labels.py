"""Is what was done to a copy called by its name? Photos under the transforms of `accuracy.py`.

Run with a folder of photos::

    python benchmarks/labels.py FOLDER_OF_PHOTOS

Each copy is compared with its original, as `Workbench.evidence` does, and the label with what is
expected of the transform; some changes are small enough to be called a re-encoding as well. What
was not found is left out, for `accuracy.py` counts that.
"""

import argparse
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import machine
import numpy as np
from PIL import Image

from imgurer_kernel.fingerprint import fingerprint
from imgurer_kernel.report.evaluation.transforms import TRANSFORMS, variant
from imgurer_kernel.workbench.pictures.query import Query
from imgurer_kernel.workbench.search.evidence import evidence_of

PHOTOS = 12
EXPECTED = {
    "re-encoded": "jpeg90 jpeg70 jpeg50 jpeg30 jpeg10 webp80 webp30 gif noise10",
    "resized": "resize200 resize75 resize50 resize25 stretch screenshot",
    "edited": "brighter darker contrast_up contrast_down gamma_down gamma_up equalize gray sepia "
    "saturate sharpen blur1 blur4 caption watermark logo",
    "cropped": "crop1 crop2 crop5 crop10 social",
    "bordered": "border2 border5 letterbox meme",
    "rotated": "rotate1 rotate1_cropped rotate2 rotate3 rotate5 rotate90 rotate180 rotate270",
    "flipped": "flip_sideways flip_upside_down transpose",
}
# Contrast that was there already, and noise that is seen.
ALSO = {name: {"edited", "re-encoded"} for name in ("autocontrast", "noise25")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="photos, at any depth")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    found = list(labelled(chosen.folder, chosen.seed))
    wrong = Counter((name, label) for name, label, right in found if not right)
    print(machine.describe(("numpy", "pillow")), "\n")
    print(f"{np.mean([right for *_, right in found]):.1%} of {len(found):,} labels are right\n")
    print("| transform | called | of " + f"{PHOTOS} |\n|---|---|---:|")
    for (name, label), count in wrong.most_common():
        print(f"| {name} | {label} | {count} |")


def labelled(folder: Path, seed: int) -> Iterator[tuple[str, str, bool]]:
    """Each transform with the label of its copy, and whether that is right."""
    right = {name: {label} for label, names in EXPECTED.items() for name in names.split()} | ALSO
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".png"})
    np.random.default_rng(seed).shuffle(paths)
    for path in paths[:PHOTOS]:
        original = query(path.read_bytes())
        with Image.open(path) as image:
            whole = image.convert("RGB")
        for transform in TRANSFORMS:
            file = io.BytesIO()
            copy = variant(whole, transform.name, key=path.name, seed=seed)
            copy.save(file, "JPEG", quality=95)
            evidence = evidence_of(original, query(file.getvalue()))
            if evidence.duplicate:
                yield transform.name, evidence.label, evidence.label in right[transform.name]


def query(data: bytes) -> Query:
    return Query(hashlib.sha256(data).hexdigest(), fingerprint(data))


if __name__ == "__main__":
    main()
