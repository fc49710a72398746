"""Quotas as rows: how many bytes of pictures users may have, each and together.

Each function takes the connection of a transaction (`imgurer_kernel.store.catalog.Catalog`). The
empty text, which is not a user name, stands for all users together.
"""

import pandas as pd

from imgurer_kernel.store.catalog.connection import Connection, first_row, frame_of


def set_quota(connection: Connection, user: str, quota: int | None) -> None:
    """Set the quota of a user, or of all together, in bytes; None removes it."""
    connection.execute("DELETE FROM quotas WHERE user_name = ?", [user])
    if quota is not None:
        connection.execute("INSERT INTO quotas VALUES (?, ?)", [user, quota])


def quota_of(connection: Connection, user: str) -> int | None:
    """Read the quota of a user, or of all together, in bytes; None for none."""
    row = first_row(connection, "SELECT bytes FROM quotas WHERE user_name = ?", [user])
    return None if row is None else int(row[0])


def used_by(connection: Connection, user: str) -> int:
    """Sum up the bytes of images that a user, or any user, has files of; each counts once."""
    row = first_row(
        connection,
        """
        SELECT coalesce(sum(bytes), 0)::BIGINT FROM images WHERE image_id IN (
            SELECT image_id FROM files WHERE ? IN ('', user_name))
        """,
        [user],
    )
    return 0 if row is None else int(row[0])


def all_quotas(connection: Connection) -> pd.DataFrame:
    """List all quotas, that of all users together first: name, bytes."""
    answer = connection.execute("SELECT user_name AS name, bytes FROM quotas ORDER BY user_name")
    return frame_of(answer)
