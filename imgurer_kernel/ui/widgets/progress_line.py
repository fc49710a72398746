"""One line that shows running jobs, their progress and their errors."""

from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages


class ProgressLine(anywidget.AnyWidget):
    """Show the first job that has run for long, with a button that cancels all jobs.

    The line keeps its height while no job runs, so that the content below does not jump.

    Parameters
    ----------
    jobs
        The jobs to follow.

    Traits
    ------
    shown
        Whether a job has run long enough to be shown.
    label, done, total
        That job's label and progress in steps; total is 0 if unknown.
    failure
        Error messages of all jobs; empty without errors.
    idle_text
        Text shown while no job runs, such as ``"12 results"``.
    """

    _esm = script("widgets/common.js", "widgets/progress_line.js")
    _css = static("theme/tokens.css", "widgets/common.css", "widgets/progress_line.css")
    shown = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    done = traitlets.Int().tag(sync=True)
    total = traitlets.Int().tag(sync=True)
    failure = traitlets.Unicode().tag(sync=True)
    idle_text = traitlets.Unicode().tag(sync=True)

    def __init__(self, *jobs: Job) -> None:
        super().__init__()
        self._jobs = jobs
        for job in jobs:
            job.observe(self._update)
        receive_messages(self, self._receive)
        self._update(None)

    def _update(self, _: object) -> None:
        slow = next((job for job in self._jobs if job.waiting), None)
        failures = [job.failure for job in self._jobs if job.failure]
        with self.hold_sync():
            if slow is not None:
                self.label, self.done, self.total = slow.label, slow.done, slow.total
            self.shown = slow is not None
            self.failure = " ".join(failures)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "cancel":
            for job in self._jobs:
                job.cancel()
