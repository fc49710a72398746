"""Which sample pictures there will be, under which names, and what is a duplicate of what."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from tools.draw_samples import SCENES, Scene

Kind = Literal["original", "duplicate", "near-miss", "flat"]

# What leaves the dHash within 10 bits of the original's, and everything that is done to originals.
NEAR = ("copy", "re-encoded", "resized", "exif-rotated", "brightened", "converted", "captioned")
TRANSFORMS = (*NEAR, "cropped", "flipped", "bordered", "rotated")

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


def _original_name(scene: Scene, number: int) -> str:
    """A camera's name for two of three, a person's for the others."""
    when = taken(scene)
    return (
        f"{scene.name}.jpg",
        f"IMG_{2041 + 37 * number}.jpg",
        f"PXL_{when:%Y%m%d_%H%M%S}.jpg",
    )[number % 3]


def _duplicate_name(original: str, scene: Scene, transform: str, number: int) -> str:
    """The name that a program or a person would give to such a version."""
    stem = original.removesuffix(".jpg")
    when = taken(scene) + timedelta(days=2)
    words = scene.name.replace("-", " ")
    return {
        "copy": (f"{stem} (copy).jpg", f"Copy of {stem}.jpg", f"{stem} (1).jpg")[number % 3],
        "re-encoded": f"{stem}-compressed.jpg",
        "resized": f"IMG-{when:%Y%m%d}-WA{number:04d}.jpg",
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


def taken(scene: Scene) -> datetime:
    """When a scene claims to be photographed."""
    return datetime.strptime(scene.taken, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - as EXIF, no zone


def scene_of(sample: Sample) -> Scene:
    """What a sample shows."""
    return next(scene for scene in SCENES if scene.name == sample.scene)


def names(batches: Sequence[Sequence[Sample]]) -> set[str]:
    """The file names of a plan."""
    return {sample.filename for batch in batches for sample in batch}
