"""The part of the blob store that stores originals: by copy, hard link, or reference.

In each mode the bytes are compared with their digest before they get their final name, and an
existing blob is only replaced if it is damaged.
"""

import hashlib
import io
import os
from pathlib import Path
from typing import BinaryIO, TypeAlias

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.errors import BlobMissing
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.blobs.backends.base import Backend, Draft
from imgurer_kernel.store.blobs.backends.reference import Reference
from imgurer_kernel.store.blobs.nesting import check_digest, nested
from imgurer_kernel.store.blobs.notes import Notes
from imgurer_kernel.store.blobs.source_reading import (
    digest_of,
    expect,
    pieces,
    reading,
    source_errors,
)

BlobSource: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO


class OriginalWriter:
    """Stores originals, each under its digest; see `BlobStore`."""

    _backend: Backend
    _notes: Notes

    def put(
        self,
        source: BlobSource,
        digest: str | None = None,
        mode: StoreMode = "copy",
        *,
        trusted: bool = False,
    ) -> str:
        """Store an original and return its digest.

        Parameters
        ----------
        source
            Bytes, a path, or a binary file, read from its present position. Files are never read
            into memory as a whole.
        digest
            The expected digest.
        mode
            How to keep a file given by its path. ``"copy"``: as a copy. ``"link"``: as a hard
            link, or as a copy if the file system supports no link, as between two disks; a
            program that later writes into the file instead of replacing it damages the blob,
            which is detected before it is read. ``"reference"``: in place, by a note of its path,
            unless there is a copy already. Bytes and open files are always copied.
        trusted
            Do not compute the digest again: it was computed from the same bytes in memory.

        Raises
        ------
        BlobDamaged
            If the bytes do not have the digest that was expected; nothing is stored then.
        SourceError
            If the path cannot be read.
        """
        if digest is not None:
            check_digest(digest)
        if isinstance(source, bytes | bytearray | memoryview):
            if trusted and digest is not None:
                return self._write(source, digest)
            return self._copy(io.BytesIO(source), "these bytes", digest)
        if not isinstance(source, str | os.PathLike):
            return self._copy(source, "this file", digest)
        path = Path(source).absolute()
        with reading(path) as file:
            if mode == "reference":
                return self._refer(file, path, digest)
            linked = self._link(path, digest) if mode == "link" else None
            return linked or self._copy(file, str(path), digest)

    def relocate(self, digest: str, path: Path) -> None:
        """Update a reference to a file that was moved, without reading it.

        Does nothing if there is no reference, or if it is not the same file.
        """
        self._notes.relocate(nested("references", digest), path)

    def _copy(self, source: BinaryIO, name: str, expected: str | None) -> str:
        with self._backend.create("blobs") as draft:
            hashed = hashlib.sha256()
            for piece in pieces(source, name):
                hashed.update(piece)
                draft.write(piece)
            digest = expect(hashed.hexdigest(), expected, name)
            self._publish(draft, digest)
        return digest

    def _write(self, data: bytes | bytearray | memoryview, digest: str) -> str:
        with self._backend.create("blobs") as draft:
            draft.write(data)
            self._publish(draft, digest)
        return digest

    def _publish(self, draft: Draft, digest: str, linked: Reference | None = None) -> None:
        """Publish a draft as the blob of a digest, unless there is a sound one; remove a reference.

        Parameters
        ----------
        linked
            The file that shares its bytes with the draft, if any.
        """
        note = nested("links", digest)
        if linked is not None:
            if not self._is_sound(digest):
                # The note first: a link without one counts as a copy, and is not checked for
                # changes.
                self._notes.write(note, linked)
                draft.publish(nested("blobs", digest))
        else:
            if self._backend.exists(note) or not self._is_sound(digest):
                draft.publish(nested("blobs", digest))
            self._backend.remove(note)
        # Last: without a blob, only the reference leads to the bytes.
        self._backend.remove(nested("references", digest))

    def _link(self, source: Path, expected: str | None) -> str | None:
        """Store a hard link; None if that is not possible."""
        # The link is made first, so that the bytes that are hashed are those that are kept.
        with self._backend.link(source, "blobs") as draft:
            if draft is None:
                return None
            with draft.open() as file, source_errors(str(source)):
                # Before the file is read: if it is written to meanwhile, its time differs later.
                noted = Reference.of(str(source), os.fstat(file.fileno()))
                digest = expect(digest_of(file), expected, str(source))
            self._publish(draft, digest, noted)
        return digest

    def _refer(self, file: BinaryIO, source: Path, expected: str | None) -> str:
        # Before the file is read: if it is written to meanwhile, its time differs later.
        facts = os.fstat(file.fileno())
        with source_errors(str(source)):
            digest = expect(digest_of(file), expected, str(source))
        if self._is_sound(digest):
            return digest
        self._notes.write(nested("references", digest), Reference.of(str(source), facts))
        return digest

    def _is_sound(self, digest: str) -> bool:
        """Return whether the store has a copy with the right bytes."""
        # Read completely, though that costs as much as storing again, so that damage is repaired.
        name = nested("blobs", digest)
        try:
            blob = self._backend.open(name)
        except BlobMissing:
            return False
        with blob, mapped_os_errors(Path(self._backend.location(name))):
            return digest_of(blob) == digest
