"""A lease for a catalog that no process writes: all may have it open at once."""

import os
from collections.abc import Callable
from pathlib import Path

from imgurer_kernel.store.catalog.lock.lease import Lease, Resource


class UnsharedLease(Lease[Resource]):
    """A lease without lock and queue, for a file that cannot be written (read-only disk).

    Parameters
    ----------
    acquire, dispose, timeout
        As for `Lease`.
    """

    def __init__(
        self,
        acquire: Callable[[], Resource],
        dispose: Callable[[Resource], None],
        *,
        timeout: float = 30.0,
    ) -> None:
        super().__init__(Path(os.devnull).parent, acquire, dispose, timeout=timeout)
        free = _Free()
        self._queue, self._lock = free, free  # type: ignore[assignment]


class _Free:
    """A lock and a queue that are always free."""

    path = Path(os.devnull)

    def take(self, *_: object) -> bool:
        return True

    def is_waiting(self) -> bool:
        return False

    def holder(self) -> str:
        return "another thread of this process"

    def is_closing(self) -> bool:
        return False

    def sign(self, *, closing: bool = False) -> None: ...

    def drop(self) -> None: ...
