"""Sample pictures for the first start, the notebooks and the tests: drawn, not downloaded.

Each scene of `tools.draw_samples` is drawn once as an original. Then follows what happens to
pictures in real folders: exact copies, re-encoded, resized, cropped, captioned, brightened,
mirrored, turned and framed versions, pictures of the same kind with other content, and flat ones.
`make_samples` returns which is which.
"""

import errno
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from PIL import Image

from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.errors import SourceError, StorageDenied, StorageFull
from imgurer_kernel.report.evaluation.retouch import RETOUCHES, camera_facts, encode
from tools.draw_samples import Scene, draw
from tools.draw_samples.plan import Sample, names, plan, scene_of, taken

# Another number whenever the pictures change, so that an older set is drawn anew.
VERSION = 2

COLUMNS = (
    "path", "filename", "scene", "kind", "transform", "group", "duplicate_of", "resembles",
    "width", "height", "bytes", "digest",
)  # fmt: skip


def make_samples(folder: Path | str, seed: int = 0, *, workers: int = 0) -> pd.DataFrame:
    """Draw the set into a folder, unless it is there already, and return the truth about it.

    The same seed gives the same bytes wherever the same versions of numpy and Pillow run. The
    truth is also kept beside the folder, as ``FOLDER.csv``; by it a complete set is recognised
    and left as it is, and a set that was damaged is drawn anew.

    Parameters
    ----------
    folder
        Where the pictures go; made if missing. It must not hold anything else.
    seed
        Another seed draws other pictures of the same scenes.
    workers
        Threads that draw; 0 means one for each core.

    Returns
    -------
    DataFrame
        One row per file, by name. ``kind`` is *original*, *duplicate*, *near-miss* (the same kind
        of content, yet another picture) or *flat*; ``transform`` says what was done, one of
        `scenes.plan.TRANSFORMS`; ``group`` is equal for duplicates of each other and for nothing
        else; ``duplicate_of`` and ``resembles`` name the original in question.

    Raises
    ------
    SourceError
        If the folder holds files that are not of this set; nothing is touched then.
    StorageDenied, StorageFull
        If the pictures cannot be written.
    """
    folder = Path(folder).expanduser().absolute()
    manifest = folder.with_name(f"{folder.name}.csv")
    try:
        known = _read_manifest(manifest, seed)
        if known is None or not _complete(folder, known, seed):
            _refuse_strangers(folder, manifest, seed)
            known = _draw_all(folder, seed, workers or os.cpu_count() or 1)
            table = pd.DataFrame([asdict(sample) for sample in known])
            table.assign(seed=seed, version=VERSION).to_csv(manifest, index=False)
    except OSError as error:
        kind = StorageFull if error.errno == errno.ENOSPC else StorageDenied
        message = f"the sample pictures cannot be written to {folder}: {error.strerror or error}"
        raise kind(message) from error
    truth = pd.DataFrame([asdict(sample) for sample in known])
    truth["path"] = [str(folder / sample.filename) for sample in known]
    return truth[list(COLUMNS)]


def _refuse_strangers(folder: Path, manifest: Path, seed: int) -> None:
    """Raise SourceError if a folder holds anything that no set of ours left there."""
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    # A whole set without its manifest is ours as well; a single IMG_2078.jpg may be anyone's.
    strangers = [] if found == names(plan(seed)) else sorted(found - _listed(manifest))
    if strangers:
        message = (
            f"{folder} holds other files, such as {strangers[0]!r}; "
            "name a folder that is empty or does not exist yet"
        )
        raise SourceError(message)


def _draw_all(folder: Path, seed: int, workers: int) -> list[Sample]:
    """Draw the set beside the folder and put it in its place only when it is whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with ThreadPoolExecutor(workers) as pool:
            batches = list(pool.map(lambda batch: _draw_batch(fresh, batch, seed), plan(seed)))
        fresh.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        fresh.replace(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    samples = (sample for batch in batches for sample in batch)
    return sorted(samples, key=lambda sample: sample.filename)


def _draw_batch(folder: Path, batch: Sequence[Sample], seed: int) -> list[Sample]:
    """Draw and write one scene with all that is made of it; return its samples with their facts."""
    done = []
    if batch[0].kind == "flat":
        files = _flat_files(batch)
    else:
        files = _scene_files(batch, scene_of(batch[0]), seed)
    for sample, data, (width, height) in files:
        (folder / sample.filename).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        done.append(replace(sample, width=width, height=height, bytes=len(data), digest=digest))
    return done


def _scene_files(
    batch: Sequence[Sample], scene: Scene, seed: int
) -> Iterator[tuple[Sample, bytes, tuple[int, int]]]:
    """Yield the files of one scene and the sizes in which they are shown."""
    data = b""
    image = Image.new("RGB", (1, 1))
    for sample in batch:
        rng = np.random.default_rng((seed, crc32(sample.filename.encode())))
        if sample.kind != "duplicate":
            take = int(sample.kind == "near-miss")
            when = taken(scene) + timedelta(seconds=47 * take)
            facts = camera_facts(when, scene.place)
            drawn = Image.fromarray(draw(scene, seed, take))
            written = encode(drawn, quality=90, exif=facts)
            if take == 0:
                data = written
                image = Image.open(io.BytesIO(data)).convert("RGB")
            yield sample, written, drawn.size
        elif sample.transform == "copy":
            yield sample, data, image.size
        else:
            retouch = RETOUCHES.get(sample.transform)
            result = image if retouch is None else retouch(image, rng)
            kind = "WEBP" if sample.transform == "converted" else "JPEG"
            quality = int(rng.integers(32, 60) if sample.transform == "re-encoded" else 85)
            turn = (3, 6, 8)[int(rng.integers(3))] if sample.transform == "exif-rotated" else 1
            yield sample, encode(result, quality=quality, kind=kind, orientation=turn), result.size


def _flat_files(batch: Sequence[Sample]) -> Iterator[tuple[Sample, bytes, tuple[int, int]]]:
    """Yield pictures without content: solid ones and gradients."""
    for sample in batch:
        pixels = _flat(sample.scene)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        yield sample, file.getvalue(), (pixels.shape[1], pixels.shape[0])


def _flat(name: str, width: int = 800, height: int = 600) -> UInt8s:
    """Pixels of one of `FLATS`."""
    solid = {"white": (255, 255, 255), "black": (3, 3, 4), "grey": (128, 128, 128)}
    if name in solid or name == "another grey":
        return np.full((height, width, 3), solid.get(name, (131, 130, 129)), np.uint8)
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    share = x + 0 * y if name == "left to right" else (x + y) / 2
    first, last = np.array((24, 78, 119)), np.array((181, 228, 140))
    result: UInt8s = np.round(first + (last - first) * share).astype(np.uint8)
    return result


def _read_manifest(path: Path, seed: int) -> list[Sample] | None:
    """The set that was drawn here before; None if there is none, or of another kind."""
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
    """Names that a manifest of whatever version lists."""
    try:
        return set(pd.read_csv(path, keep_default_na=False)["filename"].astype(str))
    except (FileNotFoundError, ValueError, KeyError):
        return set()


def _complete(folder: Path, samples: Sequence[Sample], seed: int) -> bool:
    """Whether every file is there with its own bytes."""
    if names(plan(seed)) != names([samples]):
        return False
    for sample in samples:
        path = folder / sample.filename
        if not path.is_file() or path.stat().st_size != sample.bytes:
            return False
        if hashlib.sha256(path.read_bytes()).hexdigest() != sample.digest:
            return False
    return True
