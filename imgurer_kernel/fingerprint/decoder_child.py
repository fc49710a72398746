"""The child process of `imgurer_kernel.fingerprint.decoder_process`.

Run with three arguments: descriptors of the pipe and of the memory that files come in, and what to
call, as ``module:name``.
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

MOST_WORDS = 64 << 10
"""Bytes that a child may write into any file: what its libraries complain about, and no more."""

_READY = b"ready"
# Beside the parent's own clock, which also counts waiting: nothing goes on if the parent is gone.
# Twice the time, for decoders with threads of their own.
_CORES, _GRACE_SECONDS = 2, 5


def main(pipe_at: str, file_at: str, decoder: str) -> None:
    """Decode until the parent closes the pipe or ends."""
    module, _, name = decoder.partition(":")
    call = getattr(import_module(module), name)
    pipe = Connection(int(pipe_at))
    words = _catch_words()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _end_with_parent()
    # After the thread above, whose stack and heap are addresses too.
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
            # Without its cause and what that holds on to: the parent knows no other errors.
            answer = type(error)(str(error))
        except MemoryError:
            answer = DecoderFailed(
                f"decoding it took more than {limits.decode_memory:,} bytes of memory "
                "(decode_memory in the settings)"
            )
        pipe.send((answer, _words_so_far(words)))


def _do(
    task: str,
    argument: tuple[int, int],
    call: Callable[..., object],
    data: bytes,
    limits: Settings,
) -> object:
    """Do one of the tasks; what is no fingerprint is a tuple of numbers, texts and bytes."""
    if task == "fingerprint":
        return call(data, limits=limits)
    if task == "pixels":
        pixels = decode.read(data, limits, frame=argument).view().rgb(argument)
        return (*pixels.shape[:2], pixels.tobytes())
    if task == "digest":
        return (decode.read(data, limits, exact=True).digest(),)
    view = for_browser(data, limits)
    # The parent has the file.
    shown = b"" if view.data is data else view.data
    return view.mime_type, shown, view.width, view.height, view.reduced


def _catch_words() -> BinaryIO:
    """Capture in memory what C libraries write to standard error."""
    words = os.fdopen(os.memfd_create("words"), "w+b", buffering=0)
    os.dup2(words.fileno(), 2)
    LOG.addHandler(logging.StreamHandler())
    logging.raiseExceptions = False
    # Nothing else is to be written by a decoder. More than this is an error for who writes; the
    # signal that comes with it is one that Python ignores.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WORDS, MOST_WORDS))
    return words


def _words_so_far(words: BinaryIO) -> str:
    words.seek(0)
    text = words.read().decode("utf-8", "replace")
    words.seek(0)
    words.truncate()
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
    # Linux has signals on a parent's death, but of the thread that started the child, which
    # may end long before. A look a second costs nothing.
    tick = threading.Event()

    def watch() -> None:
        while not tick.wait(1.0):
            if os.getppid() != parent:
                os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent").start()
