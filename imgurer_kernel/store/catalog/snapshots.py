"""Snapshots of the catalog beside it, so that names and decisions survive a damaged file.

::

    root/snapshots/20261128T210252.123456/manifest.json     time, schema version, digests
    root/snapshots/20261128T210252.123456/users.parquet     and so on: one file for each table

A snapshot has all tables but those that can be computed from originals: grays for comparing, which
are nine tenths of a catalog. It is taken when the catalog is closed (half a second after its last
use), if anything but times of access has changed, and takes at most a hundredth of the time. It is
written under a temporary name, flushed and renamed, so that only complete ones have a final name.
"""

import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from imgurer_kernel.common.atomic_files import mapped_os_errors, sync_folder
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.store import place
from imgurer_kernel.store.catalog.connection import Connection, first_row
from imgurer_kernel.store.catalog.schema import version_of

KEPT = 5
"""Number of snapshots that are kept."""
PERIOD = 10.0
"""Least seconds between two snapshots, except for the last one of a process."""
SHARE = 100.0
"""Least time until the next snapshot, in multiples of the seconds that the last one took."""
TABLES = {
    "generation": "*",
    "users": "*",
    "quotas": "*",
    "images": "*",
    "pixels": "*",
    "files": "*",
    "file_history": "*",
    "removals": "*",
    "trash": "*",
    "trash_images": "* EXCLUDE (verification_grays)",
    "decisions": "*",
    "journal": "*",
    "roots": "*",
    "original_facts": "*",
}
"""The tables and their columns; no sessions, so that none that was ended is restored."""

_MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """One complete snapshot.

    Attributes
    ----------
    folder
        Its folder.
    version
        The schema version of its tables.
    taken_at
        In UTC.
    rows
        The number of rows by table.
    """

    folder: Path
    version: int
    taken_at: datetime
    rows: Mapping[str, int]

    def relation(self, table: str) -> str:
        """Return SQL that reads one of its tables."""
        return f"read_parquet({quoted(self.folder / f'{table}.parquet')})"


class Snapshots:
    """The snapshots of one store.

    Parameters
    ----------
    root
        The store's folder.

    Attributes
    ----------
    pending
        Whether there may be changes that no snapshot has yet.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / place.SNAPSHOTS
        self._marker = ""
        self._taken = self._seconds = 0.0
        self.pending = False

    def take_if_due(self, connection: Connection, *, last: bool = False) -> None:
        """Take a snapshot if something has changed and one is due; log failures.

        Parameters
        ----------
        last
            Whether the store is being closed: a snapshot is due in any case.
        """
        try:
            before = self._newest_marker()
            self.pending = time.time() - self._taken < max(PERIOD, SHARE * self._seconds)
            if self.pending and not last:
                return
            self.pending = False
            if _marker(connection) != before:
                self.take(connection)
        except (duckdb.Error, ImgurerError) as error:
            # Closing the catalog must not fail for this: the caller's transactions are committed.
            _log.warning("no snapshot of the catalog could be taken: %s", error)

    def take(self, connection: Connection) -> None:
        """Take a snapshot, within a transaction or without; keep the last `KEPT`.

        Raises
        ------
        StorageFull, StorageDenied
            If it cannot be written.
        """
        started = time.monotonic()
        moment = datetime.now(UTC)
        scratch = self._folder / f"new-{uuid.uuid4().hex}"
        with mapped_os_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                scratch.mkdir(mode=0o700)
                marker = _write(connection, scratch, moment)
                scratch.rename(self._folder / moment.strftime("%Y%m%dT%H%M%S.%f"))
                sync_folder(self._folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        self._marker, self._taken, self.pending = marker, moment.timestamp(), False
        self._seconds = time.monotonic() - started
        for path in [*_folders(self._folder)[KEPT:], *self._abandoned()]:
            shutil.rmtree(path, ignore_errors=True)

    def _abandoned(self) -> list[Path]:
        """List partial snapshots of killed processes: only one process at a time writes them."""
        return list(self._folder.glob("new-*"))

    def _newest_marker(self) -> str:
        newest = next(iter(_folders(self._folder)), None)
        if newest is None:
            self._marker, self._taken = "", 0.0
        elif _moment(newest) != self._taken:
            manifest = _manifest(newest) or {}
            self._marker, self._taken = str(manifest.get("marker", "")), _moment(newest)
            self._seconds = float(manifest.get("seconds", 0.0))
        return self._marker


def newest(root: Path) -> list[CatalogSnapshot]:
    """List the complete snapshots of a store, the newest first; each file is read and checked."""
    return whole_in(root / place.SNAPSHOTS)


def read(folder: Path) -> CatalogSnapshot | None:
    """Read one snapshot; None if it is incomplete by the digests of its files."""
    manifest = _manifest(folder)
    if manifest is None:
        return None
    try:
        for name, digest in manifest["digests"].items():
            if sha256((folder / name).read_bytes()).hexdigest() != digest:
                return None
        return CatalogSnapshot(
            folder,
            int(manifest["version"]),
            datetime.fromisoformat(manifest["taken_at"]),
            {str(name): int(number) for name, number in manifest["rows"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(connection: Connection, folder: Path) -> None:
    """Write tables and manifest into an existing folder, within a transaction.

    Raises
    ------
    StorageFull, StorageDenied
        If it cannot be written.
    """
    with mapped_os_errors(folder):
        _write(connection, folder, datetime.now(UTC))


def whole_in(folder: Path) -> list[CatalogSnapshot]:
    """List the complete snapshots below a folder, the newest first; each file is read."""
    found = (read(each) for each in _folders(folder))
    return [each for each in found if each is not None]


def quoted(path: Path) -> str:
    """Quote a path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def _write(connection: Connection, folder: Path, moment: datetime) -> str:
    started = time.monotonic()
    digests, rows = {}, {}
    marker = _marker(connection)
    for table, columns in TABLES.items():
        path = folder / f"{table}.parquet"
        # Ordered, so that the same tables give the same bytes.
        answer = connection.execute(
            f"COPY (SELECT {columns} FROM {table} ORDER BY ALL) TO {quoted(path)} "  # noqa: S608
            "(FORMAT parquet, COMPRESSION zstd)"
        ).fetchall()
        rows[table] = int(answer[0][0])
        path.chmod(0o600)
        with path.open("rb") as file:
            os.fsync(file.fileno())
            digests[path.name] = sha256(file.read()).hexdigest()
    content = {
        "version": version_of(connection),
        "taken_at": moment.isoformat(),
        "marker": marker,
        "seconds": round(time.monotonic() - started, 3),
        "rows": rows,
        "digests": digests,
    }
    with (folder / _MANIFEST).open("x", encoding="utf-8") as manifest:
        json.dump(content, manifest, indent=1)
        manifest.flush()
        os.fsync(manifest.fileno())
    sync_folder(folder)
    return marker


def _marker(connection: Connection) -> str:
    """Return a text that changes with the content of a snapshot."""
    row = first_row(
        connection,
        """
        SELECT (SELECT max(generation) || '.' || max(next_image_id) || '.' || max(next_file_id)
                FROM generation),
            (SELECT bit_xor(hash(name, role, password_hash, enabled)) FROM users),
            (SELECT count(*) || '.' || coalesce(max(decision_id), 0) FROM decisions),
            (SELECT bit_xor(hash(entry_id, state)) FROM journal),
            (SELECT count(*) FROM trash), (SELECT count(*) FROM roots),
            (SELECT bit_xor(hash(user_name, bytes)) FROM quotas)
        """,
    )
    return " ".join(map(str, row or ()))


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((folder / _MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _folders(folder: Path) -> list[Path]:
    """List the folders of snapshots, the newest first."""
    try:
        names = [path for path in folder.iterdir() if path.name[:1].isdigit()]
    except OSError:
        return []
    return sorted(names, reverse=True)


def _moment(folder: Path) -> float:
    try:
        return datetime.strptime(folder.name, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
