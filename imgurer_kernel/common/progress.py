"""Progress of long work: a bar in terminal and notebook, silence, or a function of the caller's.

What users pass is a `ProgressOption`. Within the package every function that reports takes a
`Progress`, or None; what it raises stops the work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is (0: unknown)."""

ProgressOption = bool | Callable[[int, int], None]
"""True for a bar, False for silence, or a function that is called with (done, total)."""


@contextmanager
def reporting(progress: ProgressOption, total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Report work on files whose number is known; the bar appears at once.

    Yields
    ------
    advance
        To be called with the number of files that were done since its last call.

    Examples
    --------
    >>> with reporting(lambda done, total: print(done, "of", total), 3, "files") as advance:
    ...     advance(2)
    ...     advance(1)
    2 of 3
    3 of 3
    """
    if callable(progress):
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        yield advance
    elif progress:
        from tqdm.auto import tqdm  # costs 50 ms, so only where a bar is wanted

        with tqdm(total=total, desc=what, unit="file") as bar:
            yield bar.update
    else:
        yield lambda _count: None


@contextmanager
def staged(progress: ProgressOption) -> Iterator[Progress]:
    """Report work of several stages; a bar appears after a second only.

    Yields
    ------
    report
        A `Progress`.

    Examples
    --------
    >>> with staged(lambda done, total: print(done, "of", total)) as report:
    ...     report("comparing", 2, 3)
    2 of 3
    """
    if callable(progress):
        yield lambda _stage, done, total: progress(done, total)
    elif progress:
        from tqdm.auto import tqdm

        with tqdm(delay=1) as bar:

            def show(stage: str, done: int, total: int) -> None:
                bar.set_description(stage.capitalize(), refresh=False)
                bar.total = total or None
                bar.update(done - bar.n)

            yield show
    else:
        yield lambda _stage, _done, _total: None
