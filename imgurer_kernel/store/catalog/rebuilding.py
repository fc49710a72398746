"""Rebuild a damaged or lost catalog: from its own tables, or from its newest snapshot.

The damaged file and its log are moved to ``damaged``, never deleted. The file's own tables are
preferred to any snapshot, as far as they can be read; its log, which has the last changes, is left
out only if DuckDB cannot replay it.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb

from imgurer_kernel.common.atomic_files import mapped_os_errors, publish
from imgurer_kernel.errors import CatalogBusy, CatalogTooNew, StorageError
from imgurer_kernel.store.catalog import schema, snapshots
from imgurer_kernel.store.catalog.catalog import Catalog
from imgurer_kernel.store.catalog.connection import Connection, connect, translate, translated
from imgurer_kernel.store.catalog.integrity import LOST, read_through, repair, table_names
from imgurer_kernel.store.catalog.snapshots import quoted

DAMAGED = "damaged"
# Added to the generation, so that no process takes its index of the earlier catalog for current.
_GENERATION_STEP = 1 << 20
_DERIVED = (
    *("verification", "pixels", "removals", "original_facts", "pair_labels", "sessions"),
    "password_tries",
)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The sources of a rebuilt catalog.

    Attributes
    ----------
    source
        ``catalog``, ``catalog without its log``, ``snapshot`` or ``nothing``.
    taken_at
        The time of the snapshot, in UTC; None without one.
    lost
        Tables that could not be read, and are computed again.
    kept
        The folder of the damaged files; None if there were none.
    """

    source: str
    taken_at: datetime | None
    lost: tuple[str, ...]
    kept: Path | None

    @property
    def words(self) -> str:
        """A sentence about it."""
        origin = {
            "catalog": "it was rebuilt from its own tables",
            "catalog without its log": "its log of the last changes cannot be read, and it was "
            "rebuilt from the file itself",
            "snapshot": f"it was rebuilt from the snapshot of {self.taken_at:%Y-%m-%d %H:%M:%S} UTC"
            if self.taken_at
            else "",
            "nothing": "there is no snapshot, and it is empty now",
        }[self.source]
        if self.lost:
            origin += f"; computed again: {', '.join(self.lost)}"
        return origin + (f"; the damaged one is kept in {self.kept}" if self.kept else "")


def rebuild(catalog: Catalog) -> Rebuilt:
    """Rebuild the catalog of a store, while no other process has it open.

    Raises
    ------
    CatalogBusy
        If another process held it for too long.
    StorageFull, StorageDenied, CatalogError
        If the new one cannot be written; the damaged one stays where it is.
    """
    with catalog.closed_file() as path, translated(path):
        fresh = path.with_name(f"{path.name}.new")
        with mapped_os_errors(path):
            found = _build(path, fresh)
            kept = _keep(path)
        with mapped_os_errors(fresh), fresh.open("rb+") as file:
            # The new file first: a crash before the old log is deleted leaves a log that DuckDB
            # refuses, as it belongs to another file, and the next call leaves it out.
            publish(file, fresh, path)
            _log_of(path).unlink(missing_ok=True)
    return Rebuilt(found.source, found.taken_at, found.lost, kept)


def restore(
    connection: Connection, snapshot: snapshots.CatalogSnapshot, digests: Collection[str]
) -> None:
    """Fill a catalog without images from a snapshot, within a transaction.

    Parameters
    ----------
    digests
        Digests of the existing originals; other images are left out, with their files.

    Raises
    ------
    CatalogTooNew
        If the snapshot is of a later version of the schema.
    """
    if snapshot.version > schema.version_of(connection):
        message = f"the backup has schema version {snapshot.version}; update imgurer"
        raise CatalogTooNew(message)
    _fill(connection, snapshot.relation, snapshot.rows)
    for table in ("files", "images"):
        connection.execute(
            f"""
            DELETE FROM {table} WHERE image_id IN (
                SELECT image_id FROM images WHERE digest NOT IN (SELECT unnest(?::VARCHAR[])))
            """,  # noqa: S608
            [list(digests)],
        )
    _invalidate(connection)


def digests_in(
    connection: Connection, snapshot: snapshots.CatalogSnapshot
) -> tuple[set[str], set[str]]:
    """Read the digests of the images of a snapshot, and of its trash."""
    images, trashed = (
        {
            str(digest)
            for (digest,) in connection.execute(
                f"SELECT DISTINCT digest FROM {snapshot.relation(table)}"  # noqa: S608
            ).fetchall()
        }
        for table in ("images", "trash")
    )
    return images, trashed


def keep_copies(connection: Connection, file_ids: Collection[int]) -> None:
    """Mark files as copies in the store, for files that are not at their paths."""
    connection.execute(
        "UPDATE files SET kept = 'copy' WHERE file_id IN (SELECT unnest(?::BIGINT[]))",
        [list(file_ids)],
    )


def add_people(connection: Connection, snapshot: snapshots.CatalogSnapshot) -> None:
    """Add missing accounts and decisions from a snapshot, within a transaction."""
    connection.execute(
        f"""
        INSERT INTO users BY NAME SELECT * FROM {snapshot.relation("users")}
        WHERE name NOT IN (SELECT name FROM users)
        """  # noqa: S608
    )
    connection.execute(
        f"""
        INSERT INTO decisions BY NAME
        SELECT * REPLACE (decision_id + (SELECT coalesce(max(decision_id), 0) FROM decisions)
            AS decision_id)
        FROM {snapshot.relation("decisions")} AS other
        WHERE NOT EXISTS (FROM decisions AS mine
            WHERE mine.user_name = other.user_name AND mine.is_cluster = other.is_cluster
                AND list_sort(mine.digests) = list_sort(other.digests))
        """  # noqa: S608
    )


def _build(path: Path, fresh: Path) -> Rebuilt:
    """Write the new catalog from the best readable source."""
    attempts: list[tuple[str, Callable[[], tuple[str, ...]], datetime | None]] = []
    if path.exists():
        attempts.append(("catalog", partial(_from_file, path, fresh, with_log=True), None))
        attempts.append(
            ("catalog without its log", partial(_from_file, path, fresh, with_log=False), None)
        )
    attempts += (
        ("snapshot", partial(_from_snapshot, each, fresh), each.taken_at)
        for each in snapshots.newest(path.parent)
    )
    for source, work, moment in attempts:
        try:
            return Rebuilt(source, moment, work(), None)
        except duckdb.Error as error:
            reason = translate(error, path)
            # Only damage justifies an older source; other errors are raised.
            if isinstance(reason, StorageError | CatalogBusy | CatalogTooNew):
                raise reason from error
    _new(fresh, schema.migrations()[-1].version).close()
    return Rebuilt("nothing", None, (), None)


def _from_file(path: Path, fresh: Path, *, with_log: bool) -> tuple[str, ...]:
    """Copy all tables of a catalog; derived ones may be unreadable."""
    # A copy is opened, since DuckDB writes to the file when it replays the log.
    copied = path.with_name(f"{path.name}.copy")
    try:
        _remove(copied)
        shutil.copyfile(path, copied)
        if with_log and _log_of(path).exists():
            shutil.copyfile(_log_of(path), _log_of(copied))
        return _from_copy(copied, fresh)
    finally:
        _remove(copied)


def _from_copy(copied: Path, fresh: Path) -> tuple[str, ...]:
    readable, lost = [], []
    source = connect(copied, 0.0)
    try:
        version = schema.version_of(source)
        names = table_names(source)
        for table in (name for name in names if name != "schema_version"):
            try:
                read_through(source, [table])
                readable.append(table)
            except duckdb.Error:
                if table not in _DERIVED:
                    raise
                lost.append(table)
                source.close()  # after damage a connection fails on every statement
                source = connect(copied, 0.0)
    finally:
        source.close()
    if not {"images", "users"} <= set(names):
        message = f"Corrupt: {copied} has no tables of a catalog"
        raise duckdb.IOException(message)
    if version > schema.migrations()[-1].version:
        message = f"the catalog has schema version {version}, which is a later one; update imgurer"
        raise CatalogTooNew(message)
    connection = _new(fresh, version)
    try:
        connection.execute(f"ATTACH {quoted(copied)} AS damaged (READ_ONLY)")
        _fill(connection, lambda table: f"damaged.{table}", readable)
        connection.execute("DETACH damaged")
        _finish(connection, copied.parent)
    finally:
        connection.close()
    return tuple(lost)


def _from_snapshot(snapshot: snapshots.CatalogSnapshot, fresh: Path) -> tuple[str, ...]:
    connection = _new(fresh, snapshot.version)
    try:
        _fill(connection, snapshot.relation, snapshot.rows)
        _finish(connection, fresh.parent)
    finally:
        connection.close()
    return ()


def _fill(connection: Connection, relation: Callable[[str], str], tables: Iterable[str]) -> None:
    for table in tables:
        if table == "generation":  # the one row of a new catalog
            connection.execute("DELETE FROM generation")
        # A new store may have the local user already.
        verb = "INSERT OR REPLACE" if table in {"users", "quotas"} else "INSERT"
        connection.execute(f"{verb} INTO {table} BY NAME SELECT * FROM {relation(table)}")  # noqa: S608


def _finish(connection: Connection, root: Path) -> None:
    schema.migrate(connection, schema.migrations(), root)
    connection.begin()
    _invalidate(connection)
    connection.commit()


def _invalidate(connection: Connection) -> None:
    """Invalidate indexes in memory, and fingerprints that have lost a table."""
    connection.execute(
        f"""
        UPDATE trash_images SET algorithm = '{LOST}', verification_grays = ?
        WHERE verification_grays IS NULL
        """,  # noqa: S608
        [bytes(4096)],
    )
    repair(connection)
    connection.execute("UPDATE generation SET generation = generation + ?", [_GENERATION_STEP])
    connection.execute("UPDATE images SET generation = (SELECT max(generation) FROM generation)")


def _new(fresh: Path, version: int) -> Connection:
    """Create a catalog of an earlier schema version, to be filled and then migrated."""
    _remove(fresh)
    connection = connect(fresh, 0.0)
    steps = [step for step in schema.migrations() if step.version <= version]
    schema.migrate(connection, steps, fresh.parent)
    return connection


def _keep(path: Path) -> Path | None:
    """Keep the damaged files in a folder, and return it; None if there are none."""
    if not path.exists():
        return None
    folder = path.parent / DAMAGED / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    folder.mkdir(mode=0o700, parents=True)
    for each in (path, _log_of(path)):
        if each.exists():
            try:
                os.link(each, folder / each.name)
            except OSError:  # no hard links on this disk
                shutil.copy2(each, folder / each.name)
    return folder


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _remove(path: Path) -> None:
    for each in (path, _log_of(path)):
        each.unlink(missing_ok=True)
