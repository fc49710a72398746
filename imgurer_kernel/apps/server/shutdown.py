"""End a server that is at work: its tasks, its connections to kernels, and their complaints."""

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
    """Let a loop stop at Ctrl-C, a termination signal, and when its terminal is closed.

    What is started by ``nohup`` outlives its terminal.
    """

    def stop(*_: object) -> None:
        asyncio_loop.call_soon_threadsafe(asyncio_loop.stop)

    asyncio_loop: asyncio.AbstractEventLoop = loop.asyncio_loop  # type: ignore[attr-defined]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        signal.signal(hangup, stop)


def say(line: str) -> None:
    """Print a line at once, and no more where the terminal or the reader is gone."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def silenced(*names: str) -> Iterator[None]:
    """Silence some loggers within the block: at the end, what is cut off would complain.

    So would Python, of coroutines that were never begun.
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
    """Cancel what still runs on the current loop, itself excepted."""
    # A notebook that is being run takes a cancellation for a dead cell, and goes on.
    for _ in range(8):
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if not others:
            break
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=0.05)


def close_context(context: zmq.Context[Any]) -> None:
    """Close a context with all its sockets, be they forgotten."""
    # A context waits for all its sockets for ever, and a cancelled start leaves some behind that
    # only the garbage collector knows.
    for each in gc.get_objects():
        if isinstance(each, zmq.Socket) and not each.closed:
            owner = each.context
            if owner is not None and owner.underlying == context.underlying:
                each.close(linger=0)
    context.destroy(linger=0)
