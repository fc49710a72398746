"""Other packages in the accuracy benchmark: their hashes, their grouping where they have one.

None of `pdqhash` and `imagehash` groups pictures; imagededup lists the duplicates of each picture,
which is no clustering either. Hashes within the radius are therefore grouped into the same stars
as our own, and what imagededup lists is measured as the pairs that it is.
"""

import importlib.metadata
import logging
import os
import resource
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imgurer_kernel.matching.clusters.star_cover import star_clusters

_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A package, how it hashes a file into bool (b,), and the radii that it is tried with."""

    name: str
    package: str
    hash: Callable[[str], np.ndarray]
    radii: tuple[int, ...]


def pdq(path: str) -> np.ndarray:
    import pdqhash

    with Image.open(path) as image:
        return np.asarray(pdqhash.compute(np.asarray(image.convert("RGB")))[0], bool)


def imagehash_phash(path: str) -> np.ndarray:
    import imagehash

    with Image.open(path) as image:
        return imagehash.phash(image).hash.ravel()


def imagededup_phash(path: str) -> np.ndarray:
    from imagededup.methods import PHash

    code = PHash(verbose=False).encode_image(image_file=path)
    return np.unpackbits(np.frombuffer(bytes.fromhex(code), np.uint8)).astype(bool)


PEERS = (
    Peer(name="pdqhash", package="pdqhash", hash=pdq, radii=(31, 60)),
    Peer(name="imagehash pHash", package="imagehash", hash=imagehash_phash, radii=(10,)),
    Peer(name="imagededup PHash", package="imagededup", hash=imagededup_phash, radii=(10,)),
)


def version(peer: Peer) -> str | None:
    """The installed version; None if it is not there or cannot be imported."""
    try:
        __import__(peer.package)
    except ImportError:
        return None
    return importlib.metadata.version(peer.package)


def hash_all(peer: Peer, paths: list[Path], work: Path) -> tuple[np.ndarray, float]:
    """Hashes of files, uint64 (n, words), and the processor seconds that takes.

    Files that an earlier run hashed are not hashed again; the seconds are those of that time.
    """
    kept = work / "hashes" / f"{peer.package}-{version(peer)}.npz"
    known: dict[str, tuple[np.ndarray, float]] = {}
    if kept.exists():
        with np.load(kept) as there:
            columns = (there[name] for name in ("names", "hashes", "seconds"))
            known = {str(name): (row, took) for name, row, took in zip(*columns, strict=True)}
    names = [_stamped(path) for path in paths]
    missing = [k for k, name in enumerate(names) if name not in known]
    if missing:
        used = children_seconds()
        with ProcessPoolExecutor(os.cpu_count(), initializer=_quiet) as processes:
            wanted = [str(paths[k]) for k in missing]
            bits = np.stack(list(processes.map(peer.hash, wanted, chunksize=32)))
        took = (children_seconds() - used) / len(missing)
        rows = np.packbits(bits, axis=1).view(np.uint64)
        known |= {names[k]: (row, took) for k, row in zip(missing, rows, strict=True)}
        kept.parent.mkdir(exist_ok=True)
        hashes, seconds = (np.array(column) for column in zip(*known.values(), strict=True))
        np.savez(kept, names=np.array(list(known)), hashes=hashes, seconds=seconds)
    hashes, seconds = zip(*(known[name] for name in names), strict=True)
    return np.stack(hashes), float(sum(seconds))


def _stamped(path: Path) -> str:
    found = path.stat()
    return f"{path.absolute()}/{found.st_size}/{found.st_mtime_ns}"


def children_seconds() -> float:
    """Processor time of processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _quiet() -> None:
    warnings.simplefilter("ignore")  # of what peers call and other packages have deprecated


def star_labels(hashes: np.ndarray, radius: int) -> np.ndarray:
    """Labels (n,) of star clusters over all pairs within a radius."""
    first, second, distance = (np.concatenate(c) for c in zip(*_near(hashes, radius), strict=True))
    labels = np.arange(len(hashes))
    found = star_clusters(first, second, distance)
    labels[found.members] = np.repeat(found.medoids, found.sizes)
    return labels


def _near(hashes: np.ndarray, radius: int) -> Iterator[tuple[np.ndarray, ...]]:
    for k in range(0, len(hashes), _ROWS):
        rows = hashes[k : k + _ROWS, None]
        distance = np.bitwise_count(rows ^ hashes[None, k:]).sum(axis=2, dtype=np.int64)
        i, j = np.nonzero(distance <= radius)
        kept = i < j
        yield i[kept] + k, j[kept] + k, distance[i, j][kept]


def listed_pairs(hashes: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """What imagededup itself lists as duplicates of each other."""
    from imagededup.methods import PHash

    codes = {str(k): row.tobytes().hex() for k, row in enumerate(hashes)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.INFO)
        listed = PHash(verbose=False).find_duplicates(
            encoding_map=codes, max_distance_threshold=radius
        )
        logging.disable(logging.NOTSET)
    pairs = [(int(name), int(other)) for name, others in listed.items() for other in others]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return first, second
