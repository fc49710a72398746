"""Run long work in threads, with progress and cancellation; only the latest result is used.

A `Job` runs one piece of work at a time. Starting another cancels the one before and drops its
result. Results, progress and errors come back on the kernel's event loop, the only place where
widgets may be changed.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from traitlets import Bool, HasTraits, Int, Unicode

from imgurer_kernel.common.text import sentence
from imgurer_kernel.common.threads import ThreadPool
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.ui.shown_error import shown_error

T = TypeVar("T")

SHOW_WAIT_AFTER = 0.3
"""Seconds of work after which it is shown; a shorter one would only flash."""
# Seconds between two progress reports: each is a message to the browser.
_REPORT_EVERY = 0.1

_log = logging.getLogger(__name__)


def error_text(error: BaseException) -> str:
    """Turn an error into a sentence for the visitor.

    The text of an `ImgurerError` is used as it is. Any other error is a defect: its traceback goes
    to the log, and the sentence refers to that.

    Examples
    --------
    >>> error_text(ImgurerError("there is no image 7"))
    'There is no image 7.'
    """
    if isinstance(error, ImgurerError):
        return sentence(shown_error(error))
    _log.error("work for a panel failed", exc_info=error)
    return "Something went wrong inside; the server's log says what. Try again."


class Runner:
    """Threads for work, and the event loop that receives the results.

    Without a running event loop (in a script or a test), `run` waits for the result.
    """

    def __init__(self) -> None:
        # Enough for the simultaneous work of one visitor: header, clusters, a search, details.
        self._pool = ThreadPool(4, thread_name_prefix="panel")
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def run(self, work: Callable[[], T], on_done: Callable[[Future[T]], None]) -> None:
        """Run the work in a thread, and call `on_done` with its future on the loop."""
        future = self._pool.submit(work)
        if self._loop is None:
            # `wait` and not `result`: `on_done` handles the error, as on a loop.
            wait([future])
            on_done(future)
        else:
            future.add_done_callback(partial(self.call_soon, on_done))

    def call_soon(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the loop, from any thread; a closed loop drops the call."""
        if self._loop is None:
            function(*arguments)
        elif not self._loop.is_closed():  # closed: the kernel ends, and the result is not shown
            self._loop.call_soon_threadsafe(function, *arguments)

    def call_later(self, seconds: float, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the loop after some seconds; do nothing without a loop."""
        if self._loop is not None:
            # `call_later` is not thread-safe.
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, function, *arguments)


@dataclass(slots=True, eq=False)
class Task:
    """One running piece of work: it reports its progress here, and can be stopped."""

    on_progress: Callable[["Task", int, int], None]
    stop: threading.Event = field(default_factory=threading.Event)
    _last_report: float = 0.0

    def report(self, done: int, total: int) -> None:
        """Report progress in steps; cheap enough to call for every step.

        Raises
        ------
        CancelledError
            If the work was cancelled; let it end the work.
        """
        if self.stop.is_set():
            raise CancelledError
        now = time.monotonic()
        # Always send the last report: otherwise the line would stay at 98 % until the result.
        if now - self._last_report >= _REPORT_EVERY or done == total:
            self._last_report = now
            self.on_progress(self, done, total)


class Job(HasTraits):
    """One piece of work at a time.

    Traits
    ------
    busy
        Work is running.
    waiting
        It has run long enough to be shown.
    label
        Description for the user, such as ``"Looking for duplicates"``.
    done, total
        Progress in steps; total is 0 if unknown.
    failure
        The error of the last work as a sentence; empty if there was none.

    Examples
    --------
    >>> job = Job(Runner())
    >>> job.start("Adding", lambda task: 1 + 1, on_result=print)
    2
    >>> job.start("Dividing", lambda task: [][0], on_result=print)
    >>> job.busy, job.failure[:20]
    (False, 'Something went wrong')
    """

    busy = Bool(False)
    waiting = Bool(False)
    label = Unicode()
    done = Int()
    total = Int()
    failure = Unicode()

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._runner = runner
        self._task: Task | None = None

    def start(self, label: str, work: Callable[[Task], T], on_result: Callable[[T], None]) -> None:
        """Cancel the previous work, run this, and call `on_result` with the result on the loop."""
        if self._task is not None:
            self._task.stop.set()
        self._task = task = Task(self._receive_progress)
        # Observers see all traits change at once, never a new label with old progress.
        with self.hold_trait_notifications():
            self.label, self.done, self.total, self.failure = label, 0, 0, ""
            self.busy = True
        self._runner.call_later(SHOW_WAIT_AFTER, self._show_wait, task)
        self._runner.run(partial(work, task), partial(self._finish, task, on_result))

    def show(self, task: Task, on_result: Callable[[T], None], result: T) -> None:
        """Show an intermediate result; called by the work itself."""
        self._runner.call_soon(self._show, task, on_result, result)

    def _show(self, task: Task, on_result: Callable[[T], None], result: T) -> None:
        if task is self._task:
            on_result(result)

    def cancel(self) -> None:
        """Cancel the running work; its result is dropped."""
        if self._task is not None:
            self._task.stop.set()
            self._clear_task()

    def fail(self, error: BaseException) -> None:
        """Cancel the running work, and show an error that was raised elsewhere."""
        self.cancel()
        self.failure = error_text(error)

    def _clear_task(self) -> None:
        self._task = None
        with self.hold_trait_notifications():
            self.busy = self.waiting = False

    def _show_wait(self, task: Task) -> None:
        if task is self._task:
            self.waiting = True

    def _receive_progress(self, task: Task, done: int, total: int) -> None:
        self._runner.call_soon(self._set_progress, task, done, total)

    def _set_progress(self, task: Task, done: int, total: int) -> None:
        # A report may arrive after other work has replaced its task.
        if task is self._task:
            with self.hold_trait_notifications():
                self.total, self.done = total, done

    def _finish(self, task: Task, on_result: Callable[[T], None], future: Future[T]) -> None:
        error = future.exception()
        if task is not self._task:  # cancelled, or replaced by other work
            if error is not None and not isinstance(error, ImgurerError | CancelledError):
                error_text(error)  # the result is dropped, but a defect must be logged
            return
        self._clear_task()
        if error is None:
            on_result(future.result())
        else:
            self.failure = error_text(error)
