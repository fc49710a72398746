"""What people decided about pictures, as rows: by digest, so that no forgetting loses it.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from imgurer_kernel.store.catalog.connection import Connection, first_row, now

Verdict = Literal["same", "different", "later"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one user said last of one pair or cluster.

    Attributes
    ----------
    digests
        Of a pair in ascending order; of a cluster its medoid, then the others ascending.
    decided_at
        In UTC, without a zone.
    """

    decision_id: int
    verdict: Verdict
    is_cluster: bool
    digests: tuple[str, ...]
    user: str
    decided_at: datetime
    reason: str


def add(
    connection: Connection,
    verdict: Verdict,
    groups: Sequence[Sequence[str]],
    *,
    is_cluster: bool,
    user: str,
    reason: str,
) -> list[int]:
    """Note what a user says; what the same user said of the same before makes place for it.

    Returns
    -------
    list of int
        The ids of the decisions, in the order of the groups.
    """
    row = first_row(connection, "SELECT coalesce(max(decision_id), 0) + 1 FROM decisions")
    assert row is not None  # noqa: S101 (an aggregate has one row)
    first, moment = int(row[0]), now()
    for number, digests in enumerate(groups):
        connection.execute(
            """
            DELETE FROM decisions WHERE user_name = ? AND is_cluster = ?
                AND list_sort(digests) = list_sort(?::VARCHAR[])
            """,
            [user, is_cluster, list(digests)],
        )
        connection.execute(
            "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, '', 0)",
            [first + number, verdict, is_cluster, list(digests), user, moment, reason],
        )
    return list(range(first, first + len(groups)))


def remove(connection: Connection, decision_ids: Iterable[int]) -> None:
    """Take decisions back."""
    connection.execute(
        "DELETE FROM decisions WHERE decision_id IN (SELECT unnest(?::BIGINT[]))",
        [list(decision_ids)],
    )


def all_decisions(connection: Connection) -> list[Decision]:
    """All that was decided, oldest first."""
    rows = connection.execute(
        """
        SELECT decision_id, verdict, is_cluster, digests, user_name, decided_at, reason
        FROM decisions ORDER BY decision_id
        """
    ).fetchall()
    return [
        Decision(key, verdict, is_cluster, tuple(digests), user, at, reason)
        for key, verdict, is_cluster, digests, user, at, reason in rows
    ]
