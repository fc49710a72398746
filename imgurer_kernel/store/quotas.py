"""Quotas of uploads: for each user, and for all together.

Quotas are checked for uploads only: users who ingest local folders have access to the disk anyway.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import pandas as pd

from imgurer_kernel.common.event_log import note
from imgurer_kernel.common.text import human_bytes
from imgurer_kernel.errors import StorageFull
from imgurer_kernel.store.users import enabled_name, user_name

# Imported inside functions; `imgurer_kernel.store.users` gives the reason.
if TYPE_CHECKING:
    from imgurer_kernel.store.catalog import Catalog, Connection

EVERYBODY = ""
"""The name under which the quota of all users together is kept."""


class Quotas:
    """The quotas of one store, on top of its catalog.

    Parameters
    ----------
    catalog
        Stores them.
    """

    def __init__(self, catalog: "Catalog") -> None:
        self.catalog = catalog

    def set(self, user: str, quota: int | None) -> None:
        """Set the quota of a user, or of `EVERYBODY` together, in bytes; None removes it.

        Raises
        ------
        InvalidUserName, UnknownUser
            If there is no such account.
        """
        from imgurer_kernel.store.catalog import quotas as rows
        from imgurer_kernel.store.catalog import users

        name = user if user == EVERYBODY else user_name(user)
        with self.catalog.transaction() as connection:
            if name != EVERYBODY:
                users.require_users(connection, [name])
            rows.set_quota(connection, name, quota)
        note("quota-set", user=name or "everybody", bytes=quota)

    def list(self) -> pd.DataFrame:
        """List all quotas with their use: name (empty for everybody), bytes, used."""
        from imgurer_kernel.store.catalog import quotas as rows

        with self.catalog.transaction() as connection:
            frame = rows.all_quotas(connection)
            frame["used"] = [rows.used_by(connection, name) for name in frame["name"]]
        return frame.astype({"used": "int64"})

    def admit(self, uploads: Sequence[tuple[str | None, int]]) -> Sequence[str]:
        """Check that uploads are within the quotas; return the account name for each.

        Parameters
        ----------
        uploads
            User, None for the local one, and bytes of each; those of one user count together.
            Admitted uploads that are not stored yet are not counted: a quota may be exceeded by
            these.

        Raises
        ------
        StorageFull
            If one of them would exceed its user's quota, or that of all.
        InvalidUserName, UnknownUser, NotAllowed
            If one is not a user, or is disabled.
        """
        more: dict[str, int] = {}
        with self.catalog.transaction() as connection:
            names = {
                user: enabled_name(connection, user)
                for user in dict.fromkeys(user for user, _ in uploads)
            }
            for user, size in uploads:
                for name in (names[user], EVERYBODY):
                    more[name] = more.get(name, 0) + size
            for name, size in more.items():
                _require_room(connection, name, size)
        return [names[user] for user, _ in uploads]


def _require_room(connection: "Connection", name: str, more: int) -> None:
    from imgurer_kernel.store.catalog import quotas as rows

    quota = rows.quota_of(connection, name)
    if quota is None:
        return
    used = rows.used_by(connection, name)
    if used + more > quota:
        whose = "All together may" if name == EVERYBODY else "You may"
        message = (
            f"{whose} have {human_bytes(quota)} of pictures here; {human_bytes(used)} "
            f"are used, and this file has {human_bytes(more)}. Forget some, or ask an "
            "administrator for more"
        )
        raise StorageFull(message)


def size_of(data: bytes | bytearray | memoryview | BinaryIO) -> int:
    """Return the number of bytes of data or of an open file; 0 if it is not known.

    >>> size_of(b"abc")
    3
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return memoryview(data).nbytes
    try:
        position = data.tell()
        end = data.seek(0, os.SEEK_END)
        data.seek(position)
    except OSError:  # a pipe
        return 0
    return end - position
