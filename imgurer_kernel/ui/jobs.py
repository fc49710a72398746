"""Long work beside the widgets: in a thread, with progress and cancel, the latest result wins.

A `Job` is a place for one piece of work at a time. Starting another gives up the one before, whose
result is then dropped. Results, progress and errors come back on the kernel's event loop, where
widgets may be touched.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from traitlets import Bool, HasTraits, Int, Unicode

from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.ui.formatting import sentence

T = TypeVar("T")

PATIENCE = 0.3
"""Seconds after which a wait is shown."""
_REPORT_EVERY = 0.1

_log = logging.getLogger(__name__)


def explain(error: BaseException) -> str:
    """What went wrong, in words for the person who sees it; the one place that decides so.

    An error of our tree explains itself. Any other one is a defect: its traceback goes to the
    log, and the person learns that it is there.

    Examples
    --------
    >>> explain(ImgurerError("there is no image 7"))
    'There is no image 7.'
    """
    if isinstance(error, ImgurerError):
        return sentence(str(error))
    _log.error("work for a panel failed", exc_info=error)
    return "Something went wrong inside; the server's log says what. Try again."


class Runner:
    """Threads for work, and the event loop that results come back to.

    Made where no event loop runs (a script, a test), it works at once and in place.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="panel")
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def run(self, work: Callable[[], T], then: Callable[[Future[T]], None]) -> None:
        """Do the work in a thread, and hand its future to `then` on the loop."""
        future = self._pool.submit(work)
        if self._loop is None:
            wait([future])
            then(future)
        else:
            future.add_done_callback(partial(self.call, then))

    def call(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the loop; from any thread."""
        if self._loop is None:
            function(*arguments)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def later(self, seconds: float, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the loop after a while; never where there is no loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, function, *arguments)


@dataclass(slots=True, eq=False)
class Task:
    """What a piece of work is given: a way to say how far it is, and to hear that it may stop."""

    progress: Callable[["Task", int, int], None]
    stop: threading.Event = field(default_factory=threading.Event)
    _told: float = 0.0

    def report(self, done: int, total: int) -> None:
        """Say how far the work is; cheap enough to be called for every step.

        Raises
        ------
        CancelledError
            If the work was given up: it ends here.
        """
        if self.stop.is_set():
            raise CancelledError
        now = time.monotonic()
        if now - self._told >= _REPORT_EVERY or done == total:
            self._told = now
            self.progress(self, done, total)


class Job(HasTraits):
    """One piece of work at a time.

    Traits
    ------
    busy
        Work is going on.
    waiting
        It takes long enough to be shown.
    what
        Words for it, such as ``"Looking for duplicates"``.
    done, total
        How far it is; total 0 where that is not known.
    failure
        What went wrong with the last work, in words; empty if nothing did.

    Examples
    --------
    >>> job = Job(Runner())
    >>> job.start("Adding", lambda task: 1 + 1, then=print)
    2
    >>> job.start("Dividing", lambda task: [][0], then=print)
    >>> job.busy, job.failure[:20]
    (False, 'Something went wrong')
    """

    busy = Bool(False)
    waiting = Bool(False)
    what = Unicode()
    done = Int()
    total = Int()
    failure = Unicode()

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._runner = runner
        self._task: Task | None = None

    def start(self, what: str, work: Callable[[Task], T], then: Callable[[T], None]) -> None:
        """Give up what is going on, do this work, and hand its result to `then` on the loop."""
        if self._task is not None:
            self._task.stop.set()
        self._task = task = Task(self._tell)
        with self.hold_trait_notifications():
            self.what, self.done, self.total, self.failure = what, 0, 0, ""
            self.busy = True
        self._runner.later(PATIENCE, self._lose_patience, task)
        self._runner.run(partial(work, task), partial(self._finish, task, then))

    def cancel(self) -> None:
        """Give up what is going on; its result is dropped when it comes."""
        if self._task is not None:
            self._task.stop.set()
            self._rest()

    def fail(self, error: BaseException) -> None:
        """Show an error that happened elsewhere in this place."""
        self.cancel()
        self.failure = explain(error)

    def _rest(self) -> None:
        self._task = None
        with self.hold_trait_notifications():
            self.busy = self.waiting = False

    def _lose_patience(self, task: Task) -> None:
        if task is self._task:
            self.waiting = True

    def _tell(self, task: Task, done: int, total: int) -> None:
        self._runner.call(self._note, task, done, total)

    def _note(self, task: Task, done: int, total: int) -> None:
        if task is self._task:
            with self.hold_trait_notifications():
                self.total, self.done = total, done

    def _finish(self, task: Task, then: Callable[[T], None], future: Future[T]) -> None:
        error = future.exception()
        if task is not self._task:
            if error is not None and not isinstance(error, ImgurerError | CancelledError):
                explain(error)  # nobody waits for it any more, yet a defect belongs in the log
            return
        self._rest()
        if error is None:
            then(future.result())
        else:
            self.failure = explain(error)
