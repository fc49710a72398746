"""Wrong entries of the present password by users who are logged in and change it.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from datetime import datetime, timedelta

from imgurer_kernel.store.catalog.connection import Connection, first_row, now


def failures(connection: Connection, user: str, forget: timedelta) -> tuple[int, datetime]:
    """Return the number of wrong passwords and the time of the last (UTC); 0 after `forget`."""
    query = "SELECT failures, failed_at FROM password_tries WHERE user_name = ?"
    row = first_row(connection, query, [user])
    if row is None or row[1] < now() - forget:
        return 0, now()
    return int(row[0]), row[1]


def set_failures(connection: Connection, user: str, count: int) -> None:
    """Store the number of wrong passwords; 0 deletes the user's row."""
    connection.execute("DELETE FROM password_tries WHERE user_name = ?", [user])
    if count:
        connection.execute("INSERT INTO password_tries VALUES (?, ?, ?)", [user, count, now()])
