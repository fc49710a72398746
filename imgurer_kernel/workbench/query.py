"""What a person may search by (an id, a path, bytes, a PIL image), as one record."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.errors import ImageTooLarge, InvalidRadius, QueryError, SourceError
from imgurer_kernel.fingerprint.decode import encode_lossless
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Query:
    """A picture that others are compared with: its digest and its fingerprint."""

    digest: str
    fingerprint: Fingerprint


def read_query(given: object, *, catalog: Catalog, blobs: BlobStore, settings: Settings) -> Query:
    """Fingerprint what is searched for.

    Parameters
    ----------
    given
        image_id, path of a file, bytes of a picture file, or a ``PIL.Image.Image``.

    Raises
    ------
    UnknownImage
        If there is no image with that id.
    SourceError
        If the path cannot be read.
    ImageRejected
        If the bytes are no picture that can be taken in.
    QueryError
        If it is none of these kinds.
    """
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        digest, found = catalog.fingerprint(int(given))
        return Query(digest, replace(found, thumbnail=blobs.thumbnail(digest)))
    data = bytes_of(given, settings)
    return Query(hashlib.sha256(data).hexdigest(), fingerprint(data, limits=settings))


def bytes_of(given: object, settings: Settings) -> bytes:
    """The file behind a path, bytes or a PIL image; errors as `read_query` raises them."""
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if isinstance(given, str | os.PathLike):
        path = Path(given).expanduser()
        try:
            if path.stat().st_size > settings.max_bytes:
                message = f"{path} has over {settings.max_bytes:,} bytes (max_bytes)"
                raise ImageTooLarge(message)
            return path.read_bytes()
        except OSError as error:
            message = f"{str(path)!r} cannot be read: {error.strerror}; check path and permission"
            raise SourceError(message) from error
    picture: Any = given
    if all(hasattr(picture, name) for name in ("mode", "size", "tobytes")):
        return encode_lossless(picture)
    message = (
        f"cannot search by a {type(given).__name__}; give an image_id, a path, the bytes of a "
        "picture file or a PIL image"
    )
    raise QueryError(message)


def check_radius(radius: object) -> int:
    """The radius as an int.

    Raises
    ------
    InvalidRadius
        If it is not a whole number from 0 to 128.
    """
    if (
        isinstance(radius, bool)
        or not isinstance(radius, int | np.integer)
        or not 0 <= radius <= 128
    ):
        message = f"radius is {radius!r}; it must be a whole number of bits from 0 to 128"
        raise InvalidRadius(message)
    return int(radius)
