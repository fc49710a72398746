"""Plan the sample set: its files, their names, and which ones are duplicates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

Kind = Literal["original", "duplicate", "near-miss", "flat"]

# Transforms that keep the dHash within 10 bits of the original's, and all transforms.
NEAR = ("copy", "re-encoded", "resized", "exif-rotated", "brightened", "converted", "captioned")
TRANSFORMS = (*NEAR, "cropped", "flipped", "bordered", "rotated")

# Numbers of duplicates of the originals, repeated; the first has one of each kind.
COPIES = (3, 4, 2, 5, 3, 0, 4, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePicture:
    """A picture shipped with the package, a row of its ``index.csv``.

    Attributes
    ----------
    file
        Name in the folder of pictures.
    scene
        Its content in words.
    kind
        *original*, *near-miss* (another picture of a scene) or *flat*.
    taken
        Capture time in its metadata, local time in ISO 8601; empty for flat ones.
    sha256
        Digest of the file, 64 hex digits.
    """

    file: str
    scene: str
    kind: Kind
    taken: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file of the set and its ground truth.

    Attributes
    ----------
    filename
        Name in the set.
    scene, kind
        Content and kind, as in `SamplePicture`, or *duplicate*.
    transform
        One of `TRANSFORMS` for a duplicate, else *none*; *copy* for the duplicate of a flat one.
    group
        Equal for duplicates of each other only.
    duplicate_of, resembles
        File name of the original, for a duplicate and for a near-miss.
    picture
        File of the picture that it is or is made from; not part of a manifest.
    width, height, bytes, digest
        Of the upright picture and its file; empty in a plan.
    """

    filename: str
    scene: str
    kind: Kind
    transform: str
    group: int
    duplicate_of: str = ""
    resembles: str = ""
    picture: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    digest: str = ""


def plan(pictures: Sequence[SamplePicture], seed: int = 0) -> list[list[Sample]]:
    """Plan the files: one list for each scene, and one with all flat pictures.

    The first of a scene's list is the original. The seed chooses the kinds of copies.

    Parameters
    ----------
    pictures
        In the order of the index: those of a scene together, the original first.
    """
    batches: list[list[Sample]] = []
    group = 0
    start = seed
    photos = (picture for picture in pictures if picture.kind != "flat")
    for number, (_, shots) in enumerate(groupby(photos, key=lambda picture: picture.scene)):
        first, *others = shots
        original = _sample(first, _original_name(first, number), group)
        count = len(TRANSFORMS) if number == 0 else COPIES[number % len(COPIES)]
        batch = [original]
        for step in range(count):
            transform = TRANSFORMS[(start + step) % len(TRANSFORMS)]
            name = _duplicate_name(original.filename, first, transform, number)
            batch.append(_duplicate(original, name, transform))
        start += count
        group += 1
        for other in others:
            near_miss = _sample(other, _second_name(original.filename), group)
            batch.append(replace(near_miss, resembles=original.filename))
            group += 1
        batches.append(batch)
    flats = [
        _sample(picture, picture.file, group + number)
        for number, picture in enumerate(p for p in pictures if p.kind == "flat")
    ]
    twin = [_duplicate(flat, "white (1).png", "copy", kind="flat") for flat in flats[:1]]
    return [*batches, [*flats, *twin]]


def _sample(picture: SamplePicture, filename: str, group: int) -> Sample:
    return Sample(
        filename=filename,
        scene=picture.scene,
        kind=picture.kind,
        transform="none",
        group=group,
        picture=picture.file,
    )


def _duplicate(original: Sample, filename: str, transform: str, kind: Kind = "duplicate") -> Sample:
    return replace(
        original,
        filename=filename,
        kind=kind,
        transform=transform,
        duplicate_of=original.filename,
    )


def _original_name(picture: SamplePicture, number: int) -> str:
    """Name an original: two of three as cameras do, the others as users do."""
    return (
        f"{picture.scene}.jpg",
        f"IMG_{2041 + 37 * number}.jpg",
        f"PXL_{datetime.fromisoformat(picture.taken):%Y%m%d_%H%M%S}.jpg",
    )[number % 3]


def _duplicate_name(original: str, picture: SamplePicture, transform: str, number: int) -> str:
    """Name a copy as a program or a user would."""
    stem = original.removesuffix(".jpg")
    sent = datetime.fromisoformat(picture.taken) + timedelta(days=2)
    words = picture.scene.replace("-", " ")
    return {
        "copy": (f"{stem} (copy).jpg", f"Copy of {stem}.jpg", f"{stem} (1).jpg")[number % 3],
        "re-encoded": f"{stem}-compressed.jpg",
        "resized": f"IMG-{sent:%Y%m%d}-WA{number:04d}.jpg",
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
    """Name another picture of the same place."""
    stem = original.removesuffix(".jpg")
    if stem.startswith("IMG_"):
        return f"IMG_{int(stem[4:]) + 1}.jpg"
    return f"{stem}-2.jpg" if not stem.startswith("PXL_") else f"{stem[:-2]}58.jpg"


def names(batches: Sequence[Sequence[Sample]]) -> set[str]:
    """List the file names of a plan."""
    return {sample.filename for batch in batches for sample in batch}
