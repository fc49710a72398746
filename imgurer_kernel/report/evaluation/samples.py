"""Sample pictures for the first start, the notebooks and the tests, with known truth.

The originals are shipped with the package (``data/pictures``; `tools/draw_samples` drew them). The
set adds copies as in real folders: exact copies, re-encoded, resized, cropped, captioned,
brightened, mirrored, rotated and framed versions; pictures of the same kind with other content; and
flat ones. `make_samples` returns which is which.
"""

import errno
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from PIL import Image

from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.threads import thread_pool
from imgurer_kernel.errors import SourceError, StorageDenied, StorageFull
from imgurer_kernel.report.evaluation.sample_edits import EDITS, encode
from imgurer_kernel.report.evaluation.sample_plan import Sample, SamplePicture, names, plan

# Increase it whenever the set changes, so that older sets are replaced.
VERSION = 4

# 1 January 2024: originals have file times of that year, copies of the next one.
_FIRST_DAY = 1_704_067_200

INDEX = "index.csv"
COLUMNS = (
    "path", "filename", "scene", "kind", "transform", "group", "duplicate_of", "resembles",
    "width", "height", "bytes", "digest",
)  # fmt: skip
FACTS = [column for column in COLUMNS if column != "path"]

_PACKAGE = Path(str(files("imgurer_kernel")))


def make_samples(folder: Path | str, seed: int = 0, *, workers: int = 0) -> pd.DataFrame:
    """Write the sample set into a folder, unless it is there already, and return its ground truth.

    The same seed gives the same bytes and file times with the same versions of numpy and Pillow.
    The ground truth is also stored beside the folder, as ``FOLDER.csv``; by it a complete set is
    recognized and kept, and a damaged one is rebuilt.

    Parameters
    ----------
    folder
        Folder of the pictures; made if missing. It must not contain anything else.
    seed
        The seed chooses the copies; the originals are always the same.
    workers
        Threads that make copies; 0 means one per core.

    Returns
    -------
    DataFrame
        One row per file, by name. ``kind`` is *original*, *duplicate*, *near-miss* (the same kind
        of content, but another picture) or *flat*; ``transform`` is one of
        `sample_plan.TRANSFORMS`; ``group`` is equal for duplicates of each other only;
        ``duplicate_of`` and ``resembles`` are the names of originals.

    Raises
    ------
    SourceError
        If the folder has files that are not of this set, or the package's pictures are missing or
        damaged; nothing is changed then.
    StorageDenied, StorageFull
        If the pictures cannot be written.
    """
    folder = given_path(folder, "the folder").absolute()
    manifest = folder.with_name(f"{folder.name}.csv")
    source = find_pictures()
    pictures = read_index(source)
    batches = plan(pictures, seed)
    try:
        known = _read_manifest(manifest, seed)
        if known is None or not _complete(folder, known, batches):
            _refuse_foreign_files(folder, manifest, batches)
            originals = _read_pictures(source, pictures)
            known = _write_set(folder, batches, originals, seed, workers)
            _table(known).assign(seed=seed, version=VERSION).to_csv(manifest, index=False)
    except OSError as error:
        kind = StorageFull if error.errno == errno.ENOSPC else StorageDenied
        message = f"the sample pictures cannot be written to {folder}: {error.strerror or error}"
        raise kind(message) from error
    truth = _table(known)
    truth["path"] = [str(folder / sample.filename) for sample in known]
    return truth[list(COLUMNS)]


def find_pictures() -> Path:
    """Return the folder of the pictures, from the wheel or the repository.

    Raises
    ------
    SourceError
        If there is neither.
    """
    candidates = (_PACKAGE / "data" / "pictures", _PACKAGE.parent / "data" / "pictures")
    for folder in candidates:
        if (folder / INDEX).is_file():
            return folder
    message = f"the sample pictures are neither in {candidates[0]} nor {candidates[1]}; reinstall"
    raise SourceError(message)


def read_index(folder: Path) -> list[SamplePicture]:
    """Read the index of a folder of pictures.

    Raises
    ------
    SourceError
        If the index cannot be read.
    """
    path = folder / INDEX
    try:
        rows = pd.read_csv(path, keep_default_na=False, dtype=str).to_dict("records")
        return [SamplePicture(**{str(name): value for name, value in row.items()}) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        message = f"the index of the sample pictures, {path}, cannot be read: {error}; reinstall"
        raise SourceError(message) from error


def _read_pictures(folder: Path, pictures: Sequence[SamplePicture]) -> dict[str, bytes]:
    """Read the package's files, by name, each checked against its digest."""
    found = {}
    for picture in pictures:
        path = folder / picture.file
        try:
            data = path.read_bytes()
        except OSError as error:
            message = f"the sample picture {path} cannot be read: {error.strerror}; reinstall"
            raise SourceError(message) from error
        if hashlib.sha256(data).hexdigest() != picture.sha256:
            message = f"the sample picture {path} is damaged: its digest is another; reinstall"
            raise SourceError(message)
        found[picture.file] = data
    return found


def _refuse_foreign_files(folder: Path, manifest: Path, batches: list[list[Sample]]) -> None:
    """Raise SourceError if a folder holds anything but an earlier sample set."""
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    # A complete set without its manifest is accepted; a single IMG_2078.jpg may be the user's.
    foreign = [] if found == names(batches) else sorted(found - _listed(manifest))
    if foreign:
        message = (
            f"{folder} holds other files, such as {foreign[0]!r}; "
            "name a folder that is empty or does not exist yet"
        )
        raise SourceError(message)


def _write_set(
    folder: Path,
    batches: list[list[Sample]],
    pictures: dict[str, bytes],
    seed: int,
    workers: int,
) -> list[Sample]:
    """Write the set beside the folder, and rename it when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))

    def write(batch: list[Sample]) -> list[Sample]:
        return [
            _write_sample(fresh, sample, data, size)
            for sample, data, size in _make_files(batch, pictures, seed)
        ]

    try:
        with thread_pool(workers) as pool:
            written = list(pool.map(write, batches))
        # `mkdtemp` makes it accessible to its owner only.
        fresh.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    samples = (sample for batch in written for sample in batch)
    return sorted(samples, key=lambda sample: sample.filename)


def _write_sample(folder: Path, sample: Sample, data: bytes, size: tuple[int, int]) -> Sample:
    """Write one file, and return its `Sample` with size and digest."""
    path = folder / sample.filename
    path.write_bytes(data)
    # The older file decides the keeper, so times must not depend on the order of threads.
    day = crc32(sample.filename.encode()) % 300 + (0 if sample.transform == "none" else 365)
    os.utime(path, (_FIRST_DAY + 86_400 * day,) * 2)
    width, height = size
    digest = hashlib.sha256(data).hexdigest()
    return replace(sample, width=width, height=height, bytes=len(data), digest=digest)


def _make_files(
    batch: Sequence[Sample], pictures: dict[str, bytes], seed: int
) -> Iterator[tuple[Sample, bytes, tuple[int, int]]]:
    """Yield the files of one batch and their displayed sizes."""
    opened: dict[str, Image.Image] = {}
    for sample in batch:
        data = pictures[sample.picture]
        if sample.picture not in opened:
            opened[sample.picture] = Image.open(io.BytesIO(data)).convert("RGB")
        image = opened[sample.picture]
        if sample.transform not in {"none", "copy"}:
            data, image = _make_copy(image, sample, seed)
        yield sample, data, image.size


def _make_copy(image: Image.Image, sample: Sample, seed: int) -> tuple[bytes, Image.Image]:
    """Make a copy of an original; return its bytes, and the picture as displayed."""
    # Seeded by the name, independent of order and number of threads.
    rng = np.random.default_rng((seed, crc32(sample.filename.encode())))
    if sample.transform in EDITS:
        image = EDITS[sample.transform](image, rng)
    kind = "WEBP" if sample.transform == "converted" else "JPEG"
    quality = int(rng.integers(32, 60) if sample.transform == "re-encoded" else 85)
    turn = (3, 6, 8)[int(rng.integers(3))] if sample.transform == "exif-rotated" else 1
    return encode(image, quality=quality, kind=kind, orientation=turn), image


def _table(samples: Sequence[Sample]) -> pd.DataFrame:
    return pd.DataFrame([asdict(sample) for sample in samples])[FACTS]


def _read_manifest(path: Path, seed: int) -> list[Sample] | None:
    """Read the manifest of the set in a folder; None if there is none of this version."""
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype={"digest": str})
        if set(table["version"]) != {VERSION} or set(table["seed"]) != {seed}:
            return None
        rows = table.drop(columns=["version", "seed"]).to_dict("records")
        return [Sample(**{str(name): value for name, value in row.items()}) for row in rows]
    except (ValueError, KeyError, TypeError):
        return None


def _listed(path: Path) -> set[str]:
    """List the file names in a manifest of any version."""
    try:
        return set(pd.read_csv(path, keep_default_na=False)["filename"].astype(str))
    except (FileNotFoundError, ValueError, KeyError):
        return set()


def _complete(folder: Path, samples: Sequence[Sample], batches: list[list[Sample]]) -> bool:
    """Return whether every file exists with the right bytes."""
    if names(batches) != names([samples]):
        return False
    for sample in samples:
        path = folder / sample.filename
        if not path.is_file() or path.stat().st_size != sample.bytes:
            return False
        if hashlib.sha256(path.read_bytes()).hexdigest() != sample.digest:
            return False
    return True
