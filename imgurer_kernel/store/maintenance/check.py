"""Check a store: originals, thumbnails and catalog against each other; repair what can be.

Nothing is ever thrown away.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from imgurer_kernel.common.records import Arrival
from imgurer_kernel.errors import BlobDamaged, BlobMissing, ImageRejected, StorageError
from imgurer_kernel.fingerprint.extract import ALGORITHM, fingerprint
from imgurer_kernel.store.catalog import commands, files, fingerprints, queries
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store

COLUMNS = ["problem", "digest", "image_id", "detail", "repaired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with the store, and whether it was repaired.

    Attributes
    ----------
    problem
        ``missing original``, ``damaged original``, ``missing thumbnail``, ``stale fingerprint``
        (of an earlier version of this package) or ``orphan original`` (stored but in no catalog
        row, as a crash between the two leaves it).
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

    def run(self, progress: Callable[[int], None]) -> list[Finding]:
        """All findings, by digest; `progress` is called with 1 for each original that was read."""
        images = self.store.catalog.run(queries.images, columns=["image_id", "digest"])
        findings: list[Finding] = []
        for digest, image_id in zip(images["digest"], images["image_id"].tolist(), strict=True):
            findings += self._check_image(digest, image_id)
            progress(1)
        # After the originals, from which outdated fingerprints are computed anew.
        findings += self._check_fingerprints()
        known = set(images["digest"])
        for digest in self.store.blobs.digests():
            if digest not in known:
                findings.append(self._report_orphan(digest))
        if self.repair:
            self.store.blobs.sweep()
        return sorted(findings, key=lambda finding: (finding.digest, finding.problem))

    def _check_image(self, digest: str, image_id: int) -> Iterator[Finding]:
        try:
            self.store.blobs.verify(digest)
        except (BlobMissing, BlobDamaged) as error:
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
            if self.repair:
                self._draw_thumbnail(digest)
            yield Finding(
                problem="missing thumbnail",
                digest=digest,
                image_id=image_id,
                detail=str(error),
                repaired=self.repair,
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
            except StorageError:
                continue  # the file there is another one by now; try the next source
            return True
        return False

    def _draw_thumbnail(self, digest: str) -> None:
        with self.store.blobs.open(digest) as blob:
            found = fingerprint(blob.read(), limits=self.store.settings)
        self.store.blobs.put_thumbnail(digest, found.thumbnail)

    def _report_orphan(self, digest: str) -> Finding:
        detail = "stored, but no catalog row names it"
        repaired = False
        if self.repair:
            try:
                self._take_in(digest)
                repaired = True
                detail += f"; taken in again for {self.user}"
            except (ImageRejected, StorageError) as error:
                detail += f"; not taken in again: {error}"
        return Finding(
            problem="orphan original",
            digest=digest,
            image_id=None,
            detail=detail,
            repaired=repaired,
        )

    def _take_in(self, digest: str) -> None:
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
        self.store.catalog.run(commands.add, [arrival])
