"""Kernels that are forked from one process instead of started, for the memory that they share.

`ForkServer` is the server's side of `imgurer_kernel.apps.fork_server`; `ForkingProvisioner` is what
jupyter_client asks for a process. Where none can be forked, a kernel is started as everywhere else.
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
"""Whether processes with all these modules can be forked here."""

PROVISIONER = "imgurer-fork"
"""The name by which a kernel's specification asks for `ForkingProvisioner`."""

_LAUNCHER = ["-m", "ipykernel_launcher"]

ANSWER_SECONDS = 30.0
"""Longest to wait for a fork; the first comes after all imports, on a machine that may be busy."""


END_SECONDS = 1.0
"""How long the fork server has to end, and with it what it has forked."""


class ForkedProcess:
    """A process that another one has forked, with as much of `subprocess.Popen` as Jupyter uses."""

    stdin = stdout = stderr = None

    def __init__(self, channel: socket.socket) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._channel = channel
        self._said = b""

    async def begin(self, request: bytes) -> None:
        """Wait for the process, and tell it what it shall be.

        Raises
        ------
        ServerError
            If there is none.
        """
        loop = asyncio.get_running_loop()
        while b"\n" not in self._said:
            said = await loop.sock_recv(self._channel, 64)
            if not said:
                break
            self._said += said
        line, _, self._said = self._said.partition(b"\n")
        what, _, number = line.decode("ascii").partition(" ")
        if what != KERNEL:
            message = f"no kernel was forked; the answer was {line.decode('ascii')!r}"
            raise ServerError(message)
        self.pid = int(number)
        await loop.sock_sendall(self._channel, request)
        self._channel.shutdown(socket.SHUT_WR)

    def poll(self) -> int | None:
        """Return how the process has ended, None while it runs; who has ended has no number then.

        That is unknown where the fork server has ended before: its children were killed then.
        """
        while self.returncode is None:
            try:
                said = self._channel.recv(64)
            except BlockingIOError:
                return None
            except OSError:
                said = b""
            self._said += said
            line, end, _ = self._said.partition(b"\n")
            if end:
                self.returncode = int(line.decode("ascii").removeprefix(STATUS))
            elif not said:
                self.returncode = -signal.SIGKILL
            if self.returncode is not None:
                self.close()
        return self.returncode

    def wait(self) -> int | None:
        """Return what `poll` does: Jupyter waits only for what has ended."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Give up the connection: a process that has not yet been told what it shall be ends."""
        self._channel.close()


class ForkServer:
    """The process that forks kernels, started when the first one is wanted.

    Parameters
    ----------
    environment, folder
        Variables of the process, and where it works: those that kernels have, for some modules
        read them when they are imported.
    program
        What Python runs; the seam for tests.
    """

    def __init__(
        self,
        environment: dict[str, str],
        folder: str,
        *,
        program: Sequence[str] = ("-P", "-m", "imgurer_kernel.apps.fork_server"),
    ) -> None:
        # OpenBLAS starts its threads when it is loaded; each of many kernels does with one.
        self._environment = environment | {"OPENBLAS_NUM_THREADS": "1"}
        self._folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._has_forked = False
        self._given_up = False

    def start(self) -> None:
        """Start the process, unless it runs; it is ready when it has imported all modules."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._control = ours
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, *self._program],
                stdin=theirs.fileno(),
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """The number of the process, None where there is none."""
        return self._process.pid if self._process else None

    async def fork(
        self, arguments: Sequence[str], *, environment: dict[str, str], folder: str
    ) -> ForkedProcess:
        """Fork a process and let it be a kernel.

        Parameters
        ----------
        arguments
            Those of ``python -m ipykernel_launcher``.
        environment, folder
            All variables of the process, and where it works.

        Raises
        ------
        ServerError
            If there is none within `ANSWER_SECONDS`. From then on it is raised at once, unless it
            was by the end of a process that has forked others before.
        """
        if self._given_up:
            message = "no kernel is forked, since that has failed before"
            raise ServerError(message)
        asked = {"arguments": list(arguments), "environment": environment, "folder": folder}
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        forked = ForkedProcess(ours)
        try:
            with theirs:
                self.start()
                assert self._control is not None  # noqa: S101 (`start` has made it)
                socket.send_fds(self._control, [b"1"], [theirs.fileno()])
            async with asyncio.timeout(ANSWER_SECONDS):
                await forked.begin(json.dumps(asked).encode())
        except (OSError, ServerError, TimeoutError) as error:
            forked.close()
            self._given_up = isinstance(error, TimeoutError) or not self._has_forked
            message = f"no kernel could be forked: {str(error) or 'there was no answer'}"
            raise ServerError(message) from error
        except BaseException:
            forked.close()
            raise
        self._has_forked = True
        return forked

    def close(self) -> None:
        """End the process, and with it all that it has forked."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if not self._has_forked:
                self._process.kill()  # it may import, for a second yet
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class ForkingProvisioner(LocalProvisioner):
    """Has kernels forked by the ``fork_server`` of the manager of all kernels, if it has one."""

    async def launch_kernel(
        self,
        cmd: list[str],
        **kwargs: Any,  # noqa: ANN401 - Popen's
    ) -> KernelConnectionInfo:
        """Fork a kernel; start it as usual where that fails, or where it is no kernel of ours."""
        managers = getattr(self.parent, "parent", None)
        server: ForkServer | None = getattr(managers, "fork_server", None)
        if server is not None and cmd[1:3] == _LAUNCHER:
            environment, folder = kwargs["env"], kwargs["cwd"]
            try:
                forked = await server.fork(cmd[3:], environment=environment, folder=folder)
            except ServerError as error:
                _log.warning("%s; it is started as usual", error)
            else:
                self.process = forked  # type: ignore[assignment]  # as much of it as is used
                self.pid = self.pgid = forked.pid
                self.cwd = folder
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)


def register() -> None:
    """Make `PROVISIONER` known to jupyter_client in this process, and in no other."""
    value = f"{__name__}:{ForkingProvisioner.__name__}"
    group = KernelProvisionerFactory.GROUP_NAME
    KernelProvisionerFactory.provisioners[PROVISIONER] = EntryPoint(PROVISIONER, value, group)
