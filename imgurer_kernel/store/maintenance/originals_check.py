"""Read every original and thumbnail once, and compare them with digest and catalog."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from imgurer_kernel.common.progress import Advance
from imgurer_kernel.common.threads import in_order
from imgurer_kernel.errors import (
    BlobDamaged,
    BlobMissing,
    ImageRejected,
    SourceError,
    StorageError,
)
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.codecs.pixels import fit
from imgurer_kernel.fingerprint.rendition import THUMBNAIL
from imgurer_kernel.store.catalog import commands, files, generations, integrity, queries
from imgurer_kernel.store.maintenance.findings import CheckState, Finding
from imgurer_kernel.store.store import Store

BATCH = 256
"""Originals that are passed to the threads at once."""


class ImageRow(NamedTuple):
    """An image in the catalog."""

    digest: str
    image_id: int
    bytes: int
    width: int
    height: int


class Problem(NamedTuple):
    """A problem of an original or its thumbnail; `size` is that of a sound original."""

    kind: str
    detail: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalsCheck:
    """Checks originals and thumbnails in several threads.

    Attributes
    ----------
    repair, sample, resume
        As in `imgurer_kernel.store.maintenance.check.StoreCheck`.
    """

    store: Store
    repair: bool
    sample: float
    resume: bool

    def run(self, advance: Advance) -> tuple[list[Finding], set[str]]:
        """Return the findings, and the digests of all images of the catalog."""
        root = self.store.settings.root
        state = CheckState.load(root)
        with self.store.catalog.transaction() as connection:
            generation = generations.current(connection)
            wanted = ["digest", "image_id", "bytes", "width", "height"]
            frame = queries.images(connection, columns=wanted)
            resuming = self.resume and state.after != "" and state.generation <= generation
            newer = generations.changes(connection, state.generation if resuming else generation)
        rows = sorted(
            ImageRow(*row) for row in zip(*(frame[name].tolist() for name in wanted), strict=True)
        )
        if resuming:
            changed = set(newer.image_ids.tolist())
            chosen = [row for row in rows if row.digest > state.after or row.image_id in changed]
            advance(len(rows) - len(chosen))
        else:
            chosen = self._sampled(rows, state.sampled_to)
            state.generation, state.after, state.findings = generation, "", []
        try:
            self._read(chosen, state, advance)
        finally:
            state.save(root)
        findings, state.after, state.findings = state.findings, "", []
        if self.sample < 100 and chosen:
            state.sampled_to = chosen[-1].digest
        state.save(root)
        return findings, {row.digest for row in rows}

    def _sampled(self, rows: Sequence[ImageRow], begin: str) -> list[ImageRow]:
        """Choose the next rows by digest, beginning again after the last one."""
        if self.sample >= 100:
            return list(rows)
        number = -int(-len(rows) * self.sample // 100)
        later = [row for row in rows if row.digest > begin]
        return [*later, *rows][:number]

    def _read(self, chosen: Sequence[ImageRow], state: CheckState, advance: Advance) -> None:
        for start in range(0, len(chosen), BATCH):
            batch = chosen[start : start + BATCH]
            found = in_order(self._inspect, batch, workers=self.store.settings.workers)
            for row, problems in zip(batch, found, strict=True):
                for problem in problems:
                    state.findings += self._judge(row, problem)
                if row.digest > state.after or not self.resume:
                    state.after = row.digest
                advance(1)

    def _inspect(self, row: ImageRow) -> list[Problem]:
        """Check one image, in a thread and without the catalog."""
        found = []
        try:
            size = self.store.blobs.verify(row.digest)
        except (BlobMissing, BlobDamaged) as error:
            kind = "missing" if isinstance(error, BlobMissing) else "damaged"
            found.append(Problem(f"{kind} original", str(error)))
        else:
            if size != row.bytes:
                detail = f"the catalog says {row.bytes:,} bytes, and it has {size:,}"
                found.append(Problem("wrong size", detail, size))
        try:
            self._check_thumbnail(row)
        except BlobMissing as error:
            kind = "missing" if "is missing" in str(error) else "damaged"
            found.append(Problem(f"{kind} thumbnail", str(error)))
        except ImageRejected as error:
            detail = f"the thumbnail of {row.digest} cannot be read: {error}"
            found.append(Problem("damaged thumbnail", detail))
        return found

    def _check_thumbnail(self, row: ImageRow) -> None:
        jpeg, is_proven = self.store.blobs.read_thumbnail(row.digest)
        if is_proven:  # to decode all of them would take longer than the disk
            shown = decode.size_of(jpeg, "JPEG")
        else:
            picture = decode.read(jpeg, colour=False)
            shown = picture.width, picture.height
        width, height = fit((row.width, row.height), THUMBNAIL)
        # Reduced decoding and the orientation may round the sides differently.
        if abs(shown[0] - width) > 2 or abs(shown[1] - height) > 2:
            message = (
                f"the thumbnail of {row.digest} is {shown[0]} x {shown[1]} pixels instead of "
                f"{width} x {height}: it is another picture's, or the catalog has a wrong size"
            )
            raise BlobMissing(message)

    def _judge(self, row: ImageRow, problem: Problem) -> Iterator[Finding]:
        """Make the finding, unless the image was forgotten meanwhile."""
        if not self.store.catalog.run(queries.ids_by_digest, [row.digest]):
            return
        detail, repaired = problem.detail, False
        if problem.kind == "wrong size":
            repaired = self.repair
            if repaired:
                self.store.catalog.run(integrity.set_bytes, [(row.image_id, problem.size)])
        elif problem.kind.endswith("original"):
            # Comes before the problem of its thumbnail, which is drawn from the original.
            repaired = self.repair and self._restore_original(row)
        elif self.repair:
            try:
                draw_thumbnail(self.store, row.digest)
                repaired = True
            except (ImageRejected, BlobMissing, BlobDamaged) as reason:
                # For example, a limit was higher when it was ingested.
                detail += f"; not drawn again: {reason}"
        yield Finding(
            problem=problem.kind,
            digest=row.digest,
            image_id=row.image_id,
            detail=detail,
            repaired=repaired,
        )

    def _restore_original(self, row: ImageRow) -> bool:
        """Store an original again from one of the paths that it was ingested from."""
        blobs = self.store.blobs
        for path in self.store.catalog.run(files.places, row.image_id):
            if not path.is_file():
                continue
            try:
                blobs.put(path, digest=row.digest)
            except (StorageError, SourceError):
                continue  # the file there has other bytes by now; try the next path
            # If the image was forgotten meanwhile, its bytes were not moved to the trash: do so.
            self.store.catalog.run(
                commands.if_unreferenced, row.digest, partial(blobs.delete, row.digest)
            )
            return True
        return False


def draw_thumbnail(store: Store, digest: str) -> None:
    """Draw the thumbnail of an original again.

    Raises
    ------
    ImageRejected, BlobMissing, BlobDamaged
        If the original cannot be read.
    """
    with store.blobs.open(digest) as blob:
        found = store.decoders.fingerprint(blob.read(), limits=store.settings)
    store.blobs.put_thumbnail(digest, found.thumbnail)
