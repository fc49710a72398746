"""Check a store: originals, thumbnails and catalog against each other; repair what can be.

Nothing is ever thrown away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from imgurer_kernel.common.progress import Advance
from imgurer_kernel.common.records import Arrival
from imgurer_kernel.errors import (
    BlobDamaged,
    BlobMissing,
    ImageRejected,
    SourceError,
    StorageError,
)
from imgurer_kernel.fingerprint.extract import ALGORITHM, fingerprint
from imgurer_kernel.store.catalog import (
    Connection,
    commands,
    files,
    fingerprints,
    queries,
    trash,
)
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.ingest.ingest_files import drop_lost
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.trash import Trash

SETTLED = 3600.0
"""Seconds after which what is half done is what a crash has left: a batch takes a few minutes."""
COLUMNS = ["problem", "digest", "image_id", "detail", "repaired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with the store, and whether it was repaired.

    Attributes
    ----------
    problem
        ``missing original``, ``damaged original``, ``missing thumbnail``, ``stale fingerprint``
        (of an earlier version of this package), ``orphan original`` (stored but in no catalog
        row, as a crash between the two leaves it) or ``unfinished forget`` (its row is in the
        trash, and its bytes are not, as a crash between the two leaves it).
    """

    problem: str
    digest: str
    image_id: int | None
    detail: str
    repaired: bool = False


def findings_frame(findings: list[Finding]) -> pd.DataFrame:
    """The findings as a frame, one row each."""
    rows = [[getattr(finding, name) for name in COLUMNS] for finding in findings]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype({"image_id": "Int64", "repaired": "bool"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCheck:
    """Compares blobs, thumbnails and catalog.

    Attributes
    ----------
    upgrade
        What computes outdated fingerprints anew.
    user
        Whose the orphans are that are taken in again.
    repair
        Bring an original back from where it came, draw a thumbnail again, take an orphan in
        again under the name of its digest; and sweep temporary files that crashes have left.
    """

    store: Store
    upgrade: FingerprintUpgrade
    user: str
    repair: bool

    def run(self, advance: Advance) -> list[Finding]:
        """All findings, by digest; `advance` is called with 1 for each original that was read.

        Others may take pictures in and forget them meanwhile: what looks wrong is looked at once
        more, and what they may be about to put right is left to them for `SETTLED` seconds.
        """
        images = self.store.catalog.run(queries.images, columns=["image_id", "digest"])
        findings: list[Finding] = []
        for digest, image_id in zip(images["digest"], images["image_id"].tolist(), strict=True):
            findings += self._check_image(digest, image_id)
            advance(1)
        # After the originals, from which outdated fingerprints are computed anew.
        findings += self._check_fingerprints()
        findings += self._check_forgotten()
        known = set(images["digest"])
        for digest in self.store.blobs.digests():
            if digest not in known and self._is_orphan(digest):
                findings += self._report_orphan(digest)
        if self.repair:
            drop_lost(self.store)
            self.store.blobs.sweep()
        return sorted(findings, key=lambda finding: (finding.digest, finding.problem))

    def _check_image(self, digest: str, image_id: int) -> Iterator[Finding]:
        try:
            self.store.blobs.verify(digest)
        except (BlobMissing, BlobDamaged) as error:
            if not self._exists(digest):
                return  # forgotten since the rows were read
            kind = "missing" if isinstance(error, BlobMissing) else "damaged"
            repaired = self.repair and self._restore_original(digest, image_id)
            yield Finding(
                problem=f"{kind} original",
                digest=digest,
                image_id=image_id,
                detail=str(error),
                repaired=repaired,
            )
            if not repaired:
                return  # without an original there is nothing to draw a thumbnail from
        try:
            self.store.blobs.thumbnail(digest)
        except BlobMissing as error:
            if not self._exists(digest):
                return
            detail, repaired = str(error), False
            if self.repair:
                try:
                    self._draw_thumbnail(digest)
                    repaired = True
                except (ImageRejected, BlobMissing, BlobDamaged) as reason:
                    # Such as a limit that was higher when it was taken in.
                    detail += f"; not drawn again: {reason}"
            yield Finding(
                problem="missing thumbnail",
                digest=digest,
                image_id=image_id,
                detail=detail,
                repaired=repaired,
            )

    def _exists(self, digest: str) -> bool:
        """Whether there is an image still."""
        return bool(self.store.catalog.run(queries.ids_by_digest, [digest]))

    def _check_forgotten(self) -> Iterator[Finding]:
        bin_ = Trash(self.store)
        for digest in bin_.unfinished(now() - timedelta(seconds=SETTLED)):
            repaired = self.repair and bin_.finish(digest)
            yield Finding(
                problem="unfinished forget",
                digest=digest,
                image_id=None,
                detail="forgotten, but its bytes are not in the trash; `imgurer trash` has it",
                repaired=repaired,
            )

    def _is_orphan(self, digest: str) -> bool:
        """Whether nobody speaks of an original, and nobody can be about to."""
        # Whoever takes it in stores it first, and enters it with others of its batch.
        return self.store.blobs.age(digest) >= SETTLED and not self.store.catalog.run(
            _is_spoken_of, digest
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
                detail="computed by another version of imgurer; searches compute it anew",
                repaired=image_id not in left,
            )

    def _restore_original(self, digest: str, image_id: int) -> bool:
        """Store an original again from one of the places it was taken in from."""
        for path in self.store.catalog.run(files.places, image_id):
            if not path.is_file():
                continue
            try:
                self.store.blobs.put(path, digest=digest)
            except (StorageError, SourceError):
                continue  # the file there is another one by now; try the next source
            # Who forgot it meanwhile has looked for its bytes before they were back.
            self.store.catalog.run(
                commands.if_unreferenced, digest, lambda: self.store.blobs.delete(digest)
            )
            return True
        return False

    def _draw_thumbnail(self, digest: str) -> None:
        with self.store.blobs.open(digest) as blob:
            found = fingerprint(blob.read(), limits=self.store.settings)
        self.store.blobs.put_thumbnail(digest, found.thumbnail)

    def _report_orphan(self, digest: str) -> Iterator[Finding]:
        detail = "stored, but no catalog row names it"
        repaired = False
        if self.repair:
            try:
                repaired = self._take_in(digest)
                if not repaired:
                    return  # somebody was quicker
                detail += f"; taken in again for {self.user}"
            except (ImageRejected, StorageError) as error:
                detail += f"; not taken in again: {error}"
        yield Finding(
            problem="orphan original",
            digest=digest,
            image_id=None,
            detail=detail,
            repaired=repaired,
        )

    def _take_in(self, digest: str) -> bool:
        """Enter an orphan into the catalog; False if it is no orphan any more."""
        self.store.blobs.verify(digest)
        with self.store.blobs.open(digest) as blob:
            data = blob.read()
        found = fingerprint(data, limits=self.store.settings)
        # Files before the row, as everywhere: a row never names what is not there.
        self.store.blobs.put_thumbnail(digest, found.thumbnail)
        arrival = Arrival(
            digest=digest,
            bytes=len(data),
            fingerprint=found,
            user=self.user,
            filename=f"recovered-{digest[:12]}.{found.format.lower()}",
            source=f"recovered:{digest}",
        )
        # Looked at once more where nobody else can: another file of it would keep its owner from
        # forgetting it.
        with self.store.catalog.transaction() as connection:
            if _is_spoken_of(connection, digest):
                return False
            commands.add(connection, [arrival])
            return True


def _is_spoken_of(connection: Connection, digest: str) -> bool:
    """Whether an image, or what was forgotten, has this digest."""
    return bool(queries.ids_by_digest(connection, [digest])) or trash.contains(connection, digest)
