"""Originals and thumbnails as files, each under the digest of the original.

::

    root/blobs/ab/cd/<digest>       original, copied or hard-linked
    root/references/ab/cd/<digest>  where an original lies that was left in its place, as JSON
    root/thumbs/ab/cd/<digest>      JPEG
    root/trash/<one of these>/...   what was deleted, until the trash is emptied
    root/tmp/                       what is being written

A name is the whole digest, so that it proves its content wherever the file turns up; the two
folders above it are redundant. There is no extension, for no web server must take it for an image.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, TypeAlias

from imgurer_kernel.common.atomic_files import move, publish, scratch_file, scratch_path, storing
from imgurer_kernel.errors import BlobDamaged, BlobMissing
from imgurer_kernel.settings import StoreMode
from imgurer_kernel.store.blobs.nesting import bucketed, check_digest, delete_old, listed
from imgurer_kernel.store.blobs.references import Reference, follow
from imgurer_kernel.store.blobs.source_reading import (
    digest_of,
    expect,
    pieces,
    reading,
    source_errors,
)

Source: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO

_JPEG_END = b"\xff\xd9"
AREAS = ("blobs", "references", "thumbs")


class BlobStore:
    """Content-addressed files under one folder.

    Storing the same bytes again changes nothing, unless the stored ones are damaged, which it
    mends. What has a final name is whole: it was written under another one, synced to the disk
    and compared with its digest before it was renamed.

    Parameters
    ----------
    root
        The store's folder; folders are made when something is first stored.

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

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()

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
            which `verify` tells. ``"reference"``: in its place, which is noted, unless there is
            a copy already. Bytes and open files are always copied.
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

    def path(self, digest: str) -> Path:
        """Where the bytes of an original lie: in the store, or where a reference leads.

        Raises
        ------
        BlobMissing
            If there are none.
        BlobDamaged
            If a reference leads to a file that has another size or time than it had.
        """
        stored = self._place("blobs", digest)
        if stored.is_file():
            return stored
        note = self._place("references", digest)
        if note.is_file():
            return follow(note)
        message = f"there is no blob {stored}; ingest the picture again, or look in {self._trash}"
        raise BlobMissing(message)

    def exists(self, digest: str) -> bool:
        """Whether `open` would find the original; its bytes are not looked at."""
        try:
            self.path(digest)
        except (BlobMissing, BlobDamaged):
            return False
        return True

    def open(self, digest: str) -> BinaryIO:
        """The original as a binary file, which the caller closes.

        Raises
        ------
        BlobMissing, BlobDamaged
            As `path`.
        """
        path = self.path(digest)
        with storing(path):
            return path.open("rb")

    def verify(self, digest: str) -> None:
        """Read an original through.

        Raises
        ------
        BlobMissing, BlobDamaged
            If there is none, or if its bytes do not have the digest.
        """
        with self.open(digest) as blob:
            path = Path(blob.name)
            with storing(path):
                actual = digest_of(blob)
        if actual != digest:
            message = (
                f"the blob {path} is damaged: its bytes have the digest {actual}, not {digest}; "
                "ingest the picture again, or restore the file from a backup"
            )
            raise BlobDamaged(message)

    def digests(self) -> Iterator[str]:
        """The digests of all originals, references included, in ascending order."""
        found = [listed(self.root / area) for area in ("blobs", "references")]
        return (digest for digest, _ in groupby(merge(*found)))

    # Thumbnails -----------------------------------------------------------------------------

    def put_thumbnail(self, digest: str, jpeg: bytes) -> None:
        """Store the thumbnail of an original, in place of an earlier one.

        It is not synced to the disk, which would cost more than drawing it: a power cut may
        leave it missing or cut off, which `thumbnail` tells.
        """
        target = self._place("thumbs", digest)
        with storing(target), scratch_file(self._scratch) as (path, file):
            file.write(jpeg)
            publish(file, path, target, durable=False)

    def thumbnail(self, digest: str) -> bytes:
        """The thumbnail of an original, a JPEG.

        Raises
        ------
        BlobMissing
            If there is none, or not a whole one.
        """
        path = self._place("thumbs", digest)
        with storing(path):
            jpeg = path.read_bytes() if path.is_file() else b""
        if not jpeg.endswith(_JPEG_END):
            state = "is cut off" if jpeg else "is missing"
            message = f"the thumbnail {path} {state}; imgurer check --repair draws it again"
            raise BlobMissing(message)
        return jpeg

    # Trash ----------------------------------------------------------------------------------

    def delete(self, digest: str) -> bool:
        """Move an original, its reference and its thumbnail into the trash.

        A file that a reference leads to is left alone. Returns whether there was anything.
        """
        return self._move_all(digest, self.root, self._trash)

    def restore(self, digest: str) -> None:
        """Bring back from the trash what `delete` moved there.

        Raises
        ------
        BlobMissing
            If nothing of that digest is in the trash.
        """
        if not self._move_all(digest, self._trash, self.root):
            message = f"{digest} is not in {self._trash}; it was emptied, or never held it"
            raise BlobMissing(message)

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Delete what crashes left in ``tmp``, if nobody wrote to it for some seconds.

        Returns
        -------
        int
            How many files were deleted.
        """
        return delete_old([self._scratch], older_than)

    def empty_trash(self, older_than: float = 0.0) -> int:
        """Delete for good what has been in the trash for some seconds; returns how many files."""
        return delete_old([self._trash / area for area in AREAS], older_than)

    # How ------------------------------------------------------------------------------------

    @property
    def _trash(self) -> Path:
        return self.root / "trash"

    @property
    def _scratch(self) -> Path:
        return self.root / "tmp"

    def _place(self, area: str, digest: str, root: Path | None = None) -> Path:
        return bucketed((root or self.root) / area, digest)

    def _copy(self, source: BinaryIO, name: str, expected: str | None) -> str:
        with storing(self._scratch), scratch_file(self._scratch) as (path, file):
            hashed = hashlib.sha256()
            for piece in pieces(source, name):
                hashed.update(piece)
                file.write(piece)
            digest = expect(hashed.hexdigest(), expected, name)
            self._publish(file, path, digest)
        return digest

    def _write(self, data: bytes | bytearray | memoryview, digest: str) -> str:
        with storing(self._scratch), scratch_file(self._scratch) as (path, file):
            file.write(data)
            self._publish(file, path, digest)
        return digest

    def _publish(self, file: BinaryIO, path: Path, digest: str) -> None:
        if not self._is_sound(digest):
            publish(file, path, self._place("blobs", digest))
        self._place("references", digest).unlink(missing_ok=True)

    def _link(self, source: Path, expected: str | None) -> str | None:
        """Store a hard link; None where that cannot be."""
        with storing(self._scratch):
            link = scratch_path(self._scratch)
            try:
                # The link is made first, so that what is hashed is what is kept.
                os.link(os.path.realpath(source), link)
            except OSError:
                # Whatever the reason is, a copy works or tells the source from the store.
                return None
            try:
                with link.open("rb") as file, source_errors(str(source)):
                    digest = expect(digest_of(file), expected, str(source))
                if not self._is_sound(digest):
                    move(link, self._place("blobs", digest))
            finally:
                link.unlink(missing_ok=True)
            self._place("references", digest).unlink(missing_ok=True)
        return digest

    def _refer(self, file: BinaryIO, source: Path, expected: str | None) -> str:
        facts = os.fstat(file.fileno())
        with source_errors(str(source)):
            digest = expect(digest_of(file), expected, str(source))
        if self._is_sound(digest):
            return digest
        note = Reference(str(source), facts.st_size, facts.st_mtime_ns)
        target = self._place("references", digest)
        with storing(target), scratch_file(self._scratch) as (path, scratch):
            scratch.write(note.as_json())
            publish(scratch, path, target)
        return digest

    def _is_sound(self, digest: str) -> bool:
        """Whether the store has a copy with the right bytes."""
        path = self._place("blobs", digest)
        if not path.is_file():
            return False
        with storing(path), path.open("rb") as blob:
            return digest_of(blob) == digest

    def _move_all(self, digest: str, origin: Path, goal: Path) -> bool:
        moved = False
        for area in AREAS:
            path, target = self._place(area, digest, origin), self._place(area, digest, goal)
            if path.exists():
                with storing(path):
                    move(path, target)
                moved = True
        return moved
