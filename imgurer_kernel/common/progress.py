"""Progress of long work: a bar in terminal and notebook, silence, or a function of the caller's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

ProgressOption = bool | Callable[[int, int], None]
"""True for a bar, False for silence, or a function that is called with (done, total)."""


@contextmanager
def reporting(progress: ProgressOption, total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Hand out a function that is told how many steps were done since its last call.

    Examples
    --------
    >>> with reporting(lambda done, total: print(done, "of", total), 3, "files") as taken:
    ...     taken(2)
    ...     taken(1)
    2 of 3
    3 of 3
    """
    if callable(progress):
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        yield report
    elif progress:
        from tqdm.auto import tqdm  # costs 50 ms, so only where a bar is wanted

        with tqdm(total=total, desc=what, unit="file") as bar:
            yield bar.update
    else:
        yield _ignore


Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: unknown)."""


@contextmanager
def staged(progress: ProgressOption) -> Iterator[Progress]:
    """Hand out a function for work of several stages; a bar appears after a second only.

    Examples
    --------
    >>> with staged(lambda done, total: print(done, "of", total)) as report:
    ...     report("comparing", 2, 3)
    2 of 3
    """
    if callable(progress):
        yield lambda _what, done, total: progress(done, total)
    elif progress:
        from tqdm.auto import tqdm

        with tqdm(delay=1) as bar:

            def show(what: str, done: int, total: int) -> None:
                bar.set_description(what.capitalize(), refresh=False)
                bar.total = total or None
                bar.update(done - bar.n)

            yield show
    else:
        yield lambda _what, _done, _total: None


def _ignore(_count: int) -> None:
    """Take no notice of progress."""
