"""What is done to one file without the catalog: read, digest, fingerprint, store."""

import hashlib
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from imgurer_kernel.common.records import Arrival, SourceFile
from imgurer_kernel.errors import BlobDamaged, ImageRejected, ImageTooLarge, SourceError
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.ingest.sources import Unreadable, readable

# A file of more bytes is out of memory before the next one is read.
_LARGE = 32 << 20


@dataclass(frozen=True, slots=True)
class IngestWorker:
    """Examines files for one user, in any number of threads at once.

    Attributes
    ----------
    user
        Whose files these are.
    blobs, settings
        Of the store.
    turns
        How many files are read and decoded at the same time. Further threads are of use while
        a file is written, for most of that is waiting for the disk.
    """

    user: str
    blobs: BlobStore
    settings: Settings
    turns: threading.Semaphore

    def examine(self, file: SourceFile) -> Arrival | Unreadable:
        """Bring a file into the store, or say why not.

        Returns
        -------
        Arrival
            Without a fingerprint if the store has these bytes: then the catalog should know them.

        Raises
        ------
        StorageError
            If the store cannot be written.
        """
        try:
            with self.turns:
                data = self._read(file)
                arriving = self._arrival(file, data)
                if self.blobs.exists(arriving.digest):
                    return arriving
                arriving = replace(arriving, fingerprint=fingerprint(data, limits=self.settings))
                if len(data) > _LARGE:
                    return keep(self.blobs, self.settings, data, arriving, file.path)
            return keep(self.blobs, self.settings, data, arriving, file.path)
        except (ImageRejected, SourceError, BlobDamaged) as error:
            # The latter two where a file that is linked or referred to was removed or changed
            # after it was read.
            return Unreadable(file.path, str(error))
        except OSError as error:
            return Unreadable(file.path, f"cannot be read: {error.strerror or error}")
        except MemoryError:
            return Unreadable(file.path, f"not enough memory for its {file.bytes:,} bytes")

    def _read(self, file: SourceFile) -> bytes:
        """The bytes of a file that nobody writes to meanwhile."""
        most = self.settings.max_bytes
        if file.bytes > most:
            message = (
                f"the file has {file.bytes:,} bytes, more than the {most:,} that the settings "
                "allow (max_bytes)"
            )
            raise ImageTooLarge(message)
        data = file.path.read_bytes()
        facts = file.path.stat()
        if (facts.st_size, facts.st_mtime_ns) != (file.bytes, file.modified_ns):
            message = "the file was changed while it was read; ingest it again when it is complete"
            raise ImageRejected(message)
        return data

    def _arrival(self, file: SourceFile, data: bytes) -> Arrival:
        return Arrival(
            digest=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            fingerprint=None,
            user=self.user,
            filename=readable(Path(file.path.name)),
            source=readable(file.path),
            modified_ns=file.modified_ns,
            path=readable(file.path),
            path_key=os.fsencode(file.path),
            kept=self.settings.store,
            device=file.device,
            inode=file.inode,
        )


def keep(
    blobs: BlobStore, settings: Settings, data: bytes, arrival: Arrival, path: Path | None
) -> Arrival:
    """Store the bytes and the thumbnail of an arrival that has a fingerprint.

    Parameters
    ----------
    data
        What the digest of the arrival was computed from.
    path
        Where they were read from, to be linked or referred to; None for an upload.
    """
    assert arrival.fingerprint is not None  # noqa: S101
    if settings.store == "copy" or path is None:
        blobs.put(data, digest=arrival.digest, trusted=True)
    else:
        blobs.put(path, digest=arrival.digest, mode=settings.store)
    blobs.put_thumbnail(arrival.digest, arrival.fingerprint.thumbnail)
    return arrival
