"""The order of acts and decisions as rows: which belong to one call, and which came last.

A sitting (batch) has the acts and decisions of one workbench, panel or command, and a step of it
those of one call. Each function takes the connection of a transaction
(`imgurer_kernel.store.catalog.Catalog`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imgurer_kernel.store.catalog import journal
from imgurer_kernel.store.catalog.connection import Connection, first_row
from imgurer_kernel.store.catalog.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class SittingStep:
    """The acts and decisions of one call: ids of journal entries and of decisions, ascending."""

    entry_ids: tuple[int, ...] = ()
    decision_ids: tuple[int, ...] = ()


def next_step(connection: Connection) -> int:
    """Return a number larger than those of all acts and decisions."""
    row = first_row(
        connection,
        """
        SELECT 1 + greatest((SELECT coalesce(max(step), 0) FROM journal),
            (SELECT coalesce(max(step), 0) FROM decisions))
        """,
    )
    assert row is not None  # noqa: S101 (aggregates have one row)
    return int(row[0])


def steps_of(connection: Connection, batch: str) -> int:
    """Count the calls of a sitting that have acted so far."""
    row = first_row(connection, "SELECT count(DISTINCT step) FROM journal WHERE batch = ?", [batch])
    assert row is not None  # noqa: S101 (an aggregate has one row)
    return int(row[0])


def last_step(connection: Connection, user: str) -> SittingStep:
    """Find the last undoable step of a user; an empty one if there is none.

    Acts of earlier versions have no step: their whole batch counts as one. Decisions of those
    versions have no order among the acts, and are not found.
    """
    act = first_row(
        connection,
        """
        SELECT step, batch FROM journal WHERE user_name = ? AND state = 'done'
        ORDER BY step DESC, entry_id DESC LIMIT 1
        """,
        [user],
    )
    row = first_row(
        connection, "SELECT coalesce(max(step), 0) FROM decisions WHERE user_name = ?", [user]
    )
    decided = 0 if row is None else int(row[0])
    if decided > (0 if act is None else int(act[0])):
        return SittingStep(
            decision_ids=_ids(connection, "decisions", "decision_id", "step = ?", [decided])
        )
    if act is None:
        return SittingStep()
    which = "step = ? AND batch = ? AND state IN ('done', 'emptied')"
    return SittingStep(entry_ids=_ids(connection, "journal", "entry_id", which, list(act)))


def whole(connection: Connection, batch: str) -> SittingStep | None:
    """Find everything undoable of a sitting; None if there is no such sitting."""
    if not any(
        _ids(connection, table, key, "batch = ?", [batch])
        for table, key in (("journal", "entry_id"), ("decisions", "decision_id"))
    ):
        return None
    which = "batch = ? AND state IN ('done', 'emptied')"
    return SittingStep(
        _ids(connection, "journal", "entry_id", which, [batch]),
        _ids(connection, "decisions", "decision_id", "batch = ?", [batch]),
    )


def removed_by(connection: Connection, file_ids: Iterable[int]) -> dict[int, str]:
    """Describe the sittings that removed files, and whether they were deleted, by file_id.

    Files that were restored, or never removed by an act, are left out.
    """
    rows = connection.execute(
        """
        SELECT went, batch, act <> 'move' AND state = 'emptied' FROM (
            SELECT unnest(list_prepend(file_id, other_ids)) AS went, batch, act, state, entry_id
            FROM journal
            WHERE state IN ('entered', 'done', 'emptied')
                AND act IN ('forget', 'trash', 'system-trash', 'move')
        ) WHERE went IN (SELECT unnest(?::BIGINT[])) ORDER BY entry_id
        """,
        [list(file_ids)],
    ).fetchall()
    deleted = ", and deleted when the trash was emptied"
    return {
        file_id: f"removed by sitting {batch}{deleted if is_deleted else ''}"
        for file_id, batch, is_deleted in rows
    }


def with_companions(connection: Connection, of_files: Sequence[JournalEntry]) -> list[JournalEntry]:
    """Add the entries of sidecars that were moved with their files; by id, each once.

    The entry of a sidecar that several files share has the others in its other_ids.
    """
    rows = connection.execute(
        """
        SELECT DISTINCT beside.entry_id FROM journal AS beside JOIN journal AS of_file
            USING (batch, step)
        WHERE beside.act = 'companion' AND beside.state = 'done'
            AND list_contains(list_prepend(beside.file_id, beside.other_ids), of_file.file_id)
            AND of_file.act <> 'companion' AND of_file.entry_id IN (SELECT unnest(?::BIGINT[]))
        """,
        [[entry.entry_id for entry in of_files]],
    ).fetchall()
    known = {entry.entry_id for entry in of_files}
    more = journal.entries(connection, entry_ids=[key for (key,) in rows if key not in known])
    return sorted([*of_files, *more], key=lambda entry: entry.entry_id)


def _ids(
    connection: Connection, table: str, key: str, which: str, values: list[object]
) -> tuple[int, ...]:
    rows = connection.execute(
        f"SELECT {key} FROM {table} WHERE {which} ORDER BY {key}",  # noqa: S608 (constants)
        values,
    ).fetchall()
    return tuple(each for (each,) in rows)
