"""`Catalog`: transactions on the DuckDB file of one store.

The queries and commands are functions in `queries`, `files`, `generations`, `fingerprints`,
`commands` and `users`. Each takes an open connection, so that several can share one transaction::

    catalog.run(queries.statistics)                  # one, in a transaction of its own

    with catalog.transaction() as connection:        # several, of one snapshot
        generation = generations.current(connection)
        images = queries.images(connection, [3, 4])
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import duckdb

from imgurer_kernel.common.atomic_files import mapped_os_errors, publish
from imgurer_kernel.errors import CatalogError, StorageDenied, StorageError
from imgurer_kernel.store import place
from imgurer_kernel.store.catalog import schema, snapshots
from imgurer_kernel.store.catalog.connection import Connection, connect, first_row, translated
from imgurer_kernel.store.catalog.lock import Lease
from imgurer_kernel.store.catalog.lock.unshared_lease import UnsharedLease

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Catalog:
    """Images, files and users of one store, in ``catalog.duckdb``.

    The file is opened at the first use. Any number of processes and threads may use one
    store at the same time: each transaction waits for its turn
    (`imgurer_kernel.store.catalog.lock`), and the file is closed 0.5 s after the last one. Every
    command is idempotent, because a client that was killed may have committed without receiving
    the answer.

    Never ``open()`` the DuckDB file elsewhere in the process: closing any descriptor of it drops
    the lock by which DuckDB keeps other processes out.

    Parameters
    ----------
    root
        The store's folder.
    lease_timeout
        Seconds to wait for other processes and threads.
    create
        Make folder and file on first use, if they do not exist.

    Raises
    ------
    CatalogBusy
        From every transaction: another process held the catalog for too long; the message names it.
    CatalogDamaged, CatalogTooNew, StorageFull, StorageDenied
        From every transaction: the file cannot be opened, read or written.
    StoreMissing
        From every transaction: there is no file, and `create` is false.
    CatalogError
        From every transaction: any other error of DuckDB.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from imgurer_kernel.store.catalog import users
    >>> with TemporaryDirectory() as folder, Catalog(Path(folder)) as catalog:
    ...     catalog.run(users.add_user, "ann", "member", None)
    ...     catalog.run(users.account, "ann").role
    'member'
    """

    takes_snapshots = True
    """Whether snapshots are taken when the file is closed (`snapshots`)."""

    def __init__(self, root: Path, *, lease_timeout: float = 30.0, create: bool = True) -> None:
        self.path = root / place.CATALOG
        self._may_create = create
        self._folder_made = False
        self._timeout = lease_timeout
        self._lease: Lease[Connection] = Lease(root, self._open, self._shut, timeout=lease_timeout)
        self._snapshots = snapshots.Snapshots(root)
        self._examined = self._is_read_only = self._is_closing = False
        # Of the outermost transaction; only the thread that holds the lease reads or sets it.
        self._inner_failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Catalog({str(self.path.parent)!r})"

    def run(
        self,
        work: Callable[Concatenate[Connection, Parameters], Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Run one query or command in a transaction of its own, and return its result."""
        with self.transaction() as connection:
            return work(connection, *args, **kwargs)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction: what the block does is committed, or, if it raises, none of it.

        All reads in the block see one snapshot. Other transactions wait while it runs, so read
        first and compute after the block. Fetch every answer inside the block: the connection may
        be closed any time after it. A transaction that the same thread begins inside another one
        joins it; if the inner one fails, the outer one fails as a whole.
        """
        self._prepare()
        with translated(self.path), self._lease.hold() as connection:
            if self._lease.nested:
                try:
                    yield connection
                except BaseException:
                    self._inner_failed = True
                    raise
                return
            self._inner_failed = False
            connection.begin()
            try:
                yield connection
                self._check_before_commit(connection)
                connection.commit()
            except BaseException as error:
                self._roll_back(connection, error)
                raise

    def keep_alive(self) -> AbstractContextManager[None]:
        """Keep the file open between the transactions of the block, up to 5 s without one.

        To close and open it in between takes 0.2 s for 100,000 pictures.
        """
        return self._lease.keep_alive()

    def release(self) -> None:
        """Release the catalog to other processes; it is opened again when needed."""
        self._lease.release()

    def close(self) -> None:
        """Release the catalog, with a snapshot of what was written since the last one.

        A closed catalog may be used again.
        """
        self._is_closing = True
        try:
            if self._snapshots.pending and not self._lease.held and self.path.exists():
                with suppress(CatalogError, StorageError):  # the next open raises the same error
                    self.run(first_row, "SELECT 1")
            self.release()
        finally:
            self._is_closing = False

    @contextmanager
    def closed_file(self) -> Iterator[Path]:
        """Keep the file closed, for all processes, within the block.

        Raises
        ------
        CatalogBusy
            If another process held it for too long.
        """
        self._prepare()
        self.release()
        if self._is_read_only:
            yield self.path
            return
        lease = Lease(self.path.parent, lambda: self.path, lambda _: None, timeout=self._timeout)
        try:
            with lease.hold() as path:
                yield path
        finally:
            lease.release()

    def _prepare(self) -> None:
        """Prepare the folder, before anything is written into it."""
        root = self.path.parent
        if not self._examined:
            self._examined = True
            if place.is_store(root) and not os.access(root, os.W_OK):
                # A read-only store: no lock file can be made in it, and none is needed.
                self._is_read_only = True
                self._lease = UnsharedLease(
                    self._open, duckdb.DuckDBPyConnection.close, timeout=self._timeout
                )
        if not self._may_create:
            if not self._lease.held and not place.is_store(root):
                raise place.missing(root)
        elif not self._folder_made:
            # Only once: a folder that disappears later was moved or unmounted, and is not remade.
            with mapped_os_errors(root):
                place.make_root(root)
            self._folder_made = True

    def _open(self) -> Connection:
        if self._is_read_only:
            return self._open_for_reading()
        if not self.path.exists():
            self._create()
        return self._open_migrated(self.path)

    def _open_for_reading(self) -> Connection:
        connection = connect(self.path, self._timeout, read_only=True)
        if schema.version_of(connection) == schema.migrations()[-1].version:
            return connection
        connection.close()
        message = (
            f"the catalog {self.path} cannot be written, and must be brought up to date first: it "
            "is of another version of imgurer; open it once where it can be written"
        )
        raise StorageDenied(message)

    def _shut(self, connection: Connection) -> None:
        try:
            if self.takes_snapshots:
                self._snapshots.take_if_due(connection, last=self._is_closing)
        finally:
            connection.close()

    def _create(self) -> None:
        """Create a catalog under a temporary name: DuckDB cannot open a partly written file."""
        if place.has_lost_catalog(self.path.parent):
            raise place.lost(self.path.parent)
        fresh = self.path.with_name(f"{self.path.name}.new")
        with mapped_os_errors(fresh):
            for left_over in (fresh, fresh.with_name(f"{fresh.name}.wal")):
                left_over.unlink(missing_ok=True)
        self._open_migrated(fresh).close()
        with mapped_os_errors(fresh), fresh.open("rb+") as file:
            publish(file, fresh, self.path)

    def _open_migrated(self, path: Path) -> Connection:
        connection = connect(path, self._timeout)
        try:
            schema.migrate(connection, schema.migrations(), self.path.parent)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_before_commit(self, connection: Connection) -> None:
        # Before anything else: a forked child must not touch its parent's connection.
        self._lease.check_process()
        if self._inner_failed:
            message = (
                "a transaction inside of this one failed, so this one cannot be committed "
                "either; let its error through"
            )
            raise CatalogError(message)
        # If the block has caught the error that aborted the transaction, DuckDB's commit does
        # nothing and raises nothing; whatever else begins raises an error. To parse a statement
        # takes an eighth of the time of running one.
        connection.get_table_names("SELECT 1")

    def _roll_back(self, connection: Connection, error: BaseException) -> None:
        self._lease.check_process()
        with suppress(duckdb.TransactionException):  # a commit that failed has ended it
            connection.rollback()
        if isinstance(error, duckdb.Error):
            self._lease.release()  # after some errors a connection fails on every statement
