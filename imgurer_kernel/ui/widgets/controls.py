"""Small controls that the stock widgets have no match for: radius, trail, wait, figures."""

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.ui.formatting import RADIUS_WORDS
from imgurer_kernel.ui.jobs import Job
from imgurer_kernel.ui.theme.theme import script, static

_CSS = static("theme/tokens.css", "widgets/controls.css")


class RadiusSlider(anywidget.AnyWidget):
    """How far pictures may be apart, with words at the ticks.

    Traits
    ------
    value
        Bits; changes when the handle is let go.
    stops
        The radii that the handle stops at; they lie closer where a bit means more.
    ticks
        Stops with words, each (bits, words).
    """

    _esm = script("widgets/common.js", "widgets/radius.js")
    _css = _CSS
    value = traitlets.Int(10).tag(sync=True)
    label = traitlets.Unicode("How far apart").tag(sync=True)
    stops = traitlets.Any([*range(10), *range(10, 20, 2), 20, 24, 32]).tag(sync=True)
    ticks = traitlets.Any([list(tick) for tick in RADIUS_WORDS.items()]).tag(sync=True)


class Trail(anywidget.AnyWidget):
    """The pictures searched for, the present one last; the others lead back to theirs."""

    _esm = script("widgets/common.js", "widgets/history.js")
    _css = _CSS
    _content = traitlets.Any({"names": [], "lengths": [], "blob": b""}).tag(sync=True)

    def __init__(self, on_walk: Callable[[int], None]) -> None:
        super().__init__()
        self._on_walk = on_walk
        self.on_msg(self._receive)

    def show(self, steps: Sequence[tuple[str, bytes]]) -> None:
        """Show the steps, each a name and a JPEG."""
        self._content = {
            "names": [name for name, _ in steps],
            "lengths": [len(thumbnail) for _, thumbnail in steps],
            "blob": b"".join(thumbnail for _, thumbnail in steps),
        }

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "walk":
            self._on_walk(int(message["step"]))


class Working(anywidget.AnyWidget):
    """One line that says what is going on, how far it is, and offers to cancel it.

    It keeps its place on the page while there is nothing to say, or says `rest`.

    Traits
    ------
    rest
        What stands here while nothing goes on, such as ``"12 results"``.
    """

    _esm = script("widgets/common.js", "widgets/progress.js")
    _css = _CSS
    shown = traitlets.Bool(False).tag(sync=True)
    what = traitlets.Unicode().tag(sync=True)
    done = traitlets.Int().tag(sync=True)
    total = traitlets.Int().tag(sync=True)
    failure = traitlets.Unicode().tag(sync=True)
    rest = traitlets.Unicode().tag(sync=True)

    def __init__(self, *jobs: Job) -> None:
        super().__init__()
        self._jobs = jobs
        for job in jobs:
            job.observe(self._follow)
        self.on_msg(self._receive)
        self._follow(None)

    def _follow(self, _: object) -> None:
        shown = next((job for job in self._jobs if job.waiting), None)
        failures = [job.failure for job in self._jobs if job.failure]
        with self.hold_sync():
            if shown is not None:
                self.what, self.done, self.total = shown.what, shown.done, shown.total
            self.shown = shown is not None
            self.failure = " ".join(failures)

    def _receive(self, _: object, message: dict[str, Any], __: list[memoryview]) -> None:
        if message.get("kind") == "cancel":
            for job in self._jobs:
                job.cancel()
