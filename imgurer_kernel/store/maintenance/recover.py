"""Recover a store whose catalog is damaged or lost."""

from dataclasses import dataclass

from imgurer_kernel.common.progress import ProgressOption, staged
from imgurer_kernel.common.text import count
from imgurer_kernel.errors import CatalogDamaged, ImageRejected, StorageError
from imgurer_kernel.settings import Settings
from imgurer_kernel.store import place
from imgurer_kernel.store.catalog import Catalog, queries, rebuilding
from imgurer_kernel.store.maintenance.check import ingest_orphan
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store


@dataclass(frozen=True, slots=True)
class RecoveredStore:
    """The result of recovering a store.

    Attributes
    ----------
    rebuilt
        The source of the catalog, and the folder of the damaged one.
    known
        Number of images with their names and owners.
    named, unnamed
        Number of images that were added later: those whose note has name and path, and those that
        are named by their digest. Both belong to the local user.
    rejected
        Originals that cannot be ingested again, and why, by digest.
    unreadable
        Images whose fingerprint is lost and whose original cannot be read.
    """

    rebuilt: rebuilding.Rebuilt
    known: int
    named: int
    unnamed: int
    rejected: dict[str, str]
    unreadable: int

    @property
    def words(self) -> list[str]:
        """The result in lines of text."""
        lines = [
            f"the catalog: {self.rebuilt.words}",
            f"{count(self.known, 'image')} with names and owners as they were",
            (
                f"{count(self.named + self.unnamed, 'image')} that came later, for the local user: "
                f"{self.named:,} with name and place, {self.unnamed:,} named by digest"
            ),
        ]
        if self.unreadable:
            lines.append(f"{count(self.unreadable, 'image')} without a readable original")
        lines += (f"{digest}: not ingested again: {why}" for digest, why in self.rejected.items())
        return lines


def is_damaged(settings: Settings) -> bool:
    """Return whether the catalog of a store is missing, or cannot be opened or read."""
    if place.has_lost_catalog(settings.root):
        return True
    if not place.is_store(settings.root):
        return False
    with Catalog(settings.root, lease_timeout=settings.lease_timeout, create=False) as catalog:
        try:
            catalog.run(queries.statistics)
        except CatalogDamaged:
            return True
    return False


def recover_store(settings: Settings, progress: ProgressOption = True) -> RecoveredStore:
    """Rebuild the catalog of a store, and add originals that have no row.

    It is copied from the readable tables of the damaged one, or from the newest complete snapshot;
    lost fingerprints are computed again. Nothing is deleted: the damaged files are kept.

    Raises
    ------
    StoreMissing
        If there is no store.
    CatalogBusy, CatalogTooNew, StorageError
        If another process has it open, a later version wrote it, or nothing can be written.
    """
    root = settings.root
    if not place.is_store(root) and not place.has_lost_catalog(root):
        raise place.missing(root)
    rebuilt = rebuilding.rebuild(Catalog(root, lease_timeout=settings.lease_timeout))
    store = Store(settings, create=False)
    owner = store.users.ensure_local().name
    before = store.catalog.run(queries.statistics).images
    with staged(progress) as report:
        unreadable = FingerprintUpgrade(store).run(report)
        counts = {True: 0, False: 0}
        rejected = {}
        known = set(store.catalog.run(queries.images, columns=["image_id", "digest"])["digest"])
        unknown = [digest for digest in store.blobs.digests() if digest not in known]
        for done, digest in enumerate(unknown):
            report("ingesting again", done, len(unknown))
            try:
                is_named = store.blobs.note_of(digest) is not None
                if ingest_orphan(store, digest, owner):
                    counts[is_named] += 1
            except (ImageRejected, StorageError) as error:
                rejected[digest] = str(error)
    store.catalog.close()
    return RecoveredStore(rebuilt, before, counts[True], counts[False], rejected, len(unreadable))
