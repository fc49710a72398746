"""Numbered migrations: SQL files, each applied once in a transaction with its version."""

import re
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import duckdb

from imgurer_kernel.errors import CatalogTooNew
from imgurer_kernel.store.catalog.connection import Connection, first_row, now


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version of the schema to the next."""

    version: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """List all migrations of this version of the package, in order.

    Examples
    --------
    >>> [(step.version, step.name) for step in migrations()][0]
    (1, 'initial')
    """
    found = []
    for file in resources.files("imgurer_kernel.store.catalog").joinpath("migrations").iterdir():
        matched = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if matched:
            found.append(Migration(int(matched[1]), matched[2], file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def version_of(connection: Connection) -> int:
    """Read the schema version of an open catalog; 0 for a new file."""
    try:
        row = first_row(connection, "SELECT max(version) FROM schema_version")
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row and row[0] is not None else 0


def migrate(connection: Connection, steps: list[Migration], root: Path) -> None:
    """Migrate an open catalog to the latest version; each step is committed by itself.

    Parameters
    ----------
    root
        The store's folder: a step looks up there what early catalogs did not record.

    Raises
    ------
    CatalogTooNew
        If the catalog has a later version than this package.
    """
    current, latest = version_of(connection), steps[-1].version
    if current > latest:
        message = (
            f"the catalog has schema version {current}, and this version of imgurer knows "
            f"versions up to {latest}; update imgurer"
        )
        raise CatalogTooNew(message)
    for step in steps:
        if step.version > current:
            _apply(connection, step, root)


def _apply(connection: Connection, step: Migration, root: Path) -> None:
    # A step and its version row in one transaction: after a kill both are there, or neither.
    connection.begin()
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version "
            "(version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        connection.execute(step.sql)
        if step.version == _FILES:
            _note_references(connection, root)
        connection.execute(
            "INSERT INTO schema_version VALUES (?, ?, ?)", [step.version, step.name, now()]
        )
        connection.commit()
    except BaseException:
        with suppress(duckdb.TransactionException):  # a commit that failed has ended it
            connection.rollback()
        raise


def _note_references(connection: Connection, root: Path) -> None:
    """Mark files that are kept in place, which early versions of the catalog did not record.

    The store has a note for each of their digests (`imgurer_kernel.store.blobs.store`).
    """
    digests = [path.name for path in root.joinpath("references").glob("??/??/*")]
    connection.execute(
        """
        UPDATE files SET kept = 'reference' WHERE kept = 'copy' AND image_id IN (
            SELECT image_id FROM images WHERE digest IN (SELECT unnest(?::VARCHAR[])))
        """,
        [digests],
    )


_FILES = 3
