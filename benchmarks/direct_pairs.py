"""How many copies are found by their original alone, without other copies in between.

In a cluster of 40 copies a pair that is judged wrongly is joined by the others; who has an original
and one copy of it has no others. Each picture is compared with its copies, one at a time::

    python benchmarks/direct_pairs.py ../shared/corpus/photos --seed 5

Pictures are drawn from all subfolders in equal numbers, and for each some of the transforms of the
first three tiers of `imgurer_kernel.report.evaluation.transforms`.
"""

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

import machine
from accuracy_corpus import choose, gather
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.matching.relation import NO_DUPLICATE
from imgurer_kernel.report.evaluation import transforms

NAMES = [each.name for each in transforms.TRANSFORMS if each.tier <= 3]


def copy_all(folder, count, per_picture, seed, work):
    """Write the copies of some pictures; yields the picture, the copy and the transform's name."""
    originals, _ = gather(folder, [], None)
    generator = random.Random(seed)
    for k in choose(originals, count, seed):
        original = originals[k]
        with Image.open(original.path) as image:
            picture = image.convert("RGB")
        for name in generator.sample(NAMES, min(per_picture, len(NAMES))):
            copy = work / f"{k:05d}-{name}.jpg"
            changed = transforms.variant(picture, name, key=original.name, seed=seed)
            changed.save(copy, quality=92)
            yield original, copy, name


def compare(pairs, work):
    """Judge each pair, and return the label of each; another copy is never in between."""
    files = {str(path): path for original, copy, _ in pairs for path in (original.path, copy)}
    with Workbench(Settings(root=work / "store", store="reference")) as workbench:
        workbench.ingest(list(files.values()), progress=False)
        images = dict(zip(workbench.files().path, workbench.files().image_id, strict=True))
        for original, copy, _ in pairs:
            ends = images[str(original.path.resolve())], images[str(copy)]
            if ends[0] == ends[1]:
                yield "identical"
                continue
            found = workbench.evidence(*ends)
            yield found.label if found.via is None else "by another copy only"


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pictures", type=int, default=120)
    parser.add_argument("--copies", type=int, default=20, help="of each picture")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        pairs = [*copy_all(given.folder, given.pictures, given.copies, given.seed, work)]
        labels = [*compare(pairs, work)]
    missed = Counter()
    for (original, _, name), label in zip(pairs, labels, strict=True):
        if label in NO_DUPLICATE or label == "by another copy only":
            missed[name] += 1
            print(f"{original.name}, {name}: {label}")
    print(machine.describe(("pillow", "numpy", "numba")))
    print(f"{missed.total()} of {len(pairs):,} copies are not the same as their original")
    print(", ".join(f"{name} {count}" for name, count in missed.most_common()))


if __name__ == "__main__":
    main()
