"""Keep OpenBLAS from ending the process where the system allows no more threads.

NumPy's OpenBLAS starts a thread for each core when it is loaded. If the system refuses one
(``ulimit -u``, a container's limit on processes), it interrupts the process as Ctrl-C does.
"""

import os
import sys
from threading import Event, Thread

_SETTING = "OPENBLAS_NUM_THREADS"
_MOST = 64
"""Most threads that OpenBLAS, as NumPy is built with it, starts."""
_OTHERS = 16
"""Threads that may be at work when NumPy is loaded, which is done on first use."""


def limit_blas_threads() -> None:
    """Have OpenBLAS start no threads if the system refuses them; call it before NumPy is loaded.

    Does nothing if NumPy is loaded, or the number of threads was chosen by the user.
    """
    if (
        "numpy" not in sys.modules
        and _SETTING not in os.environ
        and not can_start(_wanted() + _OTHERS)
    ):
        os.environ[_SETTING] = "1"


def can_start(number: int) -> bool:
    """Return whether so many more threads can run at once, by starting them for a moment.

    Examples
    --------
    >>> can_start(1)
    True
    """
    end, started = Event(), list[Thread]()
    try:
        for _ in range(number):
            thread = Thread(target=end.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:  # can't start new thread
        return False
    finally:
        end.set()
        for thread in started:
            thread.join()
    return True


def _wanted() -> int:
    """Return how many threads OpenBLAS starts beside the one that loads it."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = os.cpu_count() or 1 if affinity is None else len(affinity(0))
    return min(cores, _MOST) - 1
