"""Slows down who guesses passwords."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Record:
    failures: int
    last: float


class Throttle:
    """Doubles the wait with each failure of one key, from a few free tries on.

    Parameters
    ----------
    free
        Failures that cost nothing.
    longest
        Longest wait in seconds.
    clock
        Seconds that only grow, such as `time.monotonic`.
    forget
        Seconds without a failure after which all is forgotten.
    most
        Keys that are remembered; the oldest goes first.

    Examples
    --------
    >>> throttle = Throttle(free=2, longest=60, clock=lambda: 0.0)
    >>> waits = []
    >>> for _ in range(5):
    ...     throttle.failed("alice")
    ...     waits.append(throttle.wait("alice"))
    >>> waits
    [0.0, 0.0, 2.0, 4.0, 8.0]
    """

    def __init__(
        self,
        *,
        free: int,
        longest: float,
        clock: Callable[[], float],
        forget: float = 3600.0,
        most: int = 10_000,
    ) -> None:
        self._free = free
        self._longest = longest
        self._clock = clock
        self._forget = forget
        self._most = most
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Seconds until this key may try again; 0 when it may now."""
        record = self._records.get(key)
        if record is None or record.failures <= self._free:
            return 0.0
        # Beyond 2**40 s the longest wait is long reached; a float has an end.
        pause = min(self._longest, 2.0 ** min(record.failures - self._free, 40))
        return max(0.0, record.last + pause - self._clock())

    def failed(self, key: Hashable) -> None:
        """Note a failure."""
        now = self._clock()
        record = self._records.pop(key, None)
        if record is None or now - record.last > self._forget:
            record = _Record(0, now)
        record.failures += 1
        record.last = now
        self._records[key] = record
        while len(self._records) > self._most:
            self._records.popitem(last=False)

    def succeeded(self, key: Hashable) -> None:
        """Forget a key's failures."""
        self._records.pop(key, None)
