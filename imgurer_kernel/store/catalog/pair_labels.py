"""Labels of pairs of pictures, by the version of the comparison.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from collections.abc import Iterable, Mapping

from imgurer_kernel.store.catalog.connection import Connection

DigestPair = tuple[str, str]
"""Two digests, the smaller one first."""


def recall(
    connection: Connection, version: str, pairs: Iterable[DigestPair]
) -> dict[DigestPair, str]:
    """Read the labels of this version, by pair."""
    pairs = list(pairs)
    rows = connection.execute(
        """
        SELECT first, second, label FROM pair_labels JOIN (
            SELECT unnest(?::VARCHAR[]) AS first, unnest(?::VARCHAR[]) AS second
        ) USING (first, second)
        WHERE version = ?
        """,
        [[first for first, _ in pairs], [second for _, second in pairs], version],
    ).fetchall()
    return {(first, second): label for first, second, label in rows}


def remember(connection: Connection, version: str, labels: Mapping[DigestPair, str]) -> None:
    """Store labels by pair, replacing earlier ones."""
    for (first, second), label in labels.items():
        connection.execute(
            "INSERT OR REPLACE INTO pair_labels VALUES (?, ?, ?, ?)",
            [first, second, version, label],
        )
