"""Queries by picture, and their history."""

from dataclasses import dataclass

from imgurer_kernel.store.store import Store
from imgurer_kernel.ui.models.captions import Fact, Row, image_facts
from imgurer_kernel.workbench.pictures.query import Query, query_of

_MAX_STEPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class SearchQuery:
    """A picture to search for.

    Attributes
    ----------
    key
        Its value in the URL: the image_id, or ``u`` and a number for a picture that is not stored.
    name, thumbnail
        File name and JPEG, for display.
    width, height
        Pixels of the upright picture.
    facts
        Facts about it, for display.
    image_id
        -1 if it is not stored.
    picture
        Its fingerprint if it is not stored: some 20 kB, for any size of file.
    """

    key: str
    name: str
    thumbnail: bytes
    width: int
    height: int
    facts: tuple[Fact, ...]
    image_id: int = -1
    picture: Query | None = None


def query_from_store(row: Row, thumbnail: bytes) -> SearchQuery:
    """Make a query from a stored image, a row of `Workbench.images`."""
    return SearchQuery(
        key=str(row["image_id"]),
        name=str(row["filename"]),
        thumbnail=thumbnail,
        width=int(row["width"]),
        height=int(row["height"]),
        facts=tuple(image_facts(row)),
        image_id=int(row["image_id"]),
    )


def query_from_file(key: str, name: str, data: bytes, store: Store) -> SearchQuery:
    """Make a query from an untrusted picture file that is not stored.

    Raises
    ------
    ImageRejected
        If it is not a readable picture.
    """
    picture = query_of(data, store.settings, store.decoders.fingerprint)
    result = picture.fingerprint
    row = {
        "width": result.width,
        "height": result.height,
        "bytes": len(data),
        "format": result.format,
        "frames": result.frames,
        "informative": result.informative,
        "taken_at": result.facts.taken_at,
        "camera": result.facts.camera,
    }
    return SearchQuery(
        key=key,
        name=name,
        thumbnail=result.thumbnail,
        width=result.width,
        height=result.height,
        facts=tuple(image_facts(row)),
        picture=picture,
    )


def trim_history(history: tuple[SearchQuery, ...]) -> tuple[SearchQuery, ...]:
    """Drop the oldest queries; at most 12 are kept."""
    return history[-_MAX_STEPS:]
