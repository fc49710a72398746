"""End a server that is at work: its tasks, its connections to kernels, and their complaints."""

import asyncio
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zmq


@contextmanager
def silenced(*names: str) -> Iterator[None]:
    """Silence some loggers within the block: at the end, what is cut off would complain."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
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
