"""What was measured on originals, remembered as JSON under the name of how it was measured.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from collections.abc import Iterable, Mapping

from imgurer_kernel.store.catalog.connection import Connection


def recall(connection: Connection, version: str, digests: Iterable[str]) -> dict[str, str]:
    """What was remembered under this version, by digest."""
    rows = connection.execute(
        """
        SELECT digest, facts FROM original_facts
        WHERE version = ? AND digest IN (SELECT unnest(?::VARCHAR[]))
        """,
        [version, list(digests)],
    ).fetchall()
    return dict(rows)


def remember(connection: Connection, version: str, facts: Mapping[str, str]) -> None:
    """Remember facts by digest, in place of earlier ones."""
    for digest, each in facts.items():
        connection.execute(
            "INSERT OR REPLACE INTO original_facts VALUES (?, ?, ?)", [digest, version, each]
        )
