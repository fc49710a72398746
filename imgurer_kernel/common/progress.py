"""Report progress: by a bar in terminal and notebook, not at all, or to the caller's function.

Users pass a `ProgressOption`. Within the package every function that reports takes a `Progress`, or
None; an exception that it raises stops the work. To count steps one by one, `counted` makes an
`Advance` of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]
"""Called with the stage, the number of steps done, and the total (0: unknown)."""

Advance = Callable[[int], None]
"""Called with the number of steps done since its last call."""

ProgressOption = bool | Callable[[int, int], None]
"""True for a bar, False for silence, or a function that is called with (done, total)."""


def counted(progress: Progress, stage: str, total: int) -> Advance:
    """Make a function that adds up the steps of a stage and reports the sum.

    Examples
    --------
    >>> advance = counted(print, "comparing", 3)
    >>> advance(2)
    comparing 2 3
    >>> advance(2)  # the total was an estimate
    comparing 4 4
    """
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(stage, done, max(total, done))

    return advance


@contextmanager
def reporting(progress: ProgressOption, total: int, what: str) -> Iterator[Advance]:
    """Report work on a known number of files; the bar appears immediately.

    Examples
    --------
    >>> with reporting(lambda done, total: print(done, "of", total), 3, "files") as advance:
    ...     advance(2)
    ...     advance(1)
    2 of 3
    3 of 3
    """
    with _shown(progress, desc=what, total=total, unit="file") as report:
        yield counted(report, what, total)


@contextmanager
def staged(progress: ProgressOption) -> Iterator[Progress]:
    """Report work of several stages; a bar appears only after a second.

    Examples
    --------
    >>> with staged(lambda done, total: print(done, "of", total)) as report:
    ...     report("comparing", 2, 3)
    2 of 3
    """
    with _shown(progress, delay=1) as report:
        yield report


@contextmanager
def _shown(progress: ProgressOption, **options: object) -> Iterator[Progress]:
    """Show reports according to a `ProgressOption`; `options` are those of the bar."""
    if callable(progress):
        yield lambda _stage, done, total: progress(done, total)
    elif progress:
        from tqdm.auto import tqdm  # takes 50 ms, so only if a bar is wanted

        with tqdm(**options) as bar:

            def show(stage: str, done: int, total: int) -> None:
                bar.set_description(stage.capitalize(), refresh=False)
                bar.total = total or None
                bar.update(done - bar.n)

            yield show
    else:
        yield lambda _stage, _done, _total: None
