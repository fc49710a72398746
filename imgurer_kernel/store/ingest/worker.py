"""Process one file without the catalog: read, hash, fingerprint, store."""

import hashlib
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from imgurer_kernel.common.paths import modified_ns
from imgurer_kernel.common.records import Arrival, SourceFile
from imgurer_kernel.errors import (
    BlobDamaged,
    DecoderFailed,
    ImageRejected,
    ImageTooLarge,
    SourceError,
)
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.ingest.originals import Decode, fingerprint_if_new, store_original
from imgurer_kernel.store.ingest.sources import Unreadable, readable

# A file of more bytes is stored before the next one is read, to limit memory.
_LARGE = 32 << 20


@dataclass(frozen=True, slots=True)
class IngestWorker:
    """Processes files of one user, in any number of threads at once.

    Attributes
    ----------
    user
        The owner of the files.
    blobs, settings, decode
        As in `imgurer_kernel.store.ingest.intake.Intake`.
    turns
        Limits how many files are read and decoded at the same time. More threads are useful while
        files are written, which mostly waits for the disk.
    """

    user: str
    blobs: BlobStore
    settings: Settings
    decode: Decode
    turns: threading.Semaphore

    def examine(self, file: SourceFile) -> Arrival | Unreadable:
        """Store a file, or return why it is rejected.

        Returns
        -------
        Arrival
            Without a fingerprint if the store has the bytes: then the catalog should have them.

        Raises
        ------
        StorageError
            If the store cannot be written.
        """
        try:
            with self.turns:
                file, data = self._read(file)
                arrival = self._arrival(file, data)
                arrival = fingerprint_if_new(
                    self.blobs, self.settings, self.decode, data, arrival, file.path
                )
                if len(data) > _LARGE:
                    return store_original(self.blobs, data, arrival, file.path)
            return store_original(self.blobs, data, arrival, file.path)
        except (ImageRejected, SourceError, BlobDamaged) as error:
            # SourceError and BlobDamaged: the file was changed while it was read, or a linked or
            # referenced original was removed or changed. Neither proves that it is not a picture,
            # nor does a decoder that was killed, perhaps for lack of memory.
            is_no_picture = isinstance(error, ImageRejected) and not isinstance(
                error, DecoderFailed
            )
            return Unreadable(file.path, str(error), is_no_picture)
        except OSError as error:
            return Unreadable(file.path, f"cannot be read: {error.strerror or error}")
        except MemoryError:
            return Unreadable(file.path, f"not enough memory for its {file.bytes:,} bytes")

    def _read(self, file: SourceFile) -> tuple[SourceFile, bytes]:
        """Read a file and its present facts; raise `SourceError` if it changes meanwhile."""
        most = self.settings.max_bytes
        with file.path.open("rb") as opened:
            # Its size again: the walk may have been hours ago.
            before = os.fstat(opened.fileno())
            if before.st_size > most:
                message = (
                    f"the file has {before.st_size:,} bytes, more than the {most:,} that the "
                    "settings allow (max_bytes)"
                )
                raise ImageTooLarge(message)
            data = opened.read()
        after = file.path.stat()
        if (after.st_size, after.st_mtime_ns) != (len(data), before.st_mtime_ns):
            message = "the file was changed while it was read; ingest it again when it is complete"
            raise SourceError(message)
        found = replace(
            file,
            bytes=after.st_size,
            modified_ns=modified_ns(after),
            device=after.st_dev,
            inode=after.st_ino,
        )
        return found, data

    def _arrival(self, file: SourceFile, data: bytes) -> Arrival:
        return Arrival(
            digest=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            fingerprint=None,
            user=self.user,
            filename=readable(Path(file.path.name)),
            source=readable(file.name),
            modified_ns=file.modified_ns,
            path=readable(file.name),
            path_key=file.key,
            kept=file.mode or self.settings.store,
            device=file.device,
            inode=file.inode,
        )
