"""Fingerprint untrusted pictures in child processes, which may hang, grow or crash.

A decoder is C code that may read a file made by an attacker. Here it runs in a child with limits on
time, memory and bytes written; a child that exceeds one is killed, its picture is rejected with the
reason, and the next picture gets a new child. A child is not a sandbox: an attacker who controls it
has the permissions of the user who runs this program.

Children are started by `subprocess` instead of `multiprocessing`, which would run the user's own
script again in each of them. Files are passed in shared memory: through a pipe they would arrive in
pieces, each of which wakes the other side.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path

import numpy as np

from imgurer_kernel import errors
from imgurer_kernel.common.paths import module_folders
from imgurer_kernel.common.records import Fingerprint
from imgurer_kernel.common.threads import cores, start
from imgurer_kernel.common.types import UInt8s
from imgurer_kernel.errors import DecoderFailed, ImageRejected
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.browser_view import BrowserView, for_browser
from imgurer_kernel.fingerprint.codecs.libtiff import LOG
from imgurer_kernel.fingerprint.decoder_answer import DecoderAnswer, read_answer
from imgurer_kernel.fingerprint.extract import fingerprint
from imgurer_kernel.settings import Settings

__all__ = ["AVAILABLE", "DecoderProcesses"]

IDLE_SECONDS = 60.0
"""Time after which an idle child is ended: it holds 24 MB, and starts in a quarter of a second."""
START_SECONDS = 120.0
"""Longest time for a child to start; far more than it takes on a busy machine."""
PIECE_SECONDS = 10
"""Longest wait for the rest of an answer after its first byte."""
MOST_ANSWER = 256 << 20
"""Bytes of the largest answer: a fingerprint has some 20 KB, a picture for a browser 40 MB."""
MOST_LINES = 20
"""Most lines of decoder messages for one file in the log."""
AVAILABLE = sys.platform == "linux"
"""Whether such processes are supported; otherwise pictures are decoded in this process."""

# Imports this package from the folder that this process uses, not another one that the child might
# find first.
_START = """
import sys, types
package = sys.modules["imgurer_kernel"] = types.ModuleType("imgurer_kernel")
package.__path__ = [sys.argv[1]]
sys.path += sys.argv[5:]
from imgurer_kernel.fingerprint import decoder_child
decoder_child.main(*sys.argv[2:5])
"""


class DecoderProcesses:
    """A pool of child processes that decode, started when they are needed; safe for threads.

    Parameters
    ----------
    workers
        Most children that decode at the same time; 0 for one for each core.
    decode
        The function of a module that the children call like `fingerprint`; replaced in tests.

    Examples
    --------
    >>> processes = DecoderProcesses()
    >>> try:
    ...     processes.fingerprint(b"not a picture", limits=Settings())
    ... except ImageRejected as reason:
    ...     print(reason)
    this is a text file, which cannot be ingested; choose a picture
    >>> processes.close()
    """

    def __init__(self, workers: int = 0, decode: Callable[..., Fingerprint] = fingerprint) -> None:
        self._decode = decode
        self._turns = threading.BoundedSemaphore(cores(workers))
        self._lock = threading.Lock()
        self._free: list[_Child] = []
        self._idle_timer: threading.Timer | None = None
        # Ends the children also if the program ends without calling `close`.
        weakref.finalize(self, _end_all, self._free)

    def fingerprint(self, data: bytes, *, limits: Settings) -> Fingerprint:
        """Do what `imgurer_kernel.fingerprint.fingerprint` does, in a child.

        Raises
        ------
        ImageRejected
            If it is not a picture that can be ingested.
        DecoderFailed
            If the child took too long or too much memory, or crashed.
        """
        if not AVAILABLE:
            return self._decode(data, limits=limits)
        found = self._ask("fingerprint", (0, 0), data, limits)
        assert isinstance(found, Fingerprint)  # noqa: S101 (`read_answer` has looked)
        return found

    def pixels(self, data: bytes, frame: tuple[int, int], *, limits: Settings) -> UInt8s:
        """Decode a picture to fit into a frame, uint8 (height, width, 3); errors as above."""
        if not AVAILABLE:
            return decode.read(data, limits, frame=frame).view().rgb(frame)
        height, width, raw = self._ask("pixels", frame, data, limits)  # type: ignore[misc]
        # A copy, since compiled functions accept no read-only arrays.
        return np.frombuffer(raw, np.uint8).reshape(height, width, 3).copy()

    def digest(self, data: bytes, *, limits: Settings) -> str:
        """Hash every pixel of a picture's first frame, 64 hex digits; errors as above."""
        if not AVAILABLE:
            return decode.read(data, limits, exact=True).digest()
        (found,) = self._ask("digest", (0, 0), data, limits)  # type: ignore[misc]
        return str(found)

    def browser_view(self, data: bytes, *, limits: Settings) -> BrowserView:
        """Do what `for_browser` does; errors as above."""
        if not AVAILABLE:
            return for_browser(data, limits)
        found = self._ask("view", (0, 0), data, limits)
        mime, shown, width, height, reduced = found  # type: ignore[misc]
        return BrowserView(mime, shown or data, width, height, reduced)

    def _ask(
        self, task: str, argument: tuple[int, int], data: bytes, limits: Settings
    ) -> DecoderAnswer:
        with self._turns:
            child = self._take()
            try:
                found = child.ask(task, argument, data, limits)
            except DecoderFailed:
                child.end()  # it may still hold memory, or be decoding
                raise
            except ImageRejected:
                self._put_back(child)
                raise
            except BaseException:
                child.end()
                raise
            self._put_back(child)
            return found

    def close(self) -> None:
        """End the idle children; the next picture starts another one."""
        with self._lock:
            free = self._free.copy()
            self._free.clear()
        _end_all(free)

    def _take(self) -> "_Child":
        with self._lock:
            while self._free:
                child = self._free.pop()
                if child.alive:  # it may have been killed meanwhile
                    return child
                child.end()
        return _Child(self._decode)

    def _put_back(self, child: "_Child") -> None:
        with self._lock:
            child.idle_since = time.monotonic()
            self._free.append(child)
            if self._idle_timer is None:
                self._start_idle_timer()

    def _start_idle_timer(self) -> None:
        # By a weak reference, so that the timer does not keep a closed store in memory.
        find_idle = weakref.WeakMethod(self._remove_idle)
        timer = threading.Timer(IDLE_SECONDS, _end_idle, [find_idle])
        timer.daemon = True
        # If no thread can be started, the next `_put_back` tries again.
        self._idle_timer = timer if start(timer) else None

    def _remove_idle(self) -> "list[_Child]":
        """Remove and return the children that are idle for long; check the others later."""
        before = time.monotonic() - IDLE_SECONDS
        with self._lock:
            idle = [child for child in self._free if child.idle_since <= before]
            self._free[:] = [child for child in self._free if child not in idle]
            self._idle_timer = None
            if self._free:
                self._start_idle_timer()
        return idle


def _end_idle(find: "weakref.WeakMethod[Callable[[], list[_Child]]]") -> None:
    method = find()
    if method is not None:
        _end_all(method())


def _end_all(children: "list[_Child]") -> None:
    for child in children:
        child.end()


class _Child:
    """One process, its pipe and the shared memory for files; used by one thread at a time."""

    def __init__(self, decode: Callable[..., Fingerprint]) -> None:
        self.idle_since = 0.0
        self._owner = os.getpid()
        self._file = os.memfd_create("picture")
        self._pipe, child_end = Pipe()
        # A compromised child may send only a part of an answer.
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as same:
            waits = struct.pack("@ll", PIECE_SECONDS, 0)
            same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, waits)
        command = [
            *(sys.executable, "-P", "-c", _START, str(Path(errors.__file__).parent)),
            *(str(child_end.fileno()), str(self._file)),
            f"{decode.__module__}:{decode.__qualname__}",
            # This process's search path for modules, after the default one: a file in the folder
            # of a script may have the name of a module of Python's library.
            *module_folders(),
        ]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                pass_fds=[child_end.fileno(), self._file],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Ctrl-C must reach the parent only, which ends its children.
                start_new_session=True,
                # Each further heap or thread takes address space, which is limited.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
            )
        except OSError as error:
            self._release()
            raise DecoderFailed(_not_started(error.strerror or str(error))) from error
        finally:
            child_end.close()  # so that the end of the child is the end of the pipe
        self._await_start()

    @property
    def alive(self) -> bool:
        """Whether it can be used; a forked copy of this process does not own its children."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(
        self, task: str, argument: tuple[int, int], data: bytes, limits: Settings
    ) -> DecoderAnswer:
        """Send one picture to be decoded; see `DecoderProcesses.fingerprint`."""
        try:
            self._write_file(data)
            self._pipe.send((task, argument, len(data), limits))
            if not self._pipe.poll(limits.decode_seconds):
                raise DecoderFailed(_too_long(limits))
            answer, messages = read_answer(self._pipe.recv_bytes(MOST_ANSWER), task)
            os.ftruncate(self._file, 0)
        except (EOFError, OSError) as error:
            raise DecoderFailed(self._failure(error, limits)) from error
        _log_messages(messages)
        if isinstance(answer, ImageRejected):
            raise answer
        return answer

    def end(self) -> None:
        """Kill the process, if it lives, and free its resources; harmless if repeated."""
        if self._pipe.closed:
            return
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._release()

    def _release(self) -> None:
        self._pipe.close()
        os.close(self._file)

    def _write_file(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:  # a call writes two gigabytes at most
            rest = rest[os.pwrite(self._file, rest, len(data) - len(rest)) :]

    def _await_start(self) -> None:
        try:
            started = self._pipe.poll(START_SECONDS) and bool(self._pipe.recv_bytes(16))
        except (EOFError, OSError):
            started = False
        if not started:
            self.end()
            raise DecoderFailed(_not_started(_status_text(self._process.returncode)))

    def _failure(self, error: Exception, limits: Settings) -> str:
        """Describe why the child did not answer."""
        try:
            # Its end of the pipe is closed shortly before the process ends.
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return f"the decoder gave no whole answer ({error}); it may have been made to do so"
        if status == -signal.SIGXCPU:
            return _too_long(limits)
        return f"the decoder crashed on it ({_status_text(status)}); it may have been made to do so"


def _not_started(why: str) -> str:
    return (
        f"the process that decodes untrusted pictures could not be started ({why}); is there "
        "memory for another process?"
    )


def _too_long(limits: Settings) -> str:
    return (
        f"decoding it took more than {limits.decode_seconds:g} s (decode_seconds in the settings)"
    )


def _status_text(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _log_messages(messages: str) -> None:
    """Log messages of a child's libraries, up to a number of lines."""
    for line in messages.splitlines()[:MOST_LINES]:
        shown = "".join(char if char.isprintable() else "\ufffd" for char in line)
        LOG.warning("%s", shown)
