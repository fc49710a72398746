"""Transactions on a connection that is open only while this process has the lease."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import duckdb

from imgurer_kernel.common.atomic_files import publish, storing
from imgurer_kernel.errors import CatalogError
from imgurer_kernel.store.catalog import schema
from imgurer_kernel.store.catalog.connection import Connection, connect, translated
from imgurer_kernel.store.catalog.lock import Lease

Result = TypeVar("Result")


class CatalogSession:
    """One process's access to the DuckDB file; safe for several threads.

    Never ``open()`` that file elsewhere in the process: closing any descriptor of it drops the
    lock by which DuckDB keeps other processes out.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        with storing(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._timeout = timeout
        self._lease = Lease(path.parent, self._open, lambda held: held.close(), timeout=timeout)
        self._failed = False

    def transaction(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one transaction, or inside the one that this thread is in already."""
        with translated(self._path), self._lease.hold() as connection:
            if self._lease.nested:
                return self._join(connection, work)
            self._failed = False
            connection.begin()
            try:
                result = work(connection)
                self._check_before_commit()
                connection.commit()
            except BaseException as error:
                self._roll_back(connection, error)
                raise
            return result

    def release(self) -> None:
        """Close the connection and let others have their turn."""
        self._lease.release()

    def _open(self) -> Connection:
        if not self._path.exists():
            self._make()
        return self._migrated(self._path)

    def _make(self) -> None:
        """Begin a catalog under another name: DuckDB cannot open a file that it wrote in part."""
        fresh = self._path.with_name(f"{self._path.name}.new")
        with storing(fresh):
            for left_over in (fresh, fresh.with_name(f"{fresh.name}.wal")):
                left_over.unlink(missing_ok=True)
        self._migrated(fresh).close()
        with storing(fresh), fresh.open("rb+") as file:
            publish(file, fresh, self._path)

    def _migrated(self, path: Path) -> Connection:
        connection = connect(path, self._timeout)
        try:
            schema.migrate(connection, schema.migrations())
        except BaseException:
            connection.close()
            raise
        return connection

    def _join(self, connection: Connection, work: Callable[[Connection], Result]) -> Result:
        try:
            return work(connection)
        except BaseException:
            self._failed = True
            raise

    def _check_before_commit(self) -> None:
        self._lease.check_process()
        if self._failed:
            message = (
                "a transaction inside of this one failed, so this one cannot be committed "
                "either; let its error through"
            )
            raise CatalogError(message)

    def _roll_back(self, connection: Connection, error: BaseException) -> None:
        self._lease.check_process()
        with suppress(duckdb.TransactionException):  # a commit that failed has ended it
            connection.rollback()
        if isinstance(error, duckdb.Error):
            self._lease.release()  # after some errors a connection answers nothing any more
