"""The kernels behind the pages: one for each page, started, owned and stopped by the server."""

import os
import socket
import sys
from asyncio import Task, current_task
from contextlib import suppress
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

# Keep warnings off the server's terminal, and no history of the code that a page runs.
_QUIET = ["--log-level=40", "--HistoryManager.enabled=False"]

# The longest name that jupyter_client gives to a kernel's socket; the system limits the length of
# the path.
_LONGEST_SOCKET = "kernel-00000000-0000-0000-0000-000000000000-ipc-12345"


def transport(folder: str) -> str:
    """Choose how the server connects to its kernels: ``"ipc"``, by files, or ``"tcp"``, by ports.

    A port is chosen before the kernel opens it, and another process may take it in between. A
    kernel whose output port is taken hangs forever. Socket files are unique to a kernel, and not
    accessible to other users of the machine.

    Parameters
    ----------
    folder
        Folder of temporary files. If its path is too long for a socket, or its disk has no sockets,
        ports are used, as on Windows.
    """
    if os.name != "posix" or not zmq.has("ipc"):
        return "tcp"
    try:
        with (
            TemporaryDirectory(prefix="voila_", dir=folder) as own,
            socket.socket(socket.AF_UNIX) as trial,
        ):
            trial.bind(os.path.join(own, _LONGEST_SOCKET))  # noqa: PTH118 - a socket needs a text
    except OSError:
        return "tcp"
    return "ipc"


def pages_for_memory(total: int) -> int:
    """Return how many pages fit into two fifths of a machine's memory (bytes).

    An idle kernel has some 30 MB of its own, 90 if it is not forked; one that has compared pictures
    80, or 200 (`benchmarks/reliability.md`), and more in a store of 100,000.

    >>> [pages_for_memory(gigabytes << 30) for gigabytes in (1, 8, 16, 64)]
    [4, 20, 40, 100]
    """
    return max(4, min(100, total * 2 // 5 // (160 << 20)))


def memory() -> int:
    """Return the bytes of memory of the machine, or of its container."""
    if not hasattr(os, "sysconf"):
        return 8 << 30  # Windows; --max-kernels overrides it
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        bound = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(bound)) if bound.isdecimal() else total


def allow_files(pages: int) -> int:
    """Raise the limit of open files to what the pages need; return how many pages it allows.

    A page takes 14 files, for its connection and those to its kernel, and the server itself some
    40. With none left no connection can be accepted, not even to refuse it; limits of 256 and 1024
    are usual.
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
    """Offers one kernel: the Python that runs the server, whatever else is installed."""

    @default("kernel_dirs")
    def _no_folders(self) -> list[str]:
        return []


class QuietRestarter(AsyncIOLoopKernelRestarter):
    """Reports that a kernel has died, except while it is being shut down.

    A check that began before the shutdown may find the kernel gone when it ends; jupyter_client
    handles this in its blocking class only.
    """

    def _fire_callbacks(self, event: object) -> None:
        if not self.kernel_manager.shutting_down:
            super()._fire_callbacks(event)


class VisitorKernelManager(AsyncMappingKernelManager):
    """Starts each kernel with the store's settings, in the store's folder.

    The folder matters: Python imports from it first, and modules in the notebook's folder could
    shadow others.
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
        # Otherwise IPython would leave two folders for each kernel if the home is not writable, and
        # run the startup files of its user.
        folder = str(Path(self.connection_dir, "ipython"))
        self.environment = {**self.environment, "IPYTHONDIR": folder}
        self.fork_server: ForkServer | None = None
        if forked_kernels.AVAILABLE:
            self.fork_server = ForkServer({**os.environ, **self.environment}, self.folder)

    async def start_kernel(  # type: ignore[override]  # as the base class's own is
        self,
        **kwargs: Any,  # noqa: ANN401 - Voila's
    ) -> str:
        """Start a kernel, as the base class does, with this environment and folder."""
        environment = {**(kwargs.pop("env", None) or os.environ), **self.environment}
        if environment.get("VOILA_PREHEAT") == "True":
            environment.pop("VOILA_REQUEST_URL", None)  # Voila's value is of the previous visitor
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
        # Jupyter Server looks for it there when a kernel reports an error, and fails without it.
        with suppress(KeyError):  # it may have ended
            kernel: Any = self.get_kernel(started)
            kernel.traceback_replacement_message = self.traceback_replacement_message
        if task := current_task():
            self._started[task] = started
        return started

    def begin_page(self) -> bool:
        """Reserve a place for the page that the current task opens; return False if none is free.

        Each place is given once, also to simultaneous requests. It is reserved until `note_opened`;
        from then on the page's kernel counts.
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
        # Voila's subclass of this manager keeps the tasks that start preheated kernels in `_pools`.
        pools = getattr(self, "_pools", {}).values()
        waiting = sum(
            task in self._begun_by and not (task.done() and (task.cancelled() or task.exception()))
            for pool in pools
            for task in pool
        )
        kernels: set[str] = self._starting | set(self.list_kernel_ids())
        return len(kernels) - waiting + len(self._opening)

    async def replace_dead(self) -> None:
        """Replace preheated kernels that died while they waited for a visitor.

        Voila would give a dead one to the next visitor, whose page would stay empty.
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
        """Return whether the kernel that the current task started last has died."""
        task = current_task()
        kernel_id = self._started.get(task) if task else None
        return kernel_id is not None and not (kernel_id in self and await self.is_alive(kernel_id))

    async def shutdown_kernel(  # type: ignore[override]  # as the base class's own is
        self, kernel_id: str, now: bool = False, restart: bool = False
    ) -> None:
        """Stop a kernel, unless it is being stopped already."""
        if kernel_id in self.ending:
            return
        self.ending.add(kernel_id)
        try:
            await super().shutdown_kernel(kernel_id, now=now, restart=restart)  # type: ignore[no-untyped-call]
        finally:
            self.ending.discard(kernel_id)

    async def kill(self, kernel_id: str) -> None:
        """Kill a kernel's process immediately, whatever its state."""
        provisioner = self.get_kernel(kernel_id).provisioner
        if provisioner is not None and provisioner.has_process:
            await provisioner.kill()
            await provisioner.wait()

    def claim(self, kernel_id: str, session: LoginSession | None) -> bool:
        """Record the owner of a kernel on first use, and return whether it is this session.

        A kernel's id is random and known only to the page that it was started for, so the first
        request with it comes from the owner.
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
        """Close every connection of an ended session, and stop its kernels."""
        for kernel_id in [each for each, owner in self.owners.items() if owner == session]:
            for connection in list(self.connections.get(kernel_id, ())):
                connection.close(4401, "logged out")
            if kernel_id in self:
                await self.shutdown_kernel(kernel_id, now=True)
