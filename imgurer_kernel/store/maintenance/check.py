"""Check and repair a store: its catalog, originals and thumbnails, and their consistency.

Nothing is deleted: foreign files are moved to ``lost-and-found``, and a damaged catalog to
``damaged``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from imgurer_kernel.common.progress import Advance
from imgurer_kernel.errors import (
    BlobDamaged,
    BlobMissing,
    CatalogDamaged,
    ImageRejected,
    StorageError,
)
from imgurer_kernel.fingerprint.extract import ALGORITHM
from imgurer_kernel.store.blobs.nesting import nested
from imgurer_kernel.store.catalog import (
    Connection,
    commands,
    file_blocks,
    fingerprints,
    integrity,
    queries,
    rebuilding,
    trash,
)
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.ingest.ingest_files import drop_lost
from imgurer_kernel.store.maintenance.findings import Finding
from imgurer_kernel.store.maintenance.originals_check import OriginalsCheck
from imgurer_kernel.store.maintenance.orphans import orphan_arrival
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash

SETTLED = 3600.0
"""Seconds after which an incomplete change is due to a crash: a batch takes a few minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCheck:
    """Compares blobs, thumbnails and catalog.

    Attributes
    ----------
    upgrade
        Recomputes outdated fingerprints.
    user
        The owner of orphans that are ingested again.
    repair
        Restore an original from its source, draw a thumbnail again, ingest an orphan again under
        the name of its digest, correct counters, rewrite a damaged catalog from its own tables or
        its newest snapshot, move foreign files to ``lost-and-found``, and delete temporary files
        that crashes have left.
    sample
        Percentage of originals to read: the next ones by digest after the last sample, which is
        as good as a random choice, and covers all of them after enough samples.
    resume
        Continue an interrupted check.
    """

    store: Store
    upgrade: FingerprintUpgrade
    user: str
    repair: bool
    sample: float = 100.0
    resume: bool = False

    def run(self, advance: Advance) -> list[Finding]:
        """List all findings, by digest; call `advance` with 1 for each original that was read.

        Other processes may ingest and forget pictures meanwhile: each problem is checked a second
        time, and changes younger than `SETTLED` seconds are not reported, since they may be
        incomplete only for a moment.
        """
        findings = list(self._check_catalog_file())
        try:
            findings += self._check_rest(advance)
        except CatalogDamaged:
            if not findings:
                raise
        return sorted(findings, key=lambda finding: (finding.digest, finding.problem))

    def _check_rest(self, advance: Advance) -> list[Finding]:
        findings = [*self._check_tables(), *self._check_strays()]
        if any(each.problem == "no counters" and not each.repaired for each in findings):
            return findings  # every other query needs the counters
        originals = OriginalsCheck(
            store=self.store, repair=self.repair, sample=self.sample, resume=self.resume
        )
        found, known = originals.run(advance)
        findings += found
        # After the originals: outdated fingerprints are recomputed from them.
        findings += self._check_fingerprints()
        findings += self._check_forgotten()
        if self.sample >= 100:
            findings += self._check_trash()
        for digest in self.store.blobs.digests():
            if digest not in known and self._is_orphan(digest):
                findings += self._report_orphan(digest)
        findings += self._check_orphan_thumbnails(known)
        if self.repair:
            drop_lost(self.store)
            self.store.blobs.sweep()
        return findings

    def _check_catalog_file(self) -> Iterator[Finding]:
        catalog = self.store.catalog
        found: list[str] = []
        tables = catalog.run(integrity.table_names)
        try:
            catalog.run(integrity.read_through, tables)
        except CatalogDamaged:
            found += self._unreadable(tables)
        with catalog.closed_file() as path:
            found += file_blocks.damaged_blocks(path)
        if not found:
            return
        words = "`imgurer check --repair` rebuilds it from what can be read"
        if self.repair:
            words = rebuilding.rebuild(catalog).words
        for detail in found:
            yield Finding(
                problem="damaged catalog", detail=f"{detail}; {words}", repaired=self.repair
            )

    def _unreadable(self, tables: list[str]) -> Iterator[str]:
        """Say which tables cannot be read."""
        for table in tables:
            try:
                self.store.catalog.run(integrity.read_through, [table])
            except CatalogDamaged as error:
                yield f"the table {table} cannot be read: {error.__cause__ or error}"

    def _check_tables(self) -> Iterator[Finding]:
        with self.store.catalog.transaction() as connection:
            outdated = fingerprints.outdated(connection, ALGORITHM)
            found = integrity.mismatches(connection)
            if self.repair and any(each.repairable for each in found):
                integrity.repair(connection)
        for each in found:
            if each.problem == "incomplete fingerprint" and each.image_id in outdated:
                continue  # the whole fingerprint is recomputed
            yield Finding(
                problem=each.problem,
                digest=each.digest,
                image_id=each.image_id,
                detail=each.detail,
                repaired=self.repair and each.repairable,
            )

    def _check_strays(self) -> Iterator[Finding]:
        """Find foreign files among the originals, such as a folder with the name of a blob."""
        for name in list(self.store.blobs.strays(SETTLED)):
            yield self._set_aside("stray file", name, "imgurer makes nothing of this name")

    def _check_orphan_thumbnails(self, known: set[str]) -> Iterator[Finding]:
        blobs = self.store.blobs
        for digest in list(blobs.thumbnail_digests()):
            if digest in known or blobs.holds(digest) or blobs.thumbnail_age(digest) < SETTLED:
                continue
            if not self.store.catalog.run(_is_referenced, digest):
                name = nested("thumbs", digest)
                yield self._set_aside("orphan thumbnail", name, "there is no original", digest)

    def _set_aside(self, problem: str, name: str, words: str, digest: str = "") -> Finding:
        detail = f"{self.store.settings.root / name}: {words}"
        if self.repair:
            detail += f"; it is {self.store.blobs.set_aside(name)} now"
        return Finding(problem=problem, digest=digest, detail=detail, repaired=self.repair)

    def _check_forgotten(self) -> Iterator[Finding]:
        bin_ = Trash(self.store)
        for digest in bin_.unfinished(now() - timedelta(seconds=SETTLED)):
            repaired = self.repair and bin_.finish(digest)
            yield Finding(
                problem="unfinished forget",
                digest=digest,
                detail="forgotten, but its bytes are not in the trash; `imgurer trash` has it",
                repaired=repaired,
            )

    def _check_trash(self) -> Iterator[Finding]:
        """Find damaged originals in the trash; rows without bytes are left by a crash."""
        blobs = self.store.blobs
        for digest in sorted(blobs.trash.digests()):
            try:
                blobs.trash.verify(digest)
            except BlobMissing:
                continue  # only a note, or it was restored meanwhile
            except BlobDamaged as error:
                yield Finding(
                    problem="damaged original in the trash", digest=digest, detail=str(error)
                )

    def _is_orphan(self, digest: str) -> bool:
        """Return whether no row has the digest of an original, and it is older than any ingest."""
        # An ingest stores an original first, and adds its row later with the others of its batch.
        return self.store.blobs.age(digest) >= SETTLED and not self.store.catalog.run(
            _is_referenced, digest
        )

    def _check_fingerprints(self) -> Iterator[Finding]:
        outdated = self.store.catalog.run(fingerprints.outdated, ALGORITHM)
        if not outdated:
            return
        left = set(outdated)
        if self.repair:
            left &= set(self.upgrade.run(lambda *_: None, retry=True))
        for image_id, digest in outdated.items():
            yield Finding(
                problem="stale fingerprint",
                digest=digest,
                image_id=image_id,
                detail="computed by another version of imgurer; searches compute it again",
                repaired=image_id not in left,
            )

    def _report_orphan(self, digest: str) -> Iterator[Finding]:
        detail = "stored, but no catalog row names it"
        repaired = False
        if self.repair:
            try:
                repaired = ingest_orphan(self.store, digest, self.user)
                if not repaired:
                    return  # another process has added it meanwhile
                detail += f"; ingested again for {self.user}"
            except (ImageRejected, StorageError) as error:
                detail += f"; not ingested again: {error}"
        yield Finding(problem="orphan original", digest=digest, detail=detail, repaired=repaired)


def ingest_orphan(store: Store, digest: str, user: str) -> bool:
    """Add an orphaned original to the catalog; return False if it is none any more.

    Raises
    ------
    ImageRejected, StorageError
        If it cannot be read.
    """
    store.blobs.verify(digest)
    with store.blobs.open(digest) as blob:
        data = blob.read()
    found = store.decoders.fingerprint(data, limits=store.settings)
    # Files before the row, as in every ingest: a row must never name a missing file.
    store.blobs.put_thumbnail(digest, found.thumbnail)
    arrival = orphan_arrival(store.blobs, digest, len(data), found, user)
    # Checked again within the transaction: if an image has it meanwhile, a second file of it would
    # remain when its owner forgets theirs.
    with store.catalog.transaction() as connection:
        if _is_referenced(connection, digest):
            return False
        commands.add(connection, [arrival])
        return True


def _is_referenced(connection: Connection, digest: str) -> bool:
    """Return whether an image, or a file in the trash, has this digest."""
    return bool(queries.ids_by_digest(connection, [digest])) or trash.contains(connection, digest)
