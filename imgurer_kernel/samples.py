"""Sample pictures for the first start, the notebooks and the tests: drawn, not downloaded.

Each scene of `imgurer_kernel.scenes` is drawn once as an original. Then follows what happens to
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
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from imgurer_kernel.errors import SourceError, StorageDenied, StorageFull
from imgurer_kernel.retouch import RETOUCHES, camera_facts, encode
from imgurer_kernel.scenes import SCENES, Scene, draw

Kind = Literal["original", "duplicate", "near-miss", "flat"]

# Another number whenever the pictures change, so that an older set is drawn anew.
VERSION = 1

# What leaves the dHash within 10 bits of the original's, and everything that is done to originals.
NEAR = ("copy", "re-encoded", "resized", "exif-rotated", "brightened", "converted", "captioned")
TRANSFORMS = (*NEAR, "cropped", "flipped", "bordered", "rotated")

COLUMNS = (
    "path", "filename", "scene", "kind", "transform", "group", "duplicate_of", "resembles",
    "width", "height", "bytes", "digest",
)  # fmt: skip

# How many duplicates the scenes have, over and over; the first scene has one of each kind.
COPIES = (3, 4, 2, 5, 3, 0, 4, 3, 5)
SECOND_TAKES = (
    "lake-at-dusk", "blue-ridge-morning", "dunes", "pines-in-fog", "city-lights", "skyline",
    "old-table", "tablecloth", "jumper",
)  # fmt: skip
FLATS = ("white", "black", "grey", "another grey", "left to right", "corner to corner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file of the set and the truth about it."""

    filename: str
    scene: str
    kind: Kind
    transform: str
    group: int
    duplicate_of: str = ""
    resembles: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    digest: str = ""


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
        of content, yet another picture) or *flat*; ``transform`` is one of `TRANSFORMS` for
        duplicates; ``group`` is equal for duplicates of each other and for nothing else;
        ``duplicate_of`` and ``resembles`` name the original in question.

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


def plan(seed: int = 0) -> list[list[Sample]]:
    """What there will be, before anything is drawn: one list for each scene, and the flat ones.

    The first of a list is the original; the sizes and digests are not known yet.
    """
    batches: list[list[Sample]] = []
    group = 0
    start = seed
    for number, scene in enumerate(SCENES):
        original = Sample(
            filename=_original_name(scene, number),
            scene=scene.name,
            kind="original",
            transform="none",
            group=group,
        )
        count = len(TRANSFORMS) if number == 0 else COPIES[number % len(COPIES)]
        batch = [original]
        for step in range(count):
            transform = TRANSFORMS[(start + step) % len(TRANSFORMS)]
            name = _duplicate_name(original.filename, scene, transform, number)
            batch.append(
                replace(
                    original,
                    filename=name,
                    kind="duplicate",
                    transform=transform,
                    duplicate_of=original.filename,
                )
            )
        start += count
        group += 1
        if scene.name in SECOND_TAKES:
            batch.append(
                Sample(
                    filename=_second_name(original.filename),
                    scene=scene.name,
                    kind="near-miss",
                    transform="none",
                    group=group,
                    resembles=original.filename,
                )
            )
            group += 1
        batches.append(batch)
    flats = [
        Sample(
            filename=f"{name.replace(' ', '-')}.png",
            scene=name,
            kind="flat",
            transform="none",
            group=group + number,
        )
        for number, name in enumerate(FLATS)
    ]
    twin = replace(
        flats[0], filename="white (1).png", transform="copy", duplicate_of=flats[0].filename
    )
    return [*batches, [*flats, twin]]


def _refuse_strangers(folder: Path, manifest: Path, seed: int) -> None:
    """Raise SourceError if a folder holds anything that no set of ours left there."""
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    # A whole set without its manifest is ours as well; a single IMG_2078.jpg may be anyone's.
    strangers = [] if found == _names(plan(seed)) else sorted(found - _listed(manifest))
    if strangers:
        message = (
            f"{folder} holds other files, such as {strangers[0]!r}; "
            "name a folder that is empty or does not exist yet"
        )
        raise SourceError(message)


def _names(batches: Sequence[Sequence[Sample]]) -> set[str]:
    return {sample.filename for batch in batches for sample in batch}


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


def _original_name(scene: Scene, number: int) -> str:
    """A camera's name for two of three, a person's for the others."""
    taken = _taken(scene)
    return (
        f"{scene.name}.jpg",
        f"IMG_{2041 + 37 * number}.jpg",
        f"PXL_{taken:%Y%m%d_%H%M%S}.jpg",
    )[number % 3]


def _duplicate_name(original: str, scene: Scene, transform: str, number: int) -> str:
    """The name that a program or a person would give to such a version."""
    stem = original.removesuffix(".jpg")
    taken = _taken(scene) + timedelta(days=2)
    words = scene.name.replace("-", " ")
    return {
        "copy": (f"{stem} (copy).jpg", f"Copy of {stem}.jpg", f"{stem} (1).jpg")[number % 3],
        "re-encoded": f"{stem}-compressed.jpg",
        "resized": f"IMG-{taken:%Y%m%d}-WA{number:04d}.jpg",
        "brightened": f"{stem}-edited.jpg",
        "exif-rotated": f"DSC_{1187 + 13 * number:04d}.JPG",
        "converted": f"{stem}.webp",
        "captioned": f"{words} postcard.jpg",
        "cropped": f"{stem}-cropped.jpg",
        "flipped": f"{words} (mirrored).jpg",
        "bordered": f"{words}, framed.jpg",
        "rotated": f"{stem}-turned.jpg",
    }[transform]


def _second_name(original: str) -> str:
    """The name of another picture taken at the same place."""
    stem = original.removesuffix(".jpg")
    if stem.startswith("IMG_"):
        return f"IMG_{int(stem[4:]) + 1}.jpg"
    return f"{stem}-2.jpg" if not stem.startswith("PXL_") else f"{stem[:-2]}58.jpg"


def _taken(scene: Scene) -> datetime:
    return datetime.strptime(scene.taken, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - as EXIF, no zone


def _draw_batch(folder: Path, batch: Sequence[Sample], seed: int) -> list[Sample]:
    """Draw and write one scene with all that is made of it; return its samples with their facts."""
    done = []
    if batch[0].kind == "flat":
        files = _flat_files(batch)
    else:
        files = _scene_files(batch, next(s for s in SCENES if s.name == batch[0].scene), seed)
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
            taken = _taken(scene) + timedelta(seconds=47 * take)
            facts = camera_facts(taken, scene.place)
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


def _flat(name: str, width: int = 800, height: int = 600) -> NDArray[np.uint8]:
    """Pixels of one of `FLATS`."""
    solid = {"white": (255, 255, 255), "black": (3, 3, 4), "grey": (128, 128, 128)}
    if name in solid or name == "another grey":
        return np.full((height, width, 3), solid.get(name, (131, 130, 129)), np.uint8)
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    share = x + 0 * y if name == "left to right" else (x + y) / 2
    first, last = np.array((24, 78, 119)), np.array((181, 228, 140))
    result: NDArray[np.uint8] = np.round(first + (last - first) * share).astype(np.uint8)
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
    if _names(plan(seed)) != _names([samples]):
        return False
    for sample in samples:
        path = folder / sample.filename
        if not path.is_file() or path.stat().st_size != sample.bytes:
            return False
        if hashlib.sha256(path.read_bytes()).hexdigest() != sample.digest:
            return False
    return True
