"""The lease: which process may have the catalog open, by a lock file and a queue.

DuckDB lets one process open a file read-write and refuses all others immediately. A lease makes
them wait in a queue instead: its holder keeps the connection open, because opening costs ten
times as much as a query, and releases the lease when other processes wait and its quantum is over,
or when it has been idle for a while.
"""

import atexit
import ctypes
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from imgurer_kernel.common.threads import start
from imgurer_kernel.errors import CatalogBusy, CatalogError, StorageError
from imgurer_kernel.store.catalog.lock.lockfile import LockFile
from imgurer_kernel.store.catalog.lock.ticket_queue import TicketQueue

Resource = TypeVar("Resource")

TICK = 0.02
"""Seconds between two checks whether the lease is idle or other processes wait."""

KEEP_ALIVE = 10
"""How many times as long the resource may be idle within a `Lease.keep_alive` block."""

CLOSING = 10
"""Longest wait for a close, in timeouts: in a stopped process or on a hung disk it never ends."""


class Lease(Generic[Resource]):
    """The right of one process to have a resource open, shared fairly with other processes.

    Parameters
    ----------
    folder
        Holds ``catalog.lock`` and the folder ``catalog.waiting``, which are made if missing.
    acquire, dispose
        Open and close the resource; called only while the lock is held.
    timeout
        Seconds to wait for other processes, and for other threads of this one; ten times as many
        while the resource is being closed: a busy disk takes long for a large catalog.
    quantum
        Seconds for which the lease may be kept although other processes wait; up to five times as
        many on a busy machine, so that opening takes no more than a sixth of the time.
    idle
        Seconds without use after which it is released although no process waits.

    Notes
    -----
    Threads of one process take turns; nested use in one thread joins the outer one. The system
    drops the locks of a process that dies. A forked child starts without the lease: the resource
    is closed before the fork; if it is in use then, the child never touches it.
    """

    def __init__(
        self,
        folder: Path,
        acquire: Callable[[], Resource],
        dispose: Callable[[Resource], None],
        *,
        timeout: float = 30.0,
        quantum: float = 0.1,
        idle: float = 0.5,
    ) -> None:
        self.timeout = timeout
        self.quantum = quantum
        self.idle = idle
        self._acquire = acquire
        self._dispose = dispose
        self._opened: set[int] = set()
        self._queue = TicketQueue(folder / "catalog.waiting", self._opened)
        self._lock = LockFile(folder / "catalog.lock", self._opened)
        # Held by the thread that is inside `hold`; taken before the file lock, never after it.
        self._turns = threading.RLock()
        self._resource: Resource | None = None
        self._depth = 0
        self._hold_count = 0
        self._since = self._used = self._turn = 0.0
        self._give_up = self._closing = False
        self._kept_by: set[object] = set()
        self._ended = threading.Event()
        self._watcher = threading.Thread()
        self._inherited = False
        self._forking = False
        with _leases_guard:
            _leases.add(self)

    @property
    def held(self) -> bool:
        """Whether this process holds the lease at the moment."""
        return self._resource is not None

    @property
    def nested(self) -> bool:
        """Whether the calling thread is inside two or more `hold` blocks."""
        return self._depth > 1

    @contextmanager
    def hold(self) -> Iterator[Resource]:
        """Wait for the lease and keep it for the length of the block.

        Raises
        ------
        CatalogBusy
            After `timeout` seconds; names the holder.
        CatalogError
            In a child that was forked while the lease was in use.
        StorageFull, StorageDenied
            If the lock files cannot be written.
        """
        self._wait_turn()
        try:
            resource = self._take()
            process = os.getpid()  # a child that is forked inside the block must not drop it
            self._depth += 1
            try:
                yield resource
            finally:
                self._depth -= 1
                self._used = time.monotonic()
                if not self._depth and process == os.getpid() and self._turn_is_over():
                    self._drop()
        finally:
            self._turns.release()

    @contextmanager
    def keep_alive(self) -> Iterator[None]:
        """Keep the resource open through longer pauses of a task that uses it again and again.

        Other processes that wait get it as soon as otherwise.
        """
        task = object()
        self._kept_by.add(task)
        try:
            yield
        finally:
            self._kept_by.discard(task)

    def release(self) -> None:
        """Release the lease now; inside `hold`, at the end of the outermost block."""
        with self._turns:
            if self._depth:
                self._give_up = True
            else:
                self._drop()

    def check_process(self) -> None:
        """Raise `CatalogError` in a child that was forked while the lease was in use."""
        if self._inherited:
            message = (
                "this process was forked in the middle of a catalog transaction and cannot use "
                "the catalog; fork outside of transactions, or start processes with 'spawn'"
            )
            raise CatalogError(message)

    def _wait_turn(self) -> None:
        """Wait for the other threads of this process."""
        for waited in range(1, CLOSING + 1):
            if self._turns.acquire(timeout=self.timeout):
                return
            if waited == CLOSING or not self._closing:
                holder = "another thread of this process" if self.held else self._lock.holder()
                raise CatalogBusy(self._busy_message(holder, waited))

    def _take(self) -> Resource:
        self.check_process()
        if self._resource is not None:
            return self._resource
        for waited in range(1, CLOSING + 1):
            if self._queue.take(self._lock, time.monotonic() + self.timeout):
                break
            if waited == CLOSING or not self._lock.is_closing():
                raise CatalogBusy(self._busy_message(self._lock.holder(), waited))
        started = time.monotonic()
        try:
            self._lock.sign()
            self._resource = self._acquire()
        except BaseException:
            self._lock.drop()
            raise
        self._since = self._used = time.monotonic()
        # The longer opening took on this machine, the longer the lease may be kept.
        self._turn = min(max(self.quantum, 5 * (self._since - started)), 5 * self.quantum)
        self._hold_count += 1
        self._ended = threading.Event()
        holding = self._hold_count, self._ended
        self._watcher = threading.Thread(None, self._watch, "lease", holding, daemon=True)
        self._give_up = not start(self._watcher)  # without a watcher, release after the first use
        return self._resource

    def _drop(self) -> None:
        resource, self._resource = self._resource, None
        self._give_up = False
        self._ended.set()
        if resource is not None:
            self._closing = True
            try:
                with suppress(StorageError):  # unsigned, others wait only the usual timeout
                    self._lock.sign(closing=True)
                self._dispose(resource)
            finally:
                self._closing = False
                self._lock.drop()

    def _turn_is_over(self) -> bool:
        """Return whether to release the lease after a use."""
        over = time.monotonic() - self._since > self._turn
        return self._give_up or (over and self._queue.is_waiting())

    def _watch(self, holding: int, ended: threading.Event) -> None:
        """Release the lease once it is idle; runs in a thread of its own for each holding."""
        while not ended.wait(TICK) and self._keep(holding):
            pass

    def _keep(self, holding: int) -> bool:
        """Release the lease if it is idle; return False once it is released or held again."""
        # Without waiting: if a thread has this lock, the lease is in use, not idle.
        if not self._turns.acquire(blocking=False):
            return True
        try:
            if self._resource is None or holding != self._hold_count:
                return False
            rest = time.monotonic() - self._used
            idle = self.idle * (KEEP_ALIVE if self._kept_by else 1)
            if rest > idle or (rest > TICK and self._queue.is_waiting()):
                self._drop()
                return False
            return True
        finally:
            self._turns.release()

    def _busy_message(self, holder: str, times: int) -> str:
        return (
            f"the catalog is busy: waited {times * self.timeout:g} s for {holder}, which holds "
            f"{self._lock.path}; wait until it is done, end it, or raise lease_timeout"
        )

    def at_exit(self) -> None:
        """Close the resource at the end of the process."""
        # If a thread outlives the interpreter, DuckDB's bindings print errors on stderr.
        if self._turns.acquire(timeout=1.0):
            self._drop()
            self._turns.release()
        if self._watcher.is_alive():
            self._watcher.join(timeout=1.0)

    def before_fork(self) -> None:
        """Close the resource; keep other threads from opening it until the fork is done."""
        # A child inherits descriptors, and with them DuckDB's lock: close them before the fork.
        self._forking = self._turns.acquire(timeout=self.timeout)
        if self._forking and not self._depth:
            self._drop()

    def after_fork_in_parent(self) -> None:
        """Let other threads continue."""
        if self._forking:
            self._forking = False
            self._turns.release()

    def after_fork_in_child(self) -> None:
        """Drop the state of the parent."""
        self._kept_by.clear()  # by threads that the child does not have
        if not self._forking:  # another thread, which the child does not have, is using it
            self._turns = threading.RLock()
            self._depth = 0
        for descriptor in self._opened:  # closing, unlike unlocking, keeps the parent's locks
            os.close(descriptor)
        self._opened.clear()
        if self._resource is not None:
            # Closing it would write to the file that the parent is using, and so would its
            # deletion at exit: one more reference keeps it from ever being deleted.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._resource))
            self._resource = None
            self._inherited = True
        if self._forking:
            self._forking = False
            self._turns.release()


# The hooks of all leases: registered once for the process, since neither list can be shortened.
_leases: weakref.WeakSet[Lease[Any]] = weakref.WeakSet()
_leases_guard = threading.Lock()


def _all_leases() -> list[Lease[Any]]:
    with _leases_guard:
        return list(_leases)


def _at_exit() -> None:
    for lease in _all_leases():
        lease.at_exit()


def _before_fork() -> None:
    for lease in _all_leases():
        lease.before_fork()


def _after_fork_in_parent() -> None:
    for lease in _all_leases():
        lease.after_fork_in_parent()


def _after_fork_in_child() -> None:
    global _leases_guard  # noqa: PLW0603 (a thread that the child does not have may hold it)
    _leases_guard = threading.Lock()
    for lease in _all_leases():
        lease.after_fork_in_child()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
