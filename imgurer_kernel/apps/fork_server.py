"""The process that kernels are forked from, so that they share the modules all of them need.

It imports what the dashboard's first cell needs, and waits. For each kernel the server sends one
end of a socket; a child is forked, makes itself a session of its own, and reads from that socket
what it shall be: nothing of a visitor is ever in this process. It has one thread, no loop, and no
file open but those sockets: a fork copies only the thread that forks, and locks as they are.

`multiprocessing`'s fork server would import the server's own main module in each kernel, has no
end to its waiting, and ends its children without what they have registered for their end.

Linux only: a fork of a process that has loaded Apple's frameworks is not safe.
"""

import atexit
import ctypes
import gc
import json
import os
import random
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules

import numpy as np

from imgurer_kernel.common import compile_notice

MODULES = (
    "faulthandler",
    "imgurer_kernel.ui.dashboard",
    "imgurer_kernel.ui.inline_pictures",
    "imgurer_kernel.ui.visitor",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "tornado.locks",
    "tornado.platform.asyncio",
    "tornado.queues",
)
"""What a kernel imports until it shows the dashboard, with all that these import."""

COMPILED = (
    *("imgurer_kernel.fingerprint._numba", "imgurer_kernel.index._numba"),
    "imgurer_kernel.matching._numba",
)
"""Packages of the modules that a kernel loads when it searches: 140 MB and a second each time."""

CROWD = 3
"""Kernels from which on these are loaded here, for those to come: one or two do not pay for it."""

KERNEL, STATUS = "kernel", "status"
"""What the lines begin with that the server gets: the number of a process, and how it has ended."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, of linux/prctl.h
_NAME = 15  # PR_SET_NAME


def main() -> None:
    """Import modules, then fork until the server goes; its socket is the standard input."""
    gc.disable()  # until a child is at work: what is collected leaves holes, which it would fill
    control = socket.socket(fileno=os.dup(0))
    _read_nothing()
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # 8 MB: no page has a debugger
    for name in MODULES:
        import_module(name)
    gc.collect()
    gc.freeze()  # the collector writes into each object that it looks at
    parent = os.getpid()
    channel = serve(control)
    if channel is None:
        os._exit(0)  # nothing is to be written, and what is frozen would be called leaked
    run_kernel(channel, parent)


def serve(control: socket.socket) -> socket.socket | None:
    """Fork a child for each socket that comes; return it in the child, and None at the end."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    children, compiled = _Children(poll), _Compiled()
    while True:
        can_load = compiled.is_left and len(children) >= CROWD
        found = poll.poll(0 if can_load else None)
        if can_load and not found:
            compiled.load()
        for ready, _ in found:
            if ready != control.fileno():
                children.look(ready)
                continue
            asked, given, _, _ = socket.recv_fds(control, 1, 1)
            if not asked:
                children.end()
                return None
            if not given:
                continue  # too many files: the server sees its socket closed
            channel = socket.socket(fileno=given[0])
            try:
                pid = os.fork()
            except OSError:  # too many processes: the same
                channel.close()
                continue
            if pid == 0:
                control.close()
                children.close()
                return channel
            try:
                end = os.pidfd_open(pid)
            except OSError:  # too many files: the same
                channel.close()
                _end(pid)
                continue
            children.add(pid, end, channel)


class _Children:
    """The processes that were forked, and the sockets by which their ends are told.

    One that has ended stays a zombie until the server has closed its socket: so its number is no
    other's as long as the server may send a signal to it.
    """

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        # By a file that is ready when the process ends, and that is ready when its end was heard.
        self._running: dict[int, tuple[int, socket.socket]] = {}
        self._ended: dict[int, tuple[int, socket.socket]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def add(self, pid: int, end: int, channel: socket.socket) -> None:
        """Wait for the end of a child, when a file of it is ready."""
        self._running[end] = pid, channel
        self._poll.register(end, select.POLLIN)

    def look(self, ready: int) -> None:
        """Tell that a child has ended, or let it go; a file that is ready says which."""
        self._poll.unregister(ready)
        if ready in self._running:
            pid, channel = self._running.pop(ready)
            os.close(ready)
            _tell(channel, STATUS, _status(pid))
            self._ended[channel.fileno()] = pid, channel
            self._poll.register(channel, 0)  # ready when the other end is closed, not only silent
        else:
            pid, channel = self._ended.pop(ready)
            channel.close()
            os.waitpid(pid, 0)

    def close(self) -> None:
        """Close all files, in a child, whose brothers are none of its business."""
        for end, (_, channel) in self._running.items():
            os.close(end)
            channel.close()
        for _, channel in self._ended.values():
            channel.close()

    def end(self) -> None:
        """End all children."""
        for pid, channel in (*self._running.values(), *self._ended.values()):
            _end(pid)
            channel.close()


class _Compiled:
    """The modules with machine code that are to be loaded, one whenever there is time for it."""

    def __init__(self) -> None:
        self._left: list[str] | None = None

    @property
    def is_left(self) -> bool:
        """Whether there are more."""
        return self._left is None or bool(self._left)

    def load(self) -> None:
        """Load one, unless it would have to be compiled, which takes long; then none will be.

        Nor is one after another failure: the kernel that wants it will say what is wrong.
        """
        if self._left is None:
            packages = [import_module(name) for name in COMPILED]
            self._left = [
                f"{package.__name__}.{found.name}"
                for package in packages
                for found in iter_modules(package.__path__)
            ]
        try:
            with compile_notice.refused():
                import_module(self._left.pop())
        except Exception:  # noqa: BLE001 - the end of this process is that of all kernels
            self._left.clear()
        gc.freeze()


def run_kernel(channel: socket.socket, parent: int) -> None:
    """Become the kernel that a socket describes, until it ends; to be called in a child.

    Parameters
    ----------
    channel
        Gets the number of this process, and has JSON with the ``arguments`` of ipykernel, the
        ``environment``, and the ``folder`` to work in.
    parent
        The process that has forked this one, which does not outlive it.
    """
    os.setsid()
    system = ctypes.CDLL(None)
    system.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    system.prctl(_NAME, b"imgurer-kernel")
    if os.getppid() != parent:
        return
    _tell(channel, KERNEL, os.getpid())
    request = b"".join(iter(lambda: channel.recv(1 << 16), b""))
    channel.close()
    if not request:
        return  # the server has given it up
    wanted = json.loads(request)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    random.seed()
    np.random.seed()  # noqa: NPY002 - the one that all modules share
    gc.enable()
    atexit.register(gc.unfreeze)  # what is never collected would be called leaked at the end
    arguments = [*wanted["arguments"], f"--IPKernelApp.parent_handle={parent}"]
    sys.argv = ["ipykernel_launcher", *arguments]
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(arguments)


def _read_nothing() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _status(pid: int) -> int:
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert found is not None  # noqa: S101 (only with WNOHANG)
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _tell(channel: socket.socket, what: str, number: int) -> None:
    with suppress(OSError):  # the server may have given it up
        channel.sendall(f"{what} {number}\n".encode())


if __name__ == "__main__":
    main()
