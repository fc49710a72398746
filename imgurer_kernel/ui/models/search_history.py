"""Pictures that are searched for, and the trail that they make."""

from dataclasses import dataclass

from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.ui.models.captions import Fact, Row, facts

_TRAIL = 12
_TRAIL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Sought:
    """A picture to search for.

    Attributes
    ----------
    key
        Its name in the address: the image_id, or ``u`` and a number for one that is not stored.
    image_id
        -1 where it is not stored.
    data
        The file's bytes where it is not stored.
    """

    key: str
    name: str
    thumbnail: bytes
    width: int
    height: int
    facts: tuple[Fact, ...]
    image_id: int = -1
    data: bytes | None = None


def from_store(row: Row, thumbnail: bytes) -> Sought:
    """An image of the store, as `Workbench.images` describes it."""
    return Sought(
        key=str(row["image_id"]),
        name=str(row["filename"]),
        thumbnail=thumbnail,
        width=int(row["width"]),
        height=int(row["height"]),
        facts=tuple(facts(row)),
        image_id=int(row["image_id"]),
    )


def from_file(key: str, name: str, data: bytes, settings: Settings) -> Sought:
    """A picture file that is not stored.

    Raises
    ------
    ImageRejected
        If it is no picture that can be read.
    """
    found = fingerprint(data, limits=settings)
    known = {
        "width": found.width,
        "height": found.height,
        "bytes": len(data),
        "format": found.format,
        "frames": found.frames,
        "dhash": found.dhash_hex,
        "informative": found.informative,
        "taken_at": found.facts.taken_at,
        "camera": found.facts.camera,
    }
    return Sought(
        key=key,
        name=name,
        thumbnail=found.thumbnail,
        width=found.width,
        height=found.height,
        facts=tuple(facts(known)),
        data=data,
    )


def shortened(trail: tuple[Sought, ...]) -> tuple[Sought, ...]:
    """The latest searches, and no more bytes of pictures that are not stored than is sane."""
    kept: list[Sought] = []
    held = 0
    for sought in reversed(trail[-_TRAIL:]):
        held += len(sought.data or b"")
        if kept and held > _TRAIL_BYTES:
            break
        kept.append(sought)
    return tuple(reversed(kept))
