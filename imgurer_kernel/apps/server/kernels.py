"""The kernels behind the pages: one for each page, started, owned and stopped by the server."""

import os
import socket
import sys
from asyncio import Task, current_task
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary, WeakSet

import zmq
from jupyter_client.ioloop.restarter import AsyncIOLoopKernelRestarter
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.websocket import WebSocketHandler
from traitlets import Dict, Int, Unicode, default

from imgurer_kernel.apps.server import forked_kernels
from imgurer_kernel.apps.server.forked_kernels import ForkServer
from imgurer_kernel.store.session_cookies import LoginSession

if sys.platform != "win32":
    import resource

_OWN_FILES, _PAGE_FILES = 64, 16  # generously

# No warnings on the server's terminal, and no history of what a page runs.
_QUIET = ["--log-level=40", "--HistoryManager.enabled=False"]

# The longest name that jupyter_client gives to a kernel's socket; systems bound the length of the
# whole path.
_LONGEST_SOCKET = "kernel-00000000-0000-0000-0000-000000000000-ipc-12345"


def transport(folder: str) -> str:
    """Choose how the server talks to its kernels: ``"ipc"``, by files, or ``"tcp"``, by ports.

    A port is chosen before the kernel opens it, and may be somebody else's by then. A kernel
    whose port for output is taken hangs for ever; files of one kernel are no other's, and no other
    user of the machine can reach them.

    Parameters
    ----------
    folder
        For temporary files. Where it lies too deep for the name of a socket, or on a disk that has
        none, it has to be ports, as on Windows.
    """
    if os.name != "posix" or not zmq.has("ipc"):
        return "tcp"
    try:
        with (
            TemporaryDirectory(prefix="voila_", dir=folder) as own,
            socket.socket(socket.AF_UNIX) as trial,
        ):
            trial.bind(os.path.join(own, _LONGEST_SOCKET))  # noqa: PTH118 - a socket wants a text
    except OSError:
        return "tcp"
    return "ipc"


def pages_for_memory(total: int) -> int:
    """Return for how many pages two fifths of a machine's memory (bytes) suffice.

    A kernel at rest has some 30 MB of its own, 90 where it is not forked; one that has compared
    pictures 80, or 200 (`benchmarks/reliability.md`), and more in a store of 100,000.

    >>> [pages_for_memory(gigabytes << 30) for gigabytes in (1, 8, 16, 64)]
    [4, 20, 40, 100]
    """
    return max(4, min(100, total * 2 // 5 // (160 << 20)))


def memory() -> int:
    """Return the bytes of memory of the machine, or of its container."""
    if not hasattr(os, "sysconf"):
        return 8 << 30  # Windows; --max-kernels says better
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        bound = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(bound)) if bound.isdecimal() else total


def allow_files(pages: int) -> int:
    """Let this process open as many files as pages take; return for how many that suffices.

    A page takes 14, for its connection and those to its kernel, and the server itself some 40.
    Where none is left no connection can be accepted, not even to say so; 256 and 1024 are usual.
    """
    if sys.platform == "win32":
        return pages
    wanted = _OWN_FILES + pages * _PAGE_FILES
    limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY or limit >= wanted:
        return pages
    limit = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, highest))
    return min(pages, max(1, (limit - _OWN_FILES) // _PAGE_FILES))


class OwnKernelSpecManager(KernelSpecManager):
    """Knows one kernel: the Python that runs the server, whatever else is installed."""

    @default("kernel_dirs")
    def _no_folders(self) -> list[str]:
        return []


class QuietRestarter(AsyncIOLoopKernelRestarter):
    """Says that a kernel has died, but not of one that is being shut down.

    A look that began before the shutdown may find the kernel gone when it ends; jupyter_client's
    own asks for that in its blocking class only.
    """

    def _fire_callbacks(self, event: object) -> None:
        if not self.kernel_manager.shutting_down:
            super()._fire_callbacks(event)


class VisitorKernelManager(AsyncMappingKernelManager):
    """Starts each kernel with the store's settings, in the store's folder.

    The folder matters: Python imports from it first, and the notebook's own may hold modules
    whose names hide others.
    """

    environment = Dict(config=True, help="Variables for each kernel, on top of the server's.")
    folder = Unicode(config=True, help="Where each kernel works.")
    most_pages = Int(config=True, help="Pages that may have a kernel at one time.")

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - Voila's
        self.owners: dict[str, LoginSession | None] = {}
        self.ending: set[str] = set()
        self.connections: dict[str, set[WebSocketHandler]] = {}
        self._started: WeakKeyDictionary[Task[Any], str] = WeakKeyDictionary()
        self._begun_by: WeakSet[Task[Any]] = WeakSet()
        self._starting: set[str] = set()
        self._opening: set[Task[Any] | None] = set()
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        # IPython would leave two folders for each kernel where the home cannot be written, and
        # run what its user has there.
        folder = str(Path(self.connection_dir, "ipython"))
        self.environment = {**self.environment, "IPYTHONDIR": folder}
        self.fork_server: ForkServer | None = None
        if forked_kernels.AVAILABLE:
            self.fork_server = ForkServer({**os.environ, **self.environment}, self.folder)

    async def start_kernel(  # type: ignore[override]  # as the base class's own is
        self,
        **kwargs: Any,  # noqa: ANN401 - Voila's
    ) -> str:
        """Start a kernel; as the base class does, but for the environment and the folder."""
        environment = {**(kwargs.pop("env", None) or os.environ), **self.environment}
        if environment.get("VOILA_PREHEAT") == "True":
            environment.pop("VOILA_REQUEST_URL", None)  # Voila's is that of the visitor before
        kwargs.pop("path", None)
        kwargs["extra_arguments"] = _QUIET
        number = kwargs.setdefault("kernel_id", str(uuid4()))
        self._starting.add(number)
        if task := current_task():
            self._begun_by.add(task)
        self.note_opened()
        try:
            started: str = await super().start_kernel(env=environment, cwd=self.folder, **kwargs)
        finally:
            self._starting.discard(number)
        if task := current_task():
            self._started[task] = started
        return started

    def begin_page(self) -> bool:
        """Reserve a place for a page that the current task opens; False if none is left.

        Each place is given away once, however many come at the same moment. It is the page's
        until `note_opened`; from then on its kernel counts.
        """
        if self.pages() >= self.most_pages:
            return False
        self._opening.add(current_task())
        return True

    def note_opened(self) -> None:
        """Release the place that was reserved for the current task's page."""
        self._opening.discard(current_task())

    def pages(self) -> int:
        """Count the pages that have a kernel or wait for one; preheated kernels do not count."""
        # Voila's kernel manager, made of this class, keeps the tasks that start what will wait.
        pools = getattr(self, "_pools", {}).values()
        waiting = sum(
            task in self._begun_by and not (task.done() and (task.cancelled() or task.exception()))
            for pool in pools
            for task in pool
        )
        kernels: set[str] = self._starting | set(self.list_kernel_ids())
        return len(kernels) - waiting + len(self._opening)

    async def replace_dead(self) -> None:
        """Start other kernels for those that died while they waited for a visitor.

        Voila gives what waits to the next visitor, whose page would be empty.
        """
        for notebook, pool in getattr(self, "_pools", {}).items():
            for task in [each for each in pool if each.done()]:
                failed = task.cancelled() or task.exception()
                number = "" if failed else task.result()["kernel_id"]
                if (number in self and await self.is_alive(number)) or task not in pool:
                    continue
                pool.remove(task)
                if number in self:
                    await self.shutdown_kernel(number, now=True)
                self.fill_if_needed(delay=0, notebook_name=notebook)  # type: ignore[attr-defined]

    async def has_lost_own(self) -> bool:
        """Return whether the kernel that the current task started last, if any, has died."""
        task = current_task()
        kernel_id = self._started.get(task) if task else None
        return kernel_id is not None and not (kernel_id in self and await self.is_alive(kernel_id))

    async def shutdown_kernel(  # type: ignore[override]  # as the base class's own is
        self, kernel_id: str, now: bool = False, restart: bool = False
    ) -> None:
        """Stop a kernel; one that is being stopped is not stopped a second time."""
        if kernel_id in self.ending:
            return
        self.ending.add(kernel_id)
        try:
            await super().shutdown_kernel(kernel_id, now=now, restart=restart)  # type: ignore[no-untyped-call]
        finally:
            self.ending.discard(kernel_id)

    async def kill(self, kernel_id: str) -> None:
        """End a kernel's process at once, whatever state the kernel is in."""
        provisioner = self.get_kernel(kernel_id).provisioner
        if provisioner is not None and provisioner.has_process:
            await provisioner.kill()
            await provisioner.wait()

    def claim(self, kernel_id: str, session: LoginSession | None) -> bool:
        """Record whose kernel it is, and return whether it is this session's.

        A kernel's id is random and known only to the page that it was started for, so the first
        who comes with it is the visitor.
        """
        return self.owners.setdefault(kernel_id, session) == session

    def connect(self, kernel_id: str, connection: WebSocketHandler) -> None:
        """Record a page's connection, to be closed with its kernel."""
        self.connections.setdefault(kernel_id, set()).add(connection)

    def disconnect(self, kernel_id: str, connection: WebSocketHandler) -> None:
        """Forget a connection that is closed."""
        self.connections.get(kernel_id, set()).discard(connection)

    def remove_kernel(self, kernel_id: str) -> Any:  # noqa: ANN401 - the base class's
        """Forget a kernel and its owner, and close the connections of its page."""
        self.owners.pop(kernel_id, None)
        for connection in self.connections.pop(kernel_id, ()):
            connection.close(4404, "the kernel is gone")
        return super().remove_kernel(kernel_id)

    async def end_session(self, session: LoginSession) -> None:
        """Close every connection of a session that is over, and stop its kernels."""
        for kernel_id in [each for each, owner in self.owners.items() if owner == session]:
            for connection in list(self.connections.get(kernel_id, ())):
                connection.close(4401, "logged out")
            if kernel_id in self:
                await self.shutdown_kernel(kernel_id, now=True)
