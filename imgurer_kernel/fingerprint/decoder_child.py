"""The child process of `imgurer_kernel.fingerprint.decoder_process`.

Run with three arguments: the descriptors of the pipe and of the memory for files, and the function
to call, as ``module:name``.
"""

import logging
import os
import resource
import threading
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO

from imgurer_kernel.errors import DecoderFailed, ImageRejected
from imgurer_kernel.fingerprint import decode
from imgurer_kernel.fingerprint.browser_view import for_browser
from imgurer_kernel.fingerprint.codecs.libtiff import LOG
from imgurer_kernel.settings import Settings

MOST_MESSAGE_BYTES = 64 << 10
"""Bytes that a child may write to any file: enough for the messages of its libraries."""

_READY = b"ready"
# Limit on processor time, in addition to the parent's limit on elapsed time, in case the parent has
# died. Twice the time, for decoders with several threads.
_CORES, _GRACE_SECONDS = 2, 5


def main(pipe_at: str, file_at: str, decoder: str) -> None:
    """Decode until the parent closes the pipe or ends."""
    module, _, name = decoder.partition(":")
    call = getattr(import_module(module), name)
    pipe = Connection(int(pipe_at))
    messages = _capture_stderr()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _end_with_parent()
    # After the thread above was started: its stack and heap count as address space.
    before = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    before *= os.sysconf("SC_PAGE_SIZE")
    pipe.send_bytes(_READY)
    while True:
        try:
            task, argument, size, limits = pipe.recv()
        except (EOFError, OSError):
            return
        _limit_memory(before + size + limits.decode_memory)
        _limit_time(limits.decode_seconds)
        answer: object
        try:
            answer = _do(task, argument, call, os.pread(int(file_at), size, 0), limits)
        except ImageRejected as error:
            # Without its cause and traceback: the parent accepts no other classes.
            answer = type(error)(str(error))
        except MemoryError:
            answer = DecoderFailed(
                f"decoding it took more than {limits.decode_memory:,} bytes of memory "
                "(decode_memory in the settings)"
            )
        pipe.send((answer, _take_messages(messages)))


def _do(
    task: str,
    argument: tuple[int, int],
    call: Callable[..., object],
    data: bytes,
    limits: Settings,
) -> object:
    """Do one of the tasks; results except fingerprints are tuples of numbers, texts and bytes."""
    if task == "fingerprint":
        return call(data, limits=limits)
    if task == "pixels":
        pixels = decode.read(data, limits, frame=argument).view().rgb(argument)
        return (*pixels.shape[:2], pixels.tobytes())
    if task == "digest":
        return (decode.read(data, limits, exact=True).digest(),)
    view = for_browser(data, limits)
    # The parent has the file already.
    shown = b"" if view.data is data else view.data
    return view.mime_type, shown, view.width, view.height, view.reduced


def _capture_stderr() -> BinaryIO:
    """Capture messages of C libraries to standard error in memory."""
    messages = os.fdopen(os.memfd_create("messages"), "w+b", buffering=0)
    os.dup2(messages.fileno(), 2)
    LOG.addHandler(logging.StreamHandler())
    logging.raiseExceptions = False
    # A decoder must write nothing else. Beyond the limit a write fails; Python ignores the signal
    # SIGXFSZ that is sent, too.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_MESSAGE_BYTES, MOST_MESSAGE_BYTES))
    return messages


def _take_messages(messages: BinaryIO) -> str:
    """Return the captured messages, and clear them."""
    messages.seek(0)
    text = messages.read().decode("utf-8", "replace")
    messages.seek(0)
    messages.truncate()
    return text


def _limit_memory(most: int) -> None:
    """Limit the address space, since Linux has no limit on resident memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _limit_time(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + _CORES * seconds + _GRACE_SECONDS)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _end_with_parent() -> None:
    """End this process with its parent, even while a decoder holds the main thread."""
    parent = os.getppid()
    # Linux can send a signal when the parent dies, but it is sent when the thread ends that
    # started the child, which may be long before. Polling once a second costs nothing.
    tick = threading.Event()

    def watch() -> None:
        while not tick.wait(1.0):
            if os.getppid() != parent:
                os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent").start()
