"""Servers that are forked from one process with all imports, as they fork their kernels.

Importing what a server needs takes two thirds of a second of processor time, for a score of them.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import time
from functools import cache

from imgurer_kernel.apps.server.forked_kernels import ForkedProcess

# Becomes a server, where the product would become a kernel.
FORKS = """
import os, sys, types
from imgurer_kernel.apps import fork_server

class Servers:
    @staticmethod
    def launch_instance(arguments):
        del sys.modules["ipykernel.kernelapp"]
        program, options, out = arguments[:3]
        descriptor = os.open(out, os.O_WRONLY)
        for number in (1, 2):
            os.dup2(descriptor, number)
        os.close(descriptor)
        sys.argv = ["-c", options]
        exec(program, {"__name__": "__main__"})

sys.modules["ipykernel.kernelapp"] = types.SimpleNamespace(IPKernelApp=Servers)
fork_server.MODULES = ("imgurer_kernel.apps.server", "imgurer_kernel.settings")
fork_server.COMPILED = ()
fork_server.main()
"""


class ForkedServer(ForkedProcess):
    """A server with those methods of `subprocess.Popen` that tests use, and its output."""

    def __init__(self, channel, out):
        super().__init__(channel)
        self.pid = int(channel.recv(64).split()[1])
        self._out = out
        self.stdout = None

    def begin(self, request):
        """Send what it is to run."""
        self._channel.sendall(json.dumps(request).encode())
        self._channel.shutdown(socket.SHUT_WR)
        self._channel.setblocking(False)
        self.stdout = self._out.open(encoding="utf-8")

    def wait(self, seconds=60):
        """Wait until it has ended."""
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("the server", seconds)
            time.sleep(0.01)


@cache
def _forks(path):
    """The socket of the process that forks; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-c", FORKS]
    environment = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen(command, stdin=theirs, env=environment)
    theirs.close()

    @atexit.register
    def end():
        ours.close()
        process.wait(60)

    return ours


def fork(program, options, *, environment, folder, out):
    """Run a program in a process of its own; `out` is a path for the pipe of its output."""
    control = _forks(environment["PYTHONPATH"])
    os.mkfifo(out)
    channel, other = socket.socketpair()
    socket.send_fds(control, [b"1"], [other.fileno()])
    other.close()
    server = ForkedServer(channel, out)
    arguments = [program, options, str(out)]
    server.begin({"arguments": arguments, "environment": environment, "folder": str(folder)})
    return server
