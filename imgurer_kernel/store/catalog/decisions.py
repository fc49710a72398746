"""Decisions about pictures as rows, by digest so that they outlast forgotten images.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from imgurer_kernel.store.catalog.connection import Connection, first_row, now, write
from imgurer_kernel.store.catalog.sittings import next_step

DecisionVerdict = Literal["same", "different", "later"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of one user about one pair or cluster.

    Attributes
    ----------
    digests
        Of a pair in ascending order; of a cluster its medoid, then the others ascending.
    decided_at
        In UTC, without a zone.
    batch, step
        The sitting, and the number of the call in it.
    """

    decision_id: int
    verdict: DecisionVerdict
    is_cluster: bool
    digests: tuple[str, ...]
    user: str
    decided_at: datetime
    reason: str
    batch: str = ""
    step: int = 0


def add(
    connection: Connection,
    verdict: DecisionVerdict,
    groups: Sequence[Sequence[str]],
    *,
    is_cluster: bool,
    user: str,
    reason: str,
    batch: str,
) -> list[int]:
    """Add a decision for each group; it replaces an earlier one of the same user about the group.

    Returns
    -------
    list of int
        The ids of the decisions, in the order of the groups.
    """
    row = first_row(connection, "SELECT coalesce(max(decision_id), 0) + 1 FROM decisions")
    assert row is not None  # noqa: S101 (an aggregate has one row)
    first, moment, step = int(row[0]), now(), next_step(connection)
    rows = [
        (first + number, verdict, is_cluster, list(each), user, moment, reason, batch, step)
        for number, each in enumerate(groups)
    ]
    write(connection.appender("decisions"), rows)
    return list(range(first, first + len(groups)))


def remove(connection: Connection, decision_ids: Iterable[int]) -> None:
    """Remove decisions; earlier ones of the same user about the same pictures are valid again."""
    connection.execute(
        "DELETE FROM decisions WHERE decision_id IN (SELECT unnest(?::BIGINT[]))",
        [list(decision_ids)],
    )


def all_decisions(
    connection: Connection, decision_ids: Iterable[int] | None = None
) -> list[Decision]:
    """Read all valid decisions, oldest first: the last of each user about the same pictures.

    With `decision_ids`, read these decisions, valid or not.
    """
    query = """
        SELECT decision_id, verdict, is_cluster, digests, user_name, decided_at, reason, batch, step
        FROM decisions
        """
    if decision_ids is None:
        rows = connection.execute(f"{query} ORDER BY decision_id").fetchall()
    else:
        some = "WHERE decision_id IN (SELECT unnest(?::BIGINT[])) ORDER BY decision_id"
        rows = connection.execute(f"{query} {some}", [list(decision_ids)]).fetchall()
    found = [
        Decision(key, verdict, is_cluster, tuple(digests), user, at, reason, batch, step)
        for key, verdict, is_cluster, digests, user, at, reason, batch, step in rows
    ]
    if decision_ids is not None:
        return found
    # Here, not by a window in SQL: planning that takes three times as long as all else.
    valid = {(each.user, each.is_cluster, *sorted(each.digests)): each for each in found}
    return sorted(valid.values(), key=lambda each: each.decision_id)
