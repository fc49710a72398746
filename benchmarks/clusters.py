"""Time and memory of finding all duplicates of a store, at sizes nobody has photos for.

Run::

    python benchmarks/clusters.py FOLDER_OF_PHOTOS
    python benchmarks/clusters.py FOLDER_OF_PHOTOS --quick

Fingerprints are made from real photos: each picture is a mixture of parts of two of them, turned
at random, and two of five are copies of another (re-encoded, brighter, cropped by up to 3 %, framed
or mirrored). They go straight into a catalog, with thumbnails. A process of its own then opens the
store and calls ``clusters()``: on everything, again with nothing new, again after 1, 100 and 1,000
more pictures; and once it is told to stop. Found pairs are compared with those that were made.

Then two processes after one another show the review, as the kernels of two visitors do, and
stay; and a third one after 100 more pictures. A review is shown when its page stands; the originals
on it are looked at meanwhile. Memory is what a process takes more than before it opened the store,
and of the second one its share of what both use (PSS).

Without photos, ``--made`` makes the pictures from noise whose spectrum is like that of photos.
"""

import argparse
import asyncio
import hashlib
import io
import itertools
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import machine
import numpy as np
from PIL import Image

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.common.records import Arrival, Facts, Fingerprint
from imgurer_kernel.fingerprint.decode import to_gray
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.fingerprint.hashes.dhash import dhash, informative, near_ties
from imgurer_kernel.store.catalog import Catalog, commands, users

SIDE = 128
NEW = 1, 100, 1000
KIN = 0.5
_BATCH = 2000
_HAMMING, _LANCZOS = Image.Resampling.HAMMING, Image.Resampling.LANCZOS


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes fingerprints out of photos; picture `number` is always the same."""

    photos: np.ndarray
    seed: int

    def family(self, number):
        """The picture that this one is a copy of, or itself."""
        random = np.random.default_rng((self.seed, 1, number))
        if number and random.random() < 0.4:
            return self.family(int(random.integers(max(0, number - 5000), number)))
        return number

    def parts(self, number):
        """What a picture is mixed from: photo, left, top, right, bottom, quarter turns, twice."""
        random = np.random.default_rng((self.seed, 2, number))
        for _ in range(2):
            photo = int(random.integers(len(self.photos)))
            width, height = random.uniform(0.55, 1, 2) * SIDE
            left, top = random.uniform(0, 1, 2) * (SIDE - width, SIDE - height)
            yield photo, (left, top, left + width, top + height), int(random.integers(4))

    def stranger(self, number):
        """A picture of its own: uint8 (128, 128)."""
        mixed = np.zeros((SIDE, SIDE))
        for weight, (photo, box, turns) in zip((0.6, 0.4), self.parts(number), strict=True):
            part = Image.fromarray(self.photos[photo]).resize((SIDE, SIDE), _HAMMING, box=box)
            mixed += weight * np.rot90(np.asarray(part), turns)
        return mixed.clip(0, 255).astype(np.uint8)

    def kin(self, one, other):
        """Whether two strangers show mostly the same part of the same photo after all."""
        pairs = itertools.product(self.parts(one), self.parts(other))
        return any(a[0] == b[0] and overlap(a[1], b[1]) >= KIN for a, b in pairs)

    def picture(self, number):
        """A picture, and what is left of it without its frame."""
        family = self.family(number)
        content = self.stranger(family)
        if family == number:
            return content, content
        random = np.random.default_rng((self.seed, 3, number))
        box = (random.uniform(0, 0.03, 4) * SIDE + (0, 0, -0.03 * SIDE, -0.03 * SIDE)) + (
            0, 0, SIDE, SIDE,
        )  # fmt: skip
        small = np.asarray(Image.fromarray(content).resize((SIDE, SIDE), _HAMMING, box=tuple(box)))
        noise = random.normal(0, 2, small.shape)
        content = (small * random.uniform(0.85, 1.1) + noise).clip(0, 255).astype(np.uint8)
        kind = random.random()
        if kind < 0.1:
            content = np.ascontiguousarray(content[:, ::-1])
        if kind < 0.9:
            return content, content
        framed = np.full((SIDE, SIDE), 255, np.uint8)
        edge = SIDE // 10
        inner = Image.fromarray(content).resize((SIDE - 2 * edge,) * 2, _HAMMING)
        framed[edge:-edge, edge:-edge] = np.asarray(inner)
        return framed, content

    def arrival(self, number):
        """A picture as it would arrive at the catalog; its digest is made up."""
        picture, content = self.picture(number)
        grays = _reduced(picture, 9, _LANCZOS)
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=75)
        found = Fingerprint(
            dhash=dhash(grays),
            trimmed_dhash=dhash(_reduced(content, 9, _LANCZOS)),
            grays=grays.tobytes(),
            verification=_reduced(picture, 64, _HAMMING).tobytes(),
            thumbnail=file.getvalue(),
            width=4 * SIDE,
            height=4 * SIDE,
            format="JPEG",
            frames=1,
            informative=informative(grays),
            near_ties=near_ties(grays),
            algorithm=ALGORITHM,
            facts=Facts(),
            is_gray=True,
        )
        return Arrival(
            digest=hashlib.sha256(f"{self.seed} {number}".encode()).hexdigest(),
            bytes=100_000 + number,
            fingerprint=found,
            user="local",
            filename=f"{self.family(number)}.jpg",
            source=f"/made/{number}.jpg",
            modified_ns=1,
            path=f"/made/{number}.jpg",
            path_key=f"/made/{number}.jpg".encode(),
            kept="copy",
        )


def overlap(one, other):
    """Area that two boxes share, of what they cover together."""
    width, height = (max(0, min(one[k + 2], other[k + 2]) - max(one[k], other[k])) for k in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _reduced(picture, side, filter_):
    return np.asarray(Image.fromarray(picture).resize((side, side), filter_))


def enter(catalog, root, maker, numbers):
    """Make pictures and enter them; their thumbnails are written without ceremony."""
    for k in range(0, len(numbers), _BATCH):
        arrivals = [maker.arrival(number) for number in numbers[k : k + _BATCH]]
        for arrival in arrivals:
            name = arrival.digest
            folder = root / "thumbs" / name[:2] / name[2:4]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(arrival.fingerprint.thumbnail)
        catalog.run(
            commands.add,
            [replace(it, fingerprint=replace(it.fingerprint, thumbnail=b"")) for it in arrivals],
        )
        print(f"  made {k + len(arrivals):,} of {len(numbers):,}", end="\r", file=sys.stderr)
    print(file=sys.stderr)


def read_photos(folder):
    """All photos of a folder as grays, uint8 (n, 128, 128)."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return np.stack([to_gray(path.read_bytes(), SIDE) for path in files])


def made_photos(count=1324, seed=0):
    """Grays that stand for photos: noise whose amplitude falls with its frequency, as theirs."""
    random = np.random.default_rng((seed, 4))
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    falloff = 1 / np.maximum(frequency, 1 / SIDE) ** 1.6
    photos = np.empty((count, SIDE, SIDE), np.uint8)
    for photo in photos:
        plain = np.fft.irfft2(np.fft.rfft2(random.normal(0, 1, (SIDE, SIDE))) * falloff)
        photo[:] = (128 + 50 * (plain - plain.mean()) / plain.std()).clip(0, 255)
    return photos


# One store -----------------------------------------------------------------------------------


class Stop(Exception):
    """Raised by a progress function."""


class Watch:
    """A progress function that knows the longest time that it was not called for."""

    def __init__(self, stop_at=None):
        self.last = self.begin = time.perf_counter()
        self.longest = 0.0
        self.stop_at = stop_at
        self.stopped = None

    def __call__(self, _done, _total):
        """Note the time, and perhaps stop."""
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        if self.stop_at is not None and now - self.begin > self.stop_at:
            self.stopped = now
            raise Stop


def timed(work):
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - begin, time.process_time() - cpu


def pairs_of(groups):
    """Number of pairs within groups of the given sizes."""
    sizes = np.asarray(groups, np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def quality(frame, families, maker):
    """Precision and recall of pairs, and precision among those that are strangers for certain."""
    found = pairs_of(frame.groupby("cluster_id").size())
    made = pairs_of(np.unique(families, return_counts=True)[1])
    right = pairs_of(frame.groupby(["cluster_id", "filename"]).size())
    kin = 0
    for _, members in frame.groupby("cluster_id")["filename"]:
        sizes = {int(name.partition(".")[0]): n for name, n in members.value_counts().items()}
        for one, other in itertools.combinations(sorted(sizes), 2):
            kin += sizes[one] * sizes[other] * maker.kin(one, other)
    return {
        "precision": right / max(found, 1),
        "precision_apart": right / max(found - kin, 1),
        "recall": right / max(made, 1),
    }


def measure(root, photos, size, seed):
    """Measure one store in this process; returns what came out."""
    maker = Maker(np.load(photos), seed)
    with Workbench(Settings(root=root)) as wb:
        watch = Watch()
        frame, seconds, cpu = timed(lambda: wb.clusters(progress=watch))
        families = [maker.family(number) for number in range(size)]
        result = {
            "images": size,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "silence": watch.longest,
            "clusters": int(frame["cluster_id"].nunique()),
            "plan": frame.attrs["plan"],
            **quality(frame, families, maker),
            "rss_mb": _peak(),
        }
        print(f"  {seconds:.0f} s, {cpu:.0f} s of CPU, {_peak():.0f} MB", file=sys.stderr)
        _, result["again_seconds"], _ = timed(lambda: wb.clusters(progress=False))
        for new in NEW:
            enter(wb.catalog, Path(root), maker, range(size, size + new))
            size += new
            _, result[f"seconds_after_{new}"], _ = timed(lambda: wb.clusters(progress=False))
        result["rss_mb_after"] = _peak()
    with Workbench(Settings(root=root)) as wb:
        watch = Watch(stop_at=seconds / 3)
        try:
            wb.clusters(progress=watch)
        except Stop:
            result["stop_seconds"] = time.perf_counter() - watch.stopped
    return result


def memory(kind):
    """Memory of this process in MB: "Rss", or "Pss" with its share of what others use too."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{kind}:")).split()[1]) / 1024


async def show_tab(root):
    """Show the review of a store as a new kernel does; stay until the input ends."""
    from imgurer_kernel.ui.models.review import ReviewModel
    from imgurer_kernel.ui.session import VisitorSession

    before = {kind: memory(kind) for kind in ("Rss", "Pss")}
    begin, cpu = time.perf_counter(), time.process_time()
    with Workbench(Settings(root=root)) as workbench:
        model = ReviewModel(VisitorSession(workbench))
        shown = asyncio.Event()
        model.observe(lambda _: shown.set(), "queue")
        model.load()
        await shown.wait()
        figures = {
            "seconds": time.perf_counter() - begin,
            "cpu": time.process_time() - cpu,
            **{kind: memory(kind) - before[kind] for kind in before},
            "clusters": len(model.queue.clusters),
        }
        # The page stands by now; the keepers on it are chosen by the originals meanwhile.
        while model.measure_job.busy:
            await asyncio.sleep(0.05)
        figures["measured_seconds"] = time.perf_counter() - begin
        figures["measured_cpu"] = time.process_time() - cpu
    print(json.dumps(figures), flush=True)
    sys.stdin.read()


def visit(root, maker, size):
    """Have kernels show the review; returns what came out."""
    command = [sys.executable, __file__, "--tab", str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    kernels, figures = [], []
    try:
        for number in range(3):
            if number == 2:
                with Catalog(root) as catalog:
                    enter(catalog, root, maker, range(size, size + 100))
            kernels.append(subprocess.Popen(command, **pipes))
            figures.append(json.loads(kernels[-1].stdout.readline()))
    finally:
        for kernel in kernels:
            kernel.communicate()
    first, second, grown = figures
    derived = [path.stat().st_size for path in (root / "derived").rglob("*.npy")]
    return {
        "tab_seconds": first["seconds"],
        "tab_cpu": first["cpu"],
        "tab_mb": first["Rss"],
        "measured_seconds": first["measured_seconds"],
        "measured_cpu": first["measured_cpu"],
        "tab_pss_mb": second["Pss"],
        "grown_seconds": grown["seconds"],
        "grown_cpu": grown["cpu"],
        "derived_mb": sum(derived) / 1e6,
    }


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(size, photos, seed, keep):
    """Make a store of one size and have a new process measure it."""
    with tempfile.TemporaryDirectory(prefix="imgurer-clusters-") as temporary:
        root = Path(keep or temporary) / f"store-{size}-{seed}"
        made, catalog_file = root / "made.duckdb", root / "catalog.duckdb"
        if made.exists():
            shutil.copy(made, catalog_file)
        else:
            with Catalog(root) as catalog:
                catalog.run(users.add_user, "local", "admin", None)
                enter(catalog, root, Maker(np.load(photos), seed), range(size))
            shutil.copy(catalog_file, made)
        command = [sys.executable, __file__, "--measure", str(root), str(photos)]
        command += ["--sizes", str(size), "--seed", str(seed)]
        shutil.rmtree(root / "derived", ignore_errors=True)
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout) | visit(root, Maker(np.load(photos), seed), size + sum(NEW))


KERNELS = {
    "images": "{images:,}",
    "tab of a new kernel": "{tab_seconds:.2f} s",
    "CPU": "{tab_cpu:.2f} s",
    "memory more": "{tab_mb:.0f} MB",
    "originals on it looked at": "{measured_seconds:.1f} s",
    "PSS more of a second one": "{tab_pss_mb:.0f} MB",
    "after 100 new, another kernel": "{grown_seconds:.2f} s",
    "its CPU": "{grown_cpu:.2f} s",
    "derived data": "{derived_mb:.0f} MB",
}

TABLE = {
    "images": "{images:,}",
    "first call": "{seconds:.1f} s",
    "CPU": "{cpu_seconds:.0f} s",
    "memory": "{rss_mb:,.0f} MB",
    "again": "{again_seconds:.2f} s",
    **{f"after {new:,} new": f"{{seconds_after_{new}:.1f}} s" for new in NEW},
    "longest silence": "{silence:.1f} s",
    "stops within": "{stop_seconds:.2f} s",
    "clusters": "{clusters:,}",
    "precision": "{precision:.4f}",
    "kin left out": "{precision_apart:.4f}",
    "recall": "{recall:.4f}",
}


def rows(columns, results):
    return [
        "| " + " | ".join(columns) + " |",
        "|---" * len(columns) + "|",
        *(
            "| "
            + " | ".join(form.format(**{"stop_seconds": 0, **it}) for form in columns.values())
            + " |"
            for it in results
        ),
    ]


def table(results):
    plans = sorted({(it["images"], it["plan"]) for it in results})
    said = [f"{images:,}: {plan}" for images, plan in plans]
    return "\n".join([*rows(TABLE, results), "", *said, "", *rows(KERNELS, results)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="photos to make pictures from")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--quick", action="store_true", help="1,000 pictures only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--keep", help="keep the stores in this folder, for the next run")
    parser.add_argument("--made", action="store_true", help="make pictures without photos")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--tab", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure, args.sizes[0], args.seed)))
        return
    if args.tab:
        asyncio.run(show_tab(Path(args.tab)))
        return
    if args.folder is None and not args.made:
        parser.error("name a folder of photos, or --made")
    with tempfile.TemporaryDirectory() as temporary:
        photos = Path(args.keep or temporary) / "photos.npy"
        if not photos.exists():
            photos.parent.mkdir(parents=True, exist_ok=True)
            np.save(photos, made_photos() if args.made else read_photos(args.folder))
        sizes = [1000] if args.quick else args.sizes
        results = [run(size, photos, args.seed, args.keep) for size in sizes]
    print(machine.describe(("numpy", "duckdb", "numba")))
    print()
    print(table(results))
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
