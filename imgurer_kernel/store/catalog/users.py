"""Accounts as rows: names, roles, password hashes, and totals of each user's images.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`). Names
are used as given; `imgurer_kernel.store.users` normalizes them, and checks passwords.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import pandas as pd

from imgurer_kernel.common.records import Account, Role
from imgurer_kernel.errors import UnknownUser, UserExists
from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of, now


def add_user(connection: Connection, name: str, role: Role, password_hash: str | None) -> None:
    """Add an enabled user.

    Raises
    ------
    UserExists
        If the name is taken.
    """
    if first_row(connection, "SELECT 1 FROM users WHERE name = ?", [name]):
        message = f"there is a user {name!r} already; choose another name"
        raise UserExists(message)
    connection.execute(
        "INSERT INTO users VALUES (?, ?, ?, true, ?, NULL)", [name, role, password_hash, now()]
    )


def account(connection: Connection, name: str) -> Account:
    """Read one user's account; raises `UnknownUser`."""
    row = first_row(
        connection, "SELECT role, enabled, created_at, last_seen FROM users WHERE name = ?", [name]
    )
    if row is None:
        raise _unknown(name)
    role, enabled, created_at, last_seen = row
    return Account(
        name=name,
        role=role,
        enabled=enabled,
        created_at=created_at.replace(tzinfo=UTC),
        last_seen=last_seen and last_seen.replace(tzinfo=UTC),
    )


def accounts(connection: Connection) -> pd.DataFrame:
    """List all users by name, with the number and bytes of the images that they have files of.

    Returns
    -------
    DataFrame
        name, role, enabled, created_at (UTC), last_seen (UTC), pictures, bytes.
    """
    answer = connection.execute(
        """
        SELECT name, role, enabled, created_at, last_seen,
            count(image_id) AS pictures, coalesce(sum(bytes), 0)::BIGINT AS bytes
        FROM users
        LEFT JOIN ( -- an image that one user has in several files counts once
            SELECT DISTINCT user_name, image_id, images.bytes
            FROM files JOIN images USING (image_id)
        ) ON user_name = name
        GROUP BY ALL ORDER BY name
        """
    )
    return frame_of(answer, utc=["created_at", "last_seen"])


def enabled_names(connection: Connection, role: Role | None = None) -> set[str]:
    """List the names of enabled users, of one role where given."""
    rows = connection.execute(
        "SELECT name FROM users WHERE enabled AND role = coalesce(?, role)", [role]
    ).fetchall()
    return {name for (name,) in rows}


def password_hash(connection: Connection, name: str) -> str | None:
    """Read a user's password hash, None for a user without a password; raises `UnknownUser`."""
    row = first_row(connection, "SELECT password_hash FROM users WHERE name = ?", [name])
    if row is None:
        raise _unknown(name)
    return None if row[0] is None else str(row[0])


def set_password_hash(connection: Connection, name: str, password_hash: str | None) -> None:
    """Set a user's password hash; raises `UnknownUser`."""
    _update(connection, name, "password_hash", password_hash)


def set_role(connection: Connection, name: str, role: Role) -> None:
    """Set a user's role; raises `UnknownUser`."""
    _update(connection, name, "role", role)


def set_enabled(connection: Connection, name: str, enabled: bool) -> None:
    """Enable or disable a user; raises `UnknownUser`."""
    _update(connection, name, "enabled", enabled)


def touch_user(connection: Connection, name: str) -> None:
    """Set the time when a user was last seen to now; raises `UnknownUser`."""
    _update(connection, name, "last_seen", now())


def account_or_new(connection: Connection, name: str, role: Role) -> Account:
    """Read an account; create one without a password if there is none."""
    try:
        return account(connection, name)
    except UnknownUser:
        add_user(connection, name, role, None)
        return account(connection, name)


def require_users(connection: Connection, names: Iterable[str]) -> None:
    """Raise `UnknownUser` for the first name, in alphabetical order, without an account."""
    present = {name for (name,) in connection.execute("SELECT name FROM users").fetchall()}
    for name in sorted(names):
        if name not in present:
            raise _unknown(name)


def _update(
    connection: Connection, name: str, column: str, value: str | bool | datetime | None
) -> None:
    """Set a column of a user; `column` is a constant of this module, never input."""
    require_users(connection, [name])
    connection.execute(
        f"UPDATE users SET {column} = ? WHERE name = ?",  # noqa: S608
        [value, name],
    )


def _unknown(name: str) -> UnknownUser:
    return UnknownUser(f"there is no user {name!r}; create it first")


def hand_over(connection: Connection, giver: str, taker: str) -> int:
    """Give all files of one user to another; return how many.

    The files in the trash, and those that acts have moved to trash folders, go with them. If both
    have ingested one file on disk, one row of it is left.
    """
    connection.execute(
        """
        DELETE FROM files AS own
        WHERE user_name = $giver AND EXISTS (
            FROM files AS other
            WHERE other.user_name = $taker AND other.image_id = own.image_id
                AND other.state = own.state AND other.path IS NOT DISTINCT FROM own.path
                AND other.filename = own.filename
        )
        """,
        {"giver": giver, "taker": taker},
    )
    moved = connection.execute(
        "UPDATE files SET user_name = ? WHERE user_name = ?", [taker, giver]
    ).fetchone()
    connection.execute("UPDATE trash SET user_name = ? WHERE user_name = ?", [taker, giver])
    connection.execute("UPDATE journal SET owner = ? WHERE owner = ?", [taker, giver])
    connection.execute("UPDATE generation SET generation = generation + 1")
    return 0 if moved is None else int(moved[0])
