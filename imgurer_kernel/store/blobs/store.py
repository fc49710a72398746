"""Originals and thumbnails as files, each under the digest of the original.

::

    root/blobs/ab/cd/<digest>       original, copied or hard-linked
    root/references/ab/cd/<digest>  where an original lies that was left in its place, as JSON
    root/links/ab/cd/<digest>       of which file a hard link in blobs is another name, as JSON
    root/thumbs/ab/cd/<digest>      JPEG
    root/trash/<one of these>/...   what was deleted, until the trash is emptied
    root/tmp/                       what is being written

There is no extension, for no web server must take an original for an image. What is kept, under
which digest and when it is whole is decided here; how bytes come to lie under a name is the
business of a `imgurer_kernel.store.blobs.backends.base.Backend`.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, TypeAlias

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.errors import BlobDamaged, BlobMissing, StorageDenied
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.blobs.backends.base import Backend, Draft
from imgurer_kernel.store.blobs.backends.posix import PosixBackend
from imgurer_kernel.store.blobs.backends.reference import Reference
from imgurer_kernel.store.blobs.nesting import check_digest, digests_in, nested
from imgurer_kernel.store.blobs.notes import Notes
from imgurer_kernel.store.blobs.source_reading import (
    digest_of,
    expect,
    pieces,
    reading,
    source_errors,
)
from imgurer_kernel.store.blobs.thumbnails import Thumbnails
from imgurer_kernel.store.blobs.trash_area import AREAS, TRASH, TrashArea

Source: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO


class BlobStore(Thumbnails):
    """Content-addressed files under one folder.

    Storing the same bytes again changes nothing, unless the stored ones are damaged, which it
    mends. What has a final name is whole: it was written under another one, synced to the disk
    and compared with its digest before it was renamed.

    Parameters
    ----------
    root
        The store's folder; folders are made when something is first stored.
    backend
        Where the bytes lie; in files below `root` by default.

    Raises
    ------
    InvalidDigest
        From every method that takes a digest.
    StorageFull, StorageDenied, StorageError
        From every method: the file system refuses; names path and remedy.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     store = BlobStore(Path(folder))
    ...     digest = store.put(b"all the bytes")
    ...     with store.open(digest) as blob:
    ...         blob.read()
    b'all the bytes'
    """

    def __init__(self, root: Path, backend: Backend | None = None) -> None:
        self.root = Path(root).absolute()
        self._backend = backend or PosixBackend(self.root)
        self.trash = TrashArea(self._backend)
        self._notes = Notes(self._backend)

    def __repr__(self) -> str:
        return f"BlobStore({str(self.root)!r})"

    # Originals ------------------------------------------------------------------------------

    def put(
        self,
        source: Source,
        digest: str | None = None,
        mode: StoreMode = "copy",
        *,
        trusted: bool = False,
    ) -> str:
        """Store an original and return its digest.

        Parameters
        ----------
        source
            Bytes, a path, or a binary file, read from where it stands. Files are never read
            into memory as a whole.
        digest
            What the bytes are expected to have.
        mode
            How to keep a file given by its path. ``"copy"``: on its own. ``"link"``: as a hard
            link, or as a copy where the file system has none to offer, as between two disks; a
            program that later writes into the file instead of replacing it damages the blob,
            which is noticed before it is read. ``"reference"``: in its place, which is noted,
            unless there is a copy already. Bytes and open files are always copied.
        trusted
            The digest was computed from these very bytes, in memory: it is not computed again.

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
        """Note that the file that was referred to has been moved; without reading it.

        Nothing is done where there is no reference, or where it is not the same file.
        """
        self._notes.relocate(nested("references", digest), path)

    def path(self, digest: str) -> Path:
        """Where the bytes of an original lie: in the store, or where a reference leads.

        Raises
        ------
        BlobMissing
            If there are none.
        BlobDamaged
            If a reference or a hard link leads to a file that has other bytes than it had.
        """
        with self.open(digest):
            pass
        name = nested("blobs", digest)
        if self._backend.exists(name):
            return self._backend.path(name)
        return Path(self._reference(digest).path)

    def own_path(self, digest: str) -> Path:
        """Where the store keeps an original of its own, if it has one: there may be none."""
        return self._backend.path(nested("blobs", digest))

    def exists(self, digest: str, mode: StoreMode = "reference") -> bool:
        """Whether `open` would find the original, kept in this way or in a safer one.

        A copy is safer than a link, into which another program may write, and that than a
        reference. The bytes are looked at only where a file that is not ours has been touched.
        """
        name = nested("blobs", digest)
        if mode != "reference" and not self._backend.exists(name):
            return False
        if mode == "copy" and self._backend.exists(nested("links", digest)):
            return False
        try:
            with self.open(digest):
                return True
        except (BlobMissing, BlobDamaged, StorageDenied):
            return False

    def open(self, digest: str) -> BinaryIO:
        """The original as a binary file, which the caller closes.

        Raises
        ------
        BlobMissing, BlobDamaged
            As `path`.
        """
        try:
            blob = self._backend.open(nested("blobs", digest))
        except BlobMissing:
            reference = self._reference(digest)
            reference.facts()
            path = Path(reference.path)
            with mapped_os_errors(path):
                blob = path.open("rb")
            return self._notes.check(blob, digest, nested("references", digest), reference)
        note = nested("links", digest)
        linked = self._notes.read(note)
        return blob if linked is None else self._notes.check(blob, digest, note, linked)

    def verify(self, digest: str) -> None:
        """Read an original through.

        Raises
        ------
        BlobMissing, BlobDamaged
            If there is none, or if its bytes do not have the digest.
        """
        path = self.path(digest)
        with self.open(digest) as blob, mapped_os_errors(path):
            actual = digest_of(blob)
        if actual != digest:
            message = (
                f"the blob {path} is damaged: its bytes have the digest {actual}, not {digest}; "
                "ingest the picture again, or restore the file from a backup"
            )
            raise BlobDamaged(message)

    def digests(self) -> Iterator[str]:
        """The digests of all originals, references included, in ascending order."""
        areas = ("blobs", "references")
        listed = [digests_in(area, self._backend.names(area)) for area in areas]
        return (digest for digest, _ in groupby(merge(*listed)))

    # Trash ----------------------------------------------------------------------------------

    def delete(self, digest: str) -> bool:
        """Move an original, its reference and its thumbnail into the trash.

        A file that a reference leads to is left alone. Returns whether there was anything.
        """
        return self._move_all(digest, "", f"{TRASH}/")

    def restore(self, digest: str) -> None:
        """Bring back from the trash what `delete` moved there.

        Raises
        ------
        BlobMissing
            If nothing of that digest is in the trash.
        """
        if not self._move_all(digest, f"{TRASH}/", ""):
            location = self._backend.location(TRASH)
            message = f"{digest} is not in {location}; it was emptied, or never held it"
            raise BlobMissing(message)

    def holds(self, digest: str) -> bool:
        """Whether an original or a reference lies there, sound or not, outside of the trash."""
        return any(self._backend.exists(nested(area, digest)) for area in AREAS[:2])

    def age(self, digest: str) -> float:
        """Seconds since an original, or the note that leads to it, got its name; 0 for none."""
        names = (nested(area, digest) for area in AREAS[:2])
        return max((self._backend.age(name) for name in names), default=0.0)

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Delete what crashes left in ``tmp``, if nobody wrote to it for some seconds.

        Returns
        -------
        int
            How many files were deleted.
        """
        return self._backend.discard_drafts(older_than)

    # How ------------------------------------------------------------------------------------

    def _reference(self, digest: str) -> Reference:
        """Where an original was left; BlobMissing if that is not known."""
        reference = self._notes.read(nested("references", digest))
        if reference is None:
            blob, trash = (self._backend.location(it) for it in (nested("blobs", digest), TRASH))
            message = f"there is no blob {blob}; ingest the picture again, or look in {trash}"
            raise BlobMissing(message)
        return reference

    def _copy(self, source: BinaryIO, name: str, expected: str | None) -> str:
        with self._backend.create() as draft:
            hashed = hashlib.sha256()
            for piece in pieces(source, name):
                hashed.update(piece)
                draft.write(piece)
            digest = expect(hashed.hexdigest(), expected, name)
            self._publish(draft, digest)
        return digest

    def _write(self, data: bytes | bytearray | memoryview, digest: str) -> str:
        with self._backend.create() as draft:
            draft.write(data)
            self._publish(draft, digest)
        return digest

    def _publish(self, draft: Draft, digest: str, linked: Reference | None = None) -> None:
        """Make a draft the blob of a digest, unless there is a sound one, and drop a reference.

        Parameters
        ----------
        linked
            The file that shares its bytes with the draft, if any.
        """
        note = nested("links", digest)
        if linked is not None:
            if not self._is_sound(digest):
                # First: a link that is taken for a copy would not be looked at again.
                self._notes.write(note, linked)
                draft.publish(nested("blobs", digest))
        else:
            if self._backend.exists(note) or not self._is_sound(digest):
                draft.publish(nested("blobs", digest))
            self._backend.remove(note)
        # Last: until there is a blob the reference is all that leads to the bytes.
        self._backend.remove(nested("references", digest))

    def _link(self, source: Path, expected: str | None) -> str | None:
        """Store a hard link; None where that cannot be."""
        # The link is made first, so that what is hashed is what is kept.
        with self._backend.link(source) as draft:
            if draft is None:
                return None
            with draft.open() as file, source_errors(str(source)):
                # Before it is read: one that is written to meanwhile has another time afterwards.
                noted = Reference.of(str(source), os.fstat(file.fileno()))
                digest = expect(digest_of(file), expected, str(source))
            self._publish(draft, digest, noted)
        return digest

    def _refer(self, file: BinaryIO, source: Path, expected: str | None) -> str:
        # Before the file is read: one that is written to meanwhile has another time afterwards.
        facts = os.fstat(file.fileno())
        with source_errors(str(source)):
            digest = expect(digest_of(file), expected, str(source))
        if self._is_sound(digest):
            return digest
        self._notes.write(nested("references", digest), Reference.of(str(source), facts))
        return digest

    def _is_sound(self, digest: str) -> bool:
        """Whether the store has a copy with the right bytes."""
        # Read through, though it costs as much as storing again: that is how damage is mended.
        name = nested("blobs", digest)
        try:
            blob = self._backend.open(name)
        except BlobMissing:
            return False
        with blob, mapped_os_errors(Path(self._backend.location(name))):
            return digest_of(blob) == digest

    def _move_all(self, digest: str, origin: str, goal: str) -> bool:
        check_digest(digest)
        moved = [
            self._backend.move(origin + nested(area, digest), goal + nested(area, digest))
            for area in AREAS
        ]
        return any(moved)
