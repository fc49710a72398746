"""A queue of work that is done in order, in the background, and never dropped."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from traitlets import HasTraits, Int, Unicode

from imgurer_kernel.ui.jobs import Runner, error_text


class ActQueue(HasTraits):
    """Runs one piece of work after the other in a thread.

    A `imgurer_kernel.ui.jobs.Job` cancels its previous work, which is right for a search and wrong
    for acts on files.

    Traits
    ------
    waiting
        Number of pieces of work that are not done yet.
    failure
        The error of the last one as a sentence; empty without an error.
    """

    waiting = Int(0)
    failure = Unicode()

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._runner = runner
        self._work: deque[tuple[Callable[[], Any], Callable[[Any], None]]] = deque()
        self._running = False

    def add(self, work: Callable[[], Any], on_result: Callable[[Any], None]) -> None:
        """Queue work; `on_result` gets its result on the loop, or None after an error."""
        self._work.append((work, on_result))
        self.waiting = len(self._work)
        if not self._running:
            self._next()

    def _next(self) -> None:
        self._running = bool(self._work)
        if self._running:
            # Running work stays in the queue, so that `waiting` counts it.
            work, on_result = self._work[0]
            self._runner.run(work, partial(self._finish, on_result))

    def _finish(self, on_result: Callable[[Any], None], future: Future[Any]) -> None:
        self._work.popleft()
        error = future.exception()
        self.failure = "" if error is None else error_text(error)
        self.waiting = len(self._work)
        # None stands for an error: the caller then reverts what it shows as pending. The next work
        # must run even if `on_result` raises.
        try:
            on_result(None if error is not None else future.result())
        finally:
            self._next()
