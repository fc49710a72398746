"""Store arrivals: blob and thumbnail first, then the catalog's rows, in batches."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import pandas as pd

from imgurer_kernel.common.records import Arrival, Receipt
from imgurer_kernel.errors import (
    BlobDamaged,
    ImageRejected,
    ImageTooLarge,
    SourceError,
    UnknownImage,
)
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.settings import Settings
from imgurer_kernel.store.blobs import BlobStore
from imgurer_kernel.store.catalog import Catalog, Connection, commands, files, queries
from imgurer_kernel.store.ingest.originals import Decode, fingerprint_if_new, store_original
from imgurer_kernel.store.ingest.sources import readable

if TYPE_CHECKING:
    from imgurer_kernel.store.ingest.group_commit import GroupCommit

Status = Literal["added", "duplicate", "rejected", "moved", "changed", "unchanged", "missing"]
Retry = Callable[[Arrival], Arrival]

BATCH = 500
"""Files in one transaction, which costs as much as one for a single row."""
COLUMNS = ["source", "status", "reason", "image_id", "file_id", "digest", "dhash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome for one file; a row of the frame that `Workbench.ingest` returns."""

    source: str
    status: Status
    reason: str = ""
    image_id: int | None = None
    file_id: int | None = None
    digest: str | None = None
    dhash: str | None = None


def outcome_frame(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Make a frame of outcomes; ids are nullable integers.

    Examples
    --------
    >>> outcome_frame([Outcome(source="a.txt", status="rejected", reason="not a picture")]).iloc[0]
    source              a.txt
    status           rejected
    reason      not a picture
    image_id             <NA>
    file_id              <NA>
    digest                NaN
    dhash                 NaN
    Name: 0, dtype: object
    """
    rows = [[getattr(outcome, name) for name in COLUMNS] for outcome in outcomes]
    kinds = {name: "Int64" if name.endswith("_id") else "str" for name in COLUMNS}
    frame = pd.DataFrame(rows, columns=COLUMNS).astype(kinds)
    frame.attrs.update(frame["status"].value_counts().to_dict())
    return frame


@dataclass(frozen=True, slots=True)
class Intake:
    """Writes arrivals to the store: blob and thumbnail before the catalog row, never after.

    Attributes
    ----------
    catalog, blobs, settings
        Those of the store.
    decode
        Fingerprints bytes, in this process, or in a child process if they are not trusted.
    """

    catalog: Catalog
    blobs: BlobStore
    settings: Settings
    decode: Decode = fingerprint

    def take(
        self,
        name: str,
        data: bytes | bytearray | memoryview | BinaryIO,
        user: str,
        group: "GroupCommit | None" = None,
    ) -> list[Outcome]:
        """Ingest one picture without a path; of an open file at most ``max_bytes`` + 1 are read.

        With a `group` its row is added in one transaction with those of other threads.
        """
        if group is None:
            found = self._received(name, data, user)
        else:
            with group.preparing():
                found = self._received(name, data, user)
        if isinstance(found, Outcome):
            return [found]
        content, arrival = found
        commit = self.commit if group is None else group.commit
        return commit([arrival], lambda lost: self.store(content, lost))

    def _received(
        self, name: str, data: bytes | bytearray | memoryview | BinaryIO, user: str
    ) -> tuple[bytes, Arrival] | Outcome:
        """Receive and store one picture; return its bytes and arrival, or a rejection."""
        name = readable(name)
        source, most = f"upload:{name}", self.settings.max_bytes
        try:
            if isinstance(data, bytes | bytearray | memoryview):
                content = bytes(data)
            else:
                content = data.read(most + 1)
            if len(content) > most:
                message = f"over {most:,} bytes (max_bytes in the settings)"
                raise ImageTooLarge(message)
            arriving = Arrival(
                digest=hashlib.sha256(content).hexdigest(),
                bytes=len(content),
                fingerprint=None,
                user=user,
                filename=name,
                source=source,
            )
            return content, self.examine(content, arriving)
        except ImageRejected as error:
            return rejected(source, str(error))
        except OSError as error:
            return rejected(source, f"cannot be read: {error.strerror or error}")
        except MemoryError:
            return rejected(source, "not enough memory to hold it; make it smaller")

    def examine(self, data: bytes, arriving: Arrival) -> Arrival:
        """Fingerprint and store the bytes of a new picture, unless the store has them already.

        Raises
        ------
        ImageRejected
            If the bytes are not a picture that can be ingested; nothing is stored then.
        """
        found = fingerprint_if_new(self.blobs, self.settings, self.decode, data, arriving)
        return store_original(self.blobs, data, found)

    def store(self, data: bytes, arriving: Arrival, path: Path | None = None) -> Arrival:
        """Fingerprint and store bytes, whether or not they are known."""
        found = replace(arriving, fingerprint=self.decode(data, limits=self.settings))
        return store_original(self.blobs, data, found, path)

    def commit(self, arrivals: Sequence[Arrival], retry: Retry) -> list[Outcome]:
        """Add arrivals to the catalog in one transaction.

        Parameters
        ----------
        arrivals
            Stored; for those without a fingerprint the catalog is expected to have an image.
        retry
            Reads, fingerprints and stores an arrival once more. That is needed if the catalog
            has no such image after all, or if another process has deleted the last file
            of the same bytes since they were found or stored. A row without its blob must never
            be committed: in the latter case it is called inside the transaction, during which
            no other process can delete. Arrivals that it cannot read are rejected.
        """
        if not arrivals:
            return []
        batch = _Batch(list(arrivals), retry)
        while True:
            try:
                return self.catalog.run(self._enter, batch)
            except UnknownImage:  # a blob without a row, or an image forgotten meanwhile
                batch.restore(self._unknown(batch))
            except SourceError:
                if not batch.lost:
                    raise

    def _enter(self, connection: Connection, batch: "_Batch") -> list[Outcome]:
        receipts = commands.add(connection, batch.left(), self._confirm(batch))
        return _outcomes(connection, batch, receipts)

    def _unknown(self, batch: "_Batch") -> list[int]:
        """List arrivals without a fingerprint, here or in the catalog."""
        places, arrivals = batch.places(), batch.arrivals
        new_digests = {arrivals[place].digest for place in places if arrivals[place].fingerprint}
        needed = {arrivals[place].digest for place in places} - new_digests
        missing = needed - self.catalog.run(queries.ids_by_digest, sorted(needed)).keys()
        return [place for place in places if arrivals[place].digest in missing]

    def _confirm(self, batch: "_Batch") -> Callable[[object], None]:
        def confirm(_: object) -> None:
            places = batch.places()
            gone = [p for p in places if not self.blobs.exists(batch.arrivals[p].digest)]
            if not batch.restore(gone):
                message = "what was deleted meanwhile cannot be read again"
                raise SourceError(message)

        return confirm


def _outcomes(
    connection: Connection, batch: "_Batch", receipts: Sequence[Receipt]
) -> list[Outcome]:
    dhashes: dict[int, str] = {}
    names: dict[int, list[files.NamedFile]] = {}
    twins = [receipt.image_id for receipt in receipts if not receipt.added]
    if twins:
        frame = queries.images(connection, twins, ["image_id", "dhash"])
        names = files.first_names(connection, twins)
        dhashes = dict(zip(frame["image_id"].tolist(), frame["dhash"].tolist(), strict=True))
    waiting = iter(receipts)
    outcomes = []
    for place, arrival in enumerate(batch.arrivals):
        if place in batch.lost:
            outcomes.append(rejected(arrival.source, batch.lost[place]))
            continue
        receipt = next(waiting)
        status: Status = receipt.event
        if status == "unchanged" and arrival.path_key is None:
            status = "duplicate"  # an upload is not scanned, so it cannot be "unchanged"
        found = arrival.fingerprint
        dhash = found.dhash_hex if found else dhashes.get(receipt.image_id, "")
        outcomes.append(
            Outcome(
                source=arrival.source,
                status=status,
                reason=_same_as(receipt, status, names.get(receipt.image_id, []))
                or _damage(arrival),
                image_id=receipt.image_id,
                file_id=receipt.file_id,
                digest=arrival.digest,
                dhash=dhash,
            )
        )
    return outcomes


def _same_as(receipt: Receipt, status: Status, named: Sequence[files.NamedFile]) -> str:
    """Describe why a file added no image: the name of another file with the same bytes."""
    if status != "duplicate":
        return ""
    # A repeated upload may be the only file of the image.
    others = [name for name in named if name.file_id != receipt.file_id] or named
    return f"same bytes as {others[0].filename}" if others else ""


def _damage(arrival: Arrival) -> str:
    """Describe the damage of a picture that was accepted."""
    found = arrival.fingerprint
    return f"damaged: {found.damage}" if found is not None and found.damage else ""


def rejected(source: str, reason: str) -> Outcome:
    """Make the outcome of a rejected file."""
    return Outcome(source=source, status="rejected", reason=reason)


@dataclass(slots=True)
class _Batch:
    """Arrivals to be committed, and by position the reasons for rejected ones."""

    arrivals: list[Arrival]
    retry: Retry
    lost: dict[int, str] = field(default_factory=dict)

    def places(self) -> list[int]:
        return [place for place in range(len(self.arrivals)) if place not in self.lost]

    def left(self) -> list[Arrival]:
        return [self.arrivals[place] for place in self.places()]

    def restore(self, places: Sequence[int]) -> bool:
        """Read and store arrivals again; return whether that worked for all."""
        for place in places:
            try:
                self.arrivals[place] = self.retry(self.arrivals[place])
            except (ImageRejected, SourceError, BlobDamaged) as error:
                self.lost[place] = str(error)
        return self.lost.keys().isdisjoint(places)
