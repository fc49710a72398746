"""Reading sources piece by piece, with errors that tell the source from the store."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.errors import BlobDamaged, SourceError

CHUNK = 1 << 20
"""Bytes that are read at a time."""


@contextmanager
def source_errors(name: str) -> Iterator[None]:
    """Turn the system's errors inside the block into `SourceError`."""
    try:
        yield
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror or error}; check path and permission"
        raise SourceError(message) from error


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """A source, open for reading."""
    with source_errors(str(path)):
        file = path.open("rb")
    with file:
        yield file


def pieces(source: BinaryIO, name: str) -> Iterator[bytes]:
    """What a source has from here on, read piece by piece and not faster than it is taken."""
    while True:
        with source_errors(name):
            piece = source.read(CHUNK)
        if not piece:
            return
        yield piece


def digest_of(file: BinaryIO) -> str:
    """SHA-256 of what a file has from here on, as 64 hex digits."""
    hashed = hashlib.sha256()
    while piece := file.read(CHUNK):
        hashed.update(piece)
    return hashed.hexdigest()


def expect(digest: str, expected: str | None, name: str) -> str:
    """The digest, if it is the expected one or none was expected.

    Raises
    ------
    BlobDamaged
        If another one was expected.
    """
    if expected is not None and digest != expected:
        message = (
            f"{name} has the digest {digest}, not {expected} as expected: the bytes were changed "
            "meanwhile; take it in again"
        )
        raise BlobDamaged(message)
    return digest
