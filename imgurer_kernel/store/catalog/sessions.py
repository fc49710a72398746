"""Login sessions as rows: one for each login that has not ended.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
`imgurer_kernel.store.sessions` reads cookies and finds their rows.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of, now


def add_session(
    connection: Connection,
    session_id: str,
    user: str,
    *,
    ends_at: datetime,
    browser: str,
    address: str,
) -> None:
    """Add a session that begins now; `ends_at` is in UTC, without a zone."""
    connection.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)",
        [session_id, user, now(), now(), ends_at, browser, address],
    )


def holders(
    connection: Connection, session_ids: Sequence[str]
) -> dict[str, tuple[str, str | None]]:
    """Return the users of sessions that have not ended, of enabled users only.

    Returns
    -------
    dict
        The user's name and present password hash, by session_id.
    """
    rows = connection.execute(
        """
        SELECT session_id, name, password_hash
        FROM sessions JOIN users ON name = user_name
        WHERE enabled AND ends_at > ? AND session_id IN (SELECT unnest(?::VARCHAR[]))
        """,
        [now(), list(session_ids)],
    ).fetchall()
    return {session_id: (name, password_hash) for session_id, name, password_hash in rows}


def touch_sessions(connection: Connection, session_ids: Sequence[str], before: datetime) -> None:
    """Set the time when sessions were last seen, if the stored one is before a time (UTC)."""
    due = "seen_at < ? AND session_id IN (SELECT unnest(?::VARCHAR[]))"
    values = [before, list(session_ids)]
    # Check first: a write costs a flush to the disk, and is seldom necessary.
    if first_row(connection, f"SELECT 1 FROM sessions WHERE {due}", values):  # noqa: S608
        connection.execute(f"UPDATE sessions SET seen_at = ? WHERE {due}", [now(), *values])  # noqa: S608


def sessions_of(connection: Connection, user: str) -> pd.DataFrame:
    """List a user's sessions that have not ended, the newest first.

    Returns
    -------
    DataFrame
        session_id, begun_at (UTC), seen_at (UTC), ends_at (UTC), browser, address.
    """
    answer = connection.execute(
        """
        SELECT session_id, begun_at, seen_at, ends_at, browser, address
        FROM sessions WHERE user_name = ? AND ends_at > ? ORDER BY begun_at DESC, session_id
        """,
        [user, now()],
    )
    return frame_of(answer, utc=["begun_at", "seen_at", "ends_at"])


def end_session(connection: Connection, user: str, session_id: str) -> int:
    """End one session of a user; return how many were ended, 0 or 1."""
    ended = connection.execute(
        "DELETE FROM sessions WHERE user_name = ? AND session_id = ?", [user, session_id]
    ).fetchone()
    return 0 if ended is None else int(ended[0])


def end_sessions(connection: Connection, user: str) -> int:
    """End all sessions of a user; return how many."""
    ended = connection.execute("DELETE FROM sessions WHERE user_name = ?", [user]).fetchone()
    return 0 if ended is None else int(ended[0])


def sweep_sessions(connection: Connection, user: str, *, most_of_user: int, most: int) -> None:
    """Delete ended sessions, and those beyond a number for the user and in all, oldest first."""
    connection.execute("DELETE FROM sessions WHERE ends_at <= ?", [now()])
    connection.execute(
        """
        DELETE FROM sessions WHERE session_id IN (
            SELECT session_id FROM sessions WHERE user_name = ?
            ORDER BY seen_at DESC, begun_at DESC, session_id OFFSET ?)
        """,
        [user, most_of_user],
    )
    connection.execute(
        """
        DELETE FROM sessions WHERE session_id IN (
            SELECT session_id FROM sessions
            ORDER BY seen_at DESC, begun_at DESC, session_id OFFSET ?)
        """,
        [most],
    )
