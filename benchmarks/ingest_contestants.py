"""Who takes part in `ingest.py`, each in a process of its own: what it took, as JSON.

Run by `ingest.py` as ``python ingest_contestants.py NAME FOLDER SCRATCH``.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OURS = "imgurer, ingest"
UNTRUSTED = "imgurer, ingest --untrusted"
IN_PLACE = "imgurer, ingest --in-place"
FINGERPRINT = "imgurer, fingerprints only"

# Name, package, and what it does.
PEERS = {
    "imgdd": "imgdd {}, dHash",
    "czkawka": "czkawka {}, hashes and pairs",
    "difPy": "difPy {}, build",
    "imagededup": "imagededup {}, PHash",
}

FIGURES: dict[str, float] = {}
"""What a contestant measures itself."""

Work = Callable[[], object]


def name_of(peer: str) -> str | None:
    """What a peer is called in the tables; None if it is not installed."""
    if importlib.util.find_spec(peer) is None:
        return None
    return PEERS[peer].format(importlib.metadata.version(peer))


def prepare(contestant: str, folder: Path, scratch: Path) -> Work:
    """The work to be measured, with all imported that it needs."""
    makers: dict[str, Callable[[Path, Path], Work]] = {
        OURS: ingest,
        IN_PLACE: ingest_in_place,
        UNTRUSTED: ingest_untrusted,
        FINGERPRINT: fingerprints,
        "imgdd": imgdd_peer,
        "czkawka": czkawka_peer,
        "difPy": difpy_peer,
        "imagededup": imagededup_peer,
    }
    return makers[contestant](folder, scratch)


def ingest(folder: Path, scratch: Path) -> Work:
    from imgurer_kernel import Settings, Workbench

    wb = Workbench(Settings(root=scratch / "store"))
    wb.statistics()  # there is a store

    def work() -> None:
        frame = wb.ingest(folder, progress=False)
        assert not (frame["status"] == "rejected").any()

    return work


def ingest_in_place(folder: Path, scratch: Path) -> Work:
    """Refer to the files where they are."""
    from imgurer_kernel import Settings, Workbench

    wb = Workbench(Settings(root=scratch / "store"))
    wb.statistics()

    def work() -> None:
        frame = wb.ingest(folder, store="reference", progress=False)
        assert not (frame["status"] == "rejected").any()

    return work


def ingest_untrusted(folder: Path, scratch: Path) -> Work:
    """The same, decoded in processes of their own, which are ended at the end."""
    from imgurer_kernel import Settings, Workbench

    wb = Workbench(Settings(root=scratch / "store"))
    wb.statistics()

    def work() -> None:
        frame = wb.ingest(folder, progress=False, untrusted=True)
        assert not (frame["status"] == "rejected").any()
        note_children()
        wb.store.decoders.close()  # a process that was waited for is counted

    return work


def note_children() -> None:
    """Keep the proportional memory of the largest process that this one has started."""
    from psutil import Process

    memory = [child.memory_full_info().pss for child in Process().children()]
    FIGURES["child_mb"] = max(memory, default=0) / (1 << 20)


def fingerprints(folder: Path, _: Path) -> Work:
    """Hash, grays and thumbnail of bytes that are in memory, on all cores."""
    from imgurer_kernel.fingerprint import fingerprint

    files = [path.read_bytes() for path in pictures(folder)]
    fingerprint(files[0])

    def work() -> None:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(fingerprint, files):
                pass

    return work


def imgdd_peer(folder: Path, _: Path) -> Work:
    import imgdd

    return lambda: imgdd.hash(path=str(folder), algo="dHash")


def czkawka_peer(folder: Path, scratch: Path) -> Work:
    # It keeps what it has hashed; not from one round to the next.
    os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = str(scratch)
    from czkawka import ImageSimilarity

    finder = ImageSimilarity()
    finder.set_directories([folder])
    return finder.find_similar


def difpy_peer(folder: Path, _: Path) -> Work:
    import difPy

    return lambda: difPy.build(
        str(folder), recursive=True, show_progress=False, processes=os.cpu_count()
    )


def imagededup_peer(folder: Path, _: Path) -> Work:
    from imagededup.methods import PHash

    hasher = PHash(verbose=False)
    return lambda: hasher.encode_images(image_dir=folder, recursive=True)


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("contestant")
    parser.add_argument("folder", type=Path)
    parser.add_argument("scratch", type=Path)
    chosen = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what peers call and others have deprecated
        work = prepare(chosen.contestant, chosen.folder, chosen.scratch)
        before, memory, begun = cpu_seconds(), peak_mb(), time.perf_counter()
        work()
        wall, cpu = time.perf_counter() - begun, cpu_seconds() - before
    figures = {"wall": wall, "cpu": cpu, "before_mb": memory, "peak_mb": peak_mb()}
    figures |= FIGURES
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


def cpu_seconds() -> float:
    """Of this process and those that it has waited for."""
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


def peak_mb() -> float:
    """Largest memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # the other figure begins with that of the process that started this one
        lines = status.read_text("ascii").splitlines()
        [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
        return int(peak) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
