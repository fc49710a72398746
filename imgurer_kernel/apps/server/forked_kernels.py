"""Fork kernels from one process instead of starting them, to share memory.

`ForkServer` is the server's side of `imgurer_kernel.apps.fork_server`; jupyter_client asks
`ForkingProvisioner` for processes. If a fork is not possible, a kernel is started as usual.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from imgurer_kernel.apps.fork_server import KERNEL, STATUS
from imgurer_kernel.errors import ServerError

_log = logging.getLogger(__name__)

AVAILABLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
"""Whether processes with all these modules can be forked on this system."""

PROVISIONER = "imgurer-fork"
"""Name by which a kernel's specification selects `ForkingProvisioner`."""

_LAUNCHER = ["-m", "ipykernel_launcher"]

ANSWER_SECONDS = 30.0
"""Longest wait for a fork; the first comes after all imports, on a possibly busy machine."""


END_SECONDS = 1.0
"""Seconds that the fork server has to exit, together with its children."""


class ForkedProcess:
    """A forked process, with those methods of `subprocess.Popen` that Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, channel: socket.socket) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._channel = channel
        self._received = b""

    async def begin(self, request: bytes) -> None:
        """Wait for the process, and send it its request.

        Raises
        ------
        ServerError
            If the process does not exist.
        """
        loop = asyncio.get_running_loop()
        while b"\n" not in self._received:
            received = await loop.sock_recv(self._channel, 64)
            if not received:
                break
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        what, _, number = line.decode("ascii").partition(" ")
        if what != KERNEL:
            message = f"no kernel was forked; the answer was {line.decode('ascii')!r}"
            raise ServerError(message)
        self.pid = int(number)
        await loop.sock_sendall(self._channel, request)
        self._channel.shutdown(socket.SHUT_WR)

    def poll(self) -> int | None:
        """Return the exit status, None while it runs; afterwards its pid is no longer valid.

        The status is unknown if the fork server has exited before: it has killed its children then.
        """
        while self.returncode is None:
            try:
                received = self._channel.recv(64)
            except BlockingIOError:
                return None
            except OSError:
                received = b""
            self._received += received
            line, end, _ = self._received.partition(b"\n")
            if end:
                self.returncode = int(line.decode("ascii").removeprefix(STATUS))
            elif not received:
                self.returncode = -signal.SIGKILL
            if self.returncode is not None:
                self.close()
        return self.returncode

    def wait(self) -> int | None:
        """Return `poll`: Jupyter calls this only after the process has exited."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has exited."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the connection; a process without a request exits then."""
        self._channel.close()


class ForkServer:
    """The process that forks kernels, started at first use.

    Parameters
    ----------
    environment, folder
        Variables and working folder of the process: those of the kernels, since some modules read
        them when they are imported.
    program
        The Python program to run; tests replace it.
    """

    def __init__(
        self,
        environment: dict[str, str],
        folder: str,
        *,
        program: Sequence[str] = ("-P", "-m", "imgurer_kernel.apps.fork_server"),
    ) -> None:
        # OpenBLAS starts its threads when it is loaded; one is enough for each of many kernels.
        self._environment = environment | {"OPENBLAS_NUM_THREADS": "1"}
        self._folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._has_forked = False
        self._has_failed = False

    def start(self) -> None:
        """Start the process, unless it runs; it is ready once it has imported all modules."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        own_end, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with child_end:
            self._control = own_end
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *self._program],
                stdin=child_end.fileno(),
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """The pid of the process, None if there is none."""
        return self._process.pid if self._process else None

    async def fork(
        self, arguments: Sequence[str], *, environment: dict[str, str], folder: str
    ) -> ForkedProcess:
        """Fork a process that becomes a kernel.

        Parameters
        ----------
        arguments
            Arguments of ``python -m ipykernel_launcher``.
        environment, folder
            All variables of the process, and its working folder.

        Raises
        ------
        ServerError
            If there is no process within `ANSWER_SECONDS`. From then on it is raised immediately,
            unless the cause was the exit of a fork server that had forked before.
        """
        if self._has_failed:
            message = "no kernel is forked, since that has failed before"
            raise ServerError(message)
        request = {"arguments": list(arguments), "environment": environment, "folder": folder}
        own_end, child_end = socket.socketpair()
        own_end.setblocking(False)
        forked = ForkedProcess(own_end)
        try:
            with child_end:
                self.start()
                assert self._control is not None  # noqa: S101 (`start` has made it)
                socket.send_fds(self._control, [b"1"], [child_end.fileno()])
            async with asyncio.timeout(ANSWER_SECONDS):
                await forked.begin(json.dumps(request).encode())
        except (OSError, ServerError, TimeoutError) as error:
            forked.close()
            self._has_failed = isinstance(error, TimeoutError) or not self._has_forked
            message = f"no kernel could be forked: {str(error) or 'there was no answer'}"
            raise ServerError(message) from error
        except BaseException:
            forked.close()
            raise
        self._has_forked = True
        return forked

    def close(self) -> None:
        """End the process, and with it its children."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if not self._has_forked:
                self._process.kill()  # it may still be importing
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class ForkingProvisioner(LocalProvisioner):
    """Forks kernels from the ``fork_server`` of their kernel manager, if it has one."""

    async def launch_kernel(
        self,
        cmd: list[str],
        **kwargs: Any,  # noqa: ANN401 - Popen's
    ) -> KernelConnectionInfo:
        """Fork a kernel; start it as usual if that fails, or if it is not one of ours."""
        managers = getattr(self.parent, "parent", None)
        server: ForkServer | None = getattr(managers, "fork_server", None)
        if server is not None and cmd[1:3] == _LAUNCHER:
            environment, folder = kwargs["env"], kwargs["cwd"]
            try:
                forked = await server.fork(cmd[3:], environment=environment, folder=folder)
            except ServerError as error:
                _log.warning("%s; it is started as usual", error)
            else:
                self.process = forked  # type: ignore[assignment]  # has the methods that are used
                self.pid = self.pgid = forked.pid
                self.cwd = folder
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)


def register() -> None:
    """Register `PROVISIONER` with jupyter_client, in this process only."""
    value = f"{__name__}:{ForkingProvisioner.__name__}"
    group = KernelProvisionerFactory.GROUP_NAME
    KernelProvisionerFactory.provisioners[PROVISIONER] = EntryPoint(PROVISIONER, value, group)
