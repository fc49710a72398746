"""Measurements of originals as JSON, by the version of the method.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from collections.abc import Iterable, Mapping

from imgurer_kernel.store.catalog.connection import Connection


def recall(connection: Connection, version: str, digests: Iterable[str]) -> dict[str, str]:
    """Read the measurements of this version, by digest."""
    # Passing a hundred thousand digests takes longer than all else; usually few were measured.
    known = {
        digest
        for (digest,) in connection.execute(
            "SELECT digest FROM original_facts WHERE version = ?", [version]
        ).fetchall()
    }
    wanted = [digest for digest in digests if digest in known]
    if not wanted:
        return {}
    rows = connection.execute(
        """
        SELECT digest, facts FROM original_facts
        WHERE version = ? AND digest IN (SELECT unnest(?::VARCHAR[]))
        """,
        [version, wanted],
    ).fetchall()
    return dict(rows)


def remember(connection: Connection, version: str, facts: Mapping[str, str]) -> None:
    """Store measurements by digest, replacing earlier ones."""
    for digest, each in facts.items():
        connection.execute(
            "INSERT OR REPLACE INTO original_facts VALUES (?, ?, ?)", [digest, version, each]
        )
