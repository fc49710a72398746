"""The process that kernels are forked from, so that they share their common modules in memory.

It imports what the dashboard's first cell needs, and waits. For each kernel the server sends one
end of a socket; a child is forked, starts a session of its own, and reads from that socket what it
is to run: no visitor's data is ever in this process. It has one thread, no event loop, and no open
files but these sockets, since a fork copies only the calling thread, and locks in their present
state.

`multiprocessing`'s fork server would import the server's main module in each kernel, never exits by
itself, and ends its children without running their exit handlers.

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
import threading
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import NoReturn

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
"""Modules that a kernel imports until it shows the dashboard, with all their imports."""

COMPILED = (
    *("imgurer_kernel.fingerprint._numba", "imgurer_kernel.index._numba"),
    "imgurer_kernel.matching._numba",
)
"""Packages with modules that a kernel loads to search: 140 MB and a second each time."""

CROWD = 3
"""Number of kernels, with those that have ended, after which these are loaded here for later ones.

The first page of a server has two, its own and the next one's. Whoever reloads it needs no more
memory by that: what is loaded here is shared with the new kernel, and the old one has ended.
"""

_PAUSE = 0.1
"""Seconds without a request before a module is loaded: a page that opens has the processor."""

KERNEL, STATUS = "kernel", "status"
"""Prefixes of the lines sent to the server: the pid of a process, and its exit status."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, of linux/prctl.h
_NAME = 15  # PR_SET_NAME


def main() -> None:
    """Import modules, then fork until the server exits; its socket is the standard input."""
    gc.disable()  # until a child runs: collecting leaves holes in pages, which a child would fill
    control = socket.socket(fileno=os.dup(0))
    _detach_stdin()
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # 8 MB: no page has a debugger
    for name in MODULES:
        import_module(name)
    gc.collect()
    gc.freeze()  # a collection would write to each object, and so copy its page
    parent = os.getpid()
    channel = serve(control)
    if channel is None:
        os._exit(0)  # nothing to flush, and frozen objects would be reported as leaks
    run_kernel(channel, parent)


def serve(control: socket.socket) -> socket.socket | None:
    """Fork a child for each socket received; return it in the child, and None at the end."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    children, compiled, forked = _Children(poll), _Compiled(), 0
    while True:
        can_load = compiled.is_left and forked >= CROWD
        found = poll.poll(1000 * _PAUSE if can_load else None)
        if can_load and not found:
            compiled.load()
        for ready, _ in found:
            if ready != control.fileno():
                children.handle(ready)
                continue
            received, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not received:
                children.end()
                return None
            if not descriptors:
                continue  # too many open files: the server sees its socket closed
            channel = socket.socket(fileno=descriptors[0])
            try:
                pid = os.fork()
            except OSError:  # too many processes: likewise
                channel.close()
                continue
            if pid == 0:
                control.close()
                children.close()
                return channel
            try:
                end = os.pidfd_open(pid)
            except OSError:  # too many open files: likewise
                channel.close()
                _end(pid)
                continue
            children.add(pid, end, channel)
            forked += 1


class _Children:
    """The forked processes, and the sockets that report their exit.

    A child that has exited stays a zombie until the server has closed its socket: so its pid is not
    reused while the server may still send it a signal.
    """

    def __init__(self, poll: select.poll) -> None:
        self._poll = poll
        # Running ones by pidfd, ready when the process exits; ended ones by socket, ready when the
        # server has closed it.
        self._running: dict[int, tuple[int, socket.socket]] = {}
        self._ended: dict[int, tuple[int, socket.socket]] = {}

    def add(self, pid: int, end: int, channel: socket.socket) -> None:
        """Watch for the exit of a child, given its pidfd."""
        self._running[end] = pid, channel
        self._poll.register(end, select.POLLIN)

    def handle(self, ready: int) -> None:
        """Report that a child has exited, or reap it; `ready` is a descriptor from the poll."""
        self._poll.unregister(ready)
        if ready in self._running:
            pid, channel = self._running.pop(ready)
            os.close(ready)
            _send(channel, STATUS, _status(pid))
            self._ended[channel.fileno()] = pid, channel
            self._poll.register(channel, 0)  # ready when the other end is closed, not at data
        else:
            pid, channel = self._ended.pop(ready)
            channel.close()
            os.waitpid(pid, 0)

    def close(self) -> None:
        """Close all descriptors; called in a child, which must not hold those of other kernels."""
        for end, (_, channel) in self._running.items():
            os.close(end)
            channel.close()
        for _, channel in self._ended.values():
            channel.close()

    def end(self) -> None:
        """Kill all children."""
        for pid, channel in (*self._running.values(), *self._ended.values()):
            _end(pid)
            channel.close()


class _Compiled:
    """The modules with machine code that are still to load, one at each idle moment."""

    def __init__(self) -> None:
        self._left: list[str] | None = None

    @property
    def is_left(self) -> bool:
        """Whether any are left."""
        return self._left is None or bool(self._left)

    def load(self) -> None:
        """Load one; stop loading if it would have to be compiled, which takes long, or fails.

        A kernel that needs it reports the failure.
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
        except Exception:  # noqa: BLE001 - if this process ends, so do all kernels
            self._left.clear()
        gc.freeze()


def run_kernel(channel: socket.socket, parent: int) -> None:
    """Become the kernel that a socket describes, until it exits; called in a child.

    Parameters
    ----------
    channel
        Receives the pid of this process, and sends JSON with the ``arguments`` of ipykernel, the
        ``environment``, and the working ``folder``.
    parent
        The process that forked this one; this one exits with it.
    """
    os.setsid()
    system = ctypes.CDLL(None)
    system.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    system.prctl(_NAME, b"imgurer-kernel")
    if os.getppid() != parent:
        return
    _send(channel, KERNEL, os.getpid())
    request = b"".join(iter(lambda: channel.recv(1 << 16), b""))
    channel.close()
    if not request:
        return  # the server has closed it
    wanted = json.loads(request)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    random.seed()
    np.random.seed()  # noqa: NPY002 - the global generator, inherited from the parent
    gc.enable()
    arguments = [*wanted["arguments"], f"--IPKernelApp.parent_handle={parent}"]
    sys.argv = ["ipykernel_launcher", *arguments]
    from ipykernel.kernelapp import IPKernelApp

    try:
        IPKernelApp.launch_instance(arguments)
    except BaseException:
        gc.unfreeze()  # frozen objects would be reported as leaks at exit
        raise
    _exit()


def _exit() -> NoReturn:
    """Exit as the interpreter does, but without deleting each object.

    That would copy all pages shared with the parent: half a second of processor time, and memory
    for a hundred megabytes, whenever somebody closes a page.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 (multiprocessing does so, too)
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody listens any more, or it is closed
            stream.flush()
    os._exit(0)


def _detach_stdin() -> None:
    null_device = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null_device, 0)
    os.close(null_device)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _status(pid: int) -> int:
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert found is not None  # noqa: S101 (None only with WNOHANG)
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _send(channel: socket.socket, kind: str, number: int) -> None:
    with suppress(OSError):  # the server may have closed it
        channel.sendall(f"{kind} {number}\n".encode())


if __name__ == "__main__":
    main()
