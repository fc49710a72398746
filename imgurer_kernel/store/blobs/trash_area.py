"""The trash folder of a blob store, in which files keep their names."""

from dataclasses import dataclass
from typing import BinaryIO

from imgurer_kernel.common.atomic_files import mapped_os_errors
from imgurer_kernel.errors import BlobDamaged
from imgurer_kernel.store.blobs.backends.base import Backend
from imgurer_kernel.store.blobs.backends.posix import AREAS
from imgurer_kernel.store.blobs.nesting import digests_in, nested
from imgurer_kernel.store.blobs.source_reading import digest_of

TRASH = "trash"


@dataclass(frozen=True, slots=True)
class TrashArea:
    """Deleted originals, references and thumbnails, until they are erased."""

    backend: Backend

    def digests(self, older_than: float = 0.0) -> set[str]:
        """Return digests with a file that has been in the trash for a number of seconds."""
        prefix = f"{TRASH}/"
        found: set[str] = set()
        for area in AREAS:
            names = (
                name.removeprefix(prefix)
                for name in self.backend.names(prefix + area)
                if self.backend.age(name) >= older_than
            )
            found.update(digests_in(area, names))
        return found

    def open(self, digest: str) -> BinaryIO:
        """Open an original in the trash, which the caller closes; BlobMissing if there is none."""
        return self.backend.open(f"{TRASH}/{nested(AREAS[0], digest)}")

    def verify(self, digest: str) -> None:
        """Read an original in the trash, and compare its digest.

        Raises
        ------
        BlobMissing, BlobDamaged
            If there is none, or only a note of one; or if its bytes do not have the digest.
        """
        name = f"{TRASH}/{nested(AREAS[0], digest)}"
        with self.backend.open(name) as blob, mapped_os_errors(self.backend.path(name)):
            actual = digest_of(blob)
        if actual != digest:
            message = (
                f"{self.backend.location(name)} in the trash is damaged: its bytes have the digest "
                f"{actual}; put the file from a backup there, or ingest the picture again"
            )
            raise BlobDamaged(message)

    def erase(self, digest: str) -> None:
        """Delete all files of a digest permanently."""
        for area in AREAS:
            self.backend.remove(f"{TRASH}/{nested(area, digest)}")
