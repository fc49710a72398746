"""Originals and thumbnails as files, each under the digest of the original.

::

    root/blobs/ab/cd/<digest>       original, copied or hard-linked
    root/references/ab/cd/<digest>  path and facts of an original that was left in place, as JSON
    root/links/ab/cd/<digest>       path and facts of the file that a hard link in blobs shares
    root/thumbs/ab/cd/<digest>      JPEG
    root/trash/<one of these>/...   deleted files, until the trash is emptied
    root/tmp/                       files that are being written
    root/lost-and-found/...         foreign files that a repair moved, under their earlier names

Names have no extension, so that no web server serves an original as an image. This module
determines digests and names, and when a file is complete; a
`imgurer_kernel.store.blobs.backends.base.Backend` stores bytes under names.
"""

from collections.abc import Iterator
from functools import partial
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.common.atomic_files import mapped_os_errors, storage_error
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.errors import BlobDamaged, BlobMissing, StorageDenied
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.blobs.backends.base import Backend
from imgurer_kernel.store.blobs.backends.posix import AREAS, PosixBackend
from imgurer_kernel.store.blobs.backends.reference import Reference
from imgurer_kernel.store.blobs.nesting import (
    check_digest,
    digests_in,
    is_nested,
    nested,
)
from imgurer_kernel.store.blobs.notes import Notes
from imgurer_kernel.store.blobs.original_writer import OriginalWriter
from imgurer_kernel.store.blobs.source_reading import digest_of
from imgurer_kernel.store.blobs.thumbnails import Thumbnails
from imgurer_kernel.store.blobs.trash_area import TRASH, TrashArea

LOST = "lost-and-found"
"""The folder to which repairs move foreign files; nothing is ever deleted from it."""


class BlobStore(OriginalWriter, Thumbnails):
    """Content-addressed files under one folder.

    Storing the same bytes again changes nothing, except that it repairs damaged ones. A file with a
    final name is complete: it was written under a temporary name, synced to the disk and compared
    with its digest before it was renamed.

    Parameters
    ----------
    root
        The store's folder; folders are made when something is first stored.
    backend
        Stores the bytes; by default in files below `root`.

    Raises
    ------
    InvalidDigest
        From every method that takes a digest.
    StorageFull, StorageDenied, StorageError
        From every method: an error of the file system; the message names path and remedy.

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

    # Originals (`put` and `relocate` are those of `OriginalWriter`) ---------------------------

    def path(self, digest: str) -> Path:
        """Return the path of an original, in the store or in a reference.

        Raises
        ------
        BlobMissing
            If there is none.
        BlobDamaged
            If the file of a reference or a hard link has other bytes than when it was noted.
        """
        with self.open(digest):
            pass
        name = nested("blobs", digest)
        if self._backend.exists(name):
            return self._backend.path(name)
        return Path(self._reference(digest).path)

    def own_path(self, digest: str) -> Path:
        """Return the path of an original in the store itself; there may be no file."""
        return self._backend.path(nested("blobs", digest))

    def noted_path(self, digest: str) -> str | None:
        """Return the path in the note of an original left in place, without checking the file.

        None if the store has the original itself, or no note of it.

        Raises
        ------
        BlobDamaged
            If the note cannot be read.
        """
        if self.own_path(digest).exists():
            return None
        noted = self._notes.read(nested("references", digest))
        return None if noted is None else str(noted.path)

    def exists(self, digest: str, mode: StoreMode = "reference") -> bool:
        """Return whether `open` would find the original, kept in this way or in a safer one.

        A copy is safer than a link, into which another program may write, and a link is safer than
        a reference. Bytes are read only if the facts of a file outside the store have changed.
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
        """Open the original as a binary file, which the caller closes.

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

    def verify(self, digest: str) -> int:
        """Read all of an original and check its digest; return its number of bytes.

        Raises
        ------
        BlobMissing, BlobDamaged
            If there is none, or if its bytes do not have the digest.
        """
        with self.open(digest) as blob:
            try:
                actual, size = digest_of(blob), blob.tell()
            except OSError as error:
                raise storage_error(error, self.path(digest)) from error
        if actual != digest:
            message = (
                f"the blob {self.path(digest)} is damaged: its bytes have the digest {actual}, "
                f"not {digest}; ingest the picture again, or restore the file from a backup"
            )
            raise BlobDamaged(message)
        return size

    def digests(self) -> Iterator[str]:
        """Yield the digests of all originals, references included, ascending."""
        areas = ("blobs", "references")
        listed = [digests_in(area, self._backend.names(area)) for area in areas]
        return (digest for digest, _ in groupby(merge(*listed)))

    def strays(self, older_than: float) -> Iterator[str]:
        """Yield names that the store has not made, such as ``blobs/notes.txt``.

        These are files with other names, and folders with names of files. Hidden ones, which exist
        briefly while a file is moved from another disk, only after `older_than` seconds.
        """
        areas = (*AREAS, *(f"{TRASH}/{each}" for each in AREAS))
        # At once: what a listing waits for is the disk.
        for found in in_order(
            lambda area: list(self._backend.strays(area, partial(is_nested, area))), areas
        ):
            for name in found:
                hidden = name.rpartition("/")[2].startswith(".")
                if not hidden or self._backend.age(name) >= older_than:
                    yield name

    def set_aside(self, name: str) -> str:
        """Move a name that `strays` yielded below ``lost-and-found``; return the new name."""
        return self._backend.set_aside(name, LOST)

    def thumbnail_digests(self) -> Iterator[str]:
        """Yield the digests of all thumbnails, ascending."""
        return digests_in("thumbs", self._backend.names("thumbs"))

    def thumbnail_age(self, digest: str) -> float:
        """Return the seconds since a thumbnail got its name; 0 for none."""
        return self._backend.age(nested("thumbs", digest))

    def note_of(self, digest: str) -> tuple[StoreMode, Reference] | None:
        """Return the mode and the note of an original that is not a copy; None for a copy.

        Raises
        ------
        BlobDamaged
            If the note cannot be read.
        """
        modes: tuple[tuple[StoreMode, str], ...] = (("link", "links"), ("reference", "references"))
        for mode, area in modes:
            note = self._notes.read(nested(area, digest))
            if note is not None:
                return mode, note
        return None

    # Trash ----------------------------------------------------------------------------------

    def delete(self, digest: str) -> bool:
        """Move an original, its reference and its thumbnail into the trash.

        The file of a reference is not touched. Returns whether anything was moved.
        """
        return self._move_all(digest, "", f"{TRASH}/")

    def restore(self, digest: str) -> None:
        """Restore from the trash what `delete` moved there, after checking its bytes.

        Raises
        ------
        BlobMissing
            If nothing of that digest is in the trash.
        BlobDamaged
            If its bytes do not have the digest any more, and the store has no sound ones.
        """
        try:
            self.trash.verify(digest)
        except BlobMissing:
            pass  # only a reference is in the trash
        except BlobDamaged:
            if self.exists(digest):
                return  # ingested again meanwhile; a sound original is not replaced
            raise
        # A thumbnail alone is not restored.
        in_trash = any(self._backend.exists(f"{TRASH}/{nested(it, digest)}") for it in AREAS[:2])
        moved = (in_trash or self.holds(digest)) and self._move_all(digest, f"{TRASH}/", "")
        if not moved:
            location = self._backend.location(TRASH)
            message = f"{digest} is not in {location}; it was emptied, or never held it"
            raise BlobMissing(message)

    def holds(self, digest: str) -> bool:
        """Return whether there is an original or a reference, sound or not, outside the trash."""
        return any(self._backend.exists(nested(area, digest)) for area in AREAS[:2])

    def age(self, digest: str) -> float:
        """Return the seconds since an original, or its note, got its name; 0 for none."""
        names = (nested(area, digest) for area in AREAS[:2])
        return max((self._backend.age(name) for name in names), default=0.0)

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Delete files that crashes left in ``tmp``, if they were not written to for some seconds.

        Returns
        -------
        int
            The number of deleted files.
        """
        return self._backend.discard_drafts(older_than)

    def _reference(self, digest: str) -> Reference:
        """Return the reference to an original; BlobMissing if there is none."""
        reference = self._notes.read(nested("references", digest))
        if reference is None:
            blob, trash = (self._backend.location(it) for it in (nested("blobs", digest), TRASH))
            message = f"there is no blob {blob}; ingest the picture again, or look in {trash}"
            raise BlobMissing(message)
        return reference

    def _move_all(self, digest: str, origin: str, goal: str) -> bool:
        check_digest(digest)
        moved = [
            self._backend.move(origin + nested(area, digest), goal + nested(area, digest))
            for area in AREAS
        ]
        return any(moved)
