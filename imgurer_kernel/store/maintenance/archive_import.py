"""Import files of `imgurer export`: an archive into any store, a backup into an empty one."""

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from imgurer_kernel.common.paths import given_path
from imgurer_kernel.common.progress import ProgressOption, reporting
from imgurer_kernel.common.records import Arrival
from imgurer_kernel.errors import (
    ImageRejected,
    InvalidUserName,
    SourceError,
    UnknownUser,
)
from imgurer_kernel.store.catalog import Connection, files, queries, rebuilding, snapshots, trash
from imgurer_kernel.store.ingest.pipeline import BATCH, Intake, Outcome, outcome_frame
from imgurer_kernel.store.maintenance.archive_export import (
    COLUMNS,
    HOLDINGS,
    ORIGINALS,
    TRASHED,
    plain_cell,
)
from imgurer_kernel.store.maintenance.archive_reading import DIGEST, Archive, opened
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.users import Users


def import_store(store: Store, path: Path | str, progress: ProgressOption = True) -> pd.DataFrame:
    """Import an export of `export_store`; return a frame like that of `Workbench.ingest`.

    Every original is compared with its digest and fingerprinted again. A backup restores accounts,
    files, decisions, journal and trash, with their ids, in an empty store. In a store that has
    pictures already, missing accounts and decisions are added; the journal is not, since its acts
    are on other files. Holdings of users that this store does not have go to the local user. No
    path in the archive is written to; importing twice changes nothing.

    Returns
    -------
    DataFrame
        One row for each holding, those of one image together.

    Raises
    ------
    SourceError
        If the file is not such an archive.
    CatalogTooNew
        If a later version of imgurer wrote the backup.
    """
    archived = given_path(path, "the archive")
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(opened(archived))
            holdings = _holdings(archive)
            made = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            backup = archive.snapshot(made)
        except (OSError, EOFError, tarfile.TarError, ValueError, KeyError) as error:
            message = f"{archived} is not an archive that `imgurer export` wrote: {error}"
            raise SourceError(message) from error
        if backup is not None:
            if store.catalog.run(_is_empty):
                return _restore(store, archive, backup, progress)
            store.catalog.run(rebuilding.add_people, backup)
        return _ingest(store, archive, holdings, progress)


def _is_empty(connection: Connection) -> bool:
    return not queries.statistics(connection).images and not trash.rows(connection)


def _restore(
    store: Store, archive: Archive, backup: snapshots.CatalogSnapshot, progress: ProgressOption
) -> pd.DataFrame:
    """Restore a backup into an empty store; blobs before rows, as in every ingest."""
    known, in_trash = store.catalog.run(rebuilding.digests_in, backup)
    # A folder also has originals that were forgotten since: they are not restored.
    digests = sorted(known & set(archive.digests(ORIGINALS)))
    rejected = {
        digest: f"the archive has no original {digest}" for digest in sorted(known - set(digests))
    }
    with reporting(progress, len(digests), "Restoring") as report:
        for digest in digests:
            try:
                store.blobs.put(_checked(archive, ORIGINALS, digest), digest=digest, trusted=True)
            except (ImageRejected, SourceError) as error:
                rejected[digest] = str(error)
            report(1)
    sound = [digest for digest in digests if digest not in rejected]
    # An original that moved to the trash after an earlier backup is still in the folder's area of
    # originals.
    areas = {digest: area for area in (ORIGINALS, TRASHED) for digest in archive.digests(area)}
    for digest in sorted(in_trash & set(areas) - set(sound)):
        try:
            data = _checked(archive, areas[digest], digest)
            store.blobs.put(data, digest=digest, trusted=True)
            store.blobs.delete(digest)
        except (ImageRejected, SourceError) as error:
            rejected[digest] = str(error)
    store.catalog.run(rebuilding.restore, backup, sound)
    unread = set(FingerprintUpgrade(store).run(lambda *_: None))
    frame = store.catalog.run(files.files)
    # Files that are not at their paths on this machine are copies in the store from now on.
    exists = frame["path"].map(_is_there).astype("bool")
    elsewhere = frame["kept"].isin(["link", "reference"]) & ~exists
    store.catalog.run(rebuilding.keep_copies, frame.loc[elsewhere, "file_id"].tolist())
    digest_of = store.catalog.run(queries.digests_by_id, frame["image_id"].tolist())
    columns = (frame[name].tolist() for name in ("file_id", "image_id", "path", "filename"))
    outcomes = [
        Outcome(
            source=path if isinstance(path, str) else f"upload:{filename}",
            status="rejected" if image_id in unread else "added",
            reason="it cannot be decoded" if image_id in unread else "",
            image_id=image_id,
            file_id=file_id,
            digest=digest_of[image_id],
        )
        for file_id, image_id, path, filename in zip(*columns, strict=True)
    ]
    outcomes += (
        Outcome(source=digest, status="rejected", reason=reason)
        for digest, reason in rejected.items()
    )
    return outcome_frame(outcomes)


def _is_there(path: object) -> bool:
    return isinstance(path, str) and os.path.isfile(path)  # noqa: PTH113 (any text)


def _checked(archive: Archive, area: str, digest: str) -> bytes:
    """Read an original of a backup; ImageRejected if it was changed there."""
    data = archive.read(f"{area}/{digest}", 1 << 40)
    actual = hashlib.sha256(data).hexdigest()
    if actual != digest:
        message = f"the original {digest} was changed in the archive: its digest is {actual}"
        raise ImageRejected(message)
    return data


def _holdings(archive: Archive) -> pd.DataFrame:
    """Read the table of holdings; KeyError or ValueError if it is malformed."""
    text = io.BytesIO(archive.read(HOLDINGS, 1 << 32))
    # All columns as text; "NA" is a name, not a missing value.
    table = pd.read_csv(text, dtype="str", keep_default_na=False)
    if "brought_at" not in table:  # optional in archives of other programs
        table["brought_at"] = ""
    table = table[COLUMNS].copy()
    for column in ("user", "filename", "source"):
        table[column] = table[column].map(plain_cell)
    for text_of_time in set(table["brought_at"]):
        _moment(text_of_time)
    for digest in table["digest"]:
        if not DIGEST.fullmatch(digest):
            message = f"{digest!r} in {HOLDINGS} is not a digest"
            raise ValueError(message)
    return table


def _ingest(
    store: Store, archive: Archive, holdings: pd.DataFrame, progress: ProgressOption
) -> pd.DataFrame:
    local = store.users.ensure_local().name
    owners = {name: _owner(store.users, name, local) for name in holdings["user"].unique()}
    intake = Intake(store.catalog, store.blobs, store.settings, store.decoders.fingerprint)
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
        # Each original is read once, for all its holdings.
        for digest, rows in holdings.groupby("digest", sort=False):
            try:
                first = _examined(intake, archive, str(digest))
            except ImageRejected as error:
                reason = str(error)
                waiting += (
                    Outcome(source=source, status="rejected", reason=reason)
                    for source in rows["source"]
                )
            else:
                waiting += _arrivals(first, rows, owners)
            if len(waiting) >= BATCH:
                commit()
            report(len(rows))
        commit()
    return outcome_frame(outcomes)


def _examined(intake: Intake, archive: Archive, digest: str) -> Arrival:
    """Check and store an original of the archive; return its arrival without a user."""
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


def _arrivals(first: Arrival, rows: pd.DataFrame, owners: Mapping[str, str]) -> Iterator[Arrival]:
    columns = (rows[name].tolist() for name in ("user", "filename", "source", "brought_at"))
    for user, filename, source, brought_at in zip(*columns, strict=True):
        yield replace(
            first,
            user=owners[user],
            filename=filename,
            source=source,
            # Only displayed: without a path_key it identifies no file on this machine.
            path=None if source.startswith("upload:") else source,
            taken_in=_moment(brought_at),
        )


def _moment(text: str) -> datetime | None:
    """Convert a time to UTC without a zone, as the catalog stores it."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except OverflowError as error:
        message = f"{text!r} is not a time in UTC: {error}"
        raise ValueError(message) from error


def _owner(users: Users, name: str, local: str) -> str:
    """Return the account of that name, or the local one."""
    try:
        return users.get(name).name
    except (UnknownUser, InvalidUserName):
        return local
