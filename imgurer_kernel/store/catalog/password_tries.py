"""How often somebody who is logged in has lately got the present password wrong.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`).
"""

from datetime import datetime, timedelta

from imgurer_kernel.store.catalog.connection import Connection, first_row, now


def failures(connection: Connection, user: str, forget: timedelta) -> tuple[int, datetime]:
    """Count wrong passwords, and return when the last was (UTC); none after a time without one."""
    query = "SELECT failures, failed_at FROM password_tries WHERE user_name = ?"
    row = first_row(connection, query, [user])
    if row is None or row[1] < now() - forget:
        return 0, now()
    return int(row[0]), row[1]


def set_failures(connection: Connection, user: str, count: int) -> None:
    """Note how many there are now; none forgets the user."""
    connection.execute("DELETE FROM password_tries WHERE user_name = ?", [user])
    if count:
        connection.execute("INSERT INTO password_tries VALUES (?, ?, ?)", [user, count, now()])
