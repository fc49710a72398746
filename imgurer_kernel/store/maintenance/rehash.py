"""Renew fingerprints of earlier versions of this package before they are compared."""

import threading
from dataclasses import dataclass
from functools import partial

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.errors import BlobDamaged, BlobMissing, ImageRejected, ImgurerError
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.store.catalog import Connection, fingerprints
from imgurer_kernel.store.store import Store

BATCH = 64
"""Images in one transaction; completed batches are not repeated after an interruption."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Images with a fingerprint of an earlier algorithm.

    Attributes
    ----------
    pending
        Digests, by image_id, of images whose original is not known to be unreadable.
    unreadable
        Ids of images whose original could not be read; searches leave them out.
    """

    pending: dict[int, str]
    unreadable: list[int]


class FingerprintUpgrade:
    """Replaces fingerprints of earlier algorithms, from the originals.

    Images whose original cannot be read keep their old fingerprint; each process tries them once.
    Safe to use from several threads and processes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        # Held while fingerprints are computed: a second thread waits instead of repeating the work.
        self._lock = threading.Lock()
        self._unreadable: set[int] = set()

    def outdated(self, connection: Connection) -> Outdated:
        """Find outdated fingerprints, within a transaction."""
        old = fingerprints.outdated(connection, ALGORITHM)
        return Outdated(
            pending={key: digest for key, digest in old.items() if key not in self._unreadable},
            unreadable=[key for key in old if key in self._unreadable],
        )

    def run(self, progress: Progress, *, retry: bool = False) -> list[int]:
        """Update all outdated fingerprints; return the ids of images that cannot be read.

        Parameters
        ----------
        progress
            Called with the number of finished images; may raise to stop.
        retry
            Also try images again that could not be read before.
        """
        with self._lock:
            if retry:
                self._unreadable.clear()
            found = self._store.catalog.run(self.outdated)
            if found.pending:
                self._upgrade(found.pending, progress)
            return sorted([*found.unreadable, *(self._unreadable & found.pending.keys())])

    def _upgrade(self, pending: dict[int, str], progress: Progress) -> None:
        ids = list(pending)
        progress("fingerprinting again", 0, len(ids))
        for k in range(0, len(ids), BATCH):
            part = ids[k : k + BATCH]
            read = in_order(
                self._read,
                [pending[image_id] for image_id in part],
                partial(progress, "fingerprinting again", k, len(ids)),
                workers=self._store.settings.workers,
            )
            results = dict(zip(part, read, strict=True))
            new = {key: it for key, it in results.items() if isinstance(it, Fingerprint)}
            self._store.catalog.run(fingerprints.replace, new)
            self._unreadable.update(results.keys() - new.keys())
            progress("fingerprinting again", k + len(part), len(ids))

    def _read(self, digest: str) -> Fingerprint | ImgurerError:
        """Fingerprint an original, or return why it cannot be read."""
        blobs, limits = self._store.blobs, self._store.settings
        try:
            with blobs.open(digest) as blob:
                found = self._store.decoders.fingerprint(blob.read(), limits=limits)
            # Thumbnails are compared, too, so they must have the version of the fingerprint.
            blobs.put_thumbnail(digest, found.thumbnail)
        except (BlobMissing, BlobDamaged, ImageRejected) as error:
            return error
        return found
