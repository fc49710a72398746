"""Read sources in pieces, with errors that distinguish the source from the store."""

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
    """Open a source for reading."""
    with source_errors(str(path)):
        file = path.open("rb")
    with file:
        yield file


def pieces(source: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the rest of a source in pieces, each read on demand."""
    while True:
        with source_errors(name):
            piece = source.read(CHUNK)
        if not piece:
            return
        yield piece


def digest_of(file: BinaryIO) -> str:
    """Hash the rest of a file: SHA-256, 64 hex digits."""
    hashed = hashlib.sha256()
    while piece := file.read(CHUNK):
        hashed.update(piece)
    return hashed.hexdigest()


def expect(digest: str, expected: str | None, name: str) -> str:
    """Check that a digest is the expected one, if any was expected, and return it.

    Raises
    ------
    BlobDamaged
        If another one was expected.
    """
    if expected is not None and digest != expected:
        message = (
            f"{name} has the digest {digest}, not {expected} as expected: the bytes were changed "
            "meanwhile; ingest it again"
        )
        raise BlobDamaged(message)
    return digest
