"""A store as one tar file: originals and who holds them, readable without this package.

::

    originals/<digest>      the bytes, once for each image
    holdings.csv            user, digest, filename, source, brought_at: one row for each holding
"""

import csv
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO

import pandas as pd

from imgurer_kernel.common.atomic_files import atomic_write
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.common.records import Arrival
from imgurer_kernel.errors import (
    BlobDamaged,
    BlobMissing,
    ImageRejected,
    ImageTooLarge,
    InvalidUserName,
    SourceError,
    UnknownUser,
)
from imgurer_kernel.store.catalog import queries
from imgurer_kernel.store.ingest.pipeline import BATCH, Intake, Outcome, outcome_frame
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.users import Users

HOLDINGS = "holdings.csv"
ORIGINALS = "originals"
COLUMNS = ["user", "digest", "filename", "source", "brought_at"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


def export_store(store: Store, path: Path | str, progress: ProgressOption = True) -> int:
    """Write every original and the table of holdings into a tar file; returns their number.

    As of the moment in which it begins; what somebody forgets meanwhile may be left out, with all
    its rows. The file appears under its name only when it is whole. Accounts and passwords stay
    behind: they belong to this store. The same store gives the same bytes.

    Raises
    ------
    StorageDenied, StorageFull
        If the file cannot be written.
    BlobMissing, BlobDamaged
        If an original is not what the catalog says; `Workbench.check` finds them all.
    """
    target = Path(path).expanduser().absolute()
    with store.catalog.transaction() as connection:
        images = queries.images(connection, columns=["image_id", "digest", "bytes"])
        holdings = queries.holdings(connection)
    holdings = holdings.merge(images[["image_id", "digest"]], on="image_id")
    written = set()
    with atomic_write(target) as file, tarfile.open(fileobj=file, mode="w") as tar:
        with reporting(progress, len(images), "Exporting") as report:
            for digest, size in zip(images["digest"], images["bytes"].tolist(), strict=True):
                original = _open(store, digest)
                if original is not None:
                    with original:
                        _check_size(original, digest, size)
                        _add(tar, f"{ORIGINALS}/{digest}", original, size)
                    written.add(digest)
                report(1)
        # Last, when it is known of which there are originals.
        rows = holdings.loc[holdings["digest"].isin(written), COLUMNS]
        table = rows.to_csv(index=False, quoting=csv.QUOTE_ALL).encode("utf-8")
        _add(tar, HOLDINGS, io.BytesIO(table), len(table))
    return len(written)


def _open(store: Store, digest: str) -> BinaryIO | None:
    """An original; None for one that was forgotten since the catalog was read."""
    try:
        return store.blobs.open(digest)
    except BlobMissing:
        if not store.catalog.run(queries.ids_by_digest, [digest]):
            return None
    return store.blobs.open(digest)  # forgotten, and taken in again


def _check_size(original: BinaryIO, digest: str, size: int) -> None:
    found = original.seek(0, os.SEEK_END)
    original.seek(0)
    # The header of a tar member says the size before the bytes: it must be right.
    if found != size:
        message = (
            f"the original {digest} has {found:,} bytes instead of {size:,}; "
            "`imgurer check --repair` may bring it back"
        )
        raise BlobDamaged(message)


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int) -> None:
    # No time and no owner: the same store gives the same bytes.
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    tar.addfile(entry, data)


def import_store(store: Store, path: Path | str, progress: ProgressOption = True) -> pd.DataFrame:
    """Take in what `export_store` wrote; a frame like that of `Workbench.ingest`.

    Every original is compared with its digest and fingerprinted anew. Holdings of users that
    this store does not have go to the local user. Nothing is unpacked to where the archive
    says; importing twice changes nothing.

    Returns
    -------
    DataFrame
        One row for each holding, those of one image together.

    Raises
    ------
    SourceError
        If the file is no such archive.
    """
    archived = Path(path).expanduser()
    with ExitStack() as opened:
        try:
            # "r:" takes no compressed files, which could be bombs; members are found by name, and
            # never written to where the archive says.
            tar = opened.enter_context(tarfile.open(archived, "r:"))
            archive = _Archive(tar, {entry.name: entry for entry in tar if entry.isfile()})
            holdings = _holdings(archive)
        except (OSError, EOFError, tarfile.TarError, ValueError, KeyError) as error:
            message = f"{archived} is no archive that `imgurer export` wrote: {error}"
            raise SourceError(message) from error
        return _take_in(store, archive, holdings, progress)


@dataclass(frozen=True, slots=True)
class _Archive:
    """An open tar file and its members by name."""

    tar: tarfile.TarFile
    members: Mapping[str, tarfile.TarInfo]

    def read(self, name: str, most: int) -> bytes:
        """The bytes of a member, of which there may be `most`.

        Raises
        ------
        KeyError
            If there is no such member.
        ImageTooLarge
            If there are more bytes.
        SourceError
            If the archive is cut off there.
        """
        if self.members[name].size > most:
            message = f"over {most:,} bytes (max_bytes in the settings)"
            raise ImageTooLarge(message)
        try:
            with self.tar.extractfile(self.members[name]) or io.BytesIO() as file:
                return file.read()
        except (OSError, tarfile.TarError) as error:
            message = f"{name} cannot be read from the archive: {error}"
            raise SourceError(message) from error


def _holdings(archive: _Archive) -> pd.DataFrame:
    """The table of holdings; KeyError or ValueError if it is not what it should be."""
    text = io.BytesIO(archive.read(HOLDINGS, 1 << 32))
    # All as text, and "NA" is a name like any other.
    table = pd.read_csv(text, dtype="str", keep_default_na=False)
    if "brought_at" not in table:  # archives of other programs need not say so
        table["brought_at"] = ""
    table = table[COLUMNS]
    for text_of_time in set(table["brought_at"]) - {""}:
        datetime.fromisoformat(text_of_time)
    for digest in table["digest"]:
        if not _DIGEST.fullmatch(digest):
            message = f"{digest!r} in {HOLDINGS} is no digest"
            raise ValueError(message)
    return table


def _take_in(
    store: Store, archive: _Archive, holdings: pd.DataFrame, progress: ProgressOption
) -> pd.DataFrame:
    local = store.users.ensure_local().name
    owners = {name: _owner(store.users, name, local) for name in holdings["user"].unique()}
    intake = Intake(store.catalog, store.blobs, store.settings)
    outcomes: list[Outcome] = []
    waiting: list[Arrival | Outcome] = []

    def retry(arrival: Arrival) -> Arrival:
        data = archive.read(f"{ORIGINALS}/{arrival.digest}", store.settings.max_bytes)
        return intake.store(data, arrival)

    def commit() -> None:
        arrivals = [item for item in waiting if isinstance(item, Arrival)]
        entered = iter(intake.commit(arrivals, retry))
        outcomes.extend(next(entered) if isinstance(item, Arrival) else item for item in waiting)
        waiting.clear()

    with reporting(progress, len(holdings), "Importing") as report:
        # Each original is read once, for all that hold it.
        for digest, held in holdings.groupby("digest", sort=False):
            try:
                first = _examined(intake, archive, str(digest))
            except ImageRejected as error:
                reason = str(error)
                waiting += (
                    Outcome(source=source, status="rejected", reason=reason)
                    for source in held["source"]
                )
            else:
                waiting += _arrivals(first, held, owners)
            if len(waiting) >= BATCH:
                commit()
            report(len(held))
        commit()
    return outcome_frame(outcomes)


def _examined(intake: Intake, archive: _Archive, digest: str) -> Arrival:
    """An original of the archive, checked and stored, on its way to whoever holds it."""
    try:
        data = archive.read(f"{ORIGINALS}/{digest}", intake.settings.max_bytes)
    except KeyError as error:
        message = f"the archive has no original {digest}"
        raise ImageRejected(message) from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != digest:
        message = f"the original {digest} was changed in the archive: its digest is {actual}"
        raise ImageRejected(message)
    arriving = Arrival(
        digest=digest, bytes=len(data), fingerprint=None, user="", filename="", source=""
    )
    return intake.examine(data, arriving)


def _arrivals(first: Arrival, held: pd.DataFrame, owners: Mapping[str, str]) -> Iterator[Arrival]:
    columns = (held[name].tolist() for name in ("user", "filename", "source", "brought_at"))
    for user, filename, source, brought_at in zip(*columns, strict=True):
        yield replace(
            first,
            user=owners[user],
            filename=filename,
            source=source,
            # To be shown: it says nothing of what lies here.
            path=None if source.startswith("upload:") else source,
            taken_in=_moment(brought_at),
        )


def _moment(text: str) -> datetime | None:
    """A time as the catalog keeps it: in UTC, without a zone."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _owner(users: Users, name: str, local: str) -> str:
    """The account of that name here, the local one if there is none."""
    try:
        return users.get(name).name
    except (UnknownUser, InvalidUserName):
        return local
