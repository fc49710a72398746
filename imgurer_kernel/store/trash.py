"""The trash of a store: list, restore and permanently delete forgotten files.

The rows determine the state and the bytes follow, so that a crash at any step neither loses a
picture nor restores one:

1. forget: one transaction moves the rows of the files, and of the image with its last file, into
   the tables of the trash; then a second one moves the bytes, unless the same bytes were ingested
   meanwhile. After a crash in between the bytes are not moved: `StoreCheck` finds the rows in the
   trash, and moves the bytes.
2. restore: within one transaction the bytes are moved back first. A crash before its end leaves
   the rows in the trash, as in 1.
3. empty: within one transaction the bytes are deleted first. A crash before its end leaves rows
   without bytes, which the next call deletes.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from imgurer_kernel.common.event_log import note
from imgurer_kernel.errors import BlobMissing, NotAllowed, QueryError, UnknownFile
from imgurer_kernel.store.catalog import Connection, commands, queries, trash
from imgurer_kernel.store.catalog.connection import now
from imgurer_kernel.store.store import Store
from imgurer_kernel.store.users import LOCAL

_BATCH = 200
"""Files in one transaction: other processes wait while they are moved or deleted."""
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


LEFT = ["entry_id", "file_id", "path", "why"]
"""Columns of files that were left in the trash: path or name, and the reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Emptied:
    """The result of emptying the trash.

    Attributes
    ----------
    deleted
        Number of files that were deleted permanently.
    left
        A row with `LEFT` for each act whose file stays in the trash, and can be restored.
    """

    deleted: int
    left: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LEFT))


def duration(text: str) -> timedelta:
    """Read a span of time: a whole number of days, hours, minutes or seconds.

    Raises
    ------
    QueryError
        If it is none.

    Examples
    --------
    >>> duration("30d"), duration("0s")
    (datetime.timedelta(days=30), datetime.timedelta(0))
    """
    found = re.fullmatch(r"([0-9]{1,6})([dhms])", text)
    if not found:
        message = f"{text!r} is not a span of time; write 30d, 12h, 90m or 0s"
        raise QueryError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Trash:
    """The trash of one store; as `Workbench.trash`.

    Parameters
    ----------
    store
        The store of the trash.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def forget(
        self, image_id: int | None, user: str | None = None, *, file_id: int | None = None
    ) -> bool:
        """Move files of a user into the trash; see `Workbench.forget`."""
        if (image_id is None) is (file_id is None):
            message = "give either an image_id or a file_id, and not both"
            raise QueryError(message)
        owner = self._store.users.require_enabled(user)
        run = self._store.catalog.run
        if image_id is not None:
            digest = run(commands.forget, image_id, owner)
        else:
            assert file_id is not None  # noqa: S101 (one of the two is given)
            digest = run(commands.forget_file, file_id, owner)
        if digest is None:
            return False
        # In a transaction of its own, during which the same bytes cannot be ingested again.
        self.finish(digest)
        note("forgotten", user=owner, image=image_id, file=file_id, digest=digest)
        return True

    def list(self, user: str | None = None) -> pd.DataFrame:
        """List files in the trash, the latest first, of one user where given.

        Returns
        -------
        DataFrame
            file_id, image_id, user, path (missing for an upload), filename, kept, bytes, taken_in
            (UTC), forgotten_at (UTC), digest.
        """
        return self._store.catalog.run(trash.listed, user)

    def restore(
        self, file_ids: int | Iterable[int] | None = None, user: str | None = None
    ) -> pd.DataFrame:
        """Restore files with their names, owners and paths; harmless if repeated.

        Parameters
        ----------
        file_ids
            As in `list`; by default all files of the user.
        user
            The user who restores, by default the local one; admins may restore any user's files.

        Returns
        -------
        DataFrame
            The files that this call restored, with their rows of `list`.

        Raises
        ------
        UnknownFile
            If one of them is not, and was not, in the trash; nothing is restored then.
        NotAllowed
            If one belongs to another user, and the acting user is not an admin.
        BlobMissing, BlobDamaged
            If the bytes of one are missing or changed; the files before it are restored.
        """
        name = self._store.users.require_enabled(user)
        listed = self.list()
        wanted = self._chosen(file_ids, listed, name)
        return self._restore_rows(listed[listed["file_id"].isin(wanted)], name)

    def _chosen(
        self, file_ids: int | Iterable[int] | None, listed: pd.DataFrame, user: str
    ) -> Sequence[int]:
        """Return the ids of files to restore; check that the user may restore them."""
        if file_ids is None:
            own: Sequence[int] = listed.loc[listed["user"] == user, "file_id"].tolist()
            return own
        given = [file_ids] if isinstance(file_ids, int | np.integer) else file_ids
        wanted = [int(each) for each in given]
        self._check(wanted, user)
        return wanted

    def _restore_rows(self, wanted: pd.DataFrame, user: str) -> pd.DataFrame:
        ids = wanted["file_id"].tolist()
        for start in range(0, len(ids), _BATCH):
            with self._store.catalog.transaction() as connection:
                self.bring_back(connection, ids[start : start + _BATCH])
        if ids:
            note("restored", user=user, files=len(ids), first=str(wanted["filename"].iloc[0]))
        return wanted.reset_index(drop=True)

    def empty(self, older_than: timedelta | str, user: str | None = None) -> Emptied:
        """Delete files permanently that were forgotten longer ago.

        Parameters
        ----------
        older_than
            A span such as ``"30d"``; ``"0s"`` for all.
        user
            The user who deletes, by default the local one.

        Raises
        ------
        NotAllowed
            If the user is not an admin.
        QueryError
            If it is not a span of time, or is negative.
        """
        erased = self._erase_all(self._span(older_than, user))
        return self._emptied(erased, pd.DataFrame(columns=LEFT), user)

    def _emptied(self, erased: int, left: pd.DataFrame, user: str | None) -> Emptied:
        note("trash-emptied", user=user or LOCAL, deleted=erased, left=len(left))
        return Emptied(erased, left)

    def _span(self, older_than: timedelta | str, user: str | None) -> timedelta:
        """Check that a span of time is valid and that the user may empty the trash."""
        span = duration(older_than) if isinstance(older_than, str) else older_than
        if not isinstance(span, timedelta) or span < timedelta(0):
            message = f"older_than is {older_than!r}; give a timedelta, or a text such as '30d'"
            raise QueryError(message)
        account = self._store.users.get(self._store.users.require_enabled(user))
        if account.role != "admin":
            message = f"only admins may empty the trash, and {account.name} is a {account.role}"
            raise NotAllowed(message)
        return span

    def _erase_all(self, span: timedelta, kept: Collection[int] = ()) -> int:
        """Delete files that were forgotten longer ago, except some; return how many."""
        before = now() - span
        erased = 0
        while batch := self._erase(before, kept):
            erased += batch
        self._erase_strays(span)
        return erased

    def finish(self, digest: str) -> bool:
        """Move the bytes of a forgotten image into the trash; return whether no row has them."""
        blobs = self._store.blobs
        return self._store.catalog.run(
            commands.if_unreferenced, digest, lambda: blobs.delete(digest)
        )

    def finish_all(self, digests: Sequence[str]) -> None:
        """Do the same as `finish` for several digests, in one transaction."""
        with self._store.catalog.transaction() as connection:
            in_catalog = queries.ids_by_digest(connection, digests)
            for digest in digests:
                if digest not in in_catalog:
                    self._store.blobs.delete(digest)

    def unfinished(self, before: datetime) -> Sequence[str]:
        """List digests that `finish` would move, of files forgotten before a time (UTC)."""
        in_trash = self._store.catalog.run(trash.digests, before)
        return [digest for digest in in_trash if self._store.blobs.holds(digest)]

    def bring_back(self, connection: Connection, file_ids: Iterable[int]) -> None:
        """Restore these files, within a transaction.

        Raises
        ------
        BlobMissing, BlobDamaged
            If the bytes of one are missing or changed.
        """
        found = trash.rows(connection, file_ids)
        for digest in sorted({row.digest for row in found}):
            self._restore_bytes(connection, digest)
        if found:
            trash.restore(connection, found)

    def _check(self, file_ids: Iterable[int], user: str) -> None:
        wanted = set(file_ids)
        with self._store.catalog.transaction() as connection:
            found = trash.rows(connection, wanted)
            unknown = wanted - {row.file_id for row in found}
            unknown -= trash.restored(connection, unknown)
        if unknown:
            message = (
                f"there is no file {min(unknown)} in the trash; it was deleted "
                "permanently, or never there; list() lists the trash"
            )
            raise UnknownFile(message)
        others = {row.user for row in found} - {user}
        if others and self._store.users.get(user).role != "admin":
            message = f"{user!r} may not restore a file of {min(others)!r}; ask an admin"
            raise NotAllowed(message)

    def _restore_bytes(self, connection: Connection, digest: str) -> None:
        """Restore the bytes to the store, within a transaction."""
        blobs = self._store.blobs
        try:
            blobs.restore(digest)
        except BlobMissing:
            # They were never moved: another image has the same bytes, or a crash came before.
            if not blobs.holds(digest) and not queries.ids_by_digest(connection, [digest]):
                raise

    def _erase(self, before: datetime, kept: Collection[int]) -> int:
        """Delete a batch of files that were forgotten before a time; return how many."""
        blobs = self._store.blobs
        with self._store.catalog.transaction() as connection:
            found = trash.expired(connection, before, _BATCH, kept)
            trash.erase(connection, [row.file_id for row in found])
            for digest in sorted({row.digest for row in found}):
                if trash.contains(connection, digest):  # a later file in the trash has these bytes
                    continue
                if not queries.ids_by_digest(connection, [digest]):
                    blobs.delete(digest)  # moves bytes that were not moved because of a crash
                blobs.trash.erase(digest)
        return len(found)

    def _erase_strays(self, span: timedelta) -> None:
        """Delete bytes in the trash without a row, left by versions whose trash had no rows."""
        strays = sorted(self._store.blobs.trash.digests(span.total_seconds()))
        for start in range(0, len(strays), _BATCH):
            with self._store.catalog.transaction() as connection:
                for digest in strays[start : start + _BATCH]:
                    if not trash.contains(connection, digest):
                        self._store.blobs.trash.erase(digest)
