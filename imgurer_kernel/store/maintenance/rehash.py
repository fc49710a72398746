"""Fingerprints of an earlier version of this package: computed anew, before they are compared."""

import threading
from functools import partial

from imgurer_kernel.common.progress import Progress
from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.errors import BlobDamaged, BlobMissing, ImageRejected, ImgurerError
from imgurer_kernel.fingerprint.extract import ALGORITHM, fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog

BATCH = 64
"""Images in one transaction; what was done until an interruption is not done again."""


class FingerprintUpgrade:
    """Replaces fingerprints whose algorithm is not today's, from the originals.

    Images whose original cannot be read keep their old fingerprint and take no part in searches;
    they are tried once in a process. Safe to use from several threads and processes.
    """

    def __init__(self, catalog: Catalog, blobs: BlobStore, settings: Settings) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._settings = settings
        self._lock = threading.Lock()
        self._given_up: set[int] = set()

    def run(self, progress: Progress, *, again: bool = False) -> list[int]:
        """Bring all fingerprints up to date; the ids of the images whose were not to be had.

        Parameters
        ----------
        progress
            Told of the progress, in images; may raise to stop.
        again
            Try even those again that failed before.
        """
        with self._lock:
            stale = self._catalog.stale(ALGORITHM)
            old = dict(zip(stale["image_id"].tolist(), stale["digest"].tolist(), strict=True))
            if again:
                self._given_up.clear()
            todo = [image_id for image_id in old if image_id not in self._given_up]
            if todo:
                self._renew(todo, old, progress)
            return sorted(self._given_up & old.keys())

    def _renew(self, todo: list[int], digests: dict[int, str], progress: Progress) -> None:
        progress("fingerprinting anew", 0, len(todo))
        for k in range(0, len(todo), BATCH):
            part = todo[k : k + BATCH]
            read = in_order(
                self._read,
                [digests[image_id] for image_id in part],
                partial(progress, "fingerprinting anew", k, len(todo)),
                workers=self._settings.workers,
            )
            found = dict(zip(part, read, strict=True))
            fresh = {n: it for n, it in found.items() if isinstance(it, Fingerprint)}
            self._catalog.refresh(fresh)
            self._given_up.update(found.keys() - fresh.keys())
            progress("fingerprinting anew", k + len(part), len(todo))

    def _read(self, digest: str) -> Fingerprint | ImgurerError:
        """Today's fingerprint of an original, or why that cannot be read."""
        try:
            with self._blobs.open(digest) as blob:
                found = fingerprint(blob.read(), limits=self._settings)
            self._blobs.put_thumbnail(digest, found.thumbnail)
        except (BlobMissing, BlobDamaged, ImageRejected) as error:
            return error
        return found
