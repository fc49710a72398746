"""Parse the pictures that users search by (an id, a path, bytes, a PIL image) into one record.

In three steps, so that no transaction waits for a decoder or a disk::

    parsed = parse_query(given, settings)              # decode, unless it is an id
    query = load_query(connection, parsed)             # within a transaction
    query = with_thumbnail(query, store)
"""

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.errors import (
    BlobMissing,
    ImageRejected,
    ImageTooLarge,
    InvalidRadius,
    QueryError,
    SourceError,
    StorageError,
)
from imgurer_kernel.fingerprint.encode import encode_lossless
from imgurer_kernel.fingerprint.extract import ALGORITHM, fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.catalog import Connection, fingerprints, queries
from imgurer_kernel.store.ingest.originals import Decode
from imgurer_kernel.store.store import Store


@dataclass(frozen=True, slots=True)
class Query:
    """A picture to compare others with: its digest and fingerprint."""

    digest: str
    fingerprint: Fingerprint

    @property
    def grays(self) -> UInt8s:
        """The grays that its dHash is computed from, uint8 (9, 9)."""
        return np.frombuffer(self.fingerprint.grays, np.uint8).reshape(9, 9)


def is_image_id(given: object) -> TypeGuard[int]:
    """Return whether a value is an integer, as image ids are, and not a bool."""
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def parse_query(given: object, settings: Settings) -> Query | int:
    """Fingerprint the given picture, or return it if it is an image_id.

    Parameters
    ----------
    given
        image_id, path of a file, bytes of a picture file, a ``PIL.Image.Image``, or a `Query`,
        which is returned as it is.

    Raises
    ------
    SourceError
        If the path cannot be read.
    ImageRejected
        If the bytes are not a picture that can be ingested.
    QueryError
        If it is none of these kinds.
    """
    if is_image_id(given):
        return int(given)
    if isinstance(given, Query):
        return given
    data = bytes_of(given, settings)
    return query_of(data, settings)


def query_of(data: bytes, settings: Settings, decode: Decode = fingerprint) -> Query:
    """Fingerprint the bytes of a picture file; `decode` may do so in a child process.

    Raises
    ------
    ImageRejected
        If they are not a picture that can be ingested.
    """
    return Query(hashlib.sha256(data).hexdigest(), decode(data, limits=settings))


def load_query(connection: Connection, parsed: Query | int) -> Query:
    """Read the query for an image from the catalog, without its thumbnail.

    Raises
    ------
    UnknownImage
        If no image has this id.
    QueryError
        If its fingerprint is of another version and could not be recomputed.
    """
    if isinstance(parsed, Query):
        return parsed
    digest, found = fingerprints.load(connection, parsed)
    if found.algorithm != ALGORITHM:
        message = (
            f"image {parsed} has a fingerprint of another version, "
            f"{found.algorithm!r}, and its original cannot be read; "
            "check(repair=True) tries to restore it"
        )
        raise QueryError(message)
    return Query(digest, found)


def exact_matches(connection: Connection, query: Query) -> dict[int, str]:
    """Find images with the same bytes as the query, or the same pixels if it is flat."""
    matches = {}
    if query.fingerprint.pixels is not None:
        pixels = query.fingerprint.pixels
        equal = fingerprints.with_pixels(connection, pixels, ALGORITHM)
        matches.update(dict.fromkeys(equal, "same pixels"))
    same = queries.ids_by_digest(connection, [query.digest]).values()
    return matches | dict.fromkeys(same, "exact")


def with_thumbnail(query: Query, store: Store) -> Query:
    """Add the thumbnail to a query: read from the store, or drawn again if it is lost.

    Raises
    ------
    BlobMissing
        If the store has no intact thumbnail, and its original cannot be read either.
    """
    if query.fingerprint.thumbnail:
        return query
    try:
        thumbnail = store.blobs.thumbnail(query.digest)
    except BlobMissing as lost:
        # Not written to the store: `check` repairs thumbnails.
        try:
            with store.blobs.open(query.digest) as original:
                data = original.read()
            thumbnail = store.decoders.fingerprint(data, limits=store.settings).thumbnail
        except (StorageError, ImageRejected) as error:
            raise lost from error
    return replace(query, fingerprint=replace(query.fingerprint, thumbnail=thumbnail))


def bytes_of(given: object, settings: Settings) -> bytes:
    """Read the file behind a path, bytes or a PIL image; errors as of `parse_query`."""
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given)
    if isinstance(given, str | os.PathLike):
        try:
            path = Path(given).expanduser()
            # Check first: a file of many gigabytes must not be read into memory, and reading a
            # device or a pipe would never end.
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                message = f"{path} cannot be read: it is not a regular file; give a picture file"
                raise SourceError(message)
            if found.st_size > settings.max_bytes:
                message = f"{path} has over {settings.max_bytes:,} bytes (max_bytes)"
                raise ImageTooLarge(message)
            return path.read_bytes()
        except (OSError, ValueError, RuntimeError) as error:
            # ValueError: a zero byte or half a character; RuntimeError: the home of an unknown
            # user.
            reason = getattr(error, "strerror", None) or error
            message = f"{os.fspath(given)!r} cannot be read: {reason}; check path and permission"
            raise SourceError(message) from error
    # Duck typing, because Pillow is imported in `fingerprint` only.
    picture: Any = given
    if all(hasattr(picture, name) for name in ("mode", "size", "tobytes")):
        return encode_lossless(picture)
    message = (
        f"cannot search by a {type(given).__name__}; give an image_id, a path, the bytes of a "
        "picture file or a PIL image"
    )
    raise QueryError(message)


def check_limit(limit: object) -> int | None:
    """Check the maximum number of rows; None means all.

    Raises
    ------
    QueryError
        If it is neither None nor a whole number from 0.
    """
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 0:
        message = f"limit is {limit!r}; it must be a whole number of rows from 0, or None for all"
        raise QueryError(message)
    return int(limit)


def check_radius(radius: object) -> int:
    """Check a radius, and return it as an int.

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
