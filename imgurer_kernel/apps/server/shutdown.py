"""End a running server: its tasks, its connections to kernels, and their log messages."""

import asyncio
import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zmq
from tornado.ioloop import IOLoop


def stop_on_signals(loop: IOLoop) -> None:
    """Let a loop stop at Ctrl-C, a termination signal, or when its terminal is closed.

    A server started by ``nohup`` survives its terminal.
    """

    def stop(*_: object) -> None:
        asyncio_loop.call_soon_threadsafe(asyncio_loop.stop)

    asyncio_loop: asyncio.AbstractEventLoop = loop.asyncio_loop  # type: ignore[attr-defined]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        signal.signal(hangup, stop)


def print_line(line: str) -> None:
    """Print a line immediately; ignore a closed terminal or reader."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def silenced(*names: str) -> Iterator[None]:
    """Silence some loggers within the block: cancelled connections would log errors.

    It also silences Python's warnings about coroutines that were never awaited.
    """
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


async def cancel_tasks() -> None:
    """Cancel all tasks of the current loop except the calling one."""
    # A running notebook handles a cancellation like a dead cell, and continues; so repeat.
    for _ in range(8):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if not others:
            break
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=0.05)


def close_context(context: zmq.Context[Any]) -> None:
    """Close a ZeroMQ context with all its sockets, including leaked ones."""
    # A context waits forever for its sockets, and a cancelled start leaks some that only the
    # garbage collector knows.
    for each in gc.get_objects():
        if isinstance(each, zmq.Socket) and not each.closed:
            owner = each.context
            if owner is not None and owner.underlying == context.underlying:
                each.close(linger=0)
    context.destroy(linger=0)
